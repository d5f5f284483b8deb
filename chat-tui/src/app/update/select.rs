//! While a message is selected: what single letters do with it.

use super::go::Direction;
use super::{with_pane, write};
use crate::app::model::Model;
use crate::app::model::composer::Composer;
use crate::app::model::pane::{Pane, Selected, code_of};
use crate::app::msg::Effect;
use crate::client::agent::Ask;
use crate::client::copy::Entry;
use crate::client::outbox::{Letter, LetterState};
use crate::keymap::Command;

pub(super) fn begin(model: &mut Model) -> Vec<Effect> {
    if !model.composer.is_empty() {
        return write::move_cursor(model, Command::LineUp);
    }
    with_pane(model, Pane::select);
    Vec::new()
}

pub(super) fn step(model: &mut Model, direction: Direction) -> Vec<Effect> {
    with_pane(model, |pane, geometry| match direction {
        Direction::Back => pane.select_up(geometry),
        Direction::Forward => pane.select_down(geometry),
    });
    Vec::new()
}

pub(super) fn first(model: &mut Model) -> Vec<Effect> {
    with_pane(model, Pane::select_first);
    Vec::new()
}

pub(super) fn last(model: &mut Model) -> Vec<Effect> {
    with_pane(model, Pane::select_last);
    Vec::new()
}

pub(super) fn act(model: &mut Model) -> Vec<Effect> {
    with_pane(model, Pane::act);
    Vec::new()
}

pub(super) fn leave(model: &mut Model) -> Vec<Effect> {
    with_pane(model, Pane::leave);
    Vec::new()
}

/// A message that was not sent is tried again; one that was is answered.
pub(super) fn retry(model: &mut Model) -> Vec<Effect> {
    if let Some(letter) = letter(model) {
        return match letter.state {
            LetterState::Failed { .. } | LetterState::Asks => {
                vec![Effect::Ask(Ask::Retry(letter.id))]
            }
            LetterState::Queued | LetterState::Sending => remark(model, "it goes by itself"),
        };
    }
    let seq = with_pane(model, |pane, geometry| match pane.selected(geometry) {
        Some(Selected::Entry(Entry::Message(message))) => Some(message.seq),
        _ => None,
    });
    if let Some(seq) = seq.flatten() {
        model.composer.reply_to = Some(seq);
        return leave(model);
    }
    Vec::new()
}

/// The words of a message that was not sent go back into the draft, which must have room for them.
pub(super) fn edit(model: &mut Model) -> Vec<Effect> {
    let Some(letter) = letter(model) else {
        return remark(model, "only what was not sent can be changed");
    };
    if letter.state == LetterState::Sending {
        return remark(model, "it is on its way");
    }
    if !model.composer.is_empty() {
        return remark(
            model,
            "the draft holds other words: send or clear them first",
        );
    }
    leave(model);
    model.composer = Composer::with(&letter.publish.text);
    model.composer.reply_to = letter.publish.reply_to;
    let mut effects = write::written(model);
    // The draft is kept before the letter is dropped: the agent takes both in this order.
    effects.push(Effect::Ask(Ask::Discard(letter.id)));
    effects
}

/// Asks first: what is discarded is nowhere else.
pub(super) fn discard(model: &mut Model) -> Vec<Effect> {
    let asked = model.discards.take();
    match letter(model) {
        Some(letter) if letter.state == LetterState::Sending => remark(model, "it is on its way"),
        Some(letter) if asked.as_ref() == Some(&letter.id) => {
            vec![Effect::Ask(Ask::Discard(letter.id))]
        }
        Some(letter) => {
            let key = model.keymap.key_of(Command::Discard).unwrap_or_default();
            model.discards = Some(letter.id);
            remark(model, &format!("{key} again discards it"))
        }
        None => remark(model, "only what was not sent can be discarded"),
    }
}

pub(super) fn copy(model: &mut Model) -> Vec<Effect> {
    match text(model) {
        Some(text) => copied(model, text),
        None => Vec::new(),
    }
}

pub(super) fn copy_block(model: &mut Model) -> Vec<Effect> {
    let code = with_pane(model, |pane, geometry| match pane.selected(geometry)? {
        Selected::Entry(Entry::Message(message)) => code_of(&message.text, &message.kind),
        Selected::Letter(letter) => code_of(&letter.publish.text, &letter.publish.kind),
        Selected::Entry(Entry::Change(_)) | Selected::Gap(_) => None,
    });
    match code.flatten() {
        Some(code) => copied(model, code),
        None => remark(model, "there is no code block in it"),
    }
}

fn copied(model: &mut Model, text: String) -> Vec<Effect> {
    model.say("copied".to_owned());
    vec![Effect::Copy(text)]
}

pub(super) fn quote(model: &mut Model) -> Vec<Effect> {
    let Some(text) = text(model) else {
        return Vec::new();
    };
    leave(model);
    let quoted: String = text.lines().map(|line| format!("> {line}\n")).collect();
    model.composer.insert(&quoted);
    write::written(model)
}

fn text(model: &mut Model) -> Option<String> {
    let text = with_pane(model, |pane, geometry| match pane.selected(geometry)? {
        Selected::Entry(Entry::Message(message)) => Some(message.text.clone()),
        Selected::Letter(letter) => Some(letter.publish.text.clone()),
        Selected::Entry(Entry::Change(_)) | Selected::Gap(_) => None,
    });
    text.flatten()
}

fn letter(model: &mut Model) -> Option<Letter> {
    let letter = with_pane(model, |pane, geometry| match pane.selected(geometry)? {
        Selected::Letter(letter) => Some(letter.clone()),
        _ => None,
    });
    letter.flatten()
}

fn remark(model: &mut Model, sentence: &str) -> Vec<Effect> {
    model.say(sentence.to_owned());
    Vec::new()
}
