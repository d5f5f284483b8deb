//! The outbox on the disk: letters and drafts. A letter is on the disk before its first byte leaves, so whatever
//! ends the process, it goes with the next one. Any process of the profile may send any letter: its id makes that
//! harmless.
//!
//! Rows carry the account. Those of another account are kept, and never sent or shown.

use std::path::{Path, PathBuf};

use chat_proto::action::Publish;
use chat_proto::{ErrorCode, MessageId, Name, Refusal, Time};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::database::{Database, Newer, Plan};
use super::rows::{json, name, unreadable};
use super::{DatabaseError, Owner, SetAside, salvage};
use crate::client::outbox::{Letter, LetterState};

/// Letters of one account; who has as many waiting is told so rather than let grow a file without end.
pub const LETTERS_MAX: u32 = 10_000;

const PLAN: Plan = Plan {
    migrations: &[include_str!("migrations/outbox-0001.sql")],
    synchronous: "FULL",
    newer: Newer::Refuse,
    salvage: salvage::outbox,
};

/// Why the outbox did not do it; by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The file. Where it is [`DatabaseError::Damaged`], [`OutboxFile::mend`] saves what can be read.
    #[error(transparent)]
    File(#[from] DatabaseError),
    /// There is another letter with this id, and an id is one message for ever.
    #[error("the outbox has another message with the id '{0}'")]
    Conflict(MessageId),
    /// There are [`LETTERS_MAX`] letters.
    #[error("the outbox is full: {LETTERS_MAX} messages wait in it")]
    Full,
}

/// The letters and drafts of one account.
pub struct OutboxFile {
    database: Database,
    account: String,
}

/// The file of a profile's outbox.
#[must_use]
pub fn path(folder: &Path, profile: &Name) -> PathBuf {
    folder.join(format!("{profile}.outbox.db"))
}

/// What became of a row that was to be written.
enum Put {
    Done,
    Conflict,
    Full,
}

impl OutboxFile {
    /// Opens the outbox of `owner`. Of a damaged file it saves what can be read, and says so.
    ///
    /// # Errors
    /// [`OutboxError::File`], never damaged.
    pub fn open(path: &Path, owner: &Owner) -> Result<(Self, Option<SetAside>), OutboxError> {
        let (database, mut aside) = Database::open(path, &PLAN)?;
        let mut file = Self {
            database,
            account: owner.key(),
        };
        // Whole enough to be opened, and no more: this reads every row, and there are few.
        if let Err(OutboxError::File(error @ DatabaseError::Damaged { .. })) = file.read_all() {
            aside = file.mend(&error)?;
        }
        Ok((file, aside))
    }

    /// An outbox that is gone with the process, for where there is no disk to be had.
    ///
    /// # Errors
    /// [`OutboxError::File`] when there is no memory either.
    pub fn in_memory(owner: &Owner) -> Result<Self, OutboxError> {
        Ok(Self {
            database: Database::in_memory(&PLAN)?,
            account: owner.key(),
        })
    }

    /// As a disk that is full, or has room again.
    #[cfg(test)]
    pub(crate) fn refuse_writes(&self, refuse: bool) {
        self.database.refuse_writes(refuse);
    }

    /// After a [`DatabaseError::Damaged`]: sets the file aside and begins a new one with what can be read of it, or
    /// opens the one that another process has begun. Says what was set aside, if this one did it.
    ///
    /// # Errors
    /// [`OutboxError::File`]
    pub fn mend(&mut self, error: &DatabaseError) -> Result<Option<SetAside>, OutboxError> {
        Ok(self.database.mend(error.to_string())?)
    }

    /// Queues a letter; when it returns, the letter is on the disk. One that is there already stays as it is.
    ///
    /// # Errors
    /// [`OutboxError`]; nothing was queued then.
    pub fn put(&mut self, letter: &Letter) -> Result<(), OutboxError> {
        self.queue(letter, |_| Ok(()))
    }

    /// Queues a letter that was the draft of its conversation: the draft is gone exactly when the letter is there.
    ///
    /// # Errors
    /// [`OutboxError`]; the draft is still there then.
    pub fn put_draft(&mut self, letter: &Letter) -> Result<(), OutboxError> {
        let account = self.account.clone();
        self.queue(letter, |connection| {
            connection
                .prepare_cached("DELETE FROM drafts WHERE account = ?1 AND topic = ?2")?
                .execute([account.as_str(), letter.topic().as_str()])?;
            Ok(())
        })
    }

