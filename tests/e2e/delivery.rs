//! Delivery: acks, order, repeats, and who gets what.

use chat_proto::{Event, Message, Seq};
use chat_tests::{TestClient, TestServer};
use serde_json::json;

#[tokio::test]
async fn d01_one_connection_carries_all_conversations_both_ways() {
    let server = TestServer::start().await;
    let [ann, ben, cat] = server.people(["ann", "ben", "cat"]).await;
    ann.make_group("ops", &[&ben, &cat]).await;
    let mut ann = ann.connect().await;
    let (mut ben, mut cat) = (ben.connect().await, cat.connect().await);
    ben.send("ann", "from ben").await;
    cat.send("ann", "from cat").await;
    cat.send("ops", "to all").await;
    let mut topics = Vec::new();
    for text in ["from ben", "from cat", "to all"] {
        topics.push(ann.expect_text(text).await.topic.to_string());
    }
    assert_eq!(topics, ["ben", "cat", "ops"]);
    ann.send("ben", "to ben").await;
    ann.send("ops", "thanks").await;
    ben.expect_text("to ben").await;
    cat.expect_text("thanks").await;
}

#[tokio::test]
async fn d02_the_greeting_says_who_and_what_holds() {
    let server = TestServer::setup().rate(3, 7).start().await;
    let ann = server.person("ann").await;
    let (one, two) = (ann.connect().await, ann.connect().await);
    let welcome = one.welcome();
    assert_ne!(
        welcome.connection,
        two.welcome().connection,
        "new at every connect"
    );
    assert_eq!(welcome.session, two.welcome().session);
    assert_eq!(welcome.epoch, two.welcome().epoch);
    assert_eq!(welcome.user.name.as_str(), "ann");
    assert_eq!(welcome.protocol, 1);
    assert_eq!(welcome.heartbeat_s, 30);
    assert_eq!(welcome.limits.text_bytes, 65_536);
    assert!((welcome.limits.send_rate - 3.0).abs() < f64::EPSILON);
    assert_eq!(welcome.limits.send_burst, 7);
    assert_eq!(welcome.limits.sync_messages, 100);
    assert_eq!(welcome.limits.receipt_members, 32);
}

#[tokio::test]
async fn d03_a_person_is_reached_on_every_session_without_subscribing() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let phone = ben.another_device().await;
    let mut sockets = [
        ben.connect().await,
        ben.connect().await,
        phone.connect().await,
    ];
    ann.connect().await.send("ben", "hi").await;
    for socket in &mut sockets {
        assert_eq!(socket.expect_text("hi").await.topic.as_str(), "ann");
    }
}

#[tokio::test]
async fn d04_the_sending_connection_gets_one_ack_and_no_echo() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut desk, mut phone) = (ann.connect().await, ann.connect().await);
    let mut ben = ben.connect().await;
    let ack = desk.send("ben", "hi").await;
    let copy = phone.expect_text("hi").await;
    assert_eq!((Some(copy.seq), copy.topic.as_str()), (ack.seq, "ben"));
    ben.expect_text("hi").await;

    // What ben says after it is a fence: an echo would have come before.
    ben.send("ann", "fence").await;
    desk.expect_text("fence").await;
    let rest = desk.until_roundtrip().await;
    let acks = rest
        .iter()
        .filter(|event| matches!(event, Event::Ack(_)))
        .count();
    let echoes = rest
        .iter()
        .filter(|event| matches!(event, Event::Message(_)))
        .count();
    assert_eq!((acks, echoes), (0, 0), "{rest:?}");
}

#[tokio::test]
async fn d04_in_a_group_too_everybody_else_gets_it_once() {
    let server = TestServer::start().await;
    let [ann, ben, cat] = server.people(["ann", "ben", "cat"]).await;
    ann.make_group("ops", &[&ben, &cat]).await;
    let (mut ann, mut ben, mut cat) = (
        ann.connect().await,
        ben.connect().await,
        cat.connect().await,
    );
    ann.send("ops", "one").await;
    cat.expect_text("one").await;
    ben.expect_text("one").await;
    cat.send("ops", "fence").await;
    for socket in [&mut ann, &mut ben] {
        socket.expect_text("fence").await;
        let rest = socket.messages_until_roundtrip().await;
        assert!(rest.iter().all(|message| message.text != "one"), "{rest:?}");
    }
}

#[tokio::test]
async fn d05_what_was_acked_is_there_after_kill_9() {
    let mut server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    let mut acks = Vec::new();
    for at in 0..20 {
        let id = format!("m{at}");
        let ack = socket.send_as(&id, "ben", &format!("text {at}")).await;
        acks.push(ack.expect("an ack"));
    }
    server.kill9().await;
    server.restart().await;
    let texts: Vec<String> = (0..20).map(|at| format!("text {at}")).collect();
    assert_eq!(ben.texts("ann").await, texts);
    let mut socket = ann.connect().await;
    for (at, ack) in acks.iter().enumerate() {
        let again = socket.send_as(&format!("m{at}"), "ben", &texts[at]).await;
        let again = again.expect("an ack");
        assert!(again.dup);
        assert_eq!(
            (again.seq, again.rev, again.sent_at),
            (ack.seq, ack.rev, ack.sent_at)
        );
    }
}

