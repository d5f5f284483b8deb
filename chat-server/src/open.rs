//! Which engine keeps the messages.

use std::sync::Arc;

use crate::config::{Config, Database};
use crate::server::StartError;
use crate::store::sqlite::SqliteStore;
use crate::store::{Commits, Store};

/// Opens the store that is configured.
///
/// # Errors
/// `Unusable`: the folder cannot be written, is in use, or holds a newer database.
pub fn open(config: &Config, commits: Arc<dyn Commits>) -> Result<Arc<dyn Store>, StartError> {
    match config.database {
        Database::Sqlite => {
            let store = SqliteStore::open(&config.data, commits)
                .map_err(|error| StartError::Unusable(error.to_string()))?;
            Ok(store)
        }
    }
}
