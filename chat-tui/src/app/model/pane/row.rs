//! What a row of the pane holds, before it is drawn: words with their roles, not colours or cells.

use chat_proto::{Name, Seq};

use super::Place;
use crate::text::Shown;

/// What a piece of a row says, by its role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tone {
    /// Words.
    Text,
    /// Times, states, remarks.
    Quiet,
    /// What wants attention.
    Alert,
    /// What went wrong.
    Failure,
    /// An address.
    Link,
    /// Code.
    Code,
    /// One's own name.
    Own,
    /// Somebody's name.
    Author(Name),
}

/// A piece of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its words.
    pub text: Shown<'static>,
    /// Its role.
    pub tone: Tone,
}

impl Piece {
    pub(super) fn new(text: Shown<'_>, tone: Tone) -> Self {
        let text = text.into_owned();
        Self { text, tone }
    }

    pub(super) fn quiet(text: &str) -> Self {
        Self::new(Shown::line(text), Tone::Quiet)
    }

    pub(super) const fn own(text: &'static str, tone: Tone) -> Self {
        let text = Shown::own(text);
        Self { text, tone }
    }
}

/// Cells of pieces beside each other.
#[must_use]
pub fn cells(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| piece.text.width()).sum()
}

/// A horizontal line with a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A day begins.
    Day,
    /// What follows is new.
    Unread,
    /// Something is not loaded.
    Gap,
}

/// What a row looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A line over the whole width.
    Rule(Rule, Shown<'static>),
    /// Words.
    Words {
        /// Empty cells between the gutter and the first piece.
        indent: usize,
        /// From the left.
        pieces: Vec<Piece>,
        /// At the right edge.
        right: Vec<Piece>,
    },
}

/// What stands in the gutter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bar {
    /// This is selected.
    Selected,
    /// This mentions one.
    Mention,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it belongs to.
    pub place: Place,
    /// Which row of that: 0 is the first of its own words, lines and names above it count downwards from -1.
    pub at: isize,
    /// Whether this is the last row of that.
    pub last: bool,
    /// Its number, if it is a message.
    pub seq: Option<Seq>,
    /// The gutter.
    pub bar: Option<Bar>,
    /// What it looks like.
    pub shape: Shape,
}
