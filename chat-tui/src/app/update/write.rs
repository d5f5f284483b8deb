//! Writing: the keys of the composer, pastes, the editor, and sending.

use chat_proto::action::Publish;
use chat_proto::text::{self, TextError};
use chat_proto::{MessageId, limits};
use ratatui_textarea::CursorMove;

use super::{commands, complete, entrance, go, help, list, switcher};
use crate::app::model::composer::Composer;
use crate::app::model::pane::Pane;
use crate::app::model::{Model, Overlay};
use crate::app::msg::Effect;
use crate::client::agent::Ask;
use crate::client::outbox::Letter;
use crate::keymap::Command;

/// What is pasted beyond this could not be sent in one message by far.
const DRAFT_BYTES_MAX: usize = 4 * limits::TEXT_BYTES_MAX;
/// Others are told that one writes at most this often.
const TYPING_EVERY: std::time::Duration = std::time::Duration::from_secs(3);

pub(super) fn type_char(model: &mut Model, c: char) -> Vec<Effect> {
    if model.contacts.open.is_none() {
        return open_switcher(model, &c.to_string());
    }
    model.composer.area_mut().insert_char(c);
    written(model)
}

/// Many lines stay one message; what a terminal cannot show is cleaned away.
pub(super) fn handle_paste(model: &mut Model, pasted: &str) -> Vec<Effect> {
    let clean = text::clean_text(pasted);
    if model.entrance.is_some() {
        entrance::handle_paste(model, &clean);
        return Vec::new();
    }
    match &model.overlay {
        Some(Overlay::Switcher(_)) => {
            let step = switcher::handle_paste(model, &clean);
            return super::step(model, step);
        }
        Some(Overlay::List(_)) => {
            list::handle_paste(model, &clean);
            return Vec::new();
        }
        Some(Overlay::Help(_)) => {
            help::handle_paste(model, &clean);
            return Vec::new();
        }
        None => {}
    }
    if model.contacts.open.is_none() {
        return open_switcher(model, &clean);
    }
    super::with_pane(model, Pane::leave);
    let room = DRAFT_BYTES_MAX.saturating_sub(model.composer.text().len());
    if clean.len() > room {
        model.say(format!(
            "too long: at most {DRAFT_BYTES_MAX} bytes fit a draft"
        ));
        return Vec::new();
    }
    model.composer.insert(&clean);
    written(model)
}

/// Words without a conversation are the beginning of a search for one.
fn open_switcher(model: &mut Model, words: &str) -> Vec<Effect> {
    let mut effects = switcher::open(model);
    let step = switcher::handle_paste(model, words);
    effects.extend(super::step(model, step));
    effects
}

/// The draft goes to the editor; which conversation it is of may be another one than is open when it comes back.
pub(super) fn editor(model: &mut Model) -> Vec<Effect> {
    let Some(topic) = model.contacts.open.clone() else {
        model.say("open a conversation first".to_owned());
        return Vec::new();
    };
    model.editing = Some(topic);
    vec![Effect::Edit(model.composer.text())]
}

pub(super) fn handle_edited(model: &mut Model, result: Result<String, String>) -> Vec<Effect> {
    let topic = model.editing.take();
    let text = match result {
        Ok(text) => text::clean_text(text.trim_end_matches('\n')).into_owned(),
        Err(why) => {
            model.say(why);
            return Vec::new();
        }
    };
    match topic {
        Some(topic) if model.contacts.open.as_ref() != Some(&topic) => {
            model.say(format!("what was edited is the draft to {topic}"));
            model.drafts.insert(topic.clone(), text.clone());
            vec![Effect::Ask(Ask::Draft(topic, text))]
        }
        _ => {
            let reply_to = model.composer.reply_to;
            model.composer = Composer::with(&text);
            model.composer.reply_to = reply_to;
            written(model)
        }
    }
}

pub(super) fn newline(model: &mut Model) -> Vec<Effect> {
    model.composer.area_mut().insert_newline();
    written(model)
}

/// At the end of a line Ctrl-K has nothing to cut, so both habits work.
pub(super) fn switcher_or_kill(model: &mut Model) -> Vec<Effect> {
    if model.composer.at_line_end() {
        return switcher::open(model);
    }
    model.composer.area_mut().delete_line_by_end();
    written(model)
}

