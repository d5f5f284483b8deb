//! A look at the chat, `cargo demo`: the full-screen client among sample people, or a short conversation where no
//! terminal is.

mod actors;
mod history;
mod past;
mod people;
mod scenes;
mod show;
mod stage;
mod story;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use chat_proto::Safe;

const USAGE: &str = "usage: cargo demo [-- --script]";

/// What there is to see.
#[derive(Debug, PartialEq, Eq)]
enum Play {
    /// The screens, for somebody at a terminal.
    Screens,
    /// Lines on standard output.
    Story,
}

fn main() -> ExitCode {
    let given: Vec<OsString> = std::env::args_os().skip(1).collect();
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let ended = match choose(&given, terminal) {
        Some(Play::Screens) => show::run(),
        Some(Play::Story) => story::run().map(|()| ExitCode::SUCCESS),
        None => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    ended.unwrap_or_else(|error| {
        eprintln!("the demonstration: {}", Safe::line(&format!("{error:#}")));
        ExitCode::FAILURE
    })
}

fn choose(given: &[OsString], terminal: bool) -> Option<Play> {
    match given {
        [] if terminal => Some(Play::Screens),
        [] => Some(Play::Story),
        [option] if option == "--script" => Some(Play::Story),
        _ => None,
    }
}
