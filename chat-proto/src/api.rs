//! The bodies of the HTTP interface: what a route takes and what it gives.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::id::{MessageId, Name, Rev, Seq, SessionId, Topic};
use crate::message::{FileRef, Kind, Message, Presence, Role};
use crate::meta::Meta;
use crate::time::Time;
use crate::word;

/// A text that must not be seen: its `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word::secret(deserializer).map(Self)
    }
}

impl Secret {
    /// The text, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// `POST /v1/accounts`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewAccount {
    /// The handle; the rules are told one by one, so it is read as text.
    pub name: String,
    /// The password.
    pub password: Secret,
    /// What is shown; the name by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// For the operator alone; no other user ever sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The code of an invite, or its link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<String>,
    /// The name of the device, for the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// `POST /v1/sessions`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogIn {
    /// The handle.
    pub name: String,
    /// The password.
    pub password: Secret,
    /// The name of the device, for the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// `POST /v1/sessions/refresh`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refresh {
    /// The token of the session.
    pub refresh_token: Secret,
}

/// What a log-in gives.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoggedIn {
    /// Who one is.
    pub user: Profile,
    /// The access token (a JWT), for `Authorization: Bearer`.
    pub token: Secret,
    /// Gives the next pair; it rotates.
    pub refresh_token: Secret,
    /// Seconds that the access token is valid.
    pub expires_in: u64,
}

/// A user as users see one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The handle.
    pub name: Name,
    /// What is shown.
    pub display_name: String,
    /// `person`, `bot` or `webhook`.
    #[serde(default = "person")]
    pub kind: String,
    /// A hash of the picture.
    #[serde(default)]
    pub avatar: Option<String>,
}

fn person() -> String {
    "person".to_owned()
}

/// `GET /v1/me`: one's own profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// The handle.
    pub name: Name,
    /// What is shown.
    pub display_name: String,
    /// One's own address, as given.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether one administers the server.
    #[serde(default)]
    pub admin: bool,
    /// The session of the token.
    pub session: SessionId,
}

/// `PATCH /v1/me`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ChangeMe {
    /// What is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// A line of `GET /v1/sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Which.
    pub id: SessionId,
    /// The name of the device.
    pub device: String,
    /// When it logged in.
    pub created_at: Time,
    /// When it was last seen.
    pub last_seen: Time,
    /// Whether it is the one that asks.
    pub current: bool,
    /// Whether it has a live connection.
    pub connected: bool,
}

/// `POST /v1/ticket`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ticket {
    /// Good for one connect, for 30 seconds.
    pub ticket: Secret,
}

/// `POST /v1/messages`. `message` is accepted for `text`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewMessage {
    /// Where to.
    pub topic: Topic,
    /// The words.
    #[serde(alias = "message")]
    pub text: String,
    /// The message's id; else the header `Idempotency-Key`, else the server makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Kind::plain")]
    pub kind: Kind,
    /// The language of a piece of code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
    /// The root of its thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<Seq>,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileRef>,
    /// The sender's own data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

/// The answer to `POST /v1/messages`: the fields of an `ack`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The message's id.
    pub id: MessageId,
    /// The address.
    pub topic: Name,
    /// Its number.
    pub seq: Seq,
    /// Its change.
    pub rev: Rev,
    /// When it was stored.
    pub sent_at: Time,
    /// Whether it was stored before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dup: bool,
}

/// A page of messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Ascending.
    pub messages: Vec<Message>,
    /// Whether there are more in the direction asked.
    pub more: bool,
}

/// `POST /v1/read`, and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadUpTo {
    /// In which conversation.
    pub topic: Topic,
    /// Up to and with.
    pub seq: Seq,
}

/// A line of `GET /v1/messages/{topic}/{seq}/readers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reader {
    /// Who read it.
    pub name: Name,
    /// Up to where they have read.
    pub read_seq: Seq,
}

/// `POST /v1/groups`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewGroup {
    /// Its name; a free one is made from the title or the users by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its title; the users' names by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The members beside its creator.
    pub users: Vec<Topic>,
    /// The first message, with which it comes into being.
    pub text: String,
    /// Whether anyone may subscribe.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub public: bool,
    /// The first message's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
}

/// The answer to `POST /v1/groups`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupCreated {
    /// The group's name.
    pub topic: Name,
    /// Its title.
    pub title: String,
    /// The first message's number.
    pub seq: Seq,
    /// Its change.
    pub rev: Rev,
    /// Its id.
    pub id: MessageId,
    /// When it was stored.
    pub sent_at: Time,
    /// Whether it was there before, by an earlier request with the same id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dup: bool,
}

/// A line of `GET /v1/groups`, and `GET /v1/groups/{group}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub topic: Name,
    /// Its title.
    pub title: String,
    /// Whether anyone may subscribe.
    pub public: bool,
    /// How many are in it.
    pub members: u64,
    /// What one may do in it; absent for a public topic of which one is no member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The number of its last message.
    pub last_seq: Seq,
}

/// A line of `GET /v1/groups/{group}/users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub name: Name,
    /// What they may do.
    pub role: Role,
    /// Whether they are there.
    #[serde(default)]
    pub presence: Option<Presence>,
}
