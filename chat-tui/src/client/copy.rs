//! What the local copy tells of conversations and their logs: values, fit to be shown.

use std::collections::BTreeMap;

use chat_proto::{ConversationKind, Event, Mark, Message, Name, Rev, Seq, Time};

/// A conversation as the list shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The address to answer at.
    pub topic: Name,
    /// What is shown: a display name or a group's title.
    pub title: String,
    /// Direct, group, public.
    pub kind: ConversationKind,
    /// The lowest number that one may read.
    pub first_seq: Seq,
    /// The number of the last message; 0 without one.
    pub last_seq: Seq,
    /// Up to where one has read.
    pub read_seq: Seq,
    /// Messages of others above the mark.
    pub unread: u64,
    /// Those of them that mention one.
    pub mentions: u64,
    /// The last message, where the copy has it.
    pub last_message: Option<Message>,
    /// Up to where the others have read, by name.
    pub read: BTreeMap<Name, Seq>,
    /// Up to where a device of the others has it, by name.
    pub delivered: BTreeMap<Name, Seq>,
}

impl Line {
    /// A conversation without a message.
    #[must_use]
    pub fn new(topic: Name, kind: ConversationKind) -> Self {
        Self {
            title: topic.to_string(),
            topic,
            kind,
            first_seq: Seq(1),
            last_seq: Seq(0),
            read_seq: Seq(0),
            unread: 0,
            mentions: 0,
            last_message: None,
            read: BTreeMap::new(),
            delivered: BTreeMap::new(),
        }
    }

    /// When there was last a message.
    #[must_use]
    pub fn chatted_at(&self) -> Option<Time> {
        self.last_message.as_ref().map(|message| message.sent_at)
    }

    /// Somebody else is at least there.
    pub fn put_mark(&mut self, name: &Name, mark: Mark, seq: Seq) {
        let delivered = self.delivered.entry(name.clone()).or_default();
        *delivered = seq.max(*delivered);
        if mark == Mark::Read {
            let read = self.read.entry(name.clone()).or_default();
            *read = seq.max(*read);
        }
    }

    /// `@` for people, `#` for groups.
    #[must_use]
    pub const fn sigil(&self) -> char {
        match self.kind {
            ConversationKind::Direct => '@',
            ConversationKind::Group | ConversationKind::Public => '#',
        }
    }
}

/// Something that stands in a conversation's log.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A message.
    Message(Message),
    /// [`Event::Join`], [`Event::Leave`] or [`Event::Group`].
    Change(Event),
}

impl Entry {
    /// Its place in the log.
    #[must_use]
    pub fn rev(&self) -> Rev {
        match self {
            Self::Message(message) => message.rev,
            Self::Change(event) => event.log_place().map_or(Rev(0), |(_, rev)| rev),
        }
    }

    /// Its number, if it is a message.
    #[must_use]
    pub const fn seq(&self) -> Option<Seq> {
        match self {
            Self::Message(message) => Some(message.seq),
            Self::Change(_) => None,
        }
    }
}
