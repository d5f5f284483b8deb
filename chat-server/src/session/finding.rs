//! Conversations heard of whose beginning is not known: it is asked for, a few at a time.

use std::collections::BTreeMap;

use chat_proto::Rev;

use crate::change::ConversationId;
use crate::limits::{FINDING_MAX, FINDS_AT_ONCE};

/// Conversations whose beginning is to be found out.
#[derive(Debug, Default)]
pub(super) struct Finding {
    /// Each with how far it went, as far as was known, when the question left that is under way.
    wanted: BTreeMap<ConversationId, Option<Rev>>,
    /// Also of those that are not wanted any more.
    under_way: usize,
}

impl Finding {
    /// Whether no more can be wanted. So many new conversations at once are no news of anything real; what is passed over
    /// is told with the next change of it, or at a resume.
    pub(super) fn is_full(&self) -> bool {
        self.wanted.len() >= FINDING_MAX
    }

    pub(super) fn contains(&self, conversation: ConversationId) -> bool {
        self.wanted.contains_key(&conversation)
    }

    pub(super) fn want(&mut self, conversation: ConversationId) {
        self.wanted.entry(conversation).or_default();
    }

    /// It is known; says whether it was wanted.
    pub(super) fn settle(&mut self, conversation: ConversationId) -> bool {
        self.wanted.remove(&conversation).is_some()
    }

    /// A question was answered, or is to be asked again; how far the conversation went when it was asked.
    pub(super) fn handle_answer(&mut self, conversation: ConversationId) -> Option<Rev> {
        self.under_way = self.under_way.saturating_sub(1);
        self.wanted.get_mut(&conversation)?.take()
    }

    /// The next to ask for.
    pub(super) fn next_question(&self) -> Option<ConversationId> {
        if self.under_way >= FINDS_AT_ONCE {
            return None;
        }
        let mut wanted = self.wanted.iter();
        let (conversation, _) = wanted.find(|(_, asked)| asked.is_none())?;
        Some(*conversation)
    }

    /// The question leaves; so far the conversation goes, as far as is known.
    pub(super) fn handle_question(&mut self, conversation: ConversationId, known: Rev) {
        self.wanted.insert(conversation, Some(known));
        self.under_way += 1;
    }
}
