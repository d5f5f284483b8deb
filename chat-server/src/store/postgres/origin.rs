//! Where the data was born: what tells a database that was restored, copied or promoted from the one that it was.
//!
//! A client trusts its numbers as long as the store has the same life. A database that comes back from a dump, from a
//! point in time or as a standby that was behind has lost numbers that clients have seen, and will give them again. What
//! cannot be told from inside are files that were put back as they were at some time; the operator does that.

use futures_util::future::join_all;
use tokio_postgres::{Client, Error, Transaction};

/// What is kept of the origin: under which key, and how it is asked for. A dump makes the table anew, a copy the
/// database, another server has another name in its files, and recovery and promotion begin a timeline. The timeline is
/// that of the log as it is written: the one of the last checkpoint is late. Who makes the table anew in a migration
/// forgets its part.
const PARTS: [(&str, &str); 4] = [
    (
        "origin_server",
        "SELECT system_identifier::text FROM pg_control_system()",
    ),
    (
        "origin_timeline",
        "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)",
    ),
    (
        "origin_database",
        "SELECT oid::text FROM pg_database WHERE datname = current_database()",
    ),
    ("origin_log", "SELECT 'log'::regclass::oid::text"),
];

/// Where the data is, as far as the server tells this user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin(Vec<Option<String>>);

impl Origin {
    /// As a connection finds it that is in no transaction; nothing on a standby. The table is left out: a migration of a
    /// node that is newer may make it anew below one that is not.
    pub(super) async fn of(client: &Client) -> Option<Self> {
        let standby = client.query_one("SELECT pg_is_in_recovery()", &[]).await;
        if !standby.is_ok_and(|row| row.get::<_, bool>(0).eq(&false)) {
            return None;
        }
        let asked = PARTS[..PARTS.len() - 1]
            .iter()
            .map(|(_, sql)| client.query_one(*sql, &[]));
        let told = |row: Result<tokio_postgres::Row, Error>| row.ok().and_then(|row| row.get(0));
        Some(Self(join_all(asked).await.into_iter().map(told).collect()))
    }

    /// Whether the data that is found now is not what it was. What is not told tells nothing.
    pub(super) fn differs(&self, now: &Self) -> bool {
        let mut parts = self.0.iter().zip(&now.0);
        parts.any(|(before, now)| before.is_some() && now.is_some() && before != now)
    }
}

/// Where the data is, and whether it was brought there from elsewhere since it was last asked. The first time it was not.
pub(super) async fn kept(t: &mut Transaction<'_>) -> Result<(Origin, bool), Error> {
    const KNOWN: &str = "SELECT value FROM meta WHERE key = $1";
    const KEEP: &str = "INSERT INTO meta (key, value) VALUES ($1, $2) \
        ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    let (mut origin, mut moved) = (Vec::new(), false);
    for (key, sql) in PARTS {
        let found = told(t, sql).await?;
        origin.push(found.clone());
        let Some(found) = found else { continue };
        let known = t.query_opt(KNOWN, &[&key]).await?;
        let known: Option<String> = known.map(|row| row.get(0));
        if known.as_ref() != Some(&found) {
            t.execute(KEEP, &[&key, &found]).await?;
            moved |= known.is_some();
        }
    }
    Ok((Origin(origin), moved))
}

/// One part. What this user may not ask, or a server that only looks like PostgreSQL does not know, is left out.
async fn told(t: &mut Transaction<'_>, sql: &str) -> Result<Option<String>, Error> {
    let attempt = t.transaction().await?;
    let told = attempt.query_one(sql, &[]).await;
    match told {
        Ok(row) => {
            attempt.commit().await?;
            Ok(row.get(0))
        }
        Err(error) => {
            // Fails where the connection is gone, and that is told.
            attempt.rollback().await?;
            tracing::debug!(%error, "the server does not tell all of where it is");
            Ok(None)
        }
    }
}
