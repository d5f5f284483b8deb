//! Letters that the disk did not take: they are shown as not sent, stay in memory, and are tried again now and then.
//! None of them leaves before it is on the disk.

use std::collections::BTreeMap;

use chat_proto::{ErrorCode, MessageId};

use super::News;
use super::run::Agent;
use crate::client::outbox::{Letter, LetterState};

/// Letters in the order in which they were written, which is that of their ids.
pub(super) type Unkept = BTreeMap<MessageId, Letter>;

impl Agent {
    /// The disk refused a letter.
    pub(super) fn not_kept(&mut self, letter: Letter, why: String) {
        let failed = Letter {
            state: LetterState::Failed {
                code: ErrorCode::Unavailable,
                sentence: why,
            },
            ..letter.clone()
        };
        self.unkept.insert(letter.id.clone(), letter);
        self.tell(News::Letters(vec![failed]));
    }

    /// Its writer wants it to be tried again; says whether it was one of these.
    pub(super) fn keep_again(&mut self, id: &MessageId) -> bool {
        let Some(letter) = self.unkept.remove(id) else {
            return false;
        };
        self.send(letter);
        true
    }

    /// Its writer drops it; says whether it was one of these.
    pub(super) fn drop_unkept(&mut self, id: &MessageId) -> bool {
        let dropped = self.unkept.remove(id).is_some();
        if dropped {
            self.tell(News::Settled(id.clone()));
        }
        dropped
    }

    /// The disk may have room by now.
    pub(super) fn keep_what_was_not(&mut self) {
        for (_, letter) in std::mem::take(&mut self.unkept) {
            self.send(letter);
        }
    }
}
