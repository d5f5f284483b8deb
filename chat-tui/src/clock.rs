//! The only reader of time: everything else is handed a moment, a deadline or a wall clock reading.

#![allow(
    clippy::disallowed_methods,
    reason = "this is the clock that the rest of the crate is handed"
)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chat_proto::Time;
use jiff::tz::TimeZone;

use crate::client::moment::Moment;

/// A point of the monotonic clock by which a wait ends.
pub type Deadline = tokio::time::Instant;

/// Longest wait that can be asked for; keeps the sum with the clock in range.
const WAIT_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The deadline that is `wait` away.
#[must_use]
pub fn deadline_in(wait: Duration) -> Deadline {
    Deadline::now() + wait.min(WAIT_MAX)
}

/// What is left until a deadline.
#[must_use]
pub fn time_left(deadline: Deadline) -> Duration {
    deadline.saturating_duration_since(Deadline::now())
}

/// The wall clock, for what people read and for the expiry of tokens; never for order.
#[must_use]
pub fn wall() -> Time {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// The time zone of this machine.
///
/// The system's own file is read where it says it all: to find a zone by its name, the library lists all there are,
/// which takes a millisecond and many more on a cold disk.
#[must_use]
pub fn zone() -> TimeZone {
    let local = || {
        let file = std::fs::read("/etc/localtime").ok()?;
        TimeZone::tzif("Local", &file).ok()
    };
    match std::env::var_os("TZ") {
        Some(_) => TimeZone::system(),
        None => local().unwrap_or_else(TimeZone::system),
    }
}

/// Counts milliseconds from its making; what the pure machines take as `now`.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch {
    start: Deadline,
}

impl Stopwatch {
    /// Starts at zero.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Deadline::now(),
        }
    }

    /// How far it is.
    #[must_use]
    pub fn now(&self) -> Moment {
        let passed = Deadline::now().saturating_duration_since(self.start);
        Moment(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX))
    }

    /// When it will be at `moment`.
    #[must_use]
    pub fn deadline(&self, moment: Moment) -> Deadline {
        self.start + Duration::from_millis(moment.0).min(WAIT_MAX)
    }
}
