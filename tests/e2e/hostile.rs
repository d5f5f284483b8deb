//! What a client may get wrong, by mistake or on purpose: one error that says what, and nothing else happens.

use chat_proto::{ErrorCode, Event};
use chat_tests::{Call, TestClient, TestServer};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame as RawFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

/// Says `frame`, and expects one refusal with `code` and a connection that stays.
async fn refused(socket: &mut TestClient, frame: &str, code: ErrorCode) -> String {
    socket.say(frame).await;
    let error = socket.refused_once().await;
    let shown: String = frame.chars().take(200).collect();
    assert_eq!(error.code, code, "{shown}: {}", error.message);
    let harmless = |c: char| c == ' ' || !(c.is_control() || c.is_whitespace());
    assert!(error.message.chars().all(harmless), "{:?}", error.message);
    error.message
}

#[tokio::test]
async fn d19_malformed_frames_get_one_error_and_the_connection_stays() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let mut socket = ann.connect().await;
    for frame in [
        "",
        " ",
        "hello",
        "{",
        "}",
        "null",
        "7",
        "[]",
        "\"publish\"",
        r#"["publish","ann","hi"]"#,
        "{}",
        r#"{"type":"publish"}"#,
        r#"{"action":7}"#,
        r#"{"action":null}"#,
        r#"{"action":"explode"}"#,
        r#"{"action":"PUBLISH","topic":"ann","text":"hi"}"#,
        r#"{"action":"publish"}"#,
        r#"{"action":"publish","topic":"ann"}"#,
        r#"{"action":"publish","text":"hi"}"#,
        r#"{"action":"publish","topic":7,"text":"hi"}"#,
        r#"{"action":"publish","topic":["ann"],"text":"hi"}"#,
        r#"{"action":"publish","topic":"ann","text":{"a":1}}"#,
        r#"{"action":"publish","topic":"ann","text":null}"#,
        r#"{"action":"publish","topic":"not a name","text":"hi"}"#,
        r#"{"action":"publish","topic":"","text":"hi"}"#,
        r#"{"action":"publish","topic":"ann","text":"hi","id":7}"#,
        r#"{"action":"publish","topic":"ann","text":"hi","id":""}"#,
        r#"{"action":"publish","topic":"ann","text":"hi","id":"\u0007"}"#,
        r#"{"action":"publish","topic":"ann","text":"hi","reply_to":"1"}"#,
        r#"{"action":"publish","topic":"ann","text":"hi","reply_to":-1}"#,
        r#"{"action":"publish","topic":"ann","text":"hi","reply_to":1.5}"#,
        r#"{"action":"publish","topic":"ann","text":"hi","reply_to":99999999999999999999999}"#,
        r#"{"action":"publish","topic":"ann","text":"hi","kind":"no kind"}"#,
        r#"{"action":"publish","topic":"ann","text":"hi","meta":[1]}"#,
        r#"{"action":"publish","topic":"ann","text":"hi"} trailing"#,
        r#"{"action":"publish","topic":"ann","text":"\ud800"}"#,
        r#"{"action":"publish","topic":"ann","text":"\udc00\ud800"}"#,
        r#"{"action":"publish","topic":"ann","text":NaN}"#,
        r#"{"action":"publish","topic":"ann","text":"hi","seq":}"#,
        r#"{"action":"read","topic":"ann"}"#,
        r#"{"action":"read","topic":"ann","seq":-1}"#,
        r#"{"action":"read","topic":"ann","seq":"1"}"#,
        r#"{"action":"history"}"#,
        r#"{"action":"history","topic":"ann","before":1,"after":2}"#,
        r#"{"action":"history","topic":"ann","limit":0}"#,
        r#"{"action":"history","topic":"ann","limit":1001}"#,
        r#"{"action":"changes","topic":"ann"}"#,
        r#"{"action":"sync","topics":["ann"]}"#,
        r#"{"action":"sync","topics":{"ann":-1}}"#,
        r#"{"action":"presence","names":"ann"}"#,
        r#"{"action":"status","state":7}"#,
        r#"{"action":"subscribe"}"#,
    ] {
        refused(&mut socket, frame, ErrorCode::Invalid).await;
    }
    assert!(ann.get("/v1/conversations").await.expect(200) == json!([]));
}

