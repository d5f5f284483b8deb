//! Counters by name. One recorder for the process, whatever number of servers runs in it.

use std::sync::{LazyLock, OnceLock};

use metrics::{Counter, Histogram, counter, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Connections that are open, authenticated or not.
pub const CONNECTIONS: &str = "chat_connections";
/// Connections that were refused, by `reason`.
pub const CONNECTIONS_REFUSED: &str = "chat_connections_refused_total";
/// Sockets that are open.
pub const SOCKETS: &str = "chat_sockets";
/// Sockets that were opened.
pub const SOCKETS_OPENED: &str = "chat_sockets_opened_total";
/// Sessions that were opened by a log-in or a sign-up.
pub const SESSIONS_OPENED: &str = "chat_sessions_opened_total";
/// Log-ins with a wrong name or password.
pub const LOGINS_FAILED: &str = "chat_logins_failed_total";
/// HTTP requests, by `route`, `method` and `status`.
pub const REQUESTS: &str = "chat_http_requests_total";
/// Seconds that a request took, by `route`.
pub const REQUEST_SECONDS: &str = "chat_http_request_seconds";
/// Messages that were asked to be sent.
pub const SENDS: &str = "chat_sends_total";
/// Sends that were answered with an `ack`, by `dup`.
pub const ACKS: &str = "chat_acks_total";
/// Seconds from a send to its `ack`.
pub const SEND_SECONDS: &str = "chat_send_seconds";
/// Frames that were written to sockets.
pub const FRAMES: &str = "chat_frames_total";
/// Transactions of the store's writer.
pub const STORE_BATCHES: &str = "chat_store_batches_total";
/// Writes in one transaction.
pub const STORE_BATCH_SIZE: &str = "chat_store_batch_size";
/// Calls that failed because the store was away.
pub const STORE_AWAY: &str = "chat_store_away_total";
/// Notices and words that left for other nodes.
pub const BUS_SAID: &str = "chat_bus_said_total";
/// Those that were dropped: no connection, or too many at once. They are found in the store.
pub const BUS_LOST: &str = "chat_bus_lost_total";
/// Those of other nodes that came, each copy counted.
pub const BUS_HEARD: &str = "chat_bus_heard_total";
/// Changes that were looked over for lost notices. Nearly all were told before: it grows with all that is stored.
pub const REPAIRED: &str = "chat_repair_changes_total";
/// Other nodes that are heard.
pub const NODES: &str = "chat_nodes_heard";

/// Bounds for what takes seconds: from a local write to a stalled disk.
const SECONDS: [f64; 11] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0,
];
/// Bounds for what is counted.
const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Counters of what happens for every message, looked up once.
pub struct Hot {
    /// [`SENDS`].
    pub sends: Counter,
    /// [`ACKS`] of messages stored.
    pub acks: Counter,
    /// [`ACKS`] of repeats.
    pub repeats: Counter,
    /// [`SEND_SECONDS`].
    pub send_seconds: Histogram,
    /// [`FRAMES`].
    pub frames: Counter,
    /// [`STORE_BATCHES`].
    pub batches: Counter,
    /// [`STORE_BATCH_SIZE`].
    pub batch_size: Histogram,
    /// [`BUS_SAID`].
    pub bus_said: Counter,
    /// [`BUS_LOST`].
    pub bus_lost: Counter,
    /// [`BUS_HEARD`].
    pub bus_heard: Counter,
    /// [`REPAIRED`].
    pub repaired: Counter,
}

/// The counters of every message; they count from the first use after [`install`] on.
pub fn hot() -> &'static Hot {
    static HOT: LazyLock<Hot> = LazyLock::new(|| Hot {
        sends: counter!(SENDS),
        acks: counter!(ACKS, "dup" => "false"),
        repeats: counter!(ACKS, "dup" => "true"),
        send_seconds: histogram!(SEND_SECONDS),
        frames: counter!(FRAMES),
        batches: counter!(STORE_BATCHES),
        batch_size: histogram!(STORE_BATCH_SIZE),
        bus_said: counter!(BUS_SAID),
        bus_lost: counter!(BUS_LOST),
        bus_heard: counter!(BUS_HEARD),
        repaired: counter!(REPAIRED),
    });
    &HOT
}

/// Installs the recorder, once.
pub fn install() {
    RECORDER.get_or_init(|| {
        let installed = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES)
            })
            .and_then(PrometheusBuilder::install_recorder);
        match installed {
            Ok(handle) => {
                describe();
                Some(handle)
            }
            Err(error) => {
                tracing::warn!(%error, "there are no metrics: another recorder is installed");
                None
            }
        }
    });
}

/// Folds what histograms gathered; without it they would grow until somebody asks.
pub fn upkeep() {
    if let Some(Some(handle)) = RECORDER.get() {
        handle.run_upkeep();
    }
}

/// All counters in the text format of Prometheus.
#[must_use]
pub fn render() -> String {
    match RECORDER.get() {
        Some(Some(handle)) => {
            handle.run_upkeep();
            handle.render()
        }
        _ => String::new(),
    }
}

fn describe() {
    use metrics::{
        describe_counter as counter, describe_gauge as gauge, describe_histogram as histogram,
    };
    gauge!(CONNECTIONS, "Connections that are open");
    counter!(CONNECTIONS_REFUSED, "Connections that were refused");
    gauge!(SOCKETS, "Sockets that are open");
    counter!(SOCKETS_OPENED, "Sockets that were opened");
    counter!(SESSIONS_OPENED, "Sessions that were opened");
    counter!(LOGINS_FAILED, "Log-ins with a wrong name or password");
    counter!(REQUESTS, "HTTP requests");
    histogram!(REQUEST_SECONDS, "Seconds that a request took");
    counter!(SENDS, "Messages that were asked to be sent");
    counter!(ACKS, "Sends that were acknowledged");
    histogram!(SEND_SECONDS, "Seconds from a send to its ack");
    counter!(FRAMES, "Frames that were written to sockets");
    counter!(STORE_BATCHES, "Transactions of the store");
    histogram!(STORE_BATCH_SIZE, "Writes in one transaction");
    counter!(STORE_AWAY, "Calls that failed because the store was away");
    counter!(BUS_SAID, "Notices and words that left for other nodes");
    counter!(
        BUS_LOST,
        "Notices and words that were dropped on their way out"
    );
    counter!(BUS_HEARD, "Notices and words of other nodes that came");
    counter!(
        REPAIRED,
        "Changes looked over for lost notices, told before or not"
    );
    gauge!(NODES, "Other nodes that are heard");
}

/// A gauge that counts what is alive: one more until it is dropped.
#[derive(Debug)]
pub struct Alive(&'static str);

impl Alive {
    /// One more.
    #[must_use]
    pub fn new(gauge: &'static str) -> Self {
        metrics::gauge!(gauge).increment(1.0);
        Self(gauge)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        metrics::gauge!(self.0).decrement(1.0);
    }
}
