//! A page of a conversation: which numbers it spans, and how many of them fit.

use std::collections::VecDeque;

use chat_proto::{Rev, Seq};

use super::{Membership, Range, Slice};
use crate::change::Change;
use crate::limits::PAGE_BYTES_MAX;

/// The messages that a page asks for. Numbers are dense, so it is arithmetic: from `low` on, below `high`.
pub(super) struct Span {
    pub(super) low: u64,
    pub(super) high: u64,
    /// What does not fit is left out at the far end: of these the lowest.
    pub(super) downwards: bool,
    more: bool,
}

impl Span {
    pub(super) fn of(membership: &Membership, range: Range, limit: usize) -> Self {
        let (first, last) = (membership.first_seq.0.max(1), membership.last_seq.0);
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let (low, high) = match range {
            Range::Latest => ((last + 1).saturating_sub(limit), last + 1),
            Range::Before(seq) => {
                let high = seq.0.min(last + 1);
                (high.saturating_sub(limit), high)
            }
            Range::After(seq) => {
                let low = seq.0.saturating_add(1).max(first);
                (low, low.saturating_add(limit))
            }
            Range::Around(seq) => {
                let low = seq.0.min(last).saturating_sub(limit / 2).max(first);
                (low, low.saturating_add(limit))
            }
        };
        let (low, high) = (low.max(first), high.min(last + 1));
        let more = match range {
            Range::Latest | Range::Before(_) => low > first && low < high,
            Range::After(_) => high <= last && low < high,
            Range::Around(_) => low < high && (low > first || high <= last),
        };

        Self {
            low,
            high,
            downwards: matches!(range, Range::Latest | Range::Before(_)),
            more,
        }
    }
}

/// Changes of a page, as many as fit into [`PAGE_BYTES_MAX`] of text: a page of the longest texts would be a
/// thousand times that of short ones, and a reader who does not read would make the server hold it.
#[derive(Default)]
pub(super) struct Page {
    changes: VecDeque<Change>,
    bytes: usize,
    /// The message that must be in it.
    middle: Option<Seq>,
    cut: bool,
}

impl Page {
    pub(super) fn of(range: Range) -> Self {
        let middle = match range {
            Range::Around(seq) => Some(seq),
            _ => None,
        };
        Self {
            middle,
            ..Self::default()
        }
    }

    /// Takes a change, if it fits; the first always does. Before the middle it makes room by leaving out the lowest.
    pub(super) fn takes(&mut self, change: Change) -> bool {
        let before_middle = change.seq() <= self.middle && self.middle.is_some();
        self.bytes += change.text_bytes();
        while self.bytes > PAGE_BYTES_MAX && !self.changes.is_empty() {
            self.cut = true;
            if !before_middle {
                return false;
            }
            if let Some(lowest) = self.changes.pop_front() {
                self.bytes -= lowest.text_bytes();
            }
        }
        self.changes.push_back(change);
        true
    }

    /// The page of messages that were taken in the order of their span.
    pub(super) fn slice(self, span: &Span) -> Slice {
        let mut changes = Vec::from(self.changes);
        if span.downwards {
            changes.reverse();
        }
        Slice {
            changes,
            more: span.more || self.cut,
        }
    }

    /// The page of changes of which `last` is the last; if it has none, `more` says whether there are some.
    pub(super) fn up_to(self, last: Rev, more: bool) -> Slice {
        let changes = Vec::from(self.changes);
        let more = changes.last().map_or(more, |change| change.rev < last);
        Slice { changes, more }
    }
}
