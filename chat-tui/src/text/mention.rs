//! Whether a text calls somebody: `@name` as a word, or one of the words that call everybody.

use std::ops::Range;

use chat_proto::Name;

/// Words behind an `@` that mean everybody.
const EVERYBODY: [&str; 4] = ["all", "here", "everyone", "channel"];

/// Whether `text` calls `me`.
#[must_use]
pub fn mentions(text: &str, me: &Name) -> bool {
    calls(text, me).next().is_some()
}

/// Where `text` calls `me`: the `@` and the word behind it.
pub fn calls<'a>(text: &'a str, me: &'a Name) -> impl Iterator<Item = Range<usize>> + 'a {
    text.match_indices('@').filter_map(move |(at, _)| {
        // An `@` behind a letter belongs to an address of mail.
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || "@._-".contains(c)) {
            return None;
        }
        called(&text[at + 1..], me).map(|length| at..at + 1 + length)
    })
}

/// How long the name at the beginning of `rest` is, if it means `me`. A name may end in a full stop, but in a sentence
/// the stop is the sentence's.
fn called(rest: &str, me: &Name) -> Option<usize> {
    let inside = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let name = &rest[..rest.find(|c| !inside(c)).unwrap_or(rest.len())];
    let is = |word: &&str| {
        word.eq_ignore_ascii_case(me.as_str())
            || EVERYBODY.iter().any(|all| word.eq_ignore_ascii_case(all))
    };
    let words = [name, name.trim_end_matches(['.', '_', '-'])];
    words.into_iter().find(is).map(str::len)
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
