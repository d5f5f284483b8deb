//! What the server says: answers to a request, and events that nobody asked for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer, ser};
use serde_json::value::RawValue;

use crate::error::{ErrorCode, Refusal};
use crate::id::{ConnectionId, Epoch, MessageId, Name, Rev, Seq, SessionId};
use crate::message::{Conversation, Message, Presence, PresenceState, Role, UserRef};
use crate::time::Time;

/// A frame of the server.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The greeting: who one is, and what holds here.
    Welcome(Welcome),
    /// The request is done; of a publish: the message is on disk.
    Ack(Ack),
    /// A message.
    Message(Message),
    /// A page of messages.
    History(HistoryPage),
    /// A page of changes.
    Changes(ChangesPage),
    /// What a `sync` leaves out.
    Gap(Gap),
    /// The marks of a conversation, after its part of a `sync`.
    Marks(Marks),
    /// The end of a `sync`.
    Synced(Synced),
    /// Somebody read up to a number.
    Read(MarkMoved),
    /// A device of somebody has up to a number.
    Delivered(MarkMoved),
    /// Somebody came, went or changed state.
    Presence(PresenceChanged),
    /// The answer to a question for presence.
    #[serde(rename = "presence")]
    PresenceList(PresenceList),
    /// Somebody is typing.
    Typing(Typing),
    /// Somebody became a member.
    Join(Membership),
    /// Somebody is a member no more.
    Leave(Membership),
    /// A group changed.
    Group(GroupChanged),
    /// The answer to a ping.
    Pong(Pong),
    /// A refusal.
    Error(ErrorFrame),
    /// The server is about to close this connection; it says when to come back.
    GoingAway(GoingAway),
    /// A type that this version does not know; its place in the log counts all the same.
    #[serde(untagged)]
    Unknown(UnknownEvent),
}

impl Event {
    /// The change of a conversation's log that this frame is, if it is one: where, and which.
    #[must_use]
    pub const fn log_place(&self) -> Option<(&Name, Rev)> {
        match self {
            Self::Message(m) => Some((&m.topic, m.rev)),
            Self::Join(m) | Self::Leave(m) => Some((&m.topic, m.rev)),
            Self::Group(g) => Some((&g.topic, g.rev)),
            Self::Unknown(UnknownEvent {
                topic: Some(topic),
                rev: Some(rev),
                ..
            }) => Some((topic, *rev)),
            _ => None,
        }
    }

    /// The id of the request that this frame answers.
    #[must_use]
    pub const fn answers(&self) -> Option<&MessageId> {
        match self {
            Self::Ack(a) => a.id.as_ref(),
            Self::History(p) => p.id.as_ref(),
            Self::Changes(p) => p.id.as_ref(),
            Self::Synced(s) => s.id.as_ref(),
            Self::PresenceList(p) => p.id.as_ref(),
            Self::Pong(p) => p.id.as_ref(),
            Self::Error(e) => e.id.as_ref(),
            _ => None,
        }
    }
}

/// Limits that a client needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of a text.
    pub text_bytes: usize,
    /// Messages a second, sustained; 0 is without limit.
    pub send_rate: f64,
    /// Messages at once.
    pub send_burst: u32,
    /// Messages of one topic in a `sync`.
    pub sync_messages: u64,
    /// Members up to which marks are told.
    pub receipt_members: usize,
}

/// The greeting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// This connection, new at every connect.
    pub connection: ConnectionId,
    /// The session that it belongs to.
    pub session: SessionId,
    /// Who one is.
    pub user: UserRef,
    /// The version of the protocol.
    pub protocol: u32,
    /// The life of the store.
    pub epoch: Epoch,
    /// What holds here.
    pub limits: Limits,
    /// Seconds between pings.
    pub heartbeat_s: u64,
}

/// The request is done. Which fields are there depends on what was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The request's id; of a publish the message's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// The address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Name>,
    /// The number of the message; of a mark where it now is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// The change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rev: Option<Rev>,
    /// When the server stored it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Time>,
    /// Whether it was stored before, by an earlier send with the same id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dup: bool,
}

