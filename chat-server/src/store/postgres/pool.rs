//! Connections to the server: few, opened when they are needed, and thrown away when a call was left in its middle.

use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, PoolError, RecyclingMethod,
    Runtime, TimeoutType,
};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};
use tokio_util::sync::CancellationToken;

use super::fault::{Fault, Outcome};
use super::origin::Origin;
use super::target::Target;
use crate::mutant::mutant;
use crate::store::queue::{closed, unavailable};
use crate::store::{OpenError, StoreError};

/// How long a call waits for a connection that others have.
const WAIT: Duration = Duration::from_secs(5);
/// How long a new connection may take.
const CREATE: Duration = Duration::from_secs(3);
/// How long it may take to look whether an old one is good.
const RECYCLE: Duration = Duration::from_secs(2);

/// What stands for the `$n` of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Some connections.
pub(super) struct Pool {
    pool: deadpool_postgres::Pool,
}

impl Pool {
    /// None yet. Each is to find the data at `origin`; one that does not ends the life of the store.
    pub(super) fn new(
        target: &Target,
        size: usize,
        origin: &Origin,
        over: &CancellationToken,
    ) -> Result<Self, OpenError> {
        // Fast: a connection is good that its driver has not seen end. To ask the server each time costs a round trip.
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_config(target.config.clone(), target.tls.clone(), recycling);
        let pool = deadpool_postgres::Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(CREATE))
            .recycle_timeout(Some(RECYCLE))
            .post_create(looking_around(origin.clone(), over.clone()))
            .build();
        let pool = pool.map_err(|error| OpenError::Unprepared {
            server: target.server.clone(),
            reason: error.to_string(),
        })?;
        Ok(Self { pool })
    }

    pub(super) async fn connection(&self) -> Outcome<Connection> {
        let object = self.pool.get().await.map_err(no_connection)?;
        Ok(Connection {
            object: Some(object),
        })
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }
}

/// A server that failed over, or was recovered, sends everybody away, so it is a new connection that finds it.
fn looking_around(origin: Origin, over: CancellationToken) -> Hook {
    Hook::async_fn(move |client: &mut ClientWrapper, _| {
        let (origin, over) = (origin.clone(), over.clone());
        Box::pin(async move {
            let found = tokio::time::timeout(CREATE, Origin::of(client)).await;
            let found = found.map_err(|_| HookError::message("no answer in time"))?;
            // It may be promoted below the connection, and does not tell its timeline before.
            let found = found.ok_or(HookError::message("it is a standby"))?;
            if origin.differs(&found) && !mutant("nobody_looks_around") {
                over.cancel();
                return Err(HookError::message("it is not the database that it was"));
            }
            Ok(())
        })
    })
}

fn no_connection(error: PoolError) -> Fault {
    match error {
        PoolError::Backend(error) => Fault::from(error),
        PoolError::Closed => closed().into(),
        PoolError::Timeout(TimeoutType::Wait) => {
            unavailable("all its connections are in use").into()
        }
        PoolError::Timeout(_) => unavailable("no connection to it in time").into(),
        PoolError::PostCreateHook(why) => unavailable(&why.to_string()).into(),
        other => StoreError::Unavailable(other.to_string()).into(),
    }
}

/// A connection for the time of one call. Dropped before it is given back it is closed: a statement may be running on
/// it, or a transaction be open, and neither is for the next who comes.
pub(super) struct Connection {
    /// There until its end.
    object: Option<Object>,
}

impl Connection {
    /// Others may have it.
    pub(super) fn give_back(mut self) {
        drop(self.object.take());
    }

    /// Gives it back after this outcome, or closes it if that leaves it in doubt.
    pub(super) fn after<T>(self, outcome: Outcome<T>) -> Outcome<T> {
        if outcome
            .as_ref()
            .err()
            .is_none_or(Fault::leaves_the_connection)
        {
            self.give_back();
        }
        outcome
    }

    pub(super) fn client(&self) -> &ClientWrapper {
        match &self.object {
            Some(object) => object,
            None => unreachable!("it is taken only where the connection ends"),
        }
    }

    /// Prepares a statement, once on each connection. What is pipelined is prepared before, so that its order holds.
    pub(super) async fn prepare(&self, sql: &str) -> Outcome<Statement> {
        Ok(self.client().prepare_cached(sql).await?)
    }

    pub(super) async fn rows(&self, sql: &str, params: Params<'_>) -> Outcome<Vec<Row>> {
        let statement = self.prepare(sql).await?;
        Ok(self.client().query(&statement, params).await?)
    }

    pub(super) async fn row(&self, sql: &str, params: Params<'_>) -> Outcome<Option<Row>> {
        let statement = self.prepare(sql).await?;
        Ok(self.client().query_opt(&statement, params).await?)
    }

    /// The one row that there always is.
    pub(super) async fn one(&self, sql: &str, params: Params<'_>) -> Outcome<Row> {
        let row = self.row(sql, params).await?;
        row.ok_or_else(|| Fault::internal("a row is missing"))
    }

    /// How many rows it changed.
    pub(super) async fn execute(&self, sql: &str, params: Params<'_>) -> Outcome<u64> {
        let statement = self.prepare(sql).await?;
        Ok(self.client().execute(&statement, params).await?)
    }

    /// A statement without parameters and rows.
    pub(super) async fn command(&self, sql: &str) -> Outcome<()> {
        Ok(self.client().batch_execute(sql).await?)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}
