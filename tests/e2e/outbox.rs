//! The outbox: what could not be sent is kept on the disk, and goes once and in order with the next command.

use chat_proto::Name;
use chat_tests::person::PASSWORD;
use chat_tests::{Cli, Person, TestServer, eventually, soon};
use chat_tui::client::cache::Owner;
use chat_tui::client::cache::outbox::{OutboxFile, path};
use chat_tui::client::outbox::Letter;
use nix::sys::signal::Signal;
use serde_json::json;

/// Logs `person` in on this machine.
async fn log_in(cli: &Cli, server: &TestServer, person: &Person) {
    let url = server.url();
    let args = [
        "login",
        "--server",
        &url,
        "--name",
        &person.name,
        "--password-stdin",
    ];
    cli.run_with(&args, format!("{PASSWORD}\n")).await.expect(0);
}

/// A server with ann and ben, and a machine on which ann has logged in.
async fn world() -> (TestServer, [Person; 2], Cli) {
    let server = TestServer::start().await;
    let people = server.people(["ann", "ben"]).await;
    let cli = Cli::new();
    log_in(&cli, &server, &people[0]).await;
    (server, people, cli)
}

/// What is in the outbox of `name` on this machine.
fn letters(cli: &Cli, server: &TestServer, name: &str) -> Vec<Letter> {
    let profile = Name::parse("default").expect("a name");
    let owner = Owner {
        server: server.url(),
        name: Name::parse(name).expect("a name"),
    };
    let file = path(&cli.home().join("profiles"), &profile);
    let (file, aside) = OutboxFile::open(&file, &owner).expect("the outbox opens");
    assert_eq!(aside, None);
    file.letters().expect("letters")
}

