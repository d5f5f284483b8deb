//! Conversations as their members see them: addresses, marks, lists.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use chat_proto::{Mark, Name, Seq, Sigil, Time, Topic};

use super::state::{Conversation, Seat, State};
use crate::change::{ConversationId, UserId};
use crate::store::codes::{self, Named};
use crate::store::{Delivered, Head, Listed, MarkAt, Member, Membership, StoreResult, refuse};

impl State {
    pub(super) fn membership(&self, user: UserId, topic: &Topic) -> StoreResult<Membership> {
        match (self.names.get(&topic.name), topic.sigil) {
            (Some(Named::Person(peer)), None | Some(Sigil::Person)) => Ok(self.direct(user, *peer)),
            (Some(Named::Group(id)), None | Some(Sigil::Group)) => {
                match self.membership_in(user, *id) {
                    Some(membership) => Ok(membership),
                    None if self.conversation(*id).public() => {
                        Err(refuse::not_a_member(&topic.name))
                    }
                    None => Err(refuse::no_such_topic(topic)),
                }
            }
            _ => Err(refuse::no_such_topic(topic)),
        }
    }

    fn direct(&self, user: UserId, peer: UserId) -> Membership {
        let sides = codes::sides(user, peer);
        let known = self.directs.get(&sides);
        if let Some(membership) = known.and_then(|id| self.membership_in(user, *id)) {
            return membership;
        }
        let side = |user| (user, self.name(user));
        let title = self.people[&peer].account.display_name.clone();
        Membership::before_the_first(side(user), side(peer), title)
    }

    pub(super) fn membership_or_left(&self, user: UserId, name: &Name) -> Option<Membership> {
        match self.names.get(name)? {
            Named::Person(peer) => {
                let membership = self.direct(user, *peer);
                membership.conversation.is_some().then_some(membership)
            }
            Named::Group(id) | Named::Freed(id) => self.member_or_left(user, *id),
        }
    }

    pub(super) fn membership_in(&self, user: UserId, id: ConversationId) -> Option<Membership> {
        let conversation = self.conversations.get(&id)?;
        let seat = conversation.seat(user)?;
        Some(self.seen(id, conversation, user, seat))
    }

    pub(super) fn member_or_left(&self, user: UserId, id: ConversationId) -> Option<Membership> {
        let conversation = self.conversations.get(&id)?;
        let seat = conversation.seats.get(&user)?;
        Some(self.seen(id, conversation, user, seat))
    }

    fn seen(
        &self,
        id: ConversationId,
        conversation: &Conversation,
        user: UserId,
        seat: &Seat,
    ) -> Membership {
        let title = match conversation.sides {
            None => conversation.title.clone(),
            Some((a, b)) => {
                let peer = if a == user { b } else { a };
                self.people[&peer].account.display_name.clone()
            }
        };
        let last_seq = seat.left.map_or(conversation.last_seq(), |left| left.seq);
        Membership {
            conversation: Some(id),
            address: self.address(conversation),
            kind: conversation.kind,
            title,
            role: seat.role,
            first_seq: seat.first_seq,
            first_rev: seat.first_rev,
            joined_rev: seat.joined_rev,
            last_seq,
            rev: seat.left.map_or(conversation.rev(), |left| left.rev),
            read_seq: seat.read_seq,
            delivered_seq: seat.delivered_seq,
            own_last: conversation.own_up_to(user, last_seq),
            own_read: conversation.own_up_to(user, seat.read_seq),
            members: conversation.members().len(),
        }
    }

    /// The conversations of a user, ranked by the time and the place of their last message.
    fn memberships(&self, user: UserId) -> Vec<Membership> {
        let all = self.conversations.iter();
        let mut theirs: Vec<_> = all
            .filter_map(|(id, conversation)| {
                let rank = conversation.last_message().map(|row| (row.at, row.place));
                Some((rank, self.membership_in(user, *id)?))
            })
            .collect();
        theirs.sort_by_key(|(rank, membership)| Reverse((*rank, membership.conversation)));
        theirs
            .into_iter()
            .map(|(_, membership)| membership)
            .collect()
    }

