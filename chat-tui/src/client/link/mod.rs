//! The driver of the live connection: socket on one side, machines on the other. `run` owns the backoff and never
//! gives up on a passing failure; `try_link` is one connection and may fail.

use std::sync::Arc;
use std::time::Duration;

use chat_proto::action::Request;
use chat_proto::api::Secret;
use chat_proto::{ErrorCode, Event, codec, limits};
use futures_util::{SinkExt, StreamExt};
use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode};
use tokio::sync::{Notify, mpsc};
use tokio::time::{MissedTickBehavior, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::Client;
use super::backoff::{self, Backoff};
use super::dial::{Dialer, Stream};
use super::error::ClientError;
use super::http::bearer;
use super::moment::Moment;
use super::pending::Pending;
use super::session::SessionError;
use super::sync::{Delivery, Sync};
use crate::clock::{self, Stopwatch};

/// Time for a connection to come about: token, TCP, TLS, upgrade.
const CONNECT_TIME: Duration = Duration::from_secs(15);
/// A write that takes longer goes nowhere.
const WRITE_TIME: Duration = Duration::from_secs(15);
/// An answer that takes longer never comes.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// How often the machines are asked what is overdue.
const TICK: Duration = Duration::from_secs(1);
/// Bytes of a message at the most; a page of the longest texts stays below it.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// The library zeroes its whole buffer before every read, so it is small.
const READ_BUFFER_BYTES: usize = 8 << 10;
/// Frames that a slow consumer may leave lying before the socket is read no further.
pub const EVENTS_MAX: usize = 256;

/// What a consumer is told.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all of them are the large one"
)]
pub enum LinkEvent {
    /// Something came, in order; [`Delivery::Live`] says that one is live.
    Came(Delivery),
    /// The connection is gone, or did not come about.
    Down {
        /// Why, for a person.
        why: String,
        /// When it is tried again.
        retry_in: Duration,
    },
}

/// How one connects.
#[derive(Debug, Clone, Copy)]
pub struct LinkOptions {
    /// Whether the connection counts neither for presence nor for notices nor for `delivered`.
    pub background: bool,
    /// The first range of the delays between tries.
    pub retry_base: Duration,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            background: false,
            retry_base: backoff::BASE,
        }
    }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    /// It did not come about.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The upgrade failed, or the socket did.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The server said goodbye.
    #[error("the server closed the connection{0}")]
    Closed(String),
    /// Nothing came for two heartbeats, or no answer, or a write got stuck.
    #[error("the server fell silent")]
    Silent,
    /// What came is not of this protocol.
    #[error("the server says what could not be understood: {0}")]
    Garbled(String),
}

type Socket = WebSocketStream<Box<dyn Stream>>;

/// A connection that comes back.
pub struct Link {
    client: Client,
    /// Kept over connections, so that certificates are read once.
    dialer: Dialer,
    sync: Sync,
    options: LinkOptions,
    backoff: Backoff,
    watch: Stopwatch,
    nudge: Nudge,
}

/// Ends the wait for the next try.
#[derive(Debug, Clone, Default)]
pub struct Nudge(Arc<Notify>);

impl Nudge {
    /// A person does not want to wait: where a try is waited for, it is made now.
    pub fn now(&self) {
        self.0.notify_waiters();
    }
}

/// The consumer's side.
struct Consumer {
    events: mpsc::Sender<LinkEvent>,
    requests: mpsc::Receiver<Request>,
}

/// Nobody wants to know any more.
struct Gone;

impl Link {
    /// Connects as `client`, from where `sync` is.
    #[must_use]
    pub fn new(client: Client, sync: Sync, options: LinkOptions) -> Self {
        Self {
            dialer: client.dialer().clone(),
            client,
            sync,
            options,
            backoff: Backoff::new(options.retry_base, backoff::CAP),
            watch: Stopwatch::start(),
            nudge: Nudge::default(),
        }
    }

    /// What ends the wait for the next try.
    #[must_use]
    pub fn nudge(&self) -> Nudge {
        self.nudge.clone()
    }

