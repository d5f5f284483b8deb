//! What every view draws with: the styles and signs that one chose, and the few strokes that all need.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;

use crate::app::model::Preferences;
use crate::keymap::{Command, Keymap};
use crate::text::{self, Shown};
use crate::theme::{Glyphs, Theme};

/// Styles and signs.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Roles as styles.
    pub theme: Theme,
    /// The signs.
    pub glyphs: &'static Glyphs,
    ascii: bool,
}

impl Look {
    /// As one chose.
    #[must_use]
    pub const fn of(preferences: &Preferences) -> Self {
        Self {
            theme: Theme::of(preferences.colors, preferences.author_colors),
            glyphs: Glyphs::of(preferences.ascii),
            ascii: preferences.ascii,
        }
    }

    /// What stands behind a word for something that goes on.
    #[must_use]
    pub const fn dots(&self) -> &'static str {
        match self.ascii {
            true => "...",
            false => self.glyphs.ellipsis,
        }
    }

    /// Two or more things on one line.
    #[must_use]
    pub fn joined(&self, parts: &[String]) -> String {
        parts.join(&format!(" {} ", self.glyphs.dot))
    }

    /// A text that ends before `right`, cut where `left` is in the way; gives back where it begins.
    pub fn right(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        (left, right, y): (u16, u16, u16),
        text: &Shown<'_>,
        style: Style,
    ) -> u16 {
        let room = usize::from(right.saturating_sub(left));
        let cut = text.truncate(room, self.glyphs.ellipsis);
        let x = right.saturating_sub(cells(cut.width()));
        text::draw(buffer, area, (x, y), cut.as_str(), style);
        x
    }

    /// A text of at most `cells`; gives back the column behind it.
    pub fn left(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        (x, y, cells): (u16, u16, u16),
        text: &Shown<'_>,
        style: Style,
    ) -> u16 {
        let cut = text.truncate(usize::from(cells), self.glyphs.ellipsis);
        text::draw(buffer, area, (x, y), cut.as_str(), style)
    }

    /// The same with the graphemes at `matched` shown as found.
    pub fn matched(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        (x, y, cells): (u16, u16, u16),
        (text, matched): (&Shown<'_>, &[usize]),
        style: Style,
    ) -> u16 {
        let cut = text.truncate(usize::from(cells), self.glyphs.ellipsis);
        let mut x = x;
        for (at, grapheme) in cut.as_str().graphemes(true).enumerate() {
            let style = match matched.binary_search(&at) {
                Ok(_) => style.patch(self.theme.matched),
                Err(_) => style,
            };
            x = text::draw(buffer, area, (x, y), grapheme, style);
        }
        x
    }

    /// A rule from `left` up to `right`.
    pub fn rule(&self, buffer: &mut Buffer, area: Rect, (left, right, y): (u16, u16, u16)) {
        for x in left..right {
            text::draw(buffer, area, (x, y), self.glyphs.rule, self.theme.quiet);
        }
    }
}

/// The first key of a command, short: `^K`, `Alt-A`, `F1`.
#[must_use]
pub fn key(keymap: &Keymap, command: Command) -> Option<String> {
    keymap.key_of(command).map(|key| short(&key))
}

/// The key that goes to anyone, anything.
#[must_use]
pub fn switcher_key(keymap: &Keymap) -> Option<String> {
    key(keymap, Command::SwitcherOrKill).or_else(|| key(keymap, Command::Switcher))
}

/// A key as the screens write it.
#[must_use]
pub fn short(key: &str) -> String {
    key.replace("Ctrl-", "^")
}

/// Cells as the terminal counts them.
#[must_use]
pub fn cells(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// A text of the program itself, or one that was made safe before.
#[must_use]
pub fn shown(text: &str) -> Shown<'_> {
    Shown::line(text)
}
