//! Who is online, from what this server sees: pure, told only on a change.
//!
//! A person is online from their first foreground connection on, and offline a grace after the last one went, so
//! that a quick reconnect shows nothing; after a log-out they are offline at once.

use std::collections::{BTreeMap, VecDeque};

use crate::change::UserId;
use crate::clock::Millis;

/// A person came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The first foreground connection is there.
    Came(UserId),
    /// The last one is gone, and so is the grace.
    Went(UserId),
}

/// Why a connection went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It may come back.
    Dropped,
    /// Its session ended.
    LoggedOut,
}

#[derive(Debug)]
enum Attendance {
    Here { connections: usize },
    Leaving { until: Millis },
}

/// Who is online.
#[derive(Debug)]
pub struct Attendances {
    grace_ms: u64,
    people: BTreeMap<UserId, Attendance>,
    turns: VecDeque<Turn>,
}

impl Attendances {
    /// Nobody; with a grace for those who reconnect.
    #[must_use]
    pub const fn new(grace_ms: u64) -> Self {
        Self {
            grace_ms,
            people: BTreeMap::new(),
            turns: VecDeque::new(),
        }
    }

    /// A foreground connection came.
    pub fn handle_arrival(&mut self, user: UserId) {
        match self.people.get_mut(&user) {
            Some(Attendance::Here { connections }) => *connections += 1,
            Some(leaving) => *leaving = Attendance::Here { connections: 1 },
            None => {
                self.people
                    .insert(user, Attendance::Here { connections: 1 });
                self.turns.push_back(Turn::Came(user));
            }
        }
    }

    /// A foreground connection went.
    pub fn handle_departure(&mut self, user: UserId, departure: Departure, now: Millis) {
        let Some(Attendance::Here { connections }) = self.people.get_mut(&user) else {
            return;
        };
        *connections -= 1;
        if *connections > 0 {
            return;
        }
        let grace_ms = if departure == Departure::LoggedOut {
            0
        } else {
            self.grace_ms
        };
        self.people.insert(
            user,
            Attendance::Leaving {
                until: now.plus(grace_ms),
            },
        );
        self.handle_timeout(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Millis) {
        let gone = |attendance: &Attendance| matches!(attendance, Attendance::Leaving { until } if *until <= now);
        let left: Vec<UserId> = self
            .people
            .iter()
            .filter(|(_, a)| gone(a))
            .map(|(user, _)| *user)
            .collect();
        for user in left {
            self.people.remove(&user);
            self.turns.push_back(Turn::Went(user));
        }
    }

    /// Whether a person is online.
    #[must_use]
    pub fn online(&self, user: UserId) -> bool {
        self.people.contains_key(&user)
    }

    /// The next turn to tell.
    pub fn poll_turn(&mut self) -> Option<Turn> {
        self.turns.pop_front()
    }

    /// When [`Attendances::handle_timeout`] wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Millis> {
        let until = |attendance: &Attendance| match attendance {
            Attendance::Leaving { until } => Some(*until),
            Attendance::Here { .. } => None,
        };
        self.people.values().filter_map(until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: UserId = UserId(1);

    fn turns(people: &mut Attendances) -> Vec<Turn> {
        std::iter::from_fn(|| people.poll_turn()).collect()
    }

    #[test]
    fn r01_only_the_first_arrival_and_the_last_departure_are_told() {
        let mut people = Attendances::new(5_000);
        people.handle_arrival(ANN);
        people.handle_arrival(ANN);
        people.handle_departure(ANN, Departure::Dropped, Millis(10));
        assert_eq!(turns(&mut people), [Turn::Came(ANN)]);
        people.handle_departure(ANN, Departure::Dropped, Millis(10));
        assert_eq!(people.poll_timeout(), Some(Millis(5_010)));
        people.handle_timeout(Millis(5_009));
        assert_eq!(turns(&mut people), []);
        people.handle_timeout(Millis(5_010));
        assert_eq!(turns(&mut people), [Turn::Went(ANN)]);
    }

    #[test]
    fn r02_a_quick_reconnect_shows_no_flap_and_a_log_out_no_grace() {
        let mut people = Attendances::new(5_000);
        people.handle_arrival(ANN);
        people.handle_departure(ANN, Departure::Dropped, Millis(0));
        people.handle_arrival(ANN);
        people.handle_timeout(Millis(60_000));
        assert_eq!(turns(&mut people), [Turn::Came(ANN)]);
        people.handle_departure(ANN, Departure::LoggedOut, Millis(60_000));
        assert_eq!(turns(&mut people), [Turn::Went(ANN)]);
    }
}
