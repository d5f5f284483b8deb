//! What a terminal shows, cell by cell, in one form only: what looks the same is equal.

use ratatui::buffer::{Buffer, Cell, CellWidth as _};
use ratatui::layout::Size;
use unicode_width::UnicodeWidthChar as _;

use super::super::caps::Caps;
use super::pen::Pen;

/// What is in a cell.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in super::super) enum Text {
    /// One character.
    Char(char),
    /// A character of several, as an emoji or a letter with marks.
    Cluster(Box<str>),
    /// The cell is covered by the glyph before it.
    Covered,
}

/// A cell: what is in it, and how it is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in super::super) struct Glyph {
    pub(in super::super) text: Text,
    pub(in super::super) pen: Pen,
    /// The terminal may give it another width than we do.
    pub(in super::super) doubtful: bool,
}

impl Glyph {
    /// Nothing on the default background.
    pub(in super::super) const BLANK: Self = Self {
        text: Text::Char(' '),
        pen: Pen::PLAIN,
        doubtful: false,
    };

    /// How many bytes it is.
    pub(super) fn bytes(&self) -> usize {
        match &self.text {
            Text::Char(letter) => letter.len_utf8(),
            Text::Cluster(text) => text.len(),
            Text::Covered => 0,
        }
    }
}

impl Glyph {
    /// How many cells a terminal takes for it that puts together nothing.
    pub(super) fn cells_max(&self) -> usize {
        let wide = |letter: char| match letter {
            // Asks for the form of an emoji, which is wide.
            '\u{fe0f}' => 1,
            letter => letter.width_cjk().unwrap_or_default(),
        };
        match &self.text {
            Text::Char(letter) => wide(*letter),
            Text::Cluster(text) => text.chars().map(wide).sum(),
            Text::Covered => 0,
        }
    }
}

/// All cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Grid {
    size: Size,
    glyphs: Vec<Glyph>,
}

impl Grid {
    /// An empty screen.
    pub(in super::super) fn blank(size: Size) -> Self {
        let count = usize::from(size.width) * usize::from(size.height);
        Self {
            size,
            glyphs: vec![Glyph::BLANK; count],
        }
    }

    /// What a terminal that can `caps` will show of a buffer.
    #[cfg(test)]
    pub(in super::super) fn of(buffer: &Buffer, caps: &Caps) -> Self {
        let mut grid = Self::blank(Size::ZERO);
        grid.show(buffer, caps);
        grid
    }

    /// Becomes what a terminal that can `caps` will show of a buffer. A grid is some hundred KiB, which the system would
    /// have to hand out and zero for every frame, so its memory is used again.
    pub(in super::super) fn show(&mut self, buffer: &Buffer, caps: &Caps) {
        self.size = buffer.area.as_size();
        self.glyphs.clear();
        self.glyphs.reserve(buffer.content.len());
        if self.size.width > 0 {
            for row in buffer.content.chunks(usize::from(self.size.width)) {
                row_of(row, caps, &mut self.glyphs);
            }
        }
    }

    /// Becomes the same as another one.
    pub(super) fn copy(&mut self, other: &Self) {
        self.size = other.size;
        self.glyphs.clone_from(&other.glyphs);
    }

    pub(in super::super) fn size(&self) -> Size {
        self.size
    }

    /// The cells of a row; none when there is no such row.
    pub(in super::super) fn row(&self, y: u16) -> &[Glyph] {
        let width = usize::from(self.size.width);
        let start = usize::from(y) * width;
        self.glyphs.get(start..start + width).unwrap_or_default()
    }

    pub(super) fn row_mut(&mut self, y: u16) -> &mut [Glyph] {
        let width = usize::from(self.size.width);
        let start = usize::from(y) * width;
        self.glyphs
            .get_mut(start..start + width)
            .unwrap_or_default()
    }
}

fn row_of(cells: &[Cell], caps: &Caps, glyphs: &mut Vec<Glyph>) {
    let mut at = 0;
    while let Some(cell) = cells.get(at) {
        let pen = Pen::of(cell, caps.depth);
        let (text, width) = shown(cell.symbol(), cells.len() - at, caps);
        at += width;
        glyphs.push(glyph(text, pen, caps));
        for _ in 1..width {
            glyphs.push(Glyph {
                text: Text::Covered,
                pen,
                doubtful: false,
            });
        }
    }
}

/// The colour of nothing is not seen.
fn glyph(text: Text, pen: Pen, caps: &Caps) -> Glyph {
    let pen = if text == Text::Char(' ') {
        pen.of_space()
    } else {
        pen
    };
    Glyph {
        doubtful: doubtful(&text, caps),
        text,
        pen,
    }
}

