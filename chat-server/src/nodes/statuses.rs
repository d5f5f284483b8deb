//! Statuses that people set on a node, as far as a node that missed the word of one can still be told.

use std::collections::VecDeque;

use chat_proto::Name;
use serde::{Deserialize, Serialize};

use crate::change::UserId;
use crate::limits::NODE_STATUSES_KEPT;

/// Somebody set a status; which one is in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusSet {
    /// Its number among the arrivals, departures and statuses of the node.
    pub version: u64,
    /// Whose.
    pub user: UserId,
    /// Their name.
    pub name: Name,
}

/// The latest status of each of those who set one last.
#[derive(Debug, Default)]
pub(super) struct Statuses {
    /// In the order of their numbers.
    kept: VecDeque<StatusSet>,
}

impl Statuses {
    /// Keeps one. Of too many the oldest is forgotten: who missed it then asks for presence, or hears the next.
    pub(super) fn keep(&mut self, set: StatusSet) {
        self.kept.retain(|kept| kept.user != set.user);
        if self.kept.len() >= NODE_STATUSES_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(set);
    }

    /// All that are kept.
    pub(super) fn all(&self) -> Vec<StatusSet> {
        self.kept.iter().cloned().collect()
    }
}
