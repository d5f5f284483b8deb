//! Text is data: which characters a text may hold, and how one is made harmless before it is shown.
//!
//! The rules are the same on both sides: the server rejects what breaks them, and a client cleans what it
//! sends and shows ([`Safe`]). Bidirectional controls are those of Unicode UAX #9; see also "Trojan Source"
//! (CVE-2021-42574).

use std::borrow::Cow;
use std::fmt;

use crate::limits;

/// Which rule a text breaks; the sentence is fit for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextError {
    /// Nothing in it.
    Empty,
    /// More bytes than allowed.
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A control character, a bidi override or an invisible one.
    Forbidden {
        /// The character.
        character: char,
        /// Where it stands, in bytes.
        at: usize,
    },
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the text must not be empty"),
            Self::TooLarge { bytes, bytes_max } => {
                write!(f, "the text has {bytes} bytes, {bytes_max} are allowed")
            }
            Self::Forbidden { character, at } => {
                write!(
                    f,
                    "the text holds the character U+{:04X} at byte {at}, which is not allowed",
                    u32::from(*character)
                )
            }
        }
    }
}

impl std::error::Error for TextError {}

/// Checks a message's text and gives it back with `\r\n` as `\n`.
///
/// # Errors
/// The rule that it breaks: empty, above [`limits::TEXT_BYTES_MAX`] bytes, a forbidden character.
pub fn check_text(text: &str) -> Result<Cow<'_, str>, TextError> {
    if text.len() > limits::TEXT_BYTES_MAX {
        return Err(TextError::TooLarge {
            bytes: text.len(),
            bytes_max: limits::TEXT_BYTES_MAX,
        });
    }
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    let text = if text.contains("\r\n") {
        Cow::Owned(text.replace("\r\n", "\n"))
    } else {
        Cow::Borrowed(text)
    };
    match first_forbidden(&text, Lines::Many) {
        Some((at, character)) => Err(TextError::Forbidden { character, at }),
        None => Ok(text),
    }
}

/// Makes any text acceptable to [`check_text`], but for its size: forbidden characters go, line ends become `\n`.
#[must_use]
pub fn clean_text(text: &str) -> Cow<'_, str> {
    let text = if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    };
    if first_forbidden(&text, Lines::Many).is_none() {
        return text;
    }
    Cow::Owned(keep_allowed(&text, Lines::Many, |_, _| {}))
}

/// Whether a display name is one: 1 to 64 characters, none of them a control or format character.
#[must_use]
pub fn valid_display_name(name: &str) -> bool {
    valid_line(name, limits::DISPLAY_NAME_CHARS_MAX)
}

/// Whether a text is one line of 1 to `chars_max` characters that shows what it holds.
#[must_use]
pub fn valid_line(text: &str, chars_max: usize) -> bool {
    !text.trim().is_empty()
        && text.chars().count() <= chars_max
        && text.trim() == text
        && !text
            .chars()
            .any(|c| c.is_control() || format_character(c) || joiner(c))
}

/// A text made harmless: no control character, no format character but joiners inside letters or emoji.
///
/// The only text type that printers and widgets take. What is taken out is shown as `\u{..}`, so that a reader
/// sees that something was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Safe<'a>(Cow<'a, str>);

impl<'a> Safe<'a> {
    /// A text of several lines: `\n` and `\t` stay.
    #[must_use]
    pub fn lines(text: &'a str) -> Self {
        Self::new(text, Lines::Many)
    }

    /// A text on one line: `\n` and `\t` are shown as escapes too.
    #[must_use]
    pub fn line(text: &'a str) -> Self {
        Self::new(text, Lines::One)
    }

    fn new(text: &'a str, lines: Lines) -> Self {
        if first_forbidden(text, lines).is_none() {
            return Self(Cow::Borrowed(text));
        }
        Self(Cow::Owned(keep_allowed(text, lines, |out, c| {
            out.extend(c.escape_default());
        })))
    }

