//! What only the engine with files promises: it keeps, it refuses what is not its own, it recovers.

use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use chat_proto::{Rev, Seq, SessionId};
use chat_server::change::{Change, Place};
use chat_server::limits::PAGE_BYTES_MAX;
use chat_server::store::sqlite::SqliteStore;
use chat_server::store::{
    Commits, Committed, NewTicket, OpenError, Range, Slice, Store, StoreError, TicketHash,
};

use crate::world::{Heard, World, at, message, now, person, topic};

fn open(dir: &Path) -> Result<Arc<SqliteStore>, OpenError> {
    SqliteStore::open(dir, Arc::new(Heard::default()))
}

#[tokio::test]
async fn d05_reopening_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let epoch = store.epoch();
    let ann = person(&*store, "ann").await;
    let ben = person(&*store, "ben").await;
    let said = store.publish(message(ann, "ben", "hi", "1")).await.unwrap();
    store.close().await;
    let closed = store.publish(message(ann, "ben", "ho", "2")).await;
    assert!(matches!(closed, Err(StoreError::Unavailable(_))));

    let store = open(folder.path()).unwrap();
    assert_eq!(store.epoch(), epoch);
    let again = store.publish(message(ann, "ben", "hi", "1")).await.unwrap();
    assert_eq!(
        (again.dup, again.seq, again.sent_at),
        (true, said.seq, said.sent_at)
    );
    let next = store.publish(message(ben, "ann", "ho", "1")).await.unwrap();
    assert_eq!((next.seq.0, next.rev), (2, Rev(2)));
    assert_eq!(store.since(Place::default(), 9).await.unwrap().len(), 2);
    store.ready().await.unwrap();
}

#[tokio::test]
async fn o01_a_folder_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let refused = open(folder.path()).err().unwrap();
    assert!(matches!(refused, OpenError::InUse(_)), "{refused}");
    store.close().await;
    drop(store);
    open(folder.path()).expect("it is free again");
}

#[tokio::test]
async fn o01_a_newer_or_damaged_database_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).unwrap().close().await;
    let file = folder.path().join("chat.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let newer = open(folder.path()).err().unwrap();
    assert!(
        matches!(newer, OpenError::Newer { found: 99, .. }),
        "{newer}"
    );

    std::fs::write(&file, "this is no database, however long one looks at it").unwrap();
    let damaged = open(folder.path()).err().unwrap();
    assert!(matches!(damaged, OpenError::Damaged { .. }), "{damaged}");

    let under_a_file = open(&file).err().unwrap();
    assert!(
        matches!(under_a_file, OpenError::Folder { .. }),
        "{under_a_file}"
    );
}

#[tokio::test]
async fn o05_a_database_of_an_older_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let (epoch, ann) = (store.epoch(), person(&*store, "ann").await);
    store.close().await;
    let database = rusqlite::Connection::open(folder.path().join("chat.db")).unwrap();
    database
        .execute_batch("DROP TABLE tickets; PRAGMA user_version = 1")
        .unwrap();
    drop((database, store));

    let store = open(folder.path()).unwrap();
    assert_eq!(store.epoch(), epoch);
    let ticket = NewTicket {
        hash: TicketHash([1; 32]),
        session: SessionId::generate(),
        now: now(),
        ends_at: at(30),
    };
    store.add_ticket(ticket).await.unwrap();
    store
        .publish(message(ann, "ann", "still here", "1"))
        .await
        .unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a03_the_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("deep/data");
    let store = open(&dir).unwrap();
    person(&*store, "ann").await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let files: Vec<_> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(
        files.len() >= 4,
        "the database, its two companions and the lock: {files:?}"
    );
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn o08_a_full_disk_refuses_and_service_returns_with_space() {
    let folder = tempfile::tempdir().unwrap();
    let heard = Arc::new(Heard::default());
    let store = SqliteStore::open(folder.path(), heard.clone()).unwrap();
    let ann = person(&*store, "ann").await;
    let ben = person(&*store, "ben").await;
    store
        .publish(message(ann, "ben", "before", "first"))
        .await
        .unwrap();
    store.cap_pages(1).await.unwrap();
    let text = "x".repeat(20_000);
    let (mut stored, mut failed) = (1, Vec::new());
    for number in 0..20 {
        let new = message(ann, "ben", &text, &number.to_string());
        match store.publish(new.clone()).await {
            Ok(_) => stored += 1,
            Err(StoreError::Unavailable(_)) => failed.push(new),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(!failed.is_empty(), "the disk was full");
    assert_eq!(heard.all().len(), stored, "what failed was told to nobody");
    let known = store
        .publish(message(ann, "ben", "before", "first"))
        .await
        .unwrap();
    assert!(known.dup, "a repeat needs no space");
    let page = store
        .history(ben, &topic("ann"), Range::Latest, 99)
        .await
        .unwrap();
    assert_eq!(page.changes.len(), stored, "reading goes on");

    store.cap_pages(1_000_000).await.unwrap();
    store.ready().await.unwrap();
    for new in failed {
        let sent = store.publish(new).await.unwrap();
        stored += 1;
        assert_eq!((sent.dup, sent.seq.0), (false, stored as u64));
    }
    let feed = store.since(Place::default(), 99).await.unwrap();
    assert_eq!(feed.len(), stored, "nothing half, nothing twice");
}

#[tokio::test]
async fn d05_a_large_log_is_written_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let ann = person(&*store, "ann").await;
    let text = "x".repeat(50_000);
    for number in 0..200 {
        store
            .publish(message(ann, "ann", &text, &number.to_string()))
            .await
            .unwrap();
    }
    let wal = std::fs::metadata(folder.path().join("chat.db-wal"))
        .unwrap()
        .len();
    assert!(wal < 8 << 20, "{wal} bytes for 10 MB of messages");
    let last = store.membership(ann, &topic("ann")).await.unwrap().last_seq;
    assert_eq!(last, Seq(200));
    let feed = store.since(Place::default(), 500).await.unwrap();
    assert_eq!(feed.len(), 200);
}

/// Tells of each batch, and waits until it may go on.
struct Gate {
    entered: Mutex<mpsc::Sender<usize>>,
    leave: Mutex<mpsc::Receiver<()>>,
    file: std::path::PathBuf,
}

impl Commits for Gate {
    fn committed(&self, batch: &[Committed]) {
        let database = rusqlite::Connection::open(&self.file).unwrap();
        let sql = "SELECT count(*) FROM log WHERE place = ?1";
        let stored = batch.iter().filter(|committed| {
            let rows: i64 = database
                .query_row(sql, [committed.change.place.row], |row| row.get(0))
                .unwrap();
            rows == 1
        });
        self.entered.lock().unwrap().send(stored.count()).unwrap();
        self.leave.lock().unwrap().recv().unwrap();
    }
}

/// A store whose commits end one by one, as the test says.
fn gated(dir: &Path) -> (Arc<SqliteStore>, mpsc::Receiver<usize>, mpsc::Sender<()>) {
    let (entered, told) = mpsc::channel();
    let (go_on, leave) = mpsc::channel();
    let gate = Gate {
        entered: Mutex::new(entered),
        leave: Mutex::new(leave),
        file: dir.join("chat.db"),
    };
    let store = SqliteStore::open(dir, Arc::new(gate)).unwrap();
    (store, told, go_on)
}

#[tokio::test]
async fn d05_nothing_is_told_before_the_commit_and_nothing_answered_before_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (store, told, go_on) = gated(folder.path());
    let ann = person(&*store, "ann").await;
    let sending = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.publish(message(ann, "ann", "hi", "1")).await })
    };
    let told = tokio::task::spawn_blocking(move || told.recv().unwrap());
    let stored = told.await.unwrap();
    // Whatever was answered is seen by now: the sender's task had its turn.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let answered = sending.is_finished();
    go_on.send(()).unwrap();
    let sent = sending.await.unwrap().unwrap();
    assert_eq!(stored, 1, "on the disk before it is told");
    assert!(!answered, "told before it is answered");
    assert_eq!(sent.seq.0, 1);
}

