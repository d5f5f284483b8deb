//! Another node, from what it says: pure. Who is there is known up to a version; what comes early waits for what
//! is missing, and what stays missing is asked for.

use std::collections::BTreeMap;

use chat_proto::{Name, Time};

use super::statuses::StatusSet;
use super::word::Word;
use crate::change::UserId;
use crate::clock::Millis;
use crate::limits::{NODE_CONTRADICTED_MAX, NODE_EARLY_MAX, NODE_GAP_MS, NODE_ROLL_PAGES_MAX};
use crate::mutant::mutant;

/// Somebody came to or went from a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Move {
    /// They are there.
    Came(UserId, Name),
    /// They are there no more, since then, if that was told.
    Went(UserId, Name, Option<Time>),
    /// They set a status there.
    Set(UserId, Name),
}

/// What waits for something earlier.
#[derive(Debug)]
enum Early {
    Came(UserId, Name),
    Went(UserId, Time),
    Set(UserId, Name),
}

/// The pages of a roll that have come.
#[derive(Debug)]
struct Gathered {
    version: u64,
    statuses: Vec<StatusSet>,
    pages: Vec<Option<Vec<(UserId, Name)>>>,
}

/// Another node.
#[derive(Debug)]
pub(super) struct Peer {
    /// When it was last heard of.
    pub(super) heard: Millis,
    /// When it counts as dead.
    pub(super) until: Millis,
    /// Whether it said farewell; whatever comes after that is late.
    pub(super) left: bool,
    /// Whether it was told that its clock is off.
    pub(super) clock_told: bool,
    /// When to ask it for its roll, if something is missing.
    pub(super) ask_at: Option<Millis>,
    /// Up to where its arrivals, departures and statuses are known without a gap; `None`: not at all yet.
    version: Option<u64>,
    /// How many it has counted, as far as it was heard; never below `version`.
    head: u64,
    /// Beats in a row that said less.
    contradicted: u32,
    people: BTreeMap<UserId, Name>,
    /// Above `version`, and never the one right after it.
    early: BTreeMap<u64, Early>,
    gathered: Option<Gathered>,
}

impl Peer {
    /// A node that was heard of for the first time.
    pub(super) const fn new(now: Millis, until: Millis) -> Self {
        Self {
            heard: now,
            until,
            left: false,
            clock_told: false,
            ask_at: None,
            version: None,
            head: 0,
            contradicted: 0,
            people: BTreeMap::new(),
            early: BTreeMap::new(),
            gathered: None,
        }
    }

    /// Who is there, as far as it is known.
    pub(super) fn into_people(self) -> BTreeMap<UserId, Name> {
        self.people
    }

    /// It lives, and says how many it has counted.
    pub(super) fn handle_beat(&mut self, version: u64, people: usize, now: Millis) {
        if version < self.head {
            // An old beat that was overtaken; so many are none, and what was said in its name is not true.
            self.contradicted += 1;
            if self.contradicted < NODE_CONTRADICTED_MAX || mutant("a_forged_count_is_for_ever") {
                return;
            }
            self.version = None;
            self.head = version;
            self.early.clear();
            self.gathered = None;
        }
        self.contradicted = 0;
        self.head = self.head.max(version);
        // What waits may be a status, which is told also where nobody is.
        if self.version.is_none() && people == 0 && self.early.is_empty() {
            self.version = Some(version);
            self.early.retain(|number, _| *number > version);
        }
        if self.version == Some(version) && self.people.len() != people {
            // Two counts that cannot both be true: everything is asked for anew.
            self.version = None;
        }
        self.ask_if_behind(now);
    }

    /// Somebody came or went there, or a page of its roll came; what it tells about people, in order.
    pub(super) fn handle_news(&mut self, word: Word, now: Millis) -> Vec<Move> {
        let mut moves = Vec::new();
        match word {
            Word::Came {
                version,
                user,
                name,
            } => self.keep(version, Early::Came(user, name)),
            Word::Went { version, user, at } => self.keep(version, Early::Went(user, at)),
            Word::Status(StatusSet {
                version,
                user,
                name,
            }) => self.keep(version, Early::Set(user, name)),
            roll @ Word::Roll { .. } => self.gather(roll, &mut moves),
            _ => {}
        }
        self.catch_up(&mut moves);
        self.ask_if_behind(now);
        moves
    }

    fn keep(&mut self, version: u64, early: Early) {
        self.head = self.head.max(version);
        if mutant("counts_are_not_looked_at") {
            self.version = Some(version.saturating_sub(1));
        }
        // What does not fit is in the roll that is asked for.
        if Some(version) > self.version && self.early.len() < NODE_EARLY_MAX {
            self.early.insert(version, early);
        }
    }

    /// Takes what waited for its turn.
    fn catch_up(&mut self, moves: &mut Vec<Move>) {
        while let Some(version) = self.version
            && let next = version.saturating_add(1)
            && let Some(early) = self.early.remove(&next)
        {
            self.version = Some(next);
            match early {
                Early::Came(user, name) => {
                    if self.people.insert(user, name.clone()).is_none() {
                        moves.push(Move::Came(user, name));
                    }
                }
                Early::Went(user, at) => {
                    if let Some(name) = self.people.remove(&user) {
                        moves.push(Move::Went(user, name, Some(at)));
                    }
                }
                Early::Set(user, name) => moves.push(Move::Set(user, name)),
            }
        }
    }

    fn gather(&mut self, roll: Word, moves: &mut Vec<Move>) {
        let Word::Roll {
            version,
            page,
            pages,
            people,
            statuses,
        } = roll
        else {
            return;
        };
        self.head = self.head.max(version);
        if Some(version) <= self.version || page >= pages || pages > NODE_ROLL_PAGES_MAX {
            return;
        }
        let gathered = match &mut self.gathered {
            Some(gathered) if gathered.version == version && gathered.pages.len() == pages => {
                gathered
            }
            other => other.insert(Gathered {
                version,
                statuses: Vec::new(),
                pages: vec![None; pages],
            }),
        };
        gathered.pages[page] = Some(people);
        if page == 0 {
            gathered.statuses = statuses;
        }
        if gathered.pages.iter().all(Option::is_some)
            && let Some(whole) = self.gathered.take()
        {
            self.install(version, whole, moves);
        }
    }

    /// The roll replaces what was known.
    fn install(&mut self, version: u64, whole: Gathered, moves: &mut Vec<Move>) {
        let roll: BTreeMap<UserId, Name> = whole.pages.into_iter().flatten().flatten().collect();
        let before = std::mem::replace(&mut self.people, roll);
        for (user, name) in &self.people {
            if !before.contains_key(user) {
                moves.push(Move::Came(*user, name.clone()));
            }
        }
        for (user, name) in before {
            if !self.people.contains_key(&user) {
                // When exactly is in the store.
                moves.push(Move::Went(user, name, None));
            }
        }
        for StatusSet {
            version,
            user,
            name,
        } in whole.statuses
        {
            if Some(version) > self.version && !mutant("the_roll_has_no_statuses") {
                moves.push(Move::Set(user, name));
            }
        }
        self.version = Some(version);
        self.early.retain(|number, _| *number > version);
    }

    fn ask_if_behind(&mut self, now: Millis) {
        if self.version == Some(self.head) {
            self.ask_at = None;
        } else if self.ask_at.is_none() {
            // What is only late comes meanwhile.
            self.ask_at = Some(now.plus(NODE_GAP_MS));
        }
    }
}
