//! The one thread that writes: it takes all jobs that wait, runs them in one transaction, commits once, then tells
//! of the changes, then answers the callers. Nothing is told or answered before the commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use chat_proto::Time;
use rusqlite::{Connection, params};
use tracing::{error, warn};

use super::cache::Cache;
use super::feed;
use super::open::Folder;
use crate::change::{Change, ConversationId, Place, UserId, What};
use crate::metrics;
use crate::mutant::mutant;
use crate::store::codes::{Named, column};
use crate::store::queue::{Jobs, Queue, queue, unavailable};
use crate::store::stamp::Stamps;
use crate::store::{Commits, Committed, StoreError, StoreResult};

/// Jobs of one transaction: enough to share an fsync, few enough that the first need not wait for the last.
const BATCH_MAX: usize = 512;
/// The write-ahead log is written back into the database when it has grown by this much.
const WAL_BYTES: u64 = 4 << 20;

/// Whether a job may have written something when it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refuses {
    /// It decides before its first write.
    BeforeWriting,
    /// It runs in a savepoint of its own.
    Anytime,
}

/// Tells a caller how it went, once the fate of the transaction is known.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Job = Box<dyn FnOnce(&mut Transaction<'_>) -> Answer + Send>;

pub(super) struct Writer {
    queue: Queue<Job>,
}

impl Writer {
    pub(super) fn start(
        folder: Arc<Folder>,
        connection: Connection,
        commits: Arc<dyn Commits>,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (queue, jobs) = queue();
        let mut desk = Desk {
            stamps: Stamps::after(folder.latest),
            folder,
            commits,
            pages_max: None,
            wal_bytes_next: WAL_BYTES,
            open: Some(connection),
            cache: Cache::default(),
        };
        let thread = std::thread::Builder::new()
            .name("store-write".to_owned())
            .spawn(move || desk.work(&jobs))?;
        Ok((Self { queue }, thread))
    }

    /// Runs `write` inside a transaction, and answers after its commit.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        refuses: Refuses,
        write: impl FnOnce(&mut Transaction<'_>) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        self.queue
            .ask(|reply| {
                Box::new(move |transaction: &mut Transaction<'_>| {
                    if reply.is_closed() {
                        // The caller gave up and was told that nothing is known: so nothing is done.
                        return Box::new(|_| {}) as Answer;
                    }
                    let result = transaction.run(refuses, write);
                    if mutant("ack_before_commit") {
                        let _ = reply.send(result);
                        return Box::new(|_| {});
                    }
                    Box::new(move |fate| {
                        let _ = reply.send(fate.and(result));
                    })
                }) as Job
            })
            .await
    }

    pub(super) fn close(&self) {
        self.queue.close();
    }
}

/// What the thread owns.
struct Desk {
    folder: Arc<Folder>,
    commits: Arc<dyn Commits>,
    pages_max: Option<u32>,
    wal_bytes_next: u64,
    /// None after an error of the disk: opened anew before it is trusted again.
    open: Option<Connection>,
    cache: Cache,
    stamps: Stamps,
}

impl Desk {
    fn work(&mut self, jobs: &Jobs<Job>) {
        loop {
            let batch = jobs.next_batch(BATCH_MAX);
            if batch.is_empty() {
                break;
            }
            // A panic costs its batch, whose callers are told that nothing is known; it must not cost the store.
            if catch_unwind(AssertUnwindSafe(|| self.batch(batch))).is_err() {
                error!("a write panicked");
                self.start_anew();
            }
        }
        self.checkpoint();
    }

