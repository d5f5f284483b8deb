//! One's own marks on their way to the server: of each conversation and kind the latest, one at a time, and no more
//! often than anybody needs. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use chat_proto::action::MarkUpTo;
use chat_proto::{Action, ErrorCode, Mark, MessageId, Name, Refusal, Request, Seq};

use crate::client::backoff::Backoff;
use crate::client::moment::Moment;

/// Between two marks of one kind in one conversation; the last one goes out in any case.
const EVERY: Duration = Duration::from_millis(250);

/// Marks that only grow, and up to where the server has them.
#[derive(Debug, Default)]
pub(super) struct Marks {
    marks: BTreeMap<(Name, Mark), Line>,
    connected: bool,
    ids: u64,
}

#[derive(Debug, Default)]
struct Line {
    wanted: Seq,
    /// Up to where the server is known to have it. Never above `wanted`.
    told: Seq,
    asked: Option<(MessageId, Seq)>,
    next: Moment,
    backoff: Backoff,
}

impl Marks {
    /// The mark is to be at least there.
    pub(super) fn handle_wanted(&mut self, topic: &Name, mark: Mark, seq: Seq) {
        let line = self.marks.entry((topic.clone(), mark)).or_default();
        line.wanted = line.wanted.max(seq);
    }

    /// The server says where the mark is.
    pub(super) fn handle_told(&mut self, topic: &Name, mark: Mark, seq: Seq) {
        let line = self.marks.entry((topic.clone(), mark)).or_default();
        line.told = line.told.max(seq);
        line.wanted = line.wanted.max(seq);
    }

    /// There is a connection to say them on.
    pub(super) fn handle_connected(&mut self) {
        self.connected = true;
    }

    /// What was on its way is said again.
    pub(super) fn handle_disconnected(&mut self) {
        self.connected = false;
        for line in self.marks.values_mut() {
            line.asked = None;
        }
    }

    /// The server has it; says whether it was one of ours.
    pub(super) fn handle_answer(&mut self, id: &MessageId) -> bool {
        let Some((line, seq)) = self.take_asked(id) else {
            return false;
        };
        line.told = line.told.max(seq);
        line.backoff = Backoff::default();
        true
    }

    /// The server refused something; says whether it was one of ours. What it could not do at the moment is said again
    /// after a while. Any other refusal is for good: one is in the conversation no more, or the message is gone.
    /// `chance` is from 0 up to 1.
    pub(super) fn handle_refused(
        &mut self,
        id: &MessageId,
        refusal: &Refusal,
        now: Moment,
        chance: f64,
    ) -> bool {
        let passing = refusal.code.outcome_unknown() || refusal.code == ErrorCode::RateLimited;
        if !passing {
            return self.handle_answer(id);
        }
        let Some((line, _)) = self.take_asked(id) else {
            return false;
        };
        if let Some(ms) = refusal.retry_after_ms {
            line.backoff.handle_hint(Duration::from_millis(ms));
        }
        let wait = line.backoff.next_delay(now, chance).max(EVERY);
        line.next = now.plus(wait);
        true
    }

    /// The line whose mark was asked under this id, and the mark; it is on its way no more.
    fn take_asked(&mut self, id: &MessageId) -> Option<(&mut Line, Seq)> {
        let ours = |line: &&mut Line| line.asked.as_ref().is_some_and(|(asked, _)| asked == id);
        let line = self.marks.values_mut().find(ours)?;
        let (_, seq) = line.asked.take()?;
        Some((line, seq))
    }

    /// A mark to tell the server.
    pub(super) fn poll_request(&mut self, now: Moment) -> Option<Request> {
        if !self.connected {
            return None;
        }
        let due = |line: &Line| line.asked.is_none() && line.wanted > line.told && line.next <= now;
        let ((topic, mark), line) = self.marks.iter_mut().find(|(_, line)| due(line))?;
        self.ids += 1;
        // Letters, a dash and digits are printable and few, so it parses.
        let id = MessageId::parse(&format!("mark-{}", self.ids))
            .unwrap_or_else(|_| MessageId::generate());
        line.asked = Some((id.clone(), line.wanted));
        line.next = now.plus(EVERY);
        let up_to = MarkUpTo {
            topic: topic.clone().into(),
            seq: line.wanted,
        };
        Some(Request::new(id, Action::Mark(*mark, up_to)))
    }

