//! What this client has of every conversation, and what is missing: takes the frames of a connection as they
//! come and gives each change of a log once, in order, without a silent hole. Pure: no socket, no clock.
//!
//! The driver does five things: [`Sync::handle_connected`] on every new connection, [`Sync::handle_event`] with
//! every frame, [`Sync::handle_tick`] about once a second, and after each of them [`Sync::poll_request`] and
//! [`Sync::poll_delivery`] until they give nothing more. A connection that ends needs no word: what was asked on
//! it is asked again on the next.
//!
//! The place in a log is `rev`. A frame at the next one is delivered, one below is a double and skipped, one above
//! shows a hole: it is held back while `changes` fills the hole page by page. Everything that is held is bounded;
//! what does not fit is fetched again. Only a page of `changes` may say that something cannot be had
//! ([`Delivery::Missing`]).

mod delivery;
mod held;
mod place;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use chat_proto::action::{Action, Changes, Request, Sync as SyncAction};
use chat_proto::event::{Ack, ChangesPage, ErrorFrame, Gap, Synced};
use chat_proto::{Epoch, ErrorCode, Event, MessageId, Name, Rev, limits};

pub use self::delivery::{Delivery, Stranger};
use self::place::{Arrival, Place};

/// Changes in one page: even of the longest texts they stay below the size of a frame that a client takes.
pub const PAGE_CHANGES: u64 = 100;
/// Pages on their way at once: enough to keep the line busy, few enough to leave room for a person's requests.
const PAGES_AT_ONCE: usize = 4;
/// About how many bytes of changes wait for those before them, of all conversations together.
const HELD_BYTES_MAX: usize = 8 << 20;

/// The machine.
#[derive(Debug)]
pub struct Sync {
    stranger: Stranger,
    /// The store that the numbers come from.
    epoch: Option<Epoch>,
    places: BTreeMap<Name, Place>,
    /// Conversations of which nothing is known, until the `sync` that is under way is through.
    arrivals: BTreeMap<Name, Arrival>,
    /// A `sync` is to be sent; it is built when it is polled, with what is known then.
    sync_due: bool,
    /// The `sync` that is on its way.
    syncing: Option<MessageId>,
    /// Conversations that a page is to be asked for, in line; each has `queued` set.
    line: VecDeque<Name>,
    /// Pages on their way.
    asked: BTreeMap<MessageId, Name>,
    /// Pages that were refused for a passing reason; asked for again with the next tick.
    stalled: Vec<Name>,
    /// The `sync` was refused for a passing reason.
    sync_stalled: bool,
    /// The numbers were thrown away on this connection; that happens once, or a confused server would keep us at it.
    was_reset: bool,
    out: VecDeque<Delivery>,
    ids: u64,
}

impl Default for Sync {
    fn default() -> Self {
        Self::new(Stranger::BeginsHere)
    }
}

impl Sync {
    /// A client that has nothing yet.
    #[must_use]
    pub const fn new(stranger: Stranger) -> Self {
        Self {
            stranger,
            epoch: None,
            places: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            sync_due: false,
            syncing: None,
            line: VecDeque::new(),
            asked: BTreeMap::new(),
            stalled: Vec::new(),
            sync_stalled: false,
            was_reset: false,
            out: VecDeque::new(),
            ids: 0,
        }
    }

    /// The store that the numbers of [`Sync::begin`] come from, where it is known.
    pub fn begin_in(&mut self, epoch: Epoch) {
        self.epoch = Some(epoch);
    }

    /// One has everything of `topic` up to and with `rev`.
    pub fn begin(&mut self, topic: Name, rev: Rev) {
        self.places.insert(topic, Place::at(rev));
    }

    /// The store that the numbers come from, once it is known.
    #[must_use]
    pub const fn epoch(&self) -> Option<&Epoch> {
        self.epoch.as_ref()
    }

    /// Up to and with which change one has everything, by conversation.
    pub fn places(&self) -> impl Iterator<Item = (&Name, Rev)> {
        self.places
            .iter()
            .map(|(topic, place)| (topic, place.have()))
    }

    /// Up to and with which change one has everything of `topic`, if anything is known of it.
    #[must_use]
    pub fn have(&self, topic: &Name) -> Option<Rev> {
        self.places.get(topic).map(Place::have)
    }

    /// Whether nothing is known to be missing: the last `sync` is through and every hole is filled.
    #[must_use]
    pub fn whole(&self) -> bool {
        !self.catching_up() && !self.places.values().any(Place::hole)
    }

    /// There is a new connection. What was on its way on the one before is forgotten.
    pub fn handle_connected(&mut self) {
        self.sync_due = true;
        self.syncing = None;
        self.sync_stalled = false;
        self.was_reset = false;
        // They were not delivered, so the next `sync` does not name them, and what is unread comes again.
        self.arrivals.clear();
        self.forget_requests();
    }

