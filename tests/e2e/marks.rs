//! Unread and read: arithmetic on numbers, the same on every session, and told to whom it concerns.

use chat_proto::api::Reader;
use chat_proto::{Action, ErrorCode, Event, Mark};
use chat_tests::client::up_to;
use chat_tests::{Person, TestServer};
use serde_json::json;

async fn unread(person: &Person, topic: &str) -> u64 {
    person.conversation(topic).await.unread
}

#[tokio::test]
async fn u01_unread_is_exact_after_every_step_and_a_restart() {
    let mut server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut a, mut b) = (ann.connect().await, ben.connect().await);
    for at in 1..=5 {
        a.send("ben", &format!("text {at}")).await;
        assert_eq!(unread(&ben, "ann").await, at);
    }
    assert_eq!(unread(&ann, "ben").await, 0, "one's own are never unread");
    b.read("ann", 2).await;
    assert_eq!(unread(&ben, "ann").await, 3);
    b.send("ann", "an answer").await;
    assert_eq!(
        unread(&ben, "ann").await,
        3,
        "sending does not move the mark"
    );
    assert_eq!(unread(&ann, "ben").await, 1);
    a.send("ben", "text 6").await;
    assert_eq!(unread(&ben, "ann").await, 4);
    server.kill9().await;
    server.restart().await;
    assert_eq!(
        (unread(&ben, "ann").await, unread(&ann, "ben").await),
        (4, 1)
    );
    let mut b = ben.connect().await;
    b.read("ann", 7).await;
    assert_eq!(unread(&ben, "ann").await, 0);
}

#[tokio::test]
async fn u01_unread_in_a_group_counts_the_others() {
    let server = TestServer::start().await;
    let [ann, ben, cat] = server.people(["ann", "ben", "cat"]).await;
    ann.make_group("ops", &[&ben, &cat]).await;
    let (mut a, mut b) = (ann.connect().await, ben.connect().await);
    a.send("ops", "2").await;
    b.send("ops", "3").await;
    b.send("ops", "4").await;
    a.send("ops", "5").await;
    for (person, wanted) in [(&ann, 2), (&ben, 3), (&cat, 5)] {
        assert_eq!(unread(person, "ops").await, wanted, "{}", person.name);
    }
    b.read("ops", 3).await;
    assert_eq!(unread(&ben, "ops").await, 1);
}

#[tokio::test]
async fn u02_marks_only_grow_and_never_pass_the_last_message() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    for at in 0..5 {
        socket.send("ben", &format!("text {at}")).await;
    }
    let mut ben = ben.connect().await;
    for (asked, holds) in [(3, 3), (1, 3), (0, 3), (4, 4), (u64::MAX >> 1, 5), (2, 5)] {
        assert_eq!(
            ben.read("ann", asked).await.seq.expect("a mark").0,
            holds,
            "read {asked}"
        );
    }
    let delivered = ben
        .ack(Action::Mark(Mark::Delivered, up_to("ann", 1)))
        .await;
    assert_eq!(
        delivered.seq.expect("a mark").0,
        5,
        "read implies delivered"
    );
}

#[tokio::test]
async fn u02_all_sessions_of_a_user_agree_at_once() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    ann.connect().await.send("ben", "hi").await;
    let (mut desk, mut phone) = (
        ben.connect().await,
        ben.another_device().await.connect().await,
    );
    phone.roundtrip().await;
    desk.read("ann", 1).await;
    let mark = phone.expect(|event| match event {
        Event::Read(mark) => Some(mark.clone()),
        _ => None,
    });
    let mark = mark.await;
    assert_eq!(
        (mark.topic.as_str(), mark.seq.0, mark.by.as_str()),
        ("ann", 1, "ben")
    );
    assert_eq!(unread(&ben, "ann").await, 0);
}

