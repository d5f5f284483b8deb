//! The open conversation as cells: its rows, its heading, and a sign that there is more below.

mod header;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

pub use self::header::header;
use super::look::key;
use crate::app::model::pane::row::{Bar, Piece, Row, Rule, Shape, Tone, cells};
use crate::app::model::pane::{Geometry, Pane};
use crate::app::model::{Model, Preferences};
use crate::keymap::Command;
use crate::text::{self, Shown};
use crate::theme::{Glyphs, Theme};

/// Draws the conversation into `area`, from its lower edge upwards. The update lays out with the same size.
pub fn render(model: &Model, pane: &Pane, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return;
    }
    let g = Geometry::of(model, (area.width, area.height));
    let view = pane.view(&g);
    let mut brush = Brush {
        theme: theme(&model.preferences),
        glyphs: Glyphs::of(model.preferences.ascii),
        area,
        right: area
            .x
            .saturating_add(u16::try_from(view.right).unwrap_or(u16::MAX)),
        buffer,
    };
    // The screen may be smaller than what was laid out only if it is empty, so the difference is what stays free.
    let free = usize::from(area.height).saturating_sub(view.rows.len());
    for (y, row) in (area.y..area.bottom()).skip(free).zip(&view.rows) {
        brush.row(y, row);
    }
    if pane.opened() && view.rows.is_empty() {
        brush.nothing();
    }
}

/// Says that there is more below what `area` shows, and how much of it is new: for the row below the messages.
#[must_use]
pub fn pill(model: &Model, pane: &Pane, area: Rect) -> Option<(String, Style)> {
    // At the end nothing has to be laid out to know that.
    if pane.at_bottom() {
        return None;
    }
    let g = Geometry::of(model, (area.width, area.height));
    if pane.view(&g).at_end {
        return None;
    }
    let (theme, glyphs) = (
        theme(&model.preferences),
        Glyphs::of(model.preferences.ascii),
    );
    let mut words = vec![glyphs.down.to_owned()];
    let new = pane.away_count(&g);
    if new > 0 {
        words.push(format!("{new} new {}", glyphs.dot));
    }
    words.extend(key(&model.keymap, Command::Bottom));
    let style = if new > 0 { theme.accent } else { theme.quiet };
    Some((words.join(" "), style))
}

/// The theme that the user chose.
#[must_use]
pub const fn theme(preferences: &Preferences) -> Theme {
    Theme::of(preferences.colors, preferences.author_colors)
}

/// Draws rows.
struct Brush<'a> {
    theme: Theme,
    glyphs: &'static Glyphs,
    area: Rect,
    /// The column behind the last one that is used.
    right: u16,
    buffer: &'a mut Buffer,
}

impl Brush<'_> {
    fn row(&mut self, y: u16, row: &Row) {
        match row.bar {
            Some(Bar::Selected) => {
                self.put((self.area.x, y), self.glyphs.selected, self.theme.accent)
            }
            Some(Bar::Mention) => self.put((self.area.x, y), self.glyphs.mention, self.theme.alert),
            None => self.area.x,
        };
        match &row.shape {
            Shape::Rule(rule, label) => self.rule(y, *rule, label),
            Shape::Words {
                indent,
                pieces,
                right,
            } => {
                let indent = u16::try_from(*indent).unwrap_or(u16::MAX);
                let x = self.area.x.saturating_add(1).saturating_add(indent);
                self.pieces((x, y), pieces);
                let taken = u16::try_from(cells(right)).unwrap_or(u16::MAX);
                let x = self.right.saturating_sub(taken).max(self.area.x + 1);
                self.pieces((x, y), right);
            }
        }
    }

    fn pieces(&mut self, at: (u16, u16), pieces: &[Piece]) {
        let (mut x, y) = at;
        for piece in pieces {
            let style = self.style(&piece.tone);
            x = self.put((x, y), piece.text.as_str(), style);
        }
    }

    /// A line over the whole width with its words in the middle.
    fn rule(&mut self, y: u16, rule: Rule, label: &Shown<'_>) {
        let (glyph, style) = match rule {
            Rule::Day => (self.glyphs.rule, self.theme.quiet),
            Rule::Unread => (self.glyphs.unread_rule, self.theme.unread),
            Rule::Gap => (self.glyphs.gap_rule, self.theme.quiet),
        };
        let from = self.area.x.saturating_add(1);
        let room = usize::from(self.right.saturating_sub(from));
        let label = label.truncate(room.saturating_sub(2), self.glyphs.ellipsis);
        let before = room.saturating_sub(label.width() + 2) / 2;
        for x in (from..self.right).take(before) {
            self.put((x, y), glyph, self.theme.quiet);
        }
        let at = from.saturating_add(u16::try_from(before).unwrap_or(0));
        let behind = self.put((at + 1, y), label.as_str(), style) + 1;
        for x in behind..self.right {
            self.put((x, y), glyph, self.theme.quiet);
        }
    }

    /// What a conversation without a message says.
    fn nothing(&mut self) {
        let words = Shown::own("no messages yet: say hello");
        let words = words.truncate(usize::from(self.area.width), self.glyphs.ellipsis);
        let free = usize::from(self.area.width).saturating_sub(words.width()) / 2;
        let x = self.area.x + u16::try_from(free).unwrap_or(0);
        let y = self.area.y + self.area.height / 2;
        self.put((x, y), words.as_str(), self.theme.quiet);
    }

    fn put(&mut self, at: (u16, u16), text: &str, style: Style) -> u16 {
        text::draw(self.buffer, self.area, at, text, style)
    }

    fn style(&self, tone: &Tone) -> Style {
        match tone {
            Tone::Text => self.theme.text,
            Tone::Quiet => self.theme.quiet,
            Tone::Alert => self.theme.alert,
            Tone::Failure => self.theme.failure,
            Tone::Link => self.theme.link,
            Tone::Code => self.theme.code,
            Tone::Own => self.theme.own,
            Tone::Author(name) => self.theme.author(name),
        }
    }
}

#[cfg(test)]
mod tests;
