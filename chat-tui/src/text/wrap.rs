//! Where a line breaks: between words, else between graphemes; a wide grapheme is never torn.

use std::ops::Range;

use unicode_segmentation::{GraphemeIndices, UnicodeSegmentation};

use super::{cells_of, plain};

/// The rows of a line, as ranges of its bytes. An empty line has one empty row.
///
/// A row is wider than asked only where a single grapheme is.
#[derive(Debug, Clone)]
pub struct Wrap<'a> {
    text: &'a str,
    cells: usize,
    /// Where the next row starts; absent at the end.
    from: Option<usize>,
}

/// Where a row may end, and where the next one starts then.
#[derive(Clone, Copy)]
struct Break {
    end: usize,
    next: usize,
}

impl<'a> Wrap<'a> {
    pub(super) const fn new(text: &'a str, cells: usize) -> Self {
        Self {
            text,
            cells,
            from: Some(0),
        }
    }

    fn graphemes(&self, from: usize) -> GraphemeIndices<'a> {
        self.text[from..].grapheme_indices(true)
    }

    /// The best break of the row that starts at `from`; none when the rest fits.
    fn find_break(&self, from: usize) -> Option<Break> {
        let rest = &self.text[from..];
        if rest.len() <= self.cells && plain(rest) {
            return None;
        }
        let (mut used, mut words, mut found) = (0, false, None);
        let mut spaces_from = None;
        for (at, grapheme) in self.graphemes(from) {
            let (at, behind) = (from + at, from + at + grapheme.len());
            let cells = cells_of(grapheme);
            used += cells;
            if grapheme == " " {
                let end = *spaces_from.get_or_insert(at);
                if words {
                    let next = behind;
                    found = Some(Break { end, next });
                }
                if used > self.cells {
                    return found.or(Some(Break { end, next: behind }));
                }
                continue;
            }
            let free = cells >= 2 && words && spaces_from.is_none() && !closes(grapheme);
            if free {
                found = Some(Break { end: at, next: at });
            }
            if used > self.cells {
                let next = if at == from { behind } else { at };
                return found.or(Some(Break { end: next, next }));
            }
            (words, spaces_from) = (true, None);
            let next_closes = || {
                self.text[behind..]
                    .graphemes(true)
                    .next()
                    .is_some_and(closes)
            };
            if cells >= 2 && !next_closes() {
                found = Some(Break {
                    end: behind,
                    next: behind,
                });
            }
        }
        None
    }
}

/// Punctuation of wide scripts that does not begin a row.
fn closes(grapheme: &str) -> bool {
    "、。，．）」』】〕》〉！？：；ー".contains(grapheme)
}

impl Iterator for Wrap<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let from = self.from?;
        let Some(found) = self.find_break(from) else {
            self.from = None;
            return Some(from..self.text.len());
        };
        let rest = self.text[found.next..].trim_start_matches(' ');
        self.from = (!rest.is_empty()).then(|| self.text.len() - rest.len());
        Some(from..found.end)
    }
}
