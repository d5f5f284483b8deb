//! What is typed behind a slash on an empty draft: a few commands, by name.

use chat_proto::Name;

use super::{go, help, write};
use crate::app::model::Model;
use crate::app::msg::Effect;
use crate::client::agent::{Ask, LinkState};

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
    /// `/msg NAME WORDS`
    Msg(String, String),
    /// `/help`
    Help,
    /// `/quit`
    Quit,
    /// Something else.
    Unknown(String),
}

/// A draft that begins with one slash is a command; two send one. Of several lines nothing is a command.
pub(super) fn read(draft: &str) -> Line {
    if let Some(rest) = draft.strip_prefix("//") {
        return Line::Text(format!("/{rest}"));
    }
    let Some(rest) = draft.strip_prefix('/').filter(|rest| !rest.contains('\n')) else {
        return Line::Text(draft.to_owned());
    };
    let (word, argument) = rest.split_once(' ').unwrap_or((rest, ""));
    let argument = argument.trim();
    let (name, words) = argument.split_once(' ').unwrap_or((argument, ""));
    Line::Command(match word {
        "join" | "j" => Typed::Join(argument.to_owned()),
        "leave" | "part" => Typed::Leave,
        "msg" | "query" => Typed::Msg(name.to_owned(), words.trim().to_owned()),
        "help" => Typed::Help,
        "quit" | "q" => Typed::Quit,
        other => Typed::Unknown(other.to_owned()),
    })
}

/// Does it, or says why not; then it stays in the draft, to be mended.
pub(super) fn run(model: &mut Model, typed: Typed) -> Vec<Effect> {
    let keep = std::mem::take(&mut model.composer);
    let typed_in = model.contacts.open.clone();
    match act(model, typed) {
        Ok(effects) => {
            // The draft that the command was is done with, also on disk, wherever the command led.
            let done = typed_in.map(|topic| Effect::Ask(Ask::Draft(topic, String::new())));
            done.into_iter().chain(effects).collect()
        }
        Err(sentence) => {
            model.composer = keep;
            model.say(sentence);
            Vec::new()
        }
    }
}

fn act(model: &mut Model, typed: Typed) -> Result<Vec<Effect>, String> {
    match typed {
        Typed::Join(text) => {
            let topic = name("/join NAME", &text)?;
            connected(model)?;
            Ok(vec![Effect::Ask(Ask::Join(topic))])
        }
        Typed::Msg(text, words) => {
            let who = name("/msg NAME", &text)?;
            Ok(write_to(model, &who, &words))
        }
        Typed::Leave => leave(model),
        Typed::Help => {
            help::open(model);
            Ok(Vec::new())
        }
        Typed::Quit => Ok(vec![Effect::Quit]),
        // Perhaps it was meant as words.
        Typed::Unknown(word) => Err(format!("there is no command /{word}; // sends a slash")),
    }
}

fn name(usage: &str, text: &str) -> Result<Name, String> {
    if text.is_empty() {
        return Err(format!("use: {usage}"));
    }
    let parsed = Name::parse(text.trim_start_matches(['@', '#']));
    parsed.map_err(|error| format!("'{text}' is no name: {error}"))
}

/// What the server does at once or not at all is not asked for without it.
fn connected(model: &Model) -> Result<(), String> {
    match model.link.0 {
        LinkState::Live | LinkState::Syncing => Ok(()),
        LinkState::Connecting | LinkState::Down { .. } | LinkState::Ended { .. } => {
            Err("not connected: this needs the server".to_owned())
        }
    }
}

/// Opens the conversation; words become its draft, behind what is written there already.
fn write_to(model: &mut Model, who: &Name, words: &str) -> Vec<Effect> {
    let mut effects = go::open(model, who);
    if !words.is_empty() {
        if !model.composer.is_empty() {
            model.composer.insert("\n");
        }
        model.composer.insert(words);
        effects.extend(write::written(model));
    }
    effects
}

fn leave(model: &Model) -> Result<Vec<Effect>, String> {
    let line = model.contacts.open_line();
    let line = line.filter(|line| line.sigil() == '#');
    let line = line.ok_or("this is no group: there is nothing to leave")?;
    connected(model)?;
    Ok(vec![Effect::Ask(Ask::Leave(line.topic.clone()))])
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
        assert_eq!(
            read("/msg  ben  see you "),
            Line::Command(Typed::Msg("ben".to_owned(), "see you".to_owned()))
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
