//! Who was concerned by a change of long ago.

use std::sync::Arc;

use chat_proto::Rev;

use crate::change::{Address, UserId};

/// When somebody was a member: from a change up to and with another.
pub(super) struct Stay {
    pub(super) user: UserId,
    pub(super) joined: Rev,
    pub(super) left: Rev,
}

/// Everybody who ever was a member of a conversation.
pub(super) struct Audience {
    pub(super) address: Address,
    stays: Vec<Stay>,
    last: Arc<[UserId]>,
}

impl Audience {
    pub(super) fn new(address: Address, stays: Vec<Stay>) -> Self {
        Self {
            address,
            stays,
            last: Arc::new([]),
        }
    }

    /// The members at a change, shared with the change before while they stay the same.
    pub(super) fn at(&mut self, rev: Rev) -> Arc<[UserId]> {
        let mut members: Vec<UserId> = self
            .stays
            .iter()
            .filter(|stay| stay.joined <= rev && rev <= stay.left)
            .map(|stay| stay.user)
            .collect();
        members.sort_unstable();
        members.dedup();
        if *self.last != *members {
            self.last = members.into();
        }
        Arc::clone(&self.last)
    }
}
