//! The clock of the measurement: time that passed since the program first asked.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

#[expect(
    clippy::disallowed_methods,
    reason = "a measurement is about the clock; only this file reads it"
)]
fn read() -> Instant {
    Instant::now()
}

static START: LazyLock<Instant> = LazyLock::new(read);

/// Time since the first call.
pub(crate) fn now() -> Duration {
    let start = *START;
    read().duration_since(start)
}
