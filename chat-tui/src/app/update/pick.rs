//! What keys do in every list over the conversation: type, move, take, close.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::app::model::picker::Picker;
use crate::keymap::Command;

/// What a key was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pressed {
    /// It changed what is typed.
    Typed,
    /// It moved the choice, or did nothing here.
    Moved,
    /// It takes the chosen row.
    Take,
    /// It closes the list.
    Close,
}

/// A key in a list of `len` rows, of which `page` are seen at once.
pub(super) fn handle(
    picker: &mut Picker,
    command: Option<Command>,
    key: KeyEvent,
    (len, page): (usize, usize),
) -> Pressed {
    let page = isize::try_from(page.max(1)).unwrap_or(1);
    match command {
        Some(Command::PickThis) => return Pressed::Take,
        Some(Command::PickCancel) => return Pressed::Close,
        Some(Command::PickUp) => picker.step(-1, len),
        Some(Command::PickDown) => picker.step(1, len),
        Some(Command::PageUp) => picker.jump(-page, len),
        Some(Command::PageDown) => picker.jump(page, len),
        Some(Command::Top) => picker.jump(isize::MIN, len),
        Some(Command::Bottom) => picker.jump(isize::MAX, len),
        _ => return type_into(picker, key),
    }
    Pressed::Moved
}

fn type_into(picker: &mut Picker, key: KeyEvent) -> Pressed {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    match key.code {
        KeyCode::Char('w') if control => picker.pop_word(),
        KeyCode::Backspace if alt || control => picker.pop_word(),
        KeyCode::Char('u') if control => picker.clear(),
        KeyCode::Backspace => picker.pop(),
        KeyCode::Char('h') if control => picker.pop(),
        KeyCode::Char(character) if !control && !alt && !character.is_control() => {
            picker.push(character);
        }
        _ => return Pressed::Moved,
    }
    Pressed::Typed
}

/// A text that was pasted: what of it can be a query, which is its first line.
pub(super) fn paste(picker: &mut Picker, text: &str) {
    let line = text.trim().lines().next().unwrap_or_default();
    for character in line.chars().filter(|character| !character.is_control()) {
        picker.push(character);
    }
}
