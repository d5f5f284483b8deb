//! Tokens, tickets and origins at the door of the socket and of HTTP: what lets in, and everything that does not.

use chat_tests::{Call, Dial, TestServer};
use serde_json::{Value, json};

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// One of the first two parts of a JWT.
pub(crate) fn part_of_jwt(token: &str, part: usize) -> Value {
    let text = token.split('.').nth(part).expect("a part of a token");
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for digit in text.bytes() {
        let value = DIGITS.iter().position(|known| *known == digit);
        let value = u32::try_from(value.expect("a base64url digit")).expect("below 64");
        bits = (bits << 6) | value;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).expect("a byte"));
        }
    }
    serde_json::from_slice(&bytes).expect("JSON")
}

fn jwt_part(value: &Value) -> String {
    let mut out = String::new();
    for three in value.to_string().as_bytes().chunks(3) {
        let mut bits = 0_u32;
        for at in 0..3 {
            bits = (bits << 8) | u32::from(three.get(at).copied().unwrap_or(0));
        }
        for at in 0..=three.len() {
            let digit = (bits >> (18 - 6 * at)) & 0x3f;
            out.push(char::from(
                DIGITS[usize::try_from(digit).expect("below 64")],
            ));
        }
    }
    out
}

/// Tokens that must not let anybody in, made from one that does.
fn bad_tokens(good: &str) -> Vec<String> {
    let parts: Vec<&str> = good.split('.').collect();
    let [head, claims, signature] = parts[..] else {
        panic!("a JWT has three parts");
    };
    let mut later = part_of_jwt(good, 1);
    later["exp"] = json!(99_999_999_999_u64);
    let mut other = part_of_jwt(good, 1);
    other["sub"] = json!("ben");
    let mut text = part_of_jwt(good, 1);
    text["exp"] = json!("tomorrow");
    let mut unknown_key = part_of_jwt(good, 0);
    unknown_key["kid"] = json!("../../../etc/passwd");
    let none = jwt_part(&json!({"alg": "none", "typ": "JWT"}));
    let rs = jwt_part(&json!({"alg": "RS256", "typ": "JWT"}));
    vec![
        String::new(),
        "x".to_owned(),
        "a.b.c".to_owned(),
        "é".repeat(40),
        "a".repeat(4000),
        format!("{head}.{claims}."),
        format!("{head}.{claims}.{}", "A".repeat(signature.len())),
        format!("{head}.{}.{signature}", jwt_part(&later)),
        format!("{head}.{}.{signature}", jwt_part(&other)),
        format!("{head}.{}.{signature}", jwt_part(&text)),
        format!("{}.{claims}.{signature}", jwt_part(&unknown_key)),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{rs}.{claims}.{signature}"),
        format!("{good}x"),
        format!("{good}.{signature}"),
    ]
}

#[tokio::test]
async fn a01_every_bad_token_is_refused_with_one_and_the_same_sentence() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let mut sentences = vec![
        server
            .call(Call::get("/v1/me"))
            .await
            .refused(401, "unauthorized"),
    ];
    let mut tokens = bad_tokens(&ann.token);
    tokens.push(ann.refresh_token.clone());
    let gone = ann.another_device().await;
    let status = gone.delete("/v1/sessions/current").await.status;
    assert!((200..300).contains(&status));
    tokens.push(gone.token.clone());
    for token in &tokens {
        if token.is_ascii() {
            let answer = server.call(Call::get("/v1/me").token(token)).await;
            sentences.push(answer.refused(401, "unauthorized"));
            assert_eq!(
                server.dial().token(token).open().await.err(),
                Some(401),
                "{token}"
            );
        }
        sentences.push(refused_first_frame(server.dial(), token).await);
    }
    sentences.dedup();
    assert_eq!(sentences.len(), 1, "{sentences:?}");
}

