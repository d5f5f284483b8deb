//! Reads a value from a JSON string while the parser still stands at it, so that an error tells its place.

use std::convert::Infallible;
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

/// Reads a text that must not be seen, also not in an error.
pub(crate) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    // Asked for a string, the parser itself would complain of a number and repeat it.
    deserializer.deserialize_any(Word {
        expected: "a secret",
        parse: |text: &str| Ok::<_, Infallible>(text.to_owned()),
    })
}

struct Word<F> {
    expected: &'static str,
    parse: F,
}

impl<F> Word<F> {
    fn no_string<T, Error: de::Error>(&self) -> Result<T, Error> {
        Err(Error::custom(format_args!(
            "{} must be a string",
            self.expected
        )))
    }
}

impl<T, E: Display, F: FnOnce(&str) -> Result<T, E>> de::Visitor<'_> for Word<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    // What came instead of a string may be a secret all the same, so it is not repeated.

    fn visit_i64<Error: de::Error>(self, _: i64) -> Result<T, Error> {
        self.no_string()
    }

    fn visit_u64<Error: de::Error>(self, _: u64) -> Result<T, Error> {
        self.no_string()
    }

    fn visit_f64<Error: de::Error>(self, _: f64) -> Result<T, Error> {
        self.no_string()
    }

    fn visit_str<Error: de::Error>(self, text: &str) -> Result<T, Error> {
        (self.parse)(text).map_err(de::Error::custom)
    }
}
