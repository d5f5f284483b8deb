//! What a conversation is made of: messages, marks, people and the list of conversations.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{MessageId, Name, Rev, Seq};
use crate::limits;
use crate::meta::Meta;
use crate::time::Time;
use crate::word;

/// A user as others see one: a handle and a name to show. Nothing internal, and no address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UserRef {
    /// The handle.
    pub name: Name,
    /// What is shown beside it.
    pub display_name: String,
}

/// What a message is. A kind that a program does not know shows its `text`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Words.
    #[default]
    Text,
    /// A piece of code; `lang` says in which language.
    Code,
    /// A file; `file` says which.
    File,
    /// A kind of a later version or of a program's own.
    Other(Box<str>),
}

impl Kind {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text => "text",
            Self::Code => "code",
            Self::File => "file",
            Self::Other(word) => word,
        }
    }

    /// Parses the word: 1 to 32 characters of `a-z`, `0-9`, `.`, `_`, `-`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let fits = (1..=limits::KIND_BYTES_MAX).contains(&word.len());
        let plain = word
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
        match word {
            "text" => Some(Self::Text),
            "code" => Some(Self::Code),
            "file" => Some(Self::File),
            _ if fits && plain => Some(Self::Other(word.into())),
            _ => None,
        }
    }

    /// Whether this is the kind that frames leave out.
    #[must_use]
    pub fn plain(&self) -> bool {
        *self == Self::Text
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word::read(deserializer, "a kind", |text| {
            Self::parse(text).ok_or("a kind is 1 to 32 characters of a-z, 0-9, '.', '_' and '-'")
        })
    }
}

/// A file that a message carries; its bytes travel by HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// The server's id of the upload.
    pub id: String,
    /// The name to show and to save under.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its media type, such as `image/png`.
    pub media_type: String,
}

/// What the writer of a message decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// What it is.
    pub kind: Kind,
    /// The words; for other kinds what a simple client shows.
    pub text: String,
    /// The language of a piece of code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// The message of the same conversation that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
    /// The root of the thread, in the same conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<Seq>,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileRef>,
    /// The sender's own data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

impl Body {
    /// Plain words.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}

/// Who reacted with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// The handles, in the order in which they reacted.
    pub by: Vec<Name>,
}

/// A message as it is at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The address to answer at.
    pub topic: Name,
    /// Its number among the messages.
    pub seq: Seq,
    /// Its number among the changes.
    pub rev: Rev,
    /// The id that its sender gave it.
    pub id: MessageId,
    /// Who wrote it.
    pub from: UserRef,
    /// When the server stored it.
    pub sent_at: Time,
    /// What it is; left out for text.
    #[serde(default, skip_serializing_if = "Kind::plain")]
    pub kind: Kind,
    /// The words.
    #[serde(default)]
    pub text: String,
    /// The language of a piece of code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// The message that this one answers.
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
    /// When it was last edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Time>,
    /// Whether it was deleted: it keeps its number, and its text is empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The reactions to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
}

/// Which of the two marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// A device has it.
    Delivered,
    /// A person saw it; implies delivered.
    Read,
}

/// Whether somebody is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceState {
    /// With a foreground connection.
    Online,
    /// Connected, and said to be away.
    Away,
    /// Connected, and not to be disturbed.
    Dnd,
    /// Without a foreground connection.
    #[default]
    #[serde(other)]
    Offline,
}

/// A status text that its owner set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The text.
    pub text: String,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// Whether somebody is there, since when not, and what they say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Who.
    pub name: Name,
    /// Online, away, dnd, offline.
    pub state: PresenceState,
    /// When the last foreground connection went; absent while online, and for who was never there.
    #[serde(default)]
    pub last_seen: Option<Time>,
    /// The status text, if any.
    #[serde(default)]
    pub status: Option<Status>,
}

/// The kind of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// Of two people (or of one: a notebook).
    Direct,
    /// Private: members add members.
    Group,
    /// Public: anyone subscribes.
    Public,
}

/// A line of the list of conversations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
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
    /// The last change.
    pub rev: Rev,
    /// Messages of others above the mark.
    pub unread: u64,
    /// Unread messages that mention one.
    #[serde(default)]
    pub mentions: u64,
    /// The last message, if there is one that one may read.
    pub last_message: Option<Message>,
    /// Of the other, in a direct conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence: Option<Presence>,
    /// A first message of a stranger that waits for an answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub request: bool,
}

/// What a member of a group may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Owns it.
    Owner,
    /// May remove members and change it.
    Admin,
    /// Writes and adds members.
    Member,
    /// Only reads.
    ReadOnly,
}
