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
    /// To all nodes.
    Nodes,
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
    /// Hears what is published to a user from here on, also over connections to come.
    async fn subscribe(&self, user: UserId);
    /// Hears it no more.
    async fn unsubscribe(&self, user: UserId);
    /// Waits until the other end knows of the subscriptions before. Whoever calls gives it a deadline.
    async fn settle(&self);
    /// Lets go of the connection, after what waits has left.
    async fn stop(&self);
}

/// The subject of a user.
pub(super) fn user_subject(prefix: &str, user: UserId) -> String {
    format!("{prefix}.user.{}", user.0)
}

/// The subject that all nodes hear.
pub(super) fn nodes_subject(prefix: &str) -> String {
    format!("{prefix}.nodes")
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
    fn a_life_of_any_name_makes_one_word_of_a_subject() {
        assert_eq!(prefix(&Epoch("a.b>c *d-1".to_owned())), "chat.a-b-c--d-1");
    }
}
