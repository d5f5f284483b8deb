//! A key: which place it is for, which command it is there, or which character it types.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{entrance, go, help, list, program, select, switcher, write};
use crate::app::model::pane::Pane;
use crate::app::model::{Model, Overlay};
use crate::app::msg::Effect;
use crate::keymap::{Command, Mode};
use crate::view;

pub(super) fn handle(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    if model.entrance.is_some() {
        return entrance::handle_key(model, key);
    }
    let chord = std::mem::take(&mut model.chord);
    if !chord && model.overlay.is_none() && model.keymap.begins_chord(key) {
        model.chord = true;
        return Vec::new();
    }
    let mode = mode(model);
    let command = model.keymap.command(mode, chord, key);
    if command != Some(Command::Discard) {
        model.discards = None;
    }
    match command {
        // What was said is heard when the next command comes; one that has something to say says it anew.
        Some(command) => {
            model.remark = None;
            command_in(model, mode, command, key)
        }
        // A second half that means nothing must not become text.
        None if chord => Vec::new(),
        None => typed(model, mode, key),
    }
}

fn command_in(model: &mut Model, mode: Mode, command: Command, key: KeyEvent) -> Vec<Effect> {
    match mode {
        Mode::Pick => picked(model, command, key),
        Mode::Select | Mode::Write | Mode::Anywhere => run(model, command),
    }
}

fn mode(model: &Model) -> Mode {
    let selects = || model.pane.as_ref().is_some_and(Pane::selecting);
    if model.overlay.is_some() {
        Mode::Pick
    } else if selects() {
        Mode::Select
    } else {
        Mode::Write
    }
}

/// A command while a list lies over the conversation.
fn picked(model: &mut Model, command: Command, key: KeyEvent) -> Vec<Effect> {
    match command {
        Command::Quit | Command::Suspend | Command::Repaint => run(model, command),
        _ => overlaid(model, Some(command), key),
    }
}

pub(super) fn overlaid(model: &mut Model, command: Option<Command>, key: KeyEvent) -> Vec<Effect> {
    match model.overlay {
        Some(Overlay::Switcher(_)) => {
            let step = switcher::handle_key(model, command, key);
            super::step(model, step)
        }
        Some(Overlay::List(_)) => {
            let step = list::handle_key(model, command, key);
            super::step(model, step)
        }
        Some(Overlay::Help(_)) => {
            let extent = view::help::extent(model);
            help::handle_key(model, command, key, extent);
            Vec::new()
        }
        None => Vec::new(),
    }
}

fn typed(model: &mut Model, mode: Mode, key: KeyEvent) -> Vec<Effect> {
    match mode {
        Mode::Pick => overlaid(model, None, key),
        Mode::Select | Mode::Write | Mode::Anywhere => match letter(key) {
            Some(letter) => {
                // A letter that is no command there begins words: who types them means the draft.
                if mode == Mode::Select {
                    select::leave(model);
                }
                write::type_char(model, letter)
            }
            None => Vec::new(),
        },
    }
}

/// What a key types by itself.
fn letter(key: KeyEvent) -> Option<char> {
    let other = KeyModifiers::CONTROL | KeyModifiers::ALT;
    match key.code {
        KeyCode::Char(letter) if !key.modifiers.intersects(other) => Some(letter),
        _ => None,
    }
}

/// Does what a command says: dispatches and nothing else.
pub(super) fn run(model: &mut Model, command: Command) -> Vec<Effect> {
    match command {
        Command::SwitcherOrKill => write::switcher_or_kill(model),
        Command::Switcher => switcher::open(model),
        Command::NextUnread => go::next_unread(model),
        Command::FirstUnread => go::first_unread(model),
        Command::PreviousMention => go::mention(model, go::Direction::Back),
        Command::NextMention => go::mention(model, go::Direction::Forward),
        Command::PreviousChat => go::neighbour(model, go::Direction::Back),
        Command::NextChat => go::neighbour(model, go::Direction::Forward),
        Command::Chat1 => go::nth(model, 0),
        Command::Chat2 => go::nth(model, 1),
        Command::Chat3 => go::nth(model, 2),
        Command::Chat4 => go::nth(model, 3),
        Command::Chat5 => go::nth(model, 4),
        Command::Chat6 => go::nth(model, 5),
        Command::Chat7 => go::nth(model, 6),
        Command::Chat8 => go::nth(model, 7),
        Command::Chat9 => go::nth(model, 8),
        Command::LastChat => go::last_chat(model),
        Command::PageUp => go::page(model, go::Direction::Back),
        Command::PageDown => go::page(model, go::Direction::Forward),
        Command::Top => go::top(model),
        Command::Bottom => go::bottom(model),

        Command::Select => select::begin(model),
        Command::SelectUp => select::step(model, go::Direction::Back),
        Command::SelectDown => select::step(model, go::Direction::Forward),
        Command::SelectFirst => select::first(model),
        Command::SelectLast => select::last(model),
        Command::Act => select::act(model),
        Command::Retry => select::retry(model),
        Command::EditAgain => select::edit(model),
        Command::Discard => select::discard(model),
        Command::CopyText => select::copy(model),
        Command::CopyBlock => select::copy_block(model),
        Command::Quote => select::quote(model),
        Command::HelpHere | Command::Help => {
            help::open(model);
            Vec::new()
        }
        Command::Leave => select::leave(model),

        Command::Send => write::send(model),
        Command::Newline => write::newline(model),
        Command::Editor => write::editor(model),
        Command::Complete => write::complete(model),
        Command::LineStart
        | Command::LineEnd
        | Command::CharacterBack
        | Command::CharacterForward
        | Command::WordBack
        | Command::WordForward
        | Command::LineUp
        | Command::LineDown => write::move_cursor(model, command),
        Command::DeleteBack
        | Command::DeleteForward
        | Command::CutWordBack
        | Command::CutWordForward
        | Command::CutLine
        | Command::Yank
        | Command::Undo
        | Command::Redo => write::change(model, command),
        Command::ClearDraft => write::clear(model),
        Command::Cancel => write::cancel(model),

        // Their place is a list, which takes them before they come here.
        Command::PickUp
        | Command::PickDown
        | Command::PickKind
        | Command::PickThis
        | Command::PickCancel => Vec::new(),
        Command::Sidebar => program::sidebar(model),
        Command::Reconnect => program::reconnect(model),
        Command::Repaint => vec![Effect::Redraw],
        Command::Suspend => vec![Effect::Suspend],
        Command::Quit => vec![Effect::Quit],
    }
}
