//! The bus between nodes: it carries to whom it concerns, and what it loses is found in the database.

use std::time::Duration;

use chat_proto::Event;
use chat_tests::receiver::Told;
use chat_tests::{Cluster, Lossy, eventually};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::world::{messages_up_to, six_in_a_group, sockets, started, texts, until_ready};

/// From one look at the database to the next, and what a busy machine adds.
const POLL: Duration = Duration::from_millis(3_500);
/// What comes by the bus comes long before a look at the database.
const AT_ONCE: Duration = Duration::from_millis(1_000);

/// Subjects of users that anybody listens to.
async fn user_subjects(cluster: &Cluster) -> usize {
    let all = cluster.bus.nats().subscriptions().await;
    all.iter()
        .filter(|subject| subject.contains(".user."))
        .count()
}

async fn until_user_subjects(cluster: &Cluster, count: usize) {
    eventually(&format!("{count} users are listened to"), async || {
        (user_subjects(cluster).await == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn c02_a_node_listens_for_those_who_are_connected_to_it() {
    let Some(cluster) = started(Cluster::setup(3)).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    until_user_subjects(&cluster, 0).await;
    let [a, b, b_too] = sockets(&cluster, [(&ann, 0), (&ben, 1), (&ben, 1)]).await;
    until_user_subjects(&cluster, 2).await;
    b_too.close().await;
    a.close().await;
    until_user_subjects(&cluster, 1).await;
    b.close().await;
    until_user_subjects(&cluster, 0).await;
}

#[tokio::test]
async fn c02_a_message_travels_only_to_nodes_where_a_receiver_is() {
    const MESSAGES: u64 = 100;
    let Some(cluster) = started(Cluster::setup(3)).await else {
        return;
    };
    let [ann, ben, cat] = cluster.people(["ann", "ben", "cat"]).await;
    let [mut a, mut b, _c] = sockets(&cluster, [(&ann, 0), (&ben, 1), (&cat, 2)]).await;
    until_user_subjects(&cluster, 3).await;
    let before = cluster.bus.nats().deliveries().await;
    for n in 0..MESSAGES {
        a.send("ben", &format!("{n}")).await;
        b.expect_text(&format!("{n}")).await;
    }
    // Once to the node of ben; beats and who is here go to all, and they are few.
    let came = cluster.bus.nats().deliveries().await - before;
    assert!(
        (MESSAGES..MESSAGES + 40).contains(&came),
        "{came} deliveries"
    );

    // Where nobody listens nothing goes at all: she writes to somebody beside her.
    b.close().await;
    let [mut b] = sockets(&cluster, [(&ben, 0)]).await;
    until_user_subjects(&cluster, 3).await;
    let before = cluster.bus.nats().deliveries().await;
    for n in 0..MESSAGES {
        a.send("ben", &format!("again {n}")).await;
        b.expect_text(&format!("again {n}")).await;
    }
    let came = cluster.bus.nats().deliveries().await - before;
    // The node itself hears its own words at the most.
    assert!(came <= MESSAGES + 40, "{came} deliveries");
}

#[tokio::test]
async fn c03_while_the_bus_is_cut_messages_arrive_by_the_next_look() {
    let Some(cluster) = started(Cluster::setup(2).wires()).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let [mut a, mut b] = sockets(&cluster, [(&ann, 0), (&ben, 1)]).await;
    a.send("ben", "before").await;
    b.expect_text("before").await;
    cluster.bus_wire(0).cut();
    cluster.bus_wire(1).silence();
    assert_eq!(until_ready(&cluster, 0, "bus", "down").await, 200);
    for n in 0..3 {
        let start = Instant::now();
        a.send("ben", &format!("cut {n}")).await;
        assert!(
            start.elapsed() < AT_ONCE,
            "an ack does not wait for the bus"
        );
        b.expect_text(&format!("cut {n}")).await;
        assert!(start.elapsed() < POLL, "took {:?}", start.elapsed());
    }
    cluster.bus_wire(0).heal();
    cluster.bus_wire(1).heal();
    until_ready(&cluster, 0, "bus", "ok").await;
    until_ready(&cluster, 1, "bus", "ok").await;
    until_user_subjects(&cluster, 2).await;
    let start = Instant::now();
    for n in 0..5 {
        a.send("ben", &format!("healed {n}")).await;
        b.expect_text(&format!("healed {n}")).await;
    }
    assert!(start.elapsed() < AT_ONCE, "took {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c03_no_connection_has_a_hole_while_nodes_find_each_other_in_the_database_alone() {
    const EACH: usize = 150;
    let Some(mut cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let people = six_in_a_group(&cluster).await;
    let mut readers = Vec::new();
    for (n, person) in people.iter().enumerate() {
        let mut socket = cluster.on(n % 2, person).connect().await;
        socket.roundtrip().await;
        readers.push(socket);
    }
    cluster.bus.kill9();
    let mut writers = JoinSet::new();
    for (n, person) in people[..4].iter().enumerate() {
        let mut socket = cluster.on(n % 2, person).connect().await;
        writers.spawn(async move {
            for n in 0..EACH {
                socket.send("ops", &format!("{n}")).await;
            }
        });
    }
    let mut reading = JoinSet::new();
    for mut socket in readers {
        reading.spawn(async move {
            let mut told = Told::default();
            for _ in 0..4 * EACH {
                let event = socket.expect(|event| match event {
                    Event::Message(_) => Some(event.clone()),
                    _ => None,
                });
                assert_eq!(told.handle(&event.await), None);
            }
        });
    }
    writers.join_all().await;
    reading.join_all().await;
}

#[tokio::test]
async fn c03_a_bus_that_comes_back_is_found_by_itself() {
    let Some(mut cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let [mut a, mut b] = sockets(&cluster, [(&ann, 0), (&ben, 1)]).await;
    for round in 0..2 {
        cluster.bus.kill9();
        a.send("ben", &format!("away {round}")).await;
        b.expect_text(&format!("away {round}")).await;
        cluster.bus.restart().await;
        until_user_subjects(&cluster, 2).await;
        // One might be found by a look at the database that just came; the next takes the bus.
        let start = Instant::now();
        for n in 0..3 {
            a.send("ben", &format!("back {round} {n}")).await;
            b.expect_text(&format!("back {round} {n}")).await;
        }
        assert!(start.elapsed() < AT_ONCE, "took {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn c03_a_lost_notice_is_found_and_a_doubled_one_is_shown_once() {
    const MESSAGES: usize = 60;
    let lossy = Lossy::setup().seed(3).rates(30, 30, 30);
    let Some(cluster) = started(Cluster::setup(2).lossy(lossy)).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let [mut a, mut b] = sockets(&cluster, [(&ann, 0), (&ben, 1)]).await;
    let mut sent = Vec::new();
    for n in 0..MESSAGES {
        sent.push(format!("{n}"));
        a.send("ben", &sent[n]).await;
    }
    let came = messages_up_to(&mut b, &sent[MESSAGES - 1]).await;
    assert_eq!(texts(&came), sent);
    let faults = cluster.bus.unkind().faults();
    assert!(
        faults.lost > 0 && faults.doubled > 0 && faults.moved > 0,
        "{faults:?}"
    );
    // Nothing comes again later, not even by a look at the database.
    a.send("ben", "the end").await;
    let came = messages_up_to(&mut b, "the end").await;
    assert_eq!(texts(&came), ["the end"]);
}

#[tokio::test]
async fn c07_redis_is_a_bus_like_any() {
    let Some(mut cluster) = started(Cluster::setup(2).redis().wires()).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let [mut a, mut b] = sockets(&cluster, [(&ann, 0), (&ben, 1)]).await;
    let start = Instant::now();
    for n in 0..5 {
        a.send("ben", &format!("{n}")).await;
        b.expect_text(&format!("{n}")).await;
    }
    assert!(start.elapsed() < AT_ONCE, "took {:?}", start.elapsed());
    cluster.bus_wire(0).cut();
    assert_eq!(until_ready(&cluster, 0, "bus", "down").await, 200);
    a.send("ben", "cut").await;
    b.expect_text("cut").await;
    cluster.bus_wire(0).heal();
    until_ready(&cluster, 0, "bus", "ok").await;

    cluster.bus.kill9();
    a.send("ben", "away").await;
    b.expect_text("away").await;
    cluster.bus.restart().await;
    until_ready(&cluster, 0, "bus", "ok").await;
    until_ready(&cluster, 1, "bus", "ok").await;
    eventually("all is fast again", async || {
        let start = Instant::now();
        a.send("ben", "back").await;
        b.expect_text("back").await;
        (start.elapsed() < AT_ONCE).then_some(())
    })
    .await;
}
