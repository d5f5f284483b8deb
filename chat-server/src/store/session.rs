//! The life of a session: how it begins, and what a presented refresh token does to it.

use chat_proto::{SessionId, Time};

use super::Session;
use crate::change::UserId;

/// Seconds in which the token before the good one still gives the good one: a lost answer logs nobody out.
const GRACE_S: i64 = 60;

/// What a presented refresh token leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rotation {
    /// It was the good one: the next is made.
    Next,
    /// It was the one before: the good one is given again.
    Again,
    /// It was used long ago, or never given: somebody else has it, and the session ends.
    Theft,
}

impl Session {
    pub(super) fn begin(id: SessionId, user: UserId, device: &str, now: Time) -> Self {
        Self {
            id,
            user,
            device: device.to_owned(),
            created_at: now,
            last_seen: now,
            generation: 1,
            rotated_at: now,
        }
    }
}

pub(super) fn rotation(session: &Session, presented: u64, now: Time) -> Rotation {
    let fresh = now <= session.rotated_at.plus_seconds(GRACE_S);
    match session.generation.checked_sub(presented) {
        Some(0) => Rotation::Next,
        Some(1) if presented > 0 && fresh => Rotation::Again,
        _ => Rotation::Theft,
    }
}
