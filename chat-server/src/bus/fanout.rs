//! Into the mailboxes of the connections here; what concerns very many, in its order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::Notice;
use super::order::{Addressed, Order};
use crate::change::UserId;
use crate::clock::{Clock, Millis};
use crate::limits::CROWD_MIN;
use crate::mutant::mutant;
use crate::router::Router;

/// Into the mailboxes here.
pub(super) struct Fanout {
    router: Arc<Router>,
    clock: Arc<dyn Clock>,
    /// Whether other nodes are heard.
    up: watch::Receiver<bool>,
    /// Never across an await. Mailboxes are filled inside it, so that nobody overtakes: all large conversations wait for one
    /// that is being told.
    order: Mutex<Order>,
    /// A hole is waited for.
    wake: Notify,
}

impl Fanout {
    pub(super) fn new(
        router: Arc<Router>,
        clock: Arc<dyn Clock>,
        up: watch::Receiver<bool>,
    ) -> Self {
        Self {
            router,
            clock,
            up,
            order: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Puts what concerns very many, or a part of them, into their mailboxes, or keeps it for a moment until what is before
    /// it has come.
    pub(super) fn offer_crowd(&self, to: &Arc<[UserId]>, notice: &Notice) {
        let Notice::Change(change) = notice else {
            return self.offer(to, notice);
        };
        let addressed = Addressed {
            change: Arc::clone(change),
            to: Arc::clone(to),
        };
        let mut order = self.order();
        order.handle_change(addressed, self.now());
        if !*self.up.borrow() && !mutant("crowds_wait_for_a_bus_that_is_away") {
            order.handle_bus_away();
        }
        self.deliver(&mut order);
        if order.poll_timeout().is_some() {
            self.wake.notify_one();
        }
    }

    /// Puts a notice into the mailboxes of `to`.
    pub(super) fn offer(&self, to: &[UserId], notice: &Notice) {
        if let Notice::Head(conversation, rev) = notice {
            // Who reads up to there from the store needs nothing of it.
            let mut order = self.order();
            order.handle_head(*conversation, *rev);
            self.deliver(&mut order);
        }
        self.router.offer(to, notice);
    }

    /// Gives up on what does not come, at its time.
    pub(super) async fn keep_time(self: Arc<Self>) {
        loop {
            let next = self.order().poll_timeout();
            let Some(next) = next else {
                self.wake.notified().await;
                continue;
            };
            let ms = next.since(self.now()).max(1);
            tokio::time::sleep(Duration::from_millis(ms)).await;
            let mut order = self.order();
            order.handle_timeout(self.now());
            self.deliver(&mut order);
        }
    }

    fn deliver(&self, order: &mut Order) {
        while let Some(Addressed { change, to }) = order.poll_ready() {
            self.router.offer(&to, &Notice::Change(change));
        }
    }

    fn now(&self) -> Millis {
        self.clock.monotonic()
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether so many are concerned that a notice goes to all nodes at once.
pub(super) fn is_crowd(to: &[UserId]) -> bool {
    to.len() >= CROWD_MIN
}
