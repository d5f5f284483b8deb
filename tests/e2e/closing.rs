//! How connections and the server end: with a word, in a stated time, and without a send in between.

use std::time::Duration;

use chat_proto::Event;
use chat_tests::{Call, TestClient, TestServer, about_one_process, soon};
use nix::sys::signal::Signal;
use serde_json::json;

/// Says `going_away` on the socket and ends with a code that lets a client come back.
async fn goes_away(socket: &mut TestClient) {
    let told = socket.expect(|event| matches!(event, Event::GoingAway(_)).then_some(()));
    told.await;
    let code = socket.close_code().await;
    assert!([1001, 1012].contains(&code), "{code}");
}

#[tokio::test]
async fn d21_a_server_asked_to_stop_says_so_and_exits_0() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = TestServer::start().await;
        let [ann, ben] = server.people(["ann", "ben"]).await;
        let (mut ann, mut ben) = (ann.connect().await, ben.connect().await);
        server.signal(signal);
        goes_away(&mut ann).await;
        goes_away(&mut ben).await;
        assert_eq!(server.ended().await.code(), Some(0), "after {signal}");
        assert!(
            Call::get("/healthz")
                .try_send(server.address)
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn d21_a_send_in_flight_is_acked_or_refused_or_known_by_its_id_later() {
    let mut server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    for at in 0..500 {
        let id = format!("m{at}");
        let frame = json!({"action": "publish", "topic": "ben", "text": id, "id": id});
        socket.say(frame.to_string()).await;
    }
    server.signal(Signal::SIGTERM);
    let (mut acked, mut refused) = (Vec::new(), Vec::new());
    while let Some(event) = soon("the end", socket.next_or_end()).await {
        match event {
            Event::Ack(ack) => acked.push(ack.id.expect("an id").to_string()),
            Event::Error(error) => refused.push(error),
            _ => {}
        }
    }
    assert_eq!(server.ended().await.code(), Some(0));
    server.restart().await;
    let stored = ben.texts("ann").await;
    for id in &acked {
        assert!(stored.contains(id), "{id} was acked");
    }
    for error in &refused {
        let id = error.id.as_ref().expect("an id").as_str();
        assert!(!stored.iter().any(|text| text == id) || error.code.outcome_unknown());
    }
    // What was not answered is found out by repeating it.
    let mut socket = ann.connect().await;
    for at in 0..500 {
        let id = format!("m{at}");
        let ack = socket.send_as(&id, "ben", &id).await.expect("an ack");
        assert_eq!(ack.dup, stored.contains(&id), "{id}");
    }
    assert_eq!(ben.texts("ann").await.len(), 500);
}

#[tokio::test]
async fn d21_a_client_that_does_not_read_does_not_hold_up_the_end() {
    let mut server = TestServer::setup().arg("--drain=2").start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let stalled = ben.dial().slow().connect().await;
    let mut socket = ann.connect().await;
    let text = "x".repeat(60_000);
    for _ in 0..200 {
        socket.send("ben", &text).await;
    }
    server.signal(Signal::SIGTERM);
    let ended = tokio::time::timeout(Duration::from_secs(6), server.ended()).await;
    assert_eq!(ended.expect("within --drain").code(), Some(0));
    drop(stalled);
}

#[tokio::test]
async fn d21_after_the_close_frame_the_server_hangs_up_at_once() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let mut socket = ann.connect().await;
    ann.delete("/v1/sessions/current").await;
    assert_eq!(socket.close_code().await, 1008);
    // RFC 6455, 7.1.1: it is the server that closes the connection first, and the client waits for it.
    let start = tokio::time::Instant::now();
    socket.gone().await;
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "took {:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn d20_a_connection_that_answers_nothing_is_closed_within_a_minute() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    if about_one_process("it waits a minute for the pings of one") {
        return;
    }
    if std::env::var_os("CHAT_TESTS_SLOW").is_none() {
        chat_tests::skip("d20", "it takes a minute; set CHAT_TESTS_SLOW to run it");
        return;
    }
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .expect("a connection");
    let request = format!(
        "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Authorization: Bearer {}\r\n\r\n",
        ann.token
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("a request");
    let mut all = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(65), stream.read_to_end(&mut all)).await;
    assert!(end.is_ok(), "it is closed within 60 s");
    assert!(all.windows(2).any(|two| two[0] == 0x89), "there was a ping");
}

#[tokio::test]
async fn d20_a_closed_connection_is_answered_and_gone() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let socket = ann.connect().await;
    socket.close().await;
    let sessions: Vec<chat_proto::api::SessionInfo> =
        chat_tests::eventually("the connection is gone", async || {
            let list: Vec<chat_proto::api::SessionInfo> = ann.get("/v1/sessions").await.read(200);
            (!list[0].connected).then_some(list)
        })
        .await;
    assert_eq!(sessions.len(), 1);
}
