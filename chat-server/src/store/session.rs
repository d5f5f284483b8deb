//! The life of a session: how it begins, what a presented refresh token does to it, what else stands for it at the door.

use chat_proto::{SessionId, Time};

use crate::change::UserId;

/// A log-in of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The device's name.
    pub device: String,
    /// When it logged in.
    pub created_at: Time,
    /// When it was last seen.
    pub last_seen: Time,
    /// How often its refresh token was rotated: the number of the one that is good, from 1.
    pub generation: u64,
    /// When that one was made.
    pub rotated_at: Time,
}

/// A key that signs tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its id, told in each token (`kid`).
    pub kid: String,
    /// 32 random bytes.
    pub secret: [u8; 32],
    /// When it was made. The newest signs; older ones only verify.
    pub created_at: Time,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("secret", &"[hidden]")
            .finish_non_exhaustive()
    }
}

/// SHA-256 of a ticket: the ticket itself is nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TicketHash(pub [u8; 32]);

/// A ticket that stands for a session, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTicket {
    /// What it hashes to.
    pub hash: TicketHash,
    /// The session that it is made for.
    pub session: SessionId,
    /// When it is made.
    pub now: Time,
    /// When it ends.
    pub ends_at: Time,
}

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
