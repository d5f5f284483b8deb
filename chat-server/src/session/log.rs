//! The changes of the logs on their way to the client: each in its place, the missing ones read from the store.

use std::sync::Arc;

use chat_proto::{MessageId, Refusal, Rev};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::cursor::{Cursor, Step};
use super::{Asking, Hold, Job, Loading, Output, Session};
use crate::change::{Change, ConversationId, UserId, What};
use crate::clock::Millis;
use crate::mutant::mutant;
use crate::store::{Membership, Slice};

/// Where to begin with a conversation that was not heard of before.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begin {
    After(Rev),
    Unknown,
}

impl Session {
    pub(super) fn answer_in_place(
        &mut self,
        conversation: ConversationId,
        rev: Rev,
        frame: Utf8Bytes,
    ) {
        let begin = || {
            if rev == Rev(1) {
                Begin::After(Rev(0))
            } else {
                Begin::Unknown
            }
        };
        if mutant("ack_out_of_place") {
            return self.outputs.push_back(Output::Send(frame));
        }
        if let Some(frame) = self.cursor(conversation, begin).answer(rev, frame) {
            self.outputs.push_back(Output::Send(frame));
        }
        self.advance(conversation);
    }

    pub(super) fn handle_change(&mut self, change: Arc<Change>) {
        let conversation = change.conversation;
        let begin = || match &change.what {
            _ if change.rev == Rev(1) => Begin::After(Rev(0)),
            What::Join { user, .. } if *user == self.viewer => Begin::After(change.rev.prev()),
            _ => Begin::Unknown,
        };
        let begin = begin();
        if self.cannot_begin(conversation, begin) {
            return;
        }
        self.cursor(conversation, || begin).offer(change);
        self.advance(conversation);
    }

    /// A change exists that did not fit into the mailbox.
    pub(super) fn handle_head(&mut self, conversation: ConversationId, head: Rev) {
        if self.cannot_begin(conversation, Begin::Unknown) {
            return;
        }
        self.cursor(conversation, || Begin::Unknown).raise(head);
        self.advance(conversation);
    }

    /// Whether a conversation is one too many of those whose beginning is not known.
    fn cannot_begin(&self, conversation: ConversationId, begin: Begin) -> bool {
        matches!(begin, Begin::Unknown)
            && self.finding.is_full()
            && !self.cursors.contains_key(&conversation)
    }

    /// Finds out from where on a conversation is told, if it still is; until then nothing of it is.
    fn find(&mut self, conversation: ConversationId) {
        self.finding.want(conversation);
        self.start_finding();
    }

    /// How far a conversation goes, as far as is known.
    fn head_of(&self, conversation: ConversationId) -> Rev {
        let cursor = self.cursors.get(&conversation);
        cursor.map(Cursor::head).unwrap_or_default()
    }

    /// Asks where to begin, as far as it is not asked too much already.
    pub(super) fn start_finding(&mut self) {
        if self.timers.retrying() {
            return;
        }
        while let Some(conversation) = self.finding.next_question() {
            self.finding
                .handle_question(conversation, self.head_of(conversation));
            self.outputs
                .push_back(Output::Perform(Job::Find(conversation)));
        }
    }

    /// The cursor of a conversation; of one that was not heard of before, where to begin must be known or be found out.
    pub(super) fn cursor(
        &mut self,
        conversation: ConversationId,
        begin: impl FnOnce() -> Begin,
    ) -> &mut Cursor {
        let finding = &mut self.finding;
        self.cursors
            .entry(conversation)
            .or_insert_with(|| match begin() {
                Begin::After(rev) => Cursor::at(rev),
                Begin::Unknown => {
                    finding.want(conversation);
                    Cursor::at(Rev(0))
                }
            })
    }

    pub(super) fn handle_found(
        &mut self,
        conversation: ConversationId,
        outcome: Result<Option<Membership>, Refusal>,
        now: Millis,
    ) {
        let asked_at = self.finding.handle_answer(conversation);
        match outcome {
            Ok(Some(membership)) if self.finding.settle(conversation) => {
                let cursor = self.cursor(conversation, || Begin::After(Rev(0)));
                cursor.raise(membership.rev);
                let answers = cursor.place(membership.joined_rev.prev());
                self.outputs.extend(answers.into_iter().map(Output::Send));
                self.advance(conversation);
            }
            // Heard of later than asked: they may have been added meanwhile.
            Ok(None) if asked_at.is_some_and(|asked| asked < self.head_of(conversation)) => {}
            Ok(None) if self.finding.settle(conversation) => {
                let left = self.cursors.remove(&conversation);
                let owed = left.map(Cursor::into_answers).unwrap_or_default();
                self.outputs.extend(owed.into_iter().map(Output::Send));
            }
            Ok(_) => {}
            Err(_) => self.timers.retry(now),
        }
    }

