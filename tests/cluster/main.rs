//! Several nodes on one database and one bus, and the servers of others that a test starts for them.
//!
//! What is slow by its nature (a lease that runs out) runs where `CHAT_TESTS_SLOW` is set.

mod away;
mod bus;
mod crowds;
mod messages;
#[cfg(feature = "mutants")]
mod mutants;
mod options;
mod others;
mod presence;
mod replaced;
mod sessions;
mod world;
