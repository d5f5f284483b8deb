//! Whether the store is away, told to the operator once when it goes and once when it is back: while it is away every
//! client that tries again would write a line, and a disk may be what it lacks.

use std::sync::atomic::{AtomicBool, Ordering};

use metrics::counter;

use crate::metrics::STORE_AWAY;

/// Whether the last that was heard of it is that it is away. One for the process, as the log is.
static AWAY: AtomicBool = AtomicBool::new(false);

/// A call failed because the store is away.
pub fn away(why: &str) {
    counter!(STORE_AWAY).increment(1);
    if AWAY.swap(true, Ordering::Relaxed) {
        tracing::debug!(why, "the store is away");
    } else {
        tracing::warn!(
            why,
            "the store is away: what is sent meanwhile is answered with unavailable"
        );
    }
}

/// A call that stores something came to its end.
pub fn there() {
    // Mostly a read of what is false, for every message.
    if AWAY.load(Ordering::Relaxed) && AWAY.swap(false, Ordering::Relaxed) {
        tracing::info!("the store is there again");
    }
}
