//! A server that lies: the screens stay up, say so, and stay small.

use std::net::SocketAddr;
use std::time::Duration;

use chat_tests::{Pty, TestServer};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::desk::{Desk, quit, world};

/// Resident memory that the client may have, whatever it is told.
const RESIDENT_KIB_MAX: u64 = 150 * 1024;

/// The store that a desk knows its copy to be of.
fn epoch(desk: &Desk) -> String {
    let file = desk.cli.home().join("profiles/default.cache.db");
    let connection = rusqlite::Connection::open(file).expect("the copy");
    let select = "SELECT value FROM meta WHERE key = 'epoch'";
    connection
        .query_row(select, [], |row| row.get(0))
        .expect("an epoch")
}

/// A desk that is logged in at a server which is another one from here on.
async fn betrayed() -> (TcpListener, Desk) {
    let (mut server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "an honest word").await;
    quit(desk.open());
    server.kill9().await;
    (listen(server.address).await, desk)
}

async fn listen(address: SocketAddr) -> TcpListener {
    chat_tests::eventually("the port is free", async || {
        TcpListener::bind(address).await.ok()
    })
    .await
}

/// Takes connections until one is a socket; the others get no answer.
async fn socket(listener: &TcpListener) -> WebSocketStream<TcpStream> {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut head = [0; 12];
        let peeked = tokio::time::timeout(Duration::from_secs(5), stream.peek(&mut head)).await;
        if !matches!(peeked, Ok(Ok(_))) || !head.starts_with(b"GET /socket") {
            continue;
        }
        if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
            return socket;
        }
    }
}

fn welcome(epoch: &str) -> Value {
    json!({"type": "welcome", "connection": "c", "session": "s", "protocol": 1, "epoch": epoch,
        "user": {"name": "ann", "display_name": "Ann"}, "heartbeat_s": 30,
        "limits": {"text_bytes": 65536, "send_rate": 1, "send_burst": 20, "sync_messages": 100, "receipt_members": 32}})
}

fn message(seq: u64, rev: u64, text: &str) -> Value {
    json!({"type": "message", "topic": "ben", "seq": seq, "rev": rev, "id": format!("m{seq}-{rev}"),
        "from": {"name": "ben", "display_name": "Ben"}, "sent_at": "2026-11-21T08:15:30.123456Z", "text": text})
}

/// Sends frames until the client has enough of them.
async fn say(socket: &mut WebSocketStream<TcpStream>, frames: impl IntoIterator<Item = String>) {
    for frame in frames {
        if socket.send(Frame::text(frame)).await.is_err() {
            return;
        }
    }
}

/// A key is shown, so nothing has stopped; and there is a bound.
fn alive(pty: &mut Pty) {
    pty.press("alive");
    pty.wait_for("› alive");
    pty.press("<c-u>");
    pty.wait_gone("› alive");
    assert_eq!(pty.pid().as_raw().signum(), 1);
    let status = std::fs::read_to_string(format!("/proc/{}/status", pty.pid()));
    let Ok(status) = status else { return };
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    let resident = resident.expect("a process has a size");
    assert!(resident < RESIDENT_KIB_MAX, "{resident} KiB");
}

