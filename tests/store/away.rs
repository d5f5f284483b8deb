//! What the engine with a server promises when that server is away, full, stuck, or has somebody else in the way.

use std::sync::Arc;
use std::time::Duration;

use chat_server::change::Place;
use chat_server::store::{Range, StoreError, StoreResult};
use chat_tests::postgres::Postgres;
use chat_tests::proxy::Proxy;
use tokio::task::JoinSet;

use crate::nodes::{by_hand, wait_for_waiters};
use crate::world::{World, message, name, new_account, start_postgres, topic};

/// Longer than the five seconds after which every call has ended, and short enough to tell them from ten.
const FIVE_SECONDS: Duration = Duration::from_millis(6_500);

async fn world(test: &str) -> Option<(World, Postgres)> {
    let postgres = start_postgres(test).await?;
    Some((World::at(&postgres.url()).await, postgres))
}

/// The outcome of a call, which must come in time.
async fn in_time<T>(call: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(FIVE_SECONDS, call).await;
    outcome.expect("every call ends within five seconds")
}

fn unavailable<T>(outcome: StoreResult<T>) -> bool {
    matches!(outcome.err(), Some(StoreError::Unavailable(_)))
}

#[tokio::test]
async fn c05_a_killed_server_is_unavailable_and_comes_back_by_itself() {
    let Some((w, mut postgres)) = world("store away killed").await else {
        return;
    };
    let [ann, _ben] = w.people(["ann", "ben"]).await;
    w.said(ann, "ben", "before").await;
    postgres.kill9();
    let new = message(ann, "ben", "meanwhile", "m1");
    assert!(unavailable(in_time(w.store.publish(new.clone())).await));
    assert!(unavailable(in_time(w.membership(ann, "ben")).await));
    assert!(unavailable(in_time(w.subscribe(ann, "world")).await));
    assert!(unavailable(in_time(w.store.ready()).await));
    assert_eq!(w.heard.all().len(), 1, "nothing was told");
    postgres.restart().await;
    chat_tests::eventually("it is ready again", async || w.store.ready().await.ok()).await;
    let sent = w.store.publish(new.clone()).await.unwrap();
    assert_eq!((sent.seq.0, sent.dup), (2, false));
    assert!(w.store.publish(new).await.unwrap().dup);
    assert_eq!(w.membership(ann, "ben").await.unwrap().last_seq.0, 2);
}

/// A world on the other end of a wire.
async fn behind_a_wire(test: &str) -> Option<(World, Proxy, Postgres)> {
    let postgres = start_postgres(test).await?;
    let wire = Proxy::to(postgres.address()).await;
    let world = World::at(&postgres.url_through(wire.address())).await;
    Some((world, wire, postgres))
}

#[tokio::test]
async fn c05_a_server_that_says_nothing_is_unavailable_within_five_seconds() {
    let Some((w, wire, _postgres)) = behind_a_wire("store away silent").await else {
        return;
    };
    let [ann, ben] = w.people(["ann", "ben"]).await;
    w.said(ann, "ben", "before").await;
    wire.silence();
    let new = message(ann, "ben", "meanwhile", "m1");
    let (sent, read, joined, ready) = tokio::join!(
        in_time(w.store.publish(new.clone())),
        in_time(w.membership(ann, "ben")),
        in_time(w.subscribe(ben, "world")),
        in_time(w.store.ready()),
    );
    assert!(unavailable(sent) && unavailable(read) && unavailable(joined) && unavailable(ready));
    wire.heal();
    chat_tests::eventually("it is ready again", async || w.store.ready().await.ok()).await;
    // What was on the wire may have arrived, which nobody knew; asked again it is there once.
    assert_eq!(w.store.publish(new).await.unwrap().seq.0, 2);
    let page = w.store.history(ben, &topic("ann"), Range::Latest, 9).await;
    assert_eq!(page.unwrap().changes.len(), 2);
}

