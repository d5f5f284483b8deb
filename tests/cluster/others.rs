//! The servers of others: they come up at once, die as they are told, and leave nothing behind.

use chat_tests::{Postgres, skip};
use nix::sys::signal::Signal;

/// A PostgreSQL, or a word on why there is none.
async fn postgres(test: &str) -> Option<Postgres> {
    let postgres = Postgres::start().await;
    if postgres.is_none() {
        skip(test, "PostgreSQL is missing");
    }
    postgres
}

#[tokio::test]
async fn a_postgresql_is_killed_and_comes_back_with_what_was_committed() {
    let Some(mut postgres) = postgres("PostgreSQL, killed").await else {
        return;
    };
    postgres.sql("CREATE TABLE t (n int)").await;
    postgres.sql("INSERT INTO t VALUES (7)").await;
    postgres.kill9();
    postgres.restart().await;
    assert_eq!(postgres.sql("SELECT n FROM t").await, "7");
    postgres.stop_immediate().await;
    postgres.restart().await;
    assert_eq!(postgres.sql("SELECT n FROM t").await, "7");
    let url = postgres.database("second").await;
    assert!(url.ends_with("/second"), "{url}");
}

#[tokio::test]
async fn a_postgresql_that_stands_still_goes_on() {
    let Some(postgres) = postgres("PostgreSQL, frozen").await else {
        return;
    };
    postgres.signal(Signal::SIGSTOP);
    let mut answer = Box::pin(postgres.sql("SELECT 1"));
    let pause = std::time::Duration::from_millis(300);
    assert!(tokio::time::timeout(pause, &mut answer).await.is_err());
    postgres.signal(Signal::SIGCONT);
    assert_eq!(answer.await, "1");
}

#[tokio::test]
async fn a_postgresql_of_another_test_is_another_one() {
    let (Some(one), Some(other)) = (
        postgres("PostgreSQL, twice").await,
        postgres("PostgreSQL, twice").await,
    ) else {
        return;
    };
    one.sql("CREATE TABLE t (n int)").await;
    assert_eq!(other.sql("SELECT to_regclass('t') IS NULL").await, "t");
}
