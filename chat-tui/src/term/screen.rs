//! Draws frames on a terminal with few bytes: what differs from the last frame, in one write.

use std::io::{self, Write};

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};

use super::caps::Caps;
use super::event::Answer;
use super::paint::grid::Grid;
use super::paint::writer::Writer;
use super::paint::{diff, scroll};

/// A frame that is longer is shown as a whole: below, the two marks cost more than they bring.
const SYNC_BYTES: usize = 256;
/// For fewer bytes no scrolling is looked for.
const SCROLL_BYTES: usize = 48;
const SYNC_BEGIN: &[u8] = b"\x1b[?2026h";
const SYNC_END: &[u8] = b"\x1b[?2026l";

/// How the cursor looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// As the terminal has it.
    #[default]
    Default,
    /// A block.
    Block,
    /// A line under the cell.
    Underline,
    /// A line before the cell.
    Bar,
}

/// A frame in the making: a buffer for widgets, and the cursor.
#[derive(Debug)]
pub struct Frame<'a> {
    /// Where widgets draw; empty at the start.
    pub buffer: &'a mut Buffer,
    cursor: Option<Position>,
    shape: Shape,
}

impl Frame<'_> {
    /// All of it.
    #[must_use]
    pub fn area(&self) -> Rect {
        self.buffer.area
    }

    /// Shows the cursor at a place; without this it is hidden.
    pub fn set_cursor(&mut self, at: impl Into<Position>) {
        self.cursor = Some(at.into());
    }

    /// Changes how the cursor looks.
    pub fn set_shape(&mut self, shape: Shape) {
        self.shape = shape;
    }
}

/// The terminal as it was drawn last.
#[derive(Debug)]
pub struct Screen<W> {
    out: W,
    caps: Caps,
    buffer: Buffer,
    shown: Grid,
    /// Room for the next frame, and for what rows that moved would leave.
    next: Grid,
    moved: Grid,
    writer: Writer,
    /// Whether `shown` is what the terminal shows.
    known: bool,
    cursor_shown: Option<bool>,
    shape: Option<Shape>,
}

impl<W: Write> Screen<W> {
    /// Of a terminal that shows nobody knows what.
    pub fn new(out: W, caps: Caps) -> Self {
        Self {
            out,
            caps,
            buffer: Buffer::empty(Rect::ZERO),
            shown: Grid::blank(Size::ZERO),
            next: Grid::blank(Size::ZERO),
            moved: Grid::blank(Size::ZERO),
            writer: Writer::new(0),
            known: false,
            cursor_shown: None,
            shape: None,
        }
    }

    /// What the terminal can.
    #[must_use]
    pub fn caps(&self) -> &Caps {
        &self.caps
    }

    /// Takes what the terminal answered.
    pub fn learn(&mut self, answer: Answer) {
        self.caps.learn(answer);
    }

    /// The next frame is drawn whole: somebody else has written on the terminal.
    pub fn force_redraw(&mut self) {
        self.known = false;
    }

    /// Draws a frame; gives how many bytes it took.
    ///
    /// # Errors
    /// When the terminal cannot be written to: it is gone.
    pub fn draw(&mut self, size: Size, paint: impl FnOnce(&mut Frame<'_>)) -> io::Result<usize> {
        if size.width == 0 || size.height == 0 {
            return Ok(0);
        }
        self.buffer.resize(Rect::new(0, 0, size.width, size.height));
        self.buffer.reset();
        let mut frame = Frame {
            buffer: &mut self.buffer,
            cursor: None,
            shape: Shape::Default,
        };
        paint(&mut frame);
        let (cursor, shape) = (frame.cursor, frame.shape);
        self.next.show(&self.buffer, &self.caps);
        let mut writer = self.encode();
        self.put_cursor(&mut writer, cursor, shape);
        let written = self.send(&writer.bytes);
        // What a broken write has left on the terminal is unknown.
        self.known = written.is_ok();
        std::mem::swap(&mut self.shown, &mut self.next);
        self.writer = writer.emptied();
        written
    }

    fn encode(&mut self) -> Writer {
        let size = self.next.size();
        if self.known && self.shown.size() == size {
            return self.shortest();
        }
        self.cursor_shown = None;
        self.shape = None;
        let mut writer = Writer::new(size.width);
        writer.clear();
        diff::write(&Grid::blank(size), &self.next, &mut writer);
        writer
    }

    /// Makes the bytes in each way that may be short, and takes the shortest.
    fn shortest(&mut self) -> Writer {
        let next = &self.next;
        let mut shortest = self.writer.emptied();
        diff::write(&self.shown, next, &mut shortest);
        if shortest.bytes.len() <= SCROLL_BYTES || !self.caps.scroll {
            return shortest;
        }
        for shift in scroll::proposals(&self.shown, next, self.caps.margins) {
            let mut writer = self.writer.emptied();
            shift.write(&self.shown, &mut writer);
            shift.apply(&self.shown, &mut self.moved);
            diff::write(&self.moved, next, &mut writer);
            if writer.bytes.len() < shortest.bytes.len() {
                shortest = writer;
            }
        }
        shortest
    }

    fn put_cursor(&mut self, writer: &mut Writer, cursor: Option<Position>, shape: Shape) {
        let size = self.buffer.area;
        if let Some(at) = cursor {
            let at = Position::new(at.x.min(size.width - 1), at.y.min(size.height - 1));
            writer.go(at);
        }
        if self.cursor_shown != Some(cursor.is_some()) {
            let code = if cursor.is_some() { b'h' } else { b'l' };
            writer.bytes.extend_from_slice(b"\x1b[?25");
            writer.bytes.push(code);
            self.cursor_shown = Some(cursor.is_some());
        }
        if cursor.is_some() && self.shape.unwrap_or_default() != shape {
            let code: &[u8] = match shape {
                Shape::Default => b"\x1b[ q",
                Shape::Block => b"\x1b[2 q",
                Shape::Underline => b"\x1b[4 q",
                Shape::Bar => b"\x1b[6 q",
            };
            writer.bytes.extend_from_slice(code);
            self.shape = Some(shape);
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if bytes.len() <= SYNC_BYTES || !self.caps.sync {
            self.out.write_all(bytes)?;
            self.out.flush()?;
            return Ok(bytes.len());
        }
        let whole = [SYNC_BEGIN, bytes, SYNC_END].concat();
        self.out.write_all(&whole)?;
        self.out.flush()?;
        Ok(whole.len())
    }
}

#[cfg(test)]
mod tests;
