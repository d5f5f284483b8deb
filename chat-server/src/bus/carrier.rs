//! What a bus between nodes needs of the messaging system below it: very little, and no promise that it keeps it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chat_proto::Epoch;
use tokio::sync::{mpsc, watch};

use super::BusError;
use super::recent::To;
use crate::change::UserId;
use crate::limits::{BUS_PAUSE_MAX_MS, BUS_PAUSE_MIN_MS};
use crate::mutant::mutant;

/// To whom a payload goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Audience {
    /// To the nodes where these users are.
    Users(Arc<[UserId]>),
    /// To all nodes with a connection.
    Crowd,
    /// To all nodes.
    Nodes,
}

impl Audience {
    /// The addresses to which a copy goes.
    pub(super) fn addresses(&self) -> impl Iterator<Item = To> {
        let (users, one) = match self {
            Self::Users(users) => (&users[..], None),
            Self::Crowd => (&[][..], Some(To::Crowd)),
            Self::Nodes => (&[][..], Some(To::Nodes)),
        };
        users.iter().copied().map(To::User).chain(one)
    }
}

/// A payload did not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost;

/// Where a carrier puts what it hears.
#[derive(Debug)]
pub(super) struct Ears {
    /// What came. Bounded: while it is full the carrier does not read.
    pub(super) inbox: mpsc::Sender<(To, Bytes)>,
    /// Whether the connection is there.
    pub(super) up: watch::Sender<bool>,
}

/// A messaging system with subjects.
#[async_trait]
pub(super) trait Carrier: Send + Sync {
    /// Connects, and goes on connecting whenever the connection is lost. All subjects stand below `life`.
    async fn start(&self, life: &Epoch, ears: Ears) -> Result<(), BusError>;
    /// Puts a payload on its way.
    async fn publish(&self, audience: &Audience, payload: Bytes) -> Result<(), Lost>;
    /// Hears what is published to an address from here on, also over connections to come.
    async fn subscribe(&self, to: To);
    /// Hears it no more.
    async fn unsubscribe(&self, to: To);
    /// Waits until the other end knows of the subscriptions before. Whoever calls gives it a deadline.
    async fn settle(&self);
    /// Lets go of the connection, after what waits has left.
    async fn stop(&self);
}

/// The subject of an address.
pub(super) fn subject(prefix: &str, to: To) -> String {
    match to {
        To::User(user) => format!("{prefix}.user.{}", user.0),
        To::Crowd => format!("{prefix}.crowd"),
        To::Nodes => format!("{prefix}.nodes"),
    }
}

/// The address of a subject.
pub(super) fn addressee(prefix: &str, subject: &str) -> Option<To> {
    let name = subject.strip_prefix(prefix)?.strip_prefix('.')?;
    match name {
        "crowd" => Some(To::Crowd),
        "nodes" => Some(To::Nodes),
        _ => {
            let user = name.strip_prefix("user.")?.parse().ok()?;
            Some(To::User(UserId(user)))
        }
    }
}

/// What all subjects of a cluster begin with: the life of its store, so that clusters that share a server do not mix.
/// Only letters, digits and dashes, whatever the life is called.
pub(super) fn prefix(life: &Epoch) -> String {
    if mutant("clusters_mix") {
        return "chat.all".to_owned();
    }
    let word: String = life
        .as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    format!("chat.{word}")
}

/// The pause before the `tries`-th try to connect: it doubles, with jitter, so that nodes do not come back in step.
pub(super) fn pause(tries: usize) -> Duration {
    let doublings = u32::try_from(tries.saturating_sub(1)).map_or(10, |tries| tries.min(10));
    let whole = (BUS_PAUSE_MIN_MS << doublings).min(BUS_PAUSE_MAX_MS);
    Duration::from_millis(fastrand::u64(whole / 2..=whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_have_an_end() {
        for tries in [0, 1, 2, 5, 10, 1_000, usize::MAX] {
            let pause = pause(tries);
            assert!(
                pause >= Duration::from_millis(BUS_PAUSE_MIN_MS / 2),
                "{tries}"
            );
            assert!(pause <= Duration::from_millis(BUS_PAUSE_MAX_MS), "{tries}");
        }
        assert!(pause(50) >= Duration::from_millis(BUS_PAUSE_MAX_MS / 2));
    }

    #[test]
    fn a_subject_is_read_as_it_was_written() {
        for to in [To::User(UserId(7)), To::Crowd, To::Nodes] {
            assert_eq!(addressee("chat.x", &subject("chat.x", to)), Some(to));
        }
        for none in ["chat.x", "chat.x.user.y", "chat.y.nodes", "chat.x.else"] {
            assert_eq!(addressee("chat.x", none), None);
        }
    }

    #[test]
    fn a_life_of_any_name_makes_one_word_of_a_subject() {
        assert_eq!(prefix(&Epoch("a.b>c *d-1".to_owned())), "chat.a-b-c--d-1");
    }
}
