//! A message on its way from the composer to the server, as the outbox keeps it.

use chat_proto::action::Publish;
use chat_proto::api::NewMessage;
use chat_proto::{ErrorCode, MessageId, Name, Refusal, Time};

/// A message that is not known to be stored by the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The message's id: the same at every try, so that it is stored once.
    pub id: MessageId,
    /// Where to, and what.
    pub publish: Publish,
    /// When its writer last said that it is to go.
    pub queued_at: Time,
    /// How far it is.
    pub state: LetterState,
}

/// How far a letter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LetterState {
    /// It goes when its turn comes.
    Queued,
    /// It is on its way, and the answer is to come. On the disk it is queued.
    Sending,
    /// It waited for so long that its writer is asked first. On the disk it is queued.
    Asks,
    /// The server refused it for good; its writer may try again or drop it.
    Failed {
        /// What a program decides by.
        code: ErrorCode,
        /// What a person reads.
        sentence: String,
    },
}

impl Letter {
    /// A new letter that is to go.
    #[must_use]
    pub const fn new(id: MessageId, publish: Publish, queued_at: Time) -> Self {
        Self {
            id,
            publish,
            queued_at,
            state: LetterState::Queued,
        }
    }

    /// Where to.
    #[must_use]
    pub const fn topic(&self) -> &Name {
        &self.publish.topic.name
    }

    /// The same over HTTP.
    #[must_use]
    pub fn to_message(&self) -> NewMessage {
        let Publish {
            topic,
            text,
            kind,
            lang,
            reply_to,
            thread,
            file,
            meta,
        } = self.publish.clone();
        NewMessage {
            topic,
            text,
            id: Some(self.id.clone()),
            kind,
            lang,
            reply_to,
            thread,
            file,
            meta,
        }
    }
}

impl From<&Refusal> for LetterState {
    fn from(refusal: &Refusal) -> Self {
        Self::Failed {
            code: refusal.code,
            sentence: refusal.message.clone(),
        }
    }
}
