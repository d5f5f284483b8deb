//! Presence and typing: told to those whom it concerns, once, and never stored.

use chat_proto::action::PresenceOf;
use chat_proto::event::PresenceChanged;
use chat_proto::{Action, ErrorCode, Event, Name, Presence, PresenceState};
use chat_tests::client::on;
use chat_tests::server::Setup;
use chat_tests::{TestClient, TestServer};

fn with_grace(seconds: u32) -> Setup {
    TestServer::setup()
        .arg("--presence-grace")
        .arg(seconds.to_string())
}

async fn change_of(socket: &mut TestClient, name: &str) -> PresenceChanged {
    let change = socket.expect(|event| match event {
        Event::Presence(change) if change.name.as_str() == name => Some(change.clone()),
        _ => None,
    });
    change.await
}

async fn ask(socket: &mut TestClient, names: &[&str]) -> Vec<Presence> {
    let names = names
        .iter()
        .map(|name| Name::parse(name).expect("a name"))
        .collect();
    match socket.request(Action::Presence(PresenceOf { names })).await {
        Event::PresenceList(list) => list.users,
        other => panic!("instead of presences came {other:?}"),
    }
}

fn nobody_came_or_went(events: &[Event]) {
    let told = events
        .iter()
        .find(|event| matches!(event, Event::Presence(_)));
    assert_eq!(told, None);
}

#[tokio::test]
async fn r01_online_with_the_first_connection_and_offline_with_the_last() {
    let server = with_grace(0).start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    ann.make_group("ops", &[&ben]).await;
    let mut socket = ann.connect().await;
    socket.roundtrip().await;
    let first = ben.connect().await;
    let change = change_of(&mut socket, "ben").await;
    assert_eq!(
        (change.state, change.last_seen),
        (PresenceState::Online, None)
    );

    let second = ben.another_device().await.connect().await;
    first.close().await;
    let mut second = second;
    second.send("ann", "fence").await;
    socket.expect_text("fence").await;
    nobody_came_or_went(&socket.until_roundtrip().await);

    second.close().await;
    let change = change_of(&mut socket, "ben").await;
    assert_eq!(change.state, PresenceState::Offline);
    assert!(change.last_seen.is_some());
}

#[tokio::test]
async fn r01_strangers_are_told_nothing() {
    let server = with_grace(0).start().await;
    let [ann, ben, eve] = server.people(["ann", "ben", "eve"]).await;
    ann.make_group("ops", &[&ben]).await;
    let (mut friend, mut stranger) = (ann.connect().await, eve.connect().await);
    stranger.roundtrip().await;
    let socket = ben.connect().await;
    change_of(&mut friend, "ben").await;
    assert_eq!(
        ask(&mut stranger, &["ben"]).await[0].state,
        PresenceState::Offline
    );
    assert_eq!(
        ask(&mut friend, &["ben"]).await[0].state,
        PresenceState::Online
    );
    socket.close().await;
    change_of(&mut friend, "ben").await;
    nobody_came_or_went(&stranger.until_roundtrip().await);
    let seen = ask(&mut stranger, &["ben", "nobody"]).await;
    assert!(seen.iter().all(|one| one.last_seen.is_none()), "{seen:?}");
}

#[tokio::test]
async fn r02_a_quick_reconnect_shows_no_flap() {
    let server = with_grace(2).start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    ann.make_group("ops", &[&ben]).await;
    let mut socket = ann.connect().await;
    socket.roundtrip().await;
    let first = ben.connect().await;
    change_of(&mut socket, "ben").await;
    drop(first);
    let mut second = ben.connect().await;
    second.send("ann", "fence").await;
    socket.expect_text("fence").await;
    nobody_came_or_went(&socket.until_roundtrip().await);
    drop(second);
    // The first thing told of ben after all this is that he went, once the grace is over.
    assert_eq!(
        change_of(&mut socket, "ben").await.state,
        PresenceState::Offline
    );
}

#[tokio::test]
async fn r02_a_log_out_is_told_at_once() {
    let server = with_grace(60).start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    ann.make_group("ops", &[&ben]).await;
    let mut socket = ann.connect().await;
    socket.roundtrip().await;
    let _here = ben.connect().await;
    change_of(&mut socket, "ben").await;
    ben.delete("/v1/sessions/current").await;
    assert_eq!(
        change_of(&mut socket, "ben").await.state,
        PresenceState::Offline
    );
}

