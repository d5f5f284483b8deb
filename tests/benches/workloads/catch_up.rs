//! One user who was away: from the connect to the last message of those that wait.

use anyhow::Context;
use futures_util::SinkExt;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::clock;
use crate::options::Options;
use crate::report::Report;
use crate::socket::{Socket, hear, say};
use crate::target::Target;

/// Messages of a page of history.
const PAGE: usize = 1_000;

/// Many pages, asked for at once.
pub(super) async fn catch_up(
    target: &mut Target,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    target.people(4).await?;
    let messages: usize = options.pick(10_000, 2_000);
    // A conversation of their own for these two; what the rounds before left there stays below `first`.
    let (writer, reader) = (2, 3);
    let first = fill(target, writer, reader, messages).await?;

    let (began, cpu) = (clock::now(), target.cpu_of_threads()?);
    let mut socket = target.way(reader).connect().await?;
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
    let cpu = target.cpu_of_threads()?.saturating_sub(cpu);
    for (what, value) in [("ms", took), ("server CPU ms", cpu)] {
        let row = format!("W4 catch-up of {messages}: {what}");
        report.note(&row, target.kind(), value.as_secs_f64() * 1e3);
        report.goal(&row, options.pick("50", "-"));
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
    let mut socket = target.way(writer).connect().await?;
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