pub(super) fn move_cursor(model: &mut Model, command: Command) -> Vec<Effect> {
    let to = match command {
        Command::LineStart => CursorMove::Head,
        Command::LineEnd => CursorMove::End,
        Command::CharacterBack => CursorMove::Back,
        Command::CharacterForward => CursorMove::Forward,
        Command::WordBack => CursorMove::WordBack,
        Command::WordForward => CursorMove::WordForward,
        Command::LineUp => CursorMove::Up,
        _ => CursorMove::Down,
    };
    model.composer.area_mut().move_cursor(to);
    Vec::new()
}

pub(super) fn change(model: &mut Model, command: Command) -> Vec<Effect> {
    let area = model.composer.area_mut();
    let _ = match command {
        Command::DeleteBack => area.delete_char(),
        Command::DeleteForward => area.delete_next_char(),
        Command::CutWordBack => area.delete_word(),
        Command::CutWordForward => area.delete_next_word(),
        Command::CutLine => area.delete_line_by_head(),
        Command::Yank => area.paste(),
        Command::Undo => area.undo(),
        _ => area.redo(),
    };
    written(model)
}

pub(super) fn clear(model: &mut Model) -> Vec<Effect> {
    if model.composer.is_empty() {
        let quit = model.keymap.key_of(Command::Quit).unwrap_or_default();
        model.say(format!("{quit} quits"));
        return Vec::new();
    }
    model.composer.clear();
    let undo = model.keymap.key_of(Command::Undo).unwrap_or_default();
    model.say(format!("{undo} brings it back"));
    written(model)
}

pub(super) fn cancel(model: &mut Model) -> Vec<Effect> {
    match model.composer.reply_to.take() {
        Some(_) => Vec::new(),
        None => go::bottom(model),
    }
}

pub(super) fn complete(model: &mut Model) -> Vec<Effect> {
    match complete::at_cursor(model) {
        true => written(model),
        false => Vec::new(),
    }
}

/// Enter: a message, a command, or a new line within a code block.
pub(super) fn send(model: &mut Model) -> Vec<Effect> {
    if model.composer.in_open_fence() {
        return newline(model);
    }
    let Some(topic) = model.contacts.open.clone() else {
        return Vec::new();
    };
    let written = model.composer.text();
    let text = match commands::read(&written) {
        commands::Line::Command(command) => return commands::run(model, command),
        commands::Line::Text(text) => text,
    };
    let clean = text::clean_text(&text);
    let text = match text::check_text(clean.trim_end_matches('\n')) {
        Ok(text) => text.into_owned(),
        Err(TextError::Empty) => return Vec::new(),
        Err(error) => {
            model.say(format!("not sent: {error}"));
            return Vec::new();
        }
    };
    let publish = Publish {
        reply_to: model.composer.reply_to,
        ..Publish::text(topic.into(), text)
    };
    let letter = Letter::new(MessageId::generate(), publish, model.wall());
    model.letters.push(letter.clone());
    model.composer = Composer::default();
    model.typing_told = None;
    super::with_pane(model, Pane::sent);
    vec![Effect::Ask(Ask::Send(Box::new(letter)))]
}

/// The draft changed: it is kept, and the others are told that one writes.
pub(super) fn written(model: &mut Model) -> Vec<Effect> {
    let Some(topic) = model.contacts.open.clone() else {
        return Vec::new();
    };
    let text = model.composer.text();
    let mut effects = Vec::new();
    if text.len() > limits::TEXT_BYTES_MAX {
        model.say(format!(
            "too long to send: {} of {} bytes",
            text.len(),
            limits::TEXT_BYTES_MAX
        ));
    }
    let due = model
        .typing_told
        .is_none_or(|told| told.plus(TYPING_EVERY) <= model.now.moment);
    if due && !text.is_empty() && !text.starts_with('/') {
        model.typing_told = Some(model.now.moment);
        effects.push(Effect::Ask(Ask::Typing(topic.clone())));
    }
    effects.push(Effect::Ask(Ask::Draft(topic, text)));
    effects
}
