//! Who is online, as connections come and go here and on other nodes: the pure machines behind a lock, and guards
//! that cannot forget to leave.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_proto::{Name, Time};
use tokio::sync::Notify;

use crate::change::UserId;
use crate::clock::{Clock, Millis};
use crate::nodes::{Moment, NodeId, Nodes, Output, Turn, Word};
use crate::presence::{self, Attendances, Departure};

/// What is to be told of somebody: whether they are there, or what they say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum About {
    Being,
    Status,
}

#[derive(Debug)]
struct People {
    /// Connections here, with a grace for those who come back.
    attendances: Attendances,
    /// Those who are here and on other nodes.
    nodes: Nodes,
    /// Names of those who are here.
    names: HashMap<UserId, Name>,
    /// What is to be told: of each user the latest coming or going, and apart from that whether they set a status; so it
    /// never grows beyond twice the users.
    turns: HashMap<(UserId, About), Turn>,
    /// When people were last there, as far as it is not written down; the latest of each.
    last_seen: HashMap<UserId, Time>,
}

/// Who is online.
#[derive(Debug, Clone)]
pub struct Attendance {
    /// Short sections, never across an await.
    people: Arc<Mutex<People>>,
    /// Somebody came, went or set a status here, or a node said something: [`Attendance::tick`] has work.
    pub(crate) moved: Arc<Notify>,
    /// There are turns to tell.
    pub(crate) turned: Arc<Notify>,
    clock: Arc<ClockRef>,
}

/// A clock that can be printed.
struct ClockRef(Arc<dyn Clock>);

impl std::fmt::Debug for ClockRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// What a node is to say, what its operator is to be told, and when to look again.
#[derive(Debug, Default)]
pub struct Tick {
    /// For all nodes.
    pub words: Vec<Word>,
    /// Nodes that came or went, and clocks that differ.
    pub news: Vec<Output>,
    /// When to tick again.
    pub next: Option<Millis>,
}

impl Attendance {
    /// Nobody yet.
    #[must_use]
    pub fn new(grace_ms: u64, own: NodeId, clock: Arc<dyn Clock>) -> Self {
        let people = People {
            attendances: Attendances::new(grace_ms),
            nodes: Nodes::new(own, grace_ms),
            names: HashMap::new(),
            turns: HashMap::new(),
            last_seen: HashMap::new(),
        };
        Self {
            people: Arc::new(Mutex::new(people)),
            moved: Arc::new(Notify::new()),
            turned: Arc::new(Notify::new()),
            clock: Arc::new(ClockRef(clock)),
        }
    }

    /// A foreground connection came; it is here until the guard is dropped.
    #[must_use]
    pub fn arrive(&self, user: UserId, name: &Name) -> Arrival {
        let mut people = self.people();
        people.names.insert(user, name.clone());
        people.attendances.handle_arrival(user);
        drop(people);
        self.moved.notify_one();
        Arrival {
            attendance: self.clone(),
            user,
            departure: Departure::Dropped,
        }
    }

    /// Somebody set a status here, and it is in the store.
    pub fn status(&self, user: UserId, name: &Name) {
        let moment = self.moment();
        let mut people = self.people();
        // Whoever came just now is known first.
        people.look(moment);
        people.nodes.handle_status(user, name.clone(), moment);
        drop(people);
        self.moved.notify_one();
    }

    /// Another node said something.
    pub fn hear(&self, from: NodeId, word: Word) {
        let moment = self.moment();
        self.people().nodes.handle_word(from, word, moment);
        self.moved.notify_one();
    }

    /// The bus to other nodes came or went.
    pub fn bus(&self, up: bool) {
        let moment = self.moment();
        self.people().nodes.handle_bus(up, moment);
        self.moved.notify_one();
    }

