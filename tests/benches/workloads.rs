//! The four workloads: one to one, fan-out, idle, catch-up.

use std::fmt;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use crate::clock;
use crate::load::{Outcome, Peer, closed_loop};
use crate::options::Options;
use crate::report::Report;
use crate::target::{Kind, Socket, Target, hear, say};

/// How long notices of arrivals may take to pass before anything is measured.
const SETTLE: Duration = Duration::from_secs(2);
/// Connections that one user may have.
const CONNECTIONS_EACH: usize = 16;
/// Messages of a page of history.
const PAGE: usize = 1_000;

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
}

/// Idle first, on fresh memory; groups last, as their members tell each other of their arrivals.
pub(crate) const ALL: [Workload; 7] = [
    Workload::Idle,
    Workload::OneToOne(1),
    Workload::OneToOne(32),
    Workload::CatchUp,
    Workload::Script,
    Workload::FanOut(1, 1),
    Workload::FanOut(4, 4),
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
        }
    }

    /// Times the relay that the server is to reach in CPU for a delivery.
    fn ratio_to_reach(self) -> Option<f64> {
        match self {
            Self::OneToOne(1) => Some(2.0),
            Self::OneToOne(_) => Some(1.7),
            Self::FanOut(..) => Some(1.3),
            Self::Idle | Self::CatchUp | Self::Script => None,
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
                let outcome = one_to_one(target, outstanding, options).await?;
                self.note(target.kind(), &outcome, report);
            }
            Self::FanOut(senders, outstanding) => {
                let outcome = fan_out(target, senders, outstanding, options).await?;
                self.note(target.kind(), &outcome, report);
            }
            Self::Idle => idle(target, options, report).await?,
            // The relay keeps nothing that one could catch up with.
            Self::CatchUp | Self::Script if target.kind() == Kind::Relay => {}
            Self::CatchUp => catch_up(target, options, report).await?,
            Self::Script => k10_a_send_takes_no_longer_than_curls(target, options, report).await?,
        }
        Ok(())
    }

    fn note(self, kind: Kind, outcome: &Outcome, report: &mut Report) {
        let mut figure = |what: &str, value| report.note(&format!("{self}: {what}"), kind, value);
        figure("CPU us a delivery", outcome.cpu_us_each());
        figure("p50 ms", outcome.quantile_ms(0.50));
        figure("p99 ms", outcome.quantile_ms(0.99));
        figure("deliveries a second", outcome.rate());
        if let Some(ratio) = self.ratio_to_reach() {
            report.goal(
                &format!("{self}: CPU us a delivery"),
                format!("{ratio} times"),
            );
        }
    }
}

async fn one_to_one(
    target: &mut Target,
    outstanding: usize,
    options: &Options,
) -> anyhow::Result<Outcome> {
    let users = options.pick(200, 40);
    target.people(users).await?;
    let sockets = target.connect_each(0..users).await?;
    let peers = sockets.into_iter().enumerate().map(|(user, socket)| {
        // The even ones write, each to the odd one beside it.
        let sends = (user % 2 == 0).then(|| (target.name(user + 1).to_owned(), outstanding));
        Peer { socket, sends }
    });
    let peers = peers.collect();
    tokio::time::sleep(SETTLE).await;
    closed_loop(target.process(), peers, options.measured()).await
}

async fn fan_out(
    target: &mut Target,
    senders: usize,
    outstanding: usize,
    options: &Options,
) -> anyhow::Result<Outcome> {
    let members = options.pick(500, 60);
    target.people(members).await?;
    let group = target.group(members).await?;
    let sockets = target.connect_each(0..members).await?;
    let peers = sockets.into_iter().enumerate().map(|(user, socket)| {
        let sends = (user < senders).then(|| (group.clone(), outstanding));
        Peer { socket, sends }
    });
    let peers = peers.collect();
    tokio::time::sleep(2 * SETTLE).await;
    closed_loop(target.process(), peers, options.measured()).await
}

async fn idle(target: &mut Target, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let connections = options.pick(5_000, 400);
    let users = connections / CONNECTIONS_EACH + 1;
    target.people(users).await?;
    target.restart()?;
    let before = target.process().resident_kib()?;
    let sockets = target
        .connect_each((0..connections).map(|n| n % users))
        .await?;
    let mut tasks = JoinSet::new();
    for mut socket in sockets {
        // Reading answers the pings.
        tasks.spawn(async move { while socket.next().await.is_some_and(|frame| frame.is_ok()) {} });
    }
    tokio::time::sleep(2 * SETTLE).await;
    let each = (target.process().resident_kib()? - before) / connections as f64;
    report.note("W3 idle: KiB a connection", target.kind(), each);
    report.goal("W3 idle: KiB a connection", "10".to_owned());

    let span = Duration::from_secs(options.pick(60, 10));
    let cpu = target.process().cpu()?;
    tokio::time::sleep(span).await;
    let cpu = (target.process().cpu()? - cpu).as_secs_f64() * 60.0 / span.as_secs_f64();
    ensure!(
        tasks.try_join_next().is_none(),
        "an idle connection was closed"
    );
    let row = format!("W3 idle: CPU s a minute for {connections}");
    report.note(&row, target.kind(), cpu);
    report.goal(&row, options.pick("0.6", "-").to_owned());
    Ok(())
}