    fn batch(&mut self, jobs: Vec<Job>) {
        let connection = match self.connection() {
            Ok(connection) => connection,
            Err(away) => {
                warn!(error = %away, "the store cannot be opened");
                // The replies fall with the jobs, and tell the callers that it gave up.
                return;
            }
        };
        let mut transaction =
            match Transaction::begin(&connection, &mut self.cache, &mut self.stamps) {
                Ok(transaction) => transaction,
                Err(away) => {
                    warn!(error = %away, "the store is away");
                    return;
                }
            };
        let hot = metrics::hot();
        hot.batches.increment(1);
        #[expect(clippy::cast_precision_loss, reason = "at most a few hundred")]
        hot.batch_size.record(jobs.len() as f64);
        let answers: Vec<Answer> = jobs.into_iter().map(|job| job(&mut transaction)).collect();
        let pages_max = transaction.pages_max;
        let early = mutant("notice_before_commit");
        if early {
            self.commits.committed(&transaction.changes);
        }
        let fate = transaction.commit();
        match fate {
            Ok(changes) => {
                self.open = Some(connection);
                if !changes.is_empty() && !early {
                    self.commits.committed(&changes);
                }
                answers.into_iter().for_each(|answer| answer(Ok(())));
                self.pages_max = pages_max.or(self.pages_max);
                if self.folder.wal_bytes() >= self.wal_bytes_next {
                    self.checkpoint();
                }
            }
            Err(away) => {
                warn!(error = %away, "a transaction failed");
                drop(connection);
                self.start_anew();
                for answer in answers {
                    answer(Err(away.clone()));
                }
            }
        }
    }

    fn connection(&mut self) -> rusqlite::Result<Connection> {
        if let Some(connection) = self.open.take() {
            return Ok(connection);
        }
        let connection = self.folder.writer()?;
        if let Some(pages) = self.pages_max {
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        Ok(connection)
    }

    fn start_anew(&mut self) {
        self.open = None;
        self.cache = Cache::default();
    }

    /// Writes the log back into the database. What it holds is durable before and after.
    fn checkpoint(&mut self) {
        let Some(connection) = &self.open else { return };
        // PASSIVE does the work beside the readers; TRUNCATE only waits for them, and makes the file's length tell.
        for mode in ["PASSIVE", "TRUNCATE"] {
            let done = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
                row.get::<_, i64>(0)
            });
            if let Err(failed) = done {
                error!(error = %failed, "a checkpoint failed");
                self.start_anew();
                break;
            }
        }
        self.wal_bytes_next = self.folder.wal_bytes() + WAL_BYTES;
    }
}

/// One transaction of the writer, with what it changed so far.
pub(super) struct Transaction<'a> {
    pub(super) connection: &'a Connection,
    pub(super) cache: &'a mut Cache,
    pub(super) stamps: &'a mut Stamps,
    place: Place,
    changes: Vec<Committed>,
    /// Why it can not be committed.
    spoilt: Option<StoreError>,
    pub(super) pages_max: Option<u32>,
}

