//! The bus of a server that is alone: straight into the mailboxes, nothing lost.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use chat_proto::{Epoch, SessionId};

use super::{Bus, BusError, Interest, Notice, Reach};
use crate::change::UserId;
use crate::nodes::Word;
use crate::router::Router;

/// Straight into the mailboxes.
pub struct LocalBus {
    router: Arc<Router>,
}

impl LocalBus {
    /// Into the mailboxes of `router`.
    #[must_use]
    pub const fn new(router: Arc<Router>) -> Self {
        Self { router }
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn start(&self, _life: &Epoch) -> Result<(), BusError> {
        Ok(())
    }

    fn publish(&self, to: Arc<[UserId]>, notice: &Notice) {
        self.router.offer(&to, notice);
    }

    fn offer_here(&self, to: &[UserId], notice: &Notice) {
        self.router.offer(to, notice);
    }

    fn say(&self, _word: &Word) {}

    async fn attend(&self, _user: UserId) -> Interest {
        Interest::none()
    }

    async fn elsewhere(&self, _user: UserId) -> HashSet<SessionId> {
        HashSet::new()
    }

    fn reliable(&self) -> bool {
        true
    }

    fn reach(&self) -> Reach {
        Reach::Alone
    }

    async fn stop(&self) {}
}
