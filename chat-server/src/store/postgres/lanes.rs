//! The way of messages into the store: a few lanes side by side, each of which takes all sends that wait into one
//! transaction. A group whose row another node holds thus holds up its own lane, and not everybody.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::{debug, error};

use super::cache::Cache;
use super::fault::{Outcome, Tries};
use super::messages;
use super::pool::Pool;
use super::writer;
use crate::metrics;
use crate::mutant::mutant;
use crate::store::queue::{PATIENCE, Queue, queue_to_task, too_long};
use crate::store::{Commits, NewMessage, Published, StoreError, StoreResult};

/// Lanes, and connections that are theirs: a crowd of readers does not keep a message waiting.
pub(super) const LANES: usize = 4;
/// Messages of one transaction: enough to share a commit, few enough that the first need not wait for the last.
const BATCH_MAX: usize = 512;

struct Job {
    new: NewMessage,
    reply: oneshot::Sender<StoreResult<Published>>,
}

pub(super) struct Lanes {
    queues: Vec<Queue<Job>>,
    /// Taken by who closes the store.
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Lanes {
    pub(super) fn start(pool: &Arc<Pool>, cache: &Arc<Cache>, commits: &Arc<dyn Commits>) -> Self {
        let (mut queues, mut tasks) = (Vec::new(), Vec::new());
        for _ in 0..LANES {
            let (queue, jobs) = queue_to_task();
            let lane = Lane {
                pool: Arc::clone(pool),
                cache: Arc::clone(cache),
                commits: Arc::clone(commits),
            };
            queues.push(queue);
            tasks.push(tokio::spawn(lane.work(jobs)));
        }
        Self {
            queues,
            tasks: Mutex::new(tasks),
        }
    }

    /// Stores a message. Those to one topic are in one lane, so that they keep their order and share a transaction.
    pub(super) async fn publish(&self, new: NewMessage) -> StoreResult<Published> {
        let mut hasher = DefaultHasher::new();
        new.topic.name.as_str().hash(&mut hasher);
        let lane = hasher.finish() % LANES as u64;
        let queue = &self.queues[usize::try_from(lane).unwrap_or(0)];
        queue.ask(|reply| Job { new, reply }).await
    }

    /// No more messages; those that wait are stored.
    pub(super) async fn close(&self) {
        self.queues.iter().for_each(Queue::close);
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            // A lane ends when its queue is empty, and outlives every panic.
            let _ = task.await;
        }
    }
}

struct Lane {
    pool: Arc<Pool>,
    cache: Arc<Cache>,
    commits: Arc<dyn Commits>,
}

impl Lane {
    async fn work(self, mut jobs: mpsc::Receiver<Job>) {
        let mut waiting = Vec::new();
        while jobs.recv_many(&mut waiting, BATCH_MAX).await > 0 {
            let batch = AssertUnwindSafe(self.batch(std::mem::take(&mut waiting)));
            // A panic costs its batch, whose callers are told that nothing is known; it must not cost the lane.
            if batch.catch_unwind().await.is_err() {
                error!("a write panicked");
            }
        }
    }

    async fn batch(&self, jobs: Vec<Job>) {
        let (first, repeats) = without_repeats(jobs);
        self.store_and_answer(first).await;
        for job in repeats {
            self.store_and_answer(vec![job]).await;
        }
    }

    async fn store_and_answer(&self, mut jobs: Vec<Job>) {
        // Who gave up was told that nothing is known: so nothing is done.
        jobs.retain(|job| !job.reply.is_closed());
        if jobs.is_empty() {
            return;
        }
        let hot = metrics::hot();
        hot.batches.increment(1);
        #[expect(clippy::cast_precision_loss, reason = "at most a few hundred")]
        hot.batch_size.record(jobs.len() as f64);
        let (new, replies): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.new, job.reply)).unzip();
        let mut replies = Replies(replies);
        match self.store(&new, &mut replies).await {
            Ok(answers) => replies.answer(answers),
            Err(StoreError::Internal(why)) if new.len() > 1 => {
                error!(why, "a batch failed: its messages are stored one by one");
                self.one_by_one(new, replies).await;
            }
            Err(away) => {
                debug!(error = %away, "a batch failed");
                replies.answer(vec![Err(away); new.len()]);
            }
        }
    }

    /// What the server cannot take in one message must not cost the others theirs.
    async fn one_by_one(&self, new: Vec<NewMessage>, replies: Replies) {
        for (new, reply) in new.into_iter().zip(replies.0) {
            let mut reply = Replies(vec![reply]);
            let answer = self.store(&[new], &mut reply).await;
            reply.answer(answer.unwrap_or_else(|error| vec![Err(error)]));
        }
    }

    async fn store(
        &self,
        new: &[NewMessage],
        replies: &mut Replies,
    ) -> StoreResult<Vec<StoreResult<Published>>> {
        let stored = async {
            let mut tries = Tries::default();
            loop {
                match self.attempt(new, replies).await {
                    Ok(answers) => break Ok(answers),
                    Err(fault) => tries.next_after(fault).await?,
                }
            }
        };
        match tokio::time::timeout(PATIENCE, stored).await {
            Ok(stored) => stored,
            Err(_) => Err(too_long()),
        }
    }

    async fn attempt(
        &self,
        new: &[NewMessage],
        replies: &mut Replies,
    ) -> Outcome<Vec<StoreResult<Published>>> {
        let connection = self.pool.connection().await?;
        let (transaction, answers) = messages::publish(connection, &self.cache, new).await?;
        if mutant("ack_before_commit") {
            replies.answer_early(&answers);
        }
        let changes = transaction.commit(&*self.commits).await?;
        writer::tell(&changes, &*self.commits);
        Ok(answers)
    }
}

/// Those of each sender and id that came first, and the repeats among them, which are stored after.
fn without_repeats(jobs: Vec<Job>) -> (Vec<Job>, Vec<Job>) {
    let mut seen = HashSet::new();
    jobs.into_iter()
        .partition(|job| seen.insert((job.new.sender, job.new.id.clone())))
}

/// Whom to answer, in the order of the messages.
struct Replies(Vec<oneshot::Sender<StoreResult<Published>>>);

impl Replies {
    fn answer(self, answers: Vec<StoreResult<Published>>) {
        for (reply, answer) in self.0.into_iter().zip(answers) {
            // Who gave up meanwhile asks again with the same id.
            let _ = reply.send(answer);
        }
    }

    fn answer_early(&mut self, answers: &[StoreResult<Published>]) {
        let early = Self(std::mem::take(&mut self.0));
        early.answer(answers.to_vec());
    }
}
