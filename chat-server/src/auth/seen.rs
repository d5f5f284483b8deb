//! When sessions were last seen: gathered here and written behind, as a write for each request would cost more than the request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chat_proto::{SessionId, Time};

use crate::limits;
use crate::store::Store;

/// Sights that are not written yet. Losing them at a crash costs nobody anything.
#[derive(Debug, Default)]
pub(super) struct Seen {
    // A std Mutex: the sections are short and nothing is awaited in them.
    waiting: Mutex<HashMap<SessionId, Time>>,
}

impl Seen {
    /// A session was seen.
    pub(super) fn note(&self, session: &SessionId, now: Time) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = waiting.get_mut(session) {
            *at = now.max(*at);
        } else if waiting.len() < limits::SEEN_MAX {
            waiting.insert(session.clone(), now);
        }
    }

    /// Writes what waits. If the store is away it is dropped: the next sight says more.
    pub(super) async fn write(&self, store: &dyn Store) {
        let waiting: Vec<_> = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.drain().collect()
        };
        if waiting.is_empty() {
            return;
        }
        if let Err(error) = store.touch_sessions(&waiting).await {
            tracing::debug!(%error, "could not write when sessions were last seen");
        }
    }
}
