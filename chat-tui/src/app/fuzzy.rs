//! Finds what was typed in a text, also with letters left out: how well, and which letters they are.

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use unicode_segmentation::UnicodeSegmentation;

/// Characters of a query that count. The matcher adds up scores of characters in 16 bits, and overflows with thousands.
const QUERY_CHARS_MAX: usize = 128;

/// How far apart the letters may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letters {
    /// Anywhere, in this order.
    Scattered,
    /// Side by side; words in any order.
    Together,
}

/// A text that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The higher the better.
    pub score: u32,
    /// Which graphemes of the text were meant, ascending.
    pub graphemes: Vec<usize>,
}

/// Something that was typed.
#[derive(Debug)]
pub struct Fuzzy {
    matcher: Matcher,
    pattern: Pattern,
    characters: Vec<char>,
}

impl Fuzzy {
    /// Looks for `query`; the words of it each, in any order. Nothing typed is found everywhere.
    #[must_use]
    pub fn new(query: &str, letters: Letters) -> Self {
        let end = query.char_indices().nth(QUERY_CHARS_MAX);
        let query = &query[..end.map_or(query.len(), |(at, _)| at)];
        let mut config = Config::DEFAULT;
        config.prefer_prefix = true;
        let kind = match letters {
            Letters::Scattered => AtomKind::Fuzzy,
            Letters::Together => AtomKind::Substring,
        };
        Self {
            matcher: Matcher::new(config),
            pattern: Pattern::new(query, CaseMatching::Ignore, Normalization::Smart, kind),
            characters: Vec::new(),
        }
    }

    /// Whether and how `text` holds it.
    pub fn find(&mut self, text: &str) -> Option<Hit> {
        self.characters.clear();
        // One for each grapheme, so that the places found are those that the view draws.
        let first = |grapheme: &str| grapheme.chars().next();
        self.characters
            .extend(text.graphemes(true).filter_map(first));
        let mut places = Vec::new();
        let text = Utf32Str::Unicode(&self.characters);
        let score = self.pattern.indices(text, &mut self.matcher, &mut places)?;
        places.sort_unstable();
        places.dedup();
        let graphemes = places.into_iter().filter_map(|at| at.try_into().ok());
        Some(Hit {
            score,
            graphemes: graphemes.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x05_letters_are_found_in_their_order_and_told() {
        let mut fuzzy = Fuzzy::new("dpl", Letters::Scattered);
        assert_eq!(fuzzy.find("deploys").expect("a hit").graphemes, [0, 2, 3]);
        assert_eq!(fuzzy.find("backend"), None);
        let mut together = Fuzzy::new("dpl", Letters::Together);
        assert_eq!(together.find("deploys"), None);
    }

    #[test]
    fn places_are_counted_in_graphemes_whatever_they_are_made_of() {
        let mut fuzzy = Fuzzy::new("漢b", Letters::Scattered);
        let hit = fuzzy.find("👩\u{200d}💻e\u{301}漢b").expect("a hit");
        assert_eq!(hit.graphemes, [2, 3]);
        let mut fuzzy = Fuzzy::new("b", Letters::Scattered);
        assert_eq!(fuzzy.find("e\u{301}b").expect("a hit").graphemes, [1]);
    }

    #[test]
    fn a_pasted_book_is_searched_by_its_beginning() {
        let book = "x".repeat(100_000);
        let mut fuzzy = Fuzzy::new(&book, Letters::Scattered);
        assert!(fuzzy.find(&book).is_some());
        assert_eq!(fuzzy.find("x"), None);
    }

    #[test]
    fn nothing_typed_is_found_everywhere_and_nothing_is_no_text() {
        let mut fuzzy = Fuzzy::new("", Letters::Scattered);
        assert!(fuzzy.find("any").is_some());
        assert_eq!(Fuzzy::new("a", Letters::Scattered).find(""), None);
    }
}
