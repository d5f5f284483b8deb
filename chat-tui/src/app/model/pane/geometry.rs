//! What the layout of the pane depends on beside the pane itself: its size, who one is, what waits to be sent.

use chat_proto::{Name, Time};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::app::model::{Model, Preferences};
use crate::client::outbox::Letter;
use crate::text;
use crate::theme::Glyphs;

/// Columns from which times stand in a column of their own.
const WIDE_FROM: u16 = 70;
/// Below that no cell is spent on a margin.
const NARROW_BELOW: usize = 24;

/// What update and view lay the pane out with; both have to use the same.
#[derive(Debug, Clone, Copy)]
pub struct Geometry<'a> {
    /// Columns of the pane.
    pub width: u16,
    /// Rows of the pane.
    pub height: u16,
    /// What the server is not known to have, of all conversations.
    pub letters: &'a [Letter],
    /// Who one is.
    pub me: Option<&'a Name>,
    /// What the user chose.
    pub preferences: &'a Preferences,
    /// When this is, for `today`.
    pub wall: Time,
}

impl<'a> Geometry<'a> {
    /// The geometry of an area of `size` (columns, rows).
    #[must_use]
    pub fn of(model: &'a Model, size: (u16, u16)) -> Self {
        Self {
            width: size.0,
            height: size.1,
            letters: &model.letters,
            me: model.my_name(),
            preferences: &model.preferences,
            wall: model.wall(),
        }
    }
}

/// Columns of the pane, counted from its left edge. Column 0 is the gutter.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// Times stand in a column of their own.
    pub(super) wide: bool,
    /// Empty cells between the gutter and words.
    pub(super) indent: usize,
    /// Empty cells between the gutter and the bar of code.
    pub(super) code_indent: usize,
    /// The column behind the last one that is used.
    pub(super) right: usize,
    /// Rows of a piece of code before it is expanded.
    pub(super) code_rows: usize,
    pub(super) glyphs: &'static Glyphs,
    pub(super) zone: TimeZone,
    pub(super) today: Date,
}

impl Frame {
    pub(super) fn of(g: &Geometry<'_>) -> Self {
        let wide = g.width >= WIDE_FROM;
        let (indent, code_indent, code_rows) = match wide {
            true => (7, 5, 12),
            false => (1, 1, 6),
        };
        let width = usize::from(g.width);
        let margin = usize::from(width >= NARROW_BELOW);
        let limit = 1 + indent + usize::from(g.preferences.text_width.max(1));
        Self {
            wide,
            indent,
            code_indent,
            right: (width - margin).min(limit),
            code_rows,
            glyphs: Glyphs::of(g.preferences.ascii),
            zone: g.preferences.zone.clone(),
            today: text::day(g.wall, &g.preferences.zone),
        }
    }

    /// Cells of a row of words.
    pub(super) fn text_cells(&self) -> usize {
        self.right.saturating_sub(1 + self.indent).max(1)
    }

    /// Cells of a row of code.
    pub(super) fn code_cells(&self) -> usize {
        self.right.saturating_sub(1 + self.code_indent + 2).max(1)
    }
}
