//! A store with people in it, and the words in which tests speak to it.

use std::sync::{Arc, Mutex};

use chat_proto::message::Body;
use chat_proto::{ErrorCode, Mark, MessageId, Name, Seq, Time, Topic};
use chat_server::change::UserId;
use chat_server::store::memory::MemoryStore;
use chat_server::store::postgres::PostgresStore;
use chat_server::store::sqlite::SqliteStore;
use chat_server::store::{
    Account, Commits, Committed, Fingerprint, Membership, NewAccount, NewGroup, NewGroupMade,
    NewMessage, Permit, Published, Store, StoreError, StoreResult, Subscribed,
};
use chat_tests::postgres::Postgres;

/// Remembers what it was told.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<Committed>>);

impl Heard {
    pub(crate) fn all(&self) -> Vec<Committed> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> Committed {
        self.0
            .lock()
            .unwrap()
            .last()
            .expect("something was told")
            .clone()
    }
}

impl Commits for Heard {
    fn committed(&self, batch: &[Committed]) {
        self.0.lock().unwrap().extend_from_slice(batch);
    }
}

pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) heard: Arc<Heard>,
    _folder: Option<tempfile::TempDir>,
    _postgres: Option<Postgres>,
}

impl World {
    pub(crate) fn memory() -> Self {
        let heard = Arc::new(Heard::default());
        Self {
            store: MemoryStore::new(heard.clone()),
            heard,
            _folder: None,
            _postgres: None,
        }
    }

    pub(crate) fn sqlite() -> Self {
        let heard = Arc::new(Heard::default());
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("data"), heard.clone()).unwrap();
        Self {
            store,
            heard,
            _folder: Some(folder),
            _postgres: None,
        }
    }

    /// On a store that was opened for it, and whose changes it does not hear.
    pub(crate) fn of(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            heard: Arc::default(),
            _folder: None,
            _postgres: None,
        }
    }

    /// On a server of its own; none where PostgreSQL is not installed, which is said aloud of the test.
    pub(crate) async fn postgres(test: &str) -> Option<Self> {
        let postgres = start_postgres(test).await?;
        let world = Self::at(&postgres.url()).await;
        Some(Self {
            _postgres: Some(postgres),
            ..world
        })
    }

    /// On a server that is there.
    pub(crate) async fn at(url: &str) -> Self {
        let heard = Arc::new(Heard::default());
        Self {
            store: PostgresStore::open(url, heard.clone()).await.unwrap(),
            heard,
            _folder: None,
            _postgres: None,
        }
    }

    /// Waits until the feed tells what was told: it keeps back what is committed while an older transaction runs, and
    /// the server has some of its own.
    pub(crate) async fn settled(&self) {
        let places = self.heard.all().into_iter().map(|told| told.change.place);
        let last = places.max().unwrap_or_default();
        chat_tests::eventually("the feed tells what was told", async || {
            let place = self.store.last_place().await.unwrap();
            (place >= last).then_some(())
        })
        .await;
    }

    pub(crate) async fn person(&self, handle: &str) -> UserId {
        person(&*self.store, handle).await
    }

    pub(crate) async fn people<const N: usize>(&self, handles: [&str; N]) -> [UserId; N] {
        let mut people = [UserId(0); N];
        for (person, handle) in people.iter_mut().zip(handles) {
            *person = self.person(handle).await;
        }
        people
    }

    pub(crate) async fn say(&self, sender: UserId, to: &str, text: &str) -> StoreResult<Published> {
        let id = MessageId::generate();
        self.store
            .publish(message(sender, to, text, id.as_str()))
            .await
    }

    /// Says something that must be stored.
    pub(crate) async fn said(&self, sender: UserId, to: &str, text: &str) -> Published {
        self.say(sender, to, text).await.unwrap()
    }

    pub(crate) async fn make_group(
        &self,
        owner: UserId,
        group: &str,
        users: &[&str],
    ) -> NewGroupMade {
        self.store
            .create_group(new_group(owner, Some(group), users))
            .await
            .unwrap()
    }

    pub(crate) async fn membership(&self, user: UserId, to: &str) -> StoreResult<Membership> {
        self.store.membership(user, &topic(to)).await
    }

    pub(crate) async fn subscribe(&self, user: UserId, to: &str) -> StoreResult<Subscribed> {
        self.store.subscribe(user, &topic(to), now()).await
    }

    pub(crate) async fn unsubscribe(&self, user: UserId, to: &str) -> StoreResult<Subscribed> {
        self.store.unsubscribe(user, &topic(to), now()).await
    }

    pub(crate) async fn add(&self, by: UserId, group: &str, user: &str) -> StoreResult<bool> {
        self.store
            .add_member(by, &name(group), &name(user), now())
            .await
    }

    pub(crate) async fn remove(&self, by: UserId, group: &str, user: &str) -> StoreResult<bool> {
        self.store
            .remove_member(by, &name(group), &name(user), now())
            .await
    }

    pub(crate) async fn read(&self, user: UserId, to: &str, seq: u64) -> (u64, bool) {
        let mark = self
            .store
            .advance_mark(user, &topic(to), Mark::Read, Seq(seq))
            .await
            .unwrap();
        (mark.seq.0, mark.moved)
    }

    /// The texts of a page.
    pub(crate) async fn texts(
        &self,
        user: UserId,
        to: &str,
        range: chat_server::store::Range,
        limit: usize,
    ) -> (Vec<String>, bool) {
        let slice = self
            .store
            .history(user, &topic(to), range, limit)
            .await
            .unwrap();
        let texts = slice
            .changes
            .iter()
            .map(|change| change.message(user).unwrap().text);
        (texts.collect(), slice.more)
    }
}

