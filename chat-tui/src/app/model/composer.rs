//! What is being written: a text of several lines with readline's keys, undo and a kill ring.

use chat_proto::Seq;
use ratatui_textarea::{CursorMove, TextArea, WrapMode};

/// The text under the cursor.
#[derive(Debug, Clone)]
pub struct Composer {
    area: TextArea<'static>,
    /// The message that it answers.
    pub reply_to: Option<Seq>,
}

impl Default for Composer {
    fn default() -> Self {
        Self::with("")
    }
}

impl Composer {
    /// A composer that holds `text`, with the cursor at its end.
    #[must_use]
    pub fn with(text: &str) -> Self {
        let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
        area.set_wrap_mode(WrapMode::WordOrGlyph);
        area.set_cursor_line_style(ratatui::style::Style::default());
        // The terminal's own cursor is shown instead.
        area.set_cursor_style(ratatui::style::Style::default());
        area.move_cursor(CursorMove::Bottom);
        area.move_cursor(CursorMove::End);
        Self {
            area,
            reply_to: None,
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Whether nothing is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// Its lines.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// The editor, for keys and for the view.
    #[must_use]
    pub const fn area(&self) -> &TextArea<'static> {
        &self.area
    }

    /// The editor, to be changed.
    pub const fn area_mut(&mut self) -> &mut TextArea<'static> {
        &mut self.area
    }

    /// Whether the cursor is behind the last character of its line.
    #[must_use]
    pub fn at_line_end(&self) -> bool {
        let cursor = self.area.cursor();
        let line = self.area.lines().get(cursor.0);
        line.is_none_or(|line| cursor.1 >= line.chars().count())
    }

    /// Whether the cursor stands within a code block that is not closed yet, where Enter is a new line.
    #[must_use]
    pub fn in_open_fence(&self) -> bool {
        let row = self.area.cursor().0;
        let until_here = self.area.lines().iter().take(row + 1);
        let fences = until_here.filter(|line| line.trim_start().starts_with("```"));
        fences.count() % 2 == 1
    }

    /// Puts a text in at the cursor, as one change.
    pub fn insert(&mut self, text: &str) {
        self.area.insert_str(text);
    }

    /// Empties it, in a way that undo brings back.
    pub fn clear(&mut self) {
        self.area.clear();
        self.reply_to = None;
    }
}
