//! What nodes say to each other about themselves: words that may be lost, come twice and overtake each other.

use std::fmt;

use chat_proto::{Name, SessionId, Time};
use serde::{Deserialize, Serialize};

use super::statuses::StatusSet;
use crate::change::UserId;

/// One run of a node. A node that starts again is another one, so that its counts never go back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({self})")
    }
}

/// What a node says. Its arrivals, departures and statuses are counted without gaps (`version`), so that a listener
/// that lost one knows it, and asks for the whole roll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// It lives.
    Beat {
        /// How many arrivals, departures and statuses it has counted.
        version: u64,
        /// How many people are there.
        people: usize,
        /// What its wall clock shows.
        wall: Time,
    },
    /// A person is there.
    Came {
        /// The number of this arrival.
        version: u64,
        /// Who.
        user: UserId,
        /// Their name.
        name: Name,
    },
    /// A person is there no more.
    Went {
        /// The number of this departure.
        version: u64,
        /// Who.
        user: UserId,
        /// When.
        at: Time,
    },
    /// A person who is on any node set a status there.
    Status(StatusSet),
    /// Asks a node who is there.
    Ask {
        /// Which node.
        of: NodeId,
    },
    /// A page of who is there.
    Roll {
        /// How many arrivals, departures and statuses it had counted.
        version: u64,
        /// Which page, from 0.
        page: usize,
        /// How many pages there are; never 0.
        pages: usize,
        /// Those on this page.
        people: Vec<(UserId, Name)>,
        /// The latest statuses, on the first page.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        statuses: Vec<StatusSet>,
    },
    /// Asks all nodes which sessions of a user have a connection there.
    Where {
        /// Whose.
        user: UserId,
        /// The number of the question, at that node.
        number: u64,
    },
    /// The answer, of every node that is asked.
    Here {
        /// Which node asked.
        asked: NodeId,
        /// The number of its question.
        number: u64,
        /// The sessions; mostly none.
        sessions: Vec<SessionId>,
    },
    /// It heard nobody for so long: what is not counted is to be said again.
    Deaf {
        /// Milliseconds.
        ms: u64,
    },
    /// It stops, as it was asked to; its people come back elsewhere, or are gone after the grace.
    Farewell,
}
