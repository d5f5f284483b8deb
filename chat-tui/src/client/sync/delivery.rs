//! What comes out of the machine, and what it makes of a conversation that it knows nothing of.

use chat_proto::event::Synced;
use chat_proto::{Event, Name, Rev};

/// What comes out.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivery {
    /// A change of a log, in order and once: a message, a change of members or of the group, or something of a
    /// type that this version does not know. An [`Event::Ack`] stands for one's own message that it stored.
    Log(Event),
    /// Changes that cannot be had, both ends inclusive; in the place where they would have come.
    Missing {
        /// Of which conversation.
        topic: Name,
        /// The first.
        from: Rev,
        /// The last.
        to: Rev,
    },
    /// Everything else, as it came: acks (of a publish at once, beside its place in the log), marks, presence.
    Other(Event),
    /// The end of a `sync`: from here on everything is live.
    Live(Synced),
    /// The numbers that one had belong to another store: what was kept under them means nothing.
    Reset,
}

/// What a conversation is that nothing is known of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// It begins with the first frame that is seen of it; what was before is history.
    BeginsHere,
    /// It is new: all of it is to come. For a client that was told of every conversation by [`Sync::begin`](super::Sync::begin).
    IsNew,
}
