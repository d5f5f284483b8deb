//! A database beside the log-in: private, of the right version, shared by the processes of one profile. Sets a
//! damaged file aside and begins a new one; never deletes what may still be wanted.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::client::private;

/// Damaged files that are kept of one database.
pub const ASIDE_MAX: usize = 3;
/// How long a statement waits for another process of the profile; each of them is short.
const BUSY: Duration = Duration::from_secs(5);
/// Pages that are kept in memory take so much, in KiB and as SQLite wants it; a page of history is less, and the system
/// keeps the file's pages too.
const PAGES_KIB: i64 = -512;
/// Statements kept prepared; there are fewer than this.
const STATEMENTS_MAX: usize = 64;
/// Looks at a lock that somebody has, and the pause between two: about as long as a statement waits.
const LOCK_LOOKS: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Why a database could not be used; by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It is no database, or not whole: it can be set aside and begun anew.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// In SQLite's words.
        why: String,
    },
    /// Written by a later version.
    #[error(
        "{} is of version {found}, newer than version {known} of this program: use a newer chat-tui",
        path.display()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The version of the file.
        found: i64,
        /// The highest version known here.
        known: usize,
    },
    /// The folder, the disk or another process says no; it may go better later.
    #[error("could not use {}: {why}", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// In the system's words.
        why: String,
    },
}

/// A file that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
    /// Rows of it that are in the new one.
    pub saved: usize,
}

/// What a database is to be like.
pub(super) struct Plan {
    /// From version n to n + 1 leads the n-th text.
    pub(super) migrations: &'static [&'static str],
    /// `FULL`: a commit is on the disk when it returns. `NORMAL`: the last ones may go with the power, and nothing breaks.
    pub(super) synchronous: &'static str,
    /// What is done with a file of a later version.
    pub(super) newer: Newer,
    /// Carries over what can be read of a file that was set aside; says how many rows.
    pub(super) salvage: fn(&mut Connection, &Path) -> usize,
}

/// What is done with a file of a later version.
#[derive(PartialEq, Eq)]
pub(super) enum Newer {
    /// Refused: what is in it is nowhere else.
    Refuse,
    /// Set aside: it can be had again.
    SetAside,
}

/// An open database.
pub(super) struct Database {
    path: PathBuf,
    plan: &'static Plan,
    connection: Connection,
    /// Which file `path` meant when it was opened.
    identity: Option<private::Identity>,
}

impl Database {
    /// Opens the file, makes it if there is none, and begins anew where it is damaged.
    pub(super) fn open(
        path: &Path,
        plan: &'static Plan,
    ) -> Result<(Self, Option<SetAside>), DatabaseError> {
        let _lock = lock(path)?;
        let (connection, aside) = match connect(path, plan) {
            Ok(connection) => (connection, None),
            Err(DatabaseError::Damaged { why, .. }) => begin_anew(path, plan, why)?,
            Err(error @ DatabaseError::Newer { .. }) if plan.newer == Newer::SetAside => {
                begin_anew(path, plan, error.to_string())?
            }
            Err(error) => return Err(error),
        };
        let database = Self {
            path: path.to_owned(),
            plan,
            connection,
            identity: private::identity(path),
        };
        Ok((database, aside))
    }

    /// A database that is gone with the process.
    pub(super) fn in_memory(plan: &'static Plan) -> Result<Self, DatabaseError> {
        let path = PathBuf::from("memory");
        let mut connection = Connection::open_in_memory().map_err(|e| judge(&path, &e))?;
        migrate(&path, &mut connection, plan)?;
        Ok(Self {
            path,
            plan,
            connection,
            identity: None,
        })
    }

    /// Sets the file aside, if it is still the one that was opened, and opens what is there then. For damage that
    /// shows only in use.
    pub(super) fn mend(&mut self, why: String) -> Result<Option<SetAside>, DatabaseError> {
        let _lock = lock(&self.path)?;
        // Lets go of the file before it is moved. An empty database takes no file and cannot fail to open.
        self.connection = Connection::open_in_memory().map_err(|e| judge(&self.path, &e))?;
        let (connection, aside) = if self.moved() {
            match connect(&self.path, self.plan) {
                Err(DatabaseError::Damaged { why, .. }) => begin_anew(&self.path, self.plan, why)?,
                connected => (connected?, None),
            }
        } else {
            begin_anew(&self.path, self.plan, why)?
        };
        self.connection = connection;
        self.identity = private::identity(&self.path);
        Ok(aside)
    }

    /// Whether another process set the file aside: what is written here is seen by nobody.
    pub(super) fn moved(&self) -> bool {
        self.identity.is_some() && private::identity(&self.path) != self.identity
    }

    /// Does `work` as a whole or not at all.
    pub(super) fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        let path = &self.path;
        // At once for writing: a read that turns into a write could not wait for another writer.
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|transaction| {
                let value = work(&transaction)?;
                transaction.commit()?;
                Ok(value)
            })
            .map_err(|error| judge(path, &error))
    }

    /// Reads, all of it at one point of time.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        self.connection
            .unchecked_transaction()
            .and_then(|transaction| work(&transaction))
            .map_err(|error| judge(&self.path, &error))
    }

    /// As a disk that is full, or has room again.
    #[cfg(test)]
    pub(super) fn refuse_writes(&self, refuse: bool) {
        self.connection
            .pragma_update(None, "query_only", refuse)
            .expect("a pragma");
    }

    /// A number that another one follows when another process has written.
    pub(super) fn version(&self) -> Result<i64, DatabaseError> {
        self.connection
            .pragma_query_value(None, "data_version", |row| row.get(0))
            .map_err(|error| judge(&self.path, &error))
    }
}

