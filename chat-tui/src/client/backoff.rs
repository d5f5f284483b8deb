//! How long to wait before the next try: exponential with full jitter, so that a thousand clients that
//! lost the same server do not come back in the same moment. Pure: the caller brings time and chance.

use std::time::Duration;

use super::moment::Moment;

/// The first range that a delay is drawn from.
pub const BASE: Duration = Duration::from_millis(500);
/// No delay of a link is longer, save when the server asked for one.
pub const CAP: Duration = Duration::from_secs(30);
/// A link that held this long was a good one: the next failure starts from the beginning.
pub const STABLE: Duration = Duration::from_secs(30);
/// The longest wait that a server may ask for; a hostile one cannot send us to sleep for ever.
const HINT_MAX: Duration = Duration::from_secs(300);

/// Delays between tries.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    /// Failures in a row; the range doubles with each.
    failures: u32,
    connected_at: Option<Moment>,
    /// What the server asked for at the least, used once.
    hint: Option<Duration>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(BASE, CAP)
    }
}

impl Backoff {
    /// Starts with a range of `base`, which grows to `cap`.
    #[must_use]
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self {
            base,
            cap,
            failures: 0,
            connected_at: None,
            hint: None,
        }
    }

    /// A try succeeded. Whether the link is any good shows only when it ends.
    pub fn handle_connected(&mut self, now: Moment) {
        self.connected_at = Some(now);
        self.hint = None;
    }

    /// The server asked not to be tried again before `wait` is over.
    pub fn handle_hint(&mut self, wait: Duration) {
        self.hint = Some(wait.min(HINT_MAX));
    }

    /// A try failed or a link ended: how long to wait before the next one. `chance` is from 0 up to 1.
    pub fn next_delay(&mut self, now: Moment, chance: f64) -> Duration {
        let stable = self
            .connected_at
            .take()
            .is_some_and(|at| now.since(at) >= STABLE);
        if stable {
            self.failures = 0;
        }
        let range = self
            .base
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(self.cap);
        self.failures = self.failures.saturating_add(1);
        self.hint.take().unwrap_or_default() + range.mul_f64(chance.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_range_doubles_up_to_the_cap() {
        let mut backoff = Backoff::default();
        let delays: Vec<u64> = (0..9)
            .map(|_| backoff.next_delay(Moment(0), 1.0).as_millis() as u64)
            .collect();
        assert_eq!(
            delays,
            [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]
        );
    }

    #[test]
    fn a_stable_link_starts_over_and_a_flapping_one_does_not() {
        let mut backoff = Backoff::default();
        for _ in 0..10 {
            backoff.next_delay(Moment(0), 1.0);
        }
        backoff.handle_connected(Moment(1_000));
        assert_eq!(backoff.next_delay(Moment(1_900), 1.0), CAP);
        backoff.handle_connected(Moment(100_000));
        assert_eq!(backoff.next_delay(Moment(130_000), 1.0), BASE);
    }

    #[test]
    fn the_servers_wish_is_kept_once_and_only_within_reason() {
        let mut backoff = Backoff::default();
        backoff.handle_hint(Duration::from_secs(2));
        assert_eq!(backoff.next_delay(Moment(0), 0.0), Duration::from_secs(2));
        assert_eq!(backoff.next_delay(Moment(0), 0.0), Duration::ZERO);
        backoff.handle_hint(Duration::MAX);
        assert!(backoff.next_delay(Moment(0), 1.0) <= HINT_MAX + CAP);
    }

    proptest! {
        #[test]
        fn no_delay_passes_the_cap(chances in prop::collection::vec(0.0..1.0_f64, 1..100)) {
            let mut backoff = Backoff::default();
            for chance in chances {
                prop_assert!(backoff.next_delay(Moment(0), chance) <= CAP);
            }
        }
    }
}
