//! A message on its way into the store, and what is answered when it is there.

use chat_proto::message::Body;
use chat_proto::{MessageId, Name, Rev, Seq, Time, Topic};

use super::{StoreResult, refuse};
use crate::change::{ConversationId, UserId};

/// Whether the rate of the sender allows one more message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// Yes.
    Granted,
    /// No; a repeat of a known id is answered all the same.
    Denied {
        /// When it will.
        retry_after_ms: u64,
    },
}

/// SHA-256 over topic, kind, text, lang, reply, thread, file and meta as first sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// A message to store.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Who sends it.
    pub sender: UserId,
    /// Where to.
    pub topic: Topic,
    /// Unique for this sender, for ever.
    pub id: MessageId,
    /// What it says; checked by the caller but for `reply_to` and `thread`, which must be there (`not_found`).
    pub body: Body,
    /// Tells a repeat from another message under the same id.
    pub fingerprint: Fingerprint,
    /// Whether the sender's rate allows it.
    pub permit: Permit,
    /// When.
    pub now: Time,
}

/// A message that is on disk.
#[derive(Debug, Clone)]
pub struct Published {
    /// Its change; its members are told by [`Commits`](super::Commits).
    pub conversation: ConversationId,
    /// The address as the sender sees it.
    pub topic: Name,
    /// Its number.
    pub seq: Seq,
    /// Its change.
    pub rev: Rev,
    /// When it was first stored.
    pub sent_at: Time,
    /// Whether it was there before.
    pub dup: bool,
}

impl NewMessage {
    /// What a reply or a thread refers to must be there, and readable for its writer.
    pub(super) fn refers_within(&self, first: Seq, last: Seq) -> StoreResult<()> {
        let references = [
            ("reply_to", self.body.reply_to),
            ("thread", self.body.thread),
        ];
        for (field, seq) in references {
            match seq {
                Some(seq) if seq < first || seq > last || seq.0 == 0 => {
                    return Err(refuse::no_such_message(field, seq));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
