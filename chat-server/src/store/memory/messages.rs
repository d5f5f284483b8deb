//! Messages: stored once, numbered densely, read page by page.

use std::collections::{BTreeMap, BTreeSet};

use chat_proto::{ConversationKind, MessageId, Rev, Role, Seq, Sigil, Topic};

use super::state::{Conversation, Kept, Seat, Sent, State};
use crate::change::{Change, ConversationId, Place, UserId};
use crate::mutant::mutant;
use crate::store::codes::{self, Named};
use crate::store::{
    Committed, Head, HeadSeen, HeadsPage, Look, NewMessage, Permit, Published, Range, Slice,
    StoreResult, refuse,
};

impl State {
    pub(super) fn publish(&mut self, new: &NewMessage) -> StoreResult<Published> {
        if let Some(known) = self.known(new)? {
            return Ok(known);
        }
        if let Permit::Denied { retry_after_ms } = new.permit {
            return Err(refuse::rate_limited(retry_after_ms));
        }
        let id = match (self.names.get(&new.topic.name).copied(), new.topic.sigil) {
            (Some(Named::Person(peer)), None | Some(Sigil::Person)) => {
                let sides = codes::sides(new.sender, peer);
                match self.directs.get(&sides) {
                    Some(id) => *id,
                    None => {
                        new.refers_within(Seq(1), Seq(0))?;
                        self.begin_direct(sides)
                    }
                }
            }
            (Some(Named::Group(id)), None | Some(Sigil::Group)) => id,
            _ => return Err(refuse::no_such_topic(&new.topic)),
        };
        self.may_write(id, new)?;
        Ok(self.append_message(id, new))
    }

    /// The answer to a message that was stored before.
    pub(super) fn known(&self, new: &NewMessage) -> StoreResult<Option<Published>> {
        let Some(sent) = self.sent.get(&(new.sender, new.id.clone())) else {
            return Ok(None);
        };
        if mutant("skip_dedup") {
            return Ok(None);
        }
        if sent.fingerprint != new.fingerprint {
            return Err(refuse::id_used());
        }
        Ok(Some(self.published(
            sent.conversation,
            sent.seq,
            new.sender,
            true,
        )))
    }

    fn published(&self, id: ConversationId, seq: Seq, sender: UserId, dup: bool) -> Published {
        let conversation = self.conversation(id);
        let index = conversation.messages[place_of(seq)];
        Published {
            conversation: id,
            topic: self.address(conversation).seen_by(sender).clone(),
            seq,
            rev: Rev(index as u64 + 1),
            sent_at: conversation.log[index].at,
            dup,
        }
    }

    fn begin_direct(&mut self, sides: (UserId, UserId)) -> ConversationId {
        let mut direct = Conversation {
            kind: ConversationKind::Direct,
            sides: Some(sides),
            name: None,
            title: String::new(),
            creator: None,
            log: Vec::new(),
            messages: Vec::new(),
            seats: BTreeMap::new(),
            joins: 0,
        };
        direct.take(sides.0, Seat::from_the_start());
        if sides.0 != sides.1 {
            direct.take(sides.1, Seat::from_the_start());
        }
        let id = self.begin(direct);
        self.directs.insert(sides, id);
        id
    }

    fn may_write(&self, id: ConversationId, new: &NewMessage) -> StoreResult<()> {
        let conversation = self.conversation(id);
        let first_seq = match conversation.seat(new.sender) {
            Some(seat) if seat.role == Role::ReadOnly => {
                return Err(refuse::read_only(&new.topic.name));
            }
            Some(seat) => seat.first_seq,
            None if mutant("skip_membership_check") => Seq(1),
            None if conversation.public() => return Err(refuse::not_a_member(&new.topic.name)),
            None => return Err(refuse::no_such_topic(&new.topic)),
        };
        new.refers_within(first_seq, conversation.last_seq())
    }

    pub(super) fn append_message(&mut self, id: ConversationId, new: &NewMessage) -> Published {
        let seq = self.conversation(id).last_seq().next();
        let sent = Sent {
            conversation: id,
            seq,
            fingerprint: new.fingerprint,
        };
        self.sent.insert((new.sender, new.id.clone()), sent);
        let kept = Kept::Message {
            seq,
            id: new.id.clone(),
            sender: new.sender,
            body: Box::new(new.body.clone()),
        };
        self.append(id, new.now, kept);
        self.published(id, seq, new.sender, false)
    }

