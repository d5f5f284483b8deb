//! The local copy of one user's conversations: what the screens open on, before any network. All of it can be had
//! from the server again, so the disk is not waited for; a damaged copy is set aside and begun anew.
//!
//! One file of a profile, shared by its processes: everything that is put in merges (a message once, marks and
//! places by the greater), so their order does not matter. It blocks; a thread of its own does the calls. The one
//! room of the client that names SQL, which is why the file of the [`outbox`] is in it too.

mod apply;
#[cfg(test)]
mod damage_tests;
mod database;
mod lines;
pub mod outbox;
#[cfg(test)]
mod outbox_tests;
mod page;
mod rows;
mod salvage;
#[cfg(test)]
pub(crate) mod tests;

use std::path::{Path, PathBuf};

use chat_proto::event::{GroupChanged, Membership};
use chat_proto::{Conversation, Epoch, Mark, Message, Name, Rev, Seq};
use rusqlite::{Connection, OptionalExtension};

pub use self::database::{ASIDE_MAX, DatabaseError, SetAside};
use self::database::{Database, Newer, Plan};
use super::copy::{Entry, Line};

const PLAN: Plan = Plan {
    migrations: &[include_str!("migrations/cache-0001.sql")],
    synchronous: "NORMAL",
    newer: Newer::SetAside,
    salvage: |_, _| 0,
};

/// Whose: one user of one server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The server's address.
    pub server: String,
    /// Who one is there.
    pub name: Name,
}

impl Owner {
    /// As it stands in the files; no two owners are the same there.
    fn key(&self) -> String {
        format!("{} {}", self.name, self.server)
    }
}

/// Why the copy could not be used; by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The file. Where it is [`DatabaseError::Damaged`], [`Cache::mend`] begins a new one.
    #[error(transparent)]
    File(#[from] DatabaseError),
    /// Another process emptied the copy, because the server's numbers are others now or another user logged in:
    /// what this one knows means nothing. Open it again, and sync from its places.
    #[error("another process began the local copy anew")]
    BegunAnew,
}

/// Something that came from the server, or that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The store that everything after this comes from; of another one everything before is forgotten.
    Epoch(Epoch),
    /// A message as it is now.
    Message(Message),
    /// Somebody became a member.
    Join(Membership),
    /// Somebody is a member no more.
    Leave(Membership),
    /// The group changed.
    Group(GroupChanged),
    /// A line of the server's list.
    Conversation(Conversation),
    /// Everything of `topic` up to and with `rev` was put in, or cannot be had. In the same batch as the last of it.
    Place {
        /// Which conversation.
        topic: Name,
        /// Up to which change.
        rev: Rev,
    },
    /// One's own mark.
    ReadUpTo {
        /// In which conversation.
        topic: Name,
        /// Up to and with.
        seq: Seq,
    },
    /// A mark of somebody else.
    Mark {
        /// In which conversation.
        topic: Name,
        /// Whose.
        name: Name,
        /// Which; read stands for delivered too.
        mark: Mark,
        /// Up to and with.
        seq: Seq,
    },
    /// One has left for good: nothing of it stays.
    Forget {
        /// Which conversation.
        topic: Name,
    },
}

/// The local copy.
pub struct Cache {
    database: Database,
    owner: Owner,
    /// The store that this process takes the copy to be of.
    epoch: Option<Epoch>,
}

/// The file of a profile's local copy.
#[must_use]
pub fn path(folder: &Path, profile: &Name) -> PathBuf {
    folder.join(format!("{profile}.cache.db"))
}

impl Cache {
    /// Opens the copy of `owner`; empty where there is none, where it is another's, or where it was damaged and is
    /// set aside now.
    ///
    /// # Errors
    /// [`CacheError::File`], never damaged: the folder or the disk says no.
    pub fn open(path: &Path, owner: &Owner) -> Result<(Self, Option<SetAside>), CacheError> {
        let (database, mut aside) = Database::open(path, &PLAN)?;
        let mut cache = Self {
            database,
            owner: owner.clone(),
            epoch: None,
        };
        match cache.adopt() {
            // Whole enough to be opened, and no more.
            Err(CacheError::File(error @ DatabaseError::Damaged { .. })) => {
                aside = cache.mend(&error)?;
            }
            adopted => adopted?,
        }
        Ok((cache, aside))
    }

    /// A copy that is gone with the process, for where there is no disk to be had.
    ///
    /// # Errors
    /// [`CacheError::File`] when there is no memory either.
    pub fn in_memory(owner: &Owner) -> Result<Self, CacheError> {
        let mut cache = Self {
            database: Database::in_memory(&PLAN)?,
            owner: owner.clone(),
            epoch: None,
        };
        cache.adopt()?;
        Ok(cache)
    }

    /// After a [`DatabaseError::Damaged`]: sets the file aside and begins a new one, or opens the one that another
    /// process has begun. Says what was set aside, if this one did it.
    ///
    /// # Errors
    /// [`CacheError::File`]
    pub fn mend(&mut self, error: &DatabaseError) -> Result<Option<SetAside>, CacheError> {
        let aside = self.database.mend(error.to_string())?;
        self.adopt()?;
        Ok(aside)
    }

