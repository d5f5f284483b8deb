//! Questions on their way: which answer belongs to which question, and which answers are overdue. Pure: the
//! caller brings the ids and the time.

use std::collections::BTreeMap;
use std::time::Duration;

use chat_proto::MessageId;

use super::moment::Moment;

/// Questions on their way at once; a person and a few machines never need as many.
pub const PENDING_MAX: usize = 1_024;

/// What was asked, by the id that its answer carries.
#[derive(Debug)]
pub struct Pending<T> {
    asked: BTreeMap<MessageId, (Moment, T)>,
}

/// There are [`PENDING_MAX`] questions on their way, or one with this id; the question comes back.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAsked<T>(pub T);

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self {
            asked: BTreeMap::new(),
        }
    }
}

impl<T> Pending<T> {
    /// `question` goes out with `id`; its answer is overdue after `wait`.
    ///
    /// # Errors
    /// [`NotAsked`], when it must not go out.
    pub fn handle_asked(
        &mut self,
        id: MessageId,
        question: T,
        now: Moment,
        wait: Duration,
    ) -> Result<(), NotAsked<T>> {
        if self.asked.len() >= PENDING_MAX || self.asked.contains_key(&id) {
            return Err(NotAsked(question));
        }
        self.asked.insert(id, (now.plus(wait), question));
        Ok(())
    }

    /// The question that an answer with `id` belongs to; none for a second answer, or one that came too late.
    pub fn handle_answer(&mut self, id: &MessageId) -> Option<T> {
        self.asked.remove(id).map(|(_, question)| question)
    }

    /// A question whose answer is overdue at `now`.
    pub fn poll_overdue(&mut self, now: Moment) -> Option<(MessageId, T)> {
        let id = self
            .asked
            .iter()
            .find(|(_, (deadline, _))| *deadline <= now)
            .map(|(id, _)| id.clone())?;
        let (_, question) = self.asked.remove(&id)?;
        Some((id, question))
    }

    /// When the next answer will be overdue.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        self.asked.values().map(|(deadline, _)| *deadline).min()
    }

    /// The connection is gone: everything that was on its way, whose outcome nobody knows.
    pub fn handle_disconnected(&mut self) -> impl Iterator<Item = (MessageId, T)> + use<T> {
        std::mem::take(&mut self.asked)
            .into_iter()
            .map(|(id, (_, question))| (id, question))
    }

    /// How many are on their way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.asked.len()
    }

    /// Whether none is on its way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(10);

    fn id(n: usize) -> MessageId {
        MessageId::parse(&format!("q{n}")).expect("an id")
    }

    #[test]
    fn an_answer_finds_its_question_once() {
        let mut pending = Pending::default();
        pending
            .handle_asked(id(1), "one", Moment(0), WAIT)
            .expect("room");
        pending
            .handle_asked(id(2), "two", Moment(5), WAIT)
            .expect("room");
        assert_eq!(pending.handle_answer(&id(2)), Some("two"));
        assert_eq!(pending.handle_answer(&id(2)), None);
        assert_eq!(pending.len(), 1);
    }

    #[test]
    fn an_answer_is_overdue_at_its_deadline_and_not_before() {
        let mut pending = Pending::default();
        pending
            .handle_asked(id(1), (), Moment(0), WAIT)
            .expect("room");
        assert_eq!(pending.deadline(), Some(Moment(10_000)));
        assert_eq!(pending.poll_overdue(Moment(9_999)), None);
        assert_eq!(pending.poll_overdue(Moment(10_000)), Some((id(1), ())));
        assert!(pending.is_empty());
        assert_eq!(pending.handle_answer(&id(1)), None);
    }

    #[test]
    fn a_lost_connection_gives_everything_back() {
        let mut pending = Pending::default();
        for n in 0..3 {
            pending
                .handle_asked(id(n), n, Moment(0), WAIT)
                .expect("room");
        }
        assert_eq!(pending.handle_disconnected().count(), 3);
        assert!(pending.is_empty());
    }

    #[test]
    fn there_is_a_bound_and_no_id_is_used_twice() {
        let mut pending = Pending::default();
        for n in 0..PENDING_MAX {
            pending
                .handle_asked(id(n), n, Moment(0), WAIT)
                .expect("room");
        }
        assert_eq!(
            pending.handle_asked(id(PENDING_MAX), 7, Moment(0), WAIT),
            Err(NotAsked(7))
        );
        let _ = pending.handle_answer(&id(0));
        assert_eq!(
            pending.handle_asked(id(1), 8, Moment(0), WAIT),
            Err(NotAsked(8))
        );
    }
}