/// A server of a test's own, if PostgreSQL is installed.
pub(crate) async fn start_postgres(test: &str) -> Option<Postgres> {
    let postgres = Postgres::start().await;
    if postgres.is_none() {
        chat_tests::skip(test, "PostgreSQL is not installed");
    }
    postgres
}

pub(crate) fn now() -> Time {
    Time::from_micros(1_790_000_000_000_000)
}

pub(crate) fn at(seconds: i64) -> Time {
    now().plus_seconds(seconds)
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(crate) fn topic(text: &str) -> Topic {
    Topic::parse(text).unwrap()
}

pub(crate) fn new_account(handle: &str) -> NewAccount {
    NewAccount {
        name: name(handle),
        display_name: handle.to_uppercase(),
        email: None,
        password_hash: format!("hash of {handle}"),
        invite: None,
        lobby: None,
        now: now(),
    }
}

pub(crate) async fn account(store: &dyn Store, handle: &str) -> Account {
    store.create_account(new_account(handle)).await.unwrap()
}

pub(crate) async fn person(store: &dyn Store, handle: &str) -> UserId {
    account(store, handle).await.id
}

pub(crate) fn message(sender: UserId, to: &str, text: &str, id: &str) -> NewMessage {
    let mut fingerprint = [0; 32];
    for (index, byte) in to.bytes().chain([0]).chain(text.bytes()).enumerate() {
        fingerprint[index % 32] = byte.wrapping_add(fingerprint[index % 32]).rotate_left(1);
    }
    NewMessage {
        sender,
        topic: topic(to),
        id: MessageId::parse(id).unwrap(),
        body: Body::text(text),
        fingerprint: Fingerprint(fingerprint),
        permit: Permit::Granted,
        now: now(),
    }
}

pub(crate) fn new_group(owner: UserId, group: Option<&str>, users: &[&str]) -> NewGroup {
    let id = MessageId::generate();
    NewGroup {
        name: group.map(name),
        title: None,
        users: users.iter().map(|user| name(user)).collect(),
        public: false,
        first: message(owner, "ignored", "welcome", id.as_str()),
    }
}

/// The code of a refusal; anything else is no refusal.
#[track_caller]
pub(crate) fn code<T: std::fmt::Debug>(result: StoreResult<T>) -> ErrorCode {
    match result {
        Err(StoreError::Refused(refusal)) => refusal.code,
        other => panic!("not refused: {other:?}"),
    }
}
