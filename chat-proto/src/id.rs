//! Names, numbers and ids: each is parsed once at the edge, and valid ever after.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{limits, word};

/// Names that nobody can take, because commands and mentions use them as words.
pub const RESERVED_NAMES: [&str; 9] = [
    "me", "all", "here", "everyone", "channel", "current", "admin", "system", "server",
];

/// Why a text is no [`Name`]; the sentence is fit for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// Nothing, or only white space.
    Empty,
    /// More than [`limits::NAME_BYTES_MAX`] characters.
    TooLong,
    /// Does not begin with a letter or a digit.
    BadStart,
    /// Holds something else than letters, digits, `.`, `_` and `-`.
    BadCharacter,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a name must not be empty",
            Self::TooLong => "a name has at most 32 characters",
            Self::BadStart => "a name begins with a letter a-z or a digit",
            Self::BadCharacter => "a name consists of a-z, 0-9, '.', '_' and '-'",
        })
    }
}

impl std::error::Error for NameError {}

/// The handle of a person or a group: `[a-z0-9][a-z0-9._-]{0,31}`, upper case lowered.
///
/// One namespace for people and groups. A name is a key in every client's copy, so it never changes hands.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<str>);

impl Name {
    /// Parses a bare name; upper case is lowered.
    ///
    /// # Errors
    /// The rule of names that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let lowered = text.to_ascii_lowercase();
        let first = lowered.bytes().next().ok_or(NameError::Empty)?;
        if lowered.trim().is_empty() {
            return Err(NameError::Empty);
        }
        if !lowered
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        {
            return Err(NameError::BadCharacter);
        }
        if lowered.len() > limits::NAME_BYTES_MAX {
            return Err(NameError::TooLong);
        }
        if !(first.is_ascii_lowercase() || first.is_ascii_digit()) {
            return Err(NameError::BadStart);
        }
        Ok(Self(lowered.into_boxed_str()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is one of [`RESERVED_NAMES`].
    #[must_use]
    pub fn reserved(&self) -> bool {
        RESERVED_NAMES.contains(&self.as_str())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word::read(deserializer, "a name", Self::parse)
    }
}

/// What a sigil says of the address behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sigil {
    /// `@ann`: must be a person.
    Person,
    /// `#ops`: must be a group or a public topic.
    Group,
}

/// Where one publishes to, as a person writes it: `ann`, `@ann`, `ops`, `#ops`.
///
/// In frames that the server sends an address is always a bare [`Name`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic {
    /// The name behind the sigil.
    pub name: Name,
    /// The kind that the writer asked for, if any.
    pub sigil: Option<Sigil>,
}

impl Topic {
    /// Parses a name with or without a sigil.
    ///
    /// # Errors
    /// The rule of names that the part behind the sigil breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (sigil, bare) = match text.as_bytes().first() {
            Some(b'@') => (Some(Sigil::Person), &text[1..]),
            Some(b'#') => (Some(Sigil::Group), &text[1..]),
            _ => (None, text),
        };
        Ok(Self {
            name: Name::parse(bare)?,
            sigil,
        })
    }
}

impl From<Name> for Topic {
    fn from(name: Name) -> Self {
        Self { name, sigil: None }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sigil {
            Some(Sigil::Person) => write!(f, "@{}", self.name),
            Some(Sigil::Group) => write!(f, "#{}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

impl FromStr for Topic {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word::read(deserializer, "a name", Self::parse)
    }
}

macro_rules! ordinal {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The number after this one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }

            /// The number before this one; zero stays zero.
            #[must_use]
            pub const fn prev(self) -> Self {
                Self(self.0.saturating_sub(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

ordinal! {
    /// The number of a message in its conversation: 1, 2, 3 ... without gaps; 0 is "none yet".
    Seq
}
ordinal! {
    /// The number of a durable change in its conversation: 1, 2, 3 ... without gaps; what a client resumes from.
    Rev
}

/// Why a text is no id of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageIdError;

impl fmt::Display for MessageIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is 1 to 64 printable ASCII characters")
    }
}

impl std::error::Error for MessageIdError {}

/// The id that a client gives to a message or a request: 1 to 64 printable ASCII characters.
///
/// The same user and the same id are the same message for ever; that is what makes a repeat harmless.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(Box<str>);

impl MessageId {
    /// Parses an id.
    ///
    /// # Errors
    /// [`MessageIdError`] when it is empty, too long or not printable ASCII (space included).
    pub fn parse(text: &str) -> Result<Self, MessageIdError> {
        let fits = !text.is_empty() && text.len() <= limits::MESSAGE_ID_BYTES_MAX;
        if fits && text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            Ok(Self(text.into()))
        } else {
            Err(MessageIdError)
        }
    }

    /// A new id (UUIDv7, RFC 9562): unique without asking anybody, and sortable by time in an index.
    #[must_use]
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7().to_string().into_boxed_str())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for MessageId {
    type Err = MessageIdError;
    fn from_str(text: &str) -> Result<Self, MessageIdError> {
        Self::parse(text)
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word::read(deserializer, "an id", Self::parse)
    }
}

macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// A new one, random.
            #[must_use]
            pub fn generate() -> Self {
                Self(uuid::Uuid::new_v4().to_string())
            }

            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

opaque! {
    /// One log-in of one device. It holds the refresh token and may have several connections.
    SessionId
}

impl SessionId {
    /// Reads an id as a request names it. None: it is none of a session, whatever it holds.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = uuid::Uuid::try_parse(text).ok()?;
        Some(Self(id.to_string()))
    }
}

opaque! {
    /// One live socket; new at every connect.
    ConnectionId
}
opaque! {
    /// The life of a store. It changes when a store is restored from a copy, and then numbers that a client holds mean nothing.
    Epoch
}