/// Held while a file is opened or set aside, so that no two processes set aside each other's new one.
fn lock(path: &Path) -> Result<File, DatabaseError> {
    let unusable = |why: String| DatabaseError::Unusable {
        path: path.to_owned(),
        why,
    };
    private::make_folder(path.parent().unwrap_or(Path::new(".")))
        .map_err(|error| unusable(error.to_string()))?;
    // No name of a profile gives a file of this name: none of theirs ends so.
    let file = private::open(
        &beside(path, "-lock"),
        OpenOptions::new().write(true).create(true).truncate(false),
    )
    .map_err(|error| unusable(error.to_string()))?;
    for _ in 0..LOCK_LOOKS {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(unusable(error.to_string())),
        }
    }
    Err(unusable("another process keeps it locked".to_owned()))
}

fn connect(path: &Path, plan: &Plan) -> Result<Connection, DatabaseError> {
    if path.is_dir() {
        return Err(DatabaseError::Damaged {
            path: path.to_owned(),
            why: "a folder is in its place".to_owned(),
        });
    }
    // Made before SQLite does, for its mode, which the files beside it inherit.
    private::make(path).map_err(|error| DatabaseError::Unusable {
        path: path.to_owned(),
        why: error.to_string(),
    })?;
    let mut connection = configured(path, plan.synchronous).map_err(|e| judge(path, &e))?;
    migrate(path, &mut connection, plan)?;
    Ok(connection)
}

fn configured(path: &Path, synchronous: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", PAGES_KIB)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Brings the schema up to date. Another process may be at the same, so it looks again once it is alone.
fn migrate(path: &Path, connection: &mut Connection, plan: &Plan) -> Result<(), DatabaseError> {
    let known = plan.migrations.len();
    let version = |connection: &Connection| -> rusqlite::Result<i64> {
        connection.pragma_query_value(None, "user_version", |row| row.get(0))
    };
    let found = version(connection).map_err(|e| judge(path, &e))?;
    if usize::try_from(found).unwrap_or(usize::MAX) > known {
        return Err(DatabaseError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    if found == i64::try_from(known).unwrap_or(i64::MAX) {
        return Ok(());
    }
    connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .and_then(|transaction| {
            let found = usize::try_from(version(&transaction)?).unwrap_or(known);
            for sql in plan.migrations.iter().skip(found) {
                transaction.execute_batch(sql)?;
            }
            let reached = i64::try_from(known.max(found)).unwrap_or(0);
            transaction.pragma_update(None, "user_version", reached)?;
            transaction.commit()
        })
        .map_err(|error| judge(path, &error))
}

fn begin_anew(
    path: &Path,
    plan: &Plan,
    why: String,
) -> Result<(Connection, Option<SetAside>), DatabaseError> {
    let aside = set_aside(path).map_err(|error| DatabaseError::Unusable {
        path: path.to_owned(),
        why: error.to_string(),
    })?;
    let mut connection = connect(path, plan)?;
    let saved = (plan.salvage)(&mut connection, &aside);
    let told = SetAside {
        path: aside,
        why,
        saved,
    };
    Ok((connection, Some(told)))
}

/// Gives the file another name, and those beside it that belong to it. The oldest of too many goes.
fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let numbers = aside_numbers(path)?;
    for number in numbers.iter().rev().skip(ASIDE_MAX - 1) {
        for end in ["", "-wal", "-shm"] {
            let old = beside(path, &format!(".damaged-{number}{end}"));
            // Best effort: what cannot be removed is no reason to go without a new file. A folder that somebody
            // put in its place goes only when it is empty.
            let _ = std::fs::remove_file(&old).or_else(|_| std::fs::remove_dir(&old));
        }
    }
    let next = numbers.last().map_or(1, |last| last.saturating_add(1));
    let aside = beside(path, &format!(".damaged-{next}"));
    std::fs::rename(path, &aside)?;
    for end in ["-wal", "-shm"] {
        match std::fs::rename(beside(path, end), beside(&aside, end)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

/// The numbers of the files that were set aside, ascending.
fn aside_numbers(path: &Path) -> std::io::Result<Vec<u64>> {
    let start = beside(path, ".damaged-");
    let start = start.file_name().unwrap_or_default().to_string_lossy();
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(path.parent().unwrap_or(Path::new(".")))? {
        let name = entry?.file_name();
        let number = name.to_string_lossy();
        let number = number.strip_prefix(&*start).map(str::parse::<u64>);
        numbers.extend(number.and_then(Result::ok));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The file whose name is that of `path` with `end` behind it.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// What an error of SQLite says of the file.
pub(super) fn judge(path: &Path, error: &rusqlite::Error) -> DatabaseError {
    use rusqlite::Error as E;
    let damaged = match error {
        // A statement of ours that the file does not fit to: its tables are not ours.
        E::SqliteFailure(failure, _) => matches!(
            failure.code,
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::Unknown
                | ErrorCode::ConstraintViolation
        ),
        E::SqlInputError { .. }
        | E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::Utf8Error(..)
        | E::InvalidColumnType(..)
        | E::InvalidColumnIndex(..)
        | E::InvalidColumnName(..) => true,
        _ => false,
    };
    let (path, why) = (path.to_owned(), error.to_string());
    match damaged {
        true => DatabaseError::Damaged { path, why },
        false => DatabaseError::Unusable { path, why },
    }
}
