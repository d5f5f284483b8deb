//! Private groups and direct conversations: who is in, who is out, and who learns what.

use chat_proto::api::{Group, GroupCreated, Member};
use chat_proto::{Action, ErrorCode, Event, Role};
use chat_tests::client::{on, publish};
use chat_tests::{Call, Person, TestServer};
use serde_json::json;

#[tokio::test]
async fn t04_a_group_comes_into_being_with_its_first_message() {
    let server = TestServer::start().await;
    let [ann, ben, cat] = server.people(["ann", "ben", "cat"]).await;
    let mut socket = ben.connect().await;
    let body = json!({"title": "The team", "users": ["ben", "@cat"], "text": "hello", "id": "g1"});
    let made: GroupCreated = ann.post("/v1/groups", &body).await.read(201);
    assert_eq!((made.seq.0, made.rev.0, made.id.as_str()), (1, 1, "g1"));
    assert_eq!(made.title, "The team");
    assert_eq!(socket.expect_text("hello").await.topic, made.topic);
    let members: Vec<Member> = cat
        .get(&format!("/v1/groups/{}/users", made.topic))
        .await
        .read(200);
    let mut names: Vec<_> = members.iter().map(|m| (m.name.as_str(), m.role)).collect();
    names.sort_unstable_by_key(|(name, _)| *name);
    assert_eq!(
        names,
        [
            ("ann", Role::Owner),
            ("ben", Role::Member),
            ("cat", Role::Member)
        ]
    );
    let again: GroupCreated = ann.post("/v1/groups", &body).await.read(200);
    assert_eq!((again.topic, again.dup), (made.topic, true));
}

#[tokio::test]
async fn t04_without_a_name_and_a_title_a_group_is_called_by_its_members() {
    let server = TestServer::start().await;
    let [ann, _ben, _cat] = server.people(["ann", "ben", "cat"]).await;
    let body = json!({"users": ["ben", "cat"], "text": "hello"});
    let one: GroupCreated = ann.post("/v1/groups", &body).await.read(201);
    let two: GroupCreated = ann.post("/v1/groups", &body).await.read(201);
    assert_ne!(one.topic, two.topic, "two groups have two names");
    for name in ["ben", "cat"] {
        assert!(one.title.contains(name), "{}", one.title);
    }
}

#[tokio::test]
async fn t04_a_bad_group_is_refused_and_leaves_nothing() {
    let server = TestServer::start().await;
    let [ann, _ben] = server.people(["ann", "ben"]).await;
    for (body, status, code) in [
        (json!({"users": ["ben"]}), 400, "invalid"),
        (
            json!({"name": "ops", "users": "ben", "text": "hi"}),
            400,
            "invalid",
        ),
        (
            json!({"name": "ops", "users": ["nobody"], "text": "hi"}),
            404,
            "not_found",
        ),
        (
            json!({"name": "ops", "users": ["ben"], "text": ""}),
            422,
            "rejected",
        ),
        (
            json!({"name": "not a name", "users": ["ben"], "text": "hi"}),
            422,
            "rejected",
        ),
        (
            json!({"name": "everyone", "users": ["ben"], "text": "hi"}),
            422,
            "rejected",
        ),
        (
            json!({"name": "ben", "users": ["ben"], "text": "hi"}),
            409,
            "conflict",
        ),
        (
            json!({"name": "ops", "title": "a\u{202e}b", "users": [], "text": "hi"}),
            422,
            "rejected",
        ),
    ] {
        ann.post("/v1/groups", &body).await.refused(status, code);
    }
    assert_eq!(ann.get("/v1/conversations").await.expect(200), json!([]));
    ann.get("/v1/groups/ops").await.refused(404, "not_found");
}

#[tokio::test]
async fn t04_members_add_members_and_anyone_leaves() {
    let server = TestServer::start().await;
    let [ann, ben, cat] = server.people(["ann", "ben", "cat"]).await;
    ann.make_group("ops", &[&ben]).await;
    let (mut socket, mut newcomer) = (ann.connect().await, cat.connect().await);
    let added = ben.put("/v1/groups/ops/users/cat").await.status;
    assert!((200..300).contains(&added), "{added}");
    socket
        .expect(|event| matches!(event, Event::Join(j) if j.name.as_str() == "cat").then_some(()))
        .await;
    socket.send("ops", "hello cat").await;
    newcomer.expect_text("hello cat").await;
    let left = cat.delete("/v1/groups/ops/users/cat").await.status;
    assert!((200..300).contains(&left), "{left}");
    socket
        .expect(|event| matches!(event, Event::Leave(l) if l.name.as_str() == "cat").then_some(()))
        .await;
    assert_eq!(
        newcomer.refusal(publish("ops", "hi")).await,
        ErrorCode::NotFound
    );
}

