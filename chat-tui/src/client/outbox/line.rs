//! The letters of one conversation that are to go: one at a time, in order.

use std::collections::BTreeSet;

use super::Place;
use crate::client::backoff::Backoff;
use crate::client::moment::Moment;

/// What is to go to one conversation.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// What is queued or on its way.
    places: BTreeSet<Place>,
    /// What is on its way, and until when its answer is waited for; always one of `places`.
    flying: Option<(Place, Moment)>,
    /// Nothing goes before: the server could not say what became of the last one.
    waits_until: Option<Moment>,
    backoff: Backoff,
}

impl Line {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn join(&mut self, place: Place) {
        self.places.insert(place);
    }

    /// It is stored, failed, dropped or asks.
    pub(super) fn leave(&mut self, place: Place) {
        self.places.remove(&place);
        if self.flies(place) {
            self.flying = None;
        }
        // What held the others up was this one.
        self.backoff = Backoff::default();
        self.waits_until = None;
    }

    /// The next one to go, if none is on its way.
    pub(super) fn ready(&self) -> Option<Place> {
        match self.flying {
            Some(_) => None,
            None => self.places.first().copied(),
        }
    }

    pub(super) fn fly(&mut self, place: Place, until: Moment) {
        debug_assert!(self.places.contains(&place), "only what is in line goes");
        self.flying = Some((place, until));
    }

    /// Nothing is on its way any more; what was.
    pub(super) fn land(&mut self) -> Option<Place> {
        self.flying.take().map(|(place, _)| place)
    }

    pub(super) fn flying(&self) -> Option<Place> {
        self.flying.map(|(place, _)| place)
    }

    pub(super) fn flies(&self, place: Place) -> bool {
        self.flying() == Some(place)
    }

    pub(super) fn answer_until(&self) -> Option<Moment> {
        self.flying.map(|(_, until)| until)
    }

    pub(super) fn overdue(&self, now: Moment) -> Option<Place> {
        self.flying
            .filter(|(_, until)| *until <= now)
            .map(|(place, _)| place)
    }

    pub(super) const fn waits_until(&self) -> Option<Moment> {
        self.waits_until
    }

    /// It is not known what became of the last one.
    pub(super) fn wait(&mut self, now: Moment, chance: f64) {
        self.waits_until = Some(now.plus(self.backoff.next_delay(now, chance)));
    }

    pub(super) fn handle_connected(&mut self) {
        self.waits_until = None;
    }

    /// Takes over how far `old`, the line of the same conversation before, was. Says what is on its way.
    pub(super) fn resume(&mut self, old: Self) -> Option<Place> {
        self.waits_until = old.waits_until;
        self.backoff = old.backoff;
        // What was on its way was put in before all others.
        let ((_, until), first) = old.flying.zip(self.places.first())?;
        self.flying = Some((*first, until));
        Some(*first)
    }
}
