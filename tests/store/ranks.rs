//! The list of conversations page by page: every one is on a page, whatever the clocks of the nodes did.

use std::sync::Arc;

use chat_proto::Time;
use chat_server::change::UserId;
use chat_server::store::sqlite::SqliteStore;

use crate::nodes::nodes;
use crate::world::{Heard, World, at, message};

/// Says something at a time of the clock, and gives the time of the store.
async fn said_at(w: &World, sender: UserId, to: &str, now: Time) -> Time {
    let id = chat_proto::MessageId::generate();
    let mut new = message(sender, to, "hi", id.as_str());
    new.now = now;
    w.store.publish(new).await.unwrap().sent_at
}

/// The conversations of a user page by page, as they are told: each page goes on before the time of the last line.
async fn pages(w: &World, user: UserId, limit: usize) -> Vec<String> {
    let (mut before, mut all) = (None, Vec::new());
    loop {
        let page = w.store.conversations(user, before, limit).await.unwrap();
        let Some(last) = page.last() else { return all };
        before = Some(last.last_message.as_ref().unwrap().at);
        let topics = page.iter().map(|line| &line.membership.address);
        all.extend(topics.map(|address| address.seen_by(user).to_string()));
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}

pub(crate) async fn p01_pages_lose_nothing_however_the_clock_steps(w: &World) {
    let ann = w.person("ann").await;
    let mut peers = Vec::new();
    // On and on, a little back, twice at once, and a day back, as a clock that was wrong.
    let clock = [
        10, 20, 30, 5, 6, 6, 40, 45, 41, -86_400, -86_399, -86_398, -86_410,
    ];
    for (number, seconds) in clock.into_iter().enumerate() {
        peers.push(format!("peer{number:02}"));
        let peer = w.person(&peers[number]).await;
        said_at(w, peer, "ann", at(seconds)).await;
    }
    for limit in 1..=5 {
        assert_eq!(sorted(pages(w, ann, limit).await), peers, "{limit}");
    }
    let ranked = pages(w, ann, 9).await;
    let little = ranked.iter().filter(|peer| **peer < peers[9]);
    let little: Vec<&String> = little.collect();
    assert!(little.is_sorted_by(|a, b| a > b), "{ranked:?}");
}

pub(crate) async fn p01_times_ascend_in_a_conversation_and_over_all(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    let mut times = Vec::new();
    for seconds in [10, 4, 10, 11, 2] {
        times.push(said_at(w, ann, "ben", at(seconds)).await);
        times.push(said_at(w, ben, "ben", at(seconds)).await);
    }
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    assert_eq!((times[0], times[6]), (at(10), at(11)));
    assert!(times[9] < at(12), "the clock is near");
}

#[tokio::test]
async fn p01_pages_lose_nothing_where_the_clocks_of_two_nodes_differ() {
    let Some((nodes, _postgres)) = nodes("store ranks nodes").await else {
        return;
    };
    let ann = nodes[0].person("ann").await;
    for apart in [2, 30, 600] {
        let mut peers = pages(&nodes[0], ann, 99).await;
        for number in 0..16_usize {
            let peer = format!("peer{apart:03}x{number:02}");
            let sender = nodes[0].person(&peer).await;
            let node = number % 2;
            let behind = i64::try_from(node).unwrap() * apart;
            let now = at(i64::try_from(number).unwrap() - behind);
            said_at(&nodes[node], sender, "ann", now).await;
            peers.push(peer);
        }
        for limit in [1, 2, 3, 5, 7] {
            let found = sorted(pages(&nodes[1], ann, limit).await);
            assert_eq!(found, sorted(peers.clone()), "{apart} s, {limit} a page");
        }
    }
}

#[tokio::test]
async fn p01_a_conversation_of_two_nodes_has_times_that_ascend() {
    let Some((nodes, _postgres)) = nodes("store ranks times").await else {
        return;
    };
    let [ann, _ben] = nodes[0].people(["ann", "ben"]).await;
    let mut times = Vec::new();
    for number in 0..10_usize {
        let behind = [0, 20][number % 2];
        times.push(said_at(&nodes[number % 2], ann, "ben", at(30 - behind)).await);
    }
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
}

#[tokio::test]
async fn p01_a_store_that_is_opened_again_goes_on_from_its_latest_time() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SqliteStore::open(folder.path(), Arc::new(Heard::default())).unwrap();
    let first = World::of(open());
    goes_on(first, async || World::of(open())).await;

    let Some((nodes, postgres)) = nodes("store ranks again").await else {
        return;
    };
    let [first, _] = nodes;
    goes_on(first, async || World::at(&postgres.url()).await).await;
}

async fn goes_on(first: World, again: impl AsyncFnOnce() -> World) {
    let [ann, _ben] = first.people(["ann", "ben"]).await;
    let before = said_at(&first, ann, "ben", at(30)).await;
    first.store.close().await;
    drop(first);
    let after = said_at(&again().await, ann, "ann", at(20)).await;
    assert_eq!(after.micros(), before.micros() + 1);
}
