//! The bus on pub/sub of Redis: a channel for each user, heard only where that user has a connection, one for crowds, heard
//! where anybody has one, and one for all nodes. Nothing is kept in Redis.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chat_proto::Epoch;
use futures_util::StreamExt;
use redis::aio::{MultiplexedConnection, PubSubSink, PubSubStream};
use redis::{AsyncConnectionConfig, Client, ErrorKind, TlsCertificates};
use tokio::sync::{Notify, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::carrier::{self, Audience, Carrier, Ears, Lost};
use super::recent::To;
use super::remote::RemoteBus;
use super::{Bus, BusError};
use crate::attendance::Attendance;
use crate::config::BusSettings;
use crate::limits;
use crate::metrics;
use crate::router::Router;

/// A bus on the Redis server that the settings name. It connects when it is started.
///
/// # Errors
/// The URL is none, or a file cannot be read.
pub fn open(
    settings: &BusSettings,
    router: Arc<Router>,
    attendance: Attendance,
) -> Result<Arc<dyn Bus>, BusError> {
    let redis = Redis {
        client: client(settings)?,
        live: OnceLock::new(),
    };
    Ok(Arc::new(RemoteBus::new(
        router,
        attendance,
        Arc::new(redis),
    )))
}

fn client(settings: &BusSettings) -> Result<Client, BusError> {
    if settings.credentials.is_some() {
        return Err(BusError(
            "Redis takes user and password in its URL; --bus-credentials is for NATS".to_owned(),
        ));
    }
    // The library's reason may hold parts of the URL, and so of a password.
    let no_url = |_| {
        BusError("a URL of Redis is written as redis://host:6379 or rediss://host:6379".to_owned())
    };
    let url = settings.url.expose();
    match &settings.ca {
        None => Client::open(url).map_err(no_url),
        Some(_) if !url.starts_with("rediss://") => Err(BusError(
            "--bus-ca is for TLS: the URL of Redis begins with rediss:// then".to_owned(),
        )),
        Some(ca) => {
            let certificates = TlsCertificates {
                client_tls: None,
                root_cert: Some(read(ca)?),
            };
            Client::build_with_tls(url, certificates).map_err(no_url)
        }
    }
}

fn read(file: &PathBuf) -> Result<Vec<u8>, BusError> {
    std::fs::read(file).map_err(|error| {
        let file = file.display();
        BusError(format!("could not read the certificates {file}: {error}"))
    })
}

/// A carrier on Redis.
struct Redis {
    client: Client,
    /// There from the start on.
    live: OnceLock<Live>,
}

struct Live {
    state: Arc<State>,
    _running: DropGuard,
}

/// What the calls and the task that holds the connections share.
struct State {
    prefix: String,
    /// Short sections, never across an await.
    wants: Mutex<Wants>,
    /// Wants changed.
    wake: Notify,
    /// How many changes of wants Redis knows of.
    settled: watch::Sender<u64>,
    /// The connection to publish on, while there is one.
    publisher: Mutex<Option<MultiplexedConnection>>,
}

#[derive(Default)]
struct Wants {
    heard: HashSet<To>,
    changes: u64,
}

/// Both connections.
struct Link {
    publisher: MultiplexedConnection,
    sink: PubSubSink,
    stream: PubSubStream,
}

#[async_trait]
impl Carrier for Redis {
    async fn start(&self, life: &Epoch, ears: Ears) -> Result<(), BusError> {
        let first = match tokio::time::timeout(limits::BUS_CONNECT_WAIT, link(&self.client)).await {
            Ok(Ok(link)) => Some(link),
            Ok(Err(error)) => {
                refused(&error)?;
                away(&error.to_string());
                None
            }
            Err(_) => {
                away("it did not answer in time");
                None
            }
        };
        let state = Arc::new(State {
            prefix: carrier::prefix(life),
            wants: Mutex::default(),
            wake: Notify::new(),
            settled: watch::Sender::new(0),
            publisher: Mutex::default(),
        });
        let running = CancellationToken::new();
        let ended = running.clone();
        let keeping = keep(self.client.clone(), Arc::clone(&state), ears, first);
        tokio::spawn(async move {
            tokio::select! {
                () = keeping => {}
                () = ended.cancelled() => {}
            }
        });
        let live = Live {
            state,
            _running: running.drop_guard(),
        };
        match self.live.set(live) {
            Ok(()) => Ok(()),
            Err(_) => Err(BusError("it was started before".to_owned())),
        }
    }

    async fn publish(&self, audience: &Audience, payload: Bytes) -> Result<(), Lost> {
        let state = &self.live.get().ok_or(Lost)?.state;
        let mut connection = state.publisher().clone().ok_or(Lost)?;
        let mut pipeline = redis::pipe();
        for to in audience.addresses() {
            let channel = carrier::subject(&state.prefix, to);
            pipeline.publish(channel, payload.as_ref()).ignore();
        }
        let sent: Result<(), _> = pipeline.query_async(&mut connection).await;
        sent.map_err(|_| Lost)
    }

    async fn subscribe(&self, to: To) {
        if let Some(live) = self.live.get() {
            live.state.want(|heard| heard.insert(to));
        }
    }

    async fn unsubscribe(&self, to: To) {
        if let Some(live) = self.live.get() {
            live.state.want(|heard| heard.remove(&to));
        }
    }

    async fn settle(&self) {
        if let Some(live) = self.live.get() {
            let changes = live.state.wants().changes;
            let mut settled = live.state.settled.subscribe();
            // It ends with the bus, and then nobody waits.
            let _ = settled.wait_for(|settled| *settled >= changes).await;
        }
    }

    async fn stop(&self) {}
}

impl State {
    fn want(&self, change: impl FnOnce(&mut HashSet<To>) -> bool) {
        let mut wants = self.wants();
        change(&mut wants.heard);
        wants.changes += 1;
        self.wake.notify_one();
    }

    fn wants(&self) -> MutexGuard<'_, Wants> {
        self.wants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publisher(&self) -> MutexGuard<'_, Option<MultiplexedConnection>> {
        self.publisher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn link(client: &Client) -> redis::RedisResult<Link> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(limits::BUS_CONNECT_WAIT))
        .set_response_timeout(Some(limits::BUS_PUBLISH_WAIT));
    let mut publisher = client
        .get_multiplexed_async_connection_with_config(&config)
        .await?;
    // Whether a password is missing is told at the first command, not before.
    redis::cmd("PING").exec_async(&mut publisher).await?;
    let (sink, stream) = client.get_async_pubsub().await?.split();
    Ok(Link {
        publisher,
        sink,
        stream,
    })
}

