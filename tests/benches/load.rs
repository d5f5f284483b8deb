//! The closed loop: senders that keep a number of messages outstanding, receivers that count, and a span of time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::clock;
use crate::socket::{Socket, text_of};
use crate::target::{Cpu, Target};

/// Until queues and caches are as they will be.
const WARM_UP: Duration = Duration::from_millis(700);
/// How long the last acks may take.
const FINISH_MAX: Duration = Duration::from_secs(60);
/// Bytes of each text.
const TEXT_BYTES: usize = 100;

const WARMING: u8 = 0;
const MEASURING: u8 = 1;
const STOPPING: u8 = 2;

/// A connection of the load, and what it sends.
pub(crate) struct Peer {
    pub(crate) socket: Socket,
    /// To whom, and how many outstanding; a receiver sends nothing.
    pub(crate) sends: Option<(String, usize)>,
}

/// What a span of load gave.
pub(crate) struct Outcome {
    /// Messages that reached a receiver.
    pub(crate) deliveries: u64,
    /// CPU of what was measured.
    pub(crate) cpu: Cpu,
    /// How long it took.
    pub(crate) span: Duration,
    /// Microseconds from the send to each receive, ascending.
    pub(crate) latencies: Vec<u32>,
}

impl Outcome {
    /// Microseconds of this time for each delivery.
    pub(crate) fn us_each(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.deliveries.max(1) as f64
    }

    /// Deliveries a second.
    pub(crate) fn rate(&self) -> f64 {
        self.deliveries as f64 / self.span.as_secs_f64()
    }

    /// The latency in ms that this share of the deliveries stayed below.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * share) as usize;
        self.latencies
            .get(at)
            .map_or(f64::NAN, |us| f64::from(*us) / 1e3)
    }
}

struct Run {
    phase: AtomicU8,
    deliveries: AtomicU64,
    stop: watch::Sender<bool>,
}

/// Connections that have begun to write and to read.
pub(crate) struct Load {
    run: Arc<Run>,
    tasks: JoinSet<anyhow::Result<Vec<u32>>>,
}

impl Load {
    /// Begins.
    pub(crate) fn start(peers: Vec<Peer>) -> Self {
        let run = Arc::new(Run {
            phase: AtomicU8::new(WARMING),
            deliveries: AtomicU64::new(0),
            stop: watch::Sender::new(false),
        });
        let mut tasks = JoinSet::new();
        for peer in peers {
            tasks.spawn(drive(peer, Arc::clone(&run)));
        }
        Self { run, tasks }
    }

    /// Messages that reached a receiver until now.
    pub(crate) fn deliveries(&self) -> u64 {
        self.run.deliveries.load(Ordering::Relaxed)
    }

    /// Ends when all is acked; gives the microseconds of each delivery that was measured, ascending.
    pub(crate) async fn end(self) -> anyhow::Result<Vec<u32>> {
        self.run.phase.store(STOPPING, Ordering::Relaxed);
        self.run.stop.send_replace(true);
        let ends = tokio::time::timeout(FINISH_MAX, self.tasks.join_all()).await;
        let mut latencies = Vec::new();
        for of_one in ends.context("acks are still missing after a minute")? {
            latencies.extend(of_one?);
        }
        latencies.sort_unstable();
        Ok(latencies)
    }
}

/// Runs the loop for `span` and measures `target` meanwhile.
pub(crate) async fn closed_loop(
    target: &Target,
    peers: Vec<Peer>,
    span: Duration,
) -> anyhow::Result<Outcome> {
    let load = Load::start(peers);
    tokio::time::sleep(WARM_UP).await;
    let deliveries = load.deliveries();
    let (cpu, began) = (target.cpu()?, clock::now());
    load.run.phase.store(MEASURING, Ordering::Relaxed);
    tokio::time::sleep(span).await;
    Ok(Outcome {
        deliveries: load.deliveries() - deliveries,
        cpu: target.cpu()?.since(cpu),
        span: clock::now() - began,
        latencies: load.end().await?,
    })
}

/// One connection until the end of the load. A sender stays until all that it sent is acked.
async fn drive(peer: Peer, run: Arc<Run>) -> anyhow::Result<Vec<u32>> {
    let Peer { mut socket, sends } = peer;
    let mut stop = run.stop.subscribe();
    let mut hand = sends.map(|(topic, outstanding)| Hand::new(topic, outstanding));
    let mut latencies = Vec::new();
    if let Some(hand) = &mut hand {
        for _ in 0..hand.outstanding {
            socket.feed(hand.publish()).await?;
        }
        socket.flush().await?;
    }
    loop {
        let idle = hand.as_ref().is_none_or(|hand| hand.outstanding == 0);
        let frame = tokio::select! {
            frame = socket.next() => frame,
            _ = stop.wait_for(|stop| *stop), if idle => return Ok(latencies),
        };
        let mut frame = Some(frame.context("the peer closed the connection")?);
        let mut owed = 0;
        // All that has come is looked at before the next write.
        while let Some(now) = frame.take() {
            if let Some(text) = text_of(now?)? {
                owed += run.heard(&text, &mut latencies);
            }
            frame = socket.next().now_or_never().flatten();
        }
        let Some(hand) = hand.as_mut().filter(|_| owed > 0) else {
            continue;
        };
        if run.phase.load(Ordering::Relaxed) == STOPPING {
            hand.outstanding -= owed;
            continue;
        }
        for _ in 0..owed {
            socket.feed(hand.publish()).await?;
        }
        socket.flush().await?;
    }
}

impl Run {
    /// Counts a message; says how many acks the frame is.
    fn heard(&self, frame: &Utf8Bytes, latencies: &mut Vec<u32>) -> usize {
        if frame.contains(r#""type":"ack""#) {
            return 1;
        }
        if frame.contains(r#""type":"message""#) {
            self.deliveries.fetch_add(1, Ordering::Relaxed);
            if self.phase.load(Ordering::Relaxed) == MEASURING {
                latencies.extend(age_us(frame));
            }
        }
        0
    }
}

/// Microseconds since the send: each text begins with the time of its own.
fn age_us(frame: &str) -> Option<u32> {
    let (_, text) = frame.split_once(r#""text":""#)?;
    let sent: u128 = text.get(..STAMP_DIGITS)?.parse().ok()?;
    u32::try_from(clock::now().as_micros().checked_sub(sent)?).ok()
}

const STAMP_DIGITS: usize = 13;

/// A sender's hand: what it writes next.
struct Hand {
    topic: String,
    /// Sent and not yet acked.
    outstanding: usize,
    id: String,
    number: u64,
}

impl Hand {
    fn new(topic: String, outstanding: usize) -> Self {
        Self {
            topic,
            outstanding,
            id: uuid::Uuid::new_v4().simple().to_string(),
            number: 0,
        }
    }

    fn publish(&mut self) -> Message {
        self.number += 1;
        let (topic, id, number) = (&self.topic, &self.id, self.number);
        let stamp = clock::now().as_micros();
        let rest = TEXT_BYTES - STAMP_DIGITS;
        let frame = format!(
            r#"{{"action":"publish","topic":"{topic}","text":"{stamp:0STAMP_DIGITS$}{:x<rest$}","id":"{id}{number:08x}"}}"#,
            ""
        );
        Message::Text(frame.into())
    }
}
