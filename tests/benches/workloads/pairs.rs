//! Pairs of people: one to one, and whether it matters on which node they are.

use super::SETTLE;
use crate::load::{Outcome, Peer, closed_loop};
use crate::options::Options;
use crate::report::Report;
use crate::target::Target;

/// Each sender with so many outstanding.
pub(super) async fn one_to_one(
    target: &mut Target,
    outstanding: usize,
    options: &Options,
) -> anyhow::Result<Outcome> {
    let users = options.pick(200, 40);
    target.people(users).await?;
    let sockets = target.connect_each(0..users).await?;
    let peers = sockets.into_iter().enumerate().map(|(user, socket)| {
        // The even ones write, each to the odd one beside it.
        let sends = (user % 2 == 0).then(|| (target.name(user + 1).to_owned(), outstanding));
        Peer { socket, sends }
    });
    let peers = peers.collect();
    tokio::time::sleep(SETTLE).await;
    closed_loop(target, peers, options.measured()).await
}

/// Half of the pairs on one node, half on both, all in the same span of time.
pub(super) async fn cross_node(
    target: &mut Target,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let pairs = 12;
    target.people(2 * pairs).await?;
    let (mut here, mut across) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        let side = if pair % 2 == 0 {
            &mut here
        } else {
            &mut across
        };
        side.extend(connect_pair(target, 0, pair).await?);
    }
    tokio::time::sleep(SETTLE).await;
    let span = options.measured();
    let (here, across) = tokio::join!(
        closed_loop(target, here, span),
        closed_loop(target, across, span)
    );
    let (here, across) = (here?, across?);
    let mut figure = |what: &str, value| {
        report.note(&format!("n1 cross-node, {what}"), target.kind(), value);
    };
    for (quantile, share) in [("p50", 0.50), ("p99", 0.99)] {
        let (here, across) = (here.quantile_ms(share), across.quantile_ms(share));
        figure(&format!("same node: {quantile} ms"), here);
        figure(&format!("other node: {quantile} ms"), across);
    }
    figure("deliveries a second", here.rate() + across.rate());
    let added = across.quantile_ms(0.99) - here.quantile_ms(0.99);
    figure("ms added at p99", added);
    report.goal("n1 cross-node, ms added at p99", "nodes below 5");
    Ok(())
}

/// The users of a pair behind the first so many users, the first of them with one message outstanding. By turns both
/// are on one node and on two, and each node has as many writers and readers as the other.
pub(super) async fn connect_pair(
    target: &Target,
    first: usize,
    pair: usize,
) -> anyhow::Result<[Peer; 2]> {
    let (from, to) = (first + 2 * pair, first + 2 * pair + 1);
    let (writes, reads) = (pair / 2, pair / 2 + pair % 2);
    Ok([
        Peer {
            socket: target.way_to(writes, from).connect().await?,
            sends: Some((target.name(to).to_owned(), 1)),
        },
        Peer {
            socket: target.way_to(reads, to).connect().await?,
            sends: None,
        },
    ])
}
