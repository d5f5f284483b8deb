//! What became of one's own messages: each state stands at the newest message that has it, so that the pane stays quiet.

use std::collections::BTreeMap;

use chat_proto::{ConversationKind, Name, Seq};

use super::row::{Piece, Tone};
use super::window::Window;
use crate::client::copy::Line;
use crate::client::outbox::{Letter, LetterState};
use crate::text::Shown;
use crate::theme::Glyphs;

/// Names of readers that are told at a message; of more the number is told.
const READERS_MAX: usize = 3;

/// How far a message of one's own came.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// The server has it.
    Stored,
    /// A device of somebody has it.
    Delivered,
    /// These read it, and nothing newer of one's own.
    Read(Vec<Name>),
}

/// The states by message.
#[derive(Debug, Default)]
pub(super) struct Receipts(BTreeMap<Seq, State>);

impl Receipts {
    pub(super) fn of(window: &Window, line: &Line, me: Option<&Name>) -> Self {
        let Some((me, own)) = me.and_then(|me| Some((me, window.written_by(me)?))) else {
            return Self::default();
        };
        let newest = |mark: Seq| own.range(..=mark).next_back().copied();
        let others = |(name, _): &(&Name, &Seq)| *name != me;
        let mut states = BTreeMap::new();
        for (name, mark) in line.read.iter().filter(others) {
            let Some(seq) = newest(*mark) else { continue };
            let state = states.entry(seq).or_insert(State::Read(Vec::new()));
            if let State::Read(readers) = state {
                readers.push(name.clone());
            }
        }
        let read = states.last_key_value().map(|(seq, _)| *seq);
        let delivered = line
            .delivered
            .iter()
            .filter(others)
            .map(|(_, mark)| *mark)
            .max();
        let delivered = delivered.and_then(newest);
        if delivered > read
            && let Some(seq) = delivered
        {
            states.insert(seq, State::Delivered);
        }
        if let Some(last) = own.last()
            && states.last_key_value().is_none_or(|(seq, _)| seq < last)
        {
            states.insert(*last, State::Stored);
        }
        Self(states)
    }

    /// What stands at the right of a message.
    pub(super) fn pieces(&self, seq: Seq, line: &Line, glyphs: &Glyphs) -> Vec<Piece> {
        let arrived = glyphs.arrived;
        let text = match self.0.get(&seq) {
            None => return Vec::new(),
            Some(State::Stored) => glyphs.stored.to_owned(),
            Some(State::Delivered) => format!("{arrived} delivered"),
            Some(State::Read(_)) if line.kind == ConversationKind::Direct => {
                format!("{arrived} read")
            }
            Some(State::Read(readers)) => format!("{arrived} {}", names(readers)),
        };
        vec![Piece::quiet(&text)]
    }
}

fn names(readers: &[Name]) -> String {
    let told = readers.iter().take(READERS_MAX).map(Name::as_str);
    let told = told.collect::<Vec<_>>().join(", ");
    match readers.len().saturating_sub(READERS_MAX) {
        0 => told,
        more => format!("{told} +{more}"),
    }
}

/// What stands at the right of a letter, in at most `cells`.
pub(super) fn of_letter(letter: &Letter, glyphs: &Glyphs, cells: usize) -> Vec<Piece> {
    let dot = glyphs.dot;
    match &letter.state {
        LetterState::Queued => vec![Piece::quiet(&format!("{} queued", glyphs.queued))],
        LetterState::Sending => vec![Piece::quiet(&format!("{} sending", glyphs.sending))],
        LetterState::Asks => {
            let said = format!("{} older than a day", glyphs.queued);
            let keys = format!(" {dot} r send {dot} d discard");
            vec![
                Piece::new(Shown::line(&said), Tone::Alert),
                Piece::quiet(&keys),
            ]
        }
        LetterState::Failed { sentence: why, .. } => {
            let keys = Piece::quiet(&format!(" {dot} r retry"));
            let said = format!("{} not sent: {}", glyphs.failed, Shown::preview(why));
            let room = cells.saturating_sub(keys.text.width());
            let said = Shown::line(&said);
            let said = said.truncate(room, glyphs.ellipsis);
            vec![Piece::new(said, Tone::Failure), keys]
        }
    }
}
