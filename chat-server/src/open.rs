//! Which engine keeps the messages, and which bus carries the notices.

use std::sync::Arc;
use std::time::Duration;

use chat_proto::api::Secret;

use crate::attendance::Attendance;
use crate::bus::local::LocalBus;
use crate::bus::{Bus, BusError, nats, redis};
use crate::config::{self, BusSettings, Config, Database};
use crate::limits;
use crate::router::Router;
use crate::store::folder::FolderLock;
use crate::store::postgres::PostgresStore;
use crate::store::sqlite::SqliteStore;
use crate::store::{Commits, OpenError, Store};

/// Opens the store that is configured.
///
/// # Errors
/// The folder cannot be written, is in use, or holds a newer database; the database cannot be reached.
pub async fn store(
    config: &Config,
    commits: Arc<dyn Commits>,
) -> Result<Arc<dyn Store>, OpenError> {
    match &config.database {
        Database::Sqlite => {
            let store = SqliteStore::open(&config.data, commits)?;
            Ok(store)
        }
        Database::Postgres(url) => {
            let store = postgres(url, commits).await?;
            Ok(store)
        }
    }
}

/// A database that is started beside the server may take a moment longer.
async fn postgres(
    url: &Secret,
    commits: Arc<dyn Commits>,
) -> Result<Arc<PostgresStore>, OpenError> {
    let mut pauses = limits::DATABASE_PAUSES_MS.iter();
    loop {
        let opened = PostgresStore::open(url.expose(), Arc::clone(&commits)).await;
        match (opened, pauses.next()) {
            (Err(error @ OpenError::Unreachable { .. }), Some(pause)) => {
                tracing::warn!(%error, "the database is not there yet");
                tokio::time::sleep(Duration::from_millis(*pause)).await;
            }
            (opened, _) => return opened,
        }
    }
}

/// Holds the data folder for a server whose store is elsewhere: the door of its sub-commands is in there, and is one
/// server's. The embedded store holds its folder by itself.
///
/// # Errors
/// The folder cannot be written, or another server has it.
pub fn folder(config: &Config) -> Result<Option<FolderLock>, OpenError> {
    match config.database {
        Database::Sqlite => Ok(None),
        Database::Postgres(_) => FolderLock::take(&config.data).map(Some),
    }
}

/// Makes the bus that is configured; it connects when it is started.
///
/// # Errors
/// What is configured can never work.
pub fn bus(
    config: &Config,
    router: Arc<Router>,
    attendance: Attendance,
) -> Result<Arc<dyn Bus>, BusError> {
    let settings = |url: &Secret| BusSettings {
        url: url.clone(),
        credentials: config.bus_credentials.clone(),
        ca: config.bus_ca.clone(),
    };
    match &config.bus {
        config::Bus::Local => {
            if matches!(config.database, Database::Postgres(_)) {
                tracing::warn!(
                    "there is no bus (--bus): further nodes on this database would hear of messages by looking into it, \
                     and of presence, marks and typing not at all"
                );
            }
            Ok(Arc::new(LocalBus::new(router)))
        }
        config::Bus::Nats(url) => nats::open(&settings(url), router, attendance),
        config::Bus::Redis(url) => redis::open(&settings(url), router, attendance),
    }
}
