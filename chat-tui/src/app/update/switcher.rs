//! The switcher: goes to anyone, anything. What the server finds for a query comes later and joins what is known.

use chat_proto::api::Profile;
use crossterm::event::KeyEvent;

use super::pick::{self, Pressed};
use crate::app::model::found::{Found, found};
use crate::app::model::picker::{Only, Picker, Step};
use crate::app::model::{Model, Overlay};
use crate::app::msg::Effect;
use crate::client::agent::Ask;
use crate::keymap::Command;

/// Rows that a page moves by.
const PAGE_ROWS: usize = 8;

/// Shows it, and asks for what makes it useful to somebody who is new.
pub fn open(model: &mut Model) -> Vec<Effect> {
    model.overlay = Some(Overlay::Switcher(Picker::default()));
    let mut effects = vec![Effect::Ask(Ask::Groups)];
    if model.people.is_empty() {
        effects.push(Effect::Ask(Ask::People(String::new())));
    }
    effects
}

/// A key, with the command that it has in a list.
pub fn handle_key(model: &mut Model, command: Option<Command>, key: KeyEvent) -> Step {
    let rows = rows(model);
    let Some(Overlay::Switcher(picker)) = &mut model.overlay else {
        return Step::default();
    };
    if command == Some(Command::PickKind) {
        picker.only = picker.only.next();
        picker.chosen = 0;
        return ask(picker);
    }
    match pick::handle(picker, command, key, (rows.len(), PAGE_ROWS)) {
        Pressed::Typed => ask(picker),
        Pressed::Moved => Step::default(),
        Pressed::Close => {
            model.overlay = None;
            Step::default()
        }
        Pressed::Take => take(model, &rows),
    }
}

/// A text was pasted into it.
pub fn handle_paste(model: &mut Model, text: &str) -> Step {
    let Some(Overlay::Switcher(picker)) = &mut model.overlay else {
        return Step::default();
    };
    pick::paste(picker, text);
    ask(picker)
}

/// What the server found.
pub fn handle_people(model: &mut Model, query: String, people: Vec<Profile>) {
    if query.is_empty() {
        model.people = people;
        return;
    }
    if let Some(Overlay::Switcher(picker)) = &mut model.overlay
        && picker.asked.as_ref() == Some(&query)
    {
        picker.people = people;
        picker.people_for = Some(query);
    }
}

fn rows(model: &Model) -> Vec<Found> {
    match &model.overlay {
        Some(Overlay::Switcher(picker)) => found(model, picker),
        _ => Vec::new(),
    }
}

fn take(model: &mut Model, rows: &[Found]) -> Step {
    let Some(Overlay::Switcher(picker)) = &model.overlay else {
        return Step::default();
    };
    let chosen = rows.get(picker.chosen.min(rows.len().saturating_sub(1)));
    let choice = chosen.map(|row| row.what.choice());
    // Enter on nothing leaves everything as it is, so that the typo can be mended.
    if choice.is_some() {
        model.overlay = None;
    }
    Step {
        choice,
        ..Step::default()
    }
}

/// Asks the server when there is another query, and it could be a person's name.
fn ask(picker: &mut Picker) -> Step {
    let (only, query) = picker.narrowed();
    let asked = picker.asked.as_deref() == Some(query);
    if query.is_empty() || asked || matches!(only, Only::Groups | Only::Commands) {
        return Step::default();
    }
    let query = query.to_owned();
    picker.asked = Some(query.clone());
    Step {
        effects: vec![Effect::Ask(Ask::People(query))],
        choice: None,
    }
}
