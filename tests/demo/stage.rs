//! The stage: a server within this process, in a folder of its own, and the clock that it goes by.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chat_proto::Time;
use chat_server::clock::{Clock, Millis, SystemClock};
use chat_server::config::SignUp;
use chat_server::{Config, Server, open};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What [`StageClock`] holds while it runs.
const RUNS: i64 = i64::MIN;

/// A wall clock that can be stopped at any moment of the past, so that a history can be told as it went.
///
/// The monotonic clock always runs: deadlines and limits have nothing to do with the play.
#[derive(Debug)]
pub(crate) struct StageClock {
    machine: SystemClock,
    stopped_at_us: AtomicI64,
}

impl StageClock {
    fn new() -> Self {
        Self {
            machine: SystemClock::new(),
            stopped_at_us: AtomicI64::new(RUNS),
        }
    }

    /// Shows this time until it is told otherwise.
    pub(crate) fn stop_at(&self, time: Time) {
        self.stopped_at_us.store(time.micros(), Ordering::SeqCst);
    }

    /// Shows the machine's time.
    pub(crate) fn run(&self) {
        self.stopped_at_us.store(RUNS, Ordering::SeqCst);
    }
}

impl Clock for StageClock {
    fn wall(&self) -> Time {
        match self.stopped_at_us.load(Ordering::SeqCst) {
            RUNS => self.machine.wall(),
            micros => Time::from_micros(micros),
        }
    }

    fn monotonic(&self) -> Millis {
        self.machine.monotonic()
    }
}

/// A server on a free port.
pub(crate) struct Stage {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What it takes for the time.
    pub(crate) clock: Arc<StageClock>,
    stop: CancellationToken,
    served: JoinHandle<Result<(), chat_server::server::ServeError>>,
}

impl Stage {
    /// Opens it with its data in `folder`. Who leaves is told to be gone at once, nobody sends too fast, and nobody
    /// is waited for at the end.
    pub(crate) async fn open(folder: &Path) -> anyhow::Result<Self> {
        let config = Config {
            data: folder.join("data"),
            signup: SignUp::Open,
            presence_grace: Duration::ZERO,
            send_rate: 0.0,
            drain: Duration::from_secs(2),
            ..Config::default()
        };
        let clock = Arc::new(StageClock::new());
        let store = async |commits| Ok(open::store(&config, commits).await?);
        let server = Server::with(config.clone(), clock.clone(), store).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let served = tokio::spawn(server.serve(listener, stop.clone()));
        Ok(Self {
            address,
            clock,
            stop,
            served,
        })
    }

    /// Stops the server, and waits until it has.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.served.await??;
        Ok(())
    }
}
