//! The bare relay: the limit of the stack that the server stands on.
//!
//! It reads a frame with serde, looks the receiver up, forwards the message and acks. It has no accounts (the token
//! is the name), no storage and no order across senders. A topic that begins with `g-` is everyone who is connected.

use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

/// Frames that wait for one connection; whoever sends to it waits when there are more.
const WAITING_MAX: usize = 1_024;
/// As the server's.
const HEARTBEAT: Duration = Duration::from_secs(30);

type Queue = mpsc::Sender<Utf8Bytes>;

/// Who is connected: every queue by the name of its user.
#[derive(Default)]
struct Table(Mutex<HashMap<String, Vec<Queue>>>);

impl Table {
    /// Held for a look-up, never across a wait.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Queue>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, name: &str, queue: Queue) {
        self.lock().entry(name.to_owned()).or_default().push(queue);
    }

    fn leave(&self, name: &str, queue: &Queue) {
        let mut users = self.lock();
        if let Some(queues) = users.get_mut(name) {
            queues.retain(|other| !other.same_channel(queue));
        }
    }

    fn receivers(&self, topic: &str, me: &Queue) -> Vec<Queue> {
        let users = self.lock();
        let others = |queue: &&Queue| !queue.same_channel(me);
        if topic.starts_with("g-") {
            users.values().flatten().filter(others).cloned().collect()
        } else {
            users
                .get(topic)
                .into_iter()
                .flatten()
                .filter(others)
                .cloned()
                .collect()
        }
    }
}

#[derive(Deserialize)]
struct Asked {
    action: String,
    #[serde(default)]
    topic: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    id: String,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said<'a> {
    Welcome,
    Pong {
        id: &'a str,
    },
    Ack {
        id: &'a str,
        topic: &'a str,
        seq: u64,
    },
    Message {
        topic: &'a str,
        seq: u64,
        id: &'a str,
        from: &'a str,
        text: &'a str,
    },
}

impl Said<'_> {
    fn frame(&self) -> anyhow::Result<Utf8Bytes> {
        Ok(serde_json::to_string(self)?.into())
    }
}

/// Listens on a free port of the loopback until it is killed.
pub(crate) fn main() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        announce(listener.local_addr()?)?;
        let table = Arc::new(Table::default());
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(serve(stream, Arc::clone(&table)));
        }
    })
}

fn announce(address: SocketAddr) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on http://{address}")?;
    Ok(stdout.flush()?)
}

async fn serve(stream: TcpStream, table: Arc<Table>) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let (name, socket) = accept(stream).await?;
    let (queue, waiting) = mpsc::channel(WAITING_MAX);
    let (sink, frames) = socket.split();
    tokio::spawn(write(sink, waiting));
    queue.send(Said::Welcome.frame()?).await?;
    table.join(&name, queue.clone());
    let end = read(frames, &name, &queue, &table).await;
    table.leave(&name, &queue);
    end
}

async fn accept(stream: TcpStream) -> anyhow::Result<(String, WebSocketStream<TcpStream>)> {
    let mut name = String::new();
    #[expect(clippy::result_large_err, reason = "the handshake's own signature")]
    let keep_name = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        let token = request.headers().get("authorization");
        let token = token
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        token.trim_start_matches("Bearer ").clone_into(&mut name);
        Ok(response)
    };
    let config = WebSocketConfig::default().read_buffer_size(4096);
    let socket = accept_hdr_async_with_config(stream, keep_name, Some(config)).await?;
    Ok((name, socket))
}

async fn read(
    mut frames: SplitStream<WebSocketStream<TcpStream>>,
    name: &str,
    queue: &Queue,
    table: &Table,
) -> anyhow::Result<()> {
    let mut seq = 0;
    while let Some(frame) = frames.next().await {
        let Message::Text(text) = frame? else {
            continue;
        };
        let asked: Asked = serde_json::from_str(&text)?;
        let (id, topic) = (asked.id.as_str(), asked.topic.as_str());
        if asked.action == "ping" {
            queue.send(Said::Pong { id }.frame()?).await?;
            continue;
        }
        seq += 1;
        let address = if topic.starts_with("g-") { topic } else { name };
        let message = Said::Message {
            topic: address,
            seq,
            id,
            from: name,
            text: &asked.text,
        };
        let message = message.frame()?;
        for receiver in table.receivers(topic, queue) {
            // Who is gone gets nothing.
            let _ = receiver.send(message.clone()).await;
        }
        queue.send(Said::Ack { id, topic, seq }.frame()?).await?;
    }
    Ok(())
}

async fn write(
    mut sink: SplitSink<WebSocketStream<TcpStream>, Message>,
    mut waiting: mpsc::Receiver<Utf8Bytes>,
) -> anyhow::Result<()> {
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    loop {
        tokio::select! {
            frame = waiting.recv() => {
                let Some(frame) = frame else { return Ok(()) };
                sink.feed(Message::Text(frame)).await?;
                // Whatever waits goes out in the same write.
                while let Ok(frame) = waiting.try_recv() {
                    sink.feed(Message::Text(frame)).await?;
                }
            }
            _ = heartbeat.tick() => sink.feed(Message::Ping(Bytes::new())).await?,
        }
        sink.flush().await?;
    }
}
