//! The commands for scripts: what they print, where, and how they end.

use std::process::Stdio;

use chat_tests::person::PASSWORD;
use chat_tests::{Cli, Person, TestServer};
use serde_json::json;

/// A machine on which `person` has logged in.
async fn logged_in(server: &TestServer, person: &Person) -> Cli {
    let cli = Cli::new();
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
    cli
}

#[tokio::test]
async fn k01_send_ends_well_only_after_the_ack() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let cli = logged_in(&server, &ann).await;
    let printed = cli
        .run(&["send", "ben", "two", "words", "--json"])
        .await
        .json(0);
    assert_eq!(printed.len(), 1);
    assert_eq!(printed[0]["seq"], 1);
    assert_eq!(printed[0]["topic"], "ben");
    assert_eq!(printed[0]["dup"], false);
    assert_eq!(printed[0]["state"], "stored");
    assert!(printed[0]["id"].is_string() && printed[0]["sent_at"].is_string());
    assert_eq!(ben.texts("ann").await, ["two words"]);
}

#[tokio::test]
async fn k01_the_text_comes_from_arguments_or_from_standard_input() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let cli = logged_in(&server, &ann).await;
    cli.run(&["send", "ben", "--", "-v is a flag", "--json"])
        .await
        .expect(0);
    cli.run_with(&["send", "ben"], "from a pipe\n")
        .await
        .expect(0);
    cli.run_with(&["send", "@ben", "-"], "two\nlines\n\n")
        .await
        .expect(0);
    cli.run_with(&["send", "ben", "argument"], "not read")
        .await
        .expect(0);
    let texts = ben.texts("ann").await;
    assert_eq!(
        texts,
        [
            "-v is a flag --json",
            "from a pipe",
            "two\nlines\n",
            "argument"
        ]
    );
}

#[tokio::test]
async fn k01_an_id_makes_a_repeat_safe() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let cli = logged_in(&server, &ann).await;
    let send = [
        "send",
        "ben",
        "deployed 1.8",
        "--id",
        "deploy-1.8",
        "--json",
    ];
    let first = cli.run(&send).await.json(0);
    let second = cli.run(&send).await.json(0);
    assert_eq!(
        (&first[0]["dup"], &second[0]["dup"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(
        (&first[0]["seq"], &first[0]["id"]),
        (&second[0]["seq"], &json!("deploy-1.8"))
    );
    cli.run(&["send", "ben", "another text", "--id", "deploy-1.8"])
        .await
        .expect(9);
    assert_eq!(ben.texts("ann").await, ["deployed 1.8"]);
}

#[tokio::test]
async fn k01_a_failed_send_says_so_in_json_too() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let cli = logged_in(&server, &ann).await;
    let ended = cli.run(&["send", "nobody", "hi", "--json"]).await;
    assert!(!ended.stderr.is_empty());
    let printed = ended.json(6);
    assert_eq!(
        (&printed[0]["state"], &printed[0]["code"]),
        (&json!("failed"), &json!("not_found"))
    );
}

#[tokio::test]
async fn k02_every_end_has_its_code() {
    let mut server = TestServer::setup().rate(1, 2).start().await;
    let [ann, _ben] = server.people(["ann", "ben"]).await;
    let cli = logged_in(&server, &ann).await;
    for usage in [
        &["send"][..],
        &["no-such-command"],
        &["send", "ben", "hi", "--no-such-flag"],
        &["send", "not a name", "hi"],
        &["tail", "--since", "yesterday-ish"],
    ] {
        let ended = cli.run(usage).await;
        assert!(ended.stdout.is_empty(), "{:?}", ended.stdout);
        ended.expect(2);
    }
    cli.run(&["send", "nobody", "hi"]).await.expect(6);
    cli.run_with(&["send", "ben"], "x".repeat(70_000))
        .await
        .expect(9);
    cli.run_with(&["send", "ben"], "\n").await.expect(9);
    for at in 0..2 {
        cli.run(&["send", "ben", &format!("text {at}")])
            .await
            .expect(0);
    }
    let hurried = cli
        .run(&["send", "ben", "too fast", "--timeout", "1ms"])
        .await;
    assert!(
        [Some(3), Some(5), Some(7)].contains(&hurried.code),
        "{:?}",
        hurried.code
    );
    server.kill9().await;
    let ended = cli.run(&["send", "ben", "hi", "--timeout", "2s"]).await;
    assert!(ended.stdout.is_empty() && !ended.stderr.is_empty());
    ended.expect(3);
}

#[tokio::test]
async fn k02_a_limited_send_waits_and_goes() {
    let server = TestServer::setup().rate(2, 1).start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let cli = logged_in(&server, &ann).await;
    for at in 0..3 {
        cli.run(&["send", "ben", &format!("text {at}")])
            .await
            .expect(0);
    }
    assert_eq!(ben.texts("ann").await, ["text 0", "text 1", "text 2"]);
}

#[tokio::test]
async fn k02_who_is_not_logged_in_is_told_so() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let url = server.url();
    let nobody = Cli::new();
    for command in [
        &["send", "ben", "hi"][..],
        &["tail"],
        &["whoami"],
        &["contacts"],
    ] {
        let args: Vec<&str> = command.iter().copied().chain(["--server", &url]).collect();
        nobody.run(&args).await.expect(4);
    }
    let wrong = [
        "login",
        "--server",
        &url,
        "--name",
        "ann",
        "--password-stdin",
    ];
    let ended = nobody.run_with(&wrong, "not the password\n").await;
    assert!(!ended.stderr.contains("not the password"));
    ended.expect(4);

    let cli = logged_in(&server, &ann).await;
    let who = cli.run(&["whoami"]).await.expect(0);
    assert!(who.contains("ann"));
    cli.run(&["logout"]).await.expect(0);
    cli.run(&["whoami"]).await.expect(4);
}

