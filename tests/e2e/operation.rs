//! Running a server: how it starts, what it says when it cannot, and what it does when the disk is full.

use std::path::Path;
use std::process::{Output, Stdio};

use chat_tests::{Call, TestServer, about_one_process, program, skip, soon};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

/// Runs the server where it cannot start, with a clean environment.
async fn run(data: &Path, args: &[&str], env: &[(&str, &str)]) -> Output {
    let output = Command::new(program("chat-server"))
        .env_clear()
        .envs(env.iter().copied())
        .args(["--data".as_ref(), data.as_os_str()])
        .args(args)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    soon("the end of a server that cannot start", output)
        .await
        .expect("the program runs")
}

/// Asserts an exit with `code` and with a sentence that names `words`, and gives the sentence.
fn fails(output: &Output, code: i32, words: &[&str]) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty(), "{:?}", output.stdout);
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?}");
    }
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[tokio::test]
async fn o01_a_port_alone_is_enough_and_port_0_says_which_it_got() {
    let server = TestServer::start().await;
    assert_ne!(server.address.port(), 0);
    assert!(server.address.ip().is_loopback());
    server.call(Call::get("/healthz")).await.expect(200);
}

#[tokio::test]
async fn o01_what_is_wrong_with_the_options_is_named() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    fails(
        &run(&data, &["--no-such-flag"], &[]).await,
        2,
        &["--no-such-flag"],
    );
    fails(&run(&data, &["--port", "70000"], &[]).await, 2, &["port"]);
    fails(
        &run(&data, &["--signup", "maybe"], &[]).await,
        2,
        &["maybe"],
    );
    fails(
        &run(&data, &["no-such-command"], &[]).await,
        2,
        &["no-such-command"],
    );
    let env = [("CHAT_SERVER_SIGNUP", "maybe")];
    fails(&run(&data, &[], &env).await, 2, &["maybe"]);
    fails(
        &run(&data, &["--config", "/no/such/file"], &[]).await,
        2,
        &["/no/such/file"],
    );
    assert!(!data.exists(), "nothing was made");
}

#[tokio::test]
async fn o01_a_broken_line_of_the_file_is_named_with_its_number() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    for (text, line, word) in [
        ("port = 0\nsignup = open\n", "2", "chat.toml"),
        ("port = 0\n\n\nsend_rate = \"fast\"\n", "4", "chat.toml"),
        ("port = 0\ncolour = \"red\"\n", "2", "colour"),
        ("port 8080\n", "1", "chat.toml"),
    ] {
        let file = folder.path().join("chat.toml");
        std::fs::write(&file, text).expect("a file");
        let file = file.to_string_lossy().into_owned();
        fails(
            &run(&data, &["--config", &file], &[]).await,
            2,
            &[line, word],
        );
    }
}

#[tokio::test]
async fn o01_a_key_of_the_file_is_a_flag_is_a_variable() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("chat.toml");
    std::fs::write(&file, "send_burst = 9\nsend-rate = 4\n").expect("a file");
    let server = TestServer::setup().arg("--config").arg(&file).start().await;
    // The flags of the test itself stand over the file.
    let ann = server.person("ann").await;
    let socket = ann.connect().await;
    assert!(socket.welcome().limits.send_rate.abs() < f64::EPSILON);
}

#[tokio::test]
async fn o01_a_port_in_use_is_said_and_is_not_usage() {
    let server = TestServer::start().await;
    let folder = TempDir::new().expect("a folder");
    let port = server.address.port().to_string();
    let output = run(&folder.path().join("data"), &["--port", &port], &[]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!([Some(1), Some(2)].contains(&output.status.code()), "{said}");
    assert!(said.contains(&port) && !said.contains("panicked"), "{said}");
    server.call(Call::get("/healthz")).await.expect(200);
}

#[tokio::test]
async fn o01_a_data_folder_has_one_server() {
    let server = TestServer::start().await;
    let output = run(&server.data, &["--port", "0"], &[]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!([Some(1), Some(2)].contains(&output.status.code()), "{said}");
    assert!(said.contains(&*server.data.to_string_lossy()), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    server.person("ann").await.connect().await.roundtrip().await;
}

#[tokio::test]
async fn o01_a_folder_that_cannot_be_written_is_named() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").expect("a file");
    let output = run(&file.join("data"), &["--port", "0"], &[]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!([Some(1), Some(2)].contains(&output.status.code()), "{said}");
    assert!(
        said.contains("file") && !said.contains("panicked"),
        "{said}"
    );
}

#[tokio::test]
async fn o01_help_and_version_go_to_stdout() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    for (flag, word) in [("--help", "--send-rate"), ("--version", "chat-server")] {
        let output = run(&data, &[flag], &[]).await;
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).contains(word));
    }
}

#[tokio::test]
async fn o01_a_service_variable_of_kubernetes_is_no_port() {
    let folder = TempDir::new().expect("a folder");
    let env = [("CHAT_SERVER_PORT", "tcp://10.0.0.1:8080")];
    // It goes on to the next wrong thing: the port was not the reason.
    let output = run(&folder.path().join("data"), &["--signup", "maybe"], &env).await;
    fails(&output, 2, &["maybe"]);
}

