//! The workloads of the chat, driven over its wire against the real server and against a bare relay, in the same run.
//!
//! `cargo bench -p chat-tests --bench workloads -- [--quick] [--rounds N] [--only w1,w2,w3,w4] [--relay-only]`
//!
//! The server is the program that `CHAT_BENCH_SERVER` names, else `target/release/chat-server`. The figure that
//! stays comparable between machines is the server's CPU for a delivery, as a ratio to the relay's.

mod clock;
mod load;
mod options;
mod process;
mod relay;
mod report;
mod target;
mod workloads;

use std::time::Duration;

use anyhow::{Context, ensure};

use crate::options::Options;
use crate::report::Report;
use crate::target::{Kind, Target};

/// How long one round may take, with the accounts that are made for it.
const ROUND_MAX: Duration = Duration::from_secs(300);

fn main() -> anyhow::Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    if options.relay {
        return relay::main();
    }
    raise_file_limit()?;
    // One thread: the load shares the cores with what it measures.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(&options))
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let mut targets = vec![Target::start(Kind::Relay, options).await?];
    if !options.relay_only {
        targets.push(Target::start(Kind::Server, options).await?);
    }
    let mut report = Report::default();
    let mut failures = 0;
    for workload in workloads::ALL {
        if !options.wants(workload.name()) {
            continue;
        }
        for round in 1..=options.rounds_of(workload) {
            for target in &mut targets {
                eprintln!("{workload}, round {round}: {}", target.kind());
                let run = Box::pin(workload.run(target, options, &mut report));
                let ended = tokio::time::timeout(ROUND_MAX, run).await;
                // The figures of the others are worth having all the same.
                if let Err(error) = ended.context("took too long").flatten() {
                    eprintln!("{workload} failed: {error:#}");
                    failures += 1;
                }
            }
        }
    }
    print!("{report}");
    ensure!(failures == 0, "{failures} rounds failed");
    Ok(())
}

/// Five thousand connections are as many open files, on both sides; a child inherits the limit.
fn raise_file_limit() -> anyhow::Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(())
}
