//! A box over the conversation: what is under it stays visible and quiet.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::look::{Look, cells, shown};
use crate::app::model::picker::Picker;
use crate::text;

/// Cells that a border and a space take at both sides.
const SIDES: u16 = 4;
/// Columns below which a box takes the whole width.
const NARROW: u16 = 64;

/// Everything that is drawn already steps back.
pub(super) fn dim(look: &Look, buffer: &mut Buffer) {
    let area = buffer.area;
    buffer.set_style(area, look.theme.quiet);
}

/// Where a box of `inner` cells and rows stands: in the middle, its top always at the same place.
pub(super) fn place(screen: Rect, (width, rows): (u16, u16)) -> Rect {
    let width = match screen.width < NARROW {
        true => screen.width,
        false => (width + SIDES).min(screen.width - 2),
    };
    let top = screen.height / 8;
    let height = (rows + 2).min(screen.height - top);
    Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + top,
        width,
        height,
    }
}

/// Rows that a box can hold on `screen`.
pub(super) const fn rows_max(screen: Rect) -> u16 {
    (screen.height - screen.height / 8).saturating_sub(2)
}

/// Draws the border with a word above and one below; gives back what is inside.
pub(super) fn frame(
    look: &Look,
    area: Rect,
    (title, foot): (&str, &str),
    buffer: &mut Buffer,
) -> Rect {
    clear(area, buffer);
    let (g, quiet) = (look.glyphs, look.theme.quiet);
    let (last_x, last_y) = (area.right() - 1, area.bottom() - 1);
    for y in area.y..area.bottom() {
        text::draw(buffer, area, (area.x, y), g.column, quiet);
        text::draw(buffer, area, (last_x, y), g.column, quiet);
    }
    for y in [area.y, last_y] {
        look.rule(buffer, area, (area.x, area.right(), y));
    }
    for (x, y, corner) in [
        (area.x, area.y, g.corner_top_left),
        (last_x, area.y, g.corner_top_right),
        (area.x, last_y, g.corner_bottom_left),
        (last_x, last_y, g.corner_bottom_right),
    ] {
        text::draw(buffer, area, (x, y), corner, quiet);
    }
    for (y, words) in [(area.y, title), (last_y, foot)] {
        let room = usize::from(area.width.saturating_sub(6));
        let words = shown(words);
        let words = words.truncate(room, look.glyphs.ellipsis);
        if !words.is_empty() && room > 3 {
            let words = format!(" {words} ");
            text::draw(buffer, area, (area.x + 2, y), &words, quiet);
        }
    }
    inner(area)
}

/// What is inside the border of a box.
pub(super) const fn inner(area: Rect) -> Rect {
    Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(SIDES),
        height: area.height.saturating_sub(2),
    }
}

/// Nothing of what is below shows through; a wide letter that the edge would cut goes as a whole.
fn clear(area: Rect, buffer: &mut Buffer) {
    for y in area.y..area.bottom() {
        if area.x > buffer.area.x {
            let before = (area.x - 1, y);
            if text::width(buffer[before].symbol()) > 1 {
                buffer[before].set_symbol(" ");
            }
        }
        for x in area.x..area.right() {
            buffer[(x, y)].reset();
        }
    }
}

/// The row in which one types; gives back where the cursor stands.
pub(super) fn query(
    look: &Look,
    picker: &Picker,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    if area.width < 4 || area.height == 0 {
        return None;
    }
    let prompt = (area.x, area.y);
    text::draw(buffer, area, prompt, look.glyphs.prompt, look.theme.accent);
    let room = area.width - 3;
    // The end of what is typed stays in sight.
    let query = shown(&picker.query);
    let rows: Vec<_> = query.wrap(usize::from(room)).collect();
    let last = rows
        .last()
        .map_or(query.clone(), |row| query.part(row.clone()));
    let x = look.left(
        buffer,
        area,
        (area.x + 2, area.y, room),
        &last,
        look.theme.text,
    );
    Some(Position::new(x.min(area.right() - 1), area.y))
}

/// Which rows of `len` are seen in `height`, so that the chosen one is among them.
pub(super) fn window(chosen: usize, len: usize, height: u16) -> std::ops::Range<usize> {
    let height = usize::from(height);
    let chosen = chosen.min(len.saturating_sub(1));
    let first = (chosen + 1)
        .saturating_sub(height)
        .min(len.saturating_sub(height));
    first..(first + height).min(len)
}

/// A length in cells.
pub(super) fn rows(number: usize) -> u16 {
    cells(number)
}