#[tokio::test]
async fn a_store_that_is_behind_says_so_at_once_and_keeps_what_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let (store, told, go_on) = gated(folder.path());
    let ann = person(&*store, "ann").await;
    let mut sends = tokio::task::JoinSet::new();
    let mut send = |number: usize| {
        let store = Arc::clone(&store);
        let new = message(ann, "ann", "hi", &number.to_string());
        sends.spawn(async move { store.publish(new).await })
    };
    send(0);
    let told = tokio::task::spawn_blocking(move || told.recv().map(|_| told));
    let _told = told.await.unwrap().unwrap();
    for number in 1..=5000 {
        send(number);
    }
    let refused = sends.join_next().await.unwrap().unwrap();
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    for _ in 0..5000 {
        // More batches than there will be; the rest of the permits is left over.
        go_on.send(()).unwrap();
    }
    let answers = sends.join_all().await;
    let stored = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(stored > 4000, "{stored} were taken");
    let feed = store.since(Place::default(), 9999).await.unwrap();
    assert_eq!(feed.len(), stored, "what was refused is not there");
}

#[tokio::test]
async fn d13_a_page_holds_a_bounded_number_of_bytes_and_nothing_is_left_out_for_good() {
    pages_are_bounded(&World::sqlite()).await;
    if let Some(world) = World::postgres("store durability d13").await {
        pages_are_bounded(&world).await;
    }
}

async fn pages_are_bounded(world: &World) {
    let [ann, _ben] = world.people(["ann", "ben"]).await;
    let long = "x".repeat(65_536);
    for _ in 0..150 {
        world.said(ann, "ben", &long).await;
    }
    let numbers = |slice: &Slice| -> Vec<u64> {
        let seqs = slice.changes.iter().filter_map(Change::seq);
        seqs.map(|seq| seq.0).collect()
    };
    let page = async |range| {
        let ben = topic("ben");
        let slice = world.store.history(ann, &ben, range, 1_000);
        let slice = slice.await.unwrap();
        let bytes: usize = slice.changes.iter().map(Change::text_bytes).sum();
        assert!(bytes <= PAGE_BYTES_MAX && slice.more, "{bytes} bytes");
        numbers(&slice)
    };
    assert_eq!(page(Range::Latest).await, (87..=150).collect::<Vec<_>>());
    assert_eq!(
        page(Range::Before(Seq(87))).await,
        (23..87).collect::<Vec<_>>()
    );
    assert_eq!(
        page(Range::After(Seq(0))).await,
        (1..=64).collect::<Vec<_>>()
    );
    assert!(page(Range::Around(Seq(100))).await.contains(&100));

    let conversation = world.store.heads(ann).await.unwrap()[0].conversation;
    let mut told = Vec::new();
    loop {
        let after = Rev(told.len() as u64);
        let slice = world.store.changes(ann, conversation, after, 1_000);
        let slice = slice.await.unwrap();
        told.extend(numbers(&slice));
        if !slice.more {
            break;
        }
    }
    assert_eq!(told, (1..=150).collect::<Vec<_>>());
}