async fn refused_first_frame(dial: Dial, token: &str) -> String {
    let mut socket = dial.open().await.expect("a socket without a token opens");
    socket
        .say(json!({"action": "authenticate", "token": token}).to_string())
        .await;
    let chat_proto::Event::Error(error) = socket.next_event().await else {
        panic!("no refusal");
    };
    assert_eq!(error.code.as_str(), "unauthorized");
    assert_eq!(socket.close_code().await, 1008);
    error.message
}

#[tokio::test]
async fn a01_no_route_answers_without_a_token() {
    let server = TestServer::start().await;
    for (method, path) in [
        ("GET", "/v1/me"),
        ("PATCH", "/v1/me"),
        ("GET", "/v1/sessions"),
        ("DELETE", "/v1/sessions/current"),
        ("POST", "/v1/ticket"),
        ("GET", "/v1/conversations"),
        ("POST", "/v1/messages"),
        ("GET", "/v1/messages?topic=ann"),
        ("GET", "/v1/messages/ann/1"),
        ("GET", "/v1/messages/ann/1/readers"),
        ("POST", "/v1/read"),
        ("GET", "/v1/users?query=a"),
        ("GET", "/v1/users/ann"),
        ("GET", "/v1/users/ann/presence"),
        ("POST", "/v1/groups"),
        ("GET", "/v1/groups/ops"),
        ("GET", "/v1/groups/ops/users"),
        ("PUT", "/v1/groups/ops/users/ann"),
        ("DELETE", "/v1/groups/ops/users/ann"),
        ("GET", "/v1/groups/ops/messages"),
    ] {
        let call = Call::new(method, path).json(&json!({}));
        server.call(call).await.refused(401, "unauthorized");
    }
}

#[tokio::test]
async fn a08_the_first_frame_may_bring_the_token() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let mut socket = server.dial().open().await.expect("it opens");
    socket
        .say(json!({"action": "authenticate", "token": ann.token}).to_string())
        .await;
    socket.greeted().await;
    assert_eq!(socket.welcome().user.name.as_str(), "ann");
    socket.roundtrip().await;
}

