//! Where the terminal stands and what it writes with, while bytes are made for it.

use std::io::Write as _;

use ratatui::layout::Position;

use super::grid::{Glyph, Text};
use super::pen::Pen;

/// Bytes for a terminal, and in which state it is after them.
#[derive(Debug, Clone)]
pub(in super::super) struct Writer {
    pub(in super::super) bytes: Vec<u8>,
    /// Where the cursor stands; none: unknown.
    at: Option<Position>,
    /// What it writes with; none: unknown.
    pen: Option<Pen>,
    /// The first column behind the screen.
    width: u16,
}

impl Writer {
    /// Of a terminal of which nothing is known.
    pub(in super::super) fn new(width: u16) -> Self {
        Self {
            bytes: Vec::new(),
            at: None,
            pen: None,
            width,
        }
    }

    /// The same state, without the bytes that led to it.
    pub(in super::super) fn emptied(&self) -> Self {
        Self {
            bytes: Vec::new(),
            ..*self
        }
    }

    /// Takes bytes that leave the cursor where nobody knows.
    pub(super) fn raw(&mut self, bytes: std::fmt::Arguments<'_>) {
        self.at = None;
        put(&mut self.bytes, bytes);
    }

    /// Moves the rows between the margins, up when `by` is positive. The cursor stays.
    pub(super) fn scroll(&mut self, by: i32) {
        let last = if by > 0 { 'S' } else { 'T' };
        match by.unsigned_abs() {
            1 => put(&mut self.bytes, format_args!("\x1b[{last}")),
            rows => put(&mut self.bytes, format_args!("\x1b[{rows}{last}")),
        }
    }

    /// The cursor went to the corner.
    pub(super) fn at_home(&mut self) {
        self.at = Some(Position::ORIGIN);
    }

    /// Empties the screen.
    pub(in super::super) fn clear(&mut self) {
        self.set_pen(Pen::PLAIN);
        self.raw(format_args!("\x1b[H\x1b[2J"));
        self.at_home();
    }

    pub(super) fn set_pen(&mut self, pen: Pen) {
        pen.write(self.pen, &mut self.bytes);
        self.pen = Some(pen);
    }

    /// Where the cursor is known to stand.
    pub(super) fn at(&self) -> Option<Position> {
        self.at
    }

    /// Writes a glyph that takes `cells` where the cursor stands.
    pub(super) fn glyph(&mut self, glyph: &Glyph, cells: u16) {
        if !self.wears(glyph) {
            self.set_pen(glyph.pen);
        }
        match &glyph.text {
            Text::Char(letter) => {
                let mut utf8 = [0; 4];
                let text = letter.encode_utf8(&mut utf8);
                self.bytes.extend_from_slice(text.as_bytes());
            }
            Text::Cluster(text) => self.bytes.extend_from_slice(text.as_bytes()),
            Text::Covered => {}
        }
        self.at = self.at.and_then(|at| {
            let x = at.x.saturating_add(cells);
            // At the edge some terminals wait with the step, others have made it.
            (!glyph.doubtful && x < self.width).then_some(Position { x, y: at.y })
        });
    }

    /// Whether a glyph would look the same without a change of the pen: the colour of a space is not seen.
    pub(super) fn wears(&self, glyph: &Glyph) -> bool {
        self.pen.is_some_and(|pen| match glyph.text {
            Text::Char(' ') => pen.spaces_as(glyph.pen),
            _ => pen == glyph.pen,
        })
    }

    /// Empties the row from the cursor on.
    pub(super) fn erase_to_end(&mut self) {
        if !self.wears(&Glyph::BLANK) {
            self.set_pen(Pen::PLAIN);
        }
        self.bytes.extend_from_slice(b"\x1b[K");
    }

    /// Goes to a place, the shortest way.
    pub(in super::super) fn go(&mut self, to: Position) {
        if self.at == Some(to) {
            return;
        }
        let way = self.way(to);
        self.bytes.extend_from_slice(&way);
        self.at = Some(to);
    }

