//! What is remembered of conversations: who is in them, so that a message to a group of 500 does not read 500 rows; and
//! the latest time that a message was given.
//!
//! Other processes change members too. So what is remembered is only used under the lock of the conversation's row, and
//! only if that row still has the number (`seats`) with which it was remembered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chat_proto::{Role, Seq, Time};

use crate::change::{ConversationId, UserId};
use crate::store::stamp::Stamps;

/// Members over all conversations above which the cache starts anew.
const SEATS_MAX: usize = 200_000;

/// What a member may do, and from where on they may read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    pub(super) role: Role,
    pub(super) first_seq: Seq,
}

/// The members of a conversation.
#[derive(Debug, Clone, Default)]
pub(super) struct Seats {
    pub(super) by_user: HashMap<UserId, Seat>,
    /// The same people, ascending.
    pub(super) members: Arc<[UserId]>,
}

impl Seats {
    pub(super) fn of(by_user: HashMap<UserId, Seat>) -> Self {
        let mut members: Vec<UserId> = by_user.keys().copied().collect();
        members.sort_unstable();
        Self {
            by_user,
            members: members.into(),
        }
    }
}

#[derive(Default)]
struct Kept {
    conversations: HashMap<ConversationId, (i64, Arc<Seats>)>,
    seats: usize,
}

#[derive(Default)]
pub(super) struct Cache {
    // A std Mutex: the sections are short and nothing is awaited in them.
    kept: Mutex<Kept>,
    stamps: Mutex<Stamps>,
}

impl Cache {
    /// That of a store whose latest message is of this time.
    pub(super) fn after(latest: Time) -> Self {
        Self {
            stamps: Mutex::new(Stamps::after(latest)),
            ..Self::default()
        }
    }

    /// The time of a message that is stored now into a conversation whose last one is of `last`.
    pub(super) fn stamp(&self, now: Time, last: Time) -> Time {
        let mut stamps = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        stamps.next(now, last)
    }

    /// The members, and the number with which they were remembered.
    pub(super) fn seats(&self, id: ConversationId) -> Option<(i64, Arc<Seats>)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.conversations.get(&id).cloned()
    }

    /// Remembers the members as a committed transaction left them.
    pub(super) fn keep(&self, id: ConversationId, number: i64, seats: Arc<Seats>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.seats > SEATS_MAX {
            *kept = Kept::default();
        }
        // Transactions may come here in another order than that of their commits.
        if kept
            .conversations
            .get(&id)
            .is_some_and(|(newer, _)| *newer > number)
        {
            return;
        }
        kept.seats += seats.members.len();
        if let Some((_, former)) = kept.conversations.insert(id, (number, seats)) {
            kept.seats -= former.members.len();
        }
    }
}