async fn told(frames: Vec<String>) -> (Pty, TcpListener, Desk) {
    let (listener, desk) = betrayed().await;
    let mut pty = desk.launch().start();
    pty.wait_for("an honest word");
    let mut socket = socket(&listener).await;
    say(&mut socket, [welcome(&epoch(&desk)).to_string()]).await;
    say(&mut socket, frames).await;
    alive(&mut pty);
    drop(socket);
    (pty, listener, desk)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_no_json_is_left_and_told() {
    let bad = [
        "{",
        "[]",
        "null",
        "{\"type\":7}",
        "{\"type\":\"message\"}",
        "\u{0}",
    ];
    let (pty, _listener, _desk) = told(bad.map(str::to_owned).into()).await;
    pty.wait_for("offline");
    quit(pty);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lies_about_numbers_does_no_harm() {
    let max = u64::MAX;
    let mut frames = Vec::new();
    for (seq, rev) in [
        (0, 0),
        (max, 1),
        (1, max),
        (max, max),
        (5, 3),
        (3, 5),
        (2, 2),
        (2, 2),
    ] {
        frames.push(message(seq, rev, "a lie").to_string());
    }
    frames.push(
        json!({"type": "gap", "topic": "ben", "from_rev": max, "to_rev": 0, "from": 9, "to": 1})
            .to_string(),
    );
    frames.push(json!({"type": "marks", "topic": "ben", "read_seq": max, "read": {"ben": max}, "delivered": {"ben": max}}).to_string());
    frames.push(json!({"type": "ack", "id": "nobody-asked", "topic": "ben", "seq": max, "rev": max, "sent_at": "2026-11-21T08:15:30Z"}).to_string());
    frames.push(json!({"type": "read", "topic": "ben", "seq": max, "by": "ben"}).to_string());
    frames
        .push(json!({"type": "synced", "id": "x", "conversations": [], "more": true}).to_string());
    let (mut pty, _listener, _desk) = told(frames).await;
    for keys in ["<c-home>", "<pgup>", "<c-end>", "<a-u>", "<a-p>"] {
        pty.press(keys);
    }
    alive(&mut pty);
    pty.wait_for("offline");
    quit(pty);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_shown_as_it_comes_and_keys_go_through() {
    let flood = (1..=20_000_u64)
        .map(|at| message(at, at, &format!("flood {at} {}", "x".repeat(500))).to_string());
    let (pty, _listener, _desk) = told(flood.collect()).await;
    pty.wait_for("offline");
    quit(pty);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_without_end_is_not_taken_and_is_told() {
    let (pty, _listener, _desk) = told(vec!["x".repeat(64 << 20)]).await;
    pty.wait_for("offline");
    quit(pty);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_no_handshake_is_waited_for_and_told() {
    let (listener, desk) = betrayed().await;
    let mut pty = desk.launch().start();
    pty.wait_for("an honest word");
    let (_stream, _) = listener.accept().await.expect("a connection");
    pty.wait_for("connecting");
    alive(&mut pty);
    // And one that speaks something else.
    quit(pty);
    let mut pty = desk.launch().start();
    let (stream, _) = listener.accept().await.expect("a connection");
    stream.writable().await.expect("it can be written");
    let _ = stream.try_write(b"SSH-2.0-other\r\n");
    drop(stream);
    pty.wait_for("offline");
    alive(&mut pty);
    quit(pty);
}

/// The desk's own server, back after the lies: what was made up is gone.
#[tokio::test(flavor = "multi_thread")]
async fn after_the_lies_the_true_server_is_believed() {
    let (mut server, [_ann, ben], desk): (TestServer, _, _) = world().await;
    ben.connect().await.send("ann", "an honest word").await;
    quit(desk.open());
    server.kill9().await;
    let listener = listen(server.address).await;
    let mut pty = desk.launch().start();
    let mut socket = socket(&listener).await;
    say(&mut socket, [welcome("lies").to_string()]).await;
    let asked = loop {
        let frame = socket
            .next()
            .await
            .expect("the client speaks")
            .expect("a frame");
        let said: Value =
            serde_json::from_str(frame.to_text().expect("a text")).unwrap_or_default();
        if said["action"] == "sync" {
            break said;
        }
    };
    let synced = json!({"type": "synced", "id": asked["id"], "conversations": [], "more": false, "reset": true});
    say(
        &mut socket,
        [synced.to_string(), message(1, 1, "a lie").to_string()],
    )
    .await;
    pty.wait_for("a lie");
    drop((socket, listener));
    pty.wait_for("offline");
    server.restart().await;
    pty.press("<f5>");
    pty.wait_for("connected");
    pty.wait_for("an honest word");
    pty.wait_gone("a lie");
    quit(pty);
}
