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

use anyhow::Context;

use crate::options::Options;
use crate::report::Report;
use crate::target::{Kind, Target};

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
    for workload in workloads::ALL {
        if !options.wants(workload.name()) {
            continue;
        }
        for round in 1..=options.rounds_of(workload) {
            for target in &mut targets {
                eprintln!("{workload}, round {round}: {}", target.kind());
                workload
                    .run(target, options, &mut report)
                    .await
                    .with_context(|| format!("{workload} against the {}", target.kind()))?;
            }
        }
    }
    print!("{report}");
    Ok(())
}

/// Five thousand connections are as many open files, on both sides; a child inherits the limit.
fn raise_file_limit() -> anyhow::Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(())
}
