//! Text in cells: how wide a text is, where it breaks and where it is cut. It never holds anything that drives a terminal.
//!
//! Widths are those that ratatui draws with, grapheme by grapheme ([`CellWidth`]); `str::width` of a whole text differs
//! (an Arabic lam-alef counts once there), so nothing here or in the views asks it.

pub mod mention;
mod when;
mod wrap;

use std::borrow::Cow;
use std::ops::Range;

use chat_proto::Safe;
use ratatui::buffer::{Buffer, CellWidth};
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;

pub use self::when::{ago, clock, day, day_label};
pub use self::wrap::Wrap;

/// Characters of one grapheme at the most; the longest emoji in use has 10.
const GRAPHEME_CHARS_MAX: usize = 16;
/// Cells of one grapheme at the most; an Indic conjunct may have several.
const GRAPHEME_CELLS_MAX: usize = 8;
/// What a tab is shown as.
const TAB: &str = "    ";
/// What stands behind a grapheme that is cut. It joins with nothing, so that what follows stays a grapheme of its own.
const CUT: char = '\u{fffd}';
/// Characters that a preview looks at.
const PREVIEW_CHARS_MAX: usize = 240;

/// One line of text, fit to be drawn: made from [`Safe`], without tabs, and each of its graphemes of a sane size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown<'a>(Cow<'a, str>);

impl<'a> Shown<'a> {
    /// A line that somebody wrote; line ends are shown as escapes.
    #[must_use]
    pub fn line(text: &'a str) -> Self {
        let safe = Safe::line(text);
        match safe.as_str() == text {
            true => Self::tame(text),
            false => Shown::tame(safe.as_str()).into_owned(),
        }
    }

    /// The lines of a text, one by one.
    pub fn lines(text: &'a Safe<'_>) -> impl Iterator<Item = Self> {
        text.as_str().split('\n').map(Self::tame)
    }

    /// The beginning of a text on one line: white space of any kind is one space.
    #[must_use]
    pub fn preview(text: &str) -> Shown<'static> {
        let mut joined = String::new();
        for c in text.trim().chars().take(PREVIEW_CHARS_MAX) {
            match c.is_whitespace() {
                true if joined.ends_with(' ') => {}
                true => joined.push(' '),
                false => joined.push(c),
            }
        }
        Shown::line(&joined).into_owned()
    }

    /// Words of the program itself.
    #[must_use]
    pub const fn own(text: &'static str) -> Shown<'static> {
        Shown(Cow::Borrowed(text))
    }

    /// `text` has to come from [`Safe`] and to be without line ends.
    fn tame(text: &'a str) -> Self {
        if plain(text) || text.graphemes(true).all(sane) {
            return Self(Cow::Borrowed(text));
        }
        let mut out = String::with_capacity(text.len());
        for grapheme in text.graphemes(true) {
            match grapheme {
                "\t" => out.push_str(TAB),
                _ if sane(grapheme) => out.push_str(grapheme),
                _ => push_cut(&mut out, grapheme),
            }
        }
        Self(Cow::Owned(out))
    }

    /// The same, without a borrow.
    #[must_use]
    pub fn into_owned(self) -> Shown<'static> {
        Shown(Cow::Owned(self.0.into_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to see.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its cells.
    #[must_use]
    pub fn width(&self) -> usize {
        width(&self.0)
    }

    /// The rows of it that fit into `cells`, as ranges of bytes.
    #[must_use]
    pub fn wrap(&self, cells: usize) -> Wrap<'_> {
        Wrap::new(&self.0, cells)
    }

    /// A part of it; `range` lies between graphemes.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Shown<'_> {
        Shown(Cow::Borrowed(self.0.get(range).unwrap_or_default()))
    }

    /// At most `cells` of it, with `ellipsis` at the end where something is left out.
    #[must_use]
    pub fn truncate(&self, cells: usize, ellipsis: &'static str) -> Shown<'_> {
        if self.0.len() <= cells && self.0.is_ascii() {
            return Shown(Cow::Borrowed(&self.0));
        }
        let room = cells.saturating_sub(width(ellipsis));
        let (mut used, mut kept) = (0, 0);
        for (at, grapheme) in self.0.grapheme_indices(true) {
            used += cells_of(grapheme);
            if used <= room {
                kept = at + grapheme.len();
            }
            if used > cells {
                let ellipsis = if width(ellipsis) > cells {
                    ""
                } else {
                    ellipsis
                };
                return Shown(Cow::Owned(format!("{}{ellipsis}", &self.0[..kept])));
            }
        }
        Shown(Cow::Borrowed(&self.0))
    }
}

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Shown<'_>> for String {
    fn from(shown: Shown<'_>) -> Self {
        shown.0.into_owned()
    }
}

/// Cells that a text takes when it is drawn.
#[must_use]
pub fn width(text: &str) -> usize {
    if plain(text) {
        return text.len();
    }
    text.graphemes(true).map(cells_of).sum()
}

/// Whether each byte is a grapheme that takes a cell, as nearly always; then nothing has to be put together.
fn plain(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' '..=b'~'))
}

/// Cells of one grapheme. What is a control character is not drawn.
#[must_use]
pub fn cells_of(grapheme: &str) -> usize {
    match grapheme.contains(char::is_control) {
        true => 0,
        false => usize::from(grapheme.cell_width()),
    }
}

/// Draws a text at (`x`, `y`) as far as it lies within `area`; gives back the column behind it.
pub fn draw(buffer: &mut Buffer, area: Rect, at: (u16, u16), text: &str, style: Style) -> u16 {
    let area = area.intersection(buffer.area);
    let (x, y) = at;
    if !area.contains((x, y).into()) {
        return x;
    }
    let room = usize::from(area.right() - x);
    if plain(text) {
        let behind = x + u16::try_from(text.len().min(room)).unwrap_or(0);
        for (x, letter) in (x..behind).zip(text.chars()) {
            buffer[(x, y)].set_char(letter).set_style(style);
        }
        return behind;
    }
    buffer.set_stringn(x, y, text, room, style).0
}

/// A number with its word: `1 message`, `2 messages`.
#[must_use]
pub fn count(number: u64, word: &str) -> String {
    match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    }
}

fn sane(grapheme: &str) -> bool {
    let short =
        grapheme.len() <= GRAPHEME_CHARS_MAX || grapheme.chars().nth(GRAPHEME_CHARS_MAX).is_none();
    let narrow = grapheme.len() <= GRAPHEME_CELLS_MAX || cells_of(grapheme) <= GRAPHEME_CELLS_MAX;
    grapheme != "\t" && short && narrow
}

/// The beginning of a grapheme that is too much, and a sign that it goes on.
fn push_cut(out: &mut String, grapheme: &str) {
    let start = out.len();
    for c in grapheme.chars().take(GRAPHEME_CHARS_MAX / 2) {
        let end = out.len();
        out.push(c);
        if width(&out[start..]) > GRAPHEME_CELLS_MAX {
            out.truncate(end);
            break;
        }
    }
    out.push(CUT);
}

/// A system's sentence without its number, which says nothing to people: `connection refused (os error 111)`.
#[must_use]
pub fn without_code(sentence: &str) -> String {
    let Some((before, rest)) = sentence.split_once(" (os error ") else {
        return sentence.to_owned();
    };
    let behind = rest.split_once(')').map_or("", |(_, behind)| behind);
    format!("{before}{behind}")
}

#[cfg(test)]
mod tests;