    fn queue(
        &mut self,
        letter: &Letter,
        and: impl Fn(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), OutboxError> {
        loop {
            let account = &self.account;
            let put = self.database.transact(|connection| {
                let put = insert(connection, account, letter)?;
                if matches!(put, Put::Done) {
                    and(connection)?;
                }
                Ok(put)
            })?;
            match put {
                Put::Conflict => return Err(OutboxError::Conflict(letter.id.clone())),
                Put::Full => return Err(OutboxError::Full),
                // Another process set the file aside in this moment: the letter belongs into the new one.
                Put::Done if self.database.moved() => {
                    let _ = self
                        .database
                        .mend("another process set it aside".to_owned())?;
                }
                Put::Done => return Ok(()),
            }
        }
    }

    /// All letters, in the order in which they were queued.
    ///
    /// # Errors
    /// [`OutboxError::File`]
    pub fn letters(&self) -> Result<Vec<Letter>, OutboxError> {
        let account = &self.account;
        let read = |connection: &Connection| letters_of(connection, account);
        Ok(self.database.read(read)?)
    }

    /// The server refused a letter for good.
    ///
    /// # Errors
    /// [`OutboxError::File`]
    pub fn fail(&mut self, id: &MessageId, refusal: &Refusal) -> Result<(), OutboxError> {
        write(
            &mut self.database,
            "UPDATE letters SET code = ?3, sentence = ?4 WHERE account = ?1 AND id = ?2",
            params![
                self.account,
                id.as_str(),
                refusal.code.as_str(),
                refusal.message
            ],
        )
    }

    /// Its writer wants it to go, again or after all, at `queued_at`.
    ///
    /// # Errors
    /// [`OutboxError::File`]
    pub fn retry(&mut self, id: &MessageId, queued_at: Time) -> Result<(), OutboxError> {
        write(
            &mut self.database,
            "UPDATE letters SET code = NULL, sentence = NULL, queued_at = ?3 WHERE account = ?1 AND id = ?2",
            params![self.account, id.as_str(), queued_at.micros()],
        )
    }

    /// The server has it, or its writer dropped it.
    ///
    /// # Errors
    /// [`OutboxError::File`]
    pub fn remove(&mut self, id: &MessageId) -> Result<(), OutboxError> {
        write(
            &mut self.database,
            "DELETE FROM letters WHERE account = ?1 AND id = ?2",
            params![self.account, id.as_str()],
        )
    }

    /// What was begun to be written in a conversation.
    ///
    /// # Errors
    /// [`OutboxError::File`]
    pub fn draft(&self, topic: &Name) -> Result<Option<String>, OutboxError> {
        let account = self.account.as_str();
        Ok(self.database.read(|connection| {
            connection
                .prepare_cached("SELECT text FROM drafts WHERE account = ?1 AND topic = ?2")?
                .query_row([account, topic.as_str()], |row| row.get(0))
                .optional()
        })?)
    }

    /// All drafts, by conversation.
    ///
    /// # Errors
    /// [`OutboxError::File`]
    pub fn drafts(&self) -> Result<Vec<(Name, String)>, OutboxError> {
        let account = self.account.as_str();
        Ok(self.database.read(|connection| {
            connection
                .prepare_cached("SELECT topic, text FROM drafts WHERE account = ?1 ORDER BY topic")?
                .query_map([account], |row| Ok((name(row, 0)?, row.get(1)?)))?
                .collect()
        })?)
    }

    /// Keeps what was begun to be written; an empty text is no draft.
    ///
    /// # Errors
    /// [`OutboxError::File`]
    pub fn save_draft(&mut self, topic: &Name, text: &str) -> Result<(), OutboxError> {
        if text.is_empty() {
            return write(
                &mut self.database,
                "DELETE FROM drafts WHERE account = ?1 AND topic = ?2",
                params![self.account, topic.as_str()],
            );
        }
        write(
            &mut self.database,
            "INSERT INTO drafts (account, topic, text) VALUES (?1, ?2, ?3)
             ON CONFLICT (account, topic) DO UPDATE SET text = excluded.text",
            params![self.account, topic.as_str(), text],
        )
    }

    /// A number that is another one after another process has changed something.
    ///
    /// # Errors
    /// [`OutboxError::File`]
    pub fn version(&self) -> Result<i64, OutboxError> {
        Ok(self.database.version()?)
    }

    fn read_all(&self) -> Result<(), OutboxError> {
        self.letters()?;
        self.drafts()?;
        Ok(())
    }
}

fn write(
    database: &mut Database,
    sql: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<(), OutboxError> {
    Ok(database.transact(|connection| {
        connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    })?)
}

fn insert(connection: &Connection, account: &str, letter: &Letter) -> rusqlite::Result<Put> {
    let publish = json(&letter.publish)?;
    let there: Option<String> = connection
        .prepare_cached("SELECT publish FROM letters WHERE account = ?1 AND id = ?2")?
        .query_row([account, letter.id.as_str()], |row| row.get(0))
        .optional()?;
    match there {
        Some(there) if there == publish => return Ok(Put::Done),
        Some(_) => return Ok(Put::Conflict),
        None => {}
    }
    let letters: u32 = connection
        .prepare_cached("SELECT count(*) FROM letters WHERE account = ?1")?
        .query_row([account], |row| row.get(0))?;
    if letters >= LETTERS_MAX {
        return Ok(Put::Full);
    }
    connection
        .prepare_cached(
            "INSERT INTO letters (account, id, topic, publish, queued_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            account,
            letter.id.as_str(),
            letter.topic().as_str(),
            publish,
            letter.queued_at.micros(),
        ])?;
    Ok(Put::Done)
}

fn letters_of(connection: &Connection, account: &str) -> rusqlite::Result<Vec<Letter>> {
    connection
        .prepare_cached(
            "SELECT id, publish, queued_at, code, sentence FROM letters WHERE account = ?1 ORDER BY place",
        )?
        .query_map([account], letter)?
        .collect()
}

fn letter(row: &Row<'_>) -> rusqlite::Result<Letter> {
    let publish: Publish =
        serde_json::from_str(row.get_ref(1)?.as_str()?).map_err(|e| unreadable(1, e))?;
    let code: Option<String> = row.get(3)?;
    let sentence: Option<String> = row.get(4)?;
    Ok(Letter {
        id: MessageId::parse(row.get_ref(0)?.as_str()?).map_err(|e| unreadable(0, e))?,
        publish,
        queued_at: Time::from_micros(row.get(2)?),
        state: match code {
            Some(code) => LetterState::Failed {
                code: ErrorCode::from_wire(&code),
                sentence: sentence.unwrap_or_default(),
            },
            None => LetterState::Queued,
        },
    })
}
