//! The mouse: the wheel scrolls, a click opens what it points at.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::{go, keys, switcher};
use crate::app::model::{Model, Overlay};
use crate::app::msg::Effect;
use crate::keymap::Command;
use crate::view;
use crate::view::frame::{self, Hit};

/// Rows of one step of the wheel.
const WHEEL_ROWS: isize = 3;

pub(super) fn handle(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    if !model.preferences.mouse || model.entrance.is_some() {
        return Vec::new();
    }
    if model.overlay.is_some() {
        return over(model, event);
    }
    match event.kind {
        MouseEventKind::ScrollUp => go::rows(model, -WHEEL_ROWS),
        MouseEventKind::ScrollDown => go::rows(model, WHEEL_ROWS),
        MouseEventKind::Down(MouseButton::Left) => {
            match frame::hit(model, event.column, event.row) {
                Hit::Conversation(topic) => go::open(model, &topic),
                Hit::More => switcher::open(model),
                Hit::End => go::bottom(model),
                Hit::Body | Hit::Composer | Hit::Nothing => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// In a list over the conversation the wheel moves the choice, a click takes a row, and one beside the box closes it.
fn over(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    let command = match event.kind {
        MouseEventKind::ScrollUp => Command::PickUp,
        MouseEventKind::ScrollDown => Command::PickDown,
        MouseEventKind::Down(MouseButton::Left) => {
            match view::switcher::hit(model, event.column, event.row) {
                (false, _) => Command::PickCancel,
                (true, None) => return Vec::new(),
                (true, Some(row)) => {
                    choose(model, row);
                    Command::PickThis
                }
            }
        }
        _ => return Vec::new(),
    };
    // A key that types nothing stands for it, so that both ways do the same.
    let key = KeyEvent::new(KeyCode::Null, KeyModifiers::NONE);
    keys::overlaid(model, Some(command), key)
}

fn choose(model: &mut Model, row: usize) {
    if let Some(Overlay::Switcher(picker) | Overlay::List(picker)) = &mut model.overlay {
        picker.chosen = row;
    }
}