async fn catch_up(
    target: &mut Target,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    target.people(4).await?;
    let messages: usize = options.pick(10_000, 2_000);
    // A conversation of their own for these two; what the rounds before left there stays below `first`.
    let (writer, reader) = (2, 3);
    let first = fill(target, writer, reader, messages).await?;

    let (began, cpu) = (clock::now(), target.process().cpu_of_threads()?);
    let mut socket = target.connect(reader).await?;
    let topic = target.name(writer);
    for page in 0..messages.div_ceil(PAGE) {
        let after = first + (page * PAGE) as u64;
        let ask =
            format!(r#"{{"action":"history","topic":"{topic}","after":{after},"limit":{PAGE}}}"#);
        socket.feed(Message::Text(ask.into())).await?;
    }
    socket.flush().await?;
    let mut found = 0;
    while found < messages {
        let frame = hear(&mut socket).await?;
        if frame.contains(r#""type":"history""#) {
            found += frame.matches(r#""seq":"#).count();
        }
    }
    let took = clock::now() - began;
    let cpu = target.process().cpu_of_threads()?.saturating_sub(cpu);
    for (what, value) in [("ms", took), ("server CPU ms", cpu)] {
        let row = format!("W4 catch-up of {messages}: {what}");
        report.note(&row, target.kind(), value.as_secs_f64() * 1e3);
        report.goal(&row, options.pick("50", "-").to_owned());
    }
    Ok(())
}

/// Stores messages while the reader is away; the number that the first of them follows.
async fn fill(
    target: &Target,
    writer: usize,
    reader: usize,
    messages: usize,
) -> anyhow::Result<u64> {
    let mut socket = target.connect(writer).await?;
    let topic = target.name(reader);
    let run = uuid::Uuid::new_v4().simple().to_string();
    let mut first = None;
    for batch in 0..messages.div_ceil(PAGE) {
        let count = PAGE.min(messages - batch * PAGE);
        for number in 0..count {
            let frame = format!(
                r#"{{"action":"publish","topic":"{topic}","text":"{:x<100}","id":"{run}-{batch}-{number}"}}"#,
                ""
            );
            socket.feed(Message::Text(frame.into())).await?;
        }
        socket.flush().await?;
        let lowest = lowest_ack(&mut socket, count).await?;
        first.get_or_insert(lowest);
    }
    say(&mut socket, r#"{"action":"ping"}"#.into()).await?;
    let first: u64 = first.context("nothing was stored")?;
    Ok(first - 1)
}

/// Waits for `count` acks; the lowest number in them.
async fn lowest_ack(socket: &mut Socket, count: usize) -> anyhow::Result<u64> {
    let (mut acks, mut lowest) = (0, u64::MAX);
    while acks < count {
        let frame = hear(socket).await?;
        if !frame.contains(r#""type":"ack""#) {
            continue;
        }
        let ack: Value = serde_json::from_str(&frame)?;
        lowest = lowest.min(ack["seq"].as_u64().context("an ack has a seq")?);
        acks += 1;
    }
    Ok(lowest)
}

/// Both programs from cold start to exit, one after the other; the column of the relay is `curl`'s.
async fn k10_a_send_takes_no_longer_than_curls(
    target: &mut Target,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    target.people(2).await?;
    let (from, to) = (target.token(0).to_owned(), target.name(1).to_owned());
    let url = format!("http://{}", target.process().address());
    let client = options.server.with_file_name("chat-tui");
    let home = tempfile::tempdir()?;
    for _ in 0..options.pick(50, 20) {
        let began = clock::now();
        let sent = Command::new(&client)
            .args(["send", &to, "deploy done"])
            .env("CHAT_SERVER", &url)
            .env("CHAT_TOKEN", &from)
            .env("CHAT_HOME", home.path())
            .output()?;
        ensure!(sent.status.success(), "chat-tui send: {sent:?}");
        let between = clock::now();
        let body = serde_json::json!({"topic": to, "text": "deploy done"}).to_string();
        let posted = Command::new("curl")
            .args(["--silent", "--fail", "--json", &body])
            .args(["--header", &format!("Authorization: Bearer {from}")])
            .arg(format!("{url}/v1/messages"))
            .output()?;
        ensure!(posted.status.success(), "curl: {posted:?}");
        let row = "k10 a send by script (relay: curl): ms";
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        report.note(row, Kind::Server, ms(between - began));
        report.note(row, Kind::Relay, ms(clock::now() - between));
        report.goal(row, "1 times".to_owned());
    }
    Ok(())
}
