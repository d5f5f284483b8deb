//! Which engine keeps the messages, and which bus carries the notices.

use std::sync::Arc;

use chat_proto::api::Secret;

use crate::attendance::Attendance;
use crate::bus::local::LocalBus;
use crate::bus::{Bus, BusError, nats, redis};
use crate::config::{self, BusSettings, Config, Database};
use crate::router::Router;
use crate::server::StartError;
use crate::store::folder::FolderLock;
use crate::store::sqlite::SqliteStore;
use crate::store::{Commits, Store};

/// Opens the store that is configured.
///
/// # Errors
/// `Unusable`: the folder cannot be written, is in use, or holds a newer database; the database cannot be reached.
pub async fn store(
    config: &Config,
    commits: Arc<dyn Commits>,
) -> Result<Arc<dyn Store>, StartError> {
    match &config.database {
        Database::Sqlite => {
            let store = SqliteStore::open(&config.data, commits)
                .map_err(|error| StartError::Unusable(error.to_string()))?;
            Ok(store)
        }
        Database::Postgres(_) => Err(StartError::Unusable(
            "database: this build has no PostgreSQL".to_owned(),
        )),
    }
}

/// Holds the data folder for a server whose store is elsewhere: the door of its sub-commands is in there, and is one
/// server's. The embedded store holds its folder by itself.
///
/// # Errors
/// `Unusable`: the folder cannot be written, or another server has it.
pub fn folder(config: &Config) -> Result<Option<FolderLock>, StartError> {
    match config.database {
        Database::Sqlite => Ok(None),
        Database::Postgres(_) => FolderLock::take(&config.data)
            .map(Some)
            .map_err(|error| StartError::Unusable(error.to_string())),
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
        config::Bus::Local => Ok(Arc::new(LocalBus::new(router))),
        config::Bus::Nats(url) => nats::open(&settings(url), router, attendance),
        config::Bus::Redis(url) => redis::open(&settings(url), router, attendance),
    }
}
