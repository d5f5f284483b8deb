//! The driver against sockets that break, lie, stall and turn it away.

use chat_proto::{Epoch, Rev};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::*;
use crate::client::scripted_tests::settings;
use crate::client::sync::Stranger;

type Peer = WebSocketStream<TcpStream>;

/// The server's end, one connection after the other.
struct Server {
    listener: TcpListener,
}

impl Server {
    async fn start() -> (Self, Client) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let url = format!("http://{address}").parse().expect("a url");
        let settings = settings(url, Some("T"), std::path::Path::new("/nowhere"));
        let client = Client::open(&settings).expect("a client");
        (Self { listener }, client)
    }

    /// Takes a connection, checks how it asks, greets it and answers its `sync` with what it `says`.
    #[expect(clippy::result_large_err, reason = "the library's signature")]
    async fn accept(&self, says: &[&str]) -> (Peer, chat_proto::action::Sync) {
        let (stream, _) = self.listener.accept().await.expect("a connection");
        let check = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            assert_eq!(request.uri(), "/socket?background=1");
            assert_eq!(request.headers()["authorization"], "Bearer T");
            Ok(response)
        };
        let mut peer = accept_hdr_async(stream, check).await.expect("an upgrade");
        say(&mut peer, WELCOME).await;
        let request = hear(&mut peer).await;
        let chat_proto::Action::Sync(sync) = request.action else {
            panic!("{:?}", request.action)
        };
        for frame in says {
            say(&mut peer, frame).await;
        }
        let id = request.id.expect("an id");
        say(
            &mut peer,
            &format!(r#"{{"type":"synced","id":"{id}","conversations":[],"more":false}}"#),
        )
        .await;
        (peer, sync)
    }
}

const WELCOME: &str = r#"{"type":"welcome","connection":"c","session":"s","user":{"name":"ben","display_name":"Ben"},"protocol":1,
    "epoch":"e","limits":{"text_bytes":65536,"send_rate":1,"send_burst":20,"sync_messages":100,"receipt_members":32},"heartbeat_s":30}"#;

async fn say(peer: &mut Peer, frame: &str) {
    peer.send(Message::text(frame)).await.expect("it is sent");
}

async fn hear(peer: &mut Peer) -> chat_proto::action::Request {
    let frame = peer.next().await.expect("a frame").expect("a good one");
    codec::decode_request(frame.to_text().expect("text")).expect("a request")
}

fn message(seq: u64) -> String {
    format!(
        r#"{{"type":"message","topic":"ann","seq":{seq},"rev":{seq},"id":"m{seq}","from":{{"name":"ann","display_name":"Ann"}},"sent_at":"2026-11-21T08:15:30Z","text":"hi"}}"#
    )
}

/// The consumer's end.
struct Ends {
    events: mpsc::Receiver<LinkEvent>,
    /// Held, because a link ends when it is dropped.
    requests: mpsc::Sender<chat_proto::action::Request>,
    running: tokio::task::JoinHandle<Result<(), ClientError>>,
}

fn run(client: Client) -> Ends {
    let (tell, events) = mpsc::channel(EVENTS_MAX);
    let (requests, heard) = mpsc::channel(1);
    let options = LinkOptions {
        background: true,
        retry_base: Duration::from_millis(1),
    };
    let link = Link::new(client, Sync::new(Stranger::IsNew), options);
    let running = tokio::spawn(link.run(tell, heard));
    Ends {
        events,
        requests,
        running,
    }
}

impl Ends {
    /// The next messages, by number.
    async fn messages(&mut self, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            if let LinkEvent::Came(Delivery::Log(Event::Message(message))) = self.next().await {
                numbers.push(message.seq.0);
            }
        }
        numbers
    }

    async fn down(&mut self) -> String {
        loop {
            if let LinkEvent::Down { why, .. } = self.next().await {
                return why;
            }
        }
    }

    async fn next(&mut self) -> LinkEvent {
        self.events.recv().await.expect("the link runs")
    }
}

