//! The help: the table of keys, narrowed by typing, scrolled where it does not fit.

use crossterm::event::KeyEvent;

use super::pick::{self, Pressed};
use crate::app::model::picker::Picker;
use crate::app::model::{Model, Overlay};
use crate::keymap::Command;

/// Shows it.
pub fn open(model: &mut Model) {
    model.overlay = Some(Overlay::Help(Picker::default()));
}

/// A key, with the command that it has in a list; `rows` is how many lines the help has, and `shown` how many of them
/// are seen at once. The choice is the first line that is seen.
pub fn handle_key(
    model: &mut Model,
    command: Option<Command>,
    key: KeyEvent,
    (rows, shown): (usize, usize),
) {
    let Some(Overlay::Help(picker)) = &mut model.overlay else {
        return;
    };
    let tops = rows.saturating_sub(shown) + 1;
    let pressed = match command {
        // A list goes round its ends; a page of text does not.
        Some(Command::PickUp) => {
            picker.jump(-1, tops);
            Pressed::Moved
        }
        Some(Command::PickDown) => {
            picker.jump(1, tops);
            Pressed::Moved
        }
        // The key that opened it.
        Some(Command::Help) => Pressed::Close,
        _ => pick::handle(picker, command, key, (tops, shown)),
    };
    if matches!(pressed, Pressed::Close | Pressed::Take) {
        model.overlay = None;
    }
}

/// A text was pasted into it.
pub fn handle_paste(model: &mut Model, text: &str) {
    if let Some(Overlay::Help(picker)) = &mut model.overlay {
        pick::paste(picker, text);
    }
}
