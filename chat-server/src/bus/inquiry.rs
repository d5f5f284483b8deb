//! Questions to all nodes at once: each answers, also with nothing, so who asks knows when it has heard everybody.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_proto::SessionId;
use tokio::sync::oneshot;

use crate::limits::BUS_ANSWER_WAIT;
use crate::nodes::NodeId;

/// The questions that are open.
#[derive(Debug, Default)]
pub(super) struct Inquiries {
    /// Short sections, never across an await.
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    asked: HashMap<u64, Asked>,
}

#[derive(Debug)]
struct Asked {
    /// Nodes that have not answered yet.
    missing: HashSet<NodeId>,
    sessions: HashSet<SessionId>,
    /// Told when nobody is missing.
    whole: Option<oneshot::Sender<()>>,
}

/// A question that is open, until it is dropped.
pub(super) struct Inquiry<'a> {
    inquiries: &'a Inquiries,
    pub(super) number: u64,
    whole: oneshot::Receiver<()>,
}

impl Inquiries {
    /// Opens a question to these nodes.
    pub(super) fn open(&self, nodes: HashSet<NodeId>) -> Inquiry<'_> {
        let (sender, whole) = oneshot::channel();
        let mut open = self.lock();
        open.last += 1;
        let number = open.last;
        let asked = Asked {
            missing: nodes,
            sessions: HashSet::new(),
            whole: Some(sender),
        };
        open.asked.insert(number, asked);
        Inquiry {
            inquiries: self,
            number,
            whole,
        }
    }

    /// A node answered.
    pub(super) fn answer(&self, number: u64, from: NodeId, sessions: Vec<SessionId>) {
        let mut open = self.lock();
        let Some(asked) = open.asked.get_mut(&number) else {
            // Too late, or never asked.
            return;
        };
        if !asked.missing.remove(&from) {
            return;
        }
        asked.sessions.extend(sessions);
        if asked.missing.is_empty()
            && let Some(whole) = asked.whole.take()
        {
            // Whoever asked may have given up.
            let _ = whole.send(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inquiry<'_> {
    /// What was answered by all, or by those who did so in time.
    pub(super) async fn answers(mut self) -> HashSet<SessionId> {
        let _ = tokio::time::timeout(BUS_ANSWER_WAIT, &mut self.whole).await;
        let mut open = self.inquiries.lock();
        let asked = open.asked.remove(&self.number);
        asked.map(|asked| asked.sessions).unwrap_or_default()
    }
}

impl Drop for Inquiry<'_> {
    fn drop(&mut self) {
        self.inquiries.lock().asked.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(word: &str) -> SessionId {
        SessionId(word.to_owned())
    }

    #[tokio::test]
    async fn a05_a_question_is_over_when_every_node_has_answered_once() {
        let inquiries = Inquiries::default();
        let inquiry = inquiries.open(HashSet::from([NodeId(1), NodeId(2)]));
        let number = inquiry.number;
        inquiries.answer(number, NodeId(1), vec![session("a")]);
        inquiries.answer(number, NodeId(1), vec![session("twice")]);
        inquiries.answer(number, NodeId(7), vec![session("a stranger")]);
        inquiries.answer(number + 1, NodeId(2), vec![session("another question")]);
        inquiries.answer(number, NodeId(2), vec![]);
        assert_eq!(inquiry.answers().await, HashSet::from([session("a")]));
        assert!(inquiries.lock().asked.is_empty());
    }

    #[tokio::test]
    async fn who_does_not_answer_is_not_waited_for() {
        let inquiries = Inquiries::default();
        let inquiry = inquiries.open(HashSet::from([NodeId(1), NodeId(2)]));
        inquiries.answer(inquiry.number, NodeId(1), vec![session("a")]);
        assert_eq!(inquiry.answers().await, HashSet::from([session("a")]));
    }
}