#[tokio::test]
async fn u02_the_writer_learns_who_has_read_what() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut a, mut b) = (ann.connect().await, ben.connect().await);
    b.send("ann", "so that they know each other").await;
    a.send("ben", "hi").await;
    b.read("ann", 2).await;
    let mark = a.expect(|event| match event {
        Event::Read(mark) => Some(mark.clone()),
        _ => None,
    });
    let mark = mark.await;
    assert_eq!(
        (mark.topic.as_str(), mark.seq.0, mark.by.as_str()),
        ("ben", 2, "ben")
    );
    let readers: Vec<Reader> = ann.get("/v1/messages/ben/2/readers").await.read(200);
    assert!(
        readers
            .iter()
            .any(|reader| reader.name.as_str() == "ben" && reader.read_seq.0 == 2)
    );

    // A writer who was away learns it from the sync.
    let mut later = ann.connect().await;
    later
        .say(r#"{"action":"sync","id":"s","topics":{"ben":0}}"#)
        .await;
    let marks = later.expect(|event| match event {
        Event::Marks(marks) => Some(marks.clone()),
        _ => None,
    });
    let marks = marks.await;
    assert_eq!(marks.read.get("ben").map(|seq| seq.0), Some(2));
}

#[tokio::test]
async fn u02_reading_by_http_is_the_same_mark() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    ann.connect().await.send("ben", "hi").await;
    let read = ben
        .post("/v1/read", &json!({"topic": "@ann", "seq": 9}))
        .await
        .expect(200);
    assert_eq!(read["seq"], 1);
    assert_eq!(unread(&ben, "ann").await, 0);
    let bad = ben.post("/v1/read", &json!({"topic": "ann"})).await;
    bad.refused(400, "invalid");
}

#[tokio::test]
async fn u02_nobody_marks_in_a_conversation_of_others() {
    let server = TestServer::start().await;
    let [ann, ben, eve] = server.people(["ann", "ben", "eve"]).await;
    ann.make_group("ops", &[&ben]).await;
    let mut eve = eve.connect().await;
    for mark in [Mark::Read, Mark::Delivered] {
        let refused = eve.refusal(Action::Mark(mark, up_to("ops", 1))).await;
        assert_eq!(refused, ErrorCode::NotFound);
    }
    assert_eq!(unread(&ben, "ops").await, 1);
}

#[tokio::test]
async fn u04_a_script_that_sends_marks_nothing_as_read() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    ann.connect().await.send("ben", "please read").await;
    ben.post(
        "/v1/messages",
        &json!({"topic": "ann", "text": "build is green"}),
    )
    .await
    .expect(201);
    let mut script = ben.dial().query("background=1").connect().await;
    script.send("ann", "by socket too").await;
    assert_eq!(unread(&ben, "ann").await, 1);
    assert_eq!(unread(&ann, "ben").await, 2);
}

#[tokio::test]
async fn u05_in_a_large_group_marks_are_asked_for_and_not_told() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let mut others = Vec::new();
    for at in 0..32 {
        others.push(server.person(&format!("user{at:02}")).await);
    }
    ann.make_group("hall", &others.iter().collect::<Vec<_>>())
        .await;
    let mut socket = ann.connect().await;
    for other in &others[..5] {
        other.connect().await.read("hall", 1).await;
    }
    others[5].connect().await.send("ann", "fence").await;
    socket.expect_text("fence").await;
    let rest = socket.until_roundtrip().await;
    let told = rest
        .iter()
        .filter(|event| matches!(event, Event::Read(_) | Event::Delivered(_)));
    assert_eq!(told.count(), 0);
    let readers: Vec<Reader> = ann.get("/v1/messages/hall/1/readers").await.read(200);
    assert_eq!(readers.len(), 5, "{readers:?}");
}

#[tokio::test]
async fn u05_many_marks_in_a_second_are_told_once() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut a, mut b) = (ann.connect().await, ben.connect().await);
    b.send("ann", "so that they know each other").await;
    for at in 0..50 {
        a.send("ben", &format!("text {at}")).await;
    }
    for seq in 2..=51 {
        b.read("ann", seq).await;
    }
    let mut told = 0;
    loop {
        let mark = a.expect(|event| match event {
            Event::Read(mark) => Some(mark.seq.0),
            _ => None,
        });
        told += 1;
        if mark.await == 51 {
            break;
        }
    }
    assert!(told < 10, "{told} marks for 50 readings");
}