    pub(super) fn handle_loaded(
        &mut self,
        conversation: ConversationId,
        outcome: Result<Slice, Refusal>,
        now: Millis,
    ) {
        match (outcome, self.loading) {
            (Ok(slice), Some(loading)) if loading.conversation == conversation => {
                self.tell_loaded(loading, slice);
            }
            (Ok(_), _) => {}
            (Err(_), _) => self.timers.retry(now),
        }
        self.loading = None;
    }

    /// Until it is over the load counts as under way, so that the first of its changes does not start the next.
    fn tell_loaded(&mut self, loading: Loading, slice: Slice) {
        let conversation = loading.conversation;
        self.behind.remove(&conversation);
        let Some(cursor) = self.cursors.get_mut(&conversation) else {
            return;
        };
        if loading.after > cursor.sent() && !mutant("a_read_of_elsewhere_is_told") {
            // A `sync` went back meanwhile: what follows there was not read.
            return self.advance(conversation);
        }
        if slice.changes.is_empty() && mutant("an_old_read_is_believed") {
            cursor.skip_to_what_is_here();
        } else if slice.changes.is_empty() {
            let owed = cursor.forget_up_to(loading.known);
            self.outputs.extend(owed.into_iter().map(Output::Send));
        }
        let mut before = loading.after;
        for change in slice.changes {
            if let Some(cursor) = self.cursors.get_mut(&conversation) {
                // Not while one before it waits for its answer.
                if cursor.sent() >= before {
                    let owed = cursor.skip_to(change.rev);
                    self.outputs.extend(owed.into_iter().map(Output::Send));
                }
                before = change.rev;
                cursor.offer(Arc::new(change));
            }
            self.advance(conversation);
        }
        self.advance(conversation);
    }

    pub(super) fn release(&mut self) {
        self.hold = Hold::Off;
        self.advance_all();
    }

    pub(super) fn advance_all(&mut self) {
        let mut conversations: Vec<_> = self.cursors.keys().copied().collect();
        conversations.sort_unstable();
        for conversation in conversations {
            self.advance(conversation);
        }
    }

    /// Sends what is next in a conversation, as far as it is here.
    pub(super) fn advance(&mut self, conversation: ConversationId) {
        if self.hold != Hold::Off || self.finding.contains(conversation) {
            return;
        }
        loop {
            let Some(cursor) = self.cursors.get_mut(&conversation) else {
                return;
            };
            let (viewer, sends, asking) = (self.viewer, &self.sends, &self.asking);
            match cursor.step(|change| caused_here(change, viewer, sends, asking.as_ref())) {
                Step::Tell(change) => {
                    self.outputs.push_back(Output::Send(change.frame(viewer)));
                    if matches!(&change.what, What::Leave { user, .. } if *user == viewer) {
                        self.behind.remove(&conversation);
                        if cursor.even() {
                            self.cursors.remove(&conversation);
                        } else {
                            // Something follows the leaving: a joining, or an answer that is owed all the same.
                            self.find(conversation);
                        }
                        return;
                    }
                }
                Step::Answer(frame) => self.outputs.push_back(Output::Send(frame)),
                Step::AwaitAnswer => return,
                Step::Even => {
                    if !mutant("what_came_is_read_again") {
                        self.behind.remove(&conversation);
                    }
                    return;
                }
                Step::Behind => {
                    if mutant("skip_what_was_lost") {
                        cursor.skip_to_what_is_here();
                        continue;
                    }
                    self.behind.insert(conversation);
                    return self.start_loading();
                }
            }
        }
    }

    pub(super) fn start_loading(&mut self) {
        if self.loading.is_some() || self.timers.retrying() {
            return;
        }
        while let Some(conversation) = self.behind.first().copied() {
            let cursor = self.cursors.get(&conversation);
            // What was missing may have come meanwhile.
            let again = mutant("what_came_is_read_again");
            let Some(cursor) = cursor.filter(|cursor| cursor.behind() || again) else {
                self.behind.remove(&conversation);
                continue;
            };
            let after = cursor.sent();
            self.loading = Some(Loading {
                conversation,
                after,
                known: cursor.head(),
            });
            self.outputs
                .push_back(Output::Perform(Job::Load(conversation, after)));
            return;
        }
    }
}

/// Whether a change was caused by this connection, which is about to be answered for it.
fn caused_here(
    change: &Change,
    viewer: UserId,
    sends: &[MessageId],
    asking: Option<&Asking>,
) -> bool {
    if mutant("echo_ones_own") {
        return false;
    }
    match &change.what {
        What::Message { sender, id, .. } => *sender == viewer && sends.contains(id),
        What::Join { user, .. } | What::Leave { user, .. } => {
            *user == viewer
                && matches!(asking, Some(Asking::Membership(name)) if change.address.seen_by(viewer) == name)
        }
        What::Role { .. } => false,
    }
}
