//! The rows of a message's own words: lines that wrap, and pieces of code that do not.

use chat_proto::{Kind, Name, Safe};

use super::geometry::Frame;
use super::inline;
use super::row::{Piece, Tone};
use crate::text::{Shown, count};

/// Rows of words of a message before it is expanded.
const WORD_ROWS_MAX: usize = 60;
/// Rows of an expanded message: beyond that, copying it is the way.
const EXPANDED_ROWS_MAX: usize = 2_000;

/// A row of words before it is known where it stands.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) indent: usize,
    pub(super) pieces: Vec<Piece>,
    pub(super) right: Vec<Piece>,
}

/// What is to be laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    pub(super) kind: &'a Kind,
    pub(super) lang: Option<&'a str>,
    pub(super) expanded: bool,
}

/// The rows of a text: at least one.
pub(super) fn rows(text: Text<'_>, frame: &Frame, me: Option<&Name>) -> Vec<Words> {
    let safe = Safe::lines(text.text);
    let lang = text.lang.unwrap_or_default();
    let blocks = Blocks {
        whole: (*text.kind == Kind::Code).then(|| Shown::preview(lang)),
        lines: Shown::lines(&safe),
    };
    let max = match text.expanded {
        true => EXPANDED_ROWS_MAX,
        false => WORD_ROWS_MAX,
    };
    let mut rows = Vec::new();
    for block in blocks {
        match block {
            Block::Words(line) => words(&mut rows, &line, max + 1, frame, me),
            Block::Code { lang, lines } => code(&mut rows, &lang, &lines, text.expanded, frame),
        }
        if rows.len() > max {
            rows.truncate(max);
            rows.push(goes_on(text.expanded, frame));
            break;
        }
    }
    if rows.is_empty() {
        rows.push(Words::default());
    }
    rows
}

/// The first piece of code of a message, to be copied.
#[must_use]
pub fn code_of(text: &str, kind: &Kind) -> Option<String> {
    if *kind == Kind::Code {
        return Some(text.to_owned());
    }
    let mut lines = text.split('\n').skip_while(|line| fence(line).is_none());
    lines.next()?;
    let code: Vec<&str> = lines.take_while(|line| !closes(line)).collect();
    Some(code.join("\n"))
}

/// A part of a text.
enum Block<'a> {
    Words(Shown<'a>),
    Code {
        lang: Shown<'static>,
        lines: Vec<Shown<'a>>,
    },
}

/// The parts of a text, found as they are asked for.
struct Blocks<'a, L: Iterator<Item = Shown<'a>>> {
    lines: L,
    /// All of it is code, in this language.
    whole: Option<Shown<'static>>,
}

impl<'a, L: Iterator<Item = Shown<'a>>> Iterator for Blocks<'a, L> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        if let Some(lang) = self.whole.take() {
            let lines = self.lines.by_ref().collect();
            return Some(Block::Code { lang, lines });
        }
        let line = self.lines.next()?;
        let Some(lang) = fence(line.as_str()) else {
            return Some(Block::Words(line));
        };
        let lang = Shown::preview(lang);
        let inside = self.lines.by_ref();
        let lines = inside.take_while(|line| !closes(line.as_str()));
        Some(Block::Code {
            lang,
            lines: lines.collect(),
        })
    }
}

/// The language behind the fence that opens a piece of code.
fn fence(line: &str) -> Option<&str> {
    let lang = line.trim_start().strip_prefix("```")?;
    // Three ticks with more ticks behind words are a piece within a line, not a fence.
    (!lang.contains('`')).then(|| lang.trim())
}

fn closes(line: &str) -> bool {
    line.trim() == "```"
}

/// Wraps a line, as far as `max` rows in all.
fn words(rows: &mut Vec<Words>, line: &Shown<'_>, max: usize, frame: &Frame, me: Option<&Name>) {
    let marked = inline::marked(line.as_str(), me);
    let left = max.saturating_sub(rows.len());
    for row in line.wrap(frame.text_cells()).take(left) {
        rows.push(Words {
            indent: frame.indent,
            pieces: inline::pieces(line, row, &marked),
            right: Vec::new(),
        });
    }
}

fn code(
    rows: &mut Vec<Words>,
    lang: &Shown<'_>,
    lines: &[Shown<'_>],
    expanded: bool,
    frame: &Frame,
) {
    if frame.wide {
        let number = count(lines.len() as u64, "line");
        let title = match lang.is_empty() {
            true => number,
            false => format!("{lang} {} {number}", frame.glyphs.dot),
        };
        let title = Shown::line(&title);
        let title = title.truncate(frame.code_cells(), frame.glyphs.ellipsis);
        rows.push(beside_bar(title, Tone::Quiet, frame));
    }
    // One line more costs no more than to say that there is one more.
    let all = expanded || lines.len() <= frame.code_rows + 1;
    let shown = if all { lines.len() } else { frame.code_rows };
    for line in &lines[..shown] {
        code_line(rows, line, expanded, frame);
        if rows.len() > EXPANDED_ROWS_MAX {
            return;
        }
    }
    if !all {
        let more = count((lines.len() - shown) as u64, "line");
        let more = format!("+{more}");
        let mut row = beside_bar(Shown::line(&more), Tone::Quiet, frame);
        row.right.push(Piece::own("Enter expand", Tone::Quiet));
        rows.push(row);
    }
}

/// Cut at the edge, so that code keeps its shape; wrapped once it is expanded.
fn code_line(rows: &mut Vec<Words>, line: &Shown<'_>, expanded: bool, frame: &Frame) {
    let room = frame.code_cells();
    if !expanded {
        let line = line.truncate(room, frame.glyphs.ellipsis);
        rows.push(beside_bar(line, Tone::Code, frame));
        return;
    }
    for row in line.wrap(room) {
        rows.push(beside_bar(line.part(row), Tone::Code, frame));
    }
}

fn beside_bar(text: Shown<'_>, tone: Tone, frame: &Frame) -> Words {
    Words {
        indent: frame.code_indent,
        pieces: vec![
            Piece::own(frame.glyphs.code, Tone::Quiet),
            Piece::own(" ", Tone::Quiet),
            Piece::new(text, tone),
        ],
        right: Vec::new(),
    }
}

fn goes_on(expanded: bool, frame: &Frame) -> Words {
    let hint = match expanded {
        true => "y copies all of it",
        false => "Enter expand",
    };
    Words {
        indent: frame.indent,
        pieces: vec![Piece::own(frame.glyphs.ellipsis, Tone::Quiet)],
        right: vec![Piece::own(hint, Tone::Quiet)],
    }
}