#[tokio::test]
async fn a08_whoever_does_not_say_first_who_they_are_is_put_out() {
    let server = TestServer::start().await;
    let mut socket = server.dial().open().await.expect("it opens");
    socket
        .say(r#"{"action":"publish","topic":"ann","text":"hi","id":"1"}"#)
        .await;
    let chat_proto::Event::Error(error) = socket.next_event().await else {
        panic!("no refusal");
    };
    assert_eq!(error.code.as_str(), "unauthorized");
    assert_eq!(socket.close_code().await, 1008);
}

#[tokio::test]
async fn a08_a_silent_stranger_is_put_out_after_ten_seconds() {
    let server = TestServer::start().await;
    let mut socket = server.dial().open().await.expect("it opens");
    let patience = std::time::Duration::from_secs(15);
    let last = tokio::time::timeout(patience, async {
        let mut last = None;
        while let Some(event) = socket.next_or_end().await {
            last = Some(event);
        }
        last
    })
    .await
    .expect("it is put out");
    if let Some(event) = last {
        assert!(matches!(event, chat_proto::Event::Error(_)), "{event:?}");
    }
}

#[tokio::test]
async fn a08_a_ticket_opens_one_socket() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let ticket = ann.post("/v1/ticket", &json!({})).await.expect(201);
    let query = format!("ticket={}", ticket["ticket"].as_str().expect("a ticket"));
    let mut socket = server.dial().query(&query).connect().await;
    assert_eq!(socket.welcome().user.name.as_str(), "ann");
    socket.roundtrip().await;
    assert_eq!(server.dial().query(&query).open().await.err(), Some(401));
    for bad in ["ticket=", "ticket=nothing", "ticket=%00"] {
        assert_eq!(
            server.dial().query(bad).open().await.err(),
            Some(401),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a08_a_ticket_dies_with_its_session() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let ticket = ann.post("/v1/ticket", &json!({})).await.expect(201);
    let query = format!("ticket={}", ticket["ticket"].as_str().expect("a ticket"));
    ann.delete("/v1/sessions/current").await;
    assert_eq!(server.dial().query(&query).open().await.err(), Some(401));
}

#[tokio::test]
async fn a08_a_long_lived_token_in_an_address_lets_nobody_in() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for parameter in ["token", "access_token", "ticket", "authorization"] {
        let query = format!("{parameter}={}", ann.token);
        if let Ok(mut socket) = server.dial().query(&query).open().await {
            socket.say(r#"{"action":"ping","id":"1"}"#).await;
            assert_eq!(socket.close_code().await, 1008, "{parameter}");
        }
        let answer = server.call(Call::get(format!("/v1/me?{query}"))).await;
        answer.refused(401, "unauthorized");
    }
}

#[tokio::test]
async fn a08_no_token_and_no_password_is_ever_logged() {
    let mut server = TestServer::setup().arg("--log=trace").start().await;
    let ann = server.person("ann").await;
    let ticket = ann.post("/v1/ticket", &json!({})).await.expect(201);
    let ticket = ticket["ticket"].as_str().expect("a ticket").to_owned();
    server
        .dial()
        .query(format!("ticket={ticket}"))
        .connect()
        .await
        .close()
        .await;
    ann.connect().await.send("ann", "a very private text").await;
    let _ = server
        .dial()
        .query(format!("token={}", ann.token))
        .open()
        .await;
    let refused = refused_first_frame(server.dial(), &format!("{}x", ann.token)).await;
    assert!(!refused.contains(&ann.token));
    server.terminate().await;
    let log = server.log();
    assert!(!log.is_empty());
    let secrets = [
        ann.token.as_str(),
        &ann.refresh_token,
        &ticket,
        chat_tests::person::PASSWORD,
        "a very private text",
    ];
    for secret in secrets {
        assert!(!log.contains(secret), "a secret stands in the log");
    }
}

#[tokio::test]
async fn a09_a_page_of_a_foreign_origin_is_turned_away() {
    let server = TestServer::setup()
        .arg("--origin=https://chat.example")
        .start()
        .await;
    let ann = server.person("ann").await;
    for origin in [
        "https://evil.example",
        "http://chat.example",
        "https://chat.example.evil.example",
        "https://chat.example:8443",
        "null",
        "",
    ] {
        let dial = ann.dial().header("origin", origin);
        assert_eq!(dial.open().await.err(), Some(403), "{origin:?}");
    }
    let dial = ann.dial().header("origin", "https://chat.example");
    dial.connect().await.roundtrip().await;
    ann.connect().await.roundtrip().await;
}

#[tokio::test]
async fn a09_without_a_list_no_page_is_let_in() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let dial = ann.dial().header("origin", "https://chat.example");
    assert_eq!(dial.open().await.err(), Some(403));
}

#[tokio::test]
async fn a10_a_forged_sender_has_no_effect() {
    let server = TestServer::start().await;
    let [ann, ben, eve] = server.people(["ann", "ben", "eve"]).await;
    let (mut ann, mut eve) = (ann.connect().await, eve.connect().await);
    let forged = json!({
        "action": "publish", "topic": "ann", "text": "trust me", "id": "f1",
        "from": {"name": "ben", "display_name": "Ben"}, "sender": "ben", "user": "ben",
    });
    eve.say(forged.to_string()).await;
    eve.roundtrip().await;
    let message = ann.expect_text("trust me").await;
    assert_eq!(message.from.name.as_str(), "eve");
    assert_eq!(message.topic.as_str(), "eve");

    let mut forged = json!({"topic": "ann", "text": "me again"});
    forged["from"] = json!({"name": "eve"});
    ben.post("/v1/messages", &forged).await.expect(201);
    assert_eq!(ann.expect_text("me again").await.from.name.as_str(), "ben");
}
