//! The log-in of one profile on disk: which server, who, and the tokens; and the lock under which they are renewed.
//!
//! The file is replaced as a whole, so readers need no lock. Who renews the tokens takes the lock first and
//! then reads the file again, because another process may have renewed them while this one waited.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chat_proto::api::{LoggedIn, Secret};
use chat_proto::{Name, Time};
use serde::{Deserialize, Serialize};

use super::private;
use crate::clock::{self, Deadline};

/// An access token is renewed this many seconds before it ends, so that it does not end on its way.
const RENEW_BEFORE_S: i64 = 20;

/// Why the log-in on disk could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The file system said no, or others may read the file.
    #[error("could not {what} {path}: {why}")]
    File {
        /// Read, write, lock.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// In the system's words.
        why: String,
    },
    /// It holds something else.
    #[error("{path} is no log-in of this program: {why}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another process held the lock for too long.
    #[error("another process is renewing the log-in in {0} and did not finish in time")]
    Busy(PathBuf),
}

/// What is known of a profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Saved {
    /// The server's address. Tokens go there and nowhere else.
    pub server: String,
    /// Who one is there.
    pub name: Name,
    /// The tokens; absent after a log-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
}

/// The tokens of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// The access token.
    pub token: Secret,
    /// Gives the next pair.
    pub refresh_token: Secret,
    /// When the access token ends, by this machine's clock: a hint that spares a request, never a proof.
    pub expires_at: Time,
}

impl Tokens {
    /// What a log-in at `now` gave.
    #[must_use]
    pub fn of(answer: &LoggedIn, now: Time) -> Self {
        let seconds = i64::try_from(answer.expires_in).unwrap_or(i64::MAX);
        Self {
            token: answer.token.clone(),
            refresh_token: answer.refresh_token.clone(),
            expires_at: now.plus_seconds(seconds),
        }
    }

    /// Whether the access token has ended, or is about to.
    #[must_use]
    pub fn stale(&self, now: Time) -> bool {
        now.plus_seconds(RENEW_BEFORE_S) >= self.expires_at
    }
}

/// The file of a profile's log-in.
#[derive(Debug, Clone)]
pub struct SessionFile {
    path: PathBuf,
}

/// Held by the one process that renews the tokens; gone when dropped or when the process dies.
#[derive(Debug)]
pub struct RenewalLock(
    #[expect(dead_code, reason = "the lock lasts as long as the open file")] File,
);

impl SessionFile {
    /// The file of `profile` in `folder`.
    #[must_use]
    pub fn new(folder: &Path, profile: &Name) -> Self {
        Self {
            path: folder.join(format!("{profile}.json")),
        }
    }

    /// Reads it, if there is one.
    ///
    /// # Errors
    /// [`SessionError`], also when others than the owner may read the file.
    pub fn load(&self) -> Result<Option<Saved>, SessionError> {
        let Some(content) = private::read(&self.path).map_err(|e| self.failed("read", &e))? else {
            return Ok(None);
        };
        serde_json::from_slice(&content)
            .map(Some)
            .map_err(|error| SessionError::Damaged {
                path: self.path.clone(),
                // Only the place: the parser's words may quote a token.
                why: format!("at line {} column {}", error.line(), error.column()),
            })
    }

    /// Replaces it.
    ///
    /// # Errors
    /// [`SessionError::File`]; what was there is then still there.
    pub fn save(&self, saved: &Saved) -> Result<(), SessionError> {
        let mut content = serde_json::to_vec_pretty(saved).map_err(|e| self.failed("write", &e))?;
        content.push(b'\n');
        private::replace(&self.path, &content).map_err(|e| self.failed("write", &e))
    }

    /// Waits until no other process renews these tokens. Read the file again after it.
    ///
    /// # Errors
    /// [`SessionError::Busy`] at the deadline.
    pub async fn lock(&self, deadline: Deadline) -> Result<RenewalLock, SessionError> {
        let path = self.path.with_extension("lock");
        if let Some(folder) = path.parent() {
            private::make_folder(folder).map_err(|e| self.failed("lock", &e))?;
        }
        let file = private::open(
            &path,
            OpenOptions::new().write(true).create(true).truncate(false),
        )
        .map_err(|e| self.failed("lock", &e))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(RenewalLock(file)),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(self.failed("lock", &error)),
            }
            if clock::time_left(deadline).is_zero() {
                return Err(SessionError::Busy(self.path.clone()));
            }
            // A renewal takes one round trip; looking again in a few milliseconds beats a thread that blocks without a deadline.
            tokio::time::sleep(Duration::from_millis(fastrand::u64(5..25))).await;
        }
    }

    fn failed(&self, what: &'static str, why: &dyn std::fmt::Display) -> SessionError {
        SessionError::File {
            what,
            path: self.path.clone(),
            why: why.to_string(),
        }
    }
}
