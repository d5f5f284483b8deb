//! Opens the data folder: its lock, its modes, its schema. Decides here, once, how SQLite is to behave.

use std::path::{Path, PathBuf};

use chat_proto::{Epoch, Time};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

use crate::store::OpenError;
use crate::store::folder::{FolderLock, private_file};

/// From version n to n + 1 leads the n-th file.
const MIGRATIONS: [&str; 2] = [
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
];
/// Statements kept prepared; there are fewer than this in the whole engine.
const STATEMENTS_MAX: usize = 128;

/// Pages that the writer keeps, in KiB: the ends of the log and of its indexes, where all writing happens.
const WRITER_CACHE_KIB: i64 = 16 * 1024;

/// A locked data folder with a database of the right version.
pub(super) struct Folder {
    pub(super) file: PathBuf,
    pub(super) epoch: Epoch,
    /// When the latest message was sent.
    pub(super) latest: Time,
    /// Held while the store lives.
    _lock: FolderLock,
}

impl Folder {
    pub(super) fn open(dir: &Path) -> Result<Self, OpenError> {
        let lock = FolderLock::take(dir)?;
        let file = dir.join("chat.db");
        // Made before SQLite does, for its mode; the files beside it inherit that.
        private_file(&file).map_err(|error| OpenError::Folder {
            folder: dir.to_owned(),
            error,
        })?;
        let (epoch, latest) = prepare(&file)?;
        Ok(Self {
            file,
            epoch,
            latest,
            _lock: lock,
        })
    }

    /// The one connection that writes.
    pub(super) fn writer(&self) -> rusqlite::Result<Connection> {
        writer(&self.file)
    }

    /// A connection that only reads.
    pub(super) fn reader(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(1))?;
        connection.pragma_update(None, "query_only", true)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        Ok(connection)
    }

    /// How far the write-ahead log reaches on the disk.
    pub(super) fn wal_bytes(&self) -> u64 {
        let mut name = self.file.clone().into_os_string();
        name.push("-wal");
        std::fs::metadata(name).map_or(0, |meta| meta.len())
    }
}

fn writer(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(std::time::Duration::from_millis(200))?;
    // Works only before the first table.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit is on the disk when it returns. NORMAL would lose acked messages with the power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // An automatic checkpoint swallows its errors; the writer checkpoints itself and hears of them.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Brings the schema up to date and reads the life of the store, and when its latest message was sent.
fn prepare(file: &Path) -> Result<(Epoch, Time), OpenError> {
    let failed = |error: rusqlite::Error| {
        let (file, reason) = (file.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                OpenError::Damaged { file, reason }
            }
            _ => OpenError::Database { file, reason },
        }
    };
    let mut connection = writer(file).map_err(failed)?;
    let found: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed)?;
    let (version, known) = (
        usize::try_from(found).unwrap_or(usize::MAX),
        MIGRATIONS.len(),
    );
    if version > known {
        return Err(OpenError::Newer { found, known });
    }
    for (step, sql) in MIGRATIONS.iter().enumerate().skip(version) {
        migrate(&mut connection, step + 1, sql).map_err(failed)?;
    }
    let epoch = epoch(&connection).map_err(failed)?;
    let latest = latest(&connection).map_err(failed)?;
    Ok((epoch, latest))
}

fn migrate(connection: &mut Connection, version: usize, sql: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(sql)?;
    transaction.pragma_update(None, "user_version", i64::try_from(version).unwrap_or(0))?;
    transaction.commit()
}

fn epoch(connection: &Connection) -> rusqlite::Result<Epoch> {
    let known = connection
        .query_row("SELECT value FROM meta WHERE key = 'epoch'", [], |row| {
            row.get(0)
        })
        .optional()?;
    if let Some(epoch) = known {
        return Ok(Epoch(epoch));
    }
    let epoch = Epoch::generate();
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('epoch', ?1), ('proved', '0')",
        [epoch.as_str()],
    )?;
    Ok(epoch)
}

fn latest(connection: &Connection) -> rusqlite::Result<Time> {
    const SQL: &str = "SELECT coalesce(max(last_at), 0) FROM conversations";
    connection.query_row(SQL, [], |row| row.get(0).map(Time::from_micros))
}
