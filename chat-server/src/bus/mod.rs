//! Notices between the parts of a server, and between servers: a courtesy, never the truth.
//!
//! A bus may lose, double and reorder what it carries. Every receiver heals that by itself: changes are numbered,
//! marks only grow, presence is asked for again.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use chat_proto::{Epoch, Mark, Name, PresenceState, Rev, Seq, SessionId, Time};
use serde::{Deserialize, Serialize};

use crate::change::{Address, Change, ConversationId, UserId};
use crate::nodes::Word;
use crate::store::{Commits, Committed};

mod again;
mod carrier;
mod fanout;
mod inquiry;
mod interests;
pub mod local;
pub mod nats;
mod order;
mod recent;
pub mod redis;
pub mod remote;
pub mod wire;

/// A connection, inside this node; tells a session which notices it caused itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionTag(pub u64);

/// What one part tells the others.
#[derive(Debug, Clone)]
pub enum Notice {
    /// A conversation has a new change, and here it is.
    Change(Arc<Change>),
    /// Somebody's mark moved.
    Mark(MarkNotice),
    /// Somebody came, went or changed state. Of that every node tells its own connections, so it never travels.
    Presence(PresenceNotice),
    /// Somebody is typing.
    Typing(TypingNotice),
    /// A conversation goes up to here: what of it was not told is in the store.
    Head(ConversationId, Rev),
    /// A log-in of the user ended: its connections close.
    SessionEnded(SessionId),
}

/// Somebody's mark moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The connection that moved it and was answered already; means something on its own node alone.
    #[serde(skip)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// How well other nodes are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// There is one node.
    Alone,
    /// The bus is there.
    Up,
    /// The bus is away: what is published is lost, and found in the store.
    Away,
}

/// Why a bus cannot be used as it was configured; a sentence for the operator, without any secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bus: {0}")]
pub struct BusError(pub String);

/// Carries notices to users, wherever they are connected. Never blocks.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Begins to carry, between nodes whose store has this life: two clusters on one bus do not hear each other. A bus that
    /// is away is no error; it is used when it is there.
    ///
    /// # Errors
    /// What is configured can never work.
    async fn start(&self, life: &Epoch) -> Result<(), BusError>;
    /// Tells the connections of `to`.
    fn publish(&self, to: Arc<[UserId]>, notice: &Notice);
    /// Tells the connections of `to` that are here, and nobody elsewhere.
    fn offer_here(&self, to: &[UserId], notice: &Notice);
    /// Says something to all other nodes.
    fn say(&self, word: &Word);
    /// Sees to it that what is published to a user comes here, as long as what it returns is kept. Waits a moment, and no
    /// longer, until that is so.
    async fn attend(&self, user: UserId) -> Interest;
    /// Which sessions of a user have a connection on other nodes, as far as these answer within a moment.
    async fn elsewhere(&self, user: UserId) -> HashSet<SessionId>;
    /// Whether everything published arrives, once and in order, so that nobody needs to look in the store for
    /// what was lost.
    fn reliable(&self) -> bool;
    /// How well other nodes are reached at this moment.
    fn reach(&self) -> Reach;
    /// Lets go of the bus, after what waits has left.
    async fn stop(&self);
}

/// What is published to a user comes here until this is dropped.
#[must_use]
pub struct Interest(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Interest {
    /// Where everything comes anyway.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Calls `end` when it is dropped.
    pub fn until(end: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(end)))
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
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
            self.bus
                .publish(Arc::clone(members), &Notice::Change(change.clone()));
        }
    }
}
