//! A look over the log for how far conversations go: what it found, and from where the next one goes on.

use super::Head;
use crate::change::{Place, UserId};

/// How far the log was looked over: nothing up to a place is unseen, but for what had a place and was not committed yet.
/// Opaque; the first one goes from a [`Place`] of the feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// The place of a row that is committed, and seen.
    pub(super) upto: Place,
    /// The transactions with a place below it that still ran then, where several write at once.
    pub(super) open: Vec<i64>,
}

impl From<Place> for Look {
    fn from(upto: Place) -> Self {
        let open = Vec::new();
        Self { upto, open }
    }
}

impl Look {
    /// The oldest transaction that still ran while younger ones changed something. It keeps the feed back until it ends,
    /// and no look.
    #[must_use]
    pub fn waits_for(&self) -> Option<i64> {
        self.open.iter().min().copied()
    }
}

/// How far a conversation goes, and whom that concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadSeen {
    /// The highest of the changes seen.
    pub head: Head,
    /// Who was a member at any of them: who left is told up to the leaving.
    pub concerned: Vec<UserId>,
}

/// What a look found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeadsPage {
    /// Each conversation once.
    pub heads: Vec<HeadSeen>,
    /// How many changes it went over.
    pub changes: usize,
    /// From where the next one goes on.
    pub next: Look,
    /// Whether there may be more at once.
    pub more: bool,
}
