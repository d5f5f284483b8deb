//! A connection of the load: how a user gets in, and frames as texts.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// A connection of the load.
pub(crate) type Socket = WebSocketStream<TcpStream>;

/// How a user gets in.
pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

impl Way {
    /// A connection that was greeted, and is sure to get what comes from then on.
    pub(crate) async fn connect(self) -> anyhow::Result<Socket> {
        let Self { address, token } = self;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{address}/socket").into_client_request()?;
        let bearer = format!("Bearer {token}").parse()?;
        request.headers_mut().insert("authorization", bearer);
        let config = WebSocketConfig::default().read_buffer_size(4096);
        let (mut socket, _) = client_async_with_config(request, stream, Some(config)).await?;
        say(&mut socket, r#"{"action":"ping"}"#.into()).await?;
        loop {
            if hear(&mut socket).await?.contains(r#""type":"pong""#) {
                return Ok(socket);
            }
        }
    }
}

/// A connection by each way, some at the same time.
pub(crate) async fn connect_each(
    ways: impl IntoIterator<Item = Way>,
) -> anyhow::Result<Vec<Socket>> {
    let connects = futures_util::stream::iter(ways).map(Way::connect);
    let sockets: Vec<_> = connects.buffered(32).collect().await;
    sockets.into_iter().collect()
}

/// Sends one frame at once.
pub(crate) async fn say(socket: &mut Socket, frame: Utf8Bytes) -> anyhow::Result<()> {
    Ok(socket.send(Message::Text(frame)).await?)
}

/// The next text frame; an error of the peer is one of the run.
pub(crate) async fn hear(socket: &mut Socket) -> anyhow::Result<Utf8Bytes> {
    loop {
        let frame = socket
            .next()
            .await
            .context("the peer closed the connection")?;
        if let Some(text) = text_of(frame?)? {
            return Ok(text);
        }
    }
}

/// The text of a frame that has one.
pub(crate) fn text_of(frame: Message) -> anyhow::Result<Option<Utf8Bytes>> {
    match frame {
        Message::Text(text) if text.contains(r#""type":"error""#) => bail!("the peer said {text}"),
        Message::Text(text) => Ok(Some(text)),
        Message::Close(reason) => bail!("the peer closed the connection: {reason:?}"),
        _ => Ok(None),
    }
}
