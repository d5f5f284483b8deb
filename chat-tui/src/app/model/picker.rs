//! A list that is narrowed by typing: the switcher, the help and the list of conversations are such.

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
}

impl Picker {
    /// Moves the choice by `rows`, within `len` rows, round the ends.
    pub fn step(&mut self, rows: isize, len: usize) {
        let len = len.max(1);
        let at = self.chosen.min(len - 1);
        let rows = rows.rem_euclid(isize::try_from(len).unwrap_or(1));
        self.chosen = (at + usize::try_from(rows).unwrap_or(0)) % len;
    }

    /// Types a character; the choice goes back to the best match.
    pub fn push(&mut self, character: char) {
        self.query.push(character);
        self.chosen = 0;
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
