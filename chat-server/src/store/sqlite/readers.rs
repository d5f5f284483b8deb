//! The threads that read. Each job is one read transaction, so what it gives is of one moment; and as a job begins
//! after it was asked for, it sees everything that was answered before.

use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::open::Folder;
use crate::store::queue::{Jobs, Queue, queue};
use crate::store::{StoreError, StoreResult};

/// Two: a long read holds up another one at most when two of them meet, and a connection costs memory.
const READERS: usize = 2;

type Job = Box<dyn FnOnce(&mut Reader) + Send>;

pub(super) struct Readers {
    queue: Queue<Job>,
}

struct Reader {
    folder: Arc<Folder>,
    connection: Option<Connection>,
}

impl Readers {
    pub(super) fn start(folder: &Arc<Folder>) -> std::io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (queue, jobs) = queue();
        let threads = (0..READERS)
            .map(|_| spawn(Arc::clone(folder), jobs.clone()))
            .collect::<std::io::Result<_>>()?;
        Ok((Self { queue }, threads))
    }

    /// Runs `read` on a reader's connection.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        self.queue
            .ask(|reply| {
                Box::new(move |reader: &mut Reader| {
                    if !reply.is_closed() {
                        // The caller may have given up meanwhile; what was read is of no use to others.
                        let _ = reply.send(reader.run(read));
                    }
                }) as Job
            })
            .await
    }

    pub(super) fn close(&self) {
        self.queue.close();
    }
}

fn spawn(folder: Arc<Folder>, jobs: Jobs<Job>) -> std::io::Result<JoinHandle<()>> {
    let mut reader = Reader {
        folder,
        connection: None,
    };
    let work = move || {
        while let Some(job) = jobs.next() {
            job(&mut reader);
        }
    };
    std::thread::Builder::new()
        .name("store-read".to_owned())
        .spawn(work)
}

impl Reader {
    fn run<T>(&mut self, read: impl FnOnce(&Connection) -> StoreResult<T>) -> StoreResult<T> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.folder.reader()?,
        };
        let result = in_transaction(&connection, read);
        // After an error of the disk the connection is opened anew before it is trusted again.
        if !matches!(result, Err(StoreError::Unavailable(_))) {
            self.connection = Some(connection);
        }
        result
    }
}

fn in_transaction<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> StoreResult<T>,
) -> StoreResult<T> {
    let transaction = connection.unchecked_transaction()?;
    let result = read(&transaction)?;
    transaction.commit()?;
    Ok(result)
}
