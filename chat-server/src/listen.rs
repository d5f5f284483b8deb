//! The accept loop: connections in, HTTP on each, and an orderly end. It knows no route.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::Instrument;

use crate::gate::{Gate, Peer};
use crate::http::{self, Edge};
use crate::limits;
use crate::metrics as names;
use crate::stall::Impatient;

/// Accepts and serves until the server stops, then waits as long as configured for requests and sockets to end.
pub async fn serve(listener: TcpListener, edge: Arc<Edge>) {
    let connections = TaskTracker::new();
    let place = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
    let desk = Desk {
        gate: Arc::new(Gate::default()),
        routes: http::routes(Arc::clone(&edge)),
        by_address: edge.app.config.address_limits,
        numbers: AtomicU64::new(1),
        stopping: edge.stopping.clone(),
        kill: edge.kill.clone(),
    };
    let mut pause = limits::ACCEPT_PAUSE_MIN;
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &place) => accepted,
            () = edge.stopping.cancelled() => break,
        };
        match accepted {
            Ok((stream, from, place)) => {
                pause = limits::ACCEPT_PAUSE_MIN;
                desk.receive(stream, from, place, &connections);
            }
            Err(error) => pause = wait_after(&error, pause).await,
        }
    }
    drop(listener);
    drain(&edge, &connections).await;
}

/// Waits for requests and sockets to end, as long as configured; then cuts what is left.
async fn drain(edge: &Edge, connections: &TaskTracker) {
    tracing::info!("stopping: no new connections");
    connections.close();
    edge.sockets.close();
    let ended = async {
        // In this order: a connection may still become a socket, and a socket nothing else.
        connections.wait().await;
        edge.sockets.wait().await;
    };
    if tokio::time::timeout(edge.app.config.drain, ended)
        .await
        .is_err()
    {
        let (open, sockets) = (connections.len(), edge.sockets.len());
        tracing::warn!(open, sockets, "stopped before all connections had ended");
    }
    edge.kill.cancel();
}

/// The next connection, when there is room for one: the rest waits in the kernel's queue.
async fn accept(
    listener: &TcpListener,
    place: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(place)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, from) = listener.accept().await?;
    Ok((stream, from, place))
}

/// Waits after a failed accept. Without descriptors left each try would fail at once, so the pauses grow;
/// they need no jitter, as nobody else tries on this listener.
async fn wait_after(error: &io::Error, pause: Duration) -> Duration {
    if gone_already(error) {
        return pause;
    }
    tracing::warn!(%error, pause_ms = pause.as_millis(), "could not accept a connection");
    tokio::time::sleep(pause).await;
    (pause * 2).min(limits::ACCEPT_PAUSE_MAX)
}

/// Whether the error is of the one connection that was to be accepted.
fn gone_already(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

/// What every connection needs.
struct Desk {
    gate: Arc<Gate>,
    routes: axum::Router,
    by_address: bool,
    /// Tells connections apart in the log.
    numbers: AtomicU64,
    stopping: CancellationToken,
    kill: CancellationToken,
}

impl Desk {
    fn receive(
        &self,
        stream: TcpStream,
        from: SocketAddr,
        place: OwnedSemaphorePermit,
        connections: &TaskTracker,
    ) {
        let stranger = if self.by_address {
            let Some(stranger) = self.gate.enter(from.ip()) else {
                ::metrics::counter!(names::CONNECTIONS_REFUSED, "reason" => "address").increment(1);
                turn_away(&stream);
                return;
            };
            Some(stranger)
        } else {
            None
        };
        // Small frames go out at once; a socket that cannot do that is slower, and still works.
        let _ = stream.set_nodelay(true);
        let peer = Peer::new(from.ip(), stranger, place);
        let served = connection(stream, peer, self.routes.clone(), self.stopping.clone());
        let kill = self.kill.clone();
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let span = tracing::info_span!("connection", number);
        connections.spawn(
            async move {
                tokio::select! {
                    () = served => {}
                    () = kill.cancelled() => {}
                }
            }
            .instrument(span),
        );
    }
}

/// Says why before hanging up. It is one packet; if it does not fit, the peer sees a closed connection.
fn turn_away(stream: &TcpStream) {
    const ANSWER: &str = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\n\
        retry-after: 1\r\nconnection: close\r\n\r\n\
        {\"type\":\"error\",\"code\":\"rate_limited\",\"message\":\"too many connections from \
        this address have not authenticated yet\",\"retry_after_ms\":1000}";
    let _ = stream.try_write(ANSWER.as_bytes());
}

/// HTTP on one connection, until it ends or becomes a socket.
async fn connection(
    stream: TcpStream,
    peer: Peer,
    routes: axum::Router,
    stopping: CancellationToken,
) {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let answer = routes.clone().oneshot(request.map(axum::body::Body::new));
        async move { answer.await.map_err(|never: Infallible| never) }
    });
    let stream = Impatient::new(stream, limits::WRITE_STALL);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEADERS_WAIT)
        .max_header_size(limits::HEADERS_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut served = std::pin::pin!(served);
    let outcome = tokio::select! {
        outcome = served.as_mut() => outcome,
        () = stopping.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended early");
    }
}
