//! How the engine with a server opens: by several nodes at once, and with a sentence where it cannot.

use std::sync::Arc;

use chat_server::store::postgres::PostgresStore;
use chat_server::store::{OpenError, Store};
use chat_tests::postgres::Postgres;
use tokio::task::JoinSet;

use crate::world::{Heard, World, start_postgres};

async fn open(url: &str) -> Result<Arc<PostgresStore>, OpenError> {
    PostgresStore::open(url, Arc::new(Heard::default())).await
}

/// Why it cannot be opened; the sentence does not tell the password.
async fn refusal(postgres: &Postgres, url: &str) -> OpenError {
    let refused = open(url).await.err().unwrap();
    let said = format!("{refused} {refused:?}");
    assert!(!said.contains(postgres.password()), "{said}");
    assert!(!said.contains("wrong-password"), "{said}");
    refused
}

#[tokio::test]
async fn o05_nodes_that_open_an_empty_database_at_once_make_it_once() {
    let Some(postgres) = start_postgres("store opening at once").await else {
        return;
    };
    let mut opening = JoinSet::new();
    for _ in 0..6 {
        let url = postgres.url();
        opening.spawn(async move { open(&url).await.unwrap().epoch() });
    }
    let epochs = opening.join_all().await;
    assert!(epochs.iter().all(|epoch| *epoch == epochs[0]), "{epochs:?}");
    assert_eq!(open(&postgres.url()).await.unwrap().epoch(), epochs[0]);
}

#[tokio::test]
async fn o05_a_newer_database_is_refused_with_a_sentence() {
    let Some(postgres) = start_postgres("store opening newer").await else {
        return;
    };
    open(&postgres.url()).await.unwrap().close().await;
    postgres
        .sql("UPDATE meta SET value = '99' WHERE key = 'version'")
        .await;
    let newer = refusal(&postgres, &postgres.url()).await;
    assert!(
        matches!(newer, OpenError::Newer { found: 99, .. }),
        "{newer}"
    );
}

#[tokio::test]
async fn o01_a_database_that_cannot_be_used_is_refused_with_a_sentence() {
    let Some(mut postgres) = start_postgres("store opening refused").await else {
        return;
    };
    let (url, address) = (postgres.url(), postgres.address());
    let other = |database: &str| format!("{}/{database}", url.rsplit_once('/').unwrap().0);
    let wrong = url.replace(postgres.password(), "wrong-password");
    let credentials = refusal(&postgres, &wrong).await;
    assert!(
        matches!(credentials, OpenError::Credentials { .. }),
        "{credentials}"
    );
    let none = format!("postgres://chat@{address}/chat");
    let credentials = refusal(&postgres, &none).await;
    assert!(
        matches!(credentials, OpenError::Credentials { .. }),
        "{credentials}"
    );
    let missing = refusal(&postgres, &other("nowhere")).await;
    assert!(matches!(missing, OpenError::NoDatabase { .. }), "{missing}");
    assert!(missing.to_string().contains("nowhere"), "{missing}");

    postgres
        .sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
        .await;
    let encoding = refusal(&postgres, &other("latin")).await;
    assert!(matches!(encoding, OpenError::Encoding(_)), "{encoding}");

    postgres
        .sql("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        .await;
    let guest = format!("postgres://guest:guest@{address}/chat");
    let rights = refusal(&postgres, &guest).await;
    assert!(matches!(rights, OpenError::Rights(_)), "{rights}");

    let no_tls = refusal(&postgres, &format!("{url}?sslmode=require")).await;
    assert!(matches!(no_tls, OpenError::Unreachable { .. }), "{no_tls}");

    postgres.kill9();
    let away = refusal(&postgres, &url).await;
    assert!(matches!(away, OpenError::Unreachable { .. }), "{away}");
    assert!(away.to_string().contains(&address.to_string()), "{away}");
}

#[tokio::test]
async fn o01_a_prepared_database_needs_no_right_to_make_tables() {
    let Some(postgres) = start_postgres("store opening rights").await else {
        return;
    };
    open(&postgres.url()).await.unwrap().close().await;
    postgres
        .sql(
            "CREATE ROLE guest LOGIN PASSWORD 'guest'; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest",
        )
        .await;
    let guest = format!("postgres://guest:guest@{}/chat", postgres.address());
    let world = World::at(&guest).await;
    let ann = world.person("ann").await;
    world.said(ann, "ann", "hi").await;
}

#[tokio::test]
async fn o01_a_user_who_may_only_read_is_refused_with_a_sentence() {
    let Some(postgres) = start_postgres("store opening reader").await else {
        return;
    };
    open(&postgres.url()).await.unwrap().close().await;
    postgres
        .sql(
            "CREATE ROLE guest LOGIN PASSWORD 'guest'; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest; \
             REVOKE INSERT ON log FROM guest; REVOKE DELETE ON tickets FROM guest; \
             CREATE TABLE of_somebody_else (id bigint)",
        )
        .await;
    let guest = format!("postgres://guest:guest@{}/chat", postgres.address());
    let refused = refusal(&postgres, &guest).await;
    assert_eq!(
        refused.to_string(),
        "the database user lacks a right: user 'guest' needs SELECT, INSERT, UPDATE and DELETE on log, tickets"
    );
}
