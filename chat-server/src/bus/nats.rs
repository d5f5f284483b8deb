//! The bus on core NATS: a subject for each user, heard only where that user has a connection, one for crowds, heard where
//! anybody has one, and one for all nodes.
//!
//! No stream, no store: what NATS loses is found in the database.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr, Subscriber};
use async_trait::async_trait;
use bytes::Bytes;
use chat_proto::Epoch;
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::{BoxStream, SelectAll};
use futures_util::{FutureExt, StreamExt};
use percent_encoding::percent_decode_str;
use tokio::sync::{mpsc, watch};

use super::carrier::{self, Audience, Carrier, Ears, Lost};
use super::recent::To;
use super::remote::RemoteBus;
use super::{Bus, BusError};
use crate::attendance::Attendance;
use crate::config::BusSettings;
use crate::limits;
use crate::router::Router;

/// Streams that wait to be listened to.
const STREAMS_MAX: usize = 1_024;

/// Subscriptions as one stream of what came, and for whom.
type Stream = BoxStream<'static, (To, Bytes)>;

/// A bus on the NATS servers that the settings name. It connects when it is started.
///
/// # Errors
/// The URL is none.
pub fn open(
    settings: &BusSettings,
    router: Arc<Router>,
    attendance: Attendance,
) -> Result<Arc<dyn Bus>, BusError> {
    let nats = Nats {
        servers: servers(settings)?,
        credentials: settings.credentials.clone(),
        ca: settings.ca.clone(),
        live: OnceLock::new(),
    };
    Ok(Arc::new(RemoteBus::new(router, attendance, Arc::new(nats))))
}

/// Where the servers of a cluster are, and how one gets in.
#[derive(Debug)]
struct Servers {
    addresses: Vec<ServerAddr>,
    login: Login,
}

/// What a URL says before its `@`.
enum Login {
    Nobody,
    Token(String),
    User(String, String),
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Reads the URLs, with commas between them. The client is given the addresses alone: it logs what it is given.
fn servers(settings: &BusSettings) -> Result<Servers, BusError> {
    let (mut addresses, mut login) = (Vec::new(), Login::Nobody);
    for url in settings.url.expose().split(',') {
        let address = address(url.trim()).ok_or_else(no_url)?;
        if settings.ca.is_some() && !address.tls_required() {
            return Err(BusError(
                "--bus-ca is for TLS: the URL of NATS begins with tls:// then".to_owned(),
            ));
        }
        if let (Login::Nobody, Some(user)) = (&login, address.username()) {
            let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            login = match address.password() {
                Some(password) => Login::User(decoded(user), decoded(password)),
                // A name alone is a token, as every client of NATS takes it.
                None => Login::Token(decoded(user)),
            };
        }
        let (scheme, host, port) = (address.scheme(), address.host(), address.port());
        let bare = match host.contains(':') {
            true => format!("{scheme}://[{host}]:{port}"),
            false => format!("{scheme}://{host}:{port}"),
        };
        addresses.push(bare.parse().map_err(|_| no_url())?);
    }
    Ok(Servers { addresses, login })
}

fn address(url: &str) -> Option<ServerAddr> {
    let address: ServerAddr = url.parse().ok()?;
    let ours = matches!(address.scheme(), "nats" | "tls") && !address.host().is_empty();
    ours.then_some(address)
}

/// The reason may hold parts of the URL, and so of a password.
fn no_url() -> BusError {
    BusError("a URL of NATS is written as nats://host:4222 or tls://host:4222".to_owned())
}

/// A carrier on NATS.
struct Nats {
    servers: Servers,
    credentials: Option<PathBuf>,
    ca: Option<PathBuf>,
    /// There from the start on.
    live: OnceLock<Live>,
}

/// What is there after the start; the client connects again by itself, subscriptions included.
struct Live {
    client: Client,
    up: Arc<watch::Sender<bool>>,
    prefix: String,
    streams: mpsc::Sender<Stream>,
    /// Ends the stream of an address. Short sections, never across an await.
    heard: Mutex<HashMap<To, AbortHandle>>,
}

#[async_trait]
impl Carrier for Nats {
    async fn start(&self, life: &Epoch, ears: Ears) -> Result<(), BusError> {
        let Ears { inbox, up } = ears;
        let up = Arc::new(up);
        let client = self.connect(&up).await?;
        let prefix = carrier::prefix(life);
        let (streams, coming) = mpsc::channel(STREAMS_MAX);
        let nodes = client
            .subscribe(carrier::subject(&prefix, To::Nodes))
            .await
            .map_err(|_| BusError("NATS refused a subscription".to_owned()))?;
        // There is room: it is the first.
        let _ = streams.try_send(labelled(nodes, To::Nodes));
        tokio::spawn(listen(coming, inbox));
        let live = Live {
            client,
            up,
            prefix,
            streams,
            heard: Mutex::default(),
        };
        match self.live.set(live) {
            Ok(()) => Ok(()),
            Err(_) => Err(BusError("it was started before".to_owned())),
        }
    }

