//! Who is online, as connections come and go: the pure machine behind a lock, and guards that cannot forget to leave.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_proto::Name;
use tokio::sync::Notify;

use crate::change::UserId;
use crate::clock::{Clock, Millis};
use crate::presence::{Attendances, Departure, Turn};

#[derive(Debug)]
struct People {
    attendances: Attendances,
    names: HashMap<UserId, Name>,
}

/// Who is online.
#[derive(Debug, Clone)]
pub struct Attendance {
    /// Short sections, never across an await.
    people: Arc<Mutex<People>>,
    pub(crate) wake: Arc<Notify>,
}

impl Attendance {
    /// Nobody yet.
    #[must_use]
    pub fn new(grace_ms: u64) -> Self {
        let people = People {
            attendances: Attendances::new(grace_ms),
            names: HashMap::new(),
        };
        Self {
            people: Arc::new(Mutex::new(people)),
            wake: Arc::new(Notify::new()),
        }
    }

    /// A foreground connection came; it is here until the guard is dropped.
    #[must_use]
    pub fn arrive(&self, user: UserId, name: &Name, clock: Arc<dyn Clock>) -> Arrival {
        let mut people = self.people();
        people.names.insert(user, name.clone());
        people.attendances.handle_arrival(user);
        drop(people);
        self.wake.notify_one();
        Arrival {
            attendance: self.clone(),
            user,
            departure: Departure::Dropped,
            clock,
        }
    }

    /// Whether somebody is online.
    #[must_use]
    pub fn online(&self, user: UserId) -> bool {
        self.people().attendances.online(user)
    }

    /// Who came or went by now, and when to come again.
    #[must_use]
    pub fn turns(&self, now: Millis) -> (Vec<(Turn, Name)>, Option<Millis>) {
        let mut people = self.people();
        people.attendances.handle_timeout(now);
        let mut turns = Vec::new();
        while let Some(turn) = people.attendances.poll_turn() {
            let (Turn::Came(user) | Turn::Went(user)) = turn;
            turns.extend(people.names.get(&user).cloned().map(|name| (turn, name)));
        }
        for (Turn::Came(user) | Turn::Went(user), _) in &turns {
            if !people.attendances.online(*user) {
                people.names.remove(user);
            }
        }
        (turns, people.attendances.poll_timeout())
    }

    /// Everybody who is online; for when the server stops, and nobody is told any more.
    #[must_use]
    pub fn everybody(&self) -> Vec<UserId> {
        self.people().names.keys().copied().collect()
    }

    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A foreground connection that is here; dropping it leaves.
pub struct Arrival {
    attendance: Attendance,
    user: UserId,
    departure: Departure,
    clock: Arc<dyn Clock>,
}

impl Arrival {
    /// Leaves without a grace, as the session ended.
    pub fn log_out(mut self) {
        self.departure = Departure::LoggedOut;
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let now = self.clock.monotonic();
        self.attendance
            .people()
            .attendances
            .handle_departure(self.user, self.departure, now);
        self.attendance.wake.notify_one();
    }
}
