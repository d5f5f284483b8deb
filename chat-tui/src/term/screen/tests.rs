//! What a terminal shows after our bytes is what was drawn, and the bytes are few.

use std::num::NonZero;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::{Color, Modifier, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::super::caps::{Caps, Depth};
use super::super::paint::grid::{Grid, Text};
use super::Screen;

/// A terminal that scrolls within columns, made of one that does not: what stands there is written anew.
struct Terminal {
    parser: vt100::Parser,
    size: Size,
}

const MARGINS: &[u8] = b"\x1b[?69h\x1b[";
const MARGINS_END: &[u8] = b"\x1b[?69l";

impl Terminal {
    fn new(size: Size) -> Self {
        let nonzero = |count| NonZero::new(count).expect("a size");
        let parser = vt100::Parser::new(nonzero(size.height), nonzero(size.width), 0);
        Self { parser, size }
    }

    fn take(&mut self, bytes: &[u8]) {
        let Some(at) = bytes
            .windows(MARGINS.len())
            .position(|part| part == MARGINS)
        else {
            return self.parser.process(bytes);
        };
        let rest = &bytes[at + MARGINS.len()..];
        let end = rest
            .windows(MARGINS_END.len())
            .position(|part| part == MARGINS_END);
        let end = end.expect("margins are left again");
        self.parser.process(&bytes[..at]);
        self.scroll(std::str::from_utf8(&rest[..end]).expect("a sequence"));
        self.take(&rest[end + MARGINS_END.len()..]);
    }

    /// `left;rights ESC [ top;bottomr ESC [ byS`
    fn scroll(&mut self, sequence: &str) {
        let parts: Vec<&str> = sequence.split("\x1b[").collect();
        let number = |text: &str| text.parse::<u16>().ok();
        let (left, _) = parts[0].split_once(';').expect("two columns");
        let left = number(left).expect("a column") - 1;
        let (top, bottom) = parts[1]
            .trim_end_matches('r')
            .split_once(';')
            .unwrap_or((parts[1].trim_end_matches('r'), ""));
        let top = number(top).unwrap_or(1) - 1;
        let bottom = number(bottom).unwrap_or(self.size.height);
        let (by, down) = parts[2].split_at(parts[2].len() - 1);
        let by = i32::from(number(by).unwrap_or(1)) * if down == "T" { -1 } else { 1 };
        let screen = self.parser.screen();
        let rows: Vec<String> = screen
            .rows_formatted(left, self.size.width - left)
            .collect();
        let mut bytes = Vec::new();
        for y in top..bottom {
            bytes.extend(format!("\x1b[m\x1b[{};{}H\x1b[K", y + 1, left + 1).into_bytes());
            let from = i32::from(y) + by;
            if (i32::from(top)..i32::from(bottom)).contains(&from) {
                bytes.extend_from_slice(rows[usize::try_from(from).expect("a row")].as_bytes());
            }
        }
        bytes.extend_from_slice(b"\x1b[m");
        self.parser.process(&bytes);
    }

    /// Compares it with a buffer, but for glyphs in whose width the two differ.
    fn check(&self, buffer: &Buffer, cursor: Option<Position>) {
        let screen = self.parser.screen();
        let grid = Grid::of(buffer, &caps(false));
        let shown = (0..self.size.height).map(|y| (y, grid.row(y)));
        for (y, row) in shown {
            let mut doubtful = false;
            for (x, glyph) in (0..).zip(row) {
                doubtful = glyph.doubtful || (doubtful && glyph.text == Text::Covered);
                let cell = screen.cell(y, x).expect("a cell");
                let told = match &glyph.text {
                    Text::Char(letter) => letter.to_string(),
                    Text::Cluster(text) => text.to_string(),
                    Text::Covered => String::new(),
                };
                if doubtful {
                    continue;
                }
                let contents = if cell.has_contents() || cell.is_wide_continuation() {
                    cell.contents().to_owned()
                } else {
                    " ".to_owned()
                };
                assert_eq!(contents, told, "at {x},{y} of\n{}", screen.contents());
                if glyph.text != Text::Covered {
                    let seen = |style| if told == " " { on_space(style) } else { style };
                    let (style, wanted) = (style_of(cell), style_of_pen(glyph.pen));
                    assert_eq!(seen(style), seen(wanted), "at {x},{y}: {told:?}");
                }
            }
        }
        assert_eq!(screen.hide_cursor(), cursor.is_none());
        if let Some(at) = cursor {
            assert_eq!(screen.cursor_position(), (at.y, at.x));
        }
    }
}

/// Colours, and which attributes.
type Shown = (vt100::Color, vt100::Color, [bool; 5]);

/// What is seen of it on a space: without a line or a turned background, the background alone.
fn on_space((foreground, background, attributes): Shown) -> Shown {
    let [.., underline, inverse] = attributes;
    let foreground = match underline || inverse {
        true => foreground,
        false => vt100::Color::Default,
    };
    (
        foreground,
        background,
        [false, false, false, underline, inverse],
    )
}

fn style_of(cell: &vt100::Cell) -> Shown {
    let attributes = [
        cell.bold(),
        cell.dim(),
        cell.italic(),
        cell.underline(),
        cell.inverse(),
    ];
    (cell.fgcolor(), cell.bgcolor(), attributes)
}

fn style_of_pen(pen: super::super::paint::pen::Pen) -> Shown {
    let (foreground, background, modifier) = (pen.foreground, pen.background, pen.modifier);
    let color = |color| match color {
        Color::Reset => vt100::Color::Default,
        Color::Red => vt100::Color::Idx(1),
        Color::Cyan => vt100::Color::Idx(6),
        Color::DarkGray => vt100::Color::Idx(8),
        Color::Indexed(index) => vt100::Color::Idx(index),
        Color::Rgb(red, green, blue) => vt100::Color::Rgb(red, green, blue),
        other => panic!("{other:?}"),
    };
    let has = |one| modifier.contains(one);
    let attributes = [
        has(Modifier::BOLD),
        has(Modifier::DIM),
        has(Modifier::ITALIC),
        has(Modifier::UNDERLINED),
        has(Modifier::REVERSED),
    ];
    (color(foreground), color(background), attributes)
}

/// One change of a picture.
#[derive(Debug, Clone)]
enum Change {
    Text(u16, u16, &'static str, Style),
    Shift {
        top: u16,
        height: u16,
        left: u16,
        by: i16,
    },
    Clear(u16),
    Redraw,
}

const TEXTS: [&str; 14] = [
    "hello there, how is it going today?",
    "a",
    "          ",
    "x y  z   1    2     3",
    "世界 and 한국어 かな",
    "ｆｕｌｌ",
    "e\u{301}a\u{308}o",
    "🙂 smile",
    "👩‍👩‍👧 family",
    "❤️ heart, ☃ snow",
    "🇩🇪🇫🇷",
    "ağ ж ω ש مرحبا",
    "\x1b[31m\u{9b}K",
    "│ ● ben   2m │ ─────",
];

fn styles() -> impl Strategy<Value = Style> {
    prop::sample::select(vec![
        Style::new(),
        Style::new(),
        Style::new().fg(Color::Red),
        Style::new()
            .fg(Color::DarkGray)
            .add_modifier(Modifier::BOLD),
        Style::new().bg(Color::Cyan).add_modifier(Modifier::ITALIC),
        Style::new()
            .fg(Color::Indexed(99))
            .add_modifier(Modifier::REVERSED | Modifier::DIM),
        Style::new()
            .bg(Color::Rgb(1, 2, 3))
            .add_modifier(Modifier::UNDERLINED | Modifier::BOLD),
    ])
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let text = (
        0..40_u16,
        0..12_u16,
        prop::sample::select(TEXTS.to_vec()),
        styles(),
    );
    let shift = (
        0..12_u16,
        2..12_u16,
        prop::sample::select(vec![0_u16, 0, 5, 9]),
        -3..4_i16,
    );
    let one = prop_oneof![
        6 => text.prop_map(|(x, y, text, style)| Change::Text(x, y, text, style)),
        3 => shift.prop_map(|(top, height, left, by)| Change::Shift { top, height, left, by }),
        1 => (0..12_u16).prop_map(Change::Clear),
        1 => Just(Change::Redraw),
    ];
    prop::collection::vec(one, 1..12)
}

fn apply(change: &Change, buffer: &mut Buffer) {
    let area = buffer.area;
    match *change {
        Change::Text(x, y, text, style) if x < area.width && y < area.height => {
            // By cells, so that controls come in as well.
            buffer.set_string(x, y, text, style);
            if text.starts_with('\x1b') {
                buffer[(x, y)].set_symbol(text);
            }
        }
        Change::Clear(y) if y < area.height => {
            for x in 0..area.width {
                buffer[(x, y)].reset();
            }
        }
        Change::Shift {
            top,
            height,
            left,
            by,
        } => {
            let before = buffer.clone();
            let rows = top..(top + height).min(area.height);
            for y in rows.clone() {
                for x in left..area.width {
                    let from = y.checked_add_signed(by).filter(|from| rows.contains(from));
                    buffer[(x, y)] =
                        from.map_or_else(Default::default, |from| before[(x, from)].clone());
                }
            }
        }
        _ => {}
    }
}

/// The emulator knows no way to keep a glyph from wrapping that is wider to it than to us; real ones are told to.
fn uncut(buffer: &mut Buffer) {
    let width = usize::from(buffer.area.width);
    for (at, cell) in buffer.content.iter_mut().enumerate() {
        let wide: usize = cell
            .symbol()
            .chars()
            .map(|letter| letter.width().unwrap_or(0))
            .sum();
        if wide > width - at % width {
            cell.reset();
        }
    }
}

fn caps(margins: bool) -> Caps {
    Caps {
        depth: Depth::True,
        margins,
        ..Caps::default()
    }
}

fn size() -> impl Strategy<Value = Size> {
    (1..45_u16, 1..14_u16).prop_map(|(width, height)| Size::new(width, height))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_terminal_shows_what_was_drawn(
        size in size(),
        margins in any::<bool>(),
        frames in prop::collection::vec((changes(), prop::option::of((0..40_u16, 0..12_u16))), 1..8),
    ) {
        let mut buffer = Buffer::empty(Rect::new(0, 0, size.width, size.height));
        let mut terminal = Terminal::new(size);
        let mut screen = Screen::new(Vec::new(), caps(margins));
        for (changes, cursor) in frames {
            for change in &changes {
                apply(change, &mut buffer);
                uncut(&mut buffer);
                if matches!(change, Change::Redraw) {
                    screen.force_redraw();
                }
            }
            let cursor = cursor.map(|(x, y)| Position::new(x.min(size.width - 1), y.min(size.height - 1)));
            screen.draw(size, |frame| {
                frame.buffer.clone_from(&buffer);
                if let Some(at) = cursor {
                    frame.set_cursor(at);
                }
            }).expect("memory can be written");
            terminal.take(&std::mem::take(&mut screen.out));
            terminal.check(&buffer, cursor);
        }
    }
}

const SIZE: Size = Size::new(120, 36);

/// A pane of messages above a line of input, perhaps beside a list.
struct Picture {
    first: usize,
    input: String,
    list: bool,
}

impl Picture {
    fn paint(&self, frame: &mut super::Frame<'_>) {
        let left = if self.list { 30 } else { 0 };
        let quiet = Style::new().fg(Color::DarkGray);
        for y in 0..SIZE.height - 3 {
            if self.list && y < 15 {
                let name = format!("  ● person {y:<9} {:>3}m  @{}", y * 7, y % 5);
                let style = if y % 3 == 0 {
                    Style::new().add_modifier(Modifier::BOLD)
                } else {
                    Style::new()
                };
                frame.buffer.set_string(0, y, name, style);
            }
            if self.list {
                frame.buffer.set_string(28, y, "│", quiet);
            }
            let number = self.first + usize::from(y);
            let text = format!(
                "message {number} says that {} is {}",
                number * 37 % 101,
                number * number % 997
            );
            frame.buffer.set_string(
                left,
                y,
                format!("{:02}:{:02}", number / 60 % 24, number % 60),
                quiet,
            );
            frame.buffer.set_string(left + 8, y, text, Style::new());
        }
        frame
            .buffer
            .set_string(0, SIZE.height - 3, "─".repeat(120), quiet);
        let y = SIZE.height - 2;
        frame
            .buffer
            .set_string(0, y, format!(" › {}", self.input), Style::new());
        frame
            .buffer
            .set_string(0, y + 1, " ^K switch   F1 help", quiet);
        let x = 3 + u16::try_from(self.input.width()).expect("short");
        frame.set_cursor((x, y));
    }
}

/// How many bytes it takes to come from one picture to the other.
fn bytes(caps: Caps, before: &Picture, after: &Picture) -> usize {
    let mut terminal = Terminal::new(SIZE);
    let mut screen = Screen::new(Vec::new(), caps);
    screen
        .draw(SIZE, |frame| before.paint(frame))
        .expect("memory");
    terminal.take(&std::mem::take(&mut screen.out));
    let bytes = screen
        .draw(SIZE, |frame| after.paint(frame))
        .expect("memory");
    terminal.take(&std::mem::take(&mut screen.out));
    let mut buffer = Buffer::empty(Rect::new(0, 0, SIZE.width, SIZE.height));
    let mut frame = super::Frame {
        buffer: &mut buffer,
        cursor: None,
        shape: super::Shape::Default,
    };
    after.paint(&mut frame);
    let cursor = frame.cursor;
    terminal.check(&buffer, cursor);
    bytes
}

fn picture(first: usize, input: &str, list: bool) -> Picture {
    Picture {
        first,
        input: input.into(),
        list,
    }
}

#[test]
fn a_key_at_the_cursor_costs_its_own_byte() {
    let cost = |before: &str, after: &str| {
        bytes(
            Caps::default(),
            &picture(1, before, true),
            &picture(1, after, true),
        )
    };
    // The last row of the first frame was quiet, so the first key also changes the pen.
    let pen = "\x1b[m".len();
    assert_eq!(cost("hel", "hell"), pen + 1);
    assert_eq!(cost("日", "日本"), pen + 3);
    // What is a space has no colour to be seen.
    assert_eq!(cost("hell", "hel"), "\x08 \x08".len());
    assert_eq!(cost("the end", "the end"), 0);
    assert!(cost("a line of words", "a") <= 20);
}

#[test]
fn a_new_line_in_a_full_pane_costs_the_line_and_the_scroll() {
    let cost = bytes(
        Caps::default(),
        &picture(100, "", false),
        &picture(101, "", false),
    );
    assert!(cost <= 100, "{cost} bytes");
    let back = bytes(
        Caps::default(),
        &picture(101, "", false),
        &picture(98, "", false),
    );
    assert!(back <= 250, "{back} bytes");
}

#[test]
fn beside_a_list_a_terminal_with_margins_scrolls_the_pane_alone() {
    let step = |margins| {
        let caps = Caps {
            margins,
            ..Caps::default()
        };
        bytes(caps, &picture(100, "", true), &picture(101, "", true))
    };
    let (with, without) = (step(true), step(false));
    assert!(with <= 130, "{with} bytes");
    assert!(without <= 700, "{without} bytes");
}

#[test]
fn a_short_frame_goes_without_marks_and_a_long_one_with() {
    let mut screen = Screen::new(Vec::new(), Caps::default());
    let size = Size::new(80, 24);
    let mut draw = |count: usize| {
        screen
            .draw(size, |frame| {
                frame
                    .buffer
                    .set_stringn(0, 0, "x".repeat(count), 2000, Style::new());
                for y in 1..u16::try_from(count / 80 + 1).expect("small") {
                    frame.buffer.set_string(0, y, "y".repeat(80), Style::new());
                }
            })
            .expect("memory");
        String::from_utf8(std::mem::take(&mut screen.out)).expect("UTF-8")
    };
    assert!(!draw(10).contains("2026"));
    let long = draw(1000);
    assert!(long.starts_with("\x1b[?2026h") && long.ends_with("\x1b[?2026l"));
}

#[test]
fn a_broken_write_is_followed_by_a_whole_frame() {
    struct Broken(usize, Vec<u8>);
    impl std::io::Write for Broken {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += 1;
            if self.0 == 2 {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            self.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut screen = Screen::new(Broken(0, Vec::new()), Caps::default());
    let size = Size::new(20, 2);
    let mut draw = |text: &str| {
        screen.draw(size, |frame| {
            frame.buffer.set_string(0, 0, text, Style::new());
        })
    };
    draw("one").expect("the first write works");
    draw("two").expect_err("the second does not");
    draw("two").expect("the third does");
    let bytes = String::from_utf8(screen.out.1).expect("UTF-8");
    assert!(bytes.contains("two"), "{bytes:?}");
    assert_eq!(bytes.matches("\x1b[2J").count(), 2);
}
