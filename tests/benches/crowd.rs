//! A group that is written to while something else is measured: on a thread of its own, so that whoever measures does not
//! wait for it in the same queue.

use anyhow::Context;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::clock;
use crate::load::{Load, Peer};
use crate::socket::{Way, connect_each};
use crate::workloads::SETTLE;

/// A group with all of its members there.
pub(crate) struct Crowd {
    /// Whoever drops it ends the crowd.
    stop: oneshot::Sender<()>,
    thread: JoinHandle<anyhow::Result<f64>>,
}

impl Crowd {
    /// Connects the members, and returns when so many of them write, each with one message outstanding.
    pub(crate) async fn gather(
        members: Vec<Way>,
        group: String,
        senders: usize,
    ) -> anyhow::Result<Self> {
        let (began, begins) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = tokio::task::spawn_blocking(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(write(members, group, senders, began, stopped))
        });
        let crowd = Self { stop, thread };
        match begins.await {
            Ok(()) => Ok(crowd),
            // It ended before, and says why.
            Err(_) => Err(crowd.end().await.err().context("the crowd never came")?),
        }
    }

    /// Sends it home; gives the deliveries a second that there were.
    pub(crate) async fn end(self) -> anyhow::Result<f64> {
        let _ = self.stop.send(());
        self.thread.await?
    }
}

async fn write(
    members: Vec<Way>,
    group: String,
    senders: usize,
    began: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
) -> anyhow::Result<f64> {
    let sockets = connect_each(members).await?;
    let peers = sockets.into_iter().enumerate().map(|(member, socket)| {
        let sends = (member < senders).then(|| (group.clone(), 1));
        Peer { socket, sends }
    });
    let peers = peers.collect();
    tokio::time::sleep(2 * SETTLE).await;
    let load = Load::start(peers);
    let start = clock::now();
    let _ = began.send(());
    let _ = stopped.await;
    let rate = load.deliveries() as f64 / (clock::now() - start).as_secs_f64();
    load.end().await?;
    Ok(rate)
}