impl<'a> Transaction<'a> {
    fn begin(
        connection: &'a Connection,
        cache: &'a mut Cache,
        stamps: &'a mut Stamps,
    ) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN")?.execute([])?;
        let place = feed::last_place(connection)?;
        Ok(Self {
            connection,
            cache,
            stamps,
            place,
            changes: Vec::new(),
            spoilt: None,
            pages_max: None,
        })
    }

    fn run<T>(
        &mut self,
        refuses: Refuses,
        write: impl FnOnce(&mut Self) -> StoreResult<T>,
    ) -> StoreResult<T> {
        if let Some(spoilt) = &self.spoilt {
            return Err(spoilt.clone());
        }
        let result = match refuses {
            Refuses::BeforeWriting => write(self),
            Refuses::Anytime => self.savepoint(write),
        };
        match &result {
            Err(StoreError::Unavailable(_)) => self.spoilt = result.as_ref().err().cloned(),
            Err(StoreError::Internal(why)) => {
                error!(error = %why, "a write failed");
                if refuses == Refuses::BeforeWriting {
                    self.spoilt = Some(unavailable("a write beside this one failed"));
                }
            }
            Ok(_) | Err(StoreError::Refused(_)) => {}
        }
        result
    }

    fn savepoint<T>(&mut self, write: impl FnOnce(&mut Self) -> StoreResult<T>) -> StoreResult<T> {
        let (place, changes) = (self.place, self.changes.len());
        self.connection
            .prepare_cached("SAVEPOINT job")?
            .execute([])?;
        let result = write(self);
        if matches!(result, Err(StoreError::Unavailable(_))) {
            // The whole transaction goes; SQLite may have rolled it back by itself, and the savepoint with it.
            return result;
        }
        if result.is_err() {
            self.place = place;
            self.changes.truncate(changes);
            *self.cache = Cache::default();
            self.connection
                .prepare_cached("ROLLBACK TO job")?
                .execute([])?;
        }
        self.connection.prepare_cached("RELEASE job")?.execute([])?;
        result
    }

    /// The changes in their order, now on the disk; or why they are not.
    fn commit(self) -> Result<Vec<Committed>, StoreError> {
        if let Some(spoilt) = self.spoilt {
            // Closing the connection rolls back too; this lets go of the lock earlier.
            let _ = self.connection.execute_batch("ROLLBACK");
            return Err(spoilt);
        }
        match self.connection.prepare_cached("COMMIT")?.execute([]) {
            Ok(_) => Ok(self.changes),
            Err(failed) => {
                let _ = self.connection.execute_batch("ROLLBACK");
                Err(match StoreError::from(failed) {
                    StoreError::Internal(why) => StoreError::Unavailable(why),
                    other => other,
                })
            }
        }
    }

    /// Adds a row to the log of a conversation, with the next `rev`. It concerns the members as they are: a join is
    /// appended after the member's row, a leave before its end.
    pub(super) fn append(
        &mut self,
        conversation: ConversationId,
        at: Time,
        what: What,
        row: &LogRow<'_>,
    ) -> StoreResult<Arc<Change>> {
        let place = Place::at_row(self.place.row + 1);
        let open = self.cache.conversation(self.connection, conversation)?;
        let skipped = u64::from(mutant("rev_gap") && open.rev.0 % 5 == 4);
        let rev = chat_proto::Rev(open.rev.next().0 + skipped);
        let seq = match &what {
            What::Message { seq, .. } => Some(*seq),
            _ => None,
        };
        self.connection.prepare_cached(
            "INSERT INTO log (place, conversation, rev, what, who, at, seq, message_id, fingerprint, kind, text, extra) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?.execute(params![
            place.row,
            conversation.0,
            column(rev.0),
            row.what,
            row.who.0,
            at.micros(),
            seq.map(|seq| column(seq.0)),
            row.message_id,
            row.fingerprint,
            row.kind,
            row.text,
            row.extra,
        ])?;
        if let Some(seq) = seq {
            self.connection.prepare_cached(
                "UPDATE conversations SET rev = ?2, last_seq = ?3, last_place = ?4, last_at = ?5 WHERE id = ?1",
            )?.execute([conversation.0, column(rev.0), column(seq.0), place.row, at.micros()])?;
            open.last_seq = seq;
        } else {
            self.connection
                .prepare_cached("UPDATE conversations SET rev = ?2 WHERE id = ?1")?
                .execute([conversation.0, column(rev.0)])?;
        }
        open.rev = rev;
        let members = Arc::clone(&open.members);
        let address = open.address.clone();
        let change = Arc::new(Change::new(place, conversation, address, rev, at, what));
        self.place = place;
        self.changes.push(Committed {
            change: Arc::clone(&change),
            members,
        });
        Ok(change)
    }

    /// Writes what a name stands for from here on.
    pub(super) fn set_name(&mut self, name: &chat_proto::Name, named: Named) -> StoreResult<()> {
        let (kind, id) = named.columns();
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO names (name, kind, id) VALUES (?1, ?2, ?3)")?
            .execute(params![name.as_str(), kind, id])?;
        self.cache.forget_name(name);
        Ok(())
    }
}

/// The columns of a row of the log that depend on its kind.
pub(super) struct LogRow<'a> {
    pub(super) what: i64,
    pub(super) who: UserId,
    pub(super) message_id: Option<&'a str>,
    pub(super) fingerprint: Option<&'a [u8]>,
    pub(super) kind: Option<&'a str>,
    pub(super) text: Option<&'a str>,
    pub(super) extra: Option<&'a str>,
}

impl LogRow<'_> {
    /// A row that is no message.
    pub(super) const fn plain(what: i64, who: UserId) -> Self {
        Self {
            what,
            who,
            message_id: None,
            fingerprint: None,
            kind: None,
            text: None,
            extra: None,
        }
    }
}
