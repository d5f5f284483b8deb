//! What a node does while the database or the bus is away, and that all of it comes back by itself.

use std::time::Duration;

use chat_proto::ErrorCode;
use chat_tests::{Cluster, eventually};
use nix::sys::signal::Signal;

use crate::world::{ready, sockets, started, until_ready};

/// How long a send may hang before it must say that the database is away.
const ANSWER: Duration = Duration::from_secs(8);

/// Sends one with an id until it is acked, and gives its number.
async fn sent_at_last(socket: &mut chat_tests::TestClient, id: &str) -> u64 {
    let ack = eventually("sends are acked again", async || {
        socket.send_as(id, "ben", id).await.ok()
    });
    ack.await.seq.expect("a number").0
}

#[tokio::test]
async fn c05_while_the_database_is_away_nothing_is_acked() {
    let Some(mut cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let [mut a, mut b] = sockets(&cluster, [(&ann, 0), (&ben, 1)]).await;
    a.send_as("first", "ben", "first").await.expect("an ack");
    b.expect_text("first").await;
    for round in 0..2 {
        if round == 0 {
            cluster.postgres.kill9();
        } else {
            cluster.postgres.stop_immediate().await;
        }
        let id = format!("away-{round}");
        let refused = tokio::time::timeout(ANSWER, a.send_as(&id, "ben", &id)).await;
        let refused = refused.expect("an answer in time").expect_err("no ack");
        assert_eq!(refused.code, ErrorCode::Unavailable);
        let read = cluster.on(1, &ben).get("/v1/messages?topic=ann").await;
        read.refused(503, "unavailable");
        for node in 0..2 {
            assert_eq!(until_ready(&cluster, node, "store", "down").await, 503);
        }
        a.roundtrip().await;
        cluster.postgres.restart().await;
        sent_at_last(&mut a, &id).await;
        b.expect_text(&id).await;
        for node in 0..2 {
            assert_eq!(until_ready(&cluster, node, "store", "ok").await, 200);
        }
    }
    assert_eq!(ben.texts("ann").await, ["first", "away-0", "away-1"]);
}

#[tokio::test]
async fn c05_a_database_that_stands_still_is_away_too() {
    let Some(cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let [mut a, _b] = sockets(&cluster, [(&ann, 0), (&ben, 1)]).await;
    a.send_as("first", "ben", "first").await.expect("an ack");
    cluster.postgres.signal(Signal::SIGSTOP);
    let refused = tokio::time::timeout(ANSWER, a.send_as("still", "ben", "still")).await;
    let refused = refused.expect("an answer in time").expect_err("no ack");
    assert_eq!(refused.code, ErrorCode::Unavailable);
    assert_eq!(until_ready(&cluster, 0, "store", "down").await, 503);
    cluster.postgres.signal(Signal::SIGCONT);
    // Whether the first try was stored or not, it is there once.
    assert_eq!(sent_at_last(&mut a, "still").await, 2);
    assert_eq!(ben.texts("ann").await, ["first", "still"]);
}

#[tokio::test]
async fn c05_a_node_that_alone_lost_the_database_says_so_and_the_other_serves() {
    let Some(cluster) = started(Cluster::setup(2).wires()).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let [mut a, mut b] = sockets(&cluster, [(&ann, 0), (&ben, 1)]).await;
    for way in ["cut", "silent", "half-open"] {
        let wire = cluster.store_wire(0);
        match way {
            "cut" => wire.cut(),
            "silent" => wire.silence(),
            _ => wire.deafen(),
        }
        let told = tokio::time::timeout(
            Duration::from_secs(5),
            until_ready(&cluster, 0, "store", "down"),
        );
        assert_eq!(told.await.expect("ready is false within 5 s"), 503, "{way}");
        assert_eq!(ready(&cluster, 1).await.0, 200, "{way}");
        let refused = tokio::time::timeout(ANSWER, a.send_as(way, "ben", way)).await;
        let refused = refused.expect("an answer in time").expect_err("no ack");
        assert_eq!(refused.code, ErrorCode::Unavailable, "{way}");
        b.send("ann", &format!("{way}, but not here")).await;
        // A client that moves is served at once, and its repeat is no second message.
        let mut moved = cluster.on(1, &ann).connect().await;
        moved.send_as(way, "ben", way).await.expect("an ack");
        wire.heal();
        let again = eventually("the node is back", async || {
            a.send_as(way, "ben", way).await.ok()
        });
        assert!(again.await.dup, "{way}");
        a.expect_text(&format!("{way}, but not here")).await;
        assert_eq!(until_ready(&cluster, 0, "store", "ok").await, 200, "{way}");
    }
    let all = ben.texts("ann").await;
    assert_eq!(all.len(), 6, "{all:?}");
}

#[tokio::test]
async fn c05_while_the_bus_is_away_sends_are_acked_and_ready_names_it() {
    let Some(mut cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let [mut a, mut b] = sockets(&cluster, [(&ann, 0), (&ben, 1)]).await;
    cluster.bus.kill9();
    for node in 0..2 {
        assert_eq!(until_ready(&cluster, node, "bus", "down").await, 200);
        assert_eq!(ready(&cluster, node).await.1["store"], "ok");
    }
    for n in 0..10 {
        a.send("ben", &format!("{n}")).await;
    }
    b.expect_text("9").await;
    // Who comes meanwhile is greeted without waiting for it.
    let [mut c] = sockets(&cluster, [(&ben, 0)]).await;
    a.send("ben", "still here").await;
    c.expect_text("still here").await;
    cluster.bus.restart().await;
    for node in 0..2 {
        until_ready(&cluster, node, "bus", "ok").await;
    }
}

#[tokio::test]
async fn c05_a_node_starts_while_the_bus_is_away_and_finds_it_later() {
    let Some(mut cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    cluster.nodes[1].kill9().await;
    cluster.bus.kill9();
    cluster.nodes[1].restart().await;
    assert_eq!(until_ready(&cluster, 1, "bus", "down").await, 200);
    let [mut a, mut b] = sockets(&cluster, [(&ann, 0), (&ben, 1)]).await;
    a.send("ben", "without a bus").await;
    b.expect_text("without a bus").await;
    cluster.bus.restart().await;
    until_ready(&cluster, 1, "bus", "ok").await;
    a.send("ben", "with a bus").await;
    b.expect_text("with a bus").await;
}