#[tokio::test]
async fn d06_an_ack_says_which_message_where_and_when() {
    let server = TestServer::start().await;
    let [ann, _ben] = server.people(["ann", "ben"]).await;
    let mut ann = ann.connect().await;
    let ack = ann.send_as("my-id", "@ben", "hi").await.expect("an ack");
    assert_eq!(ack.id.expect("the id").as_str(), "my-id");
    assert_eq!(ack.topic.expect("the topic").as_str(), "ben", "a bare name");
    assert_eq!(ack.seq.expect("a number").0, 1);
    assert_eq!(ack.rev.expect("a change").0, 1);
    assert!(ack.sent_at.is_some());
    assert!(!ack.dup);
    ann.say(r#"{"action":"publish","topic":"ben","text":"without an id"}"#)
        .await;
    let made = ann.expect(|event| match event {
        Event::Ack(ack) => Some(ack.clone()),
        _ => None,
    });
    assert!(
        made.await.id.is_some(),
        "without an id the server makes one"
    );
}

#[tokio::test]
async fn d07_a_repeat_gives_the_same_ack_and_one_message() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let other_device = ann.another_device().await;
    let mut socket = ann.connect().await;
    let first = socket.send_as("k1", "ben", "once").await.expect("an ack");
    let mut elsewhere = other_device.connect().await;
    for socket in [&mut socket, &mut elsewhere] {
        let again = socket.send_as("k1", "ben", "once").await.expect("an ack");
        assert!(again.dup);
        assert_eq!(
            (again.seq, again.rev, again.sent_at),
            (first.seq, first.rev, first.sent_at)
        );
    }
    assert_eq!(ben.texts("ann").await, ["once"]);
    let error = socket
        .send_as("k1", "ben", "twice")
        .await
        .expect_err("another content");
    assert_eq!(error.code.as_str(), "conflict");
    let error = socket
        .send_as("k1", "ann", "once")
        .await
        .expect_err("another topic");
    assert_eq!(error.code.as_str(), "conflict");
    assert_eq!(ben.texts("ann").await, ["once"]);
}

#[tokio::test]
async fn d07_a_repeat_while_the_first_is_in_flight_is_one_message() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut sockets = [ann.connect().await, ann.connect().await];
    let frame =
        json!({"action": "publish", "topic": "ben", "text": "once", "id": "k1"}).to_string();
    for _ in 0..10 {
        for socket in &mut sockets {
            socket.say(frame.clone()).await;
        }
    }
    let mut acks = Vec::new();
    for socket in &mut sockets {
        for _ in 0..10 {
            acks.push(next_ack(socket).await);
        }
    }
    assert_eq!(acks.iter().filter(|ack| !ack.dup).count(), 1);
    assert!(
        acks.iter()
            .all(|ack| ack.seq == acks[0].seq && ack.rev == acks[0].rev)
    );
    assert_eq!(ben.texts("ann").await, ["once"]);
}

