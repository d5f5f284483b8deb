//! The same promises over HTTP: sending, repeating, health, and errors that look alike.

use chat_proto::api::{Me, Sent};
use chat_tests::{Call, TestServer};
use serde_json::{Value, json};

#[tokio::test]
async fn h02_a_message_by_http_is_the_same_message() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut desk, mut socket) = (ann.connect().await, ben.connect().await);
    let body = json!({"topic": "ben", "text": "hi", "id": "h1"});
    let sent: Sent = ann.post("/v1/messages", &body).await.read(201);
    assert_eq!((sent.seq.0, sent.rev.0, sent.dup), (1, 1, false));
    assert_eq!((sent.id.as_str(), sent.topic.as_str()), ("h1", "ben"));
    let message = socket.expect_text("hi").await;
    assert_eq!((message.seq, message.sent_at), (sent.seq, sent.sent_at));
    desk.expect_text("hi").await;

    let again: Sent = ann.post("/v1/messages", &body).await.read(200);
    assert_eq!(
        (again.seq, again.sent_at, again.dup),
        (sent.seq, sent.sent_at, true)
    );
    let ack = desk.send_as("h1", "ben", "hi").await.expect("an ack");
    assert!(ack.dup, "the socket knows the id too");
    let other = json!({"topic": "ben", "text": "something else", "id": "h1"});
    ann.post("/v1/messages", &other)
        .await
        .refused(409, "conflict");
    assert_eq!(ben.texts("ann").await, ["hi"]);
}

#[tokio::test]
async fn h02_the_idempotency_key_is_the_message_id() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let call = Call::post("/v1/messages", &json!({"topic": "ben", "message": "hi"}))
        .header("idempotency-key", "key-1");
    let first: Sent = ann.call(call.clone()).await.read(201);
    assert_eq!(first.id.as_str(), "key-1");
    let again: Sent = ann.call(call).await.read(200);
    assert_eq!((again.seq, again.dup), (first.seq, true));
    let own = ann.get("/v1/messages?id=key-1").await.expect(200);
    assert_eq!(own["text"], "hi");
    ben.get("/v1/messages?id=key-1")
        .await
        .refused(404, "not_found");
    ann.get("/v1/messages?id=key-2")
        .await
        .refused(404, "not_found");
    assert_eq!(ben.texts("ann").await, ["hi"]);
}

#[tokio::test]
async fn h02_what_is_wrong_with_a_request_is_said() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{\"topic\":\"ann\"}",
        "{\"topic\":7,\"text\":\"hi\"}",
        "\u{feff}{}",
    ] {
        let call = Call::new("POST", "/v1/messages")
            .header("content-type", "application/json")
            .body(body.to_owned());
        ann.call(call).await.refused(400, "invalid");
    }
    let invalid_utf8 = Call::new("POST", "/v1/messages")
        .header("content-type", "application/json")
        .body(&b"{\"topic\":\"ann\",\"text\":\"\xff\"}"[..]);
    ann.call(invalid_utf8).await.refused(400, "invalid");
    let plain = Call::new("POST", "/v1/messages")
        .header("content-type", "text/plain")
        .body("topic=ann&text=hi");
    ann.call(plain).await.refused(415, "invalid");
    ann.call(Call::new("PATCH", "/v1/messages"))
        .await
        .refused(405, "invalid");
    ann.get("/v1/no-such-route").await.refused(404, "not_found");
    ann.get("/v1/messages").await.refused(400, "invalid");
    ann.get("/v1/messages?topic=not%20a%20name")
        .await
        .refused(400, "invalid");
    for path in [
        "/../../etc/passwd",
        "/v1/users/..%2f..%2fetc",
        "/v1/messages/%00/1",
    ] {
        let status = ann.get(path).await.status;
        assert!([400, 404].contains(&status), "{path}: {status}");
    }
    assert_eq!(ann.get("/v1/conversations").await.expect(200), json!([]));
}

#[tokio::test]
async fn h02_one_changes_ones_own_display_name_and_no_other() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let change = |name: &str| Call::new("PATCH", "/v1/me").json(&json!({"display_name": name}));
    ann.call(change("Ann Ångström")).await.expect(200);
    let me: Me = ann.get("/v1/me").await.read(200);
    assert_eq!(me.display_name, "Ann Ångström");
    let long = "x".repeat(65);
    for bad in ["", "a\nb", "a\u{202e}b", long.as_str()] {
        ann.call(change(bad)).await.refused(422, "rejected");
    }
    let mut socket = ben.connect().await;
    ann.connect().await.send("ben", "hi").await;
    assert_eq!(
        socket.expect_text("hi").await.from.display_name,
        "Ann Ångström"
    );
}

#[tokio::test]
async fn h04_health_readiness_and_metrics_are_open_on_loopback() {
    let server = TestServer::start().await;
    let [ann, _ben] = server.people(["ann", "ben"]).await;
    ann.connect().await.send("ben", "hi").await;
    for path in ["/healthz", "/readyz"] {
        let answer = server.call(Call::get(path)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
    let metrics = server.call(Call::get("/metrics")).await;
    assert_eq!(metrics.status, 200);
    let sample = |line: &&str| !line.starts_with('#') && !line.is_empty();
    for line in metrics.text.lines().filter(sample) {
        let (_, value) = line.rsplit_once(' ').expect("a name and a value");
        value.parse::<f64>().expect("a number");
    }
    assert!(!metrics.text.contains("ann"), "metrics name nobody");
}

#[tokio::test]
async fn a09_answers_are_json_and_open_to_no_foreign_page() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let answer = ann.get("/v1/me").await;
    let header = |name: &str| {
        let value = answer
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    assert!(header("content-type").starts_with("application/json"));
    assert!(header("access-control-allow-origin").is_empty());
    let body: Value = serde_json::from_str(&answer.text).expect("JSON");
    assert_eq!(body["name"], "ann");
}
