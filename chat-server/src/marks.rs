//! Marks on their way: told to others at most once a second, and `delivered` ones written to the store behind.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_proto::Seq;
use tokio::sync::Notify;

use crate::bus::{Bus, MarkNotice, Notice};
use crate::change::{ConversationId, UserId};
use crate::clock::Millis;
use crate::limits::MARKS_AT_ONCE;
use crate::receipts::Receipts;
use crate::store::{Delivered, Store, StoreError};

type Pending = BTreeMap<(UserId, ConversationId), Seq>;

/// Marks on their way. What is lost with the process is told again by the next mark: they only grow.
#[derive(Debug, Default)]
pub struct Marks {
    /// Short sections, never across an await.
    receipts: Mutex<Receipts>,
    /// `delivered` marks that are not in the store yet.
    pending: Mutex<Pending>,
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
            bus.publish(to.into(), &Notice::Mark(moved));
        }
        next
    }

    /// Keeps a `delivered` mark for the next write.
    pub fn write_behind(&self, user: UserId, conversation: ConversationId, seq: Seq) {
        let mut pending = self.pending();
        let held = pending.entry((user, conversation)).or_default();
        *held = (*held).max(seq);
    }

    /// The `delivered` mark that is not in the store yet.
    #[must_use]
    pub fn delivered(&self, user: UserId, conversation: ConversationId) -> Seq {
        let pending = self.pending();
        pending
            .get(&(user, conversation))
            .copied()
            .unwrap_or_default()
    }

    /// Writes what is behind, many marks at once. What the store does not take while it is away stays for the next time.
    pub async fn flush(&self, store: &dyn Store) {
        let delivered = |(key, seq): (&(UserId, ConversationId), &Seq)| Delivered {
            user: key.0,
            conversation: key.1,
            seq: *seq,
        };
        let writing: Vec<Delivered> = self.pending().iter().map(delivered).collect();
        for marks in writing.chunks(MARKS_AT_ONCE) {
            match store.advance_delivered(marks).await {
                Err(StoreError::Unavailable(_)) => return,
                Err(error) => tracing::warn!(%error, "marks could not be written"),
                Ok(()) => {}
            }
            self.forget(marks);
        }
    }

    fn forget(&self, written: &[Delivered]) {
        let mut pending = self.pending();
        for mark in written {
            let key = (mark.user, mark.conversation);
            if pending.get(&key).is_some_and(|held| *held <= mark.seq) {
                pending.remove(&key);
            }
        }
    }

    fn receipts(&self) -> MutexGuard<'_, Receipts> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