#[tokio::test]
async fn k03_a_broken_connection_comes_back_without_loss_or_double() {
    let (server, client) = Server::start().await;
    let mut ends = run(client);
    let (mut peer, sync) = server.accept(&[&message(1)]).await;
    assert_eq!(sync.topics.len(), 0);
    say(&mut peer, &message(2)).await;
    assert_eq!(ends.messages(2).await, [1, 2]);
    drop(peer);
    ends.down().await;
    let (mut peer, sync) = server.accept(&[&message(2), &message(3)]).await;
    assert_eq!(sync.topics["ann"], Rev(2));
    assert_eq!(sync.epoch, Some(Epoch("e".to_owned())));
    say(&mut peer, &message(4)).await;
    assert_eq!(ends.messages(2).await, [3, 4]);
}

#[tokio::test]
async fn d11_a_hole_is_asked_for_before_anything_above_it_is_told() {
    let (server, client) = Server::start().await;
    let mut ends = run(client);
    let (mut peer, _) = server.accept(&[&message(1), &message(4)]).await;
    let request = hear(&mut peer).await;
    assert!(
        matches!(&request.action, chat_proto::Action::Changes(changes) if changes.after == Rev(1))
    );
    let id = request.id.expect("an id");
    let frames = [2, 3, 4].map(message).join(",");
    let page = format!(
        r#"{{"type":"changes","id":"{id}","topic":"ann","frames":[{frames}],"more":false}}"#
    );
    say(&mut peer, &page).await;
    assert_eq!(ends.messages(4).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn what_is_no_frame_ends_the_connection_with_a_sentence_and_the_next_one_goes_on() {
    for frame in [
        Message::text("]]]"),
        Message::text(r#"{"type":"message","topic":"ann"}"#),
        Message::binary(vec![0, 1, 2]),
        Message::text("x".repeat(MESSAGE_BYTES_MAX + 1)),
    ] {
        let (server, client) = Server::start().await;
        let mut ends = run(client);
        let (mut peer, _) = server.accept(&[]).await;
        // The last one may be refused before it is through.
        let _ = peer.send(frame).await;
        let why = ends.down().await;
        assert!(!why.is_empty() && why.len() < 400, "{why}");
        let _ = server.accept(&[&message(1)]).await;
        assert_eq!(ends.messages(1).await, [1]);
    }
}

#[tokio::test]
async fn a01_a_refused_token_ends_the_link_for_good() {
    let (server, client) = Server::start().await;
    let ends = run(client);
    let (stream, _) = server.listener.accept().await.expect("a connection");
    #[expect(clippy::result_large_err, reason = "the library's signature")]
    let refuse = |_: &Request, _: Response| -> Result<Response, ErrorResponse> {
        Err(Response::builder()
            .status(401)
            .body(None)
            .expect("a response"))
    };
    assert!(accept_hdr_async(stream, refuse).await.is_err());
    let ended = ends.running.await.expect("it ran");
    assert!(
        matches!(ended, Err(ClientError::Refused(refusal)) if refusal.code == ErrorCode::Unauthorized)
    );
}

#[tokio::test]
async fn the_consumers_requests_go_out_and_their_answers_come_back() {
    let (server, client) = Server::start().await;
    let mut ends = run(client);
    let (mut peer, _) = server.accept(&[]).await;
    ends.requests
        .send(chat_proto::Action::Ping.into())
        .await
        .expect("the link runs");
    assert_eq!(hear(&mut peer).await.action, chat_proto::Action::Ping);
    say(&mut peer, r#"{"type":"pong"}"#).await;
    loop {
        if let LinkEvent::Came(Delivery::Other(Event::Pong(_))) = ends.next().await {
            break;
        }
    }
    drop(ends.requests);
    assert!(matches!(peer.next().await, Some(Ok(Message::Close(_)))));
    ends.running.await.expect("it ran").expect("a good end");
}
