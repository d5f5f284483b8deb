//! When the engine with a server tells of a commit: after it, and before it answers.

use std::sync::{Arc, Mutex, mpsc};

use chat_server::store::postgres::PostgresStore;
use chat_server::store::{Commits, Committed, Store};

use crate::world::{message, person, start_postgres};

/// Tells of each batch how many of its changes others can see, and waits until it may go on.
struct Gate {
    entered: Mutex<mpsc::Sender<usize>>,
    leave: Mutex<mpsc::Receiver<()>>,
    url: String,
}

/// How many of these changes a stranger finds in the log.
async fn visible(url: &str, batch: &[Committed]) -> usize {
    let connected = tokio_postgres::connect(url, tokio_postgres::NoTls).await;
    let (client, connection) = connected.unwrap();
    tokio::spawn(connection);
    let sql = "SELECT 1 FROM log WHERE txn = $1 AND id = $2";
    let mut found = 0;
    for committed in batch {
        let place = committed.change.place;
        let rows = client.query(sql, &[&place.transaction, &place.row]).await;
        found += rows.unwrap().len();
    }
    found
}

impl Commits for Gate {
    fn committed(&self, batch: &[Committed]) {
        let look = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(visible(&self.url, batch))
        };
        // Not on this thread, whose runtime waits for what is told here.
        let found = std::thread::scope(|scope| scope.spawn(look).join().unwrap());
        self.entered.lock().unwrap().send(found).unwrap();
        self.leave.lock().unwrap().recv().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d05_nothing_is_told_before_the_commit_and_nothing_answered_before_it_is_told() {
    let Some(postgres) = start_postgres("store told").await else {
        return;
    };
    let (entered, told) = mpsc::channel();
    let (go_on, leave) = mpsc::channel();
    let gate = Gate {
        entered: Mutex::new(entered),
        leave: Mutex::new(leave),
        url: postgres.url(),
    };
    let store = PostgresStore::open(&postgres.url(), Arc::new(gate))
        .await
        .unwrap();
    let ann = person(&*store, "ann").await;
    let sending = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.publish(message(ann, "ann", "hi", "1")).await })
    };
    let told = tokio::task::spawn_blocking(move || told.recv().unwrap());
    let stored = told.await.unwrap();
    // Whatever was answered is seen by now: the sender's task had its turn.
    store.ready().await.unwrap();
    let answered = sending.is_finished();
    go_on.send(()).unwrap();
    let sent = sending.await.unwrap().unwrap();
    assert_eq!(stored, 1, "committed before it is told");
    assert!(!answered, "told before it is answered");
    assert_eq!(sent.seq.0, 1);
}