    /// Stays connected until the consumer drops its ends; what it sends goes out as it is, while there is a connection.
    ///
    /// # Errors
    /// What no new try could change: one is logged out, or the log-in on disk is unusable.
    pub async fn run(
        mut self,
        events: mpsc::Sender<LinkEvent>,
        requests: mpsc::Receiver<Request>,
    ) -> Result<(), ClientError> {
        let mut consumer = Consumer { events, requests };
        loop {
            let why = match Box::pin(self.try_link(&mut consumer)).await {
                Ok(Gone) => return Ok(()),
                Err(LinkError::Client(error)) if lasting(&error) => return Err(error),
                Err(error) => error.to_string(),
            };
            let retry_in = self.backoff.next_delay(self.watch.now(), fastrand::f64());
            if consumer
                .tell(LinkEvent::Down { why, retry_in })
                .await
                .is_err()
            {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(retry_in) => {}
                () = self.nudge.0.notified() => {}
                () = consumer.events.closed() => return Ok(()),
            }
        }
    }

    /// One connection, until it ends or nobody wants it.
    async fn try_link(&mut self, consumer: &mut Consumer) -> Result<Gone, LinkError> {
        let socket = self.connect().await?;
        self.sync.handle_connected();
        let mut live = Live {
            socket,
            pending: Pending::default(),
            heard: self.watch.now(),
            held_up: Duration::ZERO,
            silence: Duration::from_secs(limits::SILENCE_S),
        };
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ticking = true;
        loop {
            if self.flush(&mut live, consumer).await?.is_some() {
                return Ok(Gone);
            }
            // Without anything to tick for, an idle connection wakes nobody between two heartbeats.
            let ticked = std::mem::replace(&mut ticking, self.ticks(&live));
            if ticking && !ticked {
                tick.reset();
            }
            let silent = self.watch.deadline(live.silent_at());
            tokio::select! {
                frame = live.socket.next() => self.handle_frame(&mut live, frame)?,
                request = consumer.requests.recv() => match request {
                    Some(request) => live.say(&request).await?,
                    None => return Ok(live.leave().await),
                },
                _ = tick.tick(), if ticking => self.handle_tick(&mut live)?,
                () = tokio::time::sleep_until(silent) => self.handle_tick(&mut live)?,
            }
        }
    }

    /// A socket, with new tokens where the server no longer takes ours.
    async fn connect(&mut self) -> Result<Socket, LinkError> {
        let deadline = clock::deadline_in(CONNECT_TIME);
        let token = self.client.access_token(deadline).await?;
        let refused = match self.upgrade(&token, deadline).await {
            Err(error) if unauthorized(&error) => error,
            other => return other,
        };
        match self.client.renew(&token, deadline).await? {
            Some(token) => self.upgrade(&token, deadline).await,
            None => Err(refused),
        }
    }

