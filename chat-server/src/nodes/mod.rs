//! Which nodes there are, and who is on them: pure. Each node computes the presence of everybody from what it hears,
//! and tells its own connections only of a change; nobody coordinates.
//!
//! A node beats every few seconds and counts its arrivals, departures and statuses. Who hears a count with a gap before
//! it asks for the roll; a node that is silent for too long is dead, and its people with it. While the bus is away nobody is
//! heard, so nobody is judged: the presence of other nodes stands still.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chat_proto::{Name, Time};

use self::peer::{Move, Peer};
use self::statuses::{StatusSet, Statuses};
pub use self::word::{NodeId, Word};
use crate::change::UserId;
use crate::clock::Millis;
use crate::limits::{
    CLOCKS_APART_MAX_S, NODE_ASK_MS, NODE_BEAT_MS, NODE_BEAT_SOON_MS, NODE_BEATS_SOON,
    NODE_LEASE_MS, NODE_ROLL_PAGE, NODES_MAX,
};
use crate::mutant::mutant;

mod peer;
mod statuses;
#[cfg(test)]
mod tests;
mod word;

/// A moment on both clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moment {
    /// On the clock that never steps.
    pub now: Millis,
    /// On the wall.
    pub wall: Time,
}

/// Somebody came, went or set a status, seen over all nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// They are on a node, and were on none.
    Came(UserId, Name),
    /// They are on no node any more, since then; `None`: that is in the store.
    Went(UserId, Name, Option<Time>),
    /// They are on some node, and set a status on one.
    Set(UserId, Name),
}

impl Turn {
    /// Whom it is about.
    #[must_use]
    pub const fn user(&self) -> UserId {
        match self {
            Self::Came(user, _) | Self::Went(user, ..) | Self::Set(user, _) => *user,
        }
    }
}

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Say this to all nodes.
    Say(Word),
    /// Tell the connections here.
    Turn(Turn),
    /// Write down that somebody was last there then: they left this node, or a node that died. Also if they are on
    /// another, as they may leave that at the same moment.
    LastSeen(UserId, Time),
    /// A node is there that was not.
    NodeCame(NodeId),
    /// A node is there no more.
    NodeWent(NodeId),
    /// The wall clocks of a node and of this one are so many seconds apart.
    ClocksApart(NodeId, i64),
}

/// Whether other nodes can be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hearing {
    /// There is no bus.
    Alone,
    /// The bus is there.
    Well,
    /// The bus is away.
    Deaf,
}

/// Which nodes there are, and who is on them.
#[derive(Debug)]
pub struct Nodes {
    own: NodeId,
    /// How long the people of a node that said farewell have to come back elsewhere.
    grace_ms: u64,
    hearing: Hearing,
    /// Arrivals, departures and statuses here.
    version: u64,
    statuses: Statuses,
    here: BTreeMap<UserId, Name>,
    peers: BTreeMap<NodeId, Peer>,
    /// On how many other nodes somebody is; never 0.
    elsewhere: HashMap<UserId, usize>,
    beat_at: Millis,
    /// Beats that are still to follow soon after the next one.
    soon: u32,
    /// When the roll is to be told, if somebody asked.
    roll_at: Option<Millis>,
    roll_told: Option<Millis>,
    /// When time was last looked at.
    looked: Millis,
    outputs: VecDeque<Output>,
}

impl Nodes {
    /// Nobody but this node, which has no bus yet.
    #[must_use]
    pub fn new(own: NodeId, grace_ms: u64) -> Self {
        Self {
            own,
            grace_ms,
            hearing: Hearing::Alone,
            version: 0,
            statuses: Statuses::default(),
            here: BTreeMap::new(),
            peers: BTreeMap::new(),
            elsewhere: HashMap::new(),
            beat_at: Millis(0),
            soon: 0,
            roll_at: None,
            roll_told: None,
            looked: Millis(0),
            outputs: VecDeque::new(),
        }
    }

    /// This node.
    #[must_use]
    pub const fn own(&self) -> NodeId {
        self.own
    }

    /// Whether somebody is on any node.
    #[must_use]
    pub fn online(&self, user: UserId) -> bool {
        self.here.contains_key(&user) || self.elsewhere.contains_key(&user)
    }

    /// The other nodes that live, as far as this one hears.
    pub fn others(&self) -> impl Iterator<Item = NodeId> {
        self.peers.keys().copied()
    }

    /// The bus came or went.
    pub fn handle_bus(&mut self, up: bool, moment: Moment) {
        if up && self.hearing != Hearing::Well {
            self.hearing = Hearing::Well;
            // Nobody could be heard meanwhile, so everybody has their whole time again.
            for peer in self.peers.values_mut().filter(|peer| !peer.left) {
                peer.until = moment.now.plus(NODE_LEASE_MS);
            }
            self.beat(moment);
        } else if !up && self.hearing == Hearing::Well {
            self.hearing = Hearing::Deaf;
        }
    }

