//! The workloads: pairs, groups, idle connections, catch-up, and what it is to be several nodes.

mod catch_up;
mod groups;
mod idle;
mod pairs;
mod script;

use std::fmt;
use std::time::Duration;

use crate::load::Outcome;
use crate::options::Options;
use crate::report::Report;
use crate::target::{Kind, Target};

/// How long notices of arrivals may take to pass before anything is measured.
pub(crate) const SETTLE: Duration = Duration::from_secs(2);
/// What is asked of a target, in its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// Pairs; each sender has this many outstanding.
    OneToOne(usize),
    /// A group; this many senders with this many outstanding each.
    FanOut(usize, usize),
    /// Connections that do nothing.
    Idle,
    /// One user who was away.
    CatchUp,
    /// A script that sends one message and ends, beside `curl` sending the same.
    Script,
    /// Pairs on one node beside pairs on two.
    CrossNode,
    /// Pairs alone, and beside a group that is written to.
    HotGroup,
}

/// Idle first, on fresh memory; groups last, as their members tell each other of their arrivals.
pub(crate) const ALL: [Workload; 9] = [
    Workload::Idle,
    Workload::OneToOne(1),
    Workload::OneToOne(32),
    Workload::CatchUp,
    Workload::Script,
    Workload::CrossNode,
    Workload::FanOut(1, 1),
    Workload::FanOut(4, 4),
    Workload::HotGroup,
];

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneToOne(outstanding) => write!(f, "W1 one to one, {outstanding} outstanding"),
            Self::FanOut(senders, outstanding) => {
                write!(f, "W2 fan-out, {senders} x {outstanding}")
            }
            Self::Idle => write!(f, "W3 idle"),
            Self::CatchUp => write!(f, "W4 catch-up"),
            Self::Script => write!(f, "k10 a send by script"),
            Self::CrossNode => write!(f, "n1 cross-node"),
            Self::HotGroup => write!(f, "n2 hot group"),
        }
    }
}

impl Workload {
    /// The word for the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneToOne(_) => "w1",
            Self::FanOut(..) => "w2",
            Self::Idle => "w3",
            Self::CatchUp => "w4",
            Self::Script => "k10",
            Self::CrossNode => "n1",
            Self::HotGroup => "n2",
        }
    }

    /// Whether it says something about this target.
    pub(crate) fn is_for(self, kind: Kind) -> bool {
        match self {
            Self::OneToOne(_) | Self::FanOut(..) => true,
            Self::Idle => kind != Kind::Nodes,
            // The relay keeps nothing that one could catch up with, and what a group does to others says little of it.
            Self::CatchUp | Self::HotGroup => kind != Kind::Relay,
            Self::Script => kind == Kind::Server,
            Self::CrossNode => kind == Kind::Nodes,
        }
    }

    /// Times the relay that the server is to reach in CPU for a delivery.
    fn ratio_to_reach(self) -> Option<f64> {
        match self {
            Self::OneToOne(1) => Some(2.0),
            Self::OneToOne(_) => Some(1.7),
            Self::FanOut(..) => Some(1.3),
            _ => None,
        }
    }

    /// Runs it once and notes its figures.
    pub(crate) async fn run(
        self,
        target: &mut Target,
        options: &Options,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        match self {
            Self::OneToOne(outstanding) => {
                let outcome = pairs::one_to_one(target, outstanding, options).await?;
                self.note(target.kind(), &outcome, report);
            }
            Self::FanOut(senders, outstanding) => {
                let (outcome, sayings) =
                    groups::fan_out(target, senders, outstanding, options).await?;
                self.note(target.kind(), &outcome, report);
                if let Some(sayings) = sayings {
                    sayings.note(self, report);
                }
            }
            Self::Idle => idle::idle(target, options, report).await?,
            Self::CatchUp => catch_up::catch_up(target, options, report).await?,
            Self::Script => {
                script::k10_a_send_takes_no_longer_than_curls(target, options, report).await?;
            }
            Self::CrossNode => pairs::cross_node(target, options, report).await?,
            Self::HotGroup => groups::hot_group(target, options, report).await?,
        }
        Ok(())
    }

    fn note(self, kind: Kind, outcome: &Outcome, report: &mut Report) {
        let cpu = format!("{self}: CPU us a delivery");
        report.note(&cpu, kind, outcome.us_each(outcome.cpu.own));
        if let Some(ratio) = self.ratio_to_reach() {
            report.goal(&cpu, format!("{ratio} times"));
        }
        if kind == Kind::Nodes {
            report.goal(&cpu, "nodes 3 times the server");
            let spent = outcome.cpu;
            for (who, time) in [("PostgreSQL", spent.postgres), ("NATS", spent.nats)] {
                report.note(&format!("{cpu}, {who}"), kind, outcome.us_each(time));
            }
        }
        let mut figure = |what: &str, value| report.note(&format!("{self}: {what}"), kind, value);
        figure("p50 ms", outcome.quantile_ms(0.50));
        figure("p99 ms", outcome.quantile_ms(0.99));
        figure("deliveries a second", outcome.rate());
    }
}
