//! Kill -9, SIGSTOP and SIGTERM at random moments, and nothing that was acked is ever lost.

use std::time::Duration;

use chat_tests::checker::Verdict;
use nix::sys::signal::Signal;
use tokio::time::Instant;

use crate::run::Run;

fn budget() -> Duration {
    let seconds = std::env::var("CHAT_CHAOS_SECONDS").ok();
    Duration::from_secs(
        seconds
            .and_then(|seconds| seconds.parse().ok())
            .unwrap_or(20),
    )
}

/// Does `fault` again and again under load until the time is over, and judges.
async fn under_faults(name: &str, least: u32, mut fault: impl AsyncFnMut(&mut Run)) {
    let mut run = Run::start(name).await;
    let end = Instant::now() + budget();
    let mut faults = 0;
    while Instant::now() < end || faults < least {
        // So much has to happen before the next fault that each hits a server at work.
        let acks = run.random(20..200);
        run.more_acks(acks).await;
        fault(&mut run).await;
        faults += 1;
    }
    let (report, records) = run.finish().await;
    println!("{name}: {faults} faults, {report}");
    if !report.findings.is_empty() {
        println!("the records are in {}", records.keep().display());
    }
    assert!(
        report.acked > 100,
        "too little happened to prove anything: {report}"
    );
    assert!(report.findings.is_empty(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d05_nothing_acked_is_lost_when_the_server_is_killed() {
    under_faults("kill", 3, async |run| {
        run.server.kill9().await;
        run.server.restart().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d05_a_server_killed_while_it_starts_loses_nothing() {
    under_faults("kill at start", 3, async |run| {
        for _ in 0..run.random(1..4) {
            run.server.kill9().await;
            run.server.restart().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d21_a_server_that_is_stopped_and_started_under_load_loses_nothing() {
    under_faults("terminate", 3, async |run| {
        let status = run.server.terminate().await;
        assert_eq!(status.code(), Some(0), "it stops as asked");
        run.server.restart().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d12_a_server_that_is_frozen_for_a_while_loses_nothing() {
    under_faults("freeze", 3, async |run| {
        run.server.signal(Signal::SIGSTOP);
        // The fault is a length of time; a process that stands still tells nothing that one could wait for.
        tokio::time::sleep(Duration::from_millis(run.random(100..1500))).await;
        run.server.signal(Signal::SIGCONT);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checker_sees_what_a_run_would_hide() {
    // The same run, but a receiver forgets one message: a green checker would prove nothing.
    let run = Run::forgetful("forgetful").await;
    run.more_acks(100).await;
    let (report, _) = run.finish().await;
    assert!(report.verdicts().contains(&Verdict::Lost), "{report}");
}
