//! Marks on their way: told to others at most once a second, and `delivered` ones written to the store behind.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_proto::{Mark, Name, Seq, Topic};
use tokio::sync::Notify;

use crate::bus::{Bus, MarkNotice, Notice};
use crate::change::{ConversationId, UserId};
use crate::clock::Millis;
use crate::receipts::Receipts;
use crate::store::{Store, StoreError};

/// A `delivered` mark that is not in the store yet.
#[derive(Debug, Clone)]
struct Pending {
    topic: Name,
    seq: Seq,
}

/// Marks on their way. What is lost with the process is told again by the next mark: they only grow.
#[derive(Debug, Default)]
pub struct Marks {
    /// Short sections, never across an await.
    receipts: Mutex<Receipts>,
    pending: Mutex<BTreeMap<(UserId, ConversationId), Pending>>,
    pub(crate) wake: Notify,
}

impl Marks {
    /// Tells others of a mark, when it is time.
    pub fn tell(&self, moved: MarkNotice, to: Vec<UserId>) {
        self.receipts().handle_mark(moved, to);
        self.wake.notify_one();
    }

    /// Tells what is due, and says when to come again.
    pub fn tell_due(&self, bus: &dyn Bus, now: Millis) -> Option<Millis> {
        let (due, next) = {
            let mut receipts = self.receipts();
            (receipts.poll_due(now), receipts.poll_timeout())
        };
        for (moved, to) in due {
            bus.publish(&to, &Notice::Mark(moved));
        }
        next
    }

    /// Keeps a `delivered` mark for the next write.
    pub fn write_behind(&self, user: UserId, conversation: ConversationId, topic: Name, seq: Seq) {
        let mut pending = self.pending();
        let held = pending
            .entry((user, conversation))
            .or_insert(Pending { topic, seq });
        held.seq = held.seq.max(seq);
    }

    /// The `delivered` mark that is not in the store yet.
    #[must_use]
    pub fn delivered(&self, user: UserId, conversation: ConversationId) -> Seq {
        self.pending()
            .get(&(user, conversation))
            .map_or(Seq(0), |pending| pending.seq)
    }

    /// Writes what is behind. What the store does not take while it is away stays for the next time.
    pub async fn flush(&self, store: &dyn Store) {
        let writing: Vec<_> = self
            .pending()
            .iter()
            .map(|(key, pending)| (*key, pending.clone()))
            .collect();
        for ((user, conversation), written) in writing {
            let topic = Topic::from(written.topic);
            match store
                .advance_mark(user, &topic, Mark::Delivered, written.seq)
                .await
            {
                Err(StoreError::Unavailable(_)) => return,
                // Refused: no member any more, so there is nothing to mark.
                Ok(_) | Err(_) => self.forget(user, conversation, written.seq),
            }
        }
    }

    fn forget(&self, user: UserId, conversation: ConversationId, written: Seq) {
        let mut pending = self.pending();
        if pending
            .get(&(user, conversation))
            .is_some_and(|held| held.seq <= written)
        {
            pending.remove(&(user, conversation));
        }
    }

    fn receipts(&self) -> MutexGuard<'_, Receipts> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, BTreeMap<(UserId, ConversationId), Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