    async fn publish(&self, audience: &Audience, payload: Bytes) -> Result<(), Lost> {
        let live = self.live.get().ok_or(Lost)?;
        for to in audience.addresses() {
            let subject = carrier::subject(&live.prefix, to);
            let publish = live.client.publish(subject, payload.clone());
            publish.await.map_err(|_| Lost)?;
        }
        Ok(())
    }

    async fn subscribe(&self, to: To) {
        let Some(live) = self.live.get() else { return };
        let subject = carrier::subject(&live.prefix, to);
        let Ok(subscriber) = live.client.subscribe(subject).await else {
            tracing::warn!("NATS refused a subscription: its users hear from other nodes late");
            return;
        };
        let (handle, registration) = AbortHandle::new_pair();
        let stream = labelled(subscriber, to);
        let stream = Abortable::new(stream, registration).boxed();
        if let Some(before) = live.heard().insert(to, handle) {
            before.abort();
        }
        // Fails only when the bus has stopped.
        let _ = live.streams.send(stream).await;
    }

    async fn unsubscribe(&self, to: To) {
        if let Some(live) = self.live.get()
            && let Some(stream) = live.heard().remove(&to)
        {
            // The stream ends, is dropped, and unsubscribes.
            stream.abort();
        }
    }

    async fn settle(&self) {
        if let Some(live) = self.live.get() {
            // Nobody listens there, and the server says so at once: after what was asked of it before. (A flush of the
            // client only empties its buffer.) Another error means that the connection is gone; the next one subscribes anew.
            let nobody = format!("{}.nobody", live.prefix);
            let _ = live.client.request(nobody, Bytes::new()).await;
        }
    }