#[tokio::test]
async fn d07_a_commit_whose_answer_is_lost_is_unavailable_and_found_when_asked_again() {
    let Some((w, wire, postgres)) = behind_a_wire("store away deaf").await else {
        return;
    };
    let [ann, _ben] = w.people(["ann", "ben"]).await;
    w.said(ann, "ben", "before").await;
    // Rows of the log wait for a lock of the test's, and the commit behind them.
    postgres
        .sql(
            "CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NEW; END'; \
             CREATE TRIGGER waits BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION waits()",
        )
        .await;
    let client = by_hand(&postgres).await;
    client
        .batch_execute("SELECT pg_advisory_lock(7)")
        .await
        .unwrap();
    let new = message(ann, "ben", "meanwhile", "m1");
    let sending = {
        let (store, new) = (Arc::clone(&w.store), new.clone());
        tokio::spawn(async move { store.publish(new).await })
    };
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    chat_tests::eventually("the batch is at its end", async || {
        let waits: i64 = client.query_one(waiting, &[]).await.unwrap().get(0);
        (waits > 0).then_some(())
    })
    .await;
    wire.deafen();
    client
        .batch_execute("SELECT pg_advisory_unlock(7)")
        .await
        .unwrap();
    assert!(unavailable(in_time(sending).await.unwrap()));
    assert_eq!(
        postgres.sql("SELECT count(*) FROM log").await,
        "2",
        "it is there"
    );
    assert_eq!(w.heard.all().len(), 1, "and was told to nobody");
    wire.heal();
    chat_tests::eventually("it is ready again", async || w.store.ready().await.ok()).await;
    let again = w.store.publish(new).await.unwrap();
    assert_eq!((again.seq.0, again.dup), (2, true));
    w.settled().await;
    let feed = w.store.since(Place::default(), 9).await.unwrap();
    assert_eq!(feed.len(), 2, "the feed tells what no notice did");
}

/// Has every row that is put into a table fail with this code of PostgreSQL's, but for those of every `nth` try.
async fn fails(postgres: &Postgres, table: &str, code: &str, nth: u32) {
    postgres
        .sql(&format!(
            "CREATE SEQUENCE IF NOT EXISTS tries; \
             CREATE OR REPLACE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN IF nextval(''tries'') % {nth} <> 0 \
              THEN RAISE EXCEPTION ''on purpose'' USING ERRCODE = ''{code}''; END IF; RETURN NEW; END'; \
             CREATE OR REPLACE TRIGGER fails BEFORE INSERT OR UPDATE ON {table} \
             FOR EACH ROW EXECUTE FUNCTION fails()"
        ))
        .await;
}

#[tokio::test]
async fn c05_a_transaction_that_met_another_is_tried_again() {
    for code in ["40001", "40P01"] {
        let Some((w, postgres)) = world("store away again").await else {
            return;
        };
        let [ann, ben] = w.people(["ann", "ben"]).await;
        fails(&postgres, "log", code, 3).await;
        for number in 1..=3 {
            let sent = w.said(ann, "ben", "hi").await;
            assert_eq!((sent.seq.0, sent.dup), (number, false), "{code}");
        }
        w.make_group(ann, "ops", &["ben"]).await;
        assert!(w.remove(ann, "ops", "ben").await.unwrap());
        fails(&postgres, "members", code, 2).await;
        w.subscribe(ben, "world").await.unwrap();
        let told: Vec<u64> = w.heard.all().iter().map(|told| told.change.rev.0).collect();
        assert_eq!(told, [1, 2, 3, 1, 2], "what was tried is not told");
        w.settled().await;
        let feed = w.store.since(Place::default(), 99).await.unwrap();
        assert_eq!(feed.len(), 5);
    }
}

#[tokio::test]
async fn c05_a_transaction_that_always_meets_another_is_given_up_and_leaves_nothing() {
    let Some((w, postgres)) = world("store away given up").await else {
        return;
    };
    let [ann, ben] = w.people(["ann", "ben"]).await;
    fails(&postgres, "log", "40001", 1_000_000).await;
    let new = message(ann, "ben", "hi", "m1");
    assert!(unavailable(in_time(w.store.publish(new.clone())).await));
    assert!(w.heard.all().is_empty());
    assert_eq!(w.store.heads(ben).await.unwrap(), []);
    postgres.sql("DROP TRIGGER fails ON log").await;
    assert_eq!(w.store.publish(new).await.unwrap().seq.0, 1);
}

#[tokio::test]
async fn o08_a_full_or_read_only_server_refuses_and_service_returns() {
    let Some((w, postgres)) = world("store away full").await else {
        return;
    };
    let [ann, ben] = w.people(["ann", "ben"]).await;
    w.said(ann, "ben", "before").await;
    for code in ["53100", "25006", "58030"] {
        for table in ["log", "meta"] {
            fails(&postgres, table, code, 1_000_000).await;
        }
        let new = message(ann, "ben", "meanwhile", code);
        assert!(unavailable(w.store.publish(new.clone()).await), "{code}");
        assert!(unavailable(w.store.ready().await), "{code}");
        assert!(w.membership(ben, "ann").await.is_ok(), "reading goes on");
        for table in ["log", "meta"] {
            let drop = format!("DROP TRIGGER fails ON {table}");
            postgres.sql(&drop).await;
        }
        w.store.ready().await.unwrap();
        assert!(!w.store.publish(new).await.unwrap().dup, "{code}");
    }
    assert_eq!(w.heard.all().len(), 4);
}

