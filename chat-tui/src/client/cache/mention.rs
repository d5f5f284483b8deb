//! Whether a text calls somebody: `@name` as a word, or one of the words that call everybody.

use chat_proto::Name;

/// Words behind an `@` that mean everybody.
const EVERYBODY: [&str; 4] = ["all", "here", "everyone", "channel"];

/// Whether `text` calls `me`.
#[must_use]
pub fn mentions(text: &str, me: &Name) -> bool {
    let mut before = None;
    for (at, c) in text.char_indices() {
        // An `@` behind a letter belongs to an address of mail.
        if c == '@' && !before.is_some_and(char::is_alphanumeric) && called(&text[at + 1..], me) {
            return true;
        }
        before = Some(c);
    }
    false
}

/// Whether the name at the beginning of `rest` means `me`; a full stop behind it may end a sentence.
fn called(rest: &str, me: &Name) -> bool {
    let inside = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
    let name = &rest[..end];
    let is = |word: &str| {
        word.eq_ignore_ascii_case(me.as_str())
            || EVERYBODY.iter().any(|all| word.eq_ignore_ascii_case(all))
    };
    is(name) || is(name.trim_end_matches(['.', '_', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_is_a_whole_word() {
        let me = Name::parse("ann").expect("a name");
        for text in [
            "@ann",
            "hi @Ann!",
            "(@ANN)",
            "ask @ann.",
            "@here",
            "so,@all: now",
            "@ann's",
        ] {
            assert!(mentions(text, &me), "{text}");
        }
        for text in [
            "ann",
            "@anna",
            "@ann-b",
            "mail@ann.org",
            "x@ann",
            "@ ann",
            "@annä",
            "@",
        ] {
            assert!(!mentions(text, &me), "{text}");
        }
    }
}