    pub(super) fn message(&self, id: ConversationId, seq: Seq) -> Option<Change> {
        let index = *self.conversation(id).messages.get(place_of(seq))?;
        Some(self.change(id, Rev(index as u64 + 1)))
    }

    pub(super) fn own_message(&self, user: UserId, id: &MessageId) -> Option<Change> {
        let sent = self.sent.get(&(user, id.clone()))?;
        let membership = self.member_or_left(user, sent.conversation)?;
        let readable = membership.first_seq <= sent.seq && sent.seq <= membership.last_seq;
        self.message(sent.conversation, sent.seq)
            .filter(|_| readable)
    }

    pub(super) fn history(
        &self,
        user: UserId,
        topic: &Topic,
        range: Range,
        limit: usize,
    ) -> StoreResult<Slice> {
        let membership = self.membership(user, topic)?;
        let Some(id) = membership.conversation else {
            return Ok(Slice::default());
        };
        let (first, last) = (membership.first_seq.0, membership.last_seq.0);
        let all: Vec<u64> = (first..=last).collect();
        let (page, more) = match range {
            Range::Latest => last_of(&all, limit),
            Range::Before(seq) => last_of(&all[..all.partition_point(|n| *n < seq.0)], limit),
            Range::After(seq) => first_of(&all[all.partition_point(|n| *n <= seq.0)..], limit),
            Range::Around(seq) => {
                let low = seq.0.min(last).saturating_sub(limit as u64 / 2);
                let from = all.partition_point(|n| *n < low);
                let (page, after) = first_of(&all[from..], limit);
                (page, !page.is_empty() && (after || from > 0))
            }
        };
        let changes = page.iter().filter_map(|seq| self.message(id, Seq(*seq)));
        Ok(Slice {
            changes: changes.collect(),
            more,
        })
    }

    pub(super) fn changes_above(
        &self,
        user: UserId,
        id: ConversationId,
        after: Rev,
        limit: usize,
    ) -> Slice {
        let Some(membership) = self.member_or_left(user, id) else {
            return Slice::default();
        };
        let low = after.next().max(membership.first_rev);
        let all: Vec<u64> = (low.0..=membership.rev.0).collect();
        let (page, more) = first_of(&all, limit);
        let changes = page.iter().map(|rev| self.change(id, Rev(*rev))).collect();
        Slice { changes, more }
    }

    pub(super) fn since(&self, place: Place, limit: usize) -> Vec<Committed> {
        let above = usize::try_from(place.row).unwrap_or(0);
        let feed = self.feed.iter().skip(above).take(limit);
        feed.map(|(id, rev)| self.committed(*id, *rev)).collect()
    }

    pub(super) fn heads_since(&self, look: &Look, limit: usize) -> HeadsPage {
        let found = self.since(look.upto, limit);
        let mut seen: BTreeMap<ConversationId, (Rev, BTreeSet<UserId>)> = BTreeMap::new();
        for Committed { change, members } in &found {
            let (rev, concerned) = seen.entry(change.conversation).or_default();
            *rev = change.rev;
            concerned.extend(members.iter());
        }
        let seen = seen.into_iter();
        let heads = seen.map(|(conversation, (rev, concerned))| HeadSeen {
            head: Head { conversation, rev },
            concerned: concerned.into_iter().collect(),
        });
        let last = found.last().map(|last| last.change.place);
        HeadsPage {
            heads: heads.collect(),
            changes: found.len(),
            next: last.unwrap_or(look.upto).into(),
            more: found.len() == limit,
        }
    }

    pub(super) fn last_place(&self) -> Place {
        Place::at_row(self.feed.len() as i64)
    }
}

/// Where in a list that begins with number 1 a number is.
fn place_of(seq: Seq) -> usize {
    usize::try_from(seq.prev().0).unwrap_or(usize::MAX)
}

/// The first of them, and whether there are more behind.
fn first_of(all: &[u64], limit: usize) -> (&[u64], bool) {
    let page = &all[..all.len().min(limit)];
    (page, !page.is_empty() && page.len() < all.len())
}

/// The last of them, and whether there are more before.
fn last_of(all: &[u64], limit: usize) -> (&[u64], bool) {
    let page = &all[all.len().saturating_sub(limit)..];
    (page, !page.is_empty() && page.len() < all.len())
}