#[tokio::test]
async fn o06_logs_are_lines_without_texts_and_can_be_json() {
    let mut server = TestServer::setup()
        .arg("--log=debug")
        .arg("--log-format=json")
        .start()
        .await;
    let [ann, _ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    socket.send("ben", "a text that is nobody's business").await;
    let device = json!({"name": "ann", "password": "x", "device": "line\nbreak \u{1b}[31m"});
    server.call(Call::post("/v1/sessions", &device)).await;
    server.terminate().await;
    let log = server.log();
    assert!(log.lines().count() > 0);
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|_| panic!("{line:?}"));
    }
    assert!(!log.contains("nobody's business"));
    assert!(
        !log.contains('\u{1b}'),
        "nothing acts on the terminal of who reads the log"
    );
}

#[tokio::test]
async fn o06_metrics_count_connections_sends_acks_and_the_store() {
    let server = TestServer::start().await;
    let [ann, _ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    socket.send("ben", "hi").await;
    let metrics = server.call(Call::get("/metrics")).await.text;
    for word in ["connection", "send", "ack", "store", "seconds"] {
        let counted = metrics
            .lines()
            .any(|line| line.starts_with("chat_") && line.contains(word));
        assert!(counted, "nothing counts {word}:\n{metrics}");
    }
}

/// Sends until the store takes no more, and gives how many were acked before.
async fn fill(server: &TestServer, person: &chat_tests::Person) -> u64 {
    let mut socket = person.connect().await;
    let text = "x".repeat(60_000);
    for at in 0..400 {
        let answer = socket.send_as(&format!("m{at}"), "ben", &text).await;
        if let Err(error) = answer {
            let code = error.code;
            assert!(
                code.outcome_unknown(),
                "{code}: a full disk is no refusal for good"
            );
            assert_eq!(code.as_str(), "unavailable");
            return at;
        }
    }
    panic!("the disk of {} never got full", server.url());
}

/// What must hold while the disk is full, and after it is not.
async fn lives_on(server: &mut TestServer, people: &[chat_tests::Person; 2], acked: u64) {
    let [ann, ben] = people;
    assert!(server.runs(), "it does not fall over");
    assert_eq!(ben.texts("ann").await.len() as u64, acked, "reads go on");
    server.call(Call::get("/healthz")).await.expect(200);
    let mut socket = ann.connect().await;
    let small = socket
        .send_as("still-full", "ben", &"y".repeat(60_000))
        .await;
    assert!(small.is_err_and(|error| error.code.outcome_unknown()));
}

async fn recovers(server: &mut TestServer, people: &[chat_tests::Person; 2], acked: u64) {
    let [ann, ben] = people;
    let mut socket = ann.connect().await;
    let ack = chat_tests::eventually("service returns", async || {
        socket
            .send_as(&format!("m{acked}"), "ben", &"x".repeat(60_000))
            .await
            .ok()
    });
    let seq = ack.await.seq.expect("a number").0;
    server.kill9().await;
    server.restart().await;
    let texts = ben.texts("ann").await;
    assert!(texts.len() as u64 > acked && texts.len() as u64 >= seq);
    let mut socket = ann.connect().await;
    for at in 0..acked {
        let again = socket
            .send_as(&format!("m{at}"), "ben", &"x".repeat(60_000))
            .await;
        let again = again.expect("an ack");
        assert!(again.dup && again.seq.expect("a number").0 == at + 1);
    }
}

#[tokio::test]
async fn o08_a_full_disk_refuses_sends_and_nothing_else() {
    if about_one_process("the disk of a store in files") {
        return;
    }
    let disk = TempDir::new().expect("a folder");
    if !small_disk(
        "mount",
        &["-t", "tmpfs", "-o", "size=6m,mode=0700", "tmpfs"],
        disk.path(),
    )
    .await
    {
        skip("o08 on a small disk", "mounting one takes root");
        return;
    }
    let mut server = TestServer::setup()
        .data(&disk.path().join("data"))
        .start()
        .await;
    let people = server.people(["ann", "ben"]).await;
    let acked = fill(&server, &people[0]).await;
    assert!(acked > 0);
    lives_on(&mut server, &people, acked).await;
    let larger = ["-o", "remount,size=64m"];
    assert!(small_disk("mount", &larger, disk.path()).await);
    recovers(&mut server, &people, acked).await;
    server.kill9().await;
    assert!(small_disk("umount", &[], disk.path()).await);
}

async fn small_disk(program: &str, args: &[&str], path: &Path) -> bool {
    let status = Command::new(program)
        .args(args)
        .arg(path)
        .stderr(Stdio::null())
        .status()
        .await;
    status.is_ok_and(|status| status.success())
}

#[tokio::test]
async fn o08_files_that_may_not_grow_refuse_sends_and_nothing_else() {
    if about_one_process("the disk of a store in files") {
        return;
    }
    let mut server = TestServer::start().await;
    let people = server.people(["ann", "ben"]).await;
    if !grow_to(&server, "2000000").await {
        skip("o08 with a limit of files", "prlimit is missing");
        return;
    }
    let acked = fill(&server, &people[0]).await;
    lives_on(&mut server, &people, acked).await;
    assert!(grow_to(&server, "unlimited").await);
    recovers(&mut server, &people, acked).await;
}

/// Limits the size of the files of the running server.
async fn grow_to(server: &TestServer, bytes: &str) -> bool {
    let status = Command::new("prlimit")
        .arg(format!("--fsize={bytes}:"))
        .args(["--pid", &server.pid().to_string()])
        .status()
        .await;
    status.is_ok_and(|status| status.success())
}
