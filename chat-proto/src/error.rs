//! What goes wrong across the wire: a closed set of codes and a sentence that a person may read.

use std::convert::Infallible;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::word;

/// The code of an error; a program decides by it, and never by the sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// No, bad, expired or revoked token: one and the same sentence for all.
    Unauthorized,
    /// Known, but not allowed.
    Forbidden,
    /// One of the two blocks the other.
    Blocked,
    /// No such thing, or a private group of which one is no member.
    NotFound,
    /// Malformed JSON, unknown action, missing or wrong field.
    Invalid,
    /// An id used for another content; a name that is taken.
    Conflict,
    /// A text, a `meta` or a frame above its limit.
    TooLarge,
    /// Against the rules for texts, names, passwords.
    Rejected,
    /// Too many; `retry_after_ms` says when it is worth trying again.
    RateLimited,
    /// The store is away: not known to be stored, repeat with the same id.
    Unavailable,
    /// Anything else; not known to be stored either. Codes that a client does not know are read as this.
    Internal,
}

impl ErrorCode {
    /// Every code, for tables and tests.
    pub const ALL: [Self; 11] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::Blocked,
        Self::NotFound,
        Self::Invalid,
        Self::Conflict,
        Self::TooLarge,
        Self::Rejected,
        Self::RateLimited,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Blocked => "blocked",
            Self::NotFound => "not_found",
            Self::Invalid => "invalid",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::Rejected => "rejected",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status that goes with the code.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::Forbidden | Self::Blocked => 403,
            Self::NotFound => 404,
            Self::Invalid => 400,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Rejected => 422,
            Self::RateLimited => 429,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }

    /// Reads the word on the wire; an unknown one is [`ErrorCode::Internal`].
    #[must_use]
    pub fn from_wire(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|code| code.as_str() == word)
            .unwrap_or(Self::Internal)
    }

    /// Whether the outcome is unknown, so that the same request with the same id is worth repeating.
    #[must_use]
    pub const fn outcome_unknown(self) -> bool {
        matches!(self, Self::Unavailable | Self::Internal)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word::read(deserializer, "a code", |text| {
            Ok::<_, Infallible>(Self::from_wire(text))
        })
    }
}

/// A refusal: what a peer is told, and all that it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What a program decides by.
    pub code: ErrorCode,
    /// What a person reads; it names the field or the rule.
    pub message: String,
    /// Milliseconds after which a repeat may succeed, with [`ErrorCode::RateLimited`].
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// A refusal with a code and a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after_ms: None,
        }
    }

    /// The one sentence for every bad token.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(
            ErrorCode::Unauthorized,
            "not authenticated: log in and present a valid token",
        )
    }

    /// Too much at once; says when to try again.
    #[must_use]
    pub fn rate_limited(retry_after_ms: u64) -> Self {
        let seconds = retry_after_ms.div_ceil(1000);
        let message = format!("too many at once, try again in {seconds} s");
        Self {
            code: ErrorCode::RateLimited,
            message,
            retry_after_ms: Some(retry_after_ms),
        }
    }

    /// The store is away.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(
            ErrorCode::Unavailable,
            "the store is away and it is not known whether this was stored: repeat it with the same id",
        )
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Refusal {}