    /// When the next one is due.
    pub(super) fn deadline(&self) -> Option<Moment> {
        let waits =
            |line: &&Line| self.connected && line.asked.is_none() && line.wanted > line.told;
        self.marks
            .values()
            .filter(waits)
            .map(|line| line.next)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ben() -> Name {
        Name::parse("ben").expect("a name")
    }

    fn seq(request: Option<Request>) -> Option<(MessageId, u64)> {
        let request = request?;
        match request.action {
            Action::Mark(Mark::Read, up_to) => Some((request.id.expect("an id"), up_to.seq.0)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn of_many_marks_the_first_and_the_last_are_told() {
        let mut marks = Marks::default();
        marks.handle_connected();
        marks.handle_wanted(&ben(), Mark::Read, Seq(1));
        let (id, first) = seq(marks.poll_request(Moment(0))).expect("a mark");
        assert_eq!(first, 1);
        for n in 2..9 {
            marks.handle_wanted(&ben(), Mark::Read, Seq(n));
            assert!(marks.poll_request(Moment(n)).is_none());
        }
        assert!(marks.handle_answer(&id));
        assert!(marks.poll_request(Moment(249)).is_none());
        assert_eq!(marks.deadline(), Some(Moment(250)));
        assert_eq!(
            seq(marks.poll_request(Moment(250))).map(|(_, n)| n),
            Some(8)
        );
    }

    #[test]
    fn a_mark_survives_a_lost_connection_and_is_not_told_twice() {
        let mut marks = Marks::default();
        marks.handle_wanted(&ben(), Mark::Read, Seq(3));
        assert!(marks.poll_request(Moment(0)).is_none());
        marks.handle_connected();
        assert!(marks.poll_request(Moment(0)).is_some());
        marks.handle_disconnected();
        marks.handle_connected();
        let (id, _) = seq(marks.poll_request(Moment(500))).expect("again");
        assert!(marks.handle_answer(&id));
        marks.handle_wanted(&ben(), Mark::Read, Seq(2));
        assert!(marks.poll_request(Moment(9_000)).is_none());
        assert_eq!(marks.deadline(), None);
    }

    #[test]
    fn what_the_server_has_is_not_told() {
        let mut marks = Marks::default();
        marks.handle_connected();
        marks.handle_told(&ben(), Mark::Read, Seq(5));
        marks.handle_wanted(&ben(), Mark::Read, Seq(5));
        assert!(marks.poll_request(Moment(0)).is_none());
    }

    #[test]
    fn a_mark_that_was_refused_for_a_while_is_told_again_and_one_refused_for_good_is_not() {
        let mut marks = Marks::default();
        marks.handle_connected();
        marks.handle_wanted(&ben(), Mark::Read, Seq(3));
        let mut now = Moment(0);
        for code in [
            ErrorCode::Unavailable,
            ErrorCode::Internal,
            ErrorCode::RateLimited,
        ] {
            let (id, _) = seq(marks.poll_request(now)).expect("a mark");
            let refusal = Refusal::new(code, "later");
            assert!(marks.handle_refused(&id, &refusal, now, 0.5), "{code}");
            assert!(marks.poll_request(now).is_none(), "{code}: not at once");
            now = marks.deadline().expect("it is due once more");
        }
        let (id, _) = seq(marks.poll_request(now)).expect("a mark");
        let refusal = Refusal::new(ErrorCode::NotFound, "gone");
        assert!(marks.handle_refused(&id, &refusal, now, 0.5));
        assert_eq!(marks.deadline(), None);
        assert!(!marks.handle_refused(&id, &refusal, now, 0.5), "nobody's");
    }
}
