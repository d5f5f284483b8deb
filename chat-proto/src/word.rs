//! Reads a value from a JSON string while the parser still stands at it, so that an error tells its place.

use std::fmt::{self, Display};

use serde::{Deserializer, de};

/// Reads a string and hands it to `parse`; `expected` is said of anything that is no string.
pub(crate) fn read<'de, D, T, E>(
    deserializer: D,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: Display,
{
    deserializer.deserialize_str(Word { expected, parse })
}

struct Word<F> {
    expected: &'static str,
    parse: F,
}

impl<T, E: Display, F: FnOnce(&str) -> Result<T, E>> de::Visitor<'_> for Word<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<Error: de::Error>(self, text: &str) -> Result<T, Error> {
        (self.parse)(text).map_err(de::Error::custom)
    }
}
