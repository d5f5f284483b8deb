//! What is to be heard of here, as connections come and go: their users, and crowds as long as there is anybody.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::carrier::Carrier;
use super::recent::To;
use crate::change::UserId;
use crate::limits;
use crate::mutant::mutant;

/// What is to be heard of here.
#[derive(Default)]
pub(super) struct Interests {
    /// Short sections, never across an await.
    counts: Mutex<Counts>,
    wake: Notify,
    /// The last generation that the carrier knows of.
    known: watch::Sender<u64>,
}

#[derive(Default)]
struct Counts {
    /// Connections here that want to hear an address; never 0.
    wanted: HashMap<To, usize>,
    /// Addresses whose first connection came or whose last one went, and of which the carrier does not know.
    changed: HashSet<To>,
    /// Counts the changes.
    generation: u64,
}

impl Counts {
    fn come(&mut self, to: To) {
        let connections = self.wanted.entry(to).or_default();
        *connections += 1;
        if *connections == 1 {
            self.changed.insert(to);
            self.generation += 1;
        }
    }

    fn go(&mut self, to: To) {
        let Some(connections) = self.wanted.get_mut(&to) else {
            return;
        };
        *connections -= 1;
        if *connections == 0 {
            self.wanted.remove(&to);
            self.changed.insert(to);
            self.generation += 1;
        }
    }
}

impl Interests {
    /// A connection of a user came; gives the generation that the carrier is to know.
    pub(super) fn come(&self, user: UserId) -> u64 {
        let mut counts = self.counts();
        counts.come(To::User(user));
        counts.come(To::Crowd);
        let generation = counts.generation;
        drop(counts);
        self.wake.notify_one();
        generation
    }

    /// One went.
    pub(super) fn go(&self, user: UserId) {
        if mutant("who_left_is_listened_for") {
            return;
        }
        let mut counts = self.counts();
        counts.go(To::User(user));
        counts.go(To::Crowd);
        drop(counts);
        self.wake.notify_one();
    }

    /// Waits until the carrier knows of a generation.
    pub(super) async fn known(&self, generation: u64) {
        let mut known = self.known.subscribe();
        // It ends when the bus stops, and then nobody needs to know.
        let _ = known.wait_for(|known| *known >= generation).await;
    }

    /// Tells the carrier what is to be heard of: many changes at once, after one look.
    pub(super) async fn follow(self: Arc<Self>, carrier: Arc<dyn Carrier>) {
        loop {
            self.wake.notified().await;
            let (changes, generation) = self.take();
            if changes.is_empty() {
                continue;
            }
            for (to, wanted) in changes {
                if wanted {
                    carrier.subscribe(to).await;
                } else {
                    carrier.unsubscribe(to).await;
                }
            }
            // While the bus is away nothing settles. Nobody waits longer for it than this: the next connection to it
            // subscribes anew, and what is missed meanwhile is found in the store.
            let _ = tokio::time::timeout(limits::BUS_ATTEND_WAIT, carrier.settle()).await;
            self.known.send_replace(generation);
        }
    }

    /// What the carrier is to be told: what is to be heard of, what no more, and the generation that this is.
    fn take(&self) -> (Vec<(To, bool)>, u64) {
        let mut counts = self.counts();
        let changed = std::mem::take(&mut counts.changed);
        let wanted = |to| (to, counts.wanted.contains_key(&to));
        (changed.into_iter().map(wanted).collect(), counts.generation)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