    pub(super) fn heads(&self, user: UserId) -> Vec<Head> {
        let all = self.conversations.iter();
        all.filter(|(_, conversation)| conversation.seat(user).is_some())
            .map(|(id, conversation)| Head {
                conversation: *id,
                rev: conversation.rev(),
            })
            .collect()
    }

    pub(super) fn conversations_of(
        &self,
        user: UserId,
        before: Option<Time>,
        limit: usize,
    ) -> Vec<Listed> {
        let earlier = |membership: &Membership| {
            let id = membership.conversation?;
            let last = self.conversation(id).last_message()?;
            Some(last.at)
        };
        self.memberships(user)
            .into_iter()
            .filter(|membership| {
                before.is_none_or(|before| earlier(membership).is_some_and(|at| at < before))
            })
            .take(limit)
            .map(|membership| {
                let id = membership.conversation;
                let last = id.filter(|_| membership.last_seq >= membership.first_seq);
                Listed {
                    last_message: last.and_then(|id| self.message(id, membership.last_seq)),
                    membership,
                }
            })
            .collect()
    }

    pub(super) fn unread(&self, user: UserId, limit: usize) -> Vec<Membership> {
        let memberships = self.memberships(user).into_iter();
        memberships
            .filter(|membership| membership.unread() > 0)
            .take(limit)
            .collect()
    }

    pub(super) fn members(&self, id: ConversationId) -> Vec<Member> {
        let Some(conversation) = self.conversations.get(&id) else {
            return Vec::new();
        };
        let seats = conversation.seats.iter();
        let mut seats: Vec<_> = seats.filter(|(_, seat)| seat.left.is_none()).collect();
        seats.sort_by_key(|(_, seat)| seat.joined_order);
        let member = |(user, seat): (&UserId, &Seat)| Member {
            user: *user,
            name: self.name(*user),
            role: seat.role,
            read_seq: seat.read_seq,
            delivered_seq: seat.delivered_seq,
        };
        seats.into_iter().map(member).collect()
    }

    pub(super) fn advance_mark(
        &mut self,
        user: UserId,
        topic: &Topic,
        mark: Mark,
        seq: Seq,
    ) -> StoreResult<MarkAt> {
        let membership = self.membership(user, topic)?;
        let held = match mark {
            Mark::Read => membership.read_seq,
            Mark::Delivered => membership.delivered_seq,
        };
        let asked = seq.min(membership.last_seq);
        // Where nothing was said yet both marks are 0, in a conversation that has no id yet.
        let conversation = membership.conversation.unwrap_or(ConversationId(0));
        let seat = self.conversations.get_mut(&conversation);
        if let Some(seat) = seat.and_then(|found| found.seats.get_mut(&user)) {
            seat.delivered_seq = seat.delivered_seq.max(asked);
            if mark == Mark::Read {
                seat.read_seq = seat.read_seq.max(asked);
            }
        }
        Ok(MarkAt {
            conversation,
            address: membership.address,
            seq: asked.max(held),
            moved: asked > held,
        })
    }

    pub(super) fn advance_delivered(&mut self, marks: &[Delivered]) {
        for mark in marks {
            let Some(conversation) = self.conversations.get_mut(&mark.conversation) else {
                continue;
            };
            let last_seq = conversation.last_seq();
            if let Some(seat) = conversation.seats.get_mut(&mark.user)
                && seat.left.is_none()
            {
                seat.delivered_seq = seat.delivered_seq.max(mark.seq.min(last_seq));
            }
        }
    }

    pub(super) fn acquaintances(&self, user: UserId) -> Vec<UserId> {
        let shared = self.conversations.values();
        let shared = shared.filter(|conversation| conversation.seat(user).is_some());
        let users: BTreeSet<UserId> = shared.flat_map(Conversation::members).collect();
        users.into_iter().filter(|other| *other != user).collect()
    }
}