#[tokio::test]
async fn d19_the_error_carries_the_id_and_names_the_field() {
    let server = TestServer::start().await;
    let mut socket = server.person("ann").await.connect().await;
    socket
        .say(r#"{"action":"publish","id":"q7","topic":"ann"}"#)
        .await;
    let error = socket.refused_once().await;
    assert_eq!(error.id.expect("the id").as_str(), "q7");
    assert!(error.message.contains("text"), "{}", error.message);
    socket.say(r#"{"id":"q8","action":"explode"}"#).await;
    let error = socket.refused_once().await;
    assert_eq!(error.id.expect("the id").as_str(), "q8");
    assert!(error.message.contains("explode"), "{}", error.message);
}

#[tokio::test]
async fn d19_a_text_above_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut ann, mut ben) = (ann.connect().await, ben.connect().await);
    let full = "x".repeat(65_536);
    ann.send("ben", &full).await;
    ben.expect_text(&full).await;
    let over = json!({"action": "publish", "topic": "ben", "text": full + "x"}).to_string();
    refused(&mut ann, &over, ErrorCode::TooLarge).await;
    let wide = "é".repeat(32_769);
    let over = json!({"action": "publish", "topic": "ben", "text": wide}).to_string();
    refused(&mut ann, &over, ErrorCode::TooLarge).await;
    let meta = json!({"k": "x".repeat(2100)});
    let over = json!({"action": "publish", "topic": "ben", "text": "hi", "meta": meta}).to_string();
    refused(&mut ann, &over, ErrorCode::TooLarge).await;
    assert_eq!(
        ann.send("ben", "still here").await.seq.expect("a number").0,
        2
    );
}

#[tokio::test]
async fn d19_a_depth_bomb_is_refused_and_breaks_nothing() {
    let server = TestServer::start().await;
    let mut socket = server.person("ann").await.connect().await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [200, 10_000, 80_000] {
            let bomb = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            refused(&mut socket, &bomb, ErrorCode::Invalid).await;
            let hidden = format!(
                r#"{{"action":"publish","topic":"ann","text":"hi","meta":{{"a":{}{}}}}}"#,
                "[".repeat(depth.min(900)),
                "]".repeat(depth.min(900))
            );
            socket.say(hidden).await;
            let error = socket.refused_once().await;
            assert!([ErrorCode::Invalid, ErrorCode::TooLarge].contains(&error.code));
        }
    }
}

#[tokio::test]
async fn d19_a_frame_above_the_limit_closes_with_1009() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let mut socket = ann.connect().await;
    // The write may fail when the server has closed already: that is what it is to do.
    let _ = socket.frame(Frame::text("x".repeat(8 * 65_536 + 1))).await;
    assert_eq!(socket.close_code().await, 1009);
    ann.connect().await.roundtrip().await;
}

#[tokio::test]
async fn d19_a_header_that_announces_a_terabyte_closes_with_1009() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let mut stream = upgraded(server.address, &ann.token).await;
    let mut frame = vec![0x81, 0xff];
    frame.extend_from_slice(&(1_u64 << 40).to_be_bytes());
    frame.extend_from_slice(&[1, 2, 3, 4]);
    stream.write_all(&frame).await.expect("a header");
    let mut rest = Vec::new();
    let read = stream.read_to_end(&mut rest);
    chat_tests::soon("the end", read).await.expect("a close");
    let close = rest
        .windows(4)
        .any(|four| four[0] == 0x88 && four[2..] == 1009_u16.to_be_bytes());
    assert!(close, "no close frame with 1009 among {} bytes", rest.len());
}

