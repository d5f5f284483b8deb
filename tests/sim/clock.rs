//! Time in the simulated world: it passes when a move says so, and the wall clock steps when it likes.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chat_proto::Time;
use chat_server::clock::{Clock, Millis};

/// Two clocks that are set by hand.
#[derive(Debug, Default)]
pub(crate) struct SimClock {
    monotonic_ms: AtomicU64,
    wall_offset_us: AtomicI64,
}

/// 2026-11-21T08:00:00Z.
const BEGINNING_US: i64 = 1_795_248_000_000_000;

impl SimClock {
    /// Lets time pass.
    pub(crate) fn pass(&self, ms: u64) {
        self.monotonic_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Steps the wall clock.
    pub(crate) fn step_wall(&self, seconds: i64) {
        self.wall_offset_us
            .fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn wall(&self) -> Time {
        let passed_us = i64::try_from(self.monotonic_ms.load(Ordering::Relaxed))
            .unwrap_or(i64::MAX / 1_000)
            * 1_000;
        Time::from_micros(BEGINNING_US + passed_us + self.wall_offset_us.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Millis {
        Millis(self.monotonic_ms.load(Ordering::Relaxed))
    }
}
