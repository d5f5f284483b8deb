//! The way from async callers to those who own connections: bounded queues, one reply for each job, a deadline.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::store::{StoreError, StoreResult};

/// Jobs that may wait; with more the store is behind, and says so at once.
const JOBS_MAX: usize = 4096;
/// How long a caller waits for its answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The callers' end of a queue.
pub(super) struct Queue<J> {
    jobs: Mutex<Option<mpsc::Sender<J>>>,
}

/// The threads' end; several threads may share it.
pub(super) struct Jobs<J> {
    jobs: Arc<Mutex<mpsc::Receiver<J>>>,
}

impl<J> Clone for Jobs<J> {
    fn clone(&self) -> Self {
        Self {
            jobs: Arc::clone(&self.jobs),
        }
    }
}

/// A queue whose jobs a task takes.
pub(super) fn queue_to_task<J>() -> (Queue<J>, mpsc::Receiver<J>) {
    let (sender, receiver) = mpsc::channel(JOBS_MAX);
    let queue = Queue {
        jobs: Mutex::new(Some(sender)),
    };
    (queue, receiver)
}

/// A queue whose jobs threads take.
pub(super) fn queue<J>() -> (Queue<J>, Jobs<J>) {
    let (queue, receiver) = queue_to_task();
    let jobs = Jobs {
        jobs: Arc::new(Mutex::new(receiver)),
    };
    (queue, jobs)
}

impl<J> Queue<J> {
    /// Hands a job to a thread and waits for what it replies. A job whose caller has given up may be passed over.
    pub(super) async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<StoreResult<T>>) -> J,
    ) -> StoreResult<T> {
        let (reply, answer) = oneshot::channel();
        self.push(job(reply))?;
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(unavailable("it gave up on this")),
            Err(_) => Err(too_long()),
        }
    }

    fn push(&self, job: J) -> StoreResult<()> {
        // A short section: nothing in it waits, and it leaves nothing half done that a panic could expose.
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(jobs) = jobs.as_ref() else {
            return Err(closed());
        };
        jobs.try_send(job).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => unavailable("too much waits for it"),
            mpsc::error::TrySendError::Closed(_) => closed(),
        })
    }

    /// No more jobs; the threads do those that wait, and end.
    pub(super) fn close(&self) {
        self.jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

impl<J> Jobs<J> {
    /// The next job; none when the queue is closed and empty.
    pub(super) fn next(&self) -> Option<J> {
        self.jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .blocking_recv()
    }

    /// The next job and all that wait behind it, at most `max`; empty when the queue is closed.
    pub(super) fn next_batch(&self, max: usize) -> Vec<J> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Vec::new();
        batch.extend(jobs.blocking_recv());
        while !batch.is_empty() && batch.len() < max {
            match jobs.try_recv() {
                Ok(job) => batch.push(job),
                Err(_) => break,
            }
        }
        batch
    }
}

pub(super) fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(why.to_owned())
}

pub(super) fn too_long() -> StoreError {
    unavailable("it took too long")
}

pub(super) fn closed() -> StoreError {
    unavailable("it is closed")
}
