//! The workloads of the chat, driven over its wire against a bare relay, the real server, and two nodes of it on one
//! PostgreSQL and one NATS, in the same run.
//!
//! `cargo bench -p chat-tests --bench workloads -- [--quick] [--rounds N] [--only w1,w2,w3,w4,k10,n1,n2] [--relay-only]
//! [--no-nodes]`
//!
//! The server is the program that `CHAT_BENCH_SERVER` names, else `target/release/chat-server`. The figure that
//! stays comparable between machines is the server's CPU for a delivery, as a ratio to the relay's; that of the nodes is
//! the sum of their processes, as a ratio to the server's, and what PostgreSQL and NATS took stands beside it. Without
//! PostgreSQL or NATS on the machine the nodes are left out, as with `--no-nodes`.

mod clock;
mod crowd;
mod ground;
mod load;
mod options;
mod process;
mod relay;
mod report;
mod socket;
mod stat;
mod target;
mod workloads;

use std::time::Duration;

use anyhow::{Context, ensure};

use crate::options::Options;
use crate::report::Report;
use crate::target::Target;

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
    let mut targets = targets(options).await?;
    let mut report = Report::default();
    let mut failures = 0;
    for workload in workloads::ALL {
        if !options.wants(workload.name()) {
            continue;
        }
        for round in 1..=options.rounds_of(workload) {
            let measured = |target: &&mut Target| workload.is_for(target.kind());
            for target in targets.iter_mut().filter(measured) {
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

async fn targets(options: &Options) -> anyhow::Result<Vec<Target>> {
    let mut targets = vec![Target::relay()?];
    if options.relay_only {
        return Ok(targets);
    }
    targets.push(Target::server(options)?);
    if !options.no_nodes {
        match Target::nodes(options).await? {
            Some(nodes) => targets.push(nodes),
            None => eprintln!("the nodes are left out: PostgreSQL or NATS is not installed"),
        }
    }
    Ok(targets)
}

/// Five thousand connections are as many open files, on both sides; a child inherits the limit.
fn raise_file_limit() -> anyhow::Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(())
}