    async fn upgrade(
        &mut self,
        token: &Secret,
        deadline: clock::Deadline,
    ) -> Result<Socket, LinkError> {
        let route = match self.options.background {
            true => "/socket?background=1",
            false => "/socket",
        };
        let mut request = self
            .client
            .server()
            .socket(route)
            .into_client_request()
            .map_err(|error| LinkError::Broken(error.to_string()))?;
        let bearer: HeaderValue = bearer(token).map_err(ClientError::from)?;
        request.headers_mut().insert(AUTHORIZATION, bearer);
        let stream = self
            .dialer
            .dial(deadline)
            .await
            .map_err(|error| ClientError::from(super::http::HttpError::from(error)))?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_write_buffer_size(MESSAGE_BYTES_MAX)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let upgrade = Box::pin(client_async_with_config(request, stream, Some(config)));
        match timeout_at(deadline, upgrade).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(SocketError::Http(response))) => Err(self.refused(response.status()).into()),
            Ok(Err(error)) => Err(LinkError::Broken(error.to_string())),
            Err(_) => Err(LinkError::Silent),
        }
    }

    fn refused(&self, status: StatusCode) -> ClientError {
        super::refused(
            self.client.server(),
            &super::http::Answer {
                status,
                body: bytes::Bytes::new(),
            },
        )
    }

    fn handle_frame(
        &mut self,
        live: &mut Live,
        frame: Option<Result<Message, SocketError>>,
    ) -> Result<(), LinkError> {
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Err(LinkError::Broken(error.to_string())),
            None => return Err(LinkError::Closed(String::new())),
        };
        live.heard = live.reading_time(self.watch.now());
        match frame {
            Message::Text(text) => {
                let event = codec::decode_event(&text)
                    .map_err(|error| LinkError::Garbled(error.to_string()))?;
                self.handle_event(live, event);
                Ok(())
            }
            Message::Close(close) => {
                Err(LinkError::Closed(close.map_or_else(String::new, |close| {
                    format!(" with {}: {}", u16::from(close.code), close.reason)
                })))
            }
            Message::Binary(_) => Err(LinkError::Garbled("a binary frame".to_owned())),
            // The library answers pings by itself.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
        }
    }

    fn handle_event(&mut self, live: &mut Live, event: Event) {
        if let Some(id) = event.answers() {
            let _ = live.pending.handle_answer(id);
        }
        match &event {
            Event::Welcome(welcome) => {
                let heartbeat = Duration::from_secs(welcome.heartbeat_s.clamp(1, 300));
                live.silence = heartbeat * 2;
                self.backoff.handle_connected(self.watch.now());
            }
            Event::GoingAway(going) => {
                if let Some(ms) = going.retry_after_ms {
                    self.backoff.handle_hint(Duration::from_millis(ms));
                }
            }
            _ => {}
        }
        self.sync.handle_event(event);
    }

    /// Whether anything is to be asked again, or waits for an answer.
    fn ticks(&self, live: &Live) -> bool {
        self.sync.stalled() || !live.pending.is_empty()
    }

    fn handle_tick(&mut self, live: &mut Live) -> Result<(), LinkError> {
        let now = live.reading_time(self.watch.now());
        self.sync.handle_tick();
        let silent = now.since(live.heard) > live.silence;
        match silent || live.pending.poll_overdue(now).is_some() {
            true => Err(LinkError::Silent),
            false => Ok(()),
        }
    }

    /// Hands on what came and says what the machine wants to say.
    async fn flush(
        &mut self,
        live: &mut Live,
        consumer: &Consumer,
    ) -> Result<Option<Gone>, LinkError> {
        while let Some(delivery) = self.sync.poll_delivery() {
            // A consumer that is slow stops the reading here; the server waits, and sends what is left from its store.
            let before = self.watch.now();
            if consumer.tell(LinkEvent::Came(delivery)).await.is_err() {
                return Ok(Some(live.leave().await));
            }
            live.held_up += self.watch.now().since(before);
        }
        while let Some(request) = self.sync.poll_request() {
            if let Some(id) = request.id.clone() {
                // There are never more than a few of them, each with an id of its own.
                let now = live.reading_time(self.watch.now());
                let _ = live.pending.handle_asked(id, (), now, ANSWER_TIME);
            }
            live.say(&request).await?;
        }
        Ok(None)
    }
}

/// One open connection.
struct Live {
    socket: Socket,
    /// What the machine asked for.
    pending: Pending<()>,
    /// When something last came, in reading time.
    heard: Moment,
    /// So long the consumer kept us from reading; for that nobody else is to blame.
    held_up: Duration,
    /// So long may nothing come.
    silence: Duration,
}

impl Live {
    /// The time without that in which nothing could be read.
    fn reading_time(&self, now: Moment) -> Moment {
        let held_up_ms = u64::try_from(self.held_up.as_millis()).unwrap_or(u64::MAX);
        Moment(now.0.saturating_sub(held_up_ms))
    }

    /// When the silence will have been too long, by the clock.
    fn silent_at(&self) -> Moment {
        self.heard
            .plus(self.silence)
            .plus(self.held_up)
            .plus(Duration::from_millis(1))
    }

    async fn say(&mut self, request: &Request) -> Result<(), LinkError> {
        let frame = Message::text(codec::encode_request(request));
        match timeout(WRITE_TIME, self.socket.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(LinkError::Broken(error.to_string())),
            Err(_) => Err(LinkError::Silent),
        }
    }

    /// A polite end, if that is quick.
    async fn leave(&mut self) -> Gone {
        let _ = timeout(TICK, self.socket.close(None)).await;
        Gone
    }
}

impl Consumer {
    async fn tell(&self, event: LinkEvent) -> Result<(), Gone> {
        self.events.send(event).await.map_err(|_| Gone)
    }
}

fn unauthorized(error: &LinkError) -> bool {
    matches!(error, LinkError::Client(ClientError::Refused(refusal)) if refusal.code == ErrorCode::Unauthorized)
}

/// What no new try could change.
fn lasting(error: &ClientError) -> bool {
    match error {
        ClientError::Session(SessionError::Busy(_)) => false,
        ClientError::NoSession(_) | ClientError::Session(_) => true,
        ClientError::Refused(refusal) => {
            matches!(refusal.code, ErrorCode::Unauthorized | ErrorCode::Forbidden)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
