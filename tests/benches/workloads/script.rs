//! A script that sends one message and ends, beside `curl` sending the same.

use std::process::Command;
use std::time::Duration;

use anyhow::ensure;

use crate::clock;
use crate::options::Options;
use crate::report::Report;
use crate::target::{Kind, Target};

/// Both programs from cold start to exit, one after the other; the column of the relay is `curl`'s.
pub(super) async fn k10_a_send_takes_no_longer_than_curls(
    target: &mut Target,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    target.people(2).await?;
    let (from, to) = (target.token(0).to_owned(), target.name(1).to_owned());
    let url = format!("http://{}", target.address());
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
        report.goal(row, "1 times");
    }
    Ok(())
}
