//! The deadlines of a connection: when to ping it, when it was silent for too long, when to try the store again.

use chat_proto::limits::{HEARTBEAT_S, SILENCE_S};

use crate::clock::Millis;
use crate::limits::LOAD_RETRY_MS;

/// The deadlines of a connection.
#[derive(Debug)]
pub(crate) struct Timers {
    heard_at: Millis,
    pinged_at: Millis,
    retry_at: Option<Millis>,
}

impl Timers {
    pub(crate) const fn new(now: Millis) -> Self {
        Self {
            heard_at: now,
            pinged_at: now,
            retry_at: None,
        }
    }

    pub(crate) fn heard(&mut self, now: Millis) {
        self.heard_at = now;
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Millis {
        let beat = self.ping_at().min(self.silent_at());
        self.retry_at.map_or(beat, |retry| retry.min(beat))
    }

    /// Whether a ping is due; counts it as sent.
    pub(crate) fn take_ping(&mut self, now: Millis) -> bool {
        let due = self.ping_at() <= now;
        if due {
            self.pinged_at = now;
        }
        due
    }

    pub(crate) fn silent(&self, now: Millis) -> bool {
        self.silent_at() <= now
    }

    /// The store was away: try again in a while.
    pub(crate) fn retry(&mut self, now: Millis) {
        self.retry_at = Some(now.plus(LOAD_RETRY_MS));
    }

    pub(crate) const fn retrying(&self) -> bool {
        self.retry_at.is_some()
    }

    /// Whether the store is due; forgets it.
    pub(crate) fn take_retry(&mut self, now: Millis) -> bool {
        let due = self.retry_at.is_some_and(|at| at <= now);
        if due {
            self.retry_at = None;
        }
        due
    }

    fn ping_at(&self) -> Millis {
        self.pinged_at.plus(HEARTBEAT_S * 1000)
    }

    fn silent_at(&self) -> Millis {
        self.heard_at.plus(SILENCE_S * 1000)
    }
}
