//! A chat over several nodes is a chat: one order, one message, and a client that may come back anywhere.

use std::time::Duration;

use chat_proto::{Action, Mark};
use chat_proto::{Event, Name};
use chat_tests::client::{publish, up_to};
use chat_tests::receiver::Receiver;
use chat_tests::{Cluster, TestClient};
use tokio::task::JoinSet;

use crate::world::{messages_up_to, six_in_a_group, sockets, started, texts, until_ready};

#[tokio::test]
async fn c01_people_on_different_nodes_talk_as_on_one() {
    let Some(cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let [mut a, mut a_too, mut b] = sockets(&cluster, [(&ann, 0), (&ann, 1), (&ben, 1)]).await;
    for (n, socket) in [&mut a, &mut b].into_iter().enumerate() {
        socket.roundtrip().await;
        assert_eq!(socket.welcome().protocol, 1, "node {n}");
    }
    let there = a.send("ben", "hi").await;
    let heard = b.expect_text("hi").await;
    assert_eq!((heard.topic.as_str(), Some(heard.seq)), ("ann", there.seq));
    let back = b.send("ann", "hello").await;
    assert_eq!(Some(a.expect_text("hello").await.seq), back.seq);
    // Her other connection, elsewhere, has both.
    let seen = messages_up_to(&mut a_too, "hello").await;
    assert_eq!(texts(&seen), ["hi", "hello"]);
    assert_eq!(seen[0].topic.as_str(), "ben");
}

#[tokio::test]
async fn c01_marks_and_typing_cross_nodes() {
    let Some(cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let [mut a, mut b, mut b_too] = sockets(&cluster, [(&ann, 0), (&ben, 0), (&ben, 1)]).await;
    b.send("ann", "so that they know each other").await;
    let seq = a.send("ben", "hi").await.seq.expect("a number").0;
    b_too.read("ann", seq).await;
    for socket in [&mut a, &mut b] {
        let mark = socket.expect(|event| match event {
            Event::Read(mark) if mark.by.as_str() == "ben" => Some(mark.seq.0),
            _ => None,
        });
        assert_eq!(mark.await, seq);
    }
    assert_eq!(cluster.on(0, &ben).conversation("ann").await.unread, 0);
    b_too.say(r#"{"action":"typing","topic":"ann"}"#).await;
    let by = a.expect(|event| match event {
        Event::Typing(typing) => Some(typing.by.clone()),
        _ => None,
    });
    assert_eq!(by.await.as_str(), "ben");
    // The other way round: what is marked here is known there.
    let seq = b_too.send("ann", "bye").await.seq.expect("a number").0;
    let marked = a.ack(Action::Mark(Mark::Read, up_to("ben", seq))).await;
    assert_eq!(marked.seq.expect("a mark").0, seq);
    assert_eq!(cluster.on(1, &ann).conversation("ben").await.unread, 0);
}

#[tokio::test]
async fn d07_a_repeat_on_another_node_is_the_same_message() {
    let Some(cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let [mut here, mut there] = sockets(&cluster, [(&ann, 0), (&ann, 1)]).await;
    let first = here.send_as("m1", "ben", "hi").await.expect("an ack");
    let again = there.send_as("m1", "ben", "hi").await.expect("an ack");
    assert_eq!(
        (again.seq, again.sent_at, again.dup),
        (first.seq, first.sent_at, true)
    );
    let other = there.send_as("m1", "ben", "something else").await;
    assert_eq!(other.expect_err("a conflict").code.as_str(), "conflict");
    assert_eq!(ben.texts("ann").await, ["hi"]);
    // Both at once: one of them stores it, and both know it.
    for n in 0..20 {
        let id = format!("both-{n}");
        let (one, other) = tokio::join!(
            here.send_as(&id, "ben", "at once"),
            there.send_as(&id, "ben", "at once")
        );
        let (one, other) = (one.expect("an ack"), other.expect("an ack"));
        assert_eq!(one.seq, other.seq, "{id}");
        assert!(one.dup != other.dup, "{id}: one is first");
    }
    assert_eq!(ben.texts("ann").await.len(), 21);
}

#[tokio::test]
async fn t06_two_who_write_first_on_two_nodes_have_one_conversation() {
    let Some(cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    for n in 0..5 {
        let names = [format!("ann{n}"), format!("ben{n}")];
        let [ann, ben] = cluster.people([&names[0], &names[1]]).await;
        let [mut a, mut b] = sockets(&cluster, [(&ann, 0), (&ben, 1)]).await;
        let (one, other) = tokio::join!(a.send(&ben.name, "one"), b.send(&ann.name, "other"));
        let mut numbers = [one.seq, other.seq].map(|seq| seq.expect("a number").0);
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2]);
        assert_eq!(ann.texts(&ben.name).await, ben.texts(&ann.name).await);
    }
}

/// Sends so many, one after the other, and gives their numbers.
async fn sends(mut socket: TestClient, name: String, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    for n in 0..count {
        let ack = socket.send("ops", &format!("{name} {n}")).await;
        numbers.push(ack.seq.expect("a number").0);
    }
    numbers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d08_a_conversation_in_which_all_nodes_write_at_once_has_one_order() {
    const EACH: usize = 50;
    let Some(cluster) = started(Cluster::setup(3)).await else {
        return;
    };
    let people = six_in_a_group(&cluster).await;
    let [ann, others @ ..] = &people;
    let mut listeners = Vec::new();
    for node in 0..3 {
        listeners.push(cluster.on(node, ann).connect().await);
    }
    let mut senders = JoinSet::new();
    for (n, person) in others.iter().enumerate() {
        let socket = cluster.on(n % 3, person).connect().await;
        senders.spawn(sends(socket, person.name.clone(), EACH));
    }
    let mut numbers = Vec::new();
    for sent in senders.join_all().await {
        assert!(sent.is_sorted(), "a sender's own keep their order");
        numbers.extend(sent);
    }
    numbers.sort_unstable();
    let all = u64::try_from(EACH * others.len()).expect("a small number");
    assert_eq!(numbers, (2..all + 2).collect::<Vec<_>>(), "dense");
    listeners[0].send("ops", "the end").await;
    let whole = ann.texts("ops").await;
    for socket in &mut listeners[1..] {
        let mut seen = vec!["welcome all".to_owned()];
        let came = messages_up_to(socket, "the end").await;
        seen.extend(came.into_iter().map(|message| message.text));
        assert_eq!(seen, whole);
    }
}

#[tokio::test]
async fn u02_a_mark_of_while_a_node_was_cut_off_is_told_when_it_is_back() {
    let Some(cluster) = started(Cluster::setup(2).wires()).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let [mut one, mut other, mut b] = sockets(&cluster, [(&ann, 0), (&ann, 1), (&ben, 0)]).await;
    b.send("ann", "hi").await;
    one.expect_text("hi").await;
    other.expect_text("hi").await;
    cluster.bus_wire(1).cut();
    until_ready(&cluster, 1, "bus", "down").await;
    one.ack(Action::Mark(Mark::Read, up_to("ben", 1))).await;
    cluster.bus_wire(1).heal();
    let read = other.expect(|event| match event {
        Event::Read(moved) => Some(moved.seq),
        _ => None,
    });
    assert_eq!(
        read.await,
        chat_proto::Seq(1),
        "and the user's other session agrees"
    );
}

#[tokio::test]
async fn a06_a_client_resumes_on_another_node() {
    let Some(mut cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let mut receiver = Receiver::new([Name::parse("ann").expect("a name")]);
    let mut shown: Vec<String> = Vec::new();
    let [mut a] = sockets(&cluster, [(&ann, 0)]).await;
    for round in 0..6 {
        let mut socket = cluster.on(round % 2, &ben).connect().await;
        socket.request(receiver.resume()).await;
        let last = format!("{round} live");
        a.send("ben", &last).await;
        while shown.last() != Some(&last) {
            let steps = receiver.handle(socket.next_event().await);
            shown.extend(steps.show.into_iter().map(|message| message.text));
            if let Some(ask) = steps.ask {
                let page = socket.request(ask).await;
                let steps = receiver.handle(page);
                shown.extend(steps.show.into_iter().map(|message| message.text));
            }
        }
        drop(socket);
        a.send("ben", &format!("{round} missed")).await;
    }
    let all = ben.texts("ann").await;
    assert_eq!(shown, all[..all.len() - 1], "each once and in order");
    // The node that he was at last is gone, and the next one is as good.
    cluster.nodes[1].kill9().await;
    let mut socket = ben.connect().await;
    socket.request(receiver.resume()).await;
    assert_eq!(socket.expect_text("5 missed").await.seq.0, 12);
}

#[tokio::test]
async fn d15_a_receipt_reaches_a_sender_who_comes_back_elsewhere() {
    let Some(cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let [mut a, mut b] = sockets(&cluster, [(&ann, 0), (&ben, 1)]).await;
    b.send("ann", "so that they know each other").await;
    a.send("ben", "hi").await;
    a.close().await;
    b.expect_text("hi").await;
    b.read("ann", 2).await;
    let mut a = cluster.on(1, &ann).connect().await;
    a.request(Receiver::new([Name::parse("ben").expect("a name")]).resume())
        .await;
    let read = a.expect(|event| match event {
        Event::Marks(marks) => marks
            .read
            .get(&Name::parse("ben").expect("a name"))
            .copied(),
        _ => None,
    });
    assert_eq!(read.await.0, 2);
}

#[tokio::test]
async fn d13_a_reader_that_stalls_on_one_node_holds_up_nobody_on_another() {
    let Some(cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let [mut a, mut quick] = sockets(&cluster, [(&ann, 0), (&ben, 0)]).await;
    let mut stalled = cluster.on(1, &ben).dial().slow().connect().await;
    let text = "x".repeat(40_000);
    for n in 0..60 {
        let start = tokio::time::Instant::now();
        a.request(publish("ben", &format!("{n} {text}"))).await;
        quick.expect_message(|message| message.seq.0 == n + 1).await;
        assert!(start.elapsed() < Duration::from_secs(5), "number {n}");
    }
    for n in 0..60 {
        stalled
            .expect_message(|message| message.seq.0 == n + 1)
            .await;
    }
}
