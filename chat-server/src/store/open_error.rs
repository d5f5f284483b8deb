//! Why a store does not open, in sentences for the operator.

use std::io;
use std::path::PathBuf;

/// Why a store could not be opened; a sentence for the operator, without a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it can not be made, read or written.
    #[error("could not use the data folder {}: {error}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another process has it.
    #[error("the data folder {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// Written by a later version.
    #[error(
        "the database is of version {found}, newer than version {known} of this program: use a newer chat-server"
    )]
    Newer {
        /// The version of the file.
        found: i64,
        /// The highest version known here.
        known: usize,
    },
    /// Not a database, or not whole.
    #[error("the database {} is damaged: {reason}", file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// SQLite could not open it for another reason.
    #[error("could not open the database {}: {reason}", file.display())]
    Database {
        /// Which file.
        file: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// The URL of the database server cannot be read. It is not repeated, for the password in it.
    #[error("could not read the URL of the database: {0}")]
    Url(&'static str),
    /// The certificates that were named cannot be read.
    #[error("could not read certificates from {}: {reason}", file.display())]
    Certificates {
        /// Where from.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Nobody answers, or not as a database server does.
    #[error("could not reach the database server at {server}: {reason}")]
    Unreachable {
        /// Where it was looked for.
        server: String,
        /// What happened.
        reason: String,
    },
    /// Name or password are wrong, or that user may not come from here.
    #[error("the database server at {server} refused the user: {reason}")]
    Credentials {
        /// Which server.
        server: String,
        /// What it says.
        reason: String,
    },
    /// There is no such database.
    #[error("the database server at {server} has no such database: {reason}")]
    NoDatabase {
        /// Which server.
        server: String,
        /// What it says.
        reason: String,
    },
    /// The server lacks what the store needs.
    #[error("PostgreSQL {found} is too old: version {needed} or newer is needed")]
    TooOld {
        /// Its version.
        found: String,
        /// The lowest that will do.
        needed: u32,
    },
    /// The server only follows another one.
    #[error("the database server at {0} is a standby, which takes no writes: name the primary")]
    Standby(String),
    /// Texts in it are not UTF-8.
    #[error(
        "the database has the encoding {0}, and texts here are UTF8: make it with ENCODING 'UTF8'"
    )]
    Encoding(String),
    /// The user may not make tables, or not use them.
    #[error("the database user lacks a right: {0}")]
    Rights(String),
    /// The server could not bring the database up to date for another reason.
    #[error("could not prepare the database at {server}: {reason}")]
    Unprepared {
        /// Which server.
        server: String,
        /// What it says.
        reason: String,
    },
}