    /// The shortest bytes to a place.
    pub(super) fn way(&self, to: Position) -> Vec<u8> {
        let absolute = absolute(to);
        let Some(from) = self.at else {
            return absolute;
        };
        if from == to {
            return Vec::new();
        }
        let mut ways = vec![absolute];
        let mut down = vertical(from.y, to.y);
        let sideways = horizontal(from.x, to.x);
        // From the left edge on: a line feed is what some terminals go back to the edge for.
        let mut edge = vec![b'\r'];
        let rows = usize::from(to.y.saturating_sub(from.y));
        match rows {
            0 => edge.extend_from_slice(&down),
            1..=3 => edge.extend(std::iter::repeat_n(b'\n', rows)),
            _ => edge.extend_from_slice(&down),
        }
        edge.extend(horizontal(0, to.x));
        ways.push(edge);
        down.extend(sideways);
        ways.push(down);
        let shortest = ways.into_iter().min_by_key(Vec::len);
        shortest.unwrap_or_default()
    }
}

fn put(bytes: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    // Writing to memory cannot fail.
    let _ = bytes.write_fmt(what);
}

fn bytes_of(what: std::fmt::Arguments<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, what);
    bytes
}

fn absolute(to: Position) -> Vec<u8> {
    let (x, y) = (u32::from(to.x) + 1, u32::from(to.y) + 1);
    match (x, y) {
        (1, 1) => b"\x1b[H".to_vec(),
        (1, y) => bytes_of(format_args!("\x1b[{y}H")),
        (x, 1) => bytes_of(format_args!("\x1b[;{x}H")),
        (x, y) => bytes_of(format_args!("\x1b[{y};{x}H")),
    }
}

fn relative(count: u16, last: char) -> Vec<u8> {
    match count {
        1 => bytes_of(format_args!("\x1b[{last}")),
        count => bytes_of(format_args!("\x1b[{count}{last}")),
    }
}

fn vertical(from: u16, to: u16) -> Vec<u8> {
    match from.cmp(&to) {
        std::cmp::Ordering::Equal => Vec::new(),
        std::cmp::Ordering::Less => relative(to - from, 'B'),
        std::cmp::Ordering::Greater => relative(from - to, 'A'),
    }
}

fn horizontal(from: u16, to: u16) -> Vec<u8> {
    match from.cmp(&to) {
        std::cmp::Ordering::Equal => Vec::new(),
        std::cmp::Ordering::Less => relative(to - from, 'C'),
        std::cmp::Ordering::Greater if to == 0 => b"\r".to_vec(),
        std::cmp::Ordering::Greater if from - to <= 3 => vec![8; usize::from(from - to)],
        std::cmp::Ordering::Greater => relative(from - to, 'D'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(from: (u16, u16), to: (u16, u16)) -> String {
        let mut writer = Writer::new(120);
        writer.at = Some(from.into());
        String::from_utf8(writer.way(to.into())).unwrap()
    }

    #[test]
    fn the_shortest_way_is_taken() {
        assert_eq!(way((5, 5), (5, 5)), "");
        assert_eq!(way((5, 5), (0, 5)), "\r");
        assert_eq!(way((5, 5), (3, 5)), "\x08\x08");
        assert_eq!(way((5, 5), (0, 6)), "\r\n");
        assert_eq!(way((50, 15), (30, 16)), "\r\n\x1b[30C");
        assert_eq!(way((5, 5), (6, 5)), "\x1b[C");
        assert_eq!(way((5, 5), (5, 6)), "\x1b[B");
        assert_eq!(way((5, 5), (0, 0)), "\x1b[H");
        assert_eq!(way((5, 5), (100, 30)), "\x1b[31;101H");
        assert_eq!(way((110, 5), (8, 5)), "\r\x1b[8C");
    }

    #[test]
    fn from_nowhere_the_place_is_said_whole() {
        let writer = Writer::new(120);
        assert_eq!(writer.way((0, 4).into()), b"\x1b[5H");
        assert_eq!(writer.way((7, 0).into()), b"\x1b[;8H");
    }
}