    /// Whose it is.
    #[must_use]
    pub const fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The store that the numbers come from, where it is known.
    #[must_use]
    pub const fn epoch(&self) -> Option<&Epoch> {
        self.epoch.as_ref()
    }

    /// Puts in what came, in this order, all of it or nothing.
    ///
    /// # Errors
    /// [`CacheError`]
    pub fn apply(&mut self, changes: &[Change]) -> Result<(), CacheError> {
        let me = &self.owner.name;
        let (key, ours) = (self.owner.key(), self.epoch.clone());
        let done = self.database.transact(|connection| {
            let epoch = epoch_of(connection)?;
            // A batch that begins with the store's name knows what it is doing.
            let named = matches!(changes.first(), Some(Change::Epoch(_)));
            if meta(connection, "owner")? != Some(key) || !(named || epoch == ours) {
                return Ok(None);
            }
            let mut batch = apply::Batch::new(connection, me, epoch);
            for change in changes {
                batch.put(change)?;
            }
            batch.finish().map(Some)
        })?;
        self.epoch = done.ok_or(CacheError::BegunAnew)?;
        Ok(())
    }

    /// The store that everything from here on comes from; of another one everything before is forgotten.
    ///
    /// # Errors
    /// [`CacheError`]
    pub fn set_epoch(&mut self, epoch: &Epoch) -> Result<(), CacheError> {
        self.apply(&[Change::Epoch(epoch.clone())])
    }

    /// Conversations ranked by last chat, at most `limit`.
    ///
    /// # Errors
    /// [`CacheError::File`]
    pub fn conversations(&self, limit: usize) -> Result<Vec<Line>, CacheError> {
        let read = |connection: &Connection| lines::ranked(connection, limit);
        Ok(self.database.read(read)?)
    }

    /// One conversation, if it is known.
    ///
    /// # Errors
    /// [`CacheError::File`]
    pub fn conversation(&self, topic: &Name) -> Result<Option<Line>, CacheError> {
        let read = |connection: &Connection| lines::of(connection, topic);
        Ok(self.database.read(read)?)
    }

    /// A part of a conversation, ascending: at most `limit` messages, and between them the changes that they stand
    /// between, at most as many.
    ///
    /// # Errors
    /// [`CacheError::File`]
    pub fn page(
        &self,
        topic: &Name,
        range: super::query::Range,
        limit: usize,
    ) -> Result<Vec<Entry>, CacheError> {
        let read = |connection: &Connection| page::read(connection, topic, range, limit);
        Ok(self.database.read(read)?)
    }

    /// Up to which change one has everything, for [`Sync::begin`](super::sync::Sync::begin); the latest chat first.
    ///
    /// # Errors
    /// [`CacheError::File`]
    pub fn places(&self) -> Result<Vec<(Name, Rev)>, CacheError> {
        Ok(self.database.read(lines::places)?)
    }

    /// A number that is another one after another process has put something in.
    ///
    /// # Errors
    /// [`CacheError::File`]
    pub fn version(&self) -> Result<i64, CacheError> {
        Ok(self.database.version()?)
    }

    /// As a disk that is full, or has room again.
    #[cfg(test)]
    pub(crate) fn refuse_writes(&self, refuse: bool) {
        self.database.refuse_writes(refuse);
    }

    /// After [`CacheError::BegunAnew`]: goes on with what another process has begun, where that is this owner's too.
    /// Says whether it is; where not, nothing is touched.
    ///
    /// # Errors
    /// [`CacheError::File`]
    pub fn join_anew(&mut self) -> Result<bool, CacheError> {
        let key = self.owner.key();
        let epoch = self.database.read(|connection| {
            let ours = meta(connection, "owner")?.as_ref() == Some(&key);
            Ok((ours, epoch_of(connection)?))
        })?;
        match epoch {
            (true, epoch) => {
                self.epoch = epoch;
                Ok(true)
            }
            (false, _) => Ok(false),
        }
    }

    /// Makes the copy this owner's, and reads which store it is of.
    fn adopt(&mut self) -> Result<(), CacheError> {
        let key = self.owner.key();
        self.epoch = self.database.transact(|connection| {
            if meta(connection, "owner")?.as_ref() != Some(&key) {
                empty(connection)?;
                set_meta(connection, "owner", &key)?;
            }
            epoch_of(connection)
        })?;
        Ok(())
    }
}

fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

fn set_meta(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        [key, value],
    )?;
    Ok(())
}

fn epoch_of(connection: &Connection) -> rusqlite::Result<Option<Epoch>> {
    Ok(meta(connection, "epoch")?.map(Epoch))
}

/// Forgets everything, whose it is too.
fn empty(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "DELETE FROM messages; DELETE FROM changes; DELETE FROM marks; DELETE FROM conversations; DELETE FROM meta;",
    )
}