    async fn stop(&self) {
        self.settle().await;
        if let Some(live) = self.live.get() {
            // Its end is no news to anybody.
            live.up.send_replace(false);
        }
    }
}

impl Live {
    fn heard(&self) -> MutexGuard<'_, HashMap<To, AbortHandle>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Nats {
    /// Connects. What can never work is an error; a server that is away is waited for behind the service.
    async fn connect(&self, up: &Arc<watch::Sender<bool>>) -> Result<Client, BusError> {
        let first = self
            .options(up)
            .await?
            .connect(self.servers.addresses.clone());
        let why = match tokio::time::timeout(limits::BUS_CONNECT_WAIT, first).await {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(error)) => match error.kind() {
                ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                    return Err(BusError(
                        "NATS refused the user and password, token or credentials".to_owned(),
                    ));
                }
                ConnectErrorKind::Tls => return Err(no_tls()),
                _ if of_tls(&error) => return Err(no_tls()),
                ConnectErrorKind::ServerParse => {
                    return Err(BusError("a URL of NATS cannot be used".to_owned()));
                }
                _ => causes(&error),
            },
            Err(_) => "it did not answer in time".to_owned(),
        };
        tracing::warn!(
            why,
            "the bus is away: the server starts without it and goes on looking for it"
        );
        let later = self.options(up).await?.retry_on_initial_connect();
        later
            .connect(self.servers.addresses.clone())
            .await
            .map_err(|error| BusError(format!("NATS: {}", error.kind())))
    }

    async fn options(&self, up: &Arc<watch::Sender<bool>>) -> Result<ConnectOptions, BusError> {
        let up = Arc::clone(up);
        let mut options = ConnectOptions::new()
            .name("chat-server")
            // What a node says it has told its own connections already.
            .no_echo()
            .ping_interval(limits::BUS_PING)
            .connection_timeout(limits::BUS_CONNECT_WAIT)
            .client_capacity(limits::BUS_QUEUE)
            .subscription_capacity(limits::BUS_INBOX)
            .reconnect_delay_callback(carrier::pause)
            .event_callback(move |event| {
                link_event(&up, &event);
                std::future::ready(())
            });
        if let Some(ca) = &self.ca {
            options = options.add_root_certificates(ca.clone());
        }
        if let Some(file) = &self.credentials {
            options = options.credentials_file(file).await.map_err(|error| {
                let file = file.display();
                BusError(format!("could not read the credentials {file}: {error}"))
            })?;
        }
        options = match &self.servers.login {
            Login::Nobody => options,
            Login::Token(token) => options.token(token.clone()),
            Login::User(user, password) => {
                options.user_and_password(user.clone(), password.clone())
            }
        };
        Ok(options)
    }
}

/// An error with what caused it. Nothing in it holds the URL, as the client was given addresses alone.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text.escape_debug().to_string()
}

fn no_tls() -> BusError {
    BusError(
        "no TLS with NATS: its certificate is not trusted (--bus-ca names the authority that signed \
         it), or it speaks none"
            .to_owned(),
    )
}

/// Whether it failed for a certificate, or what else TLS wants: the client reports that as an error of the stream.
fn of_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let of_stream = error.downcast_ref::<std::io::Error>();
        if error.is::<rustls::Error>()
            || matches!(of_stream.and_then(std::io::Error::get_ref), Some(inner) if inner.is::<rustls::Error>())
        {
            return true;
        }
        cause = error.source();
    }
    false
}

fn link_event(up: &watch::Sender<bool>, event: &Event) {
    match event {
        Event::Connected => {
            tracing::info!("the bus is there");
            up.send_replace(true);
        }
        Event::Disconnected | Event::Closed => {
            if up.send_replace(false) {
                tracing::warn!(
                    "the bus is away: other nodes hear of news by looking into the store"
                );
            }
        }
        Event::SlowConsumer(_) => {
            tracing::debug!(
                "notices of the bus were dropped: they came faster than they were read"
            );
        }
        Event::ServerError(refused) => {
            let refused = refused.to_string();
            tracing::warn!(error = %refused.escape_debug(), "NATS refuses something: see the README for what a node needs");
        }
        other => {
            let other = other.to_string();
            tracing::debug!(event = %other.escape_debug(), "the bus says something");
        }
    }
}

fn labelled(subscriber: Subscriber, to: To) -> Stream {
    subscriber.map(move |message| (to, message.payload)).boxed()
}

/// One task for all subscriptions: a stream that has nothing costs nothing.
async fn listen(mut coming: mpsc::Receiver<Stream>, inbox: mpsc::Sender<(To, Bytes)>) {
    let mut streams = SelectAll::new();
    loop {
        tokio::select! {
            stream = coming.recv() => match stream {
                Some(stream) => streams.push(stream),
                None => return,
            },
            Some(came) = streams.next(), if !streams.is_empty() => {
                if inbox.send(came).await.is_err() {
                    return;
                }
                // What waits behind it goes the same way without looking around.
                while let Some(Some(came)) = streams.next().now_or_never() {
                    if inbox.send(came).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}
