//! Nodes, database and bus killed, stopped, frozen and cut off under load, and nothing that was acked is ever lost.

use std::net::SocketAddr;
use std::time::Duration;

use chat_tests::{Cluster, Lossy, skip};
use nix::sys::signal::Signal;

use crate::run::{Run, World, under_faults};

impl World for Cluster {
    fn address(&self) -> SocketAddr {
        self.balancer.address()
    }

    fn doors(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    /// The faults of a run end with themselves; the nodes begin anew with what the database has.
    async fn heal(&mut self) {
        for node in &mut self.nodes {
            node.kill9().await;
            node.restart().await;
        }
    }

    fn silent(&self) -> usize {
        30
    }
}

/// Two nodes with wires that can be cut, or a word on why there are none.
async fn two_nodes(test: &str) -> Option<Cluster> {
    started(test, Cluster::setup(2).wires()).await
}

async fn started(test: &str, setup: chat_tests::cluster::Setup) -> Option<Cluster> {
    let cluster = setup.start().await;
    if cluster.is_none() {
        skip(test, "PostgreSQL, NATS or Redis is missing");
    }
    cluster
}

/// A fault is a length of time: what is away tells nothing that one could wait for.
async fn lasts(run: &mut Run<Cluster>, ms: std::ops::Range<u64>) {
    let ms = run.random(ms);
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// One of the nodes.
fn any_node(run: &mut Run<Cluster>) -> usize {
    let nodes = run.world.nodes.len() as u64;
    usize::try_from(run.random(0..nodes)).expect("a small number")
}

async fn kill_a_node(run: &mut Run<Cluster>) {
    let node = any_node(run);
    run.world.nodes[node].kill9().await;
    lasts(run, 0..1000).await;
    run.world.nodes[node].restart().await;
}

async fn freeze_a_node(run: &mut Run<Cluster>) {
    let node = any_node(run);
    run.world.nodes[node].signal(Signal::SIGSTOP);
    lasts(run, 100..2000).await;
    run.world.nodes[node].signal(Signal::SIGCONT);
}

async fn kill_the_database(run: &mut Run<Cluster>) {
    run.world.postgres.kill9();
    lasts(run, 0..1000).await;
    run.world.postgres.restart().await;
}

async fn stop_the_database_in_the_middle_of_a_commit(run: &mut Run<Cluster>) {
    run.world.postgres.stop_immediate().await;
    run.world.postgres.restart().await;
}

async fn freeze_the_database(run: &mut Run<Cluster>) {
    run.world.postgres.signal(Signal::SIGSTOP);
    lasts(run, 100..2000).await;
    run.world.postgres.signal(Signal::SIGCONT);
}

async fn kill_the_bus(run: &mut Run<Cluster>) {
    run.world.bus.kill9();
    lasts(run, 0..1500).await;
    run.world.bus.restart().await;
}

async fn freeze_the_bus(run: &mut Run<Cluster>) {
    run.world.bus.signal(Signal::SIGSTOP);
    lasts(run, 100..2000).await;
    run.world.bus.signal(Signal::SIGCONT);
}

async fn part_the_nodes(run: &mut Run<Cluster>) {
    let node = any_node(run);
    let ways = run.random(0..3);
    let wire = run.world.bus_wire(node);
    match ways {
        0 => wire.cut(),
        1 => wire.silence(),
        _ => wire.deafen(),
    }
    lasts(run, 500..3000).await;
    run.world.bus_wire(node).heal();
}

async fn part_a_node_from_the_database(run: &mut Run<Cluster>) {
    let node = any_node(run);
    let ways = run.random(0..3);
    let wire = run.world.store_wire(node);
    match ways {
        0 => wire.cut(),
        1 => wire.silence(),
        _ => wire.deafen(),
    }
    lasts(run, 500..3000).await;
    run.world.store_wire(node).heal();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c04_nothing_acked_is_lost_when_a_node_is_killed() {
    let Some(cluster) = two_nodes("c04, nodes killed").await else {
        return;
    };
    let report = under_faults("a node is killed", cluster, 3, kill_a_node).await;
    assert!(report.cut_off > 0, "no send was hit: {report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c04_nothing_acked_is_lost_when_a_node_stands_still() {
    let Some(cluster) = two_nodes("c04, nodes frozen").await else {
        return;
    };
    under_faults("a node is frozen", cluster, 3, freeze_a_node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c05_nothing_acked_is_lost_when_the_database_is_killed() {
    let Some(cluster) = two_nodes("c05, database killed").await else {
        return;
    };
    under_faults(
        "the database is killed",
        cluster,
        3,
        async |run| match run.random(0..3) {
            0 => kill_the_database(run).await,
            1 => stop_the_database_in_the_middle_of_a_commit(run).await,
            _ => freeze_the_database(run).await,
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c03_nothing_is_lost_when_the_bus_is_killed() {
    let Some(cluster) = two_nodes("c03, bus killed").await else {
        return;
    };
    under_faults("the bus is killed", cluster, 3, async |run| {
        match run.random(0..2) {
            0 => kill_the_bus(run).await,
            _ => freeze_the_bus(run).await,
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c03_nothing_is_lost_when_nodes_do_not_hear_each_other() {
    let Some(cluster) = two_nodes("c03, nodes parted").await else {
        return;
    };
    under_faults("nodes are parted", cluster, 3, part_the_nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c05_nothing_acked_is_lost_when_a_node_cannot_reach_the_database() {
    let Some(cluster) = two_nodes("c05, node cut off").await else {
        return;
    };
    let name = "a node is cut off from the database";
    under_faults(name, cluster, 3, part_a_node_from_the_database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c03_a_bus_that_loses_doubles_and_reorders_loses_and_doubles_nothing() {
    let setup = Cluster::setup(3).lossy(Lossy::setup());
    let Some(cluster) = started("c03, unkind bus", setup).await else {
        return;
    };
    under_faults("the bus is unkind", cluster, 3, async |run| {
        let before = run.world.bus.unkind().faults();
        run.more_acks(300).await;
        let after = run.world.bus.unkind().faults();
        let fired = (after.lost - before.lost) * (after.doubled - before.doubled);
        assert!(fired > 0, "{after:?} after {before:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c07_nothing_is_lost_on_redis_either() {
    let setup = Cluster::setup(2).redis().wires();
    let Some(cluster) = started("c07 under faults", setup).await else {
        return;
    };
    under_faults("all of it on Redis", cluster, 3, async |run| {
        match run.random(0..4) {
            0 => kill_a_node(run).await,
            1 => kill_the_bus(run).await,
            2 => freeze_the_bus(run).await,
            _ => part_the_nodes(run).await,
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c01_nothing_is_lost_whatever_happens_to_three_nodes() {
    let setup = Cluster::setup(3).lossy(Lossy::setup()).wires().durable();
    let Some(cluster) = started("c01 under faults", setup).await else {
        return;
    };
    under_faults("whatever happens", cluster, 5, async |run| {
        match run.random(0..9) {
            0 => kill_a_node(run).await,
            1 => freeze_a_node(run).await,
            2 => kill_the_database(run).await,
            3 => stop_the_database_in_the_middle_of_a_commit(run).await,
            4 => freeze_the_database(run).await,
            5 => kill_the_bus(run).await,
            6 => freeze_the_bus(run).await,
            7 => part_the_nodes(run).await,
            _ => part_a_node_from_the_database(run).await,
        }
    })
    .await;
}
