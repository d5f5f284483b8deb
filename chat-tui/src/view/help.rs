//! The help: the table of keys as it holds here, in one column or two, narrowed by what is typed.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::look::{Look, cells, key, short, shown};
use super::overlay;
use crate::app::model::picker::Picker;
use crate::app::model::{Model, Overlay};
use crate::keymap::{Bound, Command, Keymap, Mode, Section, TYPED, Typed};
use crate::text;

/// Columns of the terminal from which there are two columns of keys.
const TWO_FROM: u16 = 100;
/// Cells of a column of keys with their words.
const COLUMN: u16 = 62;
/// Cells of the keys themselves, where there is room.
const KEYS: u16 = 16;

/// A row of a column.
enum Row<'a> {
    Blank,
    Heading(&'static str),
    Key(&'a Bound),
    Typed(&'static Typed),
}

/// The help; gives back where the cursor stands.
pub fn render(model: &Model, picker: &Picker, buffer: &mut Buffer) -> Option<Position> {
    let look = Look::of(&model.preferences);
    let screen = buffer.area;
    let columns = columns(model, picker);
    let len = columns.iter().map(Vec::len).max().unwrap_or(0);
    let title = match key(&model.keymap, Command::Help) {
        Some(key) => format!("keys ({key}) {} type to filter", look.glyphs.dot),
        None => format!("keys {} type to filter", look.glyphs.dot),
    };
    let (area, list_rows) = place(screen, columns.len(), len);
    let most = len.saturating_sub(usize::from(list_rows));
    let top = picker.chosen.min(most);
    let foot = foot(&model.keymap, &look, top < most);
    let inner = overlay::frame(&look, area, (&title, &foot), buffer);
    let cursor = overlay::query(&look, picker, inner, buffer);
    let each = inner.width / cells(columns.len().max(1));
    let gap = if columns.len() > 1 { 1 } else { 0 };
    for (at, column) in columns.iter().enumerate() {
        let x = inner.x + each * cells(at);
        for (y, row) in (inner.y + 1..inner.bottom()).zip(column.iter().skip(top)) {
            // Two columns never touch: the last cell stays free.
            let area = Rect::new(x, y, each.saturating_sub(gap), 1);
            draw(&look, row, area, buffer);
        }
    }
    if len == 0 && inner.height > 1 {
        let at = (inner.x, inner.y + 1, inner.width);
        let words = text::Shown::own("no key does that");
        look.left(buffer, inner, at, &words, look.theme.quiet);
    }
    cursor
}

/// How many rows the help has, and how many of them are seen at once: what its keys need to know.
#[must_use]
pub fn extent(model: &Model) -> (usize, usize) {
    let Some(Overlay::Help(picker)) = &model.overlay else {
        return (0, 0);
    };
    let screen = Rect::new(0, 0, model.size.0, model.size.1);
    let columns = columns(model, picker);
    let len = columns.iter().map(Vec::len).max().unwrap_or(0);
    let (_, rows) = place(screen, columns.len(), len);
    (len, usize::from(rows))
}

/// The box, and how many rows of keys it shows below the row in which one types.
fn place(screen: Rect, columns: usize, len: usize) -> (Rect, u16) {
    let width = match columns {
        0 | 1 => COLUMN,
        _ => screen.width.saturating_sub(6).min(2 * COLUMN),
    };
    let area = overlay::place(screen, (width, overlay::rows(len.max(1)) + 1));
    (area, area.height.saturating_sub(3))
}

fn foot(keymap: &Keymap, look: &Look, more: bool) -> String {
    let mut parts = Vec::new();
    if more && let Some(key) = key(keymap, Command::PageDown) {
        parts.push(format!("{key} for more"));
    }
    parts.extend(key(keymap, Command::PickCancel).map(|key| format!("{key} close")));
    parts.push("to change them: chat-tui keys".to_owned());
    look.joined(&parts)
}

/// The rows, in as many columns as there is room for.
fn columns<'a>(model: &'a Model, picker: &Picker) -> Vec<Vec<Row<'a>>> {
    let sections: Vec<_> = Section::ALL
        .into_iter()
        .map(|section| section_rows(&model.keymap, section, picker.query.trim()))
        .chain([typed_rows(picker.query.trim())])
        .filter(|rows| !rows.is_empty())
        .collect();
    if model.size.0 < TWO_FROM {
        return vec![joined(sections)];
    }
    // Where to break so that the longer column is as short as it can be.
    let length =
        |sections: &[Vec<Row<'_>>]| sections.iter().map(|rows| rows.len() + 1).sum::<usize>();
    let longer = |at: &usize| length(&sections[..*at]).max(length(&sections[*at..]));
    let at = (0..=sections.len()).min_by_key(longer).unwrap_or(0);
    let mut left = sections;
    let right = left.split_off(at);
    vec![joined(left), joined(right)]
}

fn joined(sections: Vec<Vec<Row<'_>>>) -> Vec<Row<'_>> {
    let mut all = Vec::new();
    for rows in sections {
        if !all.is_empty() {
            all.push(Row::Blank);
        }
        all.extend(rows);
    }
    all
}

fn section_rows<'a>(keymap: &'a Keymap, section: Section, query: &str) -> Vec<Row<'a>> {
    let wanted = |bound: &&Bound| {
        bound.binding.section == section && !folded(bound, query) && says(bound, query)
    };
    headed(
        section.title(),
        keymap.all().filter(wanted).map(Row::Key).collect(),
    )
}

