//! A model as a picture: `&Model` in, cells out; no state, no file, no clock.

pub mod composer;
pub mod contacts;
pub mod empty;
pub mod entrance;
pub mod frame;
pub mod help;
pub mod look;
mod overlay;
pub mod pane;
pub mod status;
pub mod switcher;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use self::frame::Places;
use self::look::{Look, shown};
use crate::app::model::pane::Pane;
use crate::app::model::{Model, Overlay};
use crate::text;

/// The whole screen; gives back where the terminal's cursor stands, if it is shown.
pub fn render(model: &Model, buffer: &mut Buffer) -> Option<Position> {
    let screen = buffer.area;
    let Some(places) = frame::places(model) else {
        too_small(model, screen, buffer);
        return None;
    };
    if let Some(entrance) = &model.entrance {
        return entrance::render(model, entrance, buffer);
    }
    let cursor = around(model, &places, buffer);
    conversation(model, &places, buffer);
    match &model.overlay {
        // What is typed goes to the selected message then, so no cursor says otherwise.
        None => cursor.filter(|_| !model.pane.as_ref().is_some_and(Pane::selecting)),
        Some(over) => {
            overlay::dim(&Look::of(&model.preferences), buffer);
            match over {
                Overlay::Switcher(picker) => switcher::render(model, picker, buffer),
                Overlay::List(picker) => switcher::render_list(model, picker, buffer),
                Overlay::Help(picker) => help::render(model, picker, buffer),
            }
        }
    }
}

/// What stands around the conversation; gives back where the cursor of the composer stands.
fn around(model: &Model, places: &Places, buffer: &mut Buffer) -> Option<Position> {
    let look = Look::of(&model.preferences);
    let (glyphs, quiet) = (look.glyphs, look.theme.quiet);
    if let Some(sidebar) = places.sidebar {
        contacts::render(model, sidebar, buffer);
    }
    if let Some(column) = places.column {
        for y in column.y..column.bottom() {
            text::draw(buffer, column, (column.x, y), glyphs.column, quiet);
        }
    }
    if let Some(waiting) = places.waiting {
        contacts::render_waiting(model, waiting, buffer);
    }
    status::render(model, places.rule.is_none(), places.status, buffer);
    if let Some(rule) = places.rule {
        look.rule(buffer, rule, (rule.x, rule.right(), rule.y));
        if let Some(column) = places.column {
            text::draw(buffer, rule, (column.x, rule.y), glyphs.column_foot, quiet);
        }
    }
    if let Some(hint) = places.hint {
        status::hint(model, hint, buffer);
    }
    composer::render(model, places.composer, buffer)
}

/// The open conversation, or what stands in its place.
fn conversation(model: &Model, places: &Places, buffer: &mut Buffer) {
    match &model.pane {
        Some(pane) => {
            pane::header(model, pane, places.header, buffer);
            pane::render(model, pane, places.body, buffer);
        }
        None if model.contacts.open.is_none() => empty::render(model, places.body, buffer),
        // It is on its way from the copy: a greeting for the blink of an eye would only flicker.
        None => {}
    }
}

fn too_small(model: &Model, screen: Rect, buffer: &mut Buffer) {
    let look = Look::of(&model.preferences);
    let words = shown("a larger terminal, please");
    let rows: Vec<_> = words.wrap(usize::from(screen.width.max(1))).collect();
    for (y, row) in (screen.y..screen.bottom()).zip(rows) {
        let row = words.part(row);
        text::draw(buffer, screen, (screen.x, y), row.as_str(), look.theme.text);
    }
}

#[cfg(test)]
mod tests;
