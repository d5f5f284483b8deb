//! Groups with so many members that a message goes once to each node, and is put in order there.

use std::time::Duration;

use chat_server::limits::{CROWD_MIN, ORDER_WAIT_MS};
use chat_tests::{Cluster, Lossy, Person, TestClient};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::world::{messages_up_to, started, texts, until_ready};

/// A group of so many, and those who are there: two on each of two nodes.
async fn group(cluster: &Cluster) -> (Vec<Person>, Vec<TestClient>) {
    let people = cluster.crowd(CROWD_MIN).await;
    let others: Vec<&Person> = people[1..].iter().collect();
    people[0].make_group("ops", &others).await;
    let mut sockets = Vec::new();
    for (at, person) in people[..4].iter().enumerate() {
        let mut socket = cluster.on(at % 2, person).connect().await;
        socket.roundtrip().await;
        sockets.push(socket);
    }
    (people, sockets)
}

/// Sends as fast as it is acked, and gives back where it came from.
async fn sends(mut socket: TestClient, name: &str, count: usize) -> TestClient {
    for n in 0..count {
        socket.send("ops", &format!("{name} {n}")).await;
    }
    socket
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c03_two_nodes_write_to_a_crowd_over_a_bus_that_keeps_no_promise() {
    const EACH: usize = 60;
    let lossy = Lossy::setup().seed(5).rates(15, 15, 15);
    let Some(cluster) = started(Cluster::setup(2).lossy(lossy)).await else {
        return;
    };
    let (people, mut sockets) = group(&cluster).await;
    let mut writers = JoinSet::new();
    for person in &people[4..6] {
        let socket = cluster.on(writers.len() % 2, person).connect().await;
        let name = person.name.clone();
        writers.spawn(async move { sends(socket, &name, EACH).await });
    }
    let mut writers = writers.join_all().await;
    writers[0].send("ops", "the end").await;
    let whole = people[0].texts("ops").await;
    assert_eq!(whole.len(), 2 * EACH + 2);
    for socket in &mut sockets {
        let came = messages_up_to(socket, "the end").await;
        assert_eq!(texts(&came), whole[1..]);
    }
    let faults = cluster.bus.unkind().faults();
    assert!(
        faults.lost > 0 && faults.doubled > 0 && faults.moved > 0,
        "{faults:?}"
    );
}

#[tokio::test]
async fn c02_a_message_to_a_crowd_travels_once_to_a_node() {
    const MESSAGES: u64 = 50;
    let Some(cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let (people, mut sockets) = group(&cluster).await;
    let before = cluster.bus.nats().deliveries().await;
    for n in 0..MESSAGES {
        sockets[0].send("ops", &format!("{n}")).await;
        for socket in &mut sockets[1..] {
            socket.expect_text(&format!("{n}")).await;
        }
    }
    // Once to the other node, where two are; beats and who is here are few.
    let came = cluster.bus.nats().deliveries().await - before;
    assert!(
        (MESSAGES..MESSAGES + 40).contains(&came),
        "{came} deliveries"
    );
    drop((people, sockets));
}

#[tokio::test]
async fn c05_a_crowd_does_not_wait_while_the_bus_is_away() {
    let Some(mut cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let (_people, mut sockets) = group(&cluster).await;
    cluster.bus.kill9();
    for node in 0..2 {
        until_ready(&cluster, node, "bus", "down").await;
    }
    // Each node knows only what it wrote itself, until it looks: before what the second writes there is a hole.
    let mut waits = Vec::new();
    for round in 0..6 {
        let (first, second) = (format!("first {round}"), format!("second {round}"));
        sockets[0].send("ops", &first).await;
        sockets[1].send("ops", &second).await;
        let acked = Instant::now();
        sockets[3].expect_text(&second).await;
        waits.push(acked.elapsed());
    }
    let began = Instant::now();
    sockets[2].expect_text("second 5").await;
    assert!(
        began.elapsed() < Duration::from_millis(3_500),
        "by the look"
    );
    // A look may come in between once; a wait would be in each round.
    waits.sort_unstable();
    assert!(waits[2] < Duration::from_millis(ORDER_WAIT_MS), "{waits:?}");
}
