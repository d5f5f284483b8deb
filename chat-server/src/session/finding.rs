//! Conversations heard of whose beginning is not known: it is asked for, a few at a time.

use std::collections::BTreeMap;

use crate::change::ConversationId;
use crate::limits::{FINDING_MAX, FINDS_AT_ONCE};

/// Conversations whose beginning is to be found out.
#[derive(Debug, Default)]
pub(super) struct Finding {
    /// Each with whether its question is under way.
    wanted: BTreeMap<ConversationId, bool>,
    /// Also of those that are not wanted any more.
    under_way: usize,
}

impl Finding {
    /// Whether no more can be wanted. So many at once are no news of anything real; what is passed over is told by the
    /// next change of it, or at a resume.
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

    /// A question was answered, or is to be asked again.
    pub(super) fn handle_answer(&mut self, conversation: ConversationId) {
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(asked) = self.wanted.get_mut(&conversation) {
            *asked = false;
        }
    }

    /// The next to ask for, which is under way from then on.
    pub(super) fn poll_question(&mut self) -> Option<ConversationId> {
        if self.under_way >= FINDS_AT_ONCE {
            return None;
        }
        let (conversation, asked) = self.wanted.iter_mut().find(|(_, asked)| !**asked)?;
        *asked = true;
        self.under_way += 1;
        Some(*conversation)
    }
}
