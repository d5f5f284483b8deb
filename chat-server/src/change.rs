//! A change of a conversation's log: what the store commits, what the bus carries, what a session writes to its client.
//!
//! A change is shared by all who receive it, and encoded once for each side that sees it.

use std::sync::OnceLock;

use chat_proto::{
    Event, Message, MessageId, Name, Rev, Role, Seq, Time, UserRef, codec, event, message::Body,
};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// A user, inside the server and between nodes. Never on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub i64);

/// A conversation, inside the server and between nodes. Never on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversationId(pub i64);

/// Where a change stands in the feed over all conversations; it never orders a conversation. The default is the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The transaction that wrote it, where several write at once; else 0.
    pub transaction: i64,
    /// Its row.
    pub row: i64,
}

impl Place {
    /// The place of a row where only one writes at a time.
    #[must_use]
    pub const fn at_row(row: i64) -> Self {
        Self {
            transaction: 0,
            row,
        }
    }
}

/// How a conversation is addressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// A group or a public topic: by its name, for everybody.
    Group(Name),
    /// Two people: each addresses it by the other's name. In a notebook both are the same person.
    Direct([(UserId, Name); 2]),
}

impl Address {
    /// The address at which `viewer` answers.
    #[must_use]
    pub fn seen_by(&self, viewer: UserId) -> &Name {
        match self {
            Self::Group(name) => name,
            Self::Direct(sides) => &sides[1 - self.side(viewer)].1,
        }
    }

    /// The other person of a direct conversation; oneself in a notebook.
    #[must_use]
    pub fn peer_of(&self, viewer: UserId) -> Option<UserId> {
        match self {
            Self::Group(_) => None,
            Self::Direct(sides) => Some(sides[1 - self.side(viewer)].0),
        }
    }

    fn side(&self, viewer: UserId) -> usize {
        match self {
            Self::Direct(sides) if sides[0].0 != viewer => 1,
            _ => 0,
        }
    }
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A message was sent.
    Message {
        /// Its number among the messages.
        seq: Seq,
        /// The id that its sender gave it.
        id: MessageId,
        /// Who sent it.
        sender: UserId,
        /// The sender as others see them.
        from: UserRef,
        /// What it says.
        body: Box<Body>,
    },
    /// Somebody became a member.
    Join {
        /// Who.
        user: UserId,
        /// Their name.
        name: Name,
    },
    /// Somebody is a member no more.
    Leave {
        /// Who.
        user: UserId,
        /// Their name.
        name: Name,
    },
    /// The role of a member changed.
    Role {
        /// Whose.
        name: Name,
        /// What they may do from here on.
        role: Role,
    },
}

/// A row of the log.
#[derive(Debug)]
pub struct Change {
    /// Its place in the feed.
    pub place: Place,
    /// Its conversation.
    pub conversation: ConversationId,
    /// How that is addressed.
    pub address: Address,
    /// Its number in the conversation.
    pub rev: Rev,
    /// When the server stored it.
    pub at: Time,
    /// What changed.
    pub what: What,
    frames: [OnceLock<Utf8Bytes>; 2],
}

impl Change {
    /// A row of the log.
    #[must_use]
    pub fn new(
        place: Place,
        conversation: ConversationId,
        address: Address,
        rev: Rev,
        at: Time,
        what: What,
    ) -> Self {
        Self {
            place,
            conversation,
            address,
            rev,
            at,
            what,
            frames: [OnceLock::new(), OnceLock::new()],
        }
    }

    /// The number of the message, if the change is one.
    #[must_use]
    pub const fn seq(&self) -> Option<Seq> {
        match &self.what {
            What::Message { seq, .. } => Some(*seq),
            _ => None,
        }
    }

    /// Bytes of its text: what it costs to hold.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        match &self.what {
            What::Message { body, .. } => body.text.len(),
            _ => 0,
        }
    }

    /// Sender and id, if the change is a message.
    #[must_use]
    pub const fn origin(&self) -> Option<(UserId, &MessageId)> {
        match &self.what {
            What::Message { sender, id, .. } => Some((*sender, id)),
            _ => None,
        }
    }

    /// The change as `viewer` sees it.
    #[must_use]
    pub fn event(&self, viewer: UserId) -> Event {
        let topic = self.address.seen_by(viewer).clone();
        match &self.what {
            What::Message { .. } => match self.message(viewer) {
                Some(message) => Event::Message(message),
                None => unreachable!("the arm above says that it is a message"),
            },
            What::Join { name, .. } => Event::Join(event::Membership {
                topic,
                name: name.clone(),
                rev: self.rev,
            }),
            What::Leave { name, .. } => Event::Leave(event::Membership {
                topic,
                name: name.clone(),
                rev: self.rev,
            }),
            What::Role { name, role } => Event::Group(event::GroupChanged {
                topic,
                rev: self.rev,
                title: None,
                description: None,
                roles: [(name.clone(), *role)].into(),
                archived: None,
            }),
        }
    }

    /// The message as `viewer` sees it, if the change is one.
    #[must_use]
    pub fn message(&self, viewer: UserId) -> Option<Message> {
        let topic = self.address.seen_by(viewer).clone();
        message_of(topic, self.rev, self.at, self.what.clone())
    }

    /// The same, without a copy of its text.
    #[must_use]
    pub fn into_message(self, viewer: UserId) -> Option<Message> {
        let topic = self.address.seen_by(viewer).clone();
        message_of(topic, self.rev, self.at, self.what)
    }

    /// The frame that `viewer` receives; encoded at the first call and shared after.
    #[must_use]
    pub fn frame(&self, viewer: UserId) -> Utf8Bytes {
        let frame = || Utf8Bytes::from(codec::encode_event(&self.event(viewer)));
        self.frames[self.address.side(viewer)]
            .get_or_init(frame)
            .clone()
    }
}

fn message_of(topic: Name, rev: Rev, sent_at: Time, what: What) -> Option<Message> {
    let What::Message {
        seq,
        id,
        from,
        body,
        ..
    } = what
    else {
        return None;
    };
    let Body {
        kind,
        text,
        lang,
        reply_to,
        thread,
        file,
        meta,
    } = *body;
    Some(Message {
        topic,
        seq,
        rev,
        id,
        from,
        sent_at,
        kind,
        text,
        lang,
        reply_to,
        thread,
        file,
        meta,
        edited_at: None,
        deleted: false,
        reactions: Vec::new(),
    })
}
