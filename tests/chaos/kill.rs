//! Kill -9, SIGSTOP and SIGTERM at random moments, and nothing that was acked is ever lost.

use std::time::Duration;

use chat_tests::TestServer;
use chat_tests::checker::Verdict;
use nix::sys::signal::Signal;

use crate::run::{Run, under_faults};

async fn server() -> TestServer {
    TestServer::setup().start_one().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d05_nothing_acked_is_lost_when_the_server_is_killed() {
    under_faults("kill", server().await, 3, async |run| {
        run.world.kill9().await;
        run.world.restart().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d05_a_server_killed_while_it_starts_loses_nothing() {
    under_faults("kill at start", server().await, 3, async |run| {
        for _ in 0..run.random(1..4) {
            run.world.kill9().await;
            run.world.restart().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d21_a_server_that_is_stopped_and_started_under_load_loses_nothing() {
    under_faults("terminate", server().await, 3, async |run| {
        let status = run.world.terminate().await;
        assert_eq!(status.code(), Some(0), "it stops as asked");
        run.world.restart().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d12_a_server_that_is_frozen_for_a_while_loses_nothing() {
    under_faults("freeze", server().await, 3, async |run| {
        run.world.signal(Signal::SIGSTOP);
        // The fault is a length of time; a process that stands still tells nothing that one could wait for.
        tokio::time::sleep(Duration::from_millis(run.random(100..1500))).await;
        run.world.signal(Signal::SIGCONT);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checker_sees_what_a_run_would_hide() {
    // The same run, but a receiver forgets one message: a green checker would prove nothing.
    let run = Run::forgetful("forgetful", server().await).await;
    run.more_acks(100).await;
    let (report, _) = run.finish().await;
    assert!(report.verdicts().contains(&Verdict::Lost), "{report}");
}
