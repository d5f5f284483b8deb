//! The driver of a connection: a socket on one side, the pure `Session` on the other. The only WebSocket of the server.

use std::sync::Arc;
use std::time::Duration;

use chat_proto::event::{ErrorFrame, Welcome};
use chat_proto::{
    Action, ConnectionId, ErrorCode, Event, MessageId, Refusal, Request, codec, limits as wire,
};
use futures_util::{FutureExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;

use self::connection::Connection;
use self::writer::{End, Writer};
use crate::gate::Stranger;
use crate::limits;
use crate::router::JoinError;
use crate::service::{App, Identity, Origin};
use crate::session::Session;

mod connection;
mod writer;

/// How a connection was opened.
#[derive(Debug, Default)]
pub struct Opened {
    /// Who it is, where the upgrade said so; else the first frame must.
    pub identity: Option<Identity>,
    /// Whether it counts neither for presence nor for notices.
    pub background: bool,
    /// Its place among those of its address who have not authenticated; let go of when it has.
    pub stranger: Option<Stranger>,
}

/// Serves one connection until it ends. `stopping` is cancelled when the server stops: the client is told
/// `going_away`, what is in flight is answered, and the socket closes.
pub async fn serve<S>(app: Arc<App>, socket: S, opened: Opened, stopping: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(limits::SOCKET_READ_BYTES)
        .write_buffer_size(limits::SOCKET_WRITE_BYTES)
        .max_message_size(Some(wire::FRAME_BYTES_MAX))
        .max_frame_size(Some(wire::FRAME_BYTES_MAX));
    let socket = WebSocketStream::from_raw_socket(socket, Role::Server, Some(config)).await;
    let mut writer = Writer::new(socket);
    let end = match admit(&app, &mut writer, opened, &stopping).await {
        Ok((identity, background)) => greet_and_run(app, &mut writer, identity, background).await,
        Err(end) => end,
    };
    tracing::debug!(?end, "connection ends");
    writer.end(end).await;
}

/// Knows who it is: from the upgrade, or from the first frame within the deadline.
async fn admit<S>(
    app: &App,
    writer: &mut Writer<S>,
    opened: Opened,
    stopping: &CancellationToken,
) -> Result<(Identity, bool), End>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    if let Some(identity) = opened.identity {
        return Ok((identity, opened.background));
    }
    let deadline = Duration::from_secs(wire::AUTHENTICATE_S);
    let first = tokio::select! {
        frame = tokio::time::timeout(deadline, first_text(writer)) => frame,
        () = stopping.cancelled() => return Err(End::close(CloseCode::Restart, "the server stops")),
    };
    let frame = match first {
        Ok(frame) => frame?,
        Err(_) => return Err(refuse(writer, None, Refusal::unauthorized()).await),
    };
    let (id, token) = match codec::decode_request(&frame) {
        Ok(Request {
            id,
            action: Action::Authenticate(token),
        }) => (id, token),
        Ok(Request { id, .. }) => return Err(refuse(writer, id, Refusal::unauthorized()).await),
        Err(error) => return Err(refuse(writer, error.id, Refusal::unauthorized()).await),
    };
    match app.auth.identify(&token.token).await {
        Ok(identity) => Ok((identity, opened.background || token.background)),
        Err(refusal) => Err(refuse(writer, id, refusal).await),
    }
}

async fn first_text<S>(writer: &mut Writer<S>) -> Result<Utf8Bytes, End>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    loop {
        match writer.socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(other)) => return Err(refused_message(&other)),
            Some(Err(error)) => return Err(End::from(&error)),
            None => return Err(End::Gone),
        }
    }
}

/// Tells why nobody was admitted. Only a bad token is one: while the store is away, it is worth coming again.
async fn refuse<S>(writer: &mut Writer<S>, id: Option<MessageId>, refusal: Refusal) -> End
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let end = match refusal.code {
        ErrorCode::Unauthorized => End::close(CloseCode::Policy, "not authenticated"),
        _ => End::close(CloseCode::Again, "the store is away"),
    };
    let error = Event::Error(ErrorFrame::new(id, refusal));
    let said = writer.say(Utf8Bytes::from(codec::encode_event(&error)));
    said.await.err().unwrap_or(end)
}

async fn greet_and_run<S>(
    app: Arc<App>,
    writer: &mut Writer<S>,
    identity: Identity,
    background: bool,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    // First the mailbox, then the look at where the conversations stand: what is stored between the two is in both.
    let guard = match app.router.join(identity.user, identity.session.clone()) {
        Ok(guard) => guard,
        Err(JoinError::TooMany) => {
            return End::close(CloseCode::Again, "too many connections of this user");
        }
        Err(JoinError::Stopping) => return End::close(CloseCode::Restart, "the server stops"),
    };
    let _interest = app.bus.attend(identity.user).await;
    let (heads, still_there) = match tokio::try_join!(
        app.store.heads(identity.user),
        app.store.session(&identity.session)
    ) {
        Ok(found) => found,
        Err(_) => return End::close(CloseCode::Again, "the store is away"),
    };
    if still_there.is_none() {
        // The session ended between its check and the joining.
        return End::close(CloseCode::Policy, "the session ended");
    }
    let welcome = Event::Welcome(Welcome {
        connection: ConnectionId::generate(),
        session: identity.session.clone(),
        user: identity.user_ref(),
        protocol: wire::PROTOCOL,
        epoch: app.store.epoch(),
        limits: app.limits,
        heartbeat_s: wire::HEARTBEAT_S,
    });
    // Before the greeting: who was greeted counts as being here.
    let arrival = (!background).then(|| app.attendance.arrive(identity.user, &identity.name));
    if let Err(end) = writer
        .say(Utf8Bytes::from(codec::encode_event(&welcome)))
        .await
    {
        return end;
    }
    let session = Session::new(identity.user, guard.tag, &heads, app.clock.monotonic());
    drop(heads);
    let origin = Origin {
        connection: Some(guard.tag),
        background,
    };
    let mut connection = Connection::new(app, identity, origin, session, guard);
    let end = connection.run(writer).await;
    if let (End::SessionEnded, Some(arrival)) = (&end, arrival) {
        arrival.log_out();
    }
    end
}

/// What is no text frame, and how it is answered.
fn refused_message(message: &Message) -> End {
    match message {
        Message::Binary(_) => End::close(CloseCode::Unsupported, "frames are text"),
        Message::Close(_) => End::PeerCloses,
        _ => End::close(CloseCode::Protocol, "unexpected frame"),
    }
}

impl From<&tungstenite::Error> for End {
    fn from(error: &tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Capacity(_) => {
                Self::close(CloseCode::Size, "the frame is too large")
            }
            tungstenite::Error::Utf8(_) => Self::close(CloseCode::Invalid, "not UTF-8"),
            tungstenite::Error::Protocol(
                tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
            ) => Self::Gone,
            tungstenite::Error::Protocol(_) => {
                Self::close(CloseCode::Protocol, "against the WebSocket protocol")
            }
            _ => Self::Gone,
        }
    }
}

/// The next frame, if it is here without waiting.
fn ready_frame<S>(
    socket: &mut WebSocketStream<S>,
) -> Option<Option<Result<Message, tungstenite::Error>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    socket.next().now_or_never()
}