#[tokio::test]
async fn t04_a_member_who_is_neither_owner_nor_admin_removes_nobody() {
    let server = TestServer::start().await;
    let [ann, ben, cat] = server.people(["ann", "ben", "cat"]).await;
    ann.make_group("ops", &[&ben, &cat]).await;
    ben.delete("/v1/groups/ops/users/cat")
        .await
        .refused(403, "forbidden");
    ben.delete("/v1/groups/ops/users/ann")
        .await
        .refused(403, "forbidden");
    cat.get("/v1/groups/ops").await.expect(200);
}

/// Every way to a group's content, each with the answer that an outsider gets.
async fn sees_nothing(eve: &Person, group: &str) {
    for (method, path) in [
        ("GET", format!("/v1/groups/{group}")),
        ("GET", format!("/v1/groups/{group}/users")),
        ("GET", format!("/v1/groups/{group}/messages")),
        ("PUT", format!("/v1/groups/{group}/users/eve")),
        ("PUT", format!("/v1/groups/{group}/users/ann")),
        ("DELETE", format!("/v1/groups/{group}/users/eve")),
        ("DELETE", format!("/v1/groups/{group}/users/ann")),
        ("GET", format!("/v1/messages?topic={group}")),
        ("GET", format!("/v1/messages/{group}/1")),
        ("GET", format!("/v1/messages/{group}/1/readers")),
    ] {
        eve.call(Call::new(method, path))
            .await
            .refused(404, "not_found");
    }
    let send = json!({"topic": group, "text": "hi"});
    eve.post("/v1/messages", &send)
        .await
        .refused(404, "not_found");
    let read = json!({"topic": group, "seq": 1});
    eve.post("/v1/read", &read).await.refused(404, "not_found");
    let mut socket = eve.connect().await;
    for action in [
        format!(r#"{{"action":"publish","topic":"{group}","text":"hi"}}"#),
        format!(r#"{{"action":"subscribe","topic":"{group}"}}"#),
        format!(r#"{{"action":"unsubscribe","topic":"{group}"}}"#),
        format!(r#"{{"action":"read","topic":"{group}","seq":1}}"#),
        format!(r#"{{"action":"delivered","topic":"{group}","seq":1}}"#),
        format!(r#"{{"action":"history","topic":"{group}"}}"#),
        format!(r#"{{"action":"changes","topic":"{group}","after":0}}"#),
        format!(r#"{{"action":"typing","topic":"{group}"}}"#),
    ] {
        socket.say(action.clone()).await;
        assert_eq!(
            socket.refused_once().await.code,
            ErrorCode::NotFound,
            "{action}"
        );
    }
}

/// What a sync tells of a group, whoever asks.
async fn synced(person: &Person, group: &str) -> Vec<Event> {
    let mut socket = person.connect().await;
    let sync = json!({"action": "sync", "id": "s", "topics": {group: 0}});
    socket.say(sync.to_string()).await;
    let mut told = socket.until_roundtrip().await;
    told.retain(|event| match event {
        Event::Marks(marks) => marks.topic.as_str() == group,
        Event::Synced(end) => end
            .conversations
            .iter()
            .any(|line| line.topic.as_str() == group),
        event => event.log_place().is_some(),
    });
    told
}

#[tokio::test]
async fn t03_a_private_group_does_not_exist_for_those_outside_it() {
    let server = TestServer::start().await;
    let [ann, ben, eve] = server.people(["ann", "ben", "eve"]).await;
    ann.make_group("secret", &[&ben]).await;
    sees_nothing(&eve, "secret").await;
    assert_eq!(synced(&eve, "secret").await, []);
    let there = eve.get("/v1/groups/secret").await.refused(404, "not_found");
    let nothing = eve.get("/v1/groups/nothin").await.refused(404, "not_found");
    assert_eq!(there.replace("secret", "x"), nothing.replace("nothin", "x"));
    assert_eq!(ann.texts("secret").await, ["welcome all"]);
}

#[tokio::test]
async fn t05_a_member_who_connects_is_in_all_their_groups() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    for group in ["one", "two", "three"] {
        ann.make_group(group, &[&ben]).await;
    }
    let (mut ann, mut ben) = (ann.connect().await, ben.connect().await);
    for group in ["one", "two", "three"] {
        ann.send(group, &format!("to {group}")).await;
        let message = ben.expect_text(&format!("to {group}")).await;
        assert_eq!(message.topic.as_str(), group);
    }
}

#[tokio::test]
async fn t05_who_is_added_while_connected_is_in_at_once() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ben.connect().await;
    socket.roundtrip().await;
    ann.make_group("ops", &[&ben]).await;
    let first = socket.expect_text("welcome all").await;
    assert_eq!((first.seq.0, first.rev.0), (1, 1));
}

#[tokio::test]
async fn t06_two_who_write_at_once_have_one_conversation() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut one, mut two) = (ann.connect().await, ben.connect().await);
    let (from_ann, from_ben) = tokio::join!(one.send("ben", "hi ben"), two.send("ann", "hi ann"));
    let mut numbers = [
        from_ann.seq.expect("a number").0,
        from_ben.seq.expect("a number").0,
    ];
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(ann.texts("ben").await, ben.texts("ann").await);
}

#[tokio::test]
async fn t06_nobody_else_reads_a_direct_conversation() {
    let server = TestServer::start().await;
    let [ann, ben, eve] = server.people(["ann", "ben", "eve"]).await;
    ann.connect().await.send("ben", "between us").await;
    for person in ["ann", "ben"] {
        for path in [
            format!("/v1/messages?topic={person}"),
            format!("/v1/messages/{person}/1"),
            format!("/v1/messages/{person}/1/readers"),
        ] {
            let answer = eve.get(&path).await;
            assert!(
                !answer.text.contains("between us"),
                "{path}: {}",
                answer.text
            );
        }
    }
    assert_eq!(eve.get("/v1/conversations").await.expect(200), json!([]));
    assert_eq!(ben.texts("ann").await, ["between us"]);
}

#[tokio::test]
async fn t07_who_left_gets_no_message_in_and_none_out() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    ann.make_group("ops", &[&ben]).await;
    let (mut writer, mut leaver) = (ann.connect().await, ben.connect().await);
    let leaving = ben.clone();
    let left = tokio::spawn(async move { leaving.delete("/v1/groups/ops/users/ben").await.status });
    let mut refused = false;
    for at in 0..60 {
        match leaver
            .send_as(&format!("b{at}"), "ops", &format!("ben {at}"))
            .await
        {
            Ok(_) => assert!(!refused, "in again after being out"),
            Err(error) => {
                assert_eq!(error.code, ErrorCode::NotFound);
                refused = true;
            }
        }
    }
    assert!((200..300).contains(&left.await.expect("it ends")));
    assert_eq!(
        leaver.refusal(publish("ops", "hi")).await,
        ErrorCode::NotFound
    );
    let leave = writer.expect(|event| match event {
        Event::Leave(leave) => Some(leave.rev),
        _ => None,
    });
    let leave = leave.await;
    writer.send("ops", "ben is gone").await;
    writer.send("ben", "fence").await;
    leaver.expect_text("fence").await;
    let rest = leaver.messages_until_roundtrip().await;
    assert!(
        rest.iter().all(|message| message.text != "ben is gone"),
        "{rest:?}"
    );
    let page = ann
        .get("/v1/messages?topic=ops&limit=1000")
        .await
        .expect(200);
    for message in page["messages"].as_array().expect("messages") {
        let late = message["rev"].as_u64() > Some(leave.0);
        assert!(!(late && message["from"]["name"] == "ben"), "{message}");
    }
}

#[tokio::test]
async fn t07_who_left_reads_it_no_more() {
    let server = TestServer::start().await;
    let [ann, ben, eve] = server.people(["ann", "ben", "eve"]).await;
    ann.make_group("secret", &[&ben, &eve]).await;
    eve.delete("/v1/groups/secret/users/eve").await;
    let mut socket = ann.connect().await;
    socket.send("secret", "without eve").await;
    socket.read("secret", 2).await;
    sees_nothing(&eve, "secret").await;
    // A device that was away learns that she has left, and nothing else.
    let told = synced(&eve, "secret").await;
    let left = |event: &Event| matches!(event, Event::Leave(_));
    assert!(told.iter().all(left), "{told:?}");
}

#[tokio::test]
async fn t08_when_the_owner_leaves_the_oldest_member_owns_the_group() {
    let server = TestServer::start().await;
    let [ann, ben, cat] = server.people(["ann", "ben", "cat"]).await;
    ann.make_group("ops", &[&ben]).await;
    ann.put("/v1/groups/ops/users/cat").await;
    ann.delete("/v1/groups/ops/users/ann").await;
    let group: Group = ben.get("/v1/groups/ops").await.read(200);
    assert_eq!((group.role, group.members), (Some(Role::Owner), 2));
    let group: Group = cat.get("/v1/groups/ops").await.read(200);
    assert_eq!(group.role, Some(Role::Member));
}

#[tokio::test]
async fn t08_a_group_left_by_all_is_gone_and_its_name_is_not_free() {
    let server = TestServer::start().await;
    let [ann, eve] = server.people(["ann", "eve"]).await;
    ann.make_group("ops", &[]).await;
    ann.delete("/v1/groups/ops/users/ann").await;
    ann.get("/v1/groups/ops").await.refused(404, "not_found");
    let body = json!({"name": "ops", "users": [], "text": "mine now"});
    eve.post("/v1/groups", &body).await.refused(409, "conflict");
    let mut socket = eve.connect().await;
    assert_eq!(
        socket.refusal(Action::Subscribe(on("ops"))).await,
        ErrorCode::NotFound
    );
}