async fn next_ack(socket: &mut TestClient) -> chat_proto::event::Ack {
    socket
        .expect(|event| match event {
            Event::Ack(ack) => Some(ack.clone()),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn d07_a_repeat_is_answered_before_any_other_check() {
    let server = TestServer::setup().rate(1, 3).start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    ann.make_group("ops", &[&ben]).await;
    let mut socket = ben.connect().await;
    let first = socket.send_as("k1", "ops", "hello").await.expect("an ack");
    let left = ben.delete("/v1/groups/ops/users/ben").await.status;
    assert!((200..300).contains(&left), "{left}");
    for _ in 0..10 {
        let again = socket.send_as("k1", "ops", "hello").await;
        let again = again.expect("neither the limit nor the membership is asked");
        assert!(again.dup && again.seq == first.seq);
    }
    let error = socket
        .send_as("k2", "ops", "hello")
        .await
        .expect_err("left");
    assert_eq!(error.code.as_str(), "not_found");
}

#[tokio::test]
async fn d07_the_ids_of_two_users_are_two_ids() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut ann, mut ben) = (ann.connect().await, ben.connect().await);
    let one = ann
        .send_as("same", "ben", "from ann")
        .await
        .expect("an ack");
    let two = ben
        .send_as("same", "ann", "from ben")
        .await
        .expect("an ack");
    assert!(!one.dup && !two.dup);
    assert_ne!(one.seq, two.seq);
}

#[tokio::test]
async fn d08_messages_are_numbered_without_gaps_and_everybody_sees_the_same_order() {
    let server = TestServer::start().await;
    let people = server.people(["ann", "ben", "cat"]).await;
    let [ann, ben, cat] = &people;
    ann.make_group("ops", &[ben, cat]).await;
    let mut watchers = Vec::new();
    for person in &people {
        watchers.push(person.connect().await);
    }
    let mut sending = Vec::new();
    for person in people.clone() {
        sending.push(tokio::spawn(async move {
            let mut socket = person.connect().await;
            for at in 0..30 {
                socket.send("ops", &format!("{} {at}", person.name)).await;
            }
        }));
    }
    for sender in sending {
        sender.await.expect("all sent");
    }
    let history = ann.texts("ops").await;
    assert_eq!(history.len(), 91);
    for watcher in &mut watchers {
        let mut shown = vec![history[0].clone()];
        let mut last = 1;
        while shown.len() < 91 {
            let message = watcher.expect_message(|_| true).await;
            assert_eq!(
                message.seq.0,
                last + 1,
                "live order is the order of the numbers"
            );
            last = message.seq.0;
            shown.push(message.text);
        }
        assert_eq!(shown, history);
    }
}

#[tokio::test]
async fn d08_an_ack_stands_in_the_place_of_the_message() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut ann, mut ben) = (ann.connect().await, ben.connect().await);
    for at in 0..40 {
        for (socket, to) in [(&mut ann, "ben"), (&mut ben, "ann")] {
            let frame =
                json!({"action": "publish", "topic": to, "text": "x", "id": format!("{to}{at}")});
            socket.say(frame.to_string()).await;
        }
    }
    for socket in [&mut ann, &mut ben] {
        let mut revs = Vec::new();
        while revs.len() < 80 {
            match socket.next_event().await {
                Event::Ack(ack) => revs.push(ack.rev.expect("a change").0),
                Event::Message(message) => revs.push(message.rev.0),
                _ => {}
            }
        }
        assert_eq!(revs, (1..=80).collect::<Vec<u64>>());
    }
}

#[tokio::test]
async fn d09_a_send_succeeds_when_the_receiver_is_away() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    assert_eq!(
        socket
            .send("ben", "are you there?")
            .await
            .seq
            .expect("a number")
            .0,
        1
    );
    let mut ben = ben.connect().await;
    ben.request(chat_proto::Action::Sync(chat_proto::action::Sync::default()))
        .await;
    ben.expect_text("are you there?").await;
}

#[tokio::test]
async fn d14_a_session_that_dies_in_the_middle_takes_nobody_with_it() {
    let server = TestServer::start().await;
    let [ann, ben, cat] = server.people(["ann", "ben", "cat"]).await;
    ann.make_group("ops", &[&ben, &cat]).await;
    let mut cat = cat.connect().await;
    let mut socket = ann.connect().await;
    for at in 0..20 {
        let dying = ben.connect().await;
        socket.send("ops", &format!("text {at}")).await;
        drop(dying);
        cat.expect_text(&format!("text {at}")).await;
    }
    socket.roundtrip().await;
    assert_eq!(ben.texts("ops").await.len(), 21);
}

#[tokio::test]
async fn d17_the_server_says_when_a_message_was_stored() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    let frame = json!({
        "action": "publish", "topic": "ben", "text": "from the past", "id": "p1",
        "sent_at": "1999-01-01T00:00:00Z", "meta": {"client_time": "1999-01-01T00:00:00Z"},
    });
    socket.say(frame.to_string()).await;
    let ack = next_ack(&mut socket).await;
    let message: Message = ben.get("/v1/messages/ann/1").await.read(200);
    assert_eq!(Some(message.sent_at), ack.sent_at, "the server's own time");
    assert!(message.sent_at.to_string().as_str() > "2020");
    let meta = message.meta.expect("the client's own data is carried");
    assert!(meta.as_str().contains("1999-01-01T00:00:00Z"));
}

#[tokio::test]
async fn d07_more_requests_than_a_connection_has_in_flight_are_all_answered() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    for number in 0..1_000 {
        socket
            .say(format!(
                r#"{{"action":"publish","topic":"ben","text":"{number}","id":"many-{number}"}}"#
            ))
            .await;
    }
    for number in 0..1_000 {
        let ack = socket
            .expect(|event| match event {
                Event::Ack(ack) => Some(ack.clone()),
                _ => None,
            })
            .await;
        assert_eq!(ack.seq, Some(Seq(number + 1)));
    }
    drop(ben);
}

#[tokio::test]
async fn d09_who_says_something_and_hangs_up_has_said_it() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut reader = ben.connect().await;
    for number in 0..20 {
        let mut socket = ann.connect().await;
        socket
            .say(format!(
                r#"{{"action":"publish","topic":"ben","text":"call {number}"}}"#
            ))
            .await;
        socket.close().await;
        reader.expect_text(&format!("call {number}")).await;
    }
}