/// What is shown of a symbol, and how many cells it takes. A control never is, nor a glyph that is cut at the edge.
fn shown(symbol: &str, room: usize, caps: &Caps) -> (Text, usize) {
    const SPACE: (Text, usize) = (Text::Char(' '), 1);
    if let [byte] = symbol.as_bytes() {
        let letter = if byte.is_ascii_control() {
            ' '
        } else {
            char::from(*byte)
        };
        return (Text::Char(letter), 1);
    }
    if symbol.is_empty() || symbol.chars().any(steers) {
        return SPACE;
    }
    let width = usize::from(symbol.cell_width());
    if width == 0 || width > room {
        return SPACE;
    }
    if !caps.utf8 {
        return (Text::Char('?'), 1);
    }
    let mut chars = symbol.chars();
    match (chars.next(), chars.next()) {
        (Some(letter), None) => (Text::Char(letter), width),
        _ => (Text::Cluster(symbol.into()), width),
    }
}

/// Controls, and what turns the direction of the whole line.
fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether terminals differ in the width of it. Those of one character that every terminal has known for long are
/// trusted; after all others the place is said anew.
fn doubtful(text: &Text, caps: &Caps) -> bool {
    let letter = match text {
        Text::Char(letter) => *letter,
        Text::Cluster(_) => return true,
        Text::Covered => return false,
    };
    match letter {
        '\0'..='\u{7f}' => false,
        // Latin, Greek, Cyrillic, Hebrew, Arabic; punctuation, arrows, boxes.
        '\u{a0}'..='\u{2ff}'
        | '\u{370}'..='\u{482}'
        | '\u{48a}'..='\u{58f}'
        | '\u{5be}'..='\u{64a}'
        | '\u{1e00}'..='\u{1fff}'
        | '\u{2010}'..='\u{2027}'
        | '\u{2030}'..='\u{205e}'
        | '\u{20a0}'..='\u{20bf}'
        | '\u{2100}'..='\u{2319}'
        | '\u{2500}'..='\u{25fc}'
        | '\u{2713}'
        | '\u{2717}'
        | '\u{2800}'..='\u{28ff}' => {
            letter == '\u{ad}'
                || letter.width() != Some(1)
                || (caps.ambiguous_wide && letter.width_cjk() != Some(1))
                || matches!(
                    letter,
                    '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{25aa}'..='\u{25ab}'
                )
        }
        // Kana, ideographs, Hangul, full width forms.
        '\u{3000}'..='\u{3029}'
        | '\u{3041}'..='\u{3096}'
        | '\u{30a0}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{ff01}'..='\u{ff60}' => letter.width() != Some(2),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::{Color, Modifier, Style};

    use super::*;

    fn grid(text: &str) -> Grid {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 1));
        buffer.set_string(0, 0, text, Style::new());
        Grid::of(&buffer, &Caps::default())
    }

    fn with_symbol(symbol: &str) -> Grid {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 1));
        buffer[(1, 0)].set_symbol(symbol);
        Grid::of(&buffer, &Caps::default())
    }

    #[test]
    fn a_wide_glyph_covers_the_cell_behind_it() {
        let grid = grid("a世b");
        assert_eq!(grid.row(0)[1].text, Text::Char('世'));
        assert_eq!(grid.row(0)[2].text, Text::Covered);
        assert_eq!(grid.row(0)[3].text, Text::Char('b'));
    }

    #[test]
    fn what_steers_or_is_cut_is_a_space() {
        for symbol in [
            "\x1b[2J",
            "\n",
            "\u{9b}2J",
            "a\u{202e}",
            "\u{301}",
            "世",
            "",
        ] {
            assert_eq!(with_symbol(symbol).row(0)[1], Glyph::BLANK, "{symbol:?}");
        }
    }

    #[test]
    fn what_looks_the_same_is_equal() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 1));
        let style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
        buffer.set_style(buffer.area, style);
        assert_eq!(Grid::of(&buffer, &Caps::default()), grid(""));
    }

    #[test]
    fn emoji_and_marks_are_doubtful_and_letters_are_not() {
        let doubt = |text: &str| grid(text).row(0)[0].doubtful;
        for text in ["❤️", "👩‍👩‍👧", "e\u{301}", "🙂", "☃", "\u{e000}"] {
            assert!(doubt(text), "{text:?}");
        }
        for text in ["a", "é", "ж", "│", "●", "✓", "世", "한", "ש"] {
            assert!(!doubt(text), "{text:?}");
        }
    }
}
