//! Who is here: from a user to the mailboxes of their connections.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_proto::SessionId;

use crate::bus::{ConnectionTag, Notice};
use crate::change::UserId;
use crate::limits::CONNECTIONS_PER_USER_MAX;
use crate::mailbox::{Ending, Mailbox};

/// A connection as the router knows it.
#[derive(Debug)]
struct Present {
    tag: ConnectionTag,
    session: SessionId,
    mailbox: Arc<Mailbox>,
}

/// The connections of everybody, and whether the server stops.
#[derive(Debug, Default)]
struct Users {
    connections: HashMap<UserId, Vec<Present>>,
    stopping: bool,
}

/// Who is here.
#[derive(Debug, Default)]
pub struct Router {
    /// Short sections, never across an await. Mailboxes are locked inside it, and never the other way round.
    users: Mutex<Users>,
    last_tag: AtomicU64,
}

/// Why a connection cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinError {
    /// The user has as many as allowed.
    TooMany,
    /// The server stops.
    Stopping,
}

impl Router {
    /// Adds a connection; it is here until the guard is dropped.
    ///
    /// # Errors
    /// Too many connections of this user, or the server stops.
    pub fn join(self: &Arc<Self>, user: UserId, session: SessionId) -> Result<Guard, JoinError> {
        let tag = ConnectionTag(self.last_tag.fetch_add(1, Ordering::Relaxed) + 1);
        let mailbox = Arc::new(Mailbox::default());
        let mut users = self.users();
        if users.stopping {
            return Err(JoinError::Stopping);
        }
        let connections = users.connections.entry(user).or_default();
        if connections.len() >= CONNECTIONS_PER_USER_MAX {
            return Err(JoinError::TooMany);
        }
        connections.push(Present {
            tag,
            session,
            mailbox: mailbox.clone(),
        });
        drop(users);
        Ok(Guard {
            router: self.clone(),
            user,
            tag,
            mailbox,
        })
    }

    /// Puts a notice into the mailboxes of all connections of `to`.
    pub fn offer(&self, to: &[UserId], notice: &Notice) {
        let users = self.users();
        for connection in to
            .iter()
            .filter_map(|user| users.connections.get(user))
            .flatten()
        {
            match notice {
                Notice::SessionEnded(session) if connection.session == *session => {
                    connection.mailbox.end(Ending::SessionEnded);
                }
                Notice::SessionEnded(_) => {}
                notice => connection.mailbox.offer(notice),
            }
        }
    }

    /// The sessions of a user that have a connection here.
    #[must_use]
    pub fn sessions_of(&self, user: UserId) -> Vec<SessionId> {
        let users = self.users();
        let connections = users.connections.get(&user).into_iter().flatten();
        connections.map(|c| c.session.clone()).collect()
    }

    /// The sessions that have a connection here, each once, and whose they are.
    #[must_use]
    pub fn sessions(&self) -> HashMap<SessionId, UserId> {
        let users = self.users();
        let all = users.connections.iter();
        all.flat_map(|(user, connections)| connections.iter().map(|c| (c.session.clone(), *user)))
            .collect()
    }

    /// Tells every connection that the server stops; none joins after it.
    pub fn stop(&self) {
        let mut users = self.users();
        users.stopping = true;
        for connection in users.connections.values().flatten() {
            connection.mailbox.end(Ending::Stopping);
        }
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.users().connections.values().map(Vec::len).sum()
    }

    fn leave(&self, user: UserId, tag: ConnectionTag) {
        let mut users = self.users();
        if let Some(connections) = users.connections.get_mut(&user) {
            connections.retain(|connection| connection.tag != tag);
            if connections.is_empty() {
                users.connections.remove(&user);
            }
        }
    }

    fn users(&self) -> MutexGuard<'_, Users> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is here; dropping it leaves.
#[derive(Debug)]
pub struct Guard {
    router: Arc<Router>,
    user: UserId,
    /// Which connection.
    pub tag: ConnectionTag,
    /// What is told to it.
    pub mailbox: Arc<Mailbox>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.router.leave(self.user, self.tag);
    }
}
