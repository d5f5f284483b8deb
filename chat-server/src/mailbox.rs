//! The inbox of a connection: it coalesces, so that a slow reader costs bounded memory and delays nobody.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use chat_proto::{Mark, Rev};
use tokio::sync::Notify;

use crate::bus::{MarkNotice, Notice, PresenceNotice, TypingNotice};
use crate::change::{Change, ConversationId, UserId};

/// Changes that wait as they are. Above it only the numbers of the conversations wait, and the changes are read
/// from the store when the reader is ready for them.
const CHANGES_MAX: usize = 256;
/// Typing notices that wait; more are dropped, as they are out of date by then.
const TYPING_MAX: usize = 16;

/// Why a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its session ended: log-out, revocation.
    SessionEnded,
    /// The server stops.
    Stopping,
}

/// What waits for a connection.
#[derive(Debug, Default)]
pub struct Inbox {
    /// Changes, in the order in which they came.
    pub changes: VecDeque<Arc<Change>>,
    /// How far conversations are whose changes did not fit.
    pub heads: BTreeMap<ConversationId, Rev>,
    /// The highest marks.
    pub marks: BTreeMap<(ConversationId, UserId, MarkOrder), MarkNotice>,
    /// The latest presence of each person.
    pub presence: BTreeMap<UserId, PresenceNotice>,
    /// Who is typing.
    pub typing: Vec<TypingNotice>,
    /// Why the connection is to end.
    pub ending: Option<Ending>,
}

/// Sorts `delivered` before `read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MarkOrder(u8);

impl From<Mark> for MarkOrder {
    fn from(mark: Mark) -> Self {
        Self(match mark {
            Mark::Delivered => 0,
            Mark::Read => 1,
        })
    }
}

impl Inbox {
    fn put(&mut self, notice: &Notice) {
        match notice {
            Notice::Change(change) => self.put_change(change),
            Notice::Mark(moved) => self.put_mark(moved),
            Notice::Presence(changed) => {
                self.presence.insert(changed.user, changed.clone());
            }
            Notice::Typing(typing) if self.typing.len() < TYPING_MAX => {
                self.typing.push(typing.clone());
            }
            Notice::Head(conversation, head) => self.put_head(*conversation, *head),
            // The end of a session is no mail: the router sees to it.
            Notice::Typing(_) | Notice::SessionEnded(_) => {}
        }
    }

    fn put_change(&mut self, change: &Arc<Change>) {
        // What came after a change that did not fit would only be read again: one number is enough.
        if self.changes.len() < CHANGES_MAX && !self.heads.contains_key(&change.conversation) {
            self.changes.push_back(change.clone());
            return;
        }
        self.put_head(change.conversation, change.rev);
    }

    fn put_head(&mut self, conversation: ConversationId, rev: Rev) {
        let head = self.heads.entry(conversation).or_default();
        *head = (*head).max(rev);
    }

    fn put_mark(&mut self, moved: &MarkNotice) {
        let key = (moved.conversation, moved.by, moved.mark.into());
        let held = self.marks.entry(key).or_insert_with(|| moved.clone());
        if moved.seq > held.seq {
            *held = moved.clone();
        }
    }
}

/// A mailbox: the router puts in, one connection takes out.
#[derive(Debug, Default)]
pub struct Mailbox {
    /// A short section, never across an await.
    inbox: Mutex<Inbox>,
    wake: Notify,
}

impl Mailbox {
    /// Puts a notice in and wakes the connection.
    pub fn offer(&self, notice: &Notice) {
        self.inbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .put(notice);
        self.wake.notify_one();
    }

    /// Wakes the connection once more: somebody else may have taken the wake of a notice that is still in here.
    pub fn wake_again(&self) {
        self.wake.notify_one();
    }

    /// Tells the connection to end.
    pub fn end(&self, ending: Ending) {
        self.inbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ending = Some(ending);
        self.wake.notify_one();
    }

    /// Why the connection is to end, if it is.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.inbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ending
    }

    /// Waits until there may be something.
    pub async fn filled(&self) {
        self.wake.notified().await;
    }

    /// Takes everything out.
    #[must_use]
    pub fn take(&self) -> Inbox {
        std::mem::take(&mut *self.inbox.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