/// A page of messages, ascending, as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryPage {
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// The address.
    pub topic: Name,
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether there are more in the direction asked.
    pub more: bool,
}

/// A page of changes, ascending.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangesPage {
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// The address.
    pub topic: Name,
    /// The frames of the log.
    #[serde(deserialize_with = "crate::codec::log_frames")]
    pub frames: Vec<Event>,
    /// Whether there are more above.
    pub more: bool,
}

/// What a `sync` leaves out; both ends inclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Of which conversation.
    pub topic: Name,
    /// The first change left out.
    pub from_rev: Rev,
    /// The last change left out.
    pub to_rev: Rev,
    /// The first message left out.
    pub from: Seq,
    /// The last message left out; below `from` where the gap holds no message.
    pub to: Seq,
}

/// The marks of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// Of which conversation.
    pub topic: Name,
    /// One's own.
    pub read_seq: Seq,
    /// Of the others, where they are told.
    #[serde(default)]
    pub read: BTreeMap<Name, Seq>,
    /// Of the others, where they are told.
    #[serde(default)]
    pub delivered: BTreeMap<Name, Seq>,
}

/// The end of a `sync`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// The latest conversations, ranked by last chat.
    pub conversations: Vec<Conversation>,
    /// Whether there are more than these.
    pub more: bool,
    /// Whether the numbers that the client sent came from another store.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
}

/// A mark of somebody moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkMoved {
    /// In which conversation.
    pub topic: Name,
    /// Up to and with.
    pub seq: Seq,
    /// Whose.
    pub by: Name,
}

/// Somebody came, went or changed state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceChanged {
    /// Who.
    pub name: Name,
    /// What they are now.
    pub state: PresenceState,
    /// When the last foreground connection went.
    #[serde(default)]
    pub last_seen: Option<Time>,
}

/// The answer to a question for presence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceList {
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// In the order asked.
    pub users: Vec<Presence>,
}

/// Somebody is typing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// In which conversation.
    pub topic: Name,
    /// Who.
    pub by: Name,
}

/// A change of the members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Of which group.
    pub topic: Name,
    /// Who came or went.
    pub name: Name,
    /// The change.
    pub rev: Rev,
}

/// A change of the group itself; only what changed is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupChanged {
    /// Which group.
    pub topic: Name,
    /// The change.
    pub rev: Rev,
    /// The title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Roles that changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<Name, Role>,
    /// Whether it is archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
}

/// The answer to a ping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
}

/// A refusal, as a frame and as the body of an HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorFrame {
    /// The request's id, wherever it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// What a program decides by.
    pub code: ErrorCode,
    /// What a person reads.
    pub message: String,
    /// When it is worth trying again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ErrorFrame {
    /// The frame that tells a refusal of the request `id`.
    #[must_use]
    pub fn new(id: Option<MessageId>, refusal: Refusal) -> Self {
        let Refusal {
            code,
            message,
            retry_after_ms,
        } = refusal;
        Self {
            id,
            code,
            message,
            retry_after_ms,
        }
    }

    /// The refusal without its request.
    #[must_use]
    pub fn into_refusal(self) -> Refusal {
        Refusal {
            code: self.code,
            message: self.message,
            retry_after_ms: self.retry_after_ms,
        }
    }
}

/// The server is about to close this connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoingAway {
    /// Why, in a word: `restart`, `drain`.
    #[serde(default)]
    pub reason: String,
    /// When to come back, at the earliest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// A frame of a type that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEvent {
    /// Its type.
    pub kind: String,
    /// The conversation that it belongs to.
    pub topic: Option<Name>,
    /// Its place in the log.
    pub rev: Option<Rev>,
    /// The frame as it came.
    pub json: String,
}

impl Serialize for UnknownEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.json.clone())
            .map_err(ser::Error::custom)?
            .serialize(serializer)
    }
}
