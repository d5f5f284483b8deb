//! The part of a log that is held for showing: messages and changes in their order, and what is missing between them.

use std::collections::{BTreeMap, BTreeSet};

use chat_proto::{Event, MessageId, Name, Rev, Seq};

use super::{Gap, Place};
use crate::client::copy::{Entry, Line};
use crate::client::outbox::Letter;

/// Entries that are held at the most: some thirty screens, each entry about a KiB. The copy on disk has the others.
pub(super) const ENTRIES_MAX: usize = 1_000;
/// Entries above that before some are let go, so that not every message costs a look at the whole.
const ENTRIES_SLACK: usize = 200;

/// Entries by their place in the log. `seqs` holds every message of `entries` and nothing else.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    entries: BTreeMap<Rev, Entry>,
    seqs: BTreeMap<Seq, Rev>,
    ids: BTreeMap<MessageId, Rev>,
    authors: BTreeMap<Name, BTreeSet<Seq>>,
}

impl Window {
    /// Takes an entry in; says whether a message is new.
    pub(super) fn put(&mut self, entry: Entry) -> bool {
        match &entry {
            Entry::Message(message) => {
                let place = self.seqs.get(&message.seq).copied();
                let rev = place.unwrap_or(message.rev);
                self.seqs.insert(message.seq, rev);
                self.ids.insert(message.id.clone(), rev);
                let author = self.authors.entry(message.from.name.clone());
                author.or_default().insert(message.seq);
                self.entries.insert(rev, entry);
                place.is_none()
            }
            Entry::Change(event) => {
                if let (Some((_, rev)), true) = (event.log_place(), shown(event)) {
                    self.entries.insert(rev, entry);
                }
                false
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entry(&self, rev: Rev) -> Option<&Entry> {
        self.entries.get(&rev)
    }

    pub(super) fn seq(&self, rev: Rev) -> Option<Seq> {
        self.entries.get(&rev).and_then(Entry::seq)
    }

    pub(super) fn rev(&self, seq: Seq) -> Option<Rev> {
        self.seqs.get(&seq).copied()
    }

    pub(super) fn rev_of(&self, id: &MessageId) -> Option<Rev> {
        self.ids.get(id).copied()
    }

    pub(super) fn last_seq(&self) -> Option<Seq> {
        self.seqs.last_key_value().map(|(seq, _)| *seq)
    }

    /// The message before `seq`, whatever is missing between.
    pub(super) fn message_before(&self, seq: Seq) -> Option<&Entry> {
        let (_, rev) = self.seqs.range(..seq).next_back()?;
        self.entry(*rev)
    }

    /// Messages above `seq`, ascending.
    pub(super) fn after(&self, seq: Seq) -> impl DoubleEndedIterator<Item = (Seq, Rev)> {
        self.seqs.range(seq.next()..).map(|(seq, rev)| (*seq, *rev))
    }

    /// Messages below `seq`, ascending.
    pub(super) fn before(&self, seq: Seq) -> impl DoubleEndedIterator<Item = (Seq, Rev)> {
        self.seqs.range(..seq).map(|(seq, rev)| (*seq, *rev))
    }

    /// The numbers of what somebody wrote.
    pub(super) fn written_by(&self, name: &Name) -> Option<&BTreeSet<Seq>> {
        self.authors.get(name)
    }

    /// The entry before `rev`; without one the last.
    pub(super) fn entry_before(&self, rev: Option<Rev>) -> Option<Rev> {
        match rev {
            Some(rev) => self.entries.range(..rev).next_back(),
            None => self.entries.last_key_value(),
        }
        .map(|(rev, _)| *rev)
    }

    /// The entry after `rev`; without one the first.
    pub(super) fn entry_after(&self, rev: Option<Rev>) -> Option<Rev> {
        match rev {
            Some(rev) => self.entries.range(rev.next()..).next(),
            None => self.entries.first_key_value(),
        }
        .map(|(rev, _)| *rev)
    }

    /// What is missing right above a message, or after the last one.
    pub(super) fn gap(&self, above: Option<Rev>, line: &Line) -> Option<Gap> {
        let first = line.first_seq.max(Seq(1));
        let gap = match above {
            Some(rev) => {
                let seq = self.seq(rev)?;
                let before = self.seqs.range(..seq).next_back();
                let from = before.map_or(first, |(seq, _)| seq.next());
                let to = seq.prev();
                Gap { from, to }
            }
            None => {
                let from = self.last_seq().map_or(first, Seq::next).max(first);
                let to = line.last_seq;
                Gap { from, to }
            }
        };
        (gap.from <= gap.to).then_some(gap)
    }

    /// Whether nothing is missing among the `count` messages above and below one, without one around the last. Said only
    /// where nothing is missing between any that are held, so that no look at each of them is needed.
    pub(super) fn whole_around(&self, seq: Option<Seq>, count: u64, line: &Line) -> bool {
        let (Some((first, _)), Some(last)) = (self.seqs.first_key_value(), self.last_seq()) else {
            return false;
        };
        let messages = last.0.saturating_sub(first.0).saturating_add(1);
        let seq = seq.unwrap_or(last).0;
        let above = seq.saturating_sub(first.0) >= count || *first <= line.first_seq.max(Seq(1));
        let below = last.0.saturating_sub(seq) >= count || last >= line.last_seq;
        messages == self.seqs.len() as u64 && above && below
    }

    /// The place above `place`.
    pub(super) fn above(&self, place: &Place, line: &Line, letters: &[&Letter]) -> Option<Place> {
        match place {
            Place::Letter(id) => {
                let at = letters.iter().position(|letter| letter.id == *id)?;
                match at.checked_sub(1) {
                    Some(before) => Some(Place::Letter(letters[before].id.clone())),
                    None => self.log_end(line),
                }
            }
            Place::Gap(rev) => self.entry_before(*rev).map(Place::Entry),
            Place::Entry(rev) => match self.gap(Some(*rev), line) {
                Some(_) => Some(Place::Gap(Some(*rev))),
                None => self.entry_before(Some(*rev)).map(Place::Entry),
            },
        }
    }

    /// The place below `place`.
    pub(super) fn below(&self, place: &Place, line: &Line, letters: &[&Letter]) -> Option<Place> {
        let first_letter = || {
            letters
                .first()
                .map(|letter| Place::Letter(letter.id.clone()))
        };
        match place {
            Place::Letter(id) => {
                let at = letters.iter().position(|letter| letter.id == *id)?;
                letters
                    .get(at + 1)
                    .map(|letter| Place::Letter(letter.id.clone()))
            }
            Place::Gap(Some(rev)) => Some(Place::Entry(*rev)),
            Place::Gap(None) => first_letter(),
            Place::Entry(rev) => self.log_from(Some(*rev), line).or_else(first_letter),
        }
    }

    /// The last place of all.
    pub(super) fn last(&self, line: &Line, letters: &[&Letter]) -> Option<Place> {
        match letters.last() {
            Some(letter) => Some(Place::Letter(letter.id.clone())),
            None => self.log_end(line),
        }
    }

    /// The first place of all.
    pub(super) fn first(&self, line: &Line, letters: &[&Letter]) -> Option<Place> {
        let letter = || {
            letters
                .first()
                .map(|letter| Place::Letter(letter.id.clone()))
        };
        self.log_from(None, line).or_else(letter)
    }

    fn log_end(&self, line: &Line) -> Option<Place> {
        match self.gap(None, line) {
            Some(_) => Some(Place::Gap(None)),
            None => self.entry_before(None).map(Place::Entry),
        }
    }

    /// The place of the log after `rev`; without one the first.
    fn log_from(&self, rev: Option<Rev>, line: &Line) -> Option<Place> {
        match self.entry_after(rev) {
            Some(next) => match self.gap(Some(next), line) {
                Some(_) => Some(Place::Gap(Some(next))),
                None => Some(Place::Entry(next)),
            },
            None => self.gap(None, line).map(|_| Place::Gap(None)),
        }
    }

    /// Lets go what is far from `near`; what goes is a gap from then on, and may be loaded again.
    pub(super) fn trim(&mut self, near: Option<Rev>) {
        if self.len() <= ENTRIES_MAX + ENTRIES_SLACK {
            return;
        }
        let near = near.unwrap_or(Rev(u64::MAX));
        let mut above = self.entries.range(..near).count();
        let mut below = self.len() - above;
        while self.len() > ENTRIES_MAX {
            let gone = match above >= below {
                true => {
                    above = above.saturating_sub(1);
                    self.entries.pop_first()
                }
                false => {
                    below = below.saturating_sub(1);
                    self.entries.pop_last()
                }
            };
            if let Some((_, Entry::Message(message))) = gone {
                self.seqs.remove(&message.seq);
                self.ids.remove(&message.id);
                if let Some(seqs) = self.authors.get_mut(&message.from.name) {
                    seqs.remove(&message.seq);
                }
            }
        }
    }
}

/// Whether a change has words to show; one of a later version has none that this one knows.
const fn shown(event: &Event) -> bool {
    matches!(event, Event::Join(_) | Event::Leave(_) | Event::Group(_))
}
