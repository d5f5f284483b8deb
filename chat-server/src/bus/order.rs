//! The changes of conversations with very many members, put in order once for a node: pure. Two nodes write, and what
//! each says overtakes the other's; without this every member's connection would read the same hole from the store.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use crate::change::{Change, ConversationId, UserId};
use crate::clock::Millis;
use crate::limits::{ORDER_HELD_MAX, ORDER_LINES_MAX, ORDER_PARTS_MAX, ORDER_WAIT_MS};
use crate::mutant::mutant;
use chat_proto::Rev;

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
    /// Above `passed`, and never the one right after it.
    held: BTreeMap<Rev, Held>,
}

/// What waits for an earlier change.
#[derive(Debug)]
struct Held {
    came: Millis,
    /// Very long audiences come in parts.
    parts: Vec<Addressed>,
}

impl Line {
    /// How long the hole before what is held is waited for: nobody waits longer than that for anything.
    fn patience(&self) -> Option<Millis> {
        let first = self.held.values().map(|held| held.came).min()?;
        Some(first.plus(ORDER_WAIT_MS))
    }
}

/// What waits for an earlier change, and what is ready.
#[derive(Debug, Default)]
pub(super) struct Order {
    lines: HashMap<ConversationId, Line>,
    /// Conversations with a hole, and until when it is waited for.
    holes: HashMap<ConversationId, Millis>,
    ready: VecDeque<Addressed>,
}

impl Order {
    /// A change is here. It is ready at once, unless a few before it are missing that may be under way. Of an audience in
    /// parts only the first part is strictly in order.
    pub(super) fn handle_change(&mut self, addressed: Addressed, now: Millis) {
        let (conversation, rev) = (addressed.change.conversation, addressed.change.rev);
        if !self.lines.contains_key(&conversation) && !self.has_room() {
            return self.ready.push_back(addressed);
        }
        let line = self.lines.entry(conversation).or_insert_with(|| Line {
            passed: rev.prev(),
            held: BTreeMap::new(),
        });
        if rev <= line.passed.next() || mutant("crowds_keep_no_order") {
            line.passed = line.passed.max(rev);
            self.ready.push_back(addressed);
        } else {
            let held = line.held.entry(rev).or_insert_with(|| Held {
                came: now,
                parts: Vec::new(),
            });
            if held.parts.len() < ORDER_PARTS_MAX {
                held.parts.push(addressed);
            }
        }
        self.pass(conversation);
    }

    /// A conversation goes up to here, as its connections were told in another way: what was said before it does not come
    /// any more, or is not waited for.
    pub(super) fn handle_head(&mut self, conversation: ConversationId, rev: Rev) {
        let Some(line) = self.lines.get_mut(&conversation) else {
            return;
        };
        while let Some(first) = line.held.first_entry()
            && *first.key() <= rev
        {
            self.ready.extend(first.remove().parts);
        }
        line.passed = line.passed.max(rev);
        self.pass(conversation);
    }