/// What can be typed behind a slash.
fn typed_rows(query: &str) -> Vec<Row<'static>> {
    let query = query.to_lowercase();
    let says = |typed: &&Typed| typed.doc.contains(&query) || typed.word.contains(&query);
    headed(
        "COMMANDS (typed as a message)",
        TYPED.iter().filter(says).map(Row::Typed).collect(),
    )
}

fn headed<'a>(title: &'static str, rows: Vec<Row<'a>>) -> Vec<Row<'a>> {
    match rows.is_empty() {
        true => rows,
        false => std::iter::once(Row::Heading(title)).chain(rows).collect(),
    }
}

/// The row of the first chat speaks for the others, as long as they have the keys that it tells of.
fn folded(bound: &Bound, query: &str) -> bool {
    use Command::{Chat2, Chat3, Chat4, Chat5, Chat6, Chat7, Chat8, Chat9};
    let chats = [Chat2, Chat3, Chat4, Chat5, Chat6, Chat7, Chat8, Chat9];
    let usual = bound.keys.iter().map(|key| key.to_string().to_lowercase());
    query.is_empty()
        && chats.contains(&bound.binding.command)
        && usual.eq(bound.binding.keys.iter().copied())
}

fn says(bound: &Bound, query: &str) -> bool {
    let query = query.to_lowercase();
    let says = |text: &str| text.to_lowercase().contains(&query);
    says(bound.binding.doc) || says(bound.binding.name) || says(&keys(bound))
}

/// All keys of a command, short.
fn keys(bound: &Bound) -> String {
    let keys: Vec<String> = bound
        .keys
        .iter()
        .map(|key| short(&key.to_string()))
        .collect();
    match (keys.is_empty(), bound.binding.mode) {
        (true, _) => "no key".to_owned(),
        (false, Mode::Select) => keys.join(" "),
        (false, _) => keys.join(", "),
    }
}

/// As many keys of a command as fit whole, one at the least.
fn keys_in(bound: &Bound, room: usize) -> String {
    let all = keys(bound);
    if text::width(&all) <= room {
        return all;
    }
    let mut fitting = Bound {
        binding: bound.binding,
        keys: bound.keys.clone(),
    };
    while fitting.keys.len() > 1 && text::width(&keys(&fitting)) > room {
        fitting.keys.pop();
    }
    keys(&fitting)
}

fn draw(look: &Look, row: &Row<'_>, area: Rect, buffer: &mut Buffer) {
    match row {
        Row::Blank => {}
        Row::Heading(words) => {
            text::draw(buffer, area, (area.x, area.y), words, look.theme.strong);
        }
        Row::Key(bound) => {
            let keys = keys_in(bound, usize::from(keys_width(area)));
            explained(look, (&keys, bound.binding.doc), area, buffer);
        }
        Row::Typed(typed) => {
            let words = format!("{} {}", typed.word, typed.argument);
            explained(look, (words.trim_end(), typed.doc), area, buffer);
        }
    }
}

/// Cells that keys take at the most, without the space behind them.
fn keys_width(area: Rect) -> u16 {
    KEYS.min(area.width / 3).saturating_sub(1)
}

fn explained(look: &Look, (keys, doc): (&str, &str), area: Rect, buffer: &mut Buffer) {
    let width = keys_width(area);
    let at = (area.x, area.y, width);
    look.left(buffer, area, at, &shown(keys), look.theme.accent);
    let room = area.width.saturating_sub(width + 2);
    let at = (area.x + width + 1, area.y, room);
    look.left(buffer, area, at, &shown(doc), look.theme.text);
}
