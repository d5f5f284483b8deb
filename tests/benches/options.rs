//! What was asked for on the command line, and the sizes that follow from it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::workloads::Workload;

/// What to measure, and how much of it.
#[derive(Debug)]
pub(crate) struct Options {
    /// Small numbers, to see that everything works.
    pub(crate) quick: bool,
    /// Be the relay, and measure nothing.
    pub(crate) relay: bool,
    /// Measure the relay only.
    pub(crate) relay_only: bool,
    /// Leave out the nodes.
    pub(crate) no_nodes: bool,
    rounds: Option<usize>,
    only: Vec<String>,
    /// The program to measure.
    pub(crate) server: PathBuf,
}

impl Options {
    /// Reads the arguments behind the program's name.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/chat-server");
        let server = std::env::var_os("CHAT_BENCH_SERVER").map_or(built.into(), PathBuf::from);
        let mut options = Self {
            quick: false,
            relay: false,
            relay_only: false,
            no_nodes: false,
            rounds: None,
            only: Vec::new(),
            server,
        };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--relay" => options.relay = true,
                "--relay-only" => options.relay_only = true,
                "--no-nodes" => options.no_nodes = true,
                "--rounds" => options.rounds = Some(value(&mut arguments)?.parse()?),
                "--only" => {
                    options.only = value(&mut arguments)?
                        .split(',')
                        .map(str::to_owned)
                        .collect();
                }
                // Cargo says it to every bench.
                "--bench" => {}
                other => bail!("unknown argument {other}"),
            }
        }
        Ok(options)
    }

    /// Whether a workload is among those asked for; without any, all are.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// How often a workload is repeated; its median counts.
    pub(crate) fn rounds_of(&self, workload: Workload) -> usize {
        let usual = match (workload, self.quick) {
            // A minute of idling says as much as three.
            (Workload::Idle, _) | (_, true) => 1,
            (_, false) => 5,
        };
        self.rounds.unwrap_or(usual)
    }

    /// How long a closed loop is measured.
    pub(crate) fn measured(&self) -> Duration {
        Duration::from_millis(self.pick(5_000, 1_500))
    }

    /// One of two numbers, by whether it is to be quick.
    pub(crate) fn pick<T>(&self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }
}

fn value(arguments: &mut impl Iterator<Item = String>) -> anyhow::Result<String> {
    arguments
        .next()
        .context("the last argument lacks its value")
}
