//! Connections that do nothing: what each takes of memory, and what keeping them takes of a CPU.

use std::time::Duration;

use anyhow::ensure;
use futures_util::StreamExt;
use tokio::task::JoinSet;

use super::SETTLE;
use crate::options::Options;
use crate::report::Report;
use crate::target::Target;

/// Connections that one user may have.
const CONNECTIONS_EACH: usize = 16;

/// Many of them.
pub(super) async fn idle(
    target: &mut Target,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let connections = options.pick(5_000, 400);
    let users = connections / CONNECTIONS_EACH + 1;
    target.people(users).await?;
    target.restart()?;
    let before = target.resident_kib()?;
    let sockets = target
        .connect_each((0..connections).map(|n| n % users))
        .await?;
    let mut tasks = JoinSet::new();
    for mut socket in sockets {
        // Reading answers the pings.
        tasks.spawn(async move { while socket.next().await.is_some_and(|frame| frame.is_ok()) {} });
    }
    tokio::time::sleep(2 * SETTLE).await;
    let each = (target.resident_kib()? - before) / connections as f64;
    report.note("W3 idle: KiB a connection", target.kind(), each);
    report.goal("W3 idle: KiB a connection", "10");

    let span = Duration::from_secs(options.pick(60, 10));
    let cpu = target.cpu()?;
    tokio::time::sleep(span).await;
    let cpu = (target.cpu()?.since(cpu).own).as_secs_f64() * 60.0 / span.as_secs_f64();
    ensure!(
        tasks.try_join_next().is_none(),
        "an idle connection was closed"
    );
    let row = format!("W3 idle: CPU s a minute for {connections}");
    report.note(&row, target.kind(), cpu);
    report.goal(&row, options.pick("0.6", "-"));
    Ok(())
}
