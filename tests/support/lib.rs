//! The chat as its users meet it: real processes, real sockets, and the words to speak of them in a test.
//!
//! Nothing in here sleeps: one waits for an event with a deadline, or for a barrier ([`TestClient::roundtrip`]).

pub mod balancer;
pub mod checker;
pub mod cli;
pub mod client;
pub mod cluster;
mod daemon;
pub mod dial;
pub mod http;
pub mod keys;
pub mod lossy;
pub mod mutants;
pub mod nats;
pub mod node;
pub mod person;
pub mod port;
pub mod postgres;
pub mod proxy;
pub mod pty;
pub mod receiver;
pub mod recorder;
pub mod redis;
pub mod server;

pub use balancer::Balancer;
pub use cli::Cli;
pub use client::TestClient;
pub use cluster::Cluster;
pub use dial::Dial;
pub use http::{Answer, Call};
pub use lossy::Lossy;
pub use nats::Nats;
pub use node::Node;
pub use person::Person;
pub use postgres::Postgres;
pub use proxy::Proxy;
pub use pty::Pty;
pub use redis::Redis;
pub use server::{TestServer, about_one_process};

use std::future::Future;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for what must happen, and says what did not.
///
/// # Panics
/// When it did not happen within [`PATIENCE`].
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {} s", PATIENCE.as_secs()),
    }
}

/// Asks again and again until `ask` gives something, for what no event tells: the other end of a wire, a file.
///
/// # Panics
/// When it gave nothing within [`PATIENCE`].
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    soon(what, async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        loop {
            pause.tick().await;
            if let Some(value) = ask().await {
                return value;
            }
        }
    })
    .await
}

/// A program of this project, built beside the test that runs.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.ancestors().find(|folder| folder.join(name).is_file());
    match folder {
        Some(folder) => folder.join(name),
        None => panic!(
            "the program {name} is not built beside {}: run `cargo build` first",
            test.display()
        ),
    }
}

/// Says aloud that a test proves nothing on this machine, and why.
pub fn skip(test: &str, why: &str) {
    eprintln!("skipped {test}: {why}");
    note("CHAT_TESTS_SKIPPED", &format!("{test}: {why}"));
}

/// Adds a line to the list that a variable names, where it does.
fn note(list: &str, line: &str) {
    if let Some(list) = std::env::var_os(list) {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(list);
        let said = file.and_then(|mut file| writeln!(file, "{line}"));
        said.expect("the list can be written");
    }
}
