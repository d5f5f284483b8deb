//! What a client says: one variant per action, with named fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::id::{Epoch, MessageId, Name, Rev, Seq, Sigil, Topic};
use crate::message::{Body, FileRef, Kind, Mark, PresenceState};
use crate::meta::Meta;
use crate::time::Time;
use crate::word;

/// A frame of a client: an action, and the id that its answer is to carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Comes back in the answer. Of a publish it is the message's id.
    pub id: Option<MessageId>,
    /// What is asked.
    pub action: Action,
}

impl Request {
    /// A request whose answer carries `id`.
    #[must_use]
    pub const fn new(id: MessageId, action: Action) -> Self {
        Self {
            id: Some(id),
            action,
        }
    }
}

impl From<Action> for Request {
    fn from(action: Action) -> Self {
        Self { id: None, action }
    }
}

/// What a client may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Presents a token, as the first frame of a connection that was opened without one.
    Authenticate(Authenticate),
    /// Sends a message; answered by an ack when it is on disk.
    Publish(Publish),
    /// Makes the user a member of a public topic, on all sessions and for good; a free name becomes one.
    Subscribe(OnTopic),
    /// Ends the membership of a public topic.
    Unsubscribe(OnTopic),
    /// Moves a mark up to and with a number.
    Mark(Mark, MarkUpTo),
    /// A page of messages.
    History(History),
    /// A page of changes.
    Changes(Changes),
    /// Says what the client has, and asks for the rest.
    Sync(Sync),
    /// Sets the user's state and status text.
    Status(SetStatus),
    /// Asks who is there.
    Presence(PresenceOf),
    /// Tells that the user is typing; never answered, never stored.
    Typing(OnTopic),
    /// Asks for a pong; everything sent before it was handled when it comes.
    Ping,
}

impl Action {
    /// The word on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Authenticate(_) => "authenticate",
            Self::Publish(_) => "publish",
            Self::Subscribe(_) => "subscribe",
            Self::Unsubscribe(_) => "unsubscribe",
            Self::Mark(Mark::Delivered, _) => "delivered",
            Self::Mark(Mark::Read, _) => "read",
            Self::History(_) => "history",
            Self::Changes(_) => "changes",
            Self::Sync(_) => "sync",
            Self::Status(_) => "status",
            Self::Presence(_) => "presence",
            Self::Typing(_) => "typing",
            Self::Ping => "ping",
        }
    }
}

/// The token of a session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authenticate {
    /// An access token.
    #[serde(deserialize_with = "word::secret")]
    pub token: String,
    /// Whether the connection counts neither for presence nor for notices nor for `delivered`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub background: bool,
}

impl std::fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticate")
            .field("token", &"[hidden]")
            .field("background", &self.background)
            .finish()
    }
}

/// A message to send. `message` is accepted for `text` when read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// Where to.
    pub topic: Topic,
    /// The words.
    #[serde(alias = "message")]
    pub text: String,
    /// What it is; left out for text.
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

impl Publish {
    /// Plain words to a topic.
    pub fn text(topic: Topic, text: impl Into<String>) -> Self {
        Self::new(topic, Body::text(text))
    }

    /// A body to a topic.
    #[must_use]
    pub fn new(topic: Topic, body: Body) -> Self {
        let Body {
            kind,
            text,
            lang,
            reply_to,
            thread,
            file,
            meta,
        } = body;
        Self {
            topic,
            text,
            kind,
            lang,
            reply_to,
            thread,
            file,
            meta,
        }
    }

    /// Where to, and what.
    #[must_use]
    pub fn into_parts(self) -> (Topic, Body) {
        let Self {
            topic,
            text,
            kind,
            lang,
            reply_to,
            thread,
            file,
            meta,
        } = self;
        (
            topic,
            Body {
                kind,
                text,
                lang,
                reply_to,
                thread,
                file,
                meta,
            },
        )
    }
}

/// An action that needs nothing but a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnTopic {
    /// Which.
    pub topic: Topic,
}

/// "Up to and with".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkUpTo {
    /// In which conversation.
    pub topic: Topic,
    /// The last message that the mark covers.
    pub seq: Seq,
}

/// A page of messages: at most one of `before`, `after`, `around`; none of them means the latest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Of which conversation.
    pub topic: Topic,
    /// Messages below this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
    /// Messages above this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
    /// Messages with this number in the middle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<Seq>,
    /// How many: 1 to 1000, 50 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// A page of the log above a `rev`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Of which conversation.
    pub topic: Topic,
    /// The change that one has.
    pub after: Rev,
    /// How many: 1 to 1000, 50 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// What the client has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sync {
    /// The store that the numbers come from; with a foreign one they are ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// The last change that one has, by topic.
    #[serde(default, deserialize_with = "revs_by_topic")]
    pub topics: BTreeMap<Name, Rev>,
}

/// What a user says of being there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetStatus {
    /// Online, away or dnd; `offline` hides nobody and is refused.
    pub state: PresenceState,
    /// A text; none takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When the text ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// Whose presence is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceOf {
    /// The names; of those that one may not see, offline is answered.
    #[serde(deserialize_with = "people")]
    pub names: Vec<Name>,
}

/// Keys may carry a sigil. Where two become one name the smaller number holds: then frames come twice, but never not at all.
fn revs_by_topic<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Name, Rev>, D::Error> {
    let written = BTreeMap::<String, Rev>::deserialize(deserializer)?;
    let mut revs = BTreeMap::new();
    for (key, rev) in written {
        let topic = Topic::parse(&key)
            .map_err(|error| de::Error::custom(format_args!("a key of 'topics': {error}")))?;
        revs.entry(topic.name)
            .and_modify(|known: &mut Rev| *known = rev.min(*known))
            .or_insert(rev);
    }
    Ok(revs)
}

/// The name of a person, also as `@ann`; only people are present, so `#ops` does not fit.
struct Person(Name);

impl<'de> Deserialize<'de> for Person {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word::read(deserializer, "a name", |text| {
            match Topic::parse(text).map_err(|error| error.to_string())? {
                Topic {
                    sigil: Some(Sigil::Group),
                    ..
                } => Err("only people are present, not groups".to_owned()),
                Topic { name, .. } => Ok(Self(name)),
            }
        })
    }
}

fn people<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Name>, D::Error> {
    let people = Vec::<Person>::deserialize(deserializer)?;
    Ok(people.into_iter().map(|Person(name)| name).collect())
}
