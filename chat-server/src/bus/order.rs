//! The changes of conversations with very many members, put in order once for a node: pure. Two nodes write, and what
//! each says overtakes the other's; without this every member's connection would read the same hole from the store.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use chat_proto::Rev;
use tokio::time::Instant;

use crate::change::{Change, ConversationId, UserId};
use crate::limits::{ORDER_HELD_MAX, ORDER_LINES_MAX, ORDER_WAIT};
use crate::mutant::mutant;

/// A change, and whom it concerns.
#[derive(Debug, Clone)]
pub(super) struct Addressed {
    pub(super) change: Arc<Change>,
    pub(super) to: Arc<[UserId]>,
}

/// A conversation.
#[derive(Debug)]
struct Line {
    /// The last change that was let through.
    passed: Rev,
    /// Above `passed`, and never the one right after it. Very long audiences come in parts.
    held: BTreeMap<Rev, Vec<Addressed>>,
}

/// What waits for an earlier change, and what is ready.
#[derive(Debug, Default)]
pub(super) struct Order {
    lines: HashMap<ConversationId, Line>,
    /// Conversations with a hole, and until when it is waited for.
    holes: HashMap<ConversationId, Instant>,
    ready: VecDeque<Addressed>,
}

impl Order {
    /// A change is here. It is ready at once, unless a few before it are missing that may be under way.
    pub(super) fn handle_change(&mut self, addressed: Addressed, now: Instant) {
        let (conversation, rev) = (addressed.change.conversation, addressed.change.rev);
        if !self.lines.contains_key(&conversation) {
            self.make_room();
        }
        let line = self.lines.entry(conversation).or_insert_with(|| Line {
            passed: rev.prev(),
            held: BTreeMap::new(),
        });
        if rev <= line.passed.next() || mutant("crowds_keep_no_order") {
            line.passed = line.passed.max(rev);
            self.ready.push_back(addressed);
        } else {
            line.held.entry(rev).or_default().push(addressed);
        }
        self.pass(conversation, now);
    }

    /// Lets through what is next, and notes whether a hole is left.
    fn pass(&mut self, conversation: ConversationId, now: Instant) {
        let Some(line) = self.lines.get_mut(&conversation) else {
            return;
        };
        let before = line.passed;
        while let Some(next) = line.held.remove(&line.passed.next()) {
            line.passed = line.passed.next();
            self.ready.extend(next);
        }
        match line.held.last_key_value() {
            None => {
                self.holes.remove(&conversation);
            }
            // So much is not under way: it was never said here.
            Some((last, _)) if last.0 - line.passed.0 > ORDER_HELD_MAX => {
                self.give_up(conversation);
            }
            Some(_) => {
                let until = now + ORDER_WAIT;
                let hole = self.holes.entry(conversation).or_insert(until);
                if line.passed > before {
                    // The hole before this one was filled.
                    *hole = until;
                }
            }
        }
    }

