//! Notices between the parts of a server, and between servers: a courtesy, never the truth.
//!
//! A bus may lose, double and reorder what it carries. Every receiver heals that by itself: changes are numbered,
//! marks only grow, presence is asked for again.

use std::sync::Arc;

use chat_proto::{Mark, Name, PresenceState, Seq, Time};

use crate::change::{Address, Change, ConversationId, UserId};
use crate::store::{Commits, Committed};

pub mod local;

/// A connection, inside this server; tells a session which notices it caused itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionTag(pub u64);

/// What one part tells the others.
#[derive(Debug, Clone)]
pub enum Notice {
    /// A conversation has a new change, and here it is.
    Change(Arc<Change>),
    /// Somebody's mark moved.
    Mark(MarkNotice),
    /// Somebody came, went or changed state.
    Presence(PresenceNotice),
    /// Somebody is typing.
    Typing(TypingNotice),
}

/// Somebody's mark moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkNotice {
    /// In which conversation.
    pub conversation: ConversationId,
    /// How that is addressed.
    pub address: Address,
    /// Whose.
    pub by: UserId,
    /// Their name.
    pub name: Name,
    /// Which mark.
    pub mark: Mark,
    /// Up to and with.
    pub seq: Seq,
    /// The connection that moved it and was answered already.
    pub caused_by: Option<ConnectionTag>,
}

/// Somebody came, went or changed state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceNotice {
    /// Who.
    pub user: UserId,
    /// Their name.
    pub name: Name,
    /// What they are now.
    pub state: PresenceState,
    /// When they were last there, if they are gone.
    pub last_seen: Option<Time>,
}

/// Somebody is typing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypingNotice {
    /// In which conversation.
    pub conversation: ConversationId,
    /// How that is addressed.
    pub address: Address,
    /// Who.
    pub by: UserId,
    /// Their name.
    pub name: Name,
}

/// Carries notices to users, wherever they are connected. Never blocks.
pub trait Bus: Send + Sync {
    /// Tells the connections of `to`.
    fn publish(&self, to: &[UserId], notice: &Notice);
    /// Whether everything published arrives, once and in order, so that nobody needs to look in the store for
    /// what was lost.
    fn reliable(&self) -> bool;
}

/// Tells the bus what was committed.
pub struct Announcer {
    bus: Arc<dyn Bus>,
}

impl Announcer {
    /// Tells `bus`.
    #[must_use]
    pub const fn new(bus: Arc<dyn Bus>) -> Self {
        Self { bus }
    }
}

impl Commits for Announcer {
    fn committed(&self, batch: &[Committed]) {
        for Committed { change, members } in batch {
            self.bus.publish(members, &Notice::Change(change.clone()));
        }
    }
}