#[tokio::test]
async fn k07_what_could_not_be_sent_is_queued_and_goes_with_the_next_command() {
    let (mut server, [_ann, ben], cli) = world().await;
    server.kill9().await;
    let ended = cli
        .run(&["send", "ben", "first", "--queue", "--json"])
        .await;
    assert!(ended.stderr.contains("queued"), "{}", ended.stderr);
    let printed = ended.json(8);
    assert_eq!(printed.len(), 1);
    assert_eq!(
        (&printed[0]["state"], &printed[0]["topic"]),
        (&json!("queued"), &json!("ben"))
    );
    assert!(printed[0]["id"].is_string());
    cli.run(&["send", "@ben", "second", "--queue"])
        .await
        .expect(8);
    // A command that does not reach the server leaves everything as it is.
    cli.run(&["whoami"]).await.expect(3);
    server.restart().await;
    let ended = cli.run(&["whoami"]).await;
    assert!(
        ended.stderr.contains("2 queued messages sent"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.expect(0).trim(), "ann");
    let ended = cli.run(&["contacts"]).await;
    assert_eq!(ended.stderr, "");
    ended.expect(0);
    assert_eq!(ben.texts("ann").await, ["first", "second"]);
    assert!(letters(&cli, &server, "ann").is_empty());
}

#[tokio::test]
async fn k07_without_queue_nothing_is_left_behind() {
    let (mut server, [_ann, ben], cli) = world().await;
    server.kill9().await;
    cli.run(&["send", "ben", "lost"]).await.expect(3);
    server.restart().await;
    cli.run(&["whoami", "-q"]).await.expect(0);
    assert!(ben.texts("ann").await.is_empty());
    let ended = cli.run(&["send", "ben", "sent", "--queue", "--json"]).await;
    assert_eq!(ended.json(0)[0]["state"], "stored");
    assert!(letters(&cli, &server, "ann").is_empty());
    assert_eq!(ben.texts("ann").await, ["sent"]);
}

#[tokio::test]
async fn k07_a_message_does_not_overtake_what_is_queued() {
    let (mut server, [_ann, ben], cli) = world().await;
    server.kill9().await;
    cli.run(&["send", "ben", "first", "--queue"])
        .await
        .expect(8);
    let ended = cli.run(&["send", "ben", "impatient"]).await;
    assert!(ended.stderr.contains("must go first"), "{}", ended.stderr);
    ended.expect(3);
    server.restart().await;
    let ended = cli.run(&["send", "ben", "second"]).await;
    assert!(
        ended.stderr.contains("1 queued message sent"),
        "{}",
        ended.stderr
    );
    ended.expect(0);
    assert_eq!(ben.texts("ann").await, ["first", "second"]);
}

#[tokio::test]
async fn k07_queueing_the_same_id_twice_is_one_message() {
    let (mut server, [_ann, ben], cli) = world().await;
    server.kill9().await;
    for _ in 0..2 {
        cli.run(&["send", "ben", "once", "--id", "deploy", "--queue"])
            .await
            .expect(8);
    }
    cli.run(&["send", "ben", "another", "--id", "deploy", "--queue"])
        .await
        .expect(9);
    server.restart().await;
    let ended = cli
        .run(&["send", "ben", "once", "--id", "deploy", "--json"])
        .await;
    assert_eq!(ended.json(0)[0]["state"], "stored");
    assert!(letters(&cli, &server, "ann").is_empty());
    assert_eq!(ben.texts("ann").await, ["once"]);
}

#[tokio::test]
async fn k07_a_refusal_is_told_and_holds_up_nobody() {
    let (mut server, [_ann, ben], cli) = world().await;
    cli.run(&["send", "nobody", "hi", "--queue"])
        .await
        .expect(6);
    assert!(letters(&cli, &server, "ann").is_empty());
    server.kill9().await;
    for topic in ["nobody", "ben"] {
        cli.run(&["send", topic, "hi", "--queue"]).await.expect(8);
    }
    server.restart().await;
    let ended = cli.run(&["whoami"]).await;
    assert!(
        ended.stderr.contains("1 queued message sent"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("nobody was refused"),
        "{}",
        ended.stderr
    );
    ended.expect(0);
    // It stays, to be shown, and is not tried again by itself.
    let ended = cli.run(&["whoami"]).await;
    assert_eq!(ended.stderr, "");
    assert_eq!(letters(&cli, &server, "ann").len(), 1);
    assert_eq!(ben.texts("ann").await, ["hi"]);
}

#[tokio::test]
async fn k07_a_token_has_no_outbox() {
    let (mut server, [ann, ben], cli) = world().await;
    server.kill9().await;
    cli.run(&["send", "ben", "queued", "--queue"])
        .await
        .expect(8);
    server.restart().await;
    let cli = cli.env("CHAT_TOKEN", &ann.token);
    cli.run(&["send", "ben", "hi", "--queue"]).await.expect(2);
    cli.run(&["whoami"]).await.expect(0);
    assert!(ben.texts("ann").await.is_empty());
}

#[tokio::test]
async fn k07_log_out_takes_along_what_is_queued_and_quiet_says_nothing() {
    let (mut server, [_ann, ben], cli) = world().await;
    server.kill9().await;
    cli.run(&["send", "ben", "bye", "--queue"]).await.expect(8);
    server.restart().await;
    let ended = cli.run(&["logout", "-q"]).await;
    assert_eq!(ended.stderr, "");
    ended.expect(0);
    assert_eq!(ben.texts("ann").await, ["bye"]);
}

#[tokio::test]
async fn d16_letters_of_another_account_wait_for_it() {
    let (mut server, [ann, ben], cli) = world().await;
    server.kill9().await;
    cli.run(&["send", "ben", "from ann", "--queue"])
        .await
        .expect(8);
    server.restart().await;
    log_in(&cli, &server, &ben).await;
    cli.run(&["whoami"]).await.expect(0);
    assert!(ben.texts("ann").await.is_empty());
    // The log-in itself takes it along.
    log_in(&cli, &server, &ann).await;
    assert_eq!(ben.texts("ann").await, ["from ann"]);
}

#[tokio::test]
async fn d16_killed_in_the_middle_of_a_send_it_goes_once() {
    let (server, [_ann, ben], cli) = world().await;
    // The server hangs: the request is on the wire, and nobody answers.
    server.signal(Signal::SIGSTOP);
    let mut sending = cli.start(&["send", "ben", "in the middle", "--queue"]);
    eventually("the letter is on the disk", async || {
        let there = cli.home().join("profiles/default.outbox.db").exists();
        (there && letters(&cli, &server, "ann").len() == 1).then_some(())
    })
    .await;
    sending.child.start_kill().expect("it is killed");
    soon("its end", sending.child.wait())
        .await
        .expect("it ends");
    server.signal(Signal::SIGCONT);
    cli.run(&["whoami"]).await.expect(0);
    assert!(letters(&cli, &server, "ann").is_empty());
    assert_eq!(ben.texts("ann").await, ["in the middle"]);
}

#[tokio::test]
async fn d16_many_processes_deliver_each_letter_once_and_in_order() {
    let (mut server, [_ann, ben], cli) = world().await;
    server.kill9().await;
    let texts: Vec<String> = (0..12).map(|at| format!("text {at}")).collect();
    for text in &texts {
        cli.run(&["send", "ben", text, "--queue"]).await.expect(8);
    }
    server.restart().await;
    let mut running: Vec<_> = (0..4).map(|_| cli.start(&["whoami"])).collect();
    // One of them is killed on the way.
    running[0].child.start_kill().expect("it is killed");
    for command in &mut running[1..] {
        assert_eq!(command.code().await, Some(0));
    }
    assert!(letters(&cli, &server, "ann").is_empty());
    assert_eq!(ben.texts("ann").await, texts);
}

#[tokio::test]
async fn d16_a_limit_makes_letters_wait_and_keeps_their_order() {
    let mut server = TestServer::setup().rate(2, 2).start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let cli = Cli::new();
    log_in(&cli, &server, &ann).await;
    server.kill9().await;
    let texts: Vec<String> = (0..5).map(|at| format!("text {at}")).collect();
    for text in &texts {
        cli.run(&["send", "ben", text, "--queue"]).await.expect(8);
    }
    server.restart().await;
    eventually("all are sent", async || {
        cli.run(&["whoami"]).await.expect(0);
        letters(&cli, &server, "ann").is_empty().then_some(())
    })
    .await;
    assert_eq!(ben.texts("ann").await, texts);
}

#[tokio::test]
async fn d16_a_damaged_outbox_is_told_and_does_not_stop_a_send() {
    let (mut server, [_ann, ben], cli) = world().await;
    server.kill9().await;
    cli.run(&["send", "ben", "lost", "--queue"]).await.expect(8);
    server.restart().await;
    let file = cli.home().join("profiles/default.outbox.db");
    std::fs::write(&file, [7; 5000]).expect("written");
    let ended = cli.run(&["send", "ben", "sent", "--queue"]).await;
    assert!(
        ended.stderr.contains("the outbox was damaged"),
        "{}",
        ended.stderr
    );
    ended.expect(0);
    assert!(
        cli.home()
            .join("profiles/default.outbox.db.damaged-1")
            .exists()
    );
    // One that cannot be used at all.
    let blocked = cli.home().join("profiles/default.outbox.db-lock");
    std::fs::remove_file(&blocked).expect("removed");
    std::fs::create_dir(&blocked).expect("made");
    let ended = cli.run(&["send", "ben", "too", "--queue"]).await;
    assert!(
        ended.stderr.contains("sending without it"),
        "{}",
        ended.stderr
    );
    ended.expect(0);
    assert_eq!(ben.texts("ann").await, ["sent", "too"]);
}