    /// Somebody is here.
    pub fn handle_arrival(&mut self, user: UserId, name: &Name, moment: Moment) {
        if self.here.insert(user, name.clone()).is_some() {
            return;
        }
        self.version += 1;
        self.say(Word::Came {
            version: self.version,
            user,
            name: name.clone(),
        });
        self.beat_soon(moment);
        if !self.elsewhere.contains_key(&user) {
            self.turn(Turn::Came(user, name.clone()));
        }
    }

    /// Somebody is here no more.
    pub fn handle_departure(&mut self, user: UserId, moment: Moment) {
        let Some(name) = self.here.remove(&user) else {
            return;
        };
        self.version += 1;
        self.say(Word::Went {
            version: self.version,
            user,
            at: moment.wall,
        });
        self.beat_soon(moment);
        self.outputs.push_back(Output::LastSeen(user, moment.wall));
        if !self.elsewhere.contains_key(&user) {
            self.turn(Turn::Went(user, name, Some(moment.wall)));
        }
    }

    /// Somebody who may be anywhere set a status here, and it is in the store.
    pub fn handle_status(&mut self, user: UserId, name: Name, moment: Moment) {
        self.version += 1;
        let set = StatusSet {
            version: self.version,
            user,
            name: name.clone(),
        };
        self.statuses.keep(set.clone());
        self.say(Word::Status(set));
        self.beat_soon(moment);
        self.status_set(user, name);
    }

    /// Another node said something.
    pub fn handle_word(&mut self, from: NodeId, word: Word, moment: Moment) {
        if from == self.own || !self.knows(from, moment) {
            return;
        }
        let now = moment.now;
        let Some(peer) = self.peers.get_mut(&from).filter(|peer| !peer.left) else {
            return;
        };
        peer.heard = now;
        peer.until = now.plus(NODE_LEASE_MS);
        match word {
            Word::Beat {
                version,
                people,
                wall,
            } => {
                peer.handle_beat(version, people, now);
                self.compare_clocks(from, wall, moment);
            }
            Word::Ask { of } if of == self.own => {
                // One roll answers all who ask within a moment.
                let earliest = self.roll_told.map_or(now, |told| told.plus(NODE_ASK_MS));
                self.roll_at.get_or_insert(earliest.max(now));
            }
            // What connections there are, and marks, are no business of this machine.
            Word::Ask { .. } | Word::Where { .. } | Word::Here { .. } | Word::Deaf { .. } => {}
            Word::Farewell => {
                peer.left = true;
                peer.until = now.plus(self.grace_ms);
            }
            news
            @ (Word::Came { .. } | Word::Went { .. } | Word::Status(_) | Word::Roll { .. }) => {
                let moves = peer.handle_news(news, now);
                moves.into_iter().for_each(|moved| self.apply(moved));
            }
        }
    }

    /// Whether a node is known, after it was heard of.
    fn knows(&mut self, from: NodeId, moment: Moment) -> bool {
        if self.peers.contains_key(&from) {
            return true;
        }
        if self.peers.len() >= NODES_MAX {
            return false;
        }
        let peer = Peer::new(moment.now, moment.now.plus(NODE_LEASE_MS));
        self.peers.insert(from, peer);
        self.outputs.push_back(Output::NodeCame(from));
        // It does not know of this one, and need not wait for the next beat.
        self.beat_at = moment.now;
        true
    }

    fn compare_clocks(&mut self, from: NodeId, theirs: Time, moment: Moment) {
        let apart = theirs.seconds().saturating_sub(moment.wall.seconds());
        if let Some(peer) = self.peers.get_mut(&from)
            && apart.abs() > CLOCKS_APART_MAX_S
            && !std::mem::replace(&mut peer.clock_told, true)
        {
            self.outputs.push_back(Output::ClocksApart(from, apart));
        }
    }

    fn apply(&mut self, moved: Move) {
        match moved {
            Move::Came(user, name) => {
                let nodes = self.elsewhere.entry(user).or_default();
                *nodes += 1;
                if *nodes == 1 && !self.here.contains_key(&user) {
                    self.turn(Turn::Came(user, name));
                }
            }
            Move::Went(user, name, at) => self.went_elsewhere(user, name, at),
            Move::Set(user, name) => self.status_set(user, name),
        }
    }

    /// Of somebody who is nowhere nothing is told: it is read when they come.
    fn status_set(&mut self, user: UserId, name: Name) {
        if self.online(user) {
            self.turn(Turn::Set(user, name));
        }
    }

