//! Where a connection stands in one conversation: what was sent, what is known to exist, and what waits for its turn.
//!
//! The changes of a conversation are numbered without gaps, so the next one to send is always known. If it is
//! here, it goes out: the fast path. If only later ones are, it is read from the store: the repair path.

use std::collections::BTreeMap;
use std::sync::Arc;

use chat_proto::Rev;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::change::Change;

/// Changes that wait for an earlier one. Above it only `head` is raised, and they are read from the store in their turn.
const WINDOW_MAX: usize = 64;

/// What takes the next place in the order.
#[derive(Debug)]
pub(crate) enum Step {
    /// A change, to be told.
    Tell(Arc<Change>),
    /// The answer to a request of this very connection, which stands for its change.
    Answer(Utf8Bytes),
    /// A change that this connection caused and whose answer is under way.
    AwaitAnswer,
    /// There is one, but it is not here: it must be read from the store.
    Behind,
    /// Nothing.
    Even,
}

/// What waits for its turn.
#[derive(Debug)]
enum Waiting {
    Change(Arc<Change>),
    Answer(Utf8Bytes),
}

/// Where a connection stands in one conversation.
#[derive(Debug)]
pub(crate) struct Cursor {
    /// The last change that was sent; never above `head`.
    sent: Rev,
    /// The last change that is known to exist.
    head: Rev,
    /// Changes and answers above `sent`.
    waiting: BTreeMap<Rev, Waiting>,
}

impl Cursor {
    /// Everything up to `sent` is told.
    pub(crate) const fn at(sent: Rev) -> Self {
        Self {
            sent,
            head: sent,
            waiting: BTreeMap::new(),
        }
    }

    /// The last change that was sent.
    pub(crate) const fn sent(&self) -> Rev {
        self.sent
    }

    /// The last change that is known to exist.
    pub(crate) const fn head(&self) -> Rev {
        self.head
    }

    /// Whether the next change exists and is not here.
    pub(crate) fn behind(&self) -> bool {
        self.head > self.sent && !self.waiting.contains_key(&self.sent.next())
    }

    /// Whether nothing is known to follow what was sent.
    pub(crate) fn even(&self) -> bool {
        self.head == self.sent && self.waiting.is_empty()
    }

    /// Whether an answer waits for its place.
    pub(crate) fn owes_answer(&self) -> bool {
        let answers = |waiting: &Waiting| matches!(waiting, Waiting::Answer(_));
        self.waiting.values().any(answers)
    }

    /// A change is here. One that was told already is passed over.
    pub(crate) fn offer(&mut self, change: Arc<Change>) {
        let rev = change.rev;
        self.raise(rev);
        let next = rev == self.sent.next();
        if rev > self.sent && (next || self.waiting.len() < WINDOW_MAX) {
            self.waiting.entry(rev).or_insert(Waiting::Change(change));
        }
    }

    /// A change exists.
    pub(crate) fn raise(&mut self, head: Rev) {
        self.head = self.head.max(head);
    }

    /// The request that made the change `rev` is answered by `frame`, which takes the place of the change.
    /// Gives the frame back if that place is gone.
    pub(crate) fn answer(&mut self, rev: Rev, frame: Utf8Bytes) -> Option<Utf8Bytes> {
        if rev <= self.sent {
            return Some(frame);
        }
        self.raise(rev);
        self.waiting.insert(rev, Waiting::Answer(frame));
        None
    }

    /// What takes the next place; `own` tells a change whose answer is under way.
    pub(crate) fn step(&mut self, own: impl Fn(&Change) -> bool) -> Step {
        let next = self.sent.next();
        match self.waiting.get(&next) {
            Some(Waiting::Change(change)) if own(change) => return Step::AwaitAnswer,
            Some(_) => {}
            None if self.head > self.sent => return Step::Behind,
            None => return Step::Even,
        }
        self.sent = next;
        debug_assert!(self.sent <= self.head, "what was sent exists");
        match self.waiting.remove(&next) {
            Some(Waiting::Change(change)) => Step::Tell(change),
            Some(Waiting::Answer(frame)) => Step::Answer(frame),
            None => Step::Even,
        }
    }

    /// The store told `rev` as the next that there is to be told: what would stand between is not for this viewer, also
    /// where it waits. Gives back the answers that had a place there.
    pub(crate) fn skip_to(&mut self, rev: Rev) -> Vec<Utf8Bytes> {
        if rev <= self.sent {
            return Vec::new();
        }
        let above = self.waiting.split_off(&rev);
        let below = std::mem::replace(&mut self.waiting, above);
        self.sent = rev.prev();
        self.head = self.head.max(self.sent);
        answers(below)
    }

    /// The store had nothing to tell when it was known here that there is something up to `known`: it is the truth, so that
    /// is not for this viewer, and does not wait any more. What was heard of meanwhile may be there. Gives back the answers
    /// that had a place.
    pub(crate) fn forget_up_to(&mut self, known: Rev) -> Vec<Utf8Bytes> {
        let above = self.waiting.split_off(&known.next());
        let below = std::mem::replace(&mut self.waiting, above);
        if self.head <= known {
            self.head = self.sent;
        }
        answers(below)
    }

    /// Goes on at what is here, whatever is missing before it: what only a server that is broken on purpose does.
    pub(crate) fn skip_to_what_is_here(&mut self) {
        match self.waiting.keys().next() {
            Some(first) => self.sent = first.prev(),
            None => self.head = self.sent,
        }
    }

    /// A `sync` told everything up to `rev`, and what is told next is the one after it. Gives back the answers that
    /// had a place below.
    pub(crate) fn place(&mut self, rev: Rev) -> Vec<Utf8Bytes> {
        let above = self.waiting.split_off(&rev.next());
        let below = std::mem::replace(&mut self.waiting, above);
        self.sent = rev;
        self.head = self.head.max(rev);
        answers(below)
    }

    /// The answers that wait for their place.
    pub(crate) fn into_answers(self) -> Vec<Utf8Bytes> {
        answers(self.waiting)
    }
}

fn answers(waiting: BTreeMap<Rev, Waiting>) -> Vec<Utf8Bytes> {
    let answer = |waiting| match waiting {
        Waiting::Answer(frame) => Some(frame),
        Waiting::Change(_) => None,
    };
    waiting.into_values().filter_map(answer).collect()
}
