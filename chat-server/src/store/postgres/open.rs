//! Opens the database: is it one that we can use, is its schema ours and up to date, and which life of the store is it.
//!
//! Several nodes may do so at the same moment. All that is changed here is changed in one transaction under one lock.

use std::time::Duration;

use chat_proto::{Epoch, Time};
use tokio_postgres::{Client, Error, Transaction};

use super::fault::sentence;
use super::origin::{self, Origin};
use super::target::Target;
use crate::clock::{Clock, SystemClock};
use crate::store::OpenError;

/// From version n to n + 1 leads the n-th file.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001.sql")];
/// The lock under which one node prepares the database.
const ADVISORY_LOCK: i64 = 0x6368_6174_6f70_656e;
/// How long another node may take to prepare it.
const PREPARE_WAIT: &str = "120s";
/// How long it may take to connect.
const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// The oldest version of the server: the first whose transactions have a number that does not wrap around.
const SERVER_MIN: u32 = 13;
/// Clocks that differ by more are worth a warning: tokens and tickets end by them.
const CLOCKS_APART_US: i64 = 2_000_000;

/// What a store is that was prepared.
pub(super) struct Prepared {
    /// Its life.
    pub(super) epoch: Epoch,
    /// Where its data is.
    pub(super) origin: Origin,
    /// When its latest message was sent.
    pub(super) latest: Time,
}

/// Prepares the database.
pub(super) async fn prepare(target: &Target) -> Result<Prepared, OpenError> {
    let unreachable = |reason: &str| OpenError::Unreachable {
        server: target.server.clone(),
        reason: reason.to_owned(),
    };
    let connecting = target.config.connect(target.tls.clone());
    let connected = tokio::time::timeout(CONNECT_WAIT, connecting).await;
    let connected = connected.map_err(|_| unreachable("no answer within 10 seconds"))?;
    let (mut client, connection) = connected.map_err(|error| refused(target, &error))?;
    // Ends when the client does; what goes wrong with it is told by the statement at hand.
    let driver = tokio::spawn(async { drop(connection.await) });
    let prepared = prepare_with(&mut client, target).await;
    drop(client);
    let _ = driver.await;
    prepared
}

/// Why it could not be connected, or a statement not be run.
fn refused(target: &Target, error: &Error) -> OpenError {
    let (server, reason) = (target.server.clone(), sentence(error));
    let Some(code) = error.code() else {
        // The driver's own: the server wanted a password, and the URL has none.
        return match reason.contains("password missing") {
            true => OpenError::Credentials { server, reason },
            false => OpenError::Unreachable { server, reason },
        };
    };
    match code.code() {
        code if code.starts_with("28") => OpenError::Credentials { server, reason },
        "3D000" => OpenError::NoDatabase { server, reason },
        "42501" => OpenError::Rights(reason),
        code if ["08", "53", "57"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            OpenError::Unreachable { server, reason }
        }
        _ => OpenError::Unprepared { server, reason },
    }
}

async fn prepare_with(client: &mut Client, target: &Target) -> Result<Prepared, OpenError> {
    let failed = |error: Error| refused(target, &error);
    let said = client
        .query_one(
            "SELECT current_setting('server_version'), current_setting('server_version_num')::bigint, \
             current_setting('server_encoding'), pg_is_in_recovery()",
            &[],
        )
        .await
        .map_err(failed)?;
    let (version, number): (String, i64) = (said.get(0), said.get(1));
    if number < i64::from(SERVER_MIN) * 10_000 {
        return Err(OpenError::TooOld {
            found: version,
            needed: SERVER_MIN,
        });
    }
    let encoding: String = said.get(2);
    if encoding != "UTF8" {
        return Err(OpenError::Encoding(encoding));
    }
    if said.get(3) {
        return Err(OpenError::Standby(target.server.clone()));
    }
    compare_clocks(client).await.map_err(failed)?;
    let mut transaction = client.transaction().await.map_err(failed)?;
    let version = migrate(&transaction).await.map_err(failed)?;
    if version > MIGRATIONS.len() {
        return Err(OpenError::Newer {
            found: i64::try_from(version).unwrap_or(i64::MAX),
            known: MIGRATIONS.len(),
        });
    }
    may_write(&transaction).await.map_err(failed)??;
    let (epoch, origin) = epoch(&mut transaction).await.map_err(failed)?;
    let latest = latest(&transaction).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    Ok(Prepared {
        epoch,
        origin,
        latest,
    })
}

/// What ends by a clock ends by ours or another node's, and the database's stands for the other nodes' here.
async fn compare_clocks(client: &Client) -> Result<(), Error> {
    const SQL: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    let clock = SystemClock::new();
    let before = clock.wall().micros();
    let theirs: i64 = client.query_one(SQL, &[]).await?.get(0);
    let after = clock.wall().micros();
    let apart = (theirs - after).max(before - theirs);
    if apart > CLOCKS_APART_US {
        let seconds = apart / 1_000_000;
        tracing::warn!(
            seconds,
            "the clocks of this machine and of the database server differ: have both set by NTP"
        );
    }
    Ok(())
}

