//! The sayings that came lately: one that concerns many users here comes once for each, and is read once; one that
//! comes twice for the same user is told once.

use std::collections::{HashSet, VecDeque};

use super::wire::{self, Saying, SayingId};
use crate::change::UserId;
use crate::limits::BUS_RECENT;

/// To whom a saying was addressed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum To {
    /// A user.
    User(UserId),
    /// All nodes with a connection; the saying tells for whom.
    Crowd,
    /// All nodes.
    Nodes,
}

struct Entry {
    id: SayingId,
    /// None: it could not be read.
    saying: Option<Saying>,
    to: HashSet<To>,
}

/// The sayings that came lately, the newest last.
#[derive(Default)]
pub(super) struct Recent {
    entries: VecDeque<Entry>,
}

impl Recent {
    /// What a payload says, unless it came to the same address lately, or is not understood.
    pub(super) fn take(&mut self, to: To, id: SayingId, payload: &[u8]) -> Option<Saying> {
        // Copies follow each other, so it is mostly the last one.
        if let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.id == id) {
            return match entry.to.insert(to) {
                true => entry.saying.clone(),
                false => None,
            };
        }
        let saying = match wire::decode(payload) {
            Ok(saying) => Some(saying),
            Err(error) => {
                tracing::debug!(%error, from = %id.from, "a saying of another node is passed over");
                None
            }
        };
        if self.entries.len() >= BUS_RECENT {
            self.entries.pop_front();
        }
        let to = HashSet::from([to]);
        self.entries.push_back(Entry {
            id,
            saying: saying.clone(),
            to,
        });
        saying
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::{NodeId, Word};

    fn payload(number: u64) -> (SayingId, bytes::Bytes) {
        let id = SayingId {
            from: NodeId(1),
            number,
        };
        let word = Saying::Word(Word::Farewell);
        (id, wire::encode(id, &word).expect("it can be written"))
    }

    #[test]
    fn c03_what_comes_twice_is_told_once_to_each() {
        let mut recent = Recent::default();
        let (id, bytes) = payload(1);
        assert!(recent.take(To::User(UserId(1)), id, &bytes).is_some());
        assert!(recent.take(To::User(UserId(2)), id, &bytes).is_some());
        assert!(recent.take(To::User(UserId(1)), id, &bytes).is_none());
        assert!(recent.take(To::Nodes, id, &bytes).is_some());
    }

    #[test]
    fn it_remembers_no_more_than_its_bound() {
        let mut recent = Recent::default();
        for number in 0..2 * BUS_RECENT as u64 {
            let (id, bytes) = payload(number);
            recent.take(To::Nodes, id, &bytes);
        }
        assert_eq!(recent.entries.len(), BUS_RECENT);
    }
}
