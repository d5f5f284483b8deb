//! Public topics: made by subscribing, left by unsubscribing, and nobody else's business.

use chat_proto::{Action, ErrorCode, Event};
use chat_tests::client::{on, publish};
use chat_tests::{TestClient, TestServer};

#[tokio::test]
async fn t01_the_three_frames_work_as_they_stand() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut ann, mut ben) = (ann.connect().await, ben.connect().await);
    for socket in [&mut ann, &mut ben] {
        socket
            .say(r#"{"action":"subscribe","topic":"world"}"#)
            .await;
        acked(socket, "world").await;
    }
    ann.say(r#"{"action":"publish","topic":"world","message":"Hello world!"}"#)
        .await;
    acked(&mut ann, "world").await;
    let message = ben.expect_text("Hello world!").await;
    assert_eq!((message.topic.as_str(), message.seq.0), ("world", 1));
    ben.say(r#"{"action":"unsubscribe","topic":"world"}"#).await;
    acked(&mut ben, "world").await;
}

async fn acked(socket: &mut TestClient, topic: &str) {
    let ack = socket.expect(|event| match event {
        Event::Ack(ack) => Some(ack.clone()),
        _ => None,
    });
    assert_eq!(ack.await.topic.expect("a topic").as_str(), topic);
}

#[tokio::test]
async fn t02_subscribing_is_for_all_sessions_and_for_good() {
    let mut server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let phone = ben.another_device().await;
    ben.connect().await.subscribe("world").await;
    let mut socket = ann.connect().await;
    socket.subscribe("world").await;
    let mut phone_socket = phone.connect().await;
    socket.send("world", "one").await;
    phone_socket.expect_text("one").await;
    server.kill9().await;
    server.restart().await;
    let mut phone_socket = phone.connect().await;
    ann.connect().await.send("world", "two").await;
    phone_socket.expect_text("two").await;
}

#[tokio::test]
async fn t02_subscribing_twice_changes_nothing() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut ann, mut ben) = (ann.connect().await, ben.connect().await);
    ann.subscribe("world").await;
    let first = ben.subscribe("world").await;
    let second = ben.subscribe("#world").await;
    assert_eq!((first.seq, first.rev), (second.seq, second.rev));
    ann.send("world", "once").await;
    ben.expect_text("once").await;
    ann.send("world", "fence").await;
    ben.expect_text("fence").await;
    let rest = ben.messages_until_roundtrip().await;
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn t02_unsubscribing_stops_it_and_touches_no_other() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut ann, mut ben) = (ann.connect().await, ben.connect().await);
    for topic in ["world", "news"] {
        ann.subscribe(topic).await;
        ben.subscribe(topic).await;
    }
    ann.send("world", "before").await;
    ben.expect_text("before").await;
    ben.ack(Action::Unsubscribe(on("world"))).await;
    ann.send("world", "after").await;
    ann.send("news", "fence").await;
    ben.expect_text("fence").await;
    let rest = ben.messages_until_roundtrip().await;
    assert!(
        rest.iter().all(|message| message.text != "after"),
        "{rest:?}"
    );
    assert_eq!(
        ben.refusal(publish("world", "hi")).await,
        ErrorCode::Forbidden
    );
}

#[tokio::test]
async fn t02_a_stranger_gets_nothing_and_says_nothing() {
    let server = TestServer::start().await;
    let [ann, eve] = server.people(["ann", "eve"]).await;
    let (mut ann, mut eve) = (ann.connect().await, eve.connect().await);
    ann.subscribe("world").await;
    ann.send("world", "for members").await;
    ann.send("eve", "fence").await;
    eve.expect_text("fence").await;
    let rest = eve.messages_until_roundtrip().await;
    assert!(rest.is_empty(), "{rest:?}");
    assert_eq!(
        eve.refusal(publish("world", "hi")).await,
        ErrorCode::Forbidden
    );
    for nothing in ["nothing", "#nothing", "@nobody", "@world", "#ann"] {
        assert_eq!(
            eve.refusal(publish(nothing, "hi")).await,
            ErrorCode::NotFound,
            "{nothing}"
        );
    }
}

