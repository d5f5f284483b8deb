//! The keys that sign tokens, as far as this node knows them. Any node may add one, so the store is looked at again
//! before a key is called unknown, and before one signs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::token::Keyring;
use crate::clock::{Clock, Millis};
use crate::limits;
use crate::store::{Store, StoreError, StoreResult};

/// What is known, and how it came to be known.
struct Known {
    ring: Arc<Keyring>,
    /// How often the store was looked at. Grows when a look begins.
    looks: u64,
    /// When the last look began.
    looked_at: Millis,
    /// What came of it.
    outcome: StoreResult<()>,
}

pub(super) struct Keys {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    // A std Mutex: the sections are short and nothing is awaited in them.
    known: Mutex<Known>,
    /// One looks at a time; who waits for the turn shares what the look finds.
    turn: Semaphore,
}

impl Keys {
    /// Loads the keys; at the very first start it makes one. Nodes that start at the same moment each make one, and all
    /// of them are good.
    pub(super) async fn open(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> StoreResult<Self> {
        if store.signing_keys().await?.is_empty() {
            add_key(&*store, &*clock).await?;
        }
        let known = Known {
            looks: 0,
            looked_at: clock.monotonic(),
            ring: Arc::new(load(&*store).await?),
            outcome: Ok(()),
        };
        Ok(Self {
            store,
            clock,
            known: Mutex::new(known),
            turn: Semaphore::new(1),
        })
    }

    /// The keys, this one among them if it is a key. An unknown one costs a look at the store, which all who ask
    /// meanwhile share, at most one a second: a forger makes no load. Who comes within the second waits for its end, as
    /// a refusal would log out a user whose key is new.
    pub(super) async fn with(&self, kid: &str) -> StoreResult<Arc<Keyring>> {
        let (ring, looks) = self.known(|known| (Arc::clone(&known.ring), known.looks));
        if ring.knows(kid) {
            return Ok(ring);
        }
        let _turn = self.turn().await?;
        // A look that began after the question has the answer.
        let answered = self.known(|known| {
            let looked = known.looks > looks || known.ring.knows(kid);
            looked.then(|| known.outcome.clone().map(|()| Arc::clone(&known.ring)))
        });
        if let Some(answer) = answered {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(self.pause_ms())).await;
        self.look().await
    }

    /// The keys of which the first signs, as they were in the store a second ago or later. If the store is away, the
    /// keys known will do.
    pub(super) async fn newest(&self) -> Arc<Keyring> {
        if self.pause_ms() == 0
            && let Ok(_turn) = self.turn.try_acquire()
            && let Err(error) = self.look().await
        {
            tracing::debug!(%error, "could not look for new keys");
        }
        self.known(|known| Arc::clone(&known.ring))
    }

    /// A new key signs from here on, on other nodes within a second.
    pub(super) async fn rotate(&self) -> StoreResult<()> {
        add_key(&*self.store, &*self.clock).await?;
        let _turn = self.turn().await?;
        self.look().await.map(drop)
    }

    async fn turn(&self) -> StoreResult<SemaphorePermit<'_>> {
        let turn = self.turn.acquire().await;
        turn.map_err(|_| StoreError::Internal("the turns at the keys ended".to_owned()))
    }

    /// How long it is until the store may be looked at again.
    fn pause_ms(&self) -> u64 {
        let since = self.clock.monotonic();
        let since = self.known(|known| since.since(known.looked_at));
        limits::KEYS_LOOK_MS.saturating_sub(since)
    }

    /// Looks at the store. Only who has the turn does, so what is known never goes back.
    async fn look(&self) -> StoreResult<Arc<Keyring>> {
        let now = self.clock.monotonic();
        self.known(|known| {
            known.looks += 1;
            known.looked_at = now;
            // What is said of a look whose asker went away before its end.
            known.outcome = Err(StoreError::Unavailable("it gave up on this".to_owned()));
        });
        let found = load(&*self.store).await.map(Arc::new);
        self.known(|known| {
            known.outcome = match &found {
                Ok(ring) => {
                    known.ring = Arc::clone(ring);
                    Ok(())
                }
                Err(error) => Err(error.clone()),
            };
        });
        found
    }

    fn known<T>(&self, of: impl FnOnce(&mut Known) -> T) -> T {
        of(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Adds a key to a store, and forgets those whose tokens are gone.
async fn add_key(store: &dyn Store, clock: &dyn Clock) -> StoreResult<()> {
    let now = clock.wall();
    store
        .add_signing_key(
            Keyring::generate(now),
            now.plus_seconds(-limits::KEY_KEPT_S),
        )
        .await
}

async fn load(store: &dyn Store) -> StoreResult<Keyring> {
    Keyring::new(store.signing_keys().await?)
        .ok_or_else(|| StoreError::Internal("a key was added and is not there".to_owned()))
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
