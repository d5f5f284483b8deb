//! The list of conversations as an overlay, where there is no room for it beside the conversation.

use crossterm::event::KeyEvent;

use super::pick::{self, Pressed};
use crate::app::model::found::listed;
use crate::app::model::picker::{Choice, Picker, Step};
use crate::app::model::{Model, Overlay};
use crate::app::msg::Effect;
use crate::client::agent::Ask;
use crate::client::copy::Line;
use crate::keymap::Command;

/// Rows that a page moves by.
const PAGE_ROWS: usize = 8;

/// Shows it, with the open conversation chosen.
pub fn open(model: &mut Model) {
    let lines = model.contacts.ranked();
    let open = |line: &Line| Some(&line.topic) == model.contacts.open.as_ref();
    let chosen = lines.iter().position(open).unwrap_or(0);
    model.overlay = Some(Overlay::List(Picker {
        chosen,
        ..Picker::default()
    }));
}

/// A key, with the command that it has in a list.
pub fn handle_key(model: &mut Model, command: Option<Command>, key: KeyEvent) -> Step {
    let Some(Overlay::List(picker)) = &model.overlay else {
        return Step::default();
    };
    let topics: Vec<_> = listed(model, picker)
        .into_iter()
        .map(|line| line.topic.clone())
        .collect();
    let beyond = model.contacts.beyond > 0;
    let Some(Overlay::List(picker)) = &mut model.overlay else {
        return Step::default();
    };
    if command == Some(Command::Sidebar) {
        model.overlay = None;
        return Step::default();
    }
    match pick::handle(picker, command, key, (topics.len(), PAGE_ROWS)) {
        Pressed::Typed => Step::default(),
        // The end is near: what lies beyond is fetched before one gets there.
        Pressed::Moved if beyond && picker.chosen + 2 >= topics.len() => Step {
            effects: vec![Effect::Ask(Ask::MoreLines)],
            choice: None,
        },
        Pressed::Moved => Step::default(),
        Pressed::Close => {
            model.overlay = None;
            Step::default()
        }
        Pressed::Take => {
            let chosen = topics.get(picker.chosen.min(topics.len().saturating_sub(1)));
            let choice = chosen.cloned().map(Choice::Open);
            if choice.is_some() {
                model.overlay = None;
            }
            Step {
                choice,
                ..Step::default()
            }
        }
    }
}

/// A text was pasted into it.
pub fn handle_paste(model: &mut Model, text: &str) {
    if let Some(Overlay::List(picker)) = &mut model.overlay {
        pick::paste(picker, text);
    }
}