#[tokio::test]
async fn k02_it_never_asks_without_a_terminal_and_never_hangs() {
    let server = TestServer::start().await;
    let url = server.url();
    let cli = Cli::new();
    cli.run(&["login", "--server", &url, "--name", "ann"])
        .await
        .expect(2);
    cli.run(&["register", "--server", &url]).await.expect(2);
    cli.run(&[]).await.expect(2);
    let ann = server.person("ann").await;
    let cli = logged_in(&server, &ann).await;
    // Standard input that nobody writes to and nobody closes is not waited for when the text is there.
    let mut child = tokio::process::Command::new(chat_tests::program("chat-tui"))
        .env("CHAT_HOME", cli.home())
        .args(["send", "ann", "note"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the program runs");
    let status = chat_tests::soon("its end", child.wait()).await;
    assert_eq!(status.expect("a status").code(), Some(0));
}

#[tokio::test]
async fn k02_a_server_that_never_answers_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let cli = Cli::new().env("CHAT_TOKEN", "x").env("CHAT_SERVER", &url);
    let ended = cli.run(&["send", "ben", "hi", "--timeout", "1s"]).await;
    assert!(
        [Some(3), Some(7)].contains(&ended.code),
        "{:?}: {}",
        ended.code,
        ended.stderr
    );
}

#[tokio::test]
async fn k02_a_reader_that_closes_the_pipe_is_no_failure() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let cli = logged_in(&server, &ann).await;
    let mut tail = cli.start(&["tail", "--json"]);
    tail.remark("connected").await;
    let mut child = tail.without_reader();
    let mut socket = ben.connect().await;
    // The first write after the reader has gone finds it out.
    let status = chat_tests::eventually("tail ends", async || {
        socket.send("ann", "is anybody reading?").await;
        child.try_wait().expect("a child can be waited for")
    });
    assert_eq!(status.await.code(), Some(0));
}

#[tokio::test]
async fn k08_a_token_from_the_environment_is_enough() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let cli = Cli::new()
        .env("CHAT_SERVER", server.url())
        .env("CHAT_TOKEN", &ann.token);
    cli.run(&["send", "ben", "by variable"]).await.expect(0);
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{}\n", ann.token)).expect("a file");
    let cli = Cli::new()
        .env("CHAT_SERVER", server.url())
        .env("CHAT_TOKEN_FILE", &file);
    cli.run(&["send", "ben", "by file"]).await.expect(0);
    assert_eq!(ben.texts("ann").await, ["by variable", "by file"]);
    let cli = Cli::new()
        .env("CHAT_SERVER", server.url())
        .env("CHAT_TOKEN", "nonsense");
    let ended = cli.run(&["send", "ben", "hi"]).await;
    assert!(!ended.stderr.contains("nonsense"), "{}", ended.stderr);
    ended.expect(4);
}

#[tokio::test]
async fn k08_register_and_login_serve_scripts_and_keep_secrets_private() {
    use std::os::unix::fs::PermissionsExt;
    let server = TestServer::start().await;
    let (url, cli) = (server.url(), Cli::new());
    let register = [
        "register",
        "--server",
        &url,
        "--name",
        "ann",
        "--password-stdin",
    ];
    cli.run_with(&register, format!("{PASSWORD}\n"))
        .await
        .expect(0);
    cli.run(&["send", "ann", "note"]).await.expect(0);
    cli.run_with(&register, format!("{PASSWORD}\n"))
        .await
        .expect(9);
    let mut folders = vec![cli.home().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            let mode = path.metadata().expect("it is there").permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
}

#[tokio::test]
async fn k08_profiles_keep_two_people_apart() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (url, cli) = (server.url(), Cli::new());
    for person in [&ann, &ben] {
        let login = [
            "--profile",
            &person.name,
            "login",
            "--server",
            &url,
            "--name",
            &person.name,
            "--password-stdin",
        ];
        cli.run_with(&login, PASSWORD).await.expect(0);
    }
    cli.run(&["--profile", "ann", "send", "ben", "from ann"])
        .await
        .expect(0);
    cli.run(&["--profile", "ben", "send", "ann", "from ben"])
        .await
        .expect(0);
    assert_eq!(ann.texts("ben").await, ["from ann", "from ben"]);
}
