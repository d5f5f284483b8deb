//! Which marks are to be told, and when: at most once a second for each conversation and reader, the latest at the end
//! of the second. Pure; time is an argument.

use std::collections::BTreeMap;

use chat_proto::Mark;

use crate::bus::MarkNotice;
use crate::change::{ConversationId, UserId};
use crate::clock::Millis;
use crate::limits::RECEIPT_MS;

#[derive(Debug, Default)]
struct Reader {
    quiet_until: Millis,
    delivered: Option<(MarkNotice, Vec<UserId>)>,
    read: Option<(MarkNotice, Vec<UserId>)>,
}

/// A mark to tell, and whom.
pub type Due = (MarkNotice, Vec<UserId>);

/// Marks that are to be told. It holds one entry for each reader who moved a mark within the last second.
#[derive(Debug, Default)]
pub struct Receipts {
    readers: BTreeMap<(ConversationId, UserId), Reader>,
}

impl Receipts {
    /// A mark moved; `to` are the others who are told.
    pub fn handle_mark(&mut self, moved: MarkNotice, to: Vec<UserId>) {
        let reader = self
            .readers
            .entry((moved.conversation, moved.by))
            .or_default();
        let later = |held: &Option<Due>| {
            held.as_ref()
                .is_none_or(|(notice, _)| notice.seq < moved.seq)
        };
        match moved.mark {
            // A read mark stands for delivered too.
            Mark::Read if later(&reader.read) => {
                if reader
                    .delivered
                    .as_ref()
                    .is_some_and(|(notice, _)| notice.seq <= moved.seq)
                {
                    reader.delivered = None;
                }
                reader.read = Some((moved, to));
            }
            Mark::Delivered if later(&reader.delivered) && later(&reader.read) => {
                reader.delivered = Some((moved, to));
            }
            Mark::Read | Mark::Delivered => {}
        }
    }

    /// What is to be told by now; forgets who has been quiet for a second.
    pub fn poll_due(&mut self, now: Millis) -> Vec<Due> {
        let mut due = Vec::new();
        self.readers.retain(|_, reader| {
            if reader.quiet_until > now {
                return true;
            }
            let before = due.len();
            due.extend(reader.delivered.take());
            due.extend(reader.read.take());
            reader.quiet_until = now.plus(RECEIPT_MS);
            due.len() > before
        });
        due
    }

    /// When [`Receipts::poll_due`] wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Millis> {
        self.readers.values().map(|reader| reader.quiet_until).min()
    }
}

#[cfg(test)]
mod tests {
    use chat_proto::{Name, Seq};

    use super::*;
    use crate::change::Address;

    fn moved(mark: Mark, seq: u64) -> MarkNotice {
        let ben: Name = "ben".parse().expect("a name");
        let address = Address::Group("ops".parse().expect("a name"));
        MarkNotice {
            conversation: ConversationId(1),
            address,
            by: UserId(2),
            name: ben,
            mark,
            seq: Seq(seq),
            caused_by: None,
        }
    }

    fn told(due: Vec<Due>) -> Vec<(Mark, u64)> {
        due.into_iter()
            .map(|(notice, _)| (notice.mark, notice.seq.0))
            .collect()
    }

    #[test]
    fn u05_a_reader_is_told_of_at_most_once_a_second_and_the_latest_at_its_end() {
        let mut receipts = Receipts::default();
        receipts.handle_mark(moved(Mark::Read, 1), vec![]);
        assert_eq!(told(receipts.poll_due(Millis(0))), [(Mark::Read, 1)]);
        for seq in 2..=9 {
            receipts.handle_mark(moved(Mark::Delivered, seq), vec![]);
            receipts.handle_mark(moved(Mark::Read, seq), vec![]);
            assert_eq!(told(receipts.poll_due(Millis(seq))), []);
        }
        assert_eq!(receipts.poll_timeout(), Some(Millis(1_000)));
        assert_eq!(told(receipts.poll_due(Millis(1_000))), [(Mark::Read, 9)]);
        assert_eq!(told(receipts.poll_due(Millis(2_000))), []);
        assert_eq!(receipts.poll_timeout(), None);
    }

    #[test]
    fn d15_a_device_ahead_of_its_reader_is_told_beside_the_read_mark() {
        let mut receipts = Receipts::default();
        receipts.handle_mark(moved(Mark::Delivered, 5), vec![]);
        receipts.handle_mark(moved(Mark::Read, 3), vec![]);
        assert_eq!(
            told(receipts.poll_due(Millis(0))),
            [(Mark::Delivered, 5), (Mark::Read, 3)]
        );
    }
}
