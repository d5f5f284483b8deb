//! What several nodes stand on: a PostgreSQL that writes through to the disk, and a NATS, both of this run alone.

use chat_tests::{Nats, Postgres};

/// A database and a bus.
pub(crate) struct Ground {
    postgres: Postgres,
    nats: Nats,
}

impl Ground {
    /// Starts both; nothing where one of them is not installed.
    pub(crate) async fn start() -> Option<Self> {
        // As it comes from the box, where the tests' own are small.
        let postgres = Postgres::setup().durable().set("shared_buffers", "128MB");
        Some(Self {
            postgres: postgres.start().await?,
            nats: Nats::start().await?,
        })
    }

    /// The arguments of a node that stands on it.
    pub(crate) fn args(&self) -> [String; 4] {
        let (database, bus) = (self.postgres.url(), self.nats.url());
        ["--database".to_owned(), database, "--bus".to_owned(), bus]
    }
}