#[tokio::test]
async fn a_message_that_the_server_cannot_take_costs_the_others_nothing() {
    let Some((w, _postgres)) = world("store away poison").await else {
        return;
    };
    let [ann, _ben] = w.people(["ann", "ben"]).await;
    let mut sends = JoinSet::new();
    for number in 0..40 {
        let store = Arc::clone(&w.store);
        // No text of the server's has this character; PostgreSQL has none at all that has.
        let text = if number == 17 { "a\0b" } else { "hi" };
        let new = message(ann, "ben", text, &number.to_string());
        sends.spawn(async move { (number, store.publish(new).await) });
    }
    for (number, outcome) in sends.join_all().await {
        assert_eq!(outcome.is_ok(), number != 17, "{number}: {outcome:?}");
    }
    let seen = w.membership(ann, "ben").await.unwrap();
    assert_eq!(seen.last_seq.0, 39);
}

#[tokio::test]
async fn c05_a_lock_that_is_never_let_go_is_unavailable_in_time() {
    let Some((w, postgres)) = world("store away locked").await else {
        return;
    };
    let [ann, ben] = w.people(["ann", "ben"]).await;
    w.make_group(ann, "ops", &["ben"]).await;
    let mut client = by_hand(&postgres).await;
    let holding = client.transaction().await.unwrap();
    let lock = "SELECT 1 FROM conversations FOR UPDATE";
    holding.execute(lock, &[]).await.unwrap();
    let (sent, removed) = tokio::join!(
        in_time(w.say(ben, "ops", "hi")),
        in_time(w.remove(ann, "ops", "ben")),
    );
    assert!(unavailable(sent) && unavailable(removed));
    holding.rollback().await.unwrap();
    w.said(ben, "ops", "hi").await;
}

#[tokio::test]
async fn a_call_that_is_dropped_in_its_middle_leaves_nothing() {
    let Some((w, postgres)) = world("store away dropped").await else {
        return;
    };
    let ann = w.person("ann").await;
    w.subscribe(ann, "lobby").await.unwrap();
    let mut client = by_hand(&postgres).await;
    let holding = client.transaction().await.unwrap();
    let lock = "SELECT 1 FROM conversations FOR UPDATE";
    holding.execute(lock, &[]).await.unwrap();
    let mut late = new_account("late");
    late.lobby = Some(name("lobby"));
    let coming = {
        let (store, late) = (Arc::clone(&w.store), late.clone());
        tokio::spawn(async move { store.create_account(late).await })
    };
    // It has written the account and its name, and waits for the row of the lobby.
    wait_for_waiters(&holding, 1).await;
    coming.abort();
    assert!(coming.await.unwrap_err().is_cancelled());
    holding.rollback().await.unwrap();
    for number in 0..20 {
        w.subscribe(ann, &format!("world{}", number % 9))
            .await
            .unwrap();
    }
    assert_eq!(w.store.account_named(&name("late")).await.unwrap(), None);
    w.store.create_account(late).await.unwrap();
}

#[tokio::test]
async fn d05_a_closed_store_stores_what_waits_and_nothing_more() {
    let Some((w, postgres)) = world("store away closed").await else {
        return;
    };
    let ann = w.person("ann").await;
    let mut sends = JoinSet::new();
    for number in 0..50 {
        let store = Arc::clone(&w.store);
        let new = message(ann, "ann", "hi", &number.to_string());
        sends.spawn(async move { store.publish(new).await });
    }
    // All of them are in their queue when this task has its turn again.
    tokio::task::yield_now().await;
    w.store.close().await;
    let stored = sends.join_all().await.into_iter().filter(Result::is_ok);
    assert_eq!(stored.count(), 50);
    assert!(unavailable(w.say(ann, "ann", "late").await));
    assert!(unavailable(w.store.ready().await));
    let again = World::at(&postgres.url()).await;
    assert_eq!(again.store.epoch(), w.store.epoch());
    let seen = again.membership(ann, "ann").await.unwrap();
    assert_eq!(seen.last_seq.0, 50);
}
