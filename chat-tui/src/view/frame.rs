//! Where everything stands, for any size of the terminal: from 80 columns the list is beside the conversation, below it
//! folds into the header.

use chat_proto::Name;
use ratatui::layout::{Position, Rect};

use super::{composer, contacts, status};
use crate::app::model::Model;

/// Columns from which the list stands beside the conversation.
const WIDE: u16 = 80;
/// Cells of the list, with the line beside it.
const SIDEBAR: u16 = 30;
/// Fewer columns or rows show a sentence instead.
const SMALLEST: (u16, u16) = (20, 4);
/// Rows from which there is one for hints.
const HINT_FROM: u16 = 6;

/// Where everything stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// The list of conversations; absent where there is no room, or it is hidden.
    pub sidebar: Option<Rect>,
    /// The line between the list and the conversation.
    pub column: Option<Rect>,
    /// Who or what the conversation is with.
    pub header: Rect,
    /// Who else waits, where no list says it.
    pub waiting: Option<Rect>,
    /// The messages.
    pub body: Rect,
    /// Who types, and how the link is. Without a rule of its own it is one.
    pub status: Rect,
    /// The line over the composer, where it has a row of its own.
    pub rule: Option<Rect>,
    /// What is being written.
    pub composer: Rect,
    /// A few keys.
    pub hint: Option<Rect>,
}

/// What is at a place of the screen, for the mouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hit {
    /// A row of the list.
    Conversation(Name),
    /// What the list does not show.
    More,
    /// The messages.
    Body,
    /// The way to the last message.
    End,
    /// The composer.
    Composer,
    /// Nothing that could be clicked.
    Nothing,
}

/// Whether a terminal of `size` has room for the list beside the conversation.
#[must_use]
pub const fn beside((width, _): (u16, u16)) -> bool {
    width >= WIDE
}

/// Where everything stands; nothing where the terminal is too small.
#[must_use]
pub fn places(model: &Model) -> Option<Places> {
    let (width, height) = model.size;
    if width < SMALLEST.0 || height < SMALLEST.1 {
        return None;
    }
    let wide = beside(model.size);
    let beside = wide && model.sidebar;
    let hint_rows = u16::from(height >= HINT_FROM);
    let rule_rows = u16::from(wide);
    // A third of the screen at most is for what is being written.
    let composer_rows = composer::rows(&model.composer, width).min((height / 3).max(1));
    let composer_top = height - hint_rows - composer_rows;
    let status_top = composer_top - rule_rows - 1;
    let left = if beside { SIDEBAR } else { 0 };
    let right = width - left;
    let waiting = (!beside).then(|| contacts::waiting_width(model, width / 2));
    let waiting_width = waiting.unwrap_or(0);
    Some(Places {
        sidebar: beside.then(|| Rect::new(0, 0, SIDEBAR - 1, status_top + 1)),
        column: beside.then(|| Rect::new(SIDEBAR - 1, 0, 1, status_top + 1)),
        header: Rect::new(left, 0, right - waiting_width, 1),
        waiting: waiting
            .filter(|waiting| *waiting > 0)
            .map(|waiting| Rect::new(width - waiting, 0, waiting, 1)),
        body: Rect::new(left, 1, right, status_top - 1),
        status: Rect::new(left, status_top, right, 1),
        rule: wide.then(|| Rect::new(0, status_top + 1, width, 1)),
        composer: Rect::new(0, composer_top, width, composer_rows),
        hint: (hint_rows > 0).then(|| Rect::new(0, height - 1, width, 1)),
    })
}

/// What is at a place of the screen.
#[must_use]
pub fn hit(model: &Model, x: u16, y: u16) -> Hit {
    let at = Position::new(x, y);
    let Some(places) = places(model) else {
        return Hit::Nothing;
    };
    if let Some(sidebar) = places.sidebar.filter(|sidebar| sidebar.contains(at)) {
        return contacts::hit(model, sidebar, y);
    }
    if let Some(waiting) = places.waiting.filter(|waiting| waiting.contains(at)) {
        return contacts::waiting_hit(model, waiting, x);
    }
    if places.body.contains(at) {
        return Hit::Body;
    }
    let status = places.status;
    if status.contains(at) && status::is_pill(model, places.rule.is_none(), status, x) {
        return Hit::End;
    }
    match places.composer.contains(at) {
        true => Hit::Composer,
        false => Hit::Nothing,
    }
}
