//! A database that was restored, copied or promoted is another life of the store, and one that was merely opened is not.

use chat_proto::Epoch;
use chat_server::change::Place;
use chat_server::store::StoreError;
use chat_tests::postgres::Postgres;

use crate::nodes::by_hand;
use crate::world::{World, message, start_postgres};

/// The life of the store that is there.
async fn life(url: &str) -> Epoch {
    let world = World::at(url).await;
    world.store.close().await;
    world.store.epoch()
}

/// A server with a message in its database, and the life of that.
async fn lived(test: &str) -> Option<(Postgres, Epoch)> {
    let postgres = start_postgres(test).await?;
    let world = World::at(&postgres.url()).await;
    let ann = world.person("ann").await;
    world.said(ann, "ann", "hi").await;
    world.store.close().await;
    assert_eq!(life(&postgres.url()).await, world.store.epoch());
    Some((postgres, world.store.epoch()))
}

#[tokio::test]
async fn o04_a_copy_of_a_database_is_another_life_and_the_original_goes_on() {
    let Some((postgres, before)) = lived("store restored copy").await else {
        return;
    };
    postgres.sql("CREATE DATABASE copy TEMPLATE chat").await;
    let copy = postgres.url_of("copy");
    let copied = life(&copy).await;
    assert_ne!(copied, before);
    assert_eq!(life(&copy).await, copied, "once");
    assert_eq!(life(&postgres.url()).await, before);
}

#[tokio::test]
async fn o04_a_dump_that_is_loaded_in_its_place_is_another_life() {
    let Some((postgres, before)) = lived("store restored dump").await else {
        return;
    };
    postgres.reload().await;
    let restored = World::at(&postgres.url()).await;
    assert_ne!(restored.store.epoch(), before);
    let new = message(restored.person("ben").await, "ann", "after", "after");
    restored.store.publish(new).await.unwrap();
    assert_eq!(life(&postgres.url()).await, restored.store.epoch(), "once");
}

#[tokio::test]
async fn o04_another_server_or_timeline_is_another_life() {
    let Some((postgres, mut before)) = lived("store restored elsewhere").await else {
        return;
    };
    // As the files tell it after a promotion, a recovery to a point in time, or a dump of another server.
    for part in ["origin_server", "origin_timeline"] {
        let sql = format!("UPDATE meta SET value = 'another' WHERE key = '{part}'");
        assert_eq!(postgres.sql(&sql).await, "UPDATE 1");
        let after = life(&postgres.url()).await;
        assert_ne!(after, before, "{part}");
        assert_eq!(life(&postgres.url()).await, after, "{part}, once");
        before = after;
    }
}

#[tokio::test]
async fn c04_a_store_that_is_open_notices_that_its_database_failed_over() {
    let Some((mut postgres, _)) = lived("store restored failover").await else {
        return;
    };
    let world = World::at(&postgres.url()).await;
    let ann = world.person("zoe").await;
    postgres.stop().await;
    postgres.restart().await;
    // What was only away is what it was.
    chat_tests::eventually("the store is back", async || {
        let new = message(ann, "ann", "back", "back");
        world.store.publish(new).await.ok()
    })
    .await;
    let over = world.store.life_over();
    tokio::pin!(over);
    assert!(futures_util::poll!(&mut over).is_pending());

    // A connection that was made to a standby is none: it would outlive the promotion.
    postgres.stop().await;
    postgres.stand_by().await;
    let zoe = chat_proto::Name::parse("zoe").unwrap();
    let account = world.store.account_named(&zoe);
    assert!(matches!(account.await, Err(StoreError::Unavailable(_))));
    assert!(futures_util::poll!(&mut over).is_pending());
    postgres.promote().await;
    let new = message(ann, "ann", "after", "after");
    let (refused, ()) = tokio::join!(world.store.publish(new), chat_tests::soon("the end", over));
    let refused = refused.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
    let again = World::at(&postgres.url()).await;
    assert_ne!(again.store.epoch(), world.store.epoch());
    let new = message(ann, "ann", "after", "after");
    assert!(
        !again.store.publish(new).await.unwrap().dup,
        "it was not stored"
    );
}