    /// Lets through what is next, and notes whether a hole is left.
    fn pass(&mut self, conversation: ConversationId) {
        let Some(line) = self.lines.get_mut(&conversation) else {
            return;
        };
        while let Some(next) = line.held.remove(&line.passed.next()) {
            line.passed = line.passed.next();
            self.ready.extend(next.parts);
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
                let until = line.patience();
                self.holes.extend(until.map(|until| (conversation, until)));
            }
        }
    }

    /// Time has passed. What is still missing is read from the store by each connection.
    pub(super) fn handle_timeout(&mut self, now: Millis) {
        let due = |(conversation, until): (&ConversationId, &Millis)| {
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
            self.ready.extend(held.parts);
        }
    }

    /// Whether another conversation may be remembered. When there are very many, those without a hole are forgotten: the next
    /// change of one is ready at once.
    fn has_room(&mut self) -> bool {
        if self.lines.len() >= ORDER_LINES_MAX && self.lines.len() > self.holes.len() {
            let holes = &self.holes;
            self.lines
                .retain(|conversation, _| holes.contains_key(conversation));
        }
        self.lines.len() < ORDER_LINES_MAX
    }

    /// When [`Order::handle_timeout`] wants to be called.
    pub(super) fn poll_timeout(&self) -> Option<Millis> {
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
        let (mut order, now) = (Order::default(), Millis(1_000));
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
        let (mut order, now) = (Order::default(), Millis(1_000));
        for rev in [1, 3, 4] {
            order.handle_change(change(OPS, rev), now);
        }
        assert_eq!(ready(&mut order), [1]);
        assert_eq!(order.poll_timeout(), Some(now.plus(ORDER_WAIT_MS)));
        order.handle_timeout(now.plus(ORDER_WAIT_MS / 2));
        assert!(ready(&mut order).is_empty());
        order.handle_timeout(now.plus(ORDER_WAIT_MS));
        assert_eq!(ready(&mut order), [3, 4]);
        order.handle_change(change(OPS, 5), now);
        order.handle_change(change(OPS, 2), now);
        assert_eq!(ready(&mut order), [5, 2], "late, and told all the same");
    }

    #[test]
    fn nothing_waits_longer_than_the_wait_however_many_holes_there_are() {
        let (mut order, now) = (Order::default(), Millis(1_000));
        let step = ORDER_WAIT_MS / 4;
        for (steps, rev) in [(0, 1), (0, 3), (1, 5), (2, 7)] {
            order.handle_change(change(OPS, rev), now.plus(step * steps));
        }
        assert_eq!(order.poll_timeout(), Some(now.plus(ORDER_WAIT_MS)));
        order.handle_change(change(OPS, 2), now.plus(step * 3));
        assert_eq!(ready(&mut order), [1, 2, 3]);
        assert_eq!(order.poll_timeout(), Some(now.plus(step + ORDER_WAIT_MS)));
        order.handle_timeout(now.plus(step + ORDER_WAIT_MS));
        assert_eq!(ready(&mut order), [5, 7]);
        assert_eq!(order.poll_timeout(), None);
    }

    #[test]
    fn what_was_told_in_another_way_is_not_waited_for() {
        let (mut order, now) = (Order::default(), Millis(1_000));
        order.handle_head(OPS, Rev(5));
        for rev in [1, 3, 4, 8] {
            order.handle_change(change(OPS, rev), now);
        }
        assert_eq!(ready(&mut order), [1]);
        order.handle_head(OPS, Rev(4));
        assert_eq!(ready(&mut order), [3, 4]);
        order.handle_head(OPS, Rev(7));
        assert_eq!(ready(&mut order), [8], "nothing is missing any more");
        order.handle_head(OPS, Rev(20));
        order.handle_change(change(OPS, 21), now);
        assert_eq!(ready(&mut order), [21]);
        assert_eq!(order.poll_timeout(), None);
    }

    #[test]
    fn what_cannot_be_under_way_is_not_waited_for() {
        let (mut order, now) = (Order::default(), Millis(1_000));
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
    fn it_remembers_no_more_than_its_bounds() {
        let (mut order, now) = (Order::default(), Millis(1_000));
        let many = i64::try_from(ORDER_LINES_MAX).expect("a number");
        for conversation in 1..=2 * many {
            order.handle_change(change(ConversationId(conversation), 1), now);
        }
        assert!(order.lines.len() <= ORDER_LINES_MAX);
        // All of them with a hole.
        for conversation in 1..=2 * many {
            for rev in [1, 3] {
                order.handle_change(change(ConversationId(conversation), rev), now);
            }
        }
        assert!(order.lines.len() <= ORDER_LINES_MAX);
        let waiting = |order: &Order| -> usize {
            let parts = |line: &Line| {
                line.held
                    .values()
                    .map(|held| held.parts.len())
                    .sum::<usize>()
            };
            order.lines.values().map(parts).sum()
        };
        let before = waiting(&order);
        for _ in 0..2 * ORDER_PARTS_MAX {
            order.handle_change(change(ConversationId(2 * many), 3), now);
        }
        assert!(waiting(&order) <= before + ORDER_PARTS_MAX);
    }

    /// Whatever the order in which they come, they go out in theirs, and none twice.
    #[test]
    fn c03_any_order_of_what_comes_is_made_the_right_one() {
        for seed in 0..200 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let (mut order, now) = (Order::default(), Millis(1_000));
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
