//! A place in a conversation to give to somebody, and what it looks like from where nobody has said anything yet.

use chat_proto::{ConversationKind, Mark, Name, Rev, Role, Seq};

use super::Membership;
use super::codes::column;
use crate::change::{Address, UserId};

/// A place in a conversation to give to somebody.
pub(super) struct NewSeat {
    pub(super) user: UserId,
    pub(super) role: Role,
    pub(super) first_seq: Seq,
    pub(super) first_rev: Rev,
    pub(super) joined_rev: Rev,
    /// Among those of the same `joined_rev`; below zero for who was there from the beginning.
    pub(super) joined_order: i64,
    /// Both marks.
    pub(super) read_seq: Seq,
}

impl NewSeat {
    /// A member from the beginning, the `order`-th.
    pub(super) fn from_the_start(user: UserId, order: usize) -> Self {
        // Far more than members that one request can name.
        const BEFORE_ALL: i64 = -1_000_000;
        Self {
            user,
            role: Role::Member,
            first_seq: Seq(1),
            first_rev: Rev(1),
            joined_rev: Rev(1),
            joined_order: BEFORE_ALL + column(order as u64),
            read_seq: Seq(0),
        }
    }

    /// A newcomer to a conversation that stands at `last_seq` and `rev`. Nobody owns a topic that all have left, so who
    /// comes to it owns it; what was said before is for members of public topics alone.
    pub(super) fn joining(
        user: UserId,
        kind: ConversationKind,
        empty: bool,
        last_seq: Seq,
        rev: Rev,
    ) -> Self {
        let public = kind == ConversationKind::Public;
        let rev = rev.next();
        Self {
            user,
            role: if empty { Role::Owner } else { Role::Member },
            first_seq: if public { Seq(1) } else { last_seq.next() },
            first_rev: if public { Rev(1) } else { rev },
            joined_rev: rev,
            joined_order: 0,
            read_seq: last_seq,
        }
    }
}

impl Membership {
    /// One of the two marks.
    pub(super) const fn mark(&self, mark: Mark) -> Seq {
        match mark {
            Mark::Read => self.read_seq,
            Mark::Delivered => self.delivered_seq,
        }
    }

    /// The conversation of two in which nothing was said yet, as the first of them sees it.
    pub(super) fn before_the_first(
        own: (UserId, Name),
        theirs: (UserId, Name),
        title: String,
    ) -> Self {
        let members = if own.0 == theirs.0 { 1 } else { 2 };
        let mut sides = [own, theirs];
        sides.sort_by_key(|side| side.0);
        Self {
            conversation: None,
            address: Address::Direct(sides),
            kind: ConversationKind::Direct,
            title,
            role: Role::Member,
            first_seq: Seq(1),
            first_rev: Rev(1),
            joined_rev: Rev(1),
            last_seq: Seq(0),
            rev: Rev(0),
            read_seq: Seq(0),
            delivered_seq: Seq(0),
            own_last: 0,
            own_read: 0,
            members,
        }
    }
}
