//! Going: to a conversation, and within one.

use chat_proto::{ConversationKind, Name};

use crate::app::model::Model;
use crate::app::model::composer::Composer;
use crate::app::model::pane::Pane;
use crate::app::msg::Effect;
use crate::client::agent::Ask;
use crate::client::copy::Line;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Towards what is older, or above.
    Back,
    /// Towards what is newer, or below.
    Forward,
}

/// Shows a conversation; one with somebody new begins here.
pub(super) fn open(model: &mut Model, topic: &Name) -> Vec<Effect> {
    model.overlay = None;
    if model.contacts.open.as_ref() == Some(topic) {
        return Vec::new();
    }
    let mut effects = put_draft_away(model);
    model.contacts.before = model.contacts.open.replace(topic.clone());
    if model.contacts.line(topic).is_none() {
        let line = Line::new(topic.clone(), ConversationKind::Direct);
        model.contacts.put([line]);
    }
    let draft = model.drafts.remove(topic).unwrap_or_default();
    model.composer = Composer::with(&draft);
    model.composer.reply_to = model.replies.remove(topic);
    model.welcomed = true;
    // What the copy has comes in a moment; until then nothing of the other conversation stays on the screen.
    model.pane = Some(Pane::new(topic.clone()));
    effects.push(Effect::Ask(Ask::Open(topic.clone())));
    effects
}

/// What is being written waits where it was written.
pub(super) fn put_draft_away(model: &mut Model) -> Vec<Effect> {
    let Some(topic) = model.contacts.open.clone() else {
        return Vec::new();
    };
    model.typing_told = None;
    let composer = std::mem::take(&mut model.composer);
    if let Some(seq) = composer.reply_to {
        model.replies.insert(topic.clone(), seq);
    }
    let text = composer.text();
    if text.is_empty() {
        return Vec::new();
    }
    model.drafts.insert(topic.clone(), text.clone());
    vec![Effect::Ask(Ask::Draft(topic, text))]
}

/// The next conversation with something unread; when none is left, back to where one was.
pub(super) fn next_unread(model: &mut Model) -> Vec<Effect> {
    let here = model.contacts.open.clone();
    if let Some(topic) = model.contacts.next_unread().map(|line| line.topic.clone()) {
        model.came_from = model.came_from.take().or(here);
        return open(model, &topic);
    }
    match model.came_from.take() {
        Some(topic) if Some(&topic) != here.as_ref() => open(model, &topic),
        _ => {
            model.say("nothing unread".to_owned());
            Vec::new()
        }
    }
}

pub(super) fn neighbour(model: &mut Model, direction: Direction) -> Vec<Effect> {
    let lines = model.contacts.ranked();
    let at = lines
        .iter()
        .position(|line| Some(&line.topic) == model.contacts.open.as_ref());
    let next = match (at, direction) {
        (None, _) => Some(0),
        (Some(at), Direction::Back) => at.checked_sub(1),
        (Some(at), Direction::Forward) => Some(at + 1),
    };
    nth(model, next.unwrap_or(usize::MAX))
}

pub(super) fn nth(model: &mut Model, at: usize) -> Vec<Effect> {
    match model
        .contacts
        .ranked()
        .get(at)
        .map(|line| line.topic.clone())
    {
        Some(topic) => open(model, &topic),
        None => Vec::new(),
    }
}

pub(super) fn last_chat(model: &mut Model) -> Vec<Effect> {
    match model.contacts.before.clone() {
        Some(topic) => open(model, &topic),
        None => Vec::new(),
    }
}

pub(super) fn page(model: &mut Model, direction: Direction) -> Vec<Effect> {
    super::with_pane(model, |pane, geometry| match direction {
        Direction::Back => pane.page_up(geometry),
        Direction::Forward => pane.page_down(geometry),
    });
    Vec::new()
}

pub(super) fn rows(model: &mut Model, rows: isize) -> Vec<Effect> {
    super::with_pane(model, |pane, geometry| pane.scroll_rows(rows, geometry));
    Vec::new()
}

pub(super) fn top(model: &mut Model) -> Vec<Effect> {
    super::with_pane(model, Pane::to_top);
    Vec::new()
}

pub(super) fn bottom(model: &mut Model) -> Vec<Effect> {
    super::with_pane(model, |pane, geometry| {
        pane.leave(geometry);
        pane.to_bottom();
    });
    Vec::new()
}

pub(super) fn first_unread(model: &mut Model) -> Vec<Effect> {
    if super::with_pane(model, Pane::to_unread) == Some(false) {
        model.say("nothing was unread here".to_owned());
    }
    Vec::new()
}

pub(super) fn mention(model: &mut Model, direction: Direction) -> Vec<Effect> {
    let found = super::with_pane(model, |pane, geometry| match direction {
        Direction::Back => pane.to_previous_mention(geometry),
        Direction::Forward => pane.to_next_mention(geometry),
    });
    if found == Some(false) {
        model.say("no other mention of you is loaded here".to_owned());
    }
    Vec::new()
}