    /// The clock by which people come and go.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock.0)
    }

    /// This node.
    #[must_use]
    pub fn own(&self) -> NodeId {
        self.people().nodes.own()
    }

    /// The other nodes that are heard.
    #[must_use]
    pub fn others(&self) -> HashSet<NodeId> {
        self.people().nodes.others().collect()
    }

    /// Whether somebody is online, on any node.
    #[must_use]
    pub fn online(&self, user: UserId) -> bool {
        let people = self.people();
        people.attendances.online(user) || people.nodes.online(user)
    }

    /// Lets time pass. Turns that come of it are taken by [`Attendance::turns`].
    #[must_use]
    pub fn tick(&self) -> Tick {
        let moment = self.moment();
        let mut people = self.people();
        people.look(moment);
        let mut tick = Tick::default();
        while let Some(output) = people.nodes.poll_output() {
            match output {
                Output::Say(word) => tick.words.push(word),
                Output::Turn(turn) => {
                    people.turns.insert(key_of(&turn), turn);
                }
                Output::LastSeen(user, at) => people.was_seen(user, at),
                news => tick.news.push(news),
            }
        }
        let here = people.attendances.poll_timeout();
        tick.next = here.into_iter().chain(people.nodes.poll_timeout()).min();
        if !people.turns.is_empty() || !people.last_seen.is_empty() {
            self.turned.notify_one();
        }
        tick
    }

    /// Takes who came, went or set a status and was not told yet, and what is to be written down.
    #[must_use]
    pub fn turns(&self) -> Turns {
        let mut people = self.people();
        let mut turns: Vec<Turn> = people.turns.drain().map(|(_, turn)| turn).collect();
        turns.sort_by_key(Turn::user);
        let mut last_seen: Vec<_> = people.last_seen.drain().collect();
        last_seen.sort_unstable();
        Turns { turns, last_seen }
    }

    /// Takes back what could not be told or written, but for those of whom there is something newer.
    pub fn put_back(&self, untold: Turns) {
        let mut people = self.people();
        for turn in untold.turns {
            people.turns.entry(key_of(&turn)).or_insert(turn);
        }
        for (user, at) in untold.last_seen {
            people.was_seen(user, at);
        }
    }

    /// Everybody who is online here; for when the server stops, and nobody is told any more.
    #[must_use]
    pub fn everybody(&self) -> Vec<UserId> {
        self.people().names.keys().copied().collect()
    }

    fn moment(&self) -> Moment {
        let clock = &self.clock.0;
        Moment {
            now: clock.monotonic(),
            wall: clock.wall(),
        }
    }

    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who came, went or set a status, and when those who went were last there.
#[derive(Debug, Default)]
pub struct Turns {
    /// To be told to the connections here.
    pub turns: Vec<Turn>,
    /// To be written down.
    pub last_seen: Vec<(UserId, Time)>,
}

fn key_of(turn: &Turn) -> (UserId, About) {
    let about = match turn {
        Turn::Came(..) | Turn::Went(..) => About::Being,
        Turn::Set(..) => About::Status,
    };
    (turn.user(), about)
}

impl People {
    fn was_seen(&mut self, user: UserId, at: Time) {
        let latest = self.last_seen.entry(user).or_insert(at);
        *latest = (*latest).max(at);
    }

    /// Hands what happened here to the machine that knows all nodes, and time to both.
    fn look(&mut self, moment: Moment) {
        self.attendances.handle_timeout(moment.now);
        while let Some(turn) = self.attendances.poll_turn() {
            match turn {
                presence::Turn::Came(user) => {
                    if let Some(name) = self.names.get(&user) {
                        self.nodes.handle_arrival(user, name, moment);
                    }
                }
                presence::Turn::Went(user) => {
                    self.nodes.handle_departure(user, moment);
                    if !self.attendances.online(user) {
                        self.names.remove(&user);
                    }
                }
            }
        }
        self.nodes.handle_timeout(moment);
    }
}

/// A foreground connection that is here; dropping it leaves.
pub struct Arrival {
    attendance: Attendance,
    user: UserId,
    departure: Departure,
}

impl Arrival {
    /// Leaves without a grace, as the session ended.
    pub fn log_out(mut self) {
        self.departure = Departure::LoggedOut;
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let now = self.attendance.clock.0.monotonic();
        self.attendance
            .people()
            .attendances
            .handle_departure(self.user, self.departure, now);
        self.attendance.moved.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn r02_what_could_not_be_told_is_told_later_unless_something_newer_is() {
        let attendance = Attendance::new(0, NodeId(1), Arc::new(SystemClock::new()));
        let [ann, ben] = [UserId(1), UserId(2)];
        let name = |text: &str| -> Name { text.parse().expect("a name") };
        let here = attendance.arrive(ann, &name("ann"));
        let _there = attendance.arrive(ben, &name("ben"));
        let _ = attendance.tick();
        let untold = attendance.turns();
        assert_eq!(untold.turns.len(), 2);
        drop(here);
        let _ = attendance.tick();
        attendance.put_back(untold);
        let Turns { turns, last_seen } = attendance.turns();
        assert!(matches!(turns[0], Turn::Went(user, ..) if user == ann));
        assert_eq!(turns[1], Turn::Came(ben, name("ben")));
        assert_eq!(last_seen.len(), 1);
        assert!(attendance.turns().turns.is_empty());
    }
}
