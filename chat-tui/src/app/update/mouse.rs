//! The mouse: the wheel scrolls, a click opens what it points at.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::{go, switcher};
use crate::app::model::Model;
use crate::app::msg::Effect;
use crate::view::frame::{self, Hit};

/// Rows of one step of the wheel.
const WHEEL_ROWS: isize = 3;

pub(super) fn handle(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    if !model.preferences.mouse || model.entrance.is_some() || model.overlay.is_some() {
        return Vec::new();
    }
    match event.kind {
        MouseEventKind::ScrollUp => go::rows(model, -WHEEL_ROWS),
        MouseEventKind::ScrollDown => go::rows(model, WHEEL_ROWS),
        MouseEventKind::Down(MouseButton::Left) => {
            match frame::hit(model, event.column, event.row) {
                Hit::Conversation(topic) => go::open(model, &topic),
                Hit::More => switcher::open(model),
                Hit::Body | Hit::Composer | Hit::Nothing => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}
