//! The agent: one task that keeps the local copy in step with the server and empties the outbox. Whatever shows
//! the chat asks it ([`Ask`]) and is told by it ([`News`]); it needs neither socket nor file itself.

mod apply;
mod asks;
mod bounds;
mod errands;
mod keep;
mod marks;
mod membership;
mod run;
#[cfg(test)]
mod tests;
mod unkept;

use std::collections::BTreeMap;
use std::time::Duration;

use chat_proto::api::{Group, Member, Profile};
use chat_proto::{MessageId, Name, Presence, Seq, UserRef};

pub use self::keep::NoCopy;
pub use self::run::{Agent, Tell};
use super::copy::{Entry, Line};
use super::outbox::Letter;

/// Conversations of the first list.
pub const LINES_FIRST: usize = 15;
/// Messages of one page.
pub const PAGE_ENTRIES: usize = 200;

/// What a front end wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Shows a conversation: answered by [`News::Opened`], at once and from the copy.
    Open(Name),
    /// Messages that are not loaded, those next to `near` first: answered by [`News::Filled`].
    Fill {
        /// Of which conversation.
        topic: Name,
        /// The first that is missing.
        from: Seq,
        /// The last that is missing.
        to: Seq,
        /// From which end.
        near: Near,
    },
    /// Queues a letter and sends it as soon as that is possible; the draft of its topic is done with.
    Send(Box<Letter>),
    /// Tries a failed letter again, or sends one that asks.
    Retry(MessageId),
    /// Drops a letter that was not stored.
    Discard(MessageId),
    /// A person saw everything up to and with this number.
    Read(Name, Seq),
    /// Keeps what is being written; an empty text forgets it.
    Draft(Name, String),
    /// A person is writing there.
    Typing(Name),
    /// People whose name is like this: answered by [`News::People`].
    People(String),
    /// Who is in a group: answered by [`News::Members`].
    Members(Name),
    /// The groups one is in, and public ones: answered by [`News::Groups`].
    Groups,
    /// More of the list: answered by [`News::Lines`].
    MoreLines,
    /// Becomes a member of a public topic, or makes one.
    Join(Name),
    /// Is a member no more.
    Leave(Name),
    /// Does not wait for the next try to connect.
    Reconnect,
}

/// An end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Near {
    /// The lower numbers.
    Start,
    /// The higher numbers.
    End,
}

/// How the link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// On its way, for the first time.
    Connecting,
    /// Connected, and the list of what was missed is on its way.
    Syncing,
    /// Connected, and told of everything at once; what was missed may still be on its way in a conversation.
    Live,
    /// Not connected.
    Down {
        /// Why, for a person.
        why: String,
        /// So long after this news it is tried again.
        retry_in: Duration,
    },
    /// Not connected, and no new try would help.
    Ended {
        /// Why, and what to do.
        why: String,
    },
}

/// What a front end is told.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// Who one is.
    Me(UserRef),
    /// The link changed.
    Link(LinkState),
    /// These conversations are so.
    Lines(Vec<Line>),
    /// There are conversations beyond those that were told, and how many, as far as that is known.
    Beyond(usize),
    /// The server is another one under the same address, or was restored from a copy: what was told of conversations
    /// means nothing.
    Reset,
    /// One has left this conversation.
    Gone(Name),
    /// A conversation to show: what the copy has of it, around the first unread message or the last one.
    Opened {
        /// The conversation.
        line: Line,
        /// Ascending.
        entries: Vec<Entry>,
    },
    /// What became of [`Ask::Fill`].
    Filled {
        /// Of which conversation.
        topic: Name,
        /// Ascending; empty where nothing could be had.
        entries: Vec<Entry>,
        /// Why not, where a person should know.
        failed: Option<String>,
    },
    /// Changes at the end of a log, ascending.
    Came {
        /// Of which conversation, as it is with them.
        line: Line,
        /// Ascending.
        entries: Vec<Entry>,
    },
    /// These letters are new, or are now so; the others are as they were.
    Letters(Vec<Letter>),
    /// This letter is no more: stored, discarded, or delivered by another process.
    Settled(MessageId),
    /// One became a member of this topic by one's own wish.
    Joined(Name),
    /// What was being written, by topic; once, at the start.
    Drafts(BTreeMap<Name, String>),
    /// Who is there.
    Presence(Vec<Presence>),
    /// Somebody is writing.
    Typing {
        /// Where.
        topic: Name,
        /// Who.
        by: Name,
    },
    /// The people that [`Ask::People`] asked for.
    People {
        /// What was asked.
        query: String,
        /// Who was found.
        people: Vec<Profile>,
    },
    /// Who is in a group.
    Members(Name, Vec<Member>),
    /// Groups that one is in, and public ones.
    Groups(Vec<Group>),
    /// The server wants fewer messages: the next one goes out after this time.
    Slowed(Duration),
    /// Something that a person should know, once.
    Remark(String),
}