#[tokio::test]
async fn o04_a_database_of_an_older_version_learns_where_it_is_and_keeps_its_life() {
    let Some((postgres, before)) = lived("store restored older").await else {
        return;
    };
    postgres
        .sql("DELETE FROM meta WHERE key LIKE 'origin%'")
        .await;
    assert_eq!(life(&postgres.url()).await, before);
    let parts = "SELECT count(*) FROM meta WHERE key LIKE 'origin%'";
    assert_eq!(postgres.sql(parts).await, "4");
}

#[tokio::test]
async fn o04_a_user_who_may_not_ask_where_the_server_is_opens_the_same_life() {
    let Some((postgres, before)) = lived("store restored rights").await else {
        return;
    };
    postgres
        .sql(
            "CREATE ROLE guest LOGIN PASSWORD 'guest'; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest; \
             REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC; \
             REVOKE EXECUTE ON FUNCTION pg_current_wal_lsn() FROM PUBLIC",
        )
        .await;
    let guest = format!("postgres://guest:guest@{}/chat", postgres.address());
    assert_eq!(life(&guest).await, before);
    assert_eq!(life(&postgres.url()).await, before);
    postgres.sql("CREATE DATABASE copy TEMPLATE chat").await;
    assert_ne!(life(&guest.replace("/chat", "/copy")).await, before);
}

#[tokio::test]
async fn o05_a_database_that_is_brought_up_to_date_beside_a_busy_node_keeps_its_life() {
    let Some((postgres, before)) = lived("store restored busy").await else {
        return;
    };
    let busy = World::at(&postgres.url()).await;
    let ben = busy.person("ben").await;
    // Who opens takes a number at once, as a migration does, and then waits while others go on.
    postgres
        .sql(
            "ALTER TABLE meta RENAME TO meta_kept; \
             CREATE FUNCTION number() RETURNS bool LANGUAGE plpgsql AS \
             'BEGIN PERFORM pg_current_xact_id(), pg_advisory_xact_lock(7); RETURN true; END'; \
             CREATE VIEW meta AS SELECT key, value FROM meta_kept WHERE number()",
        )
        .await;
    let holding = by_hand(&postgres).await;
    let lock = "SELECT pg_advisory_lock(7)";
    holding.execute(lock, &[]).await.unwrap();
    let opening = {
        let url = postgres.url();
        tokio::spawn(async move { life(&url).await })
    };
    chat_tests::eventually("who opens waits", async || {
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
        let waiting: i64 = holding.query_one(waiting, &[]).await.unwrap().get(0);
        (waiting == 1).then_some(())
    })
    .await;
    busy.said(ben, "ben", "meanwhile").await;
    let release = "SELECT pg_advisory_unlock(7)";
    holding.execute(release, &[]).await.unwrap();
    assert_eq!(opening.await.unwrap(), before);
}

#[tokio::test]
async fn o04_a_database_of_another_server_begins_a_new_life_and_its_feed_goes_on() {
    let Some(postgres) = start_postgres("store opening restored").await else {
        return;
    };
    let world = World::at(&postgres.url()).await;
    let ann = world.person("ann").await;
    for _ in 0..5 {
        world.said(ann, "ann", "hi").await;
    }
    world.store.close().await;
    // As a dump of a server that ran longer: its transactions have numbers that are still to come here.
    postgres.sql("UPDATE log SET txn = txn + 1000000000").await;
    let restored = World::at(&postgres.url()).await;
    assert_ne!(restored.store.epoch(), world.store.epoch());
    let before = restored.store.last_place().await.unwrap();
    assert_eq!(before.transaction, 0);
    let new = message(ann, "ann", "after", "after");
    restored.store.publish(new).await.unwrap();
    restored.settled().await;
    let feed = restored.store.since(Place::default(), 99).await.unwrap();
    let revs: Vec<u64> = feed.iter().map(|told| told.change.rev.0).collect();
    assert_eq!(revs, [1, 2, 3, 4, 5, 6]);
    assert!(feed[5].change.place > before);
    let again = life(&postgres.url()).await;
    assert_eq!(again, restored.store.epoch(), "once");
}
