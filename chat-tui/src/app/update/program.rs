//! The program itself: the list, the link.

use super::list;
use crate::app::model::Model;
use crate::app::msg::Effect;
use crate::client::agent::{Ask, LinkState};
use crate::view::frame;

/// Beside the conversation the list comes and goes; where there is no room beside, it lies over it.
pub(super) fn sidebar(model: &mut Model) -> Vec<Effect> {
    if !frame::beside(model.size) {
        list::open(model);
        return Vec::new();
    }
    model.sidebar = !model.sidebar;
    Vec::new()
}

pub(super) fn reconnect(model: &mut Model) -> Vec<Effect> {
    match model.link.0 {
        LinkState::Down { .. } => vec![Effect::Ask(Ask::Reconnect)],
        _ => Vec::new(),
    }
}