#[tokio::test]
async fn t02_nobody_hoards_names() {
    let server = TestServer::start().await;
    let mut socket = server.person("ann").await.connect().await;
    for at in 0..20 {
        socket.subscribe(&format!("empty-{at}")).await;
    }
    let more = socket.refusal(Action::Subscribe(on("empty-20"))).await;
    assert_eq!(more, ErrorCode::Rejected);
    socket.send("empty-0", "not empty").await;
    socket.subscribe("empty-20").await;
    for reserved in ["everyone", "me", "admin"] {
        let refused = socket.refusal(Action::Subscribe(on(reserved))).await;
        assert_eq!(refused, ErrorCode::Rejected, "{reserved}");
    }
}

#[tokio::test]
async fn t03_nobody_subscribes_to_another_user() {
    let server = TestServer::start().await;
    let [ann, ben, eve] = server.people(["ann", "ben", "eve"]).await;
    let (mut ann, mut ben, mut eve) = (
        ann.connect().await,
        ben.connect().await,
        eve.connect().await,
    );
    for topic in ["ann", "@ann", "ANN"] {
        let refused = eve.refusal(Action::Subscribe(on(topic))).await;
        assert_eq!(refused, ErrorCode::Forbidden, "{topic}");
    }
    ben.send("ann", "between us").await;
    ann.expect_text("between us").await;
    ann.send("eve", "fence").await;
    eve.expect_text("fence").await;
    let rest = eve.messages_until_roundtrip().await;
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn t08_a_public_topic_without_messages_goes_with_its_last_member() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut ann, mut ben) = (ann.connect().await, ben.connect().await);
    ann.subscribe("short").await;
    ann.ack(Action::Unsubscribe(on("short"))).await;
    assert_eq!(
        ben.refusal(publish("short", "hi")).await,
        ErrorCode::NotFound
    );

    ann.subscribe("long").await;
    ann.send("long", "for ever").await;
    ann.ack(Action::Unsubscribe(on("long"))).await;
    assert_eq!(
        ben.refusal(publish("long", "hi")).await,
        ErrorCode::Forbidden
    );
    ben.subscribe("long").await;
    assert_eq!(ben.send("long", "second").await.seq.expect("a number").0, 2);
}

#[tokio::test]
async fn t08_a_name_is_never_given_again() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let mut socket = ann.connect().await;
    socket.subscribe("world").await;
    socket.send("world", "hi").await;
    let account = serde_json::json!({"name": "world", "password": chat_tests::person::PASSWORD});
    let answer = server
        .call(chat_tests::Call::post("/v1/accounts", &account))
        .await;
    answer.refused(409, "conflict");
    let group = serde_json::json!({"name": "ann", "users": [], "text": "hi"});
    ann.post("/v1/groups", &group)
        .await
        .refused(409, "conflict");
}

#[tokio::test]
async fn t09_the_topic_is_always_the_address_to_answer_at() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut desk, mut phone) = (ann.connect().await, ann.connect().await);
    let mut socket = ben.connect().await;
    desk.send("ben", "hi").await;
    assert_eq!(socket.expect_text("hi").await.topic.as_str(), "ann");
    assert_eq!(phone.expect_text("hi").await.topic.as_str(), "ben");
    desk.send("ann", "note to myself").await;
    assert_eq!(
        phone.expect_text("note to myself").await.topic.as_str(),
        "ann"
    );
    for (person, topic) in [(&ann, "ben"), (&ben, "ann")] {
        assert_eq!(person.conversation(topic).await.topic.as_str(), topic);
        let message = person
            .get(&format!("/v1/messages/{topic}/1"))
            .await
            .expect(200);
        assert_eq!(message["topic"], topic);
    }
    let refused = socket.refusal(publish("#ann", "the kind must fit")).await;
    assert_eq!(refused.as_str(), "not_found");
}