    /// Time has passed. What is still missing is read from the store by each connection.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let due = |(conversation, until): (&ConversationId, &Instant)| {
            (*until <= now).then_some(*conversation)
        };
        let due: Vec<_> = self.holes.iter().filter_map(due).collect();
        due.into_iter()
            .for_each(|conversation| self.give_up(conversation));
    }

    /// Nothing is under way: everything that is held is ready.
    pub(super) fn handle_bus_away(&mut self) {
        let held: Vec<_> = self.holes.keys().copied().collect();
        held.into_iter()
            .for_each(|conversation| self.give_up(conversation));
    }

    fn give_up(&mut self, conversation: ConversationId) {
        self.holes.remove(&conversation);
        let Some(line) = self.lines.get_mut(&conversation) else {
            return;
        };
        for (rev, held) in std::mem::take(&mut line.held) {
            line.passed = line.passed.max(rev);
            self.ready.extend(held);
        }
    }

    /// Forgets the conversations without a hole when there are very many: the next change of one is ready at once.
    fn make_room(&mut self) {
        if self.lines.len() >= ORDER_LINES_MAX {
            self.lines
                .retain(|conversation, _| self.holes.contains_key(conversation));
        }
    }

    /// When [`Order::handle_timeout`] wants to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.holes.values().min().copied()
    }

    /// The next that is ready.
    pub(super) fn poll_ready(&mut self) -> Option<Addressed> {
        self.ready.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use chat_proto::Time;

    use super::*;
    use crate::change::{Address, Place, What};

    const OPS: ConversationId = ConversationId(1);

    fn change(conversation: ConversationId, rev: u64) -> Addressed {
        let change = Change::new(
            Place::default(),
            conversation,
            Address::Group("ops".parse().expect("a name")),
            Rev(rev),
            Time::from_micros(0),
            What::Leave {
                user: UserId(1),
                name: "ann".parse().expect("a name"),
            },
        );
        Addressed {
            change: Arc::new(change),
            to: [UserId(1)].into(),
        }
    }

    fn ready(order: &mut Order) -> Vec<u64> {
        std::iter::from_fn(|| order.poll_ready())
            .map(|ready| ready.change.rev.0)
            .collect()
    }

    #[test]
    fn c03_what_overtook_waits_for_what_is_before_it() {
        let (mut order, now) = (Order::default(), Instant::now());
        for (rev, told) in [
            (7, vec![7]),
            (9, vec![]),
            (11, vec![]),
            (8, vec![8, 9]),
            (10, vec![10, 11]),
            (9, vec![9]),
        ] {
            order.handle_change(change(OPS, rev), now);
            assert_eq!(ready(&mut order), told, "after {rev}");
        }
        assert_eq!(order.poll_timeout(), None);
        order.handle_change(change(ConversationId(2), 20), now);
        assert_eq!(ready(&mut order), [20], "each conversation by itself");
    }

    #[test]
    fn c03_what_is_lost_is_waited_for_a_moment_and_no_longer() {
        let (mut order, now) = (Order::default(), Instant::now());
        for rev in [1, 3, 4] {
            order.handle_change(change(OPS, rev), now);
        }
        assert_eq!(ready(&mut order), [1]);
        assert_eq!(order.poll_timeout(), Some(now + ORDER_WAIT));
        order.handle_timeout(now + ORDER_WAIT / 2);
        assert!(ready(&mut order).is_empty());
        order.handle_timeout(now + ORDER_WAIT);
        assert_eq!(ready(&mut order), [3, 4]);
        order.handle_change(change(OPS, 5), now);
        order.handle_change(change(OPS, 2), now);
        assert_eq!(ready(&mut order), [5, 2], "late, and told all the same");
    }

    #[test]
    fn each_hole_has_its_own_wait() {
        let (mut order, now) = (Order::default(), Instant::now());
        for rev in [1, 3, 5] {
            order.handle_change(change(OPS, rev), now);
        }
        let later = now + ORDER_WAIT / 2;
        order.handle_change(change(OPS, 6), later);
        assert_eq!(order.poll_timeout(), Some(now + ORDER_WAIT));
        order.handle_change(change(OPS, 2), later);
        assert_eq!(order.poll_timeout(), Some(later + ORDER_WAIT));
    }

    #[test]
    fn what_cannot_be_under_way_is_not_waited_for() {
        let (mut order, now) = (Order::default(), Instant::now());
        for rev in [1, 3, 4 + ORDER_HELD_MAX] {
            order.handle_change(change(OPS, rev), now);
        }
        assert_eq!(ready(&mut order), [1, 3, 4 + ORDER_HELD_MAX]);
        order.handle_change(change(OPS, 6 + ORDER_HELD_MAX), now);
        order.handle_bus_away();
        assert_eq!(ready(&mut order), [6 + ORDER_HELD_MAX]);
        assert_eq!(order.poll_timeout(), None);
    }

    #[test]
    fn it_remembers_no_more_conversations_than_its_bound() {
        let (mut order, now) = (Order::default(), Instant::now());
        order.handle_change(change(OPS, 1), now);
        order.handle_change(change(OPS, 3), now);
        for other in 2..=2 * i64::try_from(ORDER_LINES_MAX).expect("a number") {
            order.handle_change(change(ConversationId(other), 1), now);
        }
        assert!(order.lines.len() <= ORDER_LINES_MAX);
        assert!(order.poll_timeout().is_some(), "what has a hole is kept");
    }

    /// Whatever the order in which they come, they go out in theirs, and none twice.
    #[test]
    fn c03_any_order_of_what_comes_is_made_the_right_one() {
        for seed in 0..200 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let (mut order, now) = (Order::default(), Instant::now());
            let mut revs: Vec<u64> = (2..=60).collect();
            rng.shuffle(&mut revs);
            order.handle_change(change(OPS, 1), now);
            for rev in revs {
                order.handle_change(change(OPS, rev), now);
            }
            let told: Vec<u64> = (1..=60).collect();
            assert_eq!(ready(&mut order), told, "seed {seed}");
        }
    }
}