/// A socket after its handshake, without a library that would mend what is sent.
async fn upgraded(server: std::net::SocketAddr, token: &str) -> tokio::net::TcpStream {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(server)
        .await
        .expect("a connection");
    let request = format!(
        "GET /socket HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("a request");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = chat_tests::soon("the upgrade", stream.read_u8()).await;
        head.push(byte.expect("an answer"));
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    stream
}

#[tokio::test]
async fn d19_an_unmasked_frame_closes_with_1002() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let mut stream = upgraded(server.address, &ann.token).await;
    stream.write_all(b"\x81\x02hi").await.expect("a frame");
    let mut rest = Vec::new();
    chat_tests::soon("the end", stream.read_to_end(&mut rest))
        .await
        .expect("a close");
    let close = rest
        .windows(4)
        .any(|four| four[0] == 0x88 && four[2..] == 1002_u16.to_be_bytes());
    assert!(close, "no close frame with 1002 among {} bytes", rest.len());
}

#[tokio::test]
async fn d19_a_binary_frame_closes_with_1003() {
    let server = TestServer::start().await;
    let mut socket = server.person("ann").await.connect().await;
    let frame = Frame::binary(r#"{"action":"ping"}"#.as_bytes().to_vec());
    socket.frame(frame).await.expect("it is written");
    assert_eq!(socket.close_code().await, 1003);
}

#[tokio::test]
async fn d19_invalid_utf8_closes_with_1007() {
    let server = TestServer::start().await;
    let mut socket = server.person("ann").await.connect().await;
    let raw = RawFrame::message(
        b"{\"action\":\"\xff\xfe\"}".to_vec(),
        OpCode::Data(Data::Text),
        true,
    );
    socket
        .frame(Frame::Frame(raw))
        .await
        .expect("it is written");
    assert_eq!(socket.close_code().await, 1007);
}

#[tokio::test]
async fn d19_fields_that_nobody_knows_are_passed_over() {
    let server = TestServer::start().await;
    let mut socket = server.person("ann").await.connect().await;
    socket
        .say(r#"{"future":{"deep":[1,2]},"action":"ping","id":"p","seq":7}"#)
        .await;
    let pong = socket.expect(|event| matches!(event, Event::Pong(_)).then_some(()));
    pong.await;
}

#[tokio::test]
async fn d19_texts_that_could_drive_a_terminal_are_rejected() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    for text in [
        "\u{1b}]52;c;aGk=\u{7}",
        "\u{1b}[2J",
        "a\rb",
        "bell \u{7}",
        "nul \0",
        "c1 \u{9b}1m",
        "del \u{7f}",
        "bidi \u{202e}txt.exe",
        "isolate \u{2066}x",
        "zero \u{200b}width",
        "tag \u{e0041}",
        "",
        "   \n\t ",
    ] {
        let frame = json!({"action": "publish", "topic": "ben", "text": text}).to_string();
        refused(&mut socket, &frame, ErrorCode::Rejected).await;
        let body = json!({"topic": "ben", "text": text});
        ann.post("/v1/messages", &body)
            .await
            .refused(422, "rejected");
    }
    assert!(ben.get("/v1/conversations").await.expect(200) == json!([]));
    for text in ["a\tb\nc", "👩\u{200d}💻", "می\u{200c}خواهم", "漢字 🎉"] {
        socket.send("ben", text).await;
    }
    socket.send("ben", "one\r\ntwo").await;
    assert_eq!(
        ben.texts("ann").await.last().map(String::as_str),
        Some("one\ntwo")
    );
}

#[tokio::test]
async fn d19_a_reply_to_what_is_not_there_is_not_found() {
    let server = TestServer::start().await;
    let [ann, _ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    for field in ["reply_to", "thread"] {
        let mut frame = json!({"action": "publish", "topic": "ben", "text": "re"});
        frame[field] = 5.into();
        refused(&mut socket, &frame.to_string(), ErrorCode::NotFound).await;
    }
    socket.send("ben", "first").await;
    socket
        .say(r#"{"action":"publish","topic":"ben","text":"re","reply_to":1,"kind":"code","lang":"rust"}"#)
        .await;
    socket.roundtrip().await;
    let copy = ann.get("/v1/messages/ben/2").await.expect(200);
    assert_eq!(
        (&copy["reply_to"], &copy["kind"], &copy["lang"]),
        (&json!(1), &json!("code"), &json!("rust"))
    );
}

#[tokio::test]
async fn d19_a_compression_offer_is_not_taken() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let offer = "permessage-deflate; client_max_window_bits";
    let mut socket = ann
        .dial()
        .header("sec-websocket-extensions", offer)
        .connect()
        .await;
    socket.roundtrip().await;
}

#[tokio::test]
async fn d14_a_flood_of_rubbish_moves_nobody_else() {
    let server = TestServer::start().await;
    let [ann, ben, eve] = server.people(["ann", "ben", "eve"]).await;
    let mut flood = eve.connect().await;
    let rubbish = tokio::spawn(async move {
        for _ in 0..3000 {
            if flood.frame(Frame::text("{\"action\":")).await.is_err() {
                return;
            }
        }
    });
    let (mut ann, mut ben) = (ann.connect().await, ben.connect().await);
    for at in 0..50 {
        ann.send("ben", &format!("text {at}")).await;
        ben.expect_text(&format!("text {at}")).await;
    }
    rubbish.await.expect("the flood ends");
}

#[tokio::test]
async fn s03_a_nul_in_whatever_a_request_names_is_refused_and_is_no_fault() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    ann.make_group("ops", &[]).await;
    let asked = [
        "/v1/conversations?before=%00",
        "/v1/messages?topic=%00",
        "/v1/messages?id=%00",
        "/v1/messages/%00/1",
        "/v1/messages/ops/%00",
        "/v1/messages/%00/1/readers",
        "/v1/users?query=%00",
        "/v1/users?query=a&after=%00",
        "/v1/users/%00",
        "/v1/users/%00/presence",
        "/v1/groups?query=%00",
        "/v1/groups?query=op%00s",
        "/v1/groups/%00",
        "/v1/groups/%00/messages",
        "/v1/groups/%00/users",
        "/join/%00",
        "/socket?ticket=%00",
    ];
    let mut calls: Vec<Call> = asked.into_iter().map(Call::get).collect();
    let ended = ["/v1/sessions/%00", "/v1/sessions/current%00"];
    calls.extend(ended.map(|path| Call::new("DELETE", path)));
    for path in ["/v1/groups/%00/users/ann", "/v1/groups/ops/users/%00"] {
        calls.extend([Call::new("PUT", path), Call::new("DELETE", path)]);
    }
    let me = json!({"display_name": "a\0"});
    calls.push(Call::new("PATCH", "/v1/me").json(&me));
    let whole = [
        (
            "/v1/accounts",
            json!({"name": "eve", "password": "a long good password",
            "display_name": "Eve", "email": "eve@example.org", "device": "desk", "invite": null}),
        ),
        (
            "/v1/sessions",
            json!({"name": "eve", "password": "none", "device": "desk"}),
        ),
        (
            "/v1/sessions/refresh",
            json!({"refresh_token": "kid.session.1.00"}),
        ),
        (
            "/v1/messages",
            json!({"topic": "ann", "text": "hi", "id": "1", "kind": "text", "lang": "en"}),
        ),
        ("/v1/read", json!({"topic": "ops", "seq": 1})),
        (
            "/v1/groups",
            json!({"name": "new", "title": "New", "users": ["ann"], "text": "hi", "id": "2"}),
        ),
    ];
    for (path, body) in whole {
        for (field, value) in body.as_object().expect("an object") {
            let mut body = body.clone();
            body[field] = match value {
                Value::Array(_) => json!(["ann\0"]),
                // Nobody's password but in a hash.
                _ if field == "password" => continue,
                Value::Number(_) => continue,
                other => json!(format!("{}\0", other.as_str().unwrap_or("code"))),
            };
            calls.push(Call::post(path, &body));
        }
    }
    for call in calls {
        let answer = ann.call(call).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    // What a message carries beside its text comes back as it went in.
    let meta = json!({"topic": "ann", "text": "hi", "meta": {"key": "a\0b"}});
    ann.post("/v1/messages", &meta).await.expect(201);
    assert_eq!(
        ann.get("/v1/messages/ann/1").await.expect(200)["meta"],
        meta["meta"]
    );
}
