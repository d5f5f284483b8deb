//! A server: opened from a configuration, served on a listener that the caller bound, until the caller says stop.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::attendance::Attendance;
use crate::auth::Auth;
use crate::auth::invite::Kind;
use crate::bus::{Announcer, BusError};
use crate::change::Place;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, SignUp};
use crate::http::Edge;
use crate::nodes::NodeId;
use crate::router::Router;
use crate::service::App;
use crate::store::{Commits, OpenError, Store, StoreError};
use crate::{limits, listen, metrics, open, upkeep};

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What the operator chose cannot be used as it is; the sentence says what.
    #[error("{0}")]
    Unusable(String),
    /// Something failed that should not.
    #[error("{0}")]
    Failed(String),
}

/// Why a server stopped that was not told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener is none.
    #[error("{0}")]
    Listener(std::io::Error),
    /// A task that must not end did.
    #[error("the upkeep panicked")]
    Upkeep,
    /// The data is another than at the start.
    #[error(
        "the database is not what it was at the start: it failed over, or was recovered to an earlier point. \
         Start the server again; clients read everything anew"
    )]
    LifeOver,
}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        Self::Unusable(error.to_string())
    }
}

impl From<BusError> for StartError {
    fn from(error: BusError) -> Self {
        Self::Unusable(error.to_string())
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A server that is open and not served yet.
pub struct Server {
    app: Arc<App>,
    /// Where the store stood before anybody was served.
    place: Place,
}

impl Server {
    /// Opens the data folder of a configuration.
    ///
    /// # Errors
    /// [`StartError`], with a sentence.
    pub async fn open(config: Config) -> Result<Self, StartError> {
        let clock = Arc::new(SystemClock::new());
        let settings = config.clone();
        Self::with(config, clock, async move |commits| {
            Ok(open::store(&settings, commits).await?)
        })
        .await
    }

    /// A server on a store and a clock of the caller's. The store is made with whom it has to tell of its commits.
    ///
    /// # Errors
    /// [`StartError`], with a sentence.
    pub async fn with(
        config: Config,
        clock: Arc<dyn Clock>,
        store: impl AsyncFnOnce(Arc<dyn Commits>) -> Result<Arc<dyn Store>, StartError>,
    ) -> Result<Self, StartError> {
        metrics::install();
        let router = Arc::new(Router::default());
        let grace_ms = u64::try_from(config.presence_grace.as_millis()).unwrap_or(u64::MAX);
        let own = NodeId(fastrand::u64(..));
        let attendance = Attendance::new(grace_ms, own, Arc::clone(&clock));
        let bus = open::bus(&config, Arc::clone(&router), attendance.clone())?;
        let store = store(Arc::new(Announcer::new(Arc::clone(&bus)))).await?;
        let auth = Auth::open(Arc::clone(&store), Arc::clone(&clock), &config).await?;
        let place = store.last_place().await?;
        bus.start(&store.epoch()).await?;
        let app = App::new(store, bus, router, attendance, clock, auth, config);
        let app = Arc::new(app);
        Ok(Self { app, place })
    }

    /// What every use case needs; for those who start servers themselves.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The link that makes the first administrator: while there is nobody, and newcomers need an invite.
    ///
    /// # Errors
    /// What the store says.
    pub async fn first_invite(&self, local: SocketAddr) -> Result<Option<String>, StartError> {
        if self.app.config.signup != SignUp::Invite || self.app.store.people_exist().await? {
            return Ok(None);
        }
        let code = self
            .app
            .auth
            .invite(Kind::Administrator, Vec::new(), 1)
            .await?;
        Ok(Some(code.link(&self.public_url(local))))
    }

    /// The URL under which people reach the server.
    #[must_use]
    pub fn public_url(&self, local: SocketAddr) -> String {
        let chosen = self.app.config.public_url.clone();
        chosen.unwrap_or_else(|| format!("http://{local}"))
    }

    /// Serves until `shutdown` is cancelled; then takes nobody more, lets requests and sockets end within the
    /// configured time, and closes the store.
    ///
    /// # Errors
    /// The listener is none, or it stopped by itself: whoever watches it starts it anew.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> Result<(), ServeError> {
        let local = listener.local_addr().map_err(ServeError::Listener)?;
        let public_url = self.public_url(local);
        let app = self.app;
        let edge = Arc::new(Edge::new(Arc::clone(&app), public_url, shutdown.clone()));
        // Those who are being waited for still come, go and read: what is kept of that stops after them.
        let over = CancellationToken::new();
        let seen = tokio::spawn(write_seen(Arc::clone(&app), over.clone()));
        let kept = tokio::spawn(keep(
            Arc::clone(&app),
            self.place,
            over.clone(),
            shutdown.clone(),
        ));
        let stopping = shutdown.clone();
        let router = Arc::clone(&app.router);
        let told = tokio::spawn(async move {
            stopping.cancelled().await;
            router.stop();
        });
        listen::serve(listener, edge).await;
        over.cancel();
        // They end by their tokens; a panic in one costs what it would have written behind.
        let (kept, ..) = tokio::join!(kept, told, seen);
        app.bus.stop().await;
        if tokio::time::timeout(limits::CLOSE_WAIT, app.store.close())
            .await
            .is_err()
        {
            tracing::warn!("the store did not close in time");
        }
        kept.unwrap_or(Err(ServeError::Upkeep))
    }
}

/// Does the upkeep until it is over. A server without it would be dead to other nodes and tell nobody of anything, and one
/// whose data was changed below it would give numbers for a second time; so it stops.
async fn keep(
    app: Arc<App>,
    place: Place,
    over: CancellationToken,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let mut kept = tokio::spawn(upkeep::run(Arc::clone(&app), place, over));
    let stop = |why: ServeError| {
        tracing::error!("{why}: the server stops");
        shutdown.cancel();
        Err(why)
    };
    tokio::select! {
        kept = &mut kept => kept.or_else(|_| stop(ServeError::Upkeep)),
        () = app.store.life_over() => {
            let stopped = stop(ServeError::LifeOver);
            // It ends with the last request.
            kept.await.or(Err(ServeError::Upkeep)).and(stopped)
        }
    }
}

/// Writes every now and then, and once at the end, when sessions were last seen.
async fn write_seen(app: Arc<App>, over: CancellationToken) {
    loop {
        let stopped = tokio::time::timeout(limits::SEEN_WRITTEN, over.cancelled()).await;
        app.auth.write_seen().await;
        if stopped.is_ok() {
            return;
        }
    }
}
