//! A list that is narrowed by typing: the switcher, the help and the list of conversations are such.

use chat_proto::Name;

use crate::app::msg::Effect;
use crate::keymap::Command;

/// Of which kind the rows are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Only {
    /// Of any.
    #[default]
    Everything,
    /// People.
    People,
    /// Groups.
    Groups,
    /// Commands.
    Commands,
}

impl Only {
    /// The next kind, round the end.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Everything => Self::People,
            Self::People => Self::Groups,
            Self::Groups => Self::Commands,
            Self::Commands => Self::Everything,
        }
    }
}

/// What a person took from a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Shows this conversation; also one that has no message yet.
    Open(Name),
    /// Becomes a member of this topic, or makes it, and shows it.
    Join(Name),
    /// Does what a key would do.
    Run(Command),
}

/// What a key in a list led to.
#[derive(Debug, Default, PartialEq)]
pub struct Step {
    /// To be done.
    pub effects: Vec<Effect>,
    /// What was taken; the list is closed then.
    pub choice: Option<Choice>,
}

/// What was typed, and which row is chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picker {
    /// What was typed.
    pub query: String,
    /// The chosen row, from 0; the view and the update clamp it to what there is.
    pub chosen: usize,
    /// What the server found for `query`, beside what is known here.
    pub people: Vec<chat_proto::api::Profile>,
    /// For which query that was.
    pub people_for: Option<String>,
    /// What the server was last asked for.
    pub asked: Option<String>,
    /// Of which kind the rows are.
    pub only: Only,
}

/// Characters of a query; no name is longer, and a pasted book is no query.
const QUERY_CHARS_MAX: usize = 128;

impl Picker {
    /// Moves the choice by `rows`, within `len` rows, round the ends.
    pub fn step(&mut self, rows: isize, len: usize) {
        let len = len.max(1);
        let at = self.chosen.min(len - 1);
        let rows = rows.rem_euclid(isize::try_from(len).unwrap_or(1));
        self.chosen = (at + usize::try_from(rows).unwrap_or(0)) % len;
    }

    /// Moves the choice by `rows`, within `len` rows, up to the ends.
    pub fn jump(&mut self, rows: isize, len: usize) {
        let last = len.saturating_sub(1);
        self.chosen = self.chosen.min(last).saturating_add_signed(rows).min(last);
    }

    /// Types a character; the choice goes back to the best match.
    pub fn push(&mut self, character: char) {
        if self.query.chars().count() < QUERY_CHARS_MAX {
            self.query.push(character);
        }
        self.chosen = 0;
    }

    /// Nothing is typed any more.
    pub fn clear(&mut self) {
        self.query.clear();
        self.chosen = 0;
    }

    /// What is searched, and of which kind: `@`, `#` and `/` in front say it too.
    #[must_use]
    pub fn narrowed(&self) -> (Only, &str) {
        let query = self.query.trim();
        let mut rest = query.chars();
        match rest.next() {
            Some('@') => (Only::People, rest.as_str()),
            Some('#') => (Only::Groups, rest.as_str()),
            Some('/') => (Only::Commands, rest.as_str()),
            _ => (self.only, query),
        }
    }

    /// Takes the last character back.
    pub fn pop(&mut self) {
        self.query.pop();
        self.chosen = 0;
    }

    /// Takes the last word back.
    pub fn pop_word(&mut self) {
        let kept = self.query.trim_end();
        let kept = kept.rfind(' ').map_or(0, |at| at + 1);
        self.query.truncate(kept);
        self.chosen = 0;
    }
}
