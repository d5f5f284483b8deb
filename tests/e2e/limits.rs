//! What one user or one address may do, and that the others do not notice.

use chat_proto::ErrorCode;
use chat_tests::client::publish;
use chat_tests::{TestServer, about_one_process, soon};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn s01_a_burst_is_let_through_and_then_the_pace_is_told() {
    let server = TestServer::setup().rate(1, 5).start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    for at in 0..5 {
        socket.send("ben", &format!("text {at}")).await;
    }
    let error = socket
        .send_as("m5", "ben", "too fast")
        .await
        .expect_err("the bucket is empty");
    assert_eq!(error.code, ErrorCode::RateLimited);
    let wait = error.retry_after_ms.expect("when to try again");
    assert!((1..=1000).contains(&wait), "{wait}");
    // What was refused is nowhere; after the time that was told it goes.
    assert_eq!(ben.texts("ann").await.len(), 5);
    chat_tests::eventually("the bucket fills again", async || {
        socket.send_as("m5", "ben", "too fast").await.ok()
    })
    .await;
    assert_eq!(ben.texts("ann").await.len(), 6);
}

#[tokio::test]
async fn s01_one_bucket_for_all_sessions_and_for_http() {
    if about_one_process("each node has a bucket of its own") {
        return;
    }
    let server = TestServer::setup().rate(1, 4).start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let other = ann.another_device().await;
    ann.connect().await.send("ben", "1").await;
    other.connect().await.send("ben", "2").await;
    for text in ["3", "4"] {
        ann.post("/v1/messages", &json!({"topic": "ben", "text": text}))
            .await
            .expect(201);
    }
    let answer = other
        .post("/v1/messages", &json!({"topic": "ben", "text": "5"}))
        .await;
    let after = answer.headers.get("retry-after").is_some();
    assert!(after, "HTTP says Retry-After");
    answer.refused(429, "rate_limited");
    assert_eq!(ben.texts("ann").await, ["1", "2", "3", "4"]);
    ben.connect()
        .await
        .send("ann", "others do not notice")
        .await;
}

#[tokio::test]
async fn s01_repeats_and_resyncs_are_free() {
    let server = TestServer::setup().rate(1, 2).start().await;
    let [ann, _ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    socket.send_as("k1", "ben", "one").await.expect("an ack");
    socket.send_as("k2", "ben", "two").await.expect("an ack");
    for _ in 0..20 {
        assert!(
            socket
                .send_as("k1", "ben", "one")
                .await
                .expect("an ack")
                .dup
        );
        socket
            .say(r#"{"action":"sync","id":"s","topics":{"ben":0}}"#)
            .await;
    }
    assert_eq!(socket.messages_until_roundtrip().await.len(), 40);
    assert_eq!(
        socket.refusal(publish("ben", "three")).await,
        ErrorCode::RateLimited
    );
}

#[tokio::test]
async fn s02_slow_handshakes_are_gone_in_time_and_nobody_notices() {
    let server = TestServer::setup().address_limits().start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut a, mut b) = (ann.connect().await, ben.connect().await);
    let mut slow = Vec::new();
    for at in 0..200 {
        let Ok(mut stream) = TcpStream::connect(server.address).await else {
            break;
        };
        let start = b"GET /socket HTTP/1.1\r\nHost: x\r\nX-Slow: ";
        // Some say nothing at all, some only a part of a header; the server may have closed already.
        if at % 2 == 0 {
            let _ = stream.write_all(start).await;
        }
        slow.push(stream);
    }
    for at in 0..20 {
        a.send("ben", &format!("text {at}")).await;
        b.expect_text(&format!("text {at}")).await;
    }
    soon("all of them are gone", async {
        for mut stream in slow {
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
    })
    .await;
}

#[tokio::test]
async fn s02_a_user_has_at_most_sixteen_connections() {
    if about_one_process("each node counts its own connections") {
        return;
    }
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut sockets = Vec::new();
    for _ in 0..16 {
        sockets.push(ann.connect().await);
    }
    match ann.dial().open().await {
        Err(status) => assert_eq!(status, 429),
        Ok(mut socket) => assert_eq!(socket.close_code().await, 1013),
    }
    for socket in &mut sockets {
        socket.roundtrip().await;
    }
    ben.connect().await.roundtrip().await;
    sockets.pop().expect("sixteen").close().await;
    chat_tests::eventually("there is room again", async || {
        let mut socket = ann.dial().open().await.ok()?;
        match socket.next_or_end().await {
            Some(chat_proto::Event::Welcome(_)) => Some(()),
            _ => None,
        }
    })
    .await;
}

#[tokio::test]
async fn s02_strangers_of_one_address_are_limited_and_members_are_not() {
    if about_one_process("each node counts its own strangers") {
        return;
    }
    let server = TestServer::setup().address_limits().start().await;
    let ann = server.person("ann").await;
    let mut member = ann.connect().await;
    let mut strangers = Vec::new();
    let mut turned_away = false;
    for _ in 0..400 {
        match server.dial().open().await {
            Ok(socket) => strangers.push(socket),
            Err(_) => {
                turned_away = true;
                break;
            }
        }
    }
    assert!(turned_away, "400 strangers of one address are too many");
    member.roundtrip().await;
    drop(strangers);
    member.roundtrip().await;
}

#[tokio::test]
async fn s02_guessing_passwords_from_one_address_is_slowed_down() {
    if about_one_process("each node counts its own guesses") {
        return;
    }
    let server = TestServer::setup().address_limits().start().await;
    let mut limited = false;
    for guess in 0..100 {
        let body = json!({"name": format!("user{guess}"), "password": "not the password"});
        let answer = server
            .call(chat_tests::Call::post("/v1/sessions", &body))
            .await;
        limited |= answer.status == 429;
        if limited {
            break;
        }
    }
    assert!(limited, "100 names guessed from one address are too many");
}

#[tokio::test]
async fn s02_headers_without_an_end_are_cut_off() {
    let server = TestServer::start().await;
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("a connection");
    let header = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX-Large: {}",
        "x".repeat(1 << 20)
    );
    let _ = stream.write_all(header.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = soon("the end", stream.read_to_end(&mut answer)).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    let ann = server.person("ann").await;
    ann.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn s02_a_body_above_the_limit_is_refused() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let body = json!({"topic": "ann", "text": "x".repeat(65_537)});
    ann.post("/v1/messages", &body)
        .await
        .refused(413, "too_large");
    let body = json!({"topic": "ann", "text": "x".repeat(2_000_000)});
    let call = chat_tests::Call::post("/v1/messages", &body).token(&ann.token);
    // The server may close before it has read all of it.
    if let Ok(answer) = call.try_send(server.address).await {
        assert_eq!(answer.status, 413);
    }
    ann.get("/v1/me").await.expect(200);
}