#[tokio::test]
async fn r02_a_background_connection_makes_nobody_online() {
    let server = with_grace(0).start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    ann.make_group("ops", &[&ben]).await;
    let mut socket = ann.connect().await;
    socket.roundtrip().await;
    let mut script = ben.dial().query("background=1").connect().await;
    script.send("ann", "from a script").await;
    let mut framed = server.dial().open().await.expect("it opens");
    let frame =
        serde_json::json!({"action": "authenticate", "token": ben.token, "background": true});
    framed.say(frame.to_string()).await;
    framed.greeted().await;
    framed.send("ann", "fence").await;
    socket.expect_text("fence").await;
    nobody_came_or_went(&socket.until_roundtrip().await);
    assert_eq!(
        ask(&mut socket, &["ben"]).await[0].state,
        PresenceState::Offline
    );
}

#[tokio::test]
async fn r03_presence_is_asked_for_by_socket_and_by_http() {
    let server = with_grace(0).start().await;
    let [ann, ben, cat] = server.people(["ann", "ben", "cat"]).await;
    ann.make_group("ops", &[&ben, &cat]).await;
    let mut socket = ann.connect().await;
    let mut here = ben.connect().await;
    change_of(&mut socket, "ben").await;
    let seen = ask(&mut socket, &["cat", "ben", "ann"]).await;
    let states: Vec<_> = seen
        .iter()
        .map(|one| (one.name.as_str(), one.state))
        .collect();
    let online = PresenceState::Online;
    assert_eq!(
        states,
        [
            ("cat", PresenceState::Offline),
            ("ben", online),
            ("ann", online)
        ]
    );

    here.say(r#"{"action":"status","state":"dnd","text":"in a meeting","until":"2999-01-01T00:00:00Z","id":"s"}"#).await;
    here.roundtrip().await;
    assert_eq!(
        change_of(&mut socket, "ben").await.state,
        PresenceState::Dnd
    );
    let by_http: Presence = ann.get("/v1/users/ben/presence").await.read(200);
    assert_eq!(by_http.state, PresenceState::Dnd);
    assert_eq!(by_http.status.expect("a status").text, "in a meeting");

    here.say(
        r#"{"action":"status","state":"online","text":"over","until":"2001-01-01T00:00:00Z"}"#,
    )
    .await;
    here.roundtrip().await;
    assert_eq!(
        change_of(&mut socket, "ben").await.state,
        PresenceState::Online
    );
    let after: Presence = ann.get("/v1/users/ben/presence").await.read(200);
    assert_eq!(
        (after.state, after.status),
        (PresenceState::Online, None),
        "the text has ended"
    );
    here.close().await;
    change_of(&mut socket, "ben").await;
    let gone: Presence = ann.get("/v1/users/ben/presence").await.read(200);
    assert_eq!(gone.state, PresenceState::Offline);
    assert!(gone.last_seen.is_some());
}

#[tokio::test]
async fn r05_typing_is_told_to_the_conversation_and_not_too_often() {
    let server = TestServer::start().await;
    let [ann, ben, eve] = server.people(["ann", "ben", "eve"]).await;
    ann.make_group("ops", &[&ben]).await;
    let (mut a, mut b, mut e) = (
        ann.connect().await,
        ben.connect().await,
        eve.connect().await,
    );
    b.roundtrip().await;
    for _ in 0..10 {
        a.say(r#"{"action":"typing","topic":"ops"}"#).await;
    }
    let typing = b.expect(|event| match event {
        Event::Typing(typing) => Some(typing.clone()),
        _ => None,
    });
    let typing = typing.await;
    assert_eq!((typing.topic.as_str(), typing.by.as_str()), ("ops", "ann"));
    a.send("ops", "done").await;
    b.expect_text("done").await;
    let rest = b.until_roundtrip().await;
    assert!(
        !rest.iter().any(|event| matches!(event, Event::Typing(_))),
        "once in 3 s"
    );
    let rest = a.until_roundtrip().await;
    assert!(
        !rest.iter().any(|event| matches!(event, Event::Typing(_))),
        "not to oneself"
    );
    e.say(r#"{"action":"typing","topic":"ops"}"#).await;
    assert_eq!(e.refused_once().await.code, ErrorCode::NotFound);
    assert_eq!(
        ben.texts("ops").await,
        ["welcome all", "done"],
        "typing is not stored"
    );
    let refused = e.refusal(Action::Typing(on("nothing"))).await;
    assert_eq!(refused, ErrorCode::NotFound);
}
