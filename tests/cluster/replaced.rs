//! Nodes that die and nodes that are replaced one after the other: clients notice a reconnect, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chat_proto::{Event, Name};
use chat_tests::receiver::Receiver;
use chat_tests::{Cluster, Person, TestClient, soon};
use tokio::task::JoinSet;

use crate::world::{sockets, started};

/// A socket through the balancer, as soon as a node takes one.
async fn connected(person: &Person) -> TestClient {
    loop {
        if let Ok(mut socket) = person.dial().open().await
            && let Some(Event::Welcome(_)) = socket.next_or_end().await
        {
            return socket;
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(5..50))).await;
    }
}

#[tokio::test]
async fn c04_the_nodes_of_a_database_that_failed_over_end_and_begin_a_new_life() {
    let Some(mut cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann] = cluster.people(["ann"]).await;
    let [a] = sockets(&cluster, [(&ann, 0)]).await;
    let before = a.welcome().epoch.clone();
    cluster.postgres.fail_over().await;
    for node in &mut cluster.nodes {
        let status = node.ended().await;
        assert_eq!(status.code(), Some(1), "for its supervisor");
        assert!(node.log().contains("failed over"), "{}", node.log());
        node.restart().await;
    }
    let lives = sockets(&cluster, [(&ann, 0), (&ann, 1)]).await;
    let [one, other] = lives.each_ref().map(|socket| &socket.welcome().epoch);
    assert_eq!(one, other);
    assert_ne!(one, &before);
}

/// Sends until it is over, each message until its ack; gives what was acked and how often it had to connect.
async fn sends(person: Person, over: Arc<AtomicBool>) -> (Vec<String>, usize) {
    let (mut acked, mut connects) = (Vec::new(), 0);
    let mut socket = None;
    while !over.load(Ordering::Relaxed) {
        let id = format!("m{}", acked.len());
        loop {
            if socket.is_none() {
                socket = Some(connected(&person).await);
                connects += 1;
            }
            let live = socket.as_mut().expect("it was opened");
            let frame =
                serde_json::json!({"action": "publish", "topic": "ben", "text": id, "id": id});
            let frame = tokio_tungstenite::tungstenite::Message::text(frame.to_string());
            if live.frame(frame).await.is_ok() && answer(live, &id).await {
                break;
            }
            socket = None;
        }
        acked.push(id);
    }
    (acked, connects)
}

/// Whether it was acked before the connection ended.
async fn answer(socket: &mut TestClient, id: &str) -> bool {
    while let Some(event) = socket.next_or_end().await {
        if event
            .answers()
            .is_some_and(|answered| answered.as_str() == id)
        {
            return matches!(event, Event::Ack(_));
        }
    }
    false
}

/// Shows everything from ann until the text `end`, through any number of connections.
async fn shows(person: Person) -> (Vec<String>, usize) {
    let mut receiver = Receiver::new([Name::parse("ann").expect("a name")]);
    let (mut shown, mut connects) = (Vec::new(), 0);
    loop {
        let mut socket = connected(&person).await;
        connects += 1;
        let mut ask = Some(receiver.resume());
        loop {
            if let Some(action) = ask.take() {
                let id = chat_proto::MessageId::generate();
                let frame =
                    chat_proto::codec::encode_request(&chat_proto::Request::new(id, action));
                let frame = tokio_tungstenite::tungstenite::Message::text(frame);
                if socket.frame(frame).await.is_err() {
                    break;
                }
            }
            let Some(event) = socket.next_or_end().await else {
                break;
            };
            let steps = receiver.handle(event);
            shown.extend(steps.show.into_iter().map(|message| message.text));
            if shown.last().is_some_and(|text| text == "end") {
                return (shown, connects);
            }
            ask = steps.ask;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c04_all_nodes_are_replaced_one_after_the_other_under_load() {
    let Some(mut cluster) = started(Cluster::setup(3)).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let over = Arc::new(AtomicBool::new(false));
    let sender = tokio::spawn(sends(ann.clone(), Arc::clone(&over)));
    let readers: Vec<_> = (0..3).map(|_| tokio::spawn(shows(ben.clone()))).collect();
    for node in &mut cluster.nodes {
        let status = node.terminate().await;
        assert!(status.success(), "it stops as asked: {status}");
        node.restart().await;
    }
    over.store(true, Ordering::Relaxed);
    let (acked, connects) = soon("the sender's end", sender).await.expect("a sender");
    assert!(
        connects <= 5,
        "{connects} connections for one replacement of each node"
    );
    connected(&ann).await.send("ben", "end").await;
    let mut wanted = acked;
    wanted.push("end".to_owned());
    for reader in readers {
        let (shown, connects) = soon("a reader's end", reader).await.expect("a reader");
        assert_eq!(shown, wanted);
        assert!(connects <= 5, "{connects} connections");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c04_the_clients_of_a_node_that_is_killed_resume_elsewhere() {
    const DEVICES: usize = 60;
    let Some(mut cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let mut people = vec![ben.clone()];
    for n in 0..4 {
        people.push(cluster.person(&format!("guest{n}")).await);
    }
    ann.make_group("ops", &people.iter().collect::<Vec<_>>())
        .await;
    // All of them are at the node that is about to die.
    let mut there = Vec::new();
    for n in 0..DEVICES {
        there.push(cluster.on(1, &people[n % people.len()]).connect().await);
    }
    cluster.nodes[1].kill9().await;
    let start = tokio::time::Instant::now();
    let mut back = JoinSet::new();
    for (n, mut socket) in there.into_iter().enumerate() {
        let person = people[n % people.len()].clone();
        back.spawn(async move {
            socket.ended().await;
            let mut socket = connected(&person).await;
            socket.expect_text("are you there?").await;
        });
    }
    let [mut a] = sockets(&cluster, [(&ann, 0)]).await;
    a.send("ops", "are you there?").await;
    // Who comes after the message finds it by a sync; here all that is asked is that it goes out to everybody live.
    chat_tests::eventually("all are back", async || {
        while back.try_join_next().is_some() {}
        if back.is_empty() {
            return Some(());
        }
        a.send("ops", "are you there?").await;
        None
    })
    .await;
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "took {:?}",
        start.elapsed()
    );
}