    /// The harmless text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lines {
    One,
    Many,
}

/// Copies what is allowed and hands the rest to `replace`.
fn keep_allowed(text: &str, lines: Lines, replace: impl Fn(&mut String, char)) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if allowed(c, at, text, lines) {
            out.push(c);
        } else {
            replace(&mut out, c);
        }
    }
    out
}

fn first_forbidden(text: &str, lines: Lines) -> Option<(usize, char)> {
    text.char_indices()
        .find(|&(at, c)| !allowed(c, at, text, lines))
}

fn allowed(c: char, at: usize, text: &str, lines: Lines) -> bool {
    match c {
        ' '..='~' => true,
        '\n' | '\t' => lines == Lines::Many,
        c if joiner(c) => joins(c, at, text),
        c => !c.is_control() && !format_character(c),
    }
}

/// Zero width joiner and non-joiner.
const fn joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// A joiner stays where it joins: between two letters (with their vowel signs) or emoji of scripts that use it.
///
/// Clusters of UAX #29 do not answer this: in Sinhala, Persian and others a cluster ends behind the joiner.
fn joins(c: char, at: usize, text: &str) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[at + c.len_utf8()..].chars().next();
    before.is_some_and(joinable) && after.is_some_and(joinable)
}

/// Letters, marks and symbols, but no ASCII, no punctuation and nothing invisible.
fn joinable(c: char) -> bool {
    let punctuation =
        matches!(c, '\0'..='\u{bf}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}');
    !punctuation && !c.is_whitespace() && !c.is_control() && !format_character(c) && !joiner(c)
}

/// Format characters (Unicode category Cf) and the invisible ones that are used like them; joiners are judged apart.
const fn format_character(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{890}'..='\u{891}'
            | '\u{8e2}'
            | '\u{115f}'..='\u{1160}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{110bd}'
            | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_lines_and_tabs_stay() {
        for text in ["hi", "a\tb\nc", "grüße", "漢字", "e\u{301}"] {
            assert_eq!(check_text(text).as_deref(), Ok(text));
            assert_eq!(Safe::lines(text).as_str(), text);
        }
        assert_eq!(check_text("a\r\nb").as_deref(), Ok("a\nb"));
    }

    #[test]
    fn escape_sequences_and_overrides_are_named() {
        for (text, at) in [
            ("\u{1b}[2J", 0),
            ("a\u{202e}b", 1),
            ("a\rb", 1),
            ("x\u{9b}1m", 1),
            ("a\u{200b}", 1),
            ("\u{e0041}x", 0),
        ] {
            match check_text(text) {
                Err(TextError::Forbidden { at: found, .. }) => assert_eq!(found, at, "{text:?}"),
                other => panic!("{text:?} gave {other:?}"),
            }
            assert!(check_text(&clean_text(text)).is_ok(), "{text:?}");
            assert!(Safe::lines(text).as_str().contains('\\'), "{text:?}");
        }
    }

    #[test]
    fn joiners_stay_inside_emoji_and_letters() {
        for text in [
            "👩\u{200d}💻",
            "❤\u{fe0f}\u{200d}🔥",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "ශ්\u{200d}රී ලංකා",
        ] {
            assert_eq!(check_text(text).as_deref(), Ok(text), "{text:?}");
        }
        for text in [
            "a\u{200d}b",
            "\u{200d}",
            "x \u{200c}y",
            "é\u{200d}",
            "é\u{200d}\u{200d}é",
        ] {
            assert!(check_text(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_display_name_is_one_visible_line() {
        for good in ["Ann", "Ann Ångström", "李"] {
            assert!(valid_display_name(good), "{good:?}");
        }
        for bad in ["", " ", "a\nb", "a\u{202e}b", " Ann", "a\u{200d}"] {
            assert!(!valid_display_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_line_shows_its_line_ends() {
        assert_eq!(Safe::line("a\nb").as_str(), "a\\nb");
    }
}