    fn went_elsewhere(&mut self, user: UserId, name: Name, at: Option<Time>) {
        let Some(nodes) = self.elsewhere.get_mut(&user) else {
            return;
        };
        *nodes -= 1;
        if *nodes > 0 {
            return;
        }
        self.elsewhere.remove(&user);
        if !self.here.contains_key(&user) {
            self.turn(Turn::Went(user, name, at));
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, moment: Moment) {
        let now = moment.now;
        if self.hearing == Hearing::Well {
            // Who slept has heard nobody, and cannot judge the silence of others.
            if now.since(self.looked) > 2 * NODE_BEAT_MS && !mutant("sleepers_judge") {
                for peer in self.peers.values_mut().filter(|peer| !peer.left) {
                    peer.until = peer.until.max(now.plus(2 * NODE_BEAT_MS));
                }
            }
            if self.beat_at <= now {
                self.beat(moment);
            }
            self.ask_those_behind(now);
            if self.roll_at.is_some_and(|at| at <= now) {
                self.tell_roll(now);
            }
        }
        self.looked = now;
        self.bury(moment);
    }

    fn ask_those_behind(&mut self, now: Millis) {
        if mutant("nobody_asks_for_the_roll") {
            return;
        }
        let due = |peer: &&mut Peer| !peer.left && peer.ask_at.is_some_and(|at| at <= now);
        let mut asked = Vec::new();
        for (node, peer) in &mut self.peers {
            if due(&peer) {
                peer.ask_at = Some(now.plus(NODE_ASK_MS));
                asked.push(*node);
            }
        }
        for of in asked {
            self.say(Word::Ask { of });
        }
    }

    fn tell_roll(&mut self, now: Millis) {
        self.roll_at = None;
        self.roll_told = Some(now);
        let people: Vec<_> = self
            .here
            .iter()
            .map(|(user, name)| (*user, name.clone()))
            .collect();
        let pages = people.len().div_ceil(NODE_ROLL_PAGE).max(1);
        for page in 0..pages {
            let first = page * NODE_ROLL_PAGE;
            let last = people.len().min(first + NODE_ROLL_PAGE);
            self.say(Word::Roll {
                version: self.version,
                page,
                pages,
                people: people[first..last].to_vec(),
                statuses: match page {
                    0 => self.statuses.all(),
                    _ => Vec::new(),
                },
            });
        }
    }

    /// Forgets the nodes whose time is over, and says that their people went.
    fn bury(&mut self, moment: Moment) {
        let judges = self.hearing == Hearing::Well || mutant("the_deaf_judge");
        let judges = judges && !mutant("silence_is_life");
        let dead = |peer: &Peer| peer.until <= moment.now && (judges || peer.left);
        let over: Vec<NodeId> = self
            .peers
            .iter()
            .filter(|(_, peer)| dead(peer))
            .map(|(node, _)| *node)
            .collect();
        for node in over {
            let Some(peer) = self.peers.remove(&node) else {
                continue;
            };
            self.outputs.push_back(Output::NodeWent(node));
            let silent_s = moment.now.since(peer.heard) / 1_000;
            let silent_s = i64::try_from(silent_s).unwrap_or(i64::MAX);
            let heard = moment.wall.plus_seconds(-silent_s);
            for (user, name) in peer.into_people() {
                self.outputs.push_back(Output::LastSeen(user, heard));
                self.went_elsewhere(user, name, Some(heard));
            }
        }
    }

    /// When [`Nodes::handle_timeout`] wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Millis> {
        let hears = self.hearing == Hearing::Well;
        let of_peer = |peer: &Peer| {
            let dead = (hears || peer.left).then_some(peer.until);
            let ask = peer.ask_at.filter(|_| hears && !peer.left);
            dead.into_iter().chain(ask).min()
        };
        let own = hears.then_some(self.beat_at);
        let roll = self.roll_at.filter(|_| hears);
        self.peers
            .values()
            .filter_map(of_peer)
            .chain(own)
            .chain(roll)
            .min()
    }

    /// What the driver is to do next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn beat(&mut self, moment: Moment) {
        let pause = match self.soon {
            0 => NODE_BEAT_MS,
            _ => NODE_BEAT_SOON_MS,
        };
        self.soon = self.soon.saturating_sub(1);
        self.beat_at = moment.now.plus(pause);
        self.say(Word::Beat {
            version: self.version,
            people: self.here.len(),
            wall: moment.wall,
        });
    }

    /// Beats follow a change soon, so that one that was lost is missed soon.
    fn beat_soon(&mut self, moment: Moment) {
        self.soon = if mutant("one_beat_must_do") {
            0
        } else {
            NODE_BEATS_SOON - 1
        };
        self.beat_at = self.beat_at.min(moment.now.plus(NODE_BEAT_SOON_MS));
    }

    /// What is said while the bus is away is lost, and made good by the first beat after it.
    fn say(&mut self, word: Word) {
        if self.hearing == Hearing::Well {
            self.outputs.push_back(Output::Say(word));
        }
    }

    fn turn(&mut self, turn: Turn) {
        self.outputs.push_back(Output::Turn(turn));
    }
}
