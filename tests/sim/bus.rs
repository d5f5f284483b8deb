//! A bus that does what a bus may do: lose, double, reorder. Or nothing of that, in half of the worlds.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chat_proto::{Epoch, SessionId};
use chat_server::bus::{Bus, BusError, Interest, Notice, Reach};
use chat_server::change::UserId;
use chat_server::nodes::Word;
use chat_server::router::Router;

/// How a world treats its notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// All arrive, once and in order, at the moment of the commit; nobody looks into the store for lost ones.
    Calm,
    /// Some are lost, some come twice, and they overtake each other; a slow tick finds what was lost.
    Storm,
}

/// Notices under way, each to one user.
pub(crate) struct SimBus {
    weather: Weather,
    router: Arc<Router>,
    under_way: Mutex<Vec<(UserId, Notice)>>,
}

impl SimBus {
    pub(crate) fn new(weather: Weather, router: Arc<Router>) -> Self {
        Self {
            weather,
            router,
            under_way: Mutex::new(Vec::new()),
        }
    }

    /// One notice that is under way meets its fate.
    pub(crate) fn carry_one(&self, rng: &mut fastrand::Rng) {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if under_way.is_empty() {
            return;
        }
        let at = rng.usize(..under_way.len());
        let (user, notice) = if rng.u8(..10) == 0 {
            under_way[at].clone()
        } else {
            under_way.swap_remove(at)
        };
        drop(under_way);
        if rng.u8(..10) > 0 {
            self.router.offer(&[user], &notice);
        }
    }

    /// The wind drops: what is under way is lost.
    pub(crate) fn clear(&self) {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

#[async_trait]
impl Bus for SimBus {
    async fn start(&self, _life: &Epoch) -> Result<(), BusError> {
        Ok(())
    }

    fn publish(&self, to: Arc<[UserId]>, notice: &Notice) {
        match self.weather {
            Weather::Calm => self.router.offer(&to, notice),
            Weather::Storm => {
                let mut under_way = self
                    .under_way
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                under_way.extend(to.iter().map(|user| (*user, notice.clone())));
            }
        }
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
        self.weather == Weather::Calm
    }

    fn reach(&self) -> Reach {
        Reach::Alone
    }

    async fn stop(&self) {}
}
