//! One conversation's log as far as this client has it: how far it is whole, what waits above a hole, what was heard of.

use std::collections::VecDeque;

use chat_proto::{Event, Name, Rev};

use super::Delivery;
use super::held::Held;

/// How far a client is in one conversation.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// Everything up to and with this change was delivered, or told to be missing. Only grows.
    have: Rev,
    /// The latest change that was heard of; never below `have`.
    head: Rev,
    /// Changes above a hole; each is above `have`. What does not fit in is fetched again with the hole.
    held: Held,
    /// A page is on its way, asked for when `head` was this.
    asked: Option<Rev>,
    /// It waits in the line of those that a page is to be asked for.
    queued: bool,
}

impl Place {
    pub(super) fn at(have: Rev) -> Self {
        Self {
            have,
            head: have,
            ..Self::default()
        }
    }

    pub(super) const fn have(&self) -> Rev {
        self.have
    }

    /// About how many bytes wait above a hole.
    pub(super) const fn held_bytes(&self) -> usize {
        self.held.bytes()
    }

    /// Whether something is known to be missing.
    pub(super) fn hole(&self) -> bool {
        self.head > self.have
    }

    /// Gets in line for a page, if one is needed and none is on its way. Says whether it got in.
    pub(super) fn queue(&mut self) -> bool {
        let needed = self.hole() && self.asked.is_none() && !self.queued;
        self.queued |= needed;
        needed
    }

    /// Comes out of the line. Says after which change a page is to be asked for, if one is still needed.
    pub(super) fn ask(&mut self) -> Option<Rev> {
        self.queued = false;
        if !self.hole() || self.asked.is_some() {
            return None;
        }
        self.asked = Some(self.head);
        Some(self.have)
    }

    /// No page is on its way: it was refused, or its connection is gone.
    pub(super) fn forget_request(&mut self) {
        self.asked = None;
        self.queued = false;
    }

    /// There is a change `rev`; what it is was not said.
    pub(super) fn hear_of(&mut self, rev: Rev) {
        self.head = self.head.max(rev);
    }

    /// The change `rev` as it came live. One that one has is skipped; one above a hole is held, if there is `room`.
    pub(super) fn offer(
        &mut self,
        rev: Rev,
        event: Event,
        room: bool,
        out: &mut VecDeque<Delivery>,
    ) {
        if rev <= self.have {
            return;
        }
        self.hear_of(rev);
        if rev == self.have.next() {
            self.take(rev, event, out);
            self.drain(out);
        } else if room {
            self.held.put(rev, event);
        }
    }

    /// A page of changes above `have`. It has the last word: what it leaves out cannot be had, for want of
    /// membership or because it was removed.
    pub(super) fn page(
        &mut self,
        topic: &Name,
        frames: Vec<Event>,
        more: bool,
        out: &mut VecDeque<Delivery>,
    ) {
        let before = self.have;
        let asked = self.asked.take().unwrap_or(self.have);
        for event in frames {
            let Some(rev) = event
                .log_place()
                .filter(|(at, rev)| *at == topic && *rev > self.have)
                .map(|(_, rev)| rev)
            else {
                continue;
            };
            self.settle(topic, rev.prev(), out);
            // What is held is the same change, perhaps told as the answer to one's own send; and settling may have come to it.
            let event = self.held.take(rev).unwrap_or(event);
            if rev > self.have {
                self.take(rev, event, out);
            }
        }
        // A page without anything new that promises more would be asked for for ever.
        if !more || self.have == before {
            self.settle(topic, asked, out);
        }
        self.drain(out);
    }

    /// Gives up on every hole up to `rev`: delivers what is held, and says what is missing.
    fn settle(&mut self, topic: &Name, rev: Rev, out: &mut VecDeque<Delivery>) {
        while self.have < rev {
            let until = self
                .held
                .first()
                .filter(|next| *next <= rev)
                .map_or(rev, Rev::prev);
            self.miss(topic, until, out);
            self.drain(out);
        }
    }

    fn miss(&mut self, topic: &Name, until: Rev, out: &mut VecDeque<Delivery>) {
        if until <= self.have {
            return;
        }
        // Who comes into a conversation misses nothing of what was before.
        if self.have > Rev(0) {
            out.push_back(Delivery::Missing {
                topic: topic.clone(),
                from: self.have.next(),
                to: until,
            });
        }
        self.have = until;
        self.hear_of(until);
    }

    fn drain(&mut self, out: &mut VecDeque<Delivery>) {
        while let Some(rev) = self.held.first().filter(|rev| *rev <= self.have.next()) {
            if let Some(event) = self.held.take(rev).filter(|_| rev > self.have) {
                self.take(rev, event, out);
            }
        }
    }

    fn take(&mut self, rev: Rev, event: Event, out: &mut VecDeque<Delivery>) {
        debug_assert!(rev > self.have, "a change is delivered once");
        self.have = rev;
        self.hear_of(rev);
        out.push_back(Delivery::Log(event));
    }
}

/// A conversation of which nothing is known, while a `sync` is under way: a live frame may have overtaken unread
/// ones, so where it begins is known only at the end of the `sync`.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    /// The change before the lowest one that was seen.
    floor: Rev,
    head: Rev,
    held: Held,
}

impl Arrival {
    pub(super) fn before(rev: Rev) -> Self {
        Self {
            floor: rev.prev(),
            head: rev.prev(),
            held: Held::default(),
        }
    }

    pub(super) const fn held_bytes(&self) -> usize {
        self.held.bytes()
    }

    /// There are the changes from `from` up to `to`; what they are was not said.
    pub(super) fn hear_of(&mut self, from: Rev, to: Rev) {
        self.floor = self.floor.min(from.prev());
        self.head = self.head.max(to);
    }

    pub(super) fn offer(&mut self, rev: Rev, event: Event, room: bool) {
        self.hear_of(rev, rev);
        if room {
            self.held.put(rev, event);
        }
    }

    /// The `sync` is through: here it begins.
    pub(super) fn settle(self, out: &mut VecDeque<Delivery>) -> Place {
        let mut place = Place {
            held: self.held,
            ..Place::at(self.floor)
        };
        place.hear_of(self.head);
        place.drain(out);
        place
    }
}