    /// Whether anything was refused for a passing reason: then [`Sync::handle_tick`] is waited for.
    #[must_use]
    pub fn stalled(&self) -> bool {
        self.sync_stalled || !self.stalled.is_empty()
    }

    /// About once a second: what was refused for a passing reason is asked again.
    pub fn handle_tick(&mut self) {
        self.sync_due |= std::mem::take(&mut self.sync_stalled);
        for topic in std::mem::take(&mut self.stalled) {
            self.want(&topic);
        }
    }

    /// A frame of the server.
    pub fn handle_event(&mut self, event: Event) {
        if let Some((topic, rev)) = event.log_place() {
            let topic = topic.clone();
            self.handle_change(topic, rev, event);
            return;
        }
        match event {
            Event::Ack(ack) => self.handle_ack(ack),
            Event::Gap(gap) => self.handle_gap(&gap),
            Event::Changes(page) => self.handle_page(page),
            Event::Synced(synced) => self.handle_synced(synced),
            Event::Error(error) => self.handle_error(error),
            other => {
                if let Event::Welcome(welcome) = &other {
                    self.handle_epoch(&welcome.epoch);
                }
                self.out.push_back(Delivery::Other(other));
            }
        }
    }

    /// What to say to the server next.
    pub fn poll_request(&mut self) -> Option<Request> {
        if self.sync_due {
            self.sync_due = false;
            let id = self.next_id();
            self.syncing = Some(id.clone());
            return Some(Request::new(id, Action::Sync(self.sync_action())));
        }
        while self.asked.len() < PAGES_AT_ONCE {
            let topic = self.line.pop_front()?;
            let Some(after) = self.places.get_mut(&topic).and_then(Place::ask) else {
                continue;
            };
            let action = Action::Changes(Changes {
                topic: topic.clone().into(),
                after,
                limit: Some(PAGE_CHANGES),
            });
            let id = self.next_id();
            self.asked.insert(id.clone(), topic);
            return Some(Request::new(id, action));
        }
        None
    }

    /// What to hand on next.
    pub fn poll_delivery(&mut self) -> Option<Delivery> {
        self.out.pop_front()
    }

    fn sync_action(&self) -> SyncAction {
        let places = self.places().take(limits::SYNC_NAMED_MAX);
        SyncAction {
            epoch: self.epoch.clone(),
            topics: places.map(|(topic, rev)| (topic.clone(), rev)).collect(),
        }
    }

    fn handle_change(&mut self, topic: Name, rev: Rev, event: Event) {
        if self.arriving(&topic) {
            let room = self.room();
            self.arrivals
                .entry(topic)
                .or_insert_with(|| Arrival::before(rev))
                .offer(rev, event, room);
            return;
        }
        self.know(&topic, rev.prev());
        let in_order = self.have(&topic).is_none_or(|have| rev <= have.next());
        let room = in_order || self.room();
        match self.places.get_mut(&topic) {
            Some(place) => place.offer(rev, event, room, &mut self.out),
            None => self.out.push_back(Delivery::Log(event)),
        }
        // While a `sync` is under way it fills the hole; after it, whatever is left is asked for.
        if !self.catching_up() {
            self.want(&topic);
        }
    }

    /// Of all acks only a publish's says when it was stored: it stands in the place of one's own message.
    /// That of a repeat stands anywhere, and the message comes as others do.
    fn handle_ack(&mut self, ack: Ack) {
        if let (Some(topic), Some(rev), Some(_), false) =
            (ack.topic.clone(), ack.rev, ack.sent_at, ack.dup)
        {
            self.handle_change(topic, rev, Event::Ack(ack.clone()));
        }
        self.out.push_back(Delivery::Other(Event::Ack(ack)));
    }

    fn handle_gap(&mut self, gap: &Gap) {
        if self.arriving(&gap.topic) {
            self.arrivals
                .entry(gap.topic.clone())
                .or_insert_with(|| Arrival::before(gap.from_rev))
                .hear_of(gap.from_rev, gap.to_rev);
            return;
        }
        self.know(&gap.topic, gap.from_rev.prev());
        if let Some(place) = self.places.get_mut(&gap.topic) {
            place.hear_of(gap.to_rev);
        }
        self.want(&gap.topic);
    }

    fn handle_page(&mut self, page: ChangesPage) {
        match page.id.as_ref().and_then(|id| self.asked.remove(id)) {
            Some(topic) => self.fill(&topic, page.frames, page.more),
            // Somebody else's question.
            None => self.out.push_back(Delivery::Other(Event::Changes(page))),
        }
    }

