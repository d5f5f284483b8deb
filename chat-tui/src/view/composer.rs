//! What is being written: the draft in one to six rows, with the cursor where the next letter goes.

use chat_proto::{Safe, text::clean_text};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;
use unicode_segmentation::UnicodeSegmentation;

use super::look::{Look, cells, key, shown, switcher_key};
use crate::app::model::Model;
use crate::app::model::composer::Composer;
use crate::keymap::Command;
use crate::text;

/// Rows at the most.
const ROWS_MAX: u16 = 6;
/// Cells before the text: a space, the prompt, a space.
const PROMPT: u16 = 3;

/// A row of the draft: a part of one of its lines.
struct Row {
    line: usize,
    /// In characters.
    from: usize,
    to: usize,
}

/// Rows that the draft takes at `width`.
pub(super) fn rows(composer: &Composer, width: u16) -> u16 {
    // A long draft is not measured: its lines alone fill the rows.
    if composer.lines().len() >= usize::from(ROWS_MAX) {
        return ROWS_MAX;
    }
    wrap(composer, room(width))
        .len()
        .clamp(1, usize::from(ROWS_MAX)) as u16
}

/// Cells of a row of text. One is left for the cursor behind a full row.
const fn room(width: u16) -> u16 {
    let room = width.saturating_sub(PROMPT + 1);
    if room == 0 { 1 } else { room }
}

/// The editor's own rows, so that moving up and down means what one sees.
fn wrap(composer: &Composer, width: u16) -> Vec<Row> {
    let area = composer.area();
    // Its widget tells it the width; what it draws is not used.
    let scratch = Rect::new(0, 0, width, 1);
    area.render(scratch, &mut Buffer::empty(scratch));
    let mut starts = Vec::new();
    for row in 0.. {
        let start = area.screen_to_data(row, 0);
        // Behind the last row comes the last row again.
        if starts.last() == Some(&start) {
            break;
        }
        starts.push(start);
    }
    let lines = composer.lines();
    let length = |line: usize| lines.get(line).map_or(0, |line| line.chars().count());
    let row = |at: usize| {
        let start = starts[at];
        let next = starts.get(at + 1).filter(|next| next.0 == start.0);
        Row {
            line: start.0,
            from: start.1,
            to: next.map_or_else(|| length(start.0), |next| next.1),
        }
    };
    (0..starts.len()).map(row).collect()
}

/// The composer; gives back where the cursor stands.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = Look::of(&model.preferences);
    let composer = &model.composer;
    let at = (area.x + 1, area.y);
    text::draw(buffer, area, at, look.glyphs.prompt, look.theme.accent);
    let field = Rect {
        x: area.x + PROMPT.min(area.width),
        width: area.width.saturating_sub(PROMPT),
        ..area
    };
    if field.is_empty() {
        return None;
    }
    if composer.is_empty() {
        placeholder(model, &look, field, buffer);
    }
    let rows = wrap(composer, room(area.width));
    let cursor = composer.area().cursor();
    let holds = |row: &Row| row.line == cursor.0 && row.from <= cursor.1;
    let cursor_row = rows.iter().rposition(holds).unwrap_or(0);
    // The cursor's row in the middle, as far as there are rows above and below it.
    let height = usize::from(field.height);
    let top = cursor_row
        .saturating_sub(height / 2)
        .min(rows.len().saturating_sub(height));
    let mut end = field.x;
    for (y, row) in (field.y..field.bottom()).zip(&rows[top..]) {
        let text = part(composer, row.line, row.from, row.to);
        let x = text::draw(buffer, field, (field.x, y), &text, look.theme.text);
        if y == field.y {
            end = x;
        }
    }
    notes(model, &look, end, field, buffer);
    let before = part(composer, cursor.0, rows[cursor_row].from, cursor.1);
    let x = field.x + cells(text::width(&before));
    let y = field.y + cells(cursor_row - top);
    Some(Position::new(x.min(field.right() - 1), y))
}

/// A part of a line as it is drawn: without what a paste may have brought, tabs as spaces.
fn part(composer: &Composer, line: usize, from: usize, to: usize) -> String {
    let line = composer.lines().get(line).map_or("", String::as_str);
    let part: String = line
        .chars()
        .skip(from)
        .take(to.saturating_sub(from))
        .collect();
    let tab = " ".repeat(usize::from(composer.area().tab_length()));
    let part = clean_text(&part).replace('\t', &tab);
    // An absurd heap of accents is not drawn; the message still holds it.
    let sane = |grapheme: &&str| grapheme.chars().count() <= 16;
    Safe::line(&part)
        .as_str()
        .graphemes(true)
        .filter(sane)
        .collect()
}

/// To whom it goes, while nothing is written.
fn placeholder(model: &Model, look: &Look, area: Rect, buffer: &mut Buffer) {
    let words = match (&model.contacts.open, model.contacts.open_line()) {
        (_, Some(line)) if line.sigil() == '#' => format!("write to #{}", line.topic),
        (Some(topic), _) => format!("write to {topic}"),
        (None, _) => match switcher_key(&model.keymap) {
            Some(key) => format!("{key} chooses whom to write to"),
            None => return,
        },
    };
    // The cursor stands on its first letter.
    let at = (area.x, area.y, area.width.saturating_sub(1));
    look.left(buffer, area, at, &shown(&words), look.theme.quiet);
}

/// At the right of the first row: what sends a draft of several lines, and that it is an answer.
fn notes(model: &Model, look: &Look, from: u16, area: Rect, buffer: &mut Buffer) {
    let composer = &model.composer;
    let mut parts = Vec::new();
    if composer.reply_to.is_some() {
        parts.push("reply".to_owned());
    }
    let keyed =
        |command, word: &str| key(&model.keymap, command).map(|key| format!("{key} {word}"));
    let lines = composer.lines().len();
    if lines > 1 {
        parts.push(format!("draft {} {lines} lines", look.glyphs.dot));
        parts.extend(keyed(Command::Newline, "newline"));
        parts.extend(match composer.in_open_fence() {
            // Enter is a newline there, so it is not said to send.
            true => None,
            false => keyed(Command::Send, "send"),
        });
    } else if composer.reply_to.is_some() {
        parts.extend(keyed(Command::Cancel, "cancel"));
    }
    let room = usize::from(area.right().saturating_sub(from + 3));
    // Where there is little room the keys go first, and that it is long stays.
    while text::width(&look.joined(&parts)) > room && parts.pop().is_some() {}
    let notes = look.joined(&parts);
    if !parts.is_empty() {
        let right = area.right().saturating_sub(1);
        let at = (from + 2, right, area.y);
        look.right(buffer, area, at, &shown(&notes), look.theme.quiet);
    }
}
