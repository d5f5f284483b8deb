//! The switcher, and the list as an overlay: a row to type in, and what is found below it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::look::{Look, cells, key, shown};
use super::{contacts, overlay};
use crate::app::model::found::{Found, What, found, listed};
use crate::app::model::picker::{Only, Picker};
use crate::app::model::{Model, Overlay};
use crate::keymap::{Command, Keymap};
use crate::text;

/// Cells inside the box, where there is room.
const WIDTH: u16 = 68;
/// Rows of results at the most.
const ROWS_MAX: usize = 14;

/// A row of results as it is drawn.
enum Row<'a> {
    Blank,
    Heading(&'static str),
    Found(usize, &'a Found),
}

/// The switcher; gives back where the cursor stands.
pub fn render(model: &Model, picker: &Picker, buffer: &mut Buffer) -> Option<Position> {
    let look = Look::of(&model.preferences);
    let found = found(model, picker);
    let rows = arrange(&found);
    let title = match picker.narrowed().0 {
        Only::Everything => "go to",
        Only::People => "go to: people",
        Only::Groups => "go to: groups",
        Only::Commands => "go to: commands",
    };
    let foot = foot(
        &model.keymap,
        &look,
        &[
            ("open", Command::PickThis),
            ("people/#/commands", Command::PickKind),
            ("close", Command::PickCancel),
        ],
    );
    let area = box_of(buffer.area, rows.len().min(ROWS_MAX));
    let inner = overlay::frame(&look, area, (title, &foot), buffer);
    let cursor = overlay::query(&look, picker, inner, buffer);
    let list = results(inner);
    let chosen = picker.chosen.min(found.len().saturating_sub(1));
    for (y, row) in (list.y..).zip(&rows[seen(&rows, chosen, list.height)]) {
        let area = Rect::new(list.x, y, list.width, 1);
        match row {
            Row::Blank => {}
            Row::Heading(words) => {
                text::draw(buffer, area, (area.x + 2, y), words, look.theme.quiet);
            }
            Row::Found(at, found) => result(model, &look, (found, *at == chosen), area, buffer),
        }
    }
    if found.is_empty() {
        let at = (list.x + 2, list.y, list.width.saturating_sub(2));
        let words = text::Shown::own("nothing that is known is called so");
        look.left(buffer, list, at, &words, look.theme.quiet);
    }
    cursor
}

/// The list of conversations over everything; gives back where the cursor stands.
pub fn render_list(model: &Model, picker: &Picker, buffer: &mut Buffer) -> Option<Position> {
    let look = Look::of(&model.preferences);
    let lines = listed(model, picker);
    let foot = foot(
        &model.keymap,
        &look,
        &[("open", Command::PickThis), ("close", Command::PickCancel)],
    );
    let title = match (&model.me, model.server.is_empty()) {
        (Some(me), false) => format!("{} at {}", me.name, model.server),
        _ => "conversations".to_owned(),
    };
    let area = box_of(buffer.area, lines.len());
    let inner = overlay::frame(&look, area, (&title, &foot), buffer);
    let cursor = overlay::query(&look, picker, inner, buffer);
    let list = results(inner);
    let chosen = picker.chosen.min(lines.len().saturating_sub(1));
    let seen = overlay::window(chosen, lines.len(), list.height);
    for (y, at) in (list.y..).zip(seen) {
        let area = Rect::new(list.x.saturating_sub(1), y, list.width + 2, 1);
        contacts::wide_conversation(model, &look, (lines[at], at == chosen), area, buffer);
    }
    if lines.is_empty() {
        let at = (list.x + 2, list.y, list.width.saturating_sub(2));
        let words = text::Shown::own("no conversation is called so");
        look.left(buffer, list, at, &words, look.theme.quiet);
    }
    cursor
}

/// Which row a click at a place of the screen means, and whether the place is in the box at all.
#[must_use]
pub fn hit(model: &Model, x: u16, y: u16) -> (bool, Option<usize>) {
    let screen = Rect::new(0, 0, model.size.0, model.size.1);
    let at = Position::new(x, y);
    let row_of = |list: Rect| list.contains(at).then(|| usize::from(y - list.y));
    match &model.overlay {
        Some(Overlay::Switcher(picker)) => {
            let found = found(model, picker);
            let rows = arrange(&found);
            let area = box_of(screen, rows.len().min(ROWS_MAX));
            let list = results(overlay::inner(area));
            let chosen = picker.chosen.min(found.len().saturating_sub(1));
            let mut seen = seen(&rows, chosen, list.height);
            let row = row_of(list).and_then(|row| seen.nth(row));
            let found = row.and_then(|row| match rows[row] {
                Row::Found(at, _) => Some(at),
                Row::Blank | Row::Heading(_) => None,
            });
            (area.contains(at), found)
        }
        Some(Overlay::List(picker)) => {
            let len = listed(model, picker).len();
            let area = box_of(screen, len);
            let list = results(overlay::inner(area));
            let chosen = picker.chosen.min(len.saturating_sub(1));
            let mut seen = overlay::window(chosen, len, list.height);
            let row = row_of(list).and_then(|row| seen.nth(row));
            (area.contains(at), row)
        }
        Some(Overlay::Help(_)) | None => (true, None),
    }
}

/// Which rows are seen in `height`, so that the chosen one is among them.
fn seen(rows: &[Row<'_>], chosen: usize, height: u16) -> std::ops::Range<usize> {
    let is_chosen = |row: &Row<'_>| matches!(row, Row::Found(at, _) if *at == chosen);
    let chosen_row = rows.iter().position(is_chosen).unwrap_or(0);
    overlay::window(chosen_row, rows.len(), height)
}

/// The box with room for `rows` results.
fn box_of(screen: Rect, rows: usize) -> Rect {
    let above = if overlay::rows_max(screen) > 6 { 2 } else { 1 };
    overlay::place(screen, (WIDTH, cells(rows.max(1)) + above))
}

/// Where the results are: below what is typed and, where there is room, a blank row.
fn results(inner: Rect) -> Rect {
    let above = if inner.height > 3 { 2 } else { 1 };
    let above = above.min(inner.height);
    Rect {
        y: inner.y + above,
        height: inner.height - above,
        ..inner
    }
}

fn foot(keymap: &Keymap, look: &Look, items: &[(&str, Command)]) -> String {
    let word = |(word, command): &(&str, Command)| {
        key(keymap, *command).map(|key| format!("{key} {word}"))
    };
    let items: Vec<String> = items.iter().filter_map(word).collect();
    look.joined(&items)
}

/// The commands stand apart from what one can go to.
fn arrange(found: &[Found]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (at, one) in found.iter().enumerate() {
        let command = |found: &Found| matches!(found.what, What::Command(_));
        let first = at == 0 || !command(&found[at - 1]);
        if command(one) && first && at > 0 {
            rows.push(Row::Blank);
            rows.push(Row::Heading("commands"));
        }
        rows.push(Row::Found(at, one));
    }
    rows
}

fn result(
    model: &Model,
    look: &Look,
    (found, chosen): (&Found, bool),
    area: Rect,
    buffer: &mut Buffer,
) {
    if chosen {
        let at = (area.x, area.y);
        text::draw(buffer, area, at, look.glyphs.selected, look.theme.accent);
    }
    sign(model, look, found, area, buffer);
    let detail = detail(model, look, found);
    let style = match &found.what {
        What::Conversation(name) => match model.contacts.line(name) {
            Some(line) if line.unread > 0 => look.theme.unread,
            _ => look.theme.text,
        },
        _ => look.theme.text,
    };
    // At least half is for the name.
    let half = area.x + area.width / 2;
    let mut right = area.right();
    if !detail.is_empty() {
        let at = (half, area.right(), area.y);
        right = look.right(buffer, area, at, &shown(&detail), look.theme.quiet) - 1;
    }
    let start = area.x + 3;
    let at = (start, area.y, right.saturating_sub(start));
    let label = shown(&found.label);
    look.matched(buffer, area, at, (&label, &found.matched), style);
}

fn sign(model: &Model, look: &Look, found: &Found, area: Rect, buffer: &mut Buffer) {
    let at = (area.x + 1, area.y);
    match &found.what {
        What::Conversation(name) => {
            if let Some(line) = model.contacts.line(name) {
                contacts::sign(model, look, line, at, area, buffer);
            }
        }
        What::Person(name) => {
            let state = model.presence_of(name);
            let style = look.theme.presence(state);
            text::draw(buffer, area, at, look.glyphs.presence(state), style);
        }
        What::Group(_) | What::Public(_) | What::Free(_) => {
            text::draw(buffer, area, at, "#", look.theme.quiet);
        }
        What::Command(_) => {}
    }
}

/// What there is to say of it, at the right.
fn detail(model: &Model, look: &Look, found: &Found) -> String {
    match &found.what {
        What::Conversation(name) => model.contacts.line(name).map_or_else(String::new, |line| {
            let mut parts = Vec::new();
            match (line.mentions, line.unread) {
                (0, 0) => {}
                (0, unread) => parts.push(format!("{unread} unread")),
                (mentions, _) => parts.push(text::count(mentions, "mention")),
            }
            parts.extend(line.chatted_at().map(|time| {
                let ago = text::ago(time, model.wall());
                format!("{ago:>3}")
            }));
            parts.join("  ")
        }),
        What::Person(_) | What::Group(_) => String::new(),
        What::Public(_) => "not joined".to_owned(),
        What::Free(_) => "join or make".to_owned(),
        What::Command(command) => {
            key(&model.keymap, *command).unwrap_or_else(|| look.glyphs.dot.to_owned())
        }
    }
}
