//! How many connections there may be: in all, and of one address as long as they have not authenticated.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedSemaphorePermit;

use crate::auth::attempts::Origin;
use crate::limits;
use crate::metrics::{self, Alive};

/// Counts connections that have not authenticated, by address.
#[derive(Debug, Default)]
pub struct Gate {
    // A std Mutex: the sections are short and nothing is awaited in them.
    strangers: Mutex<HashMap<Origin, usize>>,
}

impl Gate {
    /// Lets a connection in. None: its address has too many strangers already.
    #[must_use]
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Stranger> {
        let origin = Origin::from(address);
        let mut strangers = self
            .strangers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = strangers.entry(origin).or_default();
        if *count >= limits::UNAUTHENTICATED_PER_ADDRESS_MAX {
            return None;
        }
        *count += 1;
        Some(Stranger {
            gate: Arc::clone(self),
            origin,
        })
    }
}

/// A connection that has not authenticated; dropping it makes room for another.
#[derive(Debug)]
pub struct Stranger {
    gate: Arc<Gate>,
    origin: Origin,
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut strangers = self
            .gate
            .strangers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = strangers.get_mut(&self.origin) {
            *count -= 1;
            if *count == 0 {
                strangers.remove(&self.origin);
            }
        }
    }
}

/// The other end of a connection, as requests on it see it.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    stranger: Arc<Mutex<Option<Stranger>>>,
    _place: Arc<Place>,
}

/// The place of a connection among all, kept also when it becomes a socket.
#[derive(Debug)]
struct Place {
    _permit: OwnedSemaphorePermit,
    _alive: Alive,
}

impl Peer {
    /// A connection from `address`, counted as a stranger if limits by address hold.
    #[must_use]
    pub fn new(address: IpAddr, stranger: Option<Stranger>, permit: OwnedSemaphorePermit) -> Self {
        Self {
            address,
            stranger: Arc::new(Mutex::new(stranger)),
            _place: Arc::new(Place {
                _permit: permit,
                _alive: Alive::new(metrics::CONNECTIONS),
            }),
        }
    }

    /// Somebody authenticated on this connection: it is no stranger, and counts to its user.
    pub fn authenticated(&self) {
        drop(self.take_stranger());
    }

    /// Takes over the place among the strangers, for a connection that outlives its request.
    #[must_use]
    pub fn take_stranger(&self) -> Option<Stranger> {
        self.stranger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[test]
    fn s02_an_address_has_so_many_strangers_and_no_more() {
        let gate = Arc::new(Gate::default());
        let here = IpAddr::from([127, 0, 0, 1]);
        let places = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
        let peer = |stranger: Option<Stranger>| {
            let permit = Arc::clone(&places).try_acquire_owned();
            assert!(stranger.is_some());
            Peer::new(here, stranger, permit.expect("there is room"))
        };
        let mut peers: Vec<_> = (0..limits::UNAUTHENTICATED_PER_ADDRESS_MAX)
            .map(|_| peer(gate.enter(here)))
            .collect();
        assert!(gate.enter(here).is_none());
        assert!(gate.enter(IpAddr::from([127, 0, 0, 2])).is_some());
        peers[0].authenticated();
        let stranger = gate.enter(here).expect("one authenticated");
        assert!(gate.enter(here).is_none());
        drop(stranger);
        peers.pop();
        assert!(gate.enter(here).is_some());
        peers.clear();
        assert!(gate.strangers.lock().expect("nobody panicked").is_empty());
    }
}
