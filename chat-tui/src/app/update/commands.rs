//! What is typed behind a slash on an empty draft: a few commands, by name.

use chat_proto::Name;

use super::{go, help};
use crate::app::model::Model;
use crate::app::model::composer::Composer;
use crate::app::msg::Effect;
use crate::client::agent::Ask;

/// What a draft is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Words to send.
    Text(String),
    /// A command.
    Command(Typed),
}

/// A command as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typed {
    /// `/join NAME`
    Join(String),
    /// `/leave`
    Leave,
    /// `/msg NAME`
    Msg(String),
    /// `/help`
    Help,
    /// `/quit`
    Quit,
    /// Something else.
    Unknown(String),
}

/// All of them with their words, for completion and for people.
pub const ALL: [(&str, &str); 5] = [
    ("/join NAME", "join a public topic, or make one"),
    ("/leave", "leave this group"),
    ("/msg NAME", "write to somebody"),
    ("/help", "the keys"),
    ("/quit", "quit"),
];

/// A draft that begins with one slash is a command; two send one. Of several lines nothing is a command.
pub(super) fn read(draft: &str) -> Line {
    if let Some(rest) = draft.strip_prefix("//") {
        return Line::Text(format!("/{rest}"));
    }
    let Some(rest) = draft.strip_prefix('/').filter(|rest| !rest.contains('\n')) else {
        return Line::Text(draft.to_owned());
    };
    let (word, argument) = rest.split_once(' ').unwrap_or((rest, ""));
    let argument = argument.trim().to_owned();
    Line::Command(match word {
        "join" | "j" => Typed::Join(argument),
        "leave" | "part" => Typed::Leave,
        "msg" | "query" => Typed::Msg(argument),
        "help" => Typed::Help,
        "quit" | "q" => Typed::Quit,
        other => Typed::Unknown(other.to_owned()),
    })
}

pub(super) fn run(model: &mut Model, typed: Typed) -> Vec<Effect> {
    if let Typed::Unknown(word) = &typed {
        // It stays in the draft: perhaps it was meant as words.
        model.say(format!("there is no command /{word}; // sends a slash"));
        return Vec::new();
    }
    let (keep, remark) = (model.composer.clone(), model.remark.clone());
    let typed_in = model.contacts.open.clone();
    model.composer = Composer::default();
    let effects = match typed {
        Typed::Join(name) => with_name(model, &name, |_, name| vec![Effect::Ask(Ask::Join(name))]),
        Typed::Msg(name) => with_name(model, &name, |model, name| go::open(model, &name)),
        Typed::Leave => leave(model),
        Typed::Help => {
            help::open(model);
            Vec::new()
        }
        Typed::Quit => vec![Effect::Quit],
        Typed::Unknown(_) => Vec::new(),
    };
    if model.remark.as_ref() != remark.as_ref() {
        // Something was wrong with it: it stays, to be mended.
        model.composer = keep;
        return effects;
    }
    // The draft that the command was is done with, also on disk, wherever the command led.
    let done = typed_in.map(|topic| Effect::Ask(Ask::Draft(topic, String::new())));
    done.into_iter().chain(effects).collect()
}

fn with_name(
    model: &mut Model,
    text: &str,
    act: impl FnOnce(&mut Model, Name) -> Vec<Effect>,
) -> Vec<Effect> {
    match Name::parse(text.trim_start_matches(['@', '#'])) {
        Ok(name) => act(model, name),
        Err(error) => {
            model.say(format!("'{text}' is no name: {error}"));
            Vec::new()
        }
    }
}

fn leave(model: &mut Model) -> Vec<Effect> {
    match model.contacts.open_line() {
        Some(line) if line.sigil() == '#' => vec![Effect::Ask(Ask::Leave(line.topic.clone()))],
        _ => {
            model.say("this is no group: there is nothing to leave".to_owned());
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_begins_a_command_and_two_send_one() {
        assert_eq!(
            read("/join ops"),
            Line::Command(Typed::Join("ops".to_owned()))
        );
        assert_eq!(read("//join ops"), Line::Text("/join ops".to_owned()));
        assert_eq!(read("a /join"), Line::Text("a /join".to_owned()));
        assert_eq!(
            read("/etc/hosts\nis a file"),
            Line::Text("/etc/hosts\nis a file".to_owned())
        );
        assert_eq!(
            read("/etc/hosts"),
            Line::Command(Typed::Unknown("etc/hosts".to_owned()))
        );
    }
}