/// What can never work is told at the start.
fn refused(error: &redis::RedisError) -> Result<(), BusError> {
    match error.kind() {
        ErrorKind::AuthenticationFailed => {
            Err(BusError("Redis refused the user and password".to_owned()))
        }
        ErrorKind::InvalidClientConfig => {
            Err(BusError("the URL of Redis cannot be used".to_owned()))
        }
        _ if error.code() == Some("NOAUTH") => Err(BusError(
            "Redis wants a password, and its URL has none".to_owned(),
        )),
        _ => Ok(()),
    }
}

fn away(why: &str) {
    tracing::warn!(
        why,
        "the bus is away: the server starts without it and goes on looking for it"
    );
}

/// Holds the connections, and opens them anew whenever they are lost.
async fn keep(client: Client, state: Arc<State>, ears: Ears, first: Option<Link>) {
    let mut ready = first;
    let mut tries = 0;
    loop {
        let link = match ready.take() {
            Some(link) => Ok(link),
            None => tokio::time::timeout(limits::BUS_CONNECT_WAIT, link(&client))
                .await
                .unwrap_or_else(|_| Err((ErrorKind::Io, "it did not answer in time").into())),
        };
        if let Ok(link) = link {
            tries = 0;
            *state.publisher() = Some(link.publisher.clone());
            serve(&state, &ears, link).await;
            state.publisher().take();
            if ears.up.send_replace(false) {
                tracing::warn!(
                    "the bus is away: other nodes hear of news by looking into the store"
                );
            }
        }
        tries += 1;
        tokio::time::sleep(carrier::pause(tries)).await;
    }
}

/// Hears on one connection until it is lost.
async fn serve(state: &State, ears: &Ears, link: Link) {
    let Link {
        mut publisher,
        mut sink,
        mut stream,
    } = link;
    let mut heard = HashSet::new();
    let nodes = carrier::subject(&state.prefix, To::Nodes);
    let begun = async {
        sink.subscribe(nodes).await?;
        follow(state, &mut sink, &mut heard).await
    };
    if in_time(limits::BUS_CONNECT_WAIT, begun).await.is_none() {
        return;
    }
    tracing::info!("the bus is there");
    ears.up.send_replace(true);
    let mut ping = tokio::time::interval(limits::BUS_PING);
    loop {
        tokio::select! {
            message = stream.next() => {
                let Some(message) = message else { return };
                if let Some(to) = carrier::addressee(&state.prefix, message.get_channel_name()) {
                    let payload = Bytes::copy_from_slice(message.get_payload_bytes());
                    // The library reads on whatever waits, so what does not fit is dropped, and found in the store.
                    if ears.inbox.try_send((to, payload)).is_err() {
                        metrics::hot().bus_lost.increment(1);
                    }
                }
            }
            () = state.wake.notified() => {
                let followed = follow(state, &mut sink, &mut heard);
                if in_time(limits::BUS_CONNECT_WAIT, followed).await.is_none() {
                    return;
                }
            }
            _ = ping.tick() => {
                // Both connections: a node that hears and is not heard would be taken for dead.
                let pings = async {
                    sink.ping::<redis::Value>().await?;
                    redis::cmd("PING").exec_async(&mut publisher).await
                };
                if in_time(limits::BUS_PING, pings).await.is_none() {
                    return;
                }
            }
        }
    }
}

/// What comes in time and is no error.
async fn in_time<T>(
    wait: Duration,
    asked: impl Future<Output = redis::RedisResult<T>>,
) -> Option<T> {
    tokio::time::timeout(wait, asked).await.ok()?.ok()
}

/// Subscribes to what is wanted, and to nothing else.
async fn follow(
    state: &State,
    sink: &mut PubSubSink,
    heard: &mut HashSet<To>,
) -> redis::RedisResult<()> {
    let (wanted, changes) = {
        let wants = state.wants();
        (wants.heard.clone(), wants.changes)
    };
    let subjects = |addresses: Vec<&To>| -> Vec<String> {
        let subject = |to: &To| carrier::subject(&state.prefix, *to);
        addresses.into_iter().map(subject).collect()
    };
    let come = subjects(wanted.difference(heard).collect());
    let gone = subjects(heard.difference(&wanted).collect());
    if !come.is_empty() {
        sink.subscribe(come).await?;
    }
    if !gone.is_empty() {
        sink.unsubscribe(gone).await?;
    }
    *heard = wanted;
    state.settled.send_replace(changes);
    Ok(())
}
