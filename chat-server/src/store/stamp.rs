//! When a message counts as sent: by the clock, but later than what was sent before, so that times rank conversations.
//!
//! The list of conversations is asked for page by page, and a page goes on before a time. So it must be ranked by that
//! time and by nothing else: ranked by places, a page would lose what stands below its end with a later time, as it does
//! where the clocks of two nodes differ or one stepped back. And so that a clock that steps back ranks nobody who speaks
//! later below, the times of one store ascend: they go on from the latest by microseconds until the clock is there again.

use chat_proto::Time;

/// A clock that was further ahead was wrong, and is believed from then on. What was said until then ranks first for as
/// long as it was ahead; the other way all would be given its wrong time for as long.
const AHEAD_MAX_S: i64 = 60;

/// Gives times. One for all who write in a process.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    latest: Time,
}

impl Stamps {
    /// That goes on from the latest time of a store.
    pub(super) const fn after(latest: Time) -> Self {
        Self { latest }
    }

    /// The time of a message that is stored now. `last` is that of the message before it in its conversation, which
    /// another node may have given.
    pub(super) fn next(&mut self, now: Time, last: Time) -> Time {
        let believed = |time: &Time| *time <= now.plus_seconds(AHEAD_MAX_S);
        let before = [self.latest, last].into_iter().filter(believed).max();
        let next = before.map(|before| Time::from_micros(before.micros() + 1));
        self.latest = next.map_or(now, |next| next.max(now));
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p01_times_ascend_where_the_clock_steps_back_and_are_believed_where_it_was_wrong() {
        let at = |micros: i64| Time::from_micros(1_790_000_000_000_000 + micros);
        let mut stamps = Stamps::default();
        let none = Time::default();
        assert_eq!(stamps.next(at(50), none), at(50));
        assert_eq!(stamps.next(at(50), none), at(51));
        assert_eq!(stamps.next(at(10), none), at(52));
        assert_eq!(stamps.next(at(53), at(99)), at(100), "another node's");
        assert_eq!(stamps.next(at(60), none), at(101));
        assert_eq!(stamps.next(at(500), none), at(500));

        let year = 365 * 24 * 3600 * 1_000_000;
        assert_eq!(stamps.next(at(501), at(year)), at(501));
        assert_eq!(stamps.next(at(-year), at(501)), at(-year));
        assert_eq!(stamps.next(at(-year), none), at(1 - year));
        assert_eq!(Stamps::after(at(7)).next(at(1), none), at(8));
    }
}
