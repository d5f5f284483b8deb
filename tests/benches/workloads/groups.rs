//! Groups: fan-out to many members, and what a busy one does to everybody else.

use super::pairs::connect_pair;
use super::{SETTLE, Workload};
use crate::crowd::Crowd;
use crate::load::{Outcome, Peer, closed_loop};
use crate::options::Options;
use crate::report::Report;
use crate::target::{Kind, Target};

/// Pairs beside the group.
const PAIRS: usize = 20;

/// So many senders with so many outstanding each.
pub(super) async fn fan_out(
    target: &mut Target,
    senders: usize,
    outstanding: usize,
    options: &Options,
) -> anyhow::Result<(Outcome, Option<Sayings>)> {
    let members = members(options);
    target.people(members).await?;
    let group = target.group(members).await?;
    let sockets = target.connect_each(0..members).await?;
    let peers = sockets.into_iter().enumerate().map(|(user, socket)| {
        let sends = (user < senders).then(|| (group.clone(), outstanding));
        Peer { socket, sends }
    });
    let peers = peers.collect();
    tokio::time::sleep(2 * SETTLE).await;
    if target.kind() != Kind::Nodes {
        let outcome = closed_loop(target, peers, options.measured()).await?;
        return Ok((outcome, None));
    }
    let before = Sayings::count(target).await?;
    let outcome = closed_loop(target, peers, options.measured()).await?;
    Ok((outcome, Some(Sayings::count(target).await?.since(&before))))
}

fn members(options: &Options) -> usize {
    options.pick(500, 60)
}

/// What went over the bus, for all nodes together.
pub(super) struct Sayings {
    said: f64,
    heard: f64,
    messages: f64,
}

impl Sayings {
    /// Until now.
    async fn count(target: &Target) -> anyhow::Result<Self> {
        Ok(Self {
            said: target.counted("chat_bus_said_total").await?,
            heard: target.counted("chat_bus_heard_total").await?,
            messages: target.counted(r#"chat_acks_total{dup="false"}"#).await?,
        })
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            said: self.said - before.said,
            heard: self.heard - before.heard,
            messages: self.messages - before.messages,
        }
    }

    /// Notes what there was of it for each message.
    pub(super) fn note(&self, workload: Workload, report: &mut Report) {
        let row = format!("{workload}: said on the bus a message");
        report.note(&row, Kind::Nodes, self.said / self.messages);
        report.goal(&row, "nodes 1");
        let row = format!("{workload}: copies heard a message");
        report.note(&row, Kind::Nodes, self.heard / self.messages);
    }
}

/// Pairs alone, and the same beside a group that is written to.
pub(super) async fn hot_group(
    target: &mut Target,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let members = members(options);
    target.people(members + 2 * PAIRS).await?;
    let alone = pairs_behind(target, members, options).await?;
    let group = target.group(members).await?;
    let ways = (0..members).map(|user| target.way(user)).collect();
    // Two who write: one on each node, where there are two.
    let crowd = Crowd::gather(ways, group, 2).await?;
    let beside = pairs_behind(target, members, options).await;
    let crowd = crowd.end().await;
    let (beside, crowd) = (beside?, crowd?);
    let mut figure = |what: &str, value| {
        report.note(&format!("n2 hot group, {what}"), target.kind(), value);
    };
    figure("its deliveries a second", crowd);
    figure("pairs alone: deliveries a second", alone.rate());
    figure("pairs beside it: deliveries a second", beside.rate());
    for (quantile, share) in [("p50", 0.50), ("p99", 0.99)] {
        let (alone, beside) = (alone.quantile_ms(share), beside.quantile_ms(share));
        figure(&format!("pairs alone: {quantile} ms"), alone);
        figure(&format!("pairs beside it: {quantile} ms"), beside);
        figure(&format!("{quantile} beside it / alone"), beside / alone);
    }
    for quantile in ["p50", "p99"] {
        report.goal(&format!("n2 hot group, {quantile} beside it / alone"), "2");
    }
    Ok(())
}

async fn pairs_behind(target: &Target, first: usize, options: &Options) -> anyhow::Result<Outcome> {
    let mut peers = Vec::new();
    for pair in 0..PAIRS {
        peers.extend(connect_pair(target, first, pair).await?);
    }
    tokio::time::sleep(SETTLE).await;
    closed_loop(target, peers, options.measured()).await
}