/// Brings the schema up to date, one node at a time, and gives its version. A newer one is left as it is.
async fn migrate(t: &Transaction<'_>) -> Result<usize, Error> {
    // A migration takes as long as it takes.
    t.batch_execute(&format!(
        "SET LOCAL lock_timeout = '{PREPARE_WAIT}'; SET LOCAL statement_timeout = 0; \
         SET LOCAL idle_in_transaction_session_timeout = 0"
    ))
    .await?;
    t.execute("SELECT pg_advisory_xact_lock($1)", &[&ADVISORY_LOCK])
        .await?;
    // Not "IF NOT EXISTS": that needs the right to make tables, which a user of a prepared database may lack.
    let there: bool = t
        .query_one("SELECT to_regclass('meta') IS NOT NULL", &[])
        .await?
        .get(0);
    if !there {
        t.batch_execute(
            "CREATE TABLE meta (key TEXT COLLATE \"C\" PRIMARY KEY, value TEXT NOT NULL)",
        )
        .await?;
    }
    let found = t
        .query_opt("SELECT value FROM meta WHERE key = 'version'", &[])
        .await?;
    let found = found.map_or_else(String::new, |row| row.get(0));
    let version = match found.as_str() {
        "" => 0,
        number => number.parse().unwrap_or(usize::MAX),
    };
    if version >= MIGRATIONS.len() {
        return Ok(version);
    }
    for sql in &MIGRATIONS[version..] {
        t.batch_execute(sql).await?;
    }
    let version = MIGRATIONS.len();
    let sql = "INSERT INTO meta (key, value) VALUES ('version', $1) \
        ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    t.execute(sql, &[&version.to_string()]).await?;
    Ok(version)
}

/// All tables, by what makes them.
fn tables() -> Vec<&'static str> {
    let made = MIGRATIONS
        .iter()
        .flat_map(|sql| sql.split("CREATE TABLE ").skip(1));
    made.filter_map(|rest| rest.split_whitespace().next())
        .chain(["meta"])
        .collect()
}

/// Whether this user may write: who may only read a database that another user prepared would refuse every send.
async fn may_write(t: &Transaction<'_>) -> Result<Result<(), OpenError>, Error> {
    const SQL: &str = "SELECT current_user::text, string_agg(c.relname, ', ' ORDER BY c.relname) \
        FROM pg_class c \
        WHERE c.relkind = 'r' AND c.relname = ANY($1) \
        AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'meta'::regclass) \
        AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') \
            AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))";
    let row = t.query_one(SQL, &[&tables()]).await?;
    let (user, lacking): (String, Option<String>) = (row.get(0), row.get(1));
    Ok(lacking.map_or(Ok(()), |tables| {
        Err(OpenError::Rights(format!(
            "user '{user}' needs SELECT, INSERT, UPDATE and DELETE on {tables}"
        )))
    }))
}

/// The life of the store, and where it is lived. It ends where the data comes from elsewhere: clients read it anew.
async fn epoch(t: &mut Transaction<'_>) -> Result<(Epoch, Origin), Error> {
    let known = t
        .query_opt("SELECT value FROM meta WHERE key = 'epoch'", &[])
        .await?;
    // Both are asked: each puts right what it finds.
    let (origin, moved) = origin::kept(t).await?;
    let ahead = put_before_all(t).await?;
    match known {
        Some(known) if !moved && !ahead => return Ok((Epoch(known.get(0)), origin)),
        Some(_) => tracing::warn!(
            "the database was restored, copied or promoted: clients read everything anew"
        ),
        None => {}
    }
    let epoch = Epoch::generate();
    let sql = "INSERT INTO meta (key, value) VALUES ('epoch', $1), ('proved', '0') \
        ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    t.execute(sql, &[&epoch.as_str()]).await?;
    Ok((epoch, origin))
}

/// Data that was written by another server may have numbers of transactions that are still to come here: a reader of the
/// feed would wait for numbers that it believes to have passed. Then all that is there is put before all that will come,
/// in the order of its ids. What was committed here is below the end of any snapshot, whatever number the transaction at
/// hand has.
async fn put_before_all(t: &Transaction<'_>) -> Result<bool, Error> {
    const SQL: &str = "SELECT coalesce(max(txn), 0) >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint FROM log";
    let ahead: bool = t.query_one(SQL, &[]).await?.get(0);
    if ahead {
        t.execute("UPDATE log SET txn = 0", &[]).await?;
    }
    Ok(ahead)
}

async fn latest(t: &Transaction<'_>) -> Result<Time, Error> {
    const SQL: &str = "SELECT coalesce(max(last_at), 0) FROM conversations";
    Ok(Time::from_micros(t.query_one(SQL, &[]).await?.get(0)))
}
