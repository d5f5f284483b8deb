//! `meta`: an object of the sender's own, carried untouched and never read on the way.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

use crate::limits;

/// Why a text is no [`Meta`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaError {
    /// Not a JSON object that every reader could read.
    NotAnObject,
    /// Above [`limits::META_BYTES_MAX`].
    TooLarge,
    /// Nested deeper than [`limits::META_DEPTH_MAX`].
    TooDeep,
}

impl fmt::Display for MetaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => f.write_str("'meta' must be a JSON object"),
            Self::TooLarge => write!(f, "'meta' has at most {} bytes", limits::META_BYTES_MAX),
            Self::TooDeep => write!(
                f,
                "'meta' is nested at most {} deep",
                limits::META_DEPTH_MAX
            ),
        }
    }
}

impl std::error::Error for MetaError {}

/// A JSON object without white space between its tokens, so that it fits on a line; else as it came,
/// with its digits and its order of keys.
#[derive(Clone)]
pub struct Meta(Box<RawValue>);

impl Meta {
    /// Parses an object.
    ///
    /// # Errors
    /// The rule that `json` breaks.
    pub fn parse(json: &str) -> Result<Self, MetaError> {
        // JSON first: without its white space `[1 2]` would become another, valid text.
        serde_json::from_str::<&RawValue>(json).map_err(|_| MetaError::NotAnObject)?;
        let compact = without_white_space(json);
        if !compact.starts_with('{') {
            return Err(MetaError::NotAnObject);
        }
        if compact.len() > limits::META_BYTES_MAX {
            return Err(MetaError::TooLarge);
        }
        if depth(&compact) > limits::META_DEPTH_MAX {
            return Err(MetaError::TooDeep);
        }
        // Read in full once, so that half a surrogate pair or a number out of range stops here and not in a receiver.
        serde_json::from_str::<serde_json::Value>(&compact).map_err(|_| MetaError::NotAnObject)?;
        RawValue::from_string(compact)
            .map(Self)
            .map_err(|_| MetaError::NotAnObject)
    }

    /// The object as JSON on one line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

/// Splits at string boundaries: white space in strings stays, between tokens it goes.
fn without_white_space(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        if !in_string && matches!(c, ' ' | '\t' | '\r' | '\n') {
            continue;
        }
        out.push(c);
        match c {
            '"' if !escaped => in_string = !in_string,
            _ => {}
        }
        escaped = in_string && c == '\\' && !escaped;
    }
    out
}

/// How deep objects and lists stand inside each other.
fn depth(compact: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for b in compact.bytes() {
        match b {
            b'"' if !escaped => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped = in_string && b == b'\\' && !escaped;
        deepest = deepest.max(depth);
    }
    deepest
}

impl fmt::Debug for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for Meta {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Meta {}

impl Serialize for Meta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Meta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get()).map_err(de::Error::custom)
    }
}