    fn fill(&mut self, topic: &Name, frames: Vec<Event>, more: bool) {
        if let Some(place) = self.places.get_mut(topic) {
            place.page(topic, frames, more, &mut self.out);
        }
        self.want(topic);
    }

    fn handle_synced(&mut self, synced: Synced) {
        if self.syncing.is_none() || synced.id != self.syncing {
            self.out.push_back(Delivery::Other(Event::Synced(synced)));
            return;
        }
        self.syncing = None;
        if synced.reset && !self.was_reset {
            // No greeting told us in time: what was skipped by the foreign numbers is asked for again.
            self.reset();
            self.sync_due = true;
            return;
        }
        for (topic, arrival) in std::mem::take(&mut self.arrivals) {
            self.places.insert(topic, arrival.settle(&mut self.out));
        }
        for conversation in &synced.conversations {
            // One that is not known begins when it is seen: had it something unread, that would have come.
            if self.stranger == Stranger::IsNew {
                self.know(&conversation.topic, Rev(0));
            }
            if let Some(place) = self.places.get_mut(&conversation.topic) {
                place.hear_of(conversation.rev);
            }
        }
        let topics: Vec<Name> = self.places.keys().cloned().collect();
        for topic in topics {
            self.want(&topic);
        }
        self.out.push_back(Delivery::Live(synced));
    }

    fn handle_error(&mut self, error: ErrorFrame) {
        if error.id.is_some() && error.id == self.syncing {
            self.syncing = None;
            self.sync_stalled = true;
            return;
        }
        let Some(topic) = error.id.as_ref().and_then(|id| self.asked.remove(id)) else {
            self.out.push_back(Delivery::Other(Event::Error(error)));
            return;
        };
        if error.code.outcome_unknown() || error.code == ErrorCode::RateLimited {
            if let Some(place) = self.places.get_mut(&topic) {
                place.forget_request();
            }
            self.stalled.push(topic);
        } else {
            // One may read it no more: nothing will fill the hole.
            self.fill(&topic, Vec::new(), false);
        }
    }

    /// A store that was restored from a copy counts anew.
    fn handle_epoch(&mut self, epoch: &Epoch) {
        if self.epoch.as_ref().is_some_and(|ours| ours != epoch) {
            self.reset();
        }
        self.epoch = Some(epoch.clone());
    }

    fn reset(&mut self) {
        self.places.clear();
        self.arrivals.clear();
        self.forget_requests();
        self.was_reset = true;
        // Whoever told us of every conversation told us of those of another store.
        self.stranger = Stranger::BeginsHere;
        self.out.push_back(Delivery::Reset);
    }

    fn forget_requests(&mut self) {
        self.asked.clear();
        self.line.clear();
        self.stalled.clear();
        self.places.values_mut().for_each(Place::forget_request);
    }

    /// Whether `topic` is to be watched until the `sync` is through, to see where it begins.
    fn arriving(&self, topic: &Name) -> bool {
        self.stranger == Stranger::BeginsHere
            && self.catching_up()
            && !self.places.contains_key(topic)
            && (self.arrivals.contains_key(topic) || !self.full())
    }

    /// Makes an entry for a conversation that nothing is known of: it begins after `begin`, or is to come as a whole.
    fn know(&mut self, topic: &Name, begin: Rev) {
        if self.places.contains_key(topic) || self.full() {
            return;
        }
        let have = match self.stranger {
            Stranger::BeginsHere => begin,
            Stranger::IsNew => Rev(0),
        };
        self.places.insert(topic.clone(), Place::at(have));
    }

    /// Beyond the number that one `sync` may name a conversation stays unknown, and its frames go through as they
    /// come; only a lying server has so many.
    fn full(&self) -> bool {
        self.places.len() + self.arrivals.len() >= limits::SYNC_NAMED_MAX
    }

    /// Whether more may wait for those before them.
    fn room(&self) -> bool {
        let above_holes: usize = self.places.values().map(Place::held_bytes).sum();
        let arriving: usize = self.arrivals.values().map(Arrival::held_bytes).sum();
        above_holes + arriving < HELD_BYTES_MAX
    }

    /// Gets `topic` in line for a page, if it needs one.
    fn want(&mut self, topic: &Name) {
        if self.places.get_mut(topic).is_some_and(Place::queue) {
            self.line.push_back(topic.clone());
        }
    }

    /// Whether a `sync` is to be sent or under way.
    const fn catching_up(&self) -> bool {
        self.sync_due || self.sync_stalled || self.syncing.is_some()
    }

    fn next_id(&mut self) -> MessageId {
        self.ids += 1;
        // Letters, a dash and digits are printable and few, so it parses.
        MessageId::parse(&format!("sync-{}", self.ids)).unwrap_or_else(|_| MessageId::generate())
    }
}
