//! The bus of a server that is alone: straight into the mailboxes, nothing lost.

use std::sync::Arc;

use super::{Bus, Notice};
use crate::change::UserId;
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

impl Bus for LocalBus {
    fn publish(&self, to: &[UserId], notice: &Notice) {
        self.router.offer(to, notice);
    }

    fn reliable(&self) -> bool {
        true
    }
}
