//! Keys that one node adds and another meets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use chat_proto::{Name, SessionId, Time};

use super::*;
use crate::store::memory::MemoryStore;
use crate::store::{Commits, Committed};

struct Deaf;

impl Commits for Deaf {
    fn committed(&self, _batch: &[Committed]) {}
}

/// A clock that goes on when it is told to.
#[derive(Default)]
struct Still(AtomicU64);

impl Still {
    fn pass(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for Still {
    fn wall(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::Relaxed).cast_signed() * 1_000)
    }

    fn monotonic(&self) -> Millis {
        Millis(self.0.load(Ordering::Relaxed))
    }
}

/// Two nodes on one store.
async fn nodes() -> (Keys, Keys, Arc<Still>) {
    let store = MemoryStore::new(Arc::new(Deaf));
    let clock = Arc::new(Still::default());
    let node = async || Keys::open(store.clone(), clock.clone()).await;
    let (one, other) = (node().await, node().await);
    (one.expect("it opens"), other.expect("it opens"), clock)
}

fn token(ring: &Keyring) -> String {
    let ann: Name = "ann".parse().expect("a name");
    let session = SessionId("s1".to_owned());
    ring.access(&ann, &session, Time::default())
        .expect("a token")
}

async fn reads(keys: &Keys, token: &str) -> bool {
    let kid = super::super::token::kid_of_access(token).expect("it names a key");
    let ring = keys.with(&kid).await.expect("the store answers");
    ring.read_access(token, Time::default()).is_some()
}

fn looks(keys: &Keys) -> u64 {
    keys.known(|known| known.looks)
}

/// Whether it is still waiting after its first turn.
async fn waits<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> bool {
    let mut future = future;
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

#[tokio::test]
async fn a03_a_token_of_a_key_that_another_node_added_is_good() {
    let (one, other, clock) = nodes().await;
    let before = token(&*one.newest().await);
    clock.pass(5_000);
    one.rotate().await.expect("it rotates");
    let after = token(&*one.newest().await);
    assert!(reads(&other, &before).await && looks(&other) == 0);
    assert!(reads(&other, &after).await && looks(&other) == 1);
    assert!(reads(&one, &before).await && reads(&one, &after).await);
}

#[tokio::test]
async fn a03_a_new_key_signs_on_every_node_within_a_second() {
    let (one, other, clock) = nodes().await;
    let before = token(&*other.newest().await);
    clock.pass(5_000);
    assert_eq!(token(&*other.newest().await), before);
    one.rotate().await.expect("it rotates");
    clock.pass(999);
    assert_eq!(token(&*other.newest().await), before);
    clock.pass(1);
    assert_eq!(token(&*other.newest().await), token(&*one.newest().await));
    assert_ne!(token(&*other.newest().await), before);
}

#[tokio::test]
async fn c01_nodes_that_start_at_once_take_each_others_tokens() {
    let store = MemoryStore::new(Arc::new(Deaf));
    let clock = Arc::new(Still::default());
    let one = Keys::open(store.clone(), clock.clone())
        .await
        .expect("it opens");
    let first = token(&*one.newest().await);
    // The other looked before the first had added its key.
    clock.pass(1);
    add_key(&*store, &*clock).await.expect("a second key");
    let other = Keys::open(store, clock.clone()).await.expect("it opens");
    let second = token(&*other.newest().await);
    assert_ne!(first, second);
    clock.pass(1_000);
    assert!(reads(&one, &second).await && reads(&other, &first).await);
    assert!(reads(&one, &first).await && reads(&other, &second).await);
}

#[tokio::test]
async fn s02_forged_keys_make_at_most_one_look_a_second() {
    let (_one, other, clock) = nodes().await;
    clock.pass(1_000);
    let forged = async || other.with("nobody's").await.map(|ring| ring.knows("x"));
    assert_eq!(forged().await, Ok(false));
    assert_eq!(looks(&other), 1);
    let mut first = std::pin::pin!(forged());
    let mut second = std::pin::pin!(forged());
    assert!(waits(first.as_mut()).await && waits(second.as_mut()).await);
    assert_eq!(looks(&other), 1, "the second is not over");
    // The first sleeps by the runtime's clock, which goes on by itself.
    assert_eq!((first.await, second.await), (Ok(false), Ok(false)));
    assert_eq!(looks(&other), 2, "both were answered by one look");
}

#[tokio::test]
async fn c05_an_unknown_key_is_unavailable_and_not_refused_while_the_store_is_away() {
    let (_one, other, clock) = nodes().await;
    clock.pass(1_000);
    other.store.close().await;
    let answer = other.with("of another node").await.map(drop);
    assert!(matches!(answer, Err(StoreError::Unavailable(_))));
    let known = other.newest().await;
    assert!(reads(&other, &token(&known)).await, "what is known is good");
}
