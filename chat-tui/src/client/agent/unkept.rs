//! Letters that the disk did not take: they are shown as not sent and stay in memory until their writer decides. None
//! of them leaves before it is on the disk, and none by itself: its words may have been written again by then.

use std::collections::BTreeMap;

use chat_proto::{ErrorCode, MessageId, Refusal};

use super::News;
use super::run::Agent;
use crate::client::outbox::{Letter, LetterState};

/// Letters in the order in which they were written, which is that of their ids.
pub(super) type Unkept = BTreeMap<MessageId, Letter>;

impl Agent {
    /// The disk refused a letter.
    pub(super) fn not_kept(&mut self, letter: Letter, why: String) {
        let failed = Letter {
            state: LetterState::from(&refusal(why)),
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
        match self.keep.put_letter(&letter) {
            Ok(()) => self.queue(letter),
            Err(why) => self.not_kept(letter, why),
        }
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

    /// The program ends, and the disk may have room by now: what was shown as not sent is so at the next start too.
    pub(super) fn keep_unsent(&mut self) {
        let keep = &mut self.keep;
        self.unkept.retain(|id, letter| {
            let kept = keep.put_letter(letter).is_ok();
            if kept {
                keep.fail_letter(id, &refusal("the disk did not take it".to_owned()));
            }
            !kept
        });
    }
}

fn refusal(why: String) -> Refusal {
    Refusal::new(ErrorCode::Unavailable, why)
}
