//! Marks that were said lately, to be said again to nodes that were cut off meanwhile. Changes need none of it, as the log
//! has them, and presence is counted; of a mark only the latest matters, and nothing else would tell it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_proto::Mark;
use tokio::sync::Notify;

use super::MarkNotice;
use crate::change::{ConversationId, UserId};
use crate::clock::Millis;
use crate::limits;

/// Whose mark, in which conversation, of which kind, and whether it was said to their own connections or to others.
type Key = (UserId, ConversationId, bool, bool);
/// A mark, and to whom it was said.
pub(super) type Said = (MarkNotice, Arc<[UserId]>);

/// The latest marks.
#[derive(Debug, Default)]
struct Kept {
    /// The oldest first.
    said: BTreeMap<u64, (Key, Said, Millis)>,
    numbers: HashMap<Key, u64>,
    last: u64,
    /// From when on they are asked for.
    asked: Option<Millis>,
}

impl Kept {
    /// Keeps one in the place of an earlier one. Of too many the oldest is forgotten: it is told by the next mark.
    fn keep(&mut self, mark: MarkNotice, to: Arc<[UserId]>, now: Millis) {
        let own = matches!(to[..], [user] if user == mark.by);
        let key = (mark.by, mark.conversation, mark.mark == Mark::Read, own);
        self.last += 1;
        if let Some(before) = self.numbers.insert(key, self.last) {
            self.said.remove(&before);
        }
        self.said.insert(self.last, (key, (mark, to), now));
        if self.said.len() > limits::BUS_MARKS_KEPT
            && let Some((_, (oldest, ..))) = self.said.pop_first()
        {
            self.numbers.remove(&oldest);
        }
    }

    /// Those that were said since it is asked for.
    fn take_asked(&mut self) -> Vec<Said> {
        let Some(asked) = self.asked.take() else {
            return Vec::new();
        };
        let late = self.said.values().filter(|(_, _, at)| *at >= asked);
        late.map(|(_, said, _)| said.clone()).collect()
    }
}

/// The latest marks, and whether they are asked for.
#[derive(Default)]
pub(super) struct Again {
    /// Short sections, never across an await.
    kept: Mutex<Kept>,
    asked: Notify,
}

impl Again {
    /// A mark is said, or would be if the bus were there.
    pub(super) fn keep(&self, mark: &MarkNotice, to: &Arc<[UserId]>, now: Millis) {
        self.kept().keep(mark.clone(), Arc::clone(to), now);
    }

    /// Some node missed what was said for so long, and what was under way before: this one was cut off, or another one
    /// says that it was.
    pub(super) fn ask(&self, missed_ms: u64, now: Millis) {
        let before = missed_ms.saturating_add(limits::BUS_AGAIN_WAIT_MS);
        let from = Millis(now.0.saturating_sub(before));
        let mut kept = self.kept();
        if kept.said.is_empty() {
            // As at every start: nobody missed anything.
            return;
        }
        kept.asked = Some(kept.asked.map_or(from, |asked| asked.min(from)));
        drop(kept);
        self.asked.notify_one();
    }

    /// Waits until some node missed something and a moment is over, in which others come back too; gives what is to be
    /// said again.
    pub(super) async fn due(&self) -> Vec<Said> {
        self.asked.notified().await;
        tokio::time::sleep(Duration::from_millis(limits::BUS_AGAIN_WAIT_MS)).await;
        self.kept().take_asked()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chat_proto::Seq;

    use super::*;
    use crate::change::Address;

    fn mark(conversation: i64, seq: u64) -> MarkNotice {
        MarkNotice {
            conversation: ConversationId(conversation),
            address: Address::Group("ops".parse().expect("a name")),
            by: UserId(1),
            name: "ann".parse().expect("a name"),
            mark: Mark::Read,
            seq: Seq(seq),
            caused_by: None,
        }
    }

    fn seqs(kept: &mut Kept, from: Millis) -> Vec<u64> {
        kept.asked = Some(from);
        let said = kept.take_asked();
        said.iter().map(|(mark, _)| mark.seq.0).collect()
    }

    #[test]
    fn u02_the_latest_marks_are_kept_and_no_more_than_fit() {
        let (mut kept, now) = (Kept::default(), Millis(1_000));
        let later = now.plus(9_000);
        let own: Arc<[UserId]> = [UserId(1)].into();
        let others: Arc<[UserId]> = [UserId(2)].into();
        for seq in 1..=3 {
            kept.keep(mark(1, seq), Arc::clone(&own), now);
            kept.keep(mark(1, seq), Arc::clone(&others), now);
        }
        assert_eq!(seqs(&mut kept, now), [3, 3], "once to each");
        assert!(seqs(&mut kept, later).is_empty(), "nobody missed them");
        assert!(kept.take_asked().is_empty(), "nobody asks");
        let many = i64::try_from(limits::BUS_MARKS_KEPT).expect("a number");
        for conversation in 2..many + 2 {
            kept.keep(mark(conversation, 1), Arc::clone(&own), later);
        }
        assert_eq!(seqs(&mut kept, now), vec![1; limits::BUS_MARKS_KEPT]);
        assert_eq!(kept.numbers.len(), limits::BUS_MARKS_KEPT);
    }
}
