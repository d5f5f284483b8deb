//! The commands that read: `tail`, `log`, `contacts`, `groups`.

use chat_tests::{Cli, Person, TestServer};

fn machine(server: &TestServer, person: &Person) -> Cli {
    Cli::new()
        .env("CHAT_SERVER", server.url())
        .env("CHAT_TOKEN", &person.token)
}

#[tokio::test]
async fn k03_tail_prints_messages_as_they_come() {
    let server = TestServer::start().await;
    let [ann, ben, cat] = server.people(["ann", "ben", "cat"]).await;
    let cli = machine(&server, &ann);
    ben.connect().await.send("ann", "before").await;
    let mut tail = cli.start(&["tail", "--json"]);
    tail.remark("connected").await;
    ben.connect().await.send("ann", "from ben").await;
    let line = tail.json_line().await;
    assert_eq!(
        (line["topic"].as_str(), line["text"].as_str()),
        (Some("ben"), Some("from ben"))
    );
    assert_eq!(
        (line["type"].as_str(), line["seq"].as_u64()),
        (Some("message"), Some(2))
    );
    cat.connect().await.send("ann", "from cat").await;
    assert_eq!(tail.json_line().await["from"]["name"], "cat");
    ann.connect()
        .await
        .send("cat", "from my other session")
        .await;
    assert_eq!(tail.json_line().await["text"], "from my other session");
}

#[tokio::test]
async fn k03_tail_of_one_topic_ends_after_as_many_as_asked() {
    let server = TestServer::start().await;
    let [ann, ben, cat] = server.people(["ann", "ben", "cat"]).await;
    let cli = machine(&server, &ann);
    let mut tail = cli.start(&["tail", "ben", "--json", "--exit-after", "2"]);
    tail.remark("connected").await;
    cat.connect().await.send("ann", "not asked for").await;
    let mut ben = ben.connect().await;
    for text in ["one", "two", "three"] {
        ben.send("ann", text).await;
    }
    for text in ["one", "two"] {
        assert_eq!(tail.json_line().await["text"], text);
    }
    assert_eq!(tail.code().await, Some(0));
}

#[tokio::test]
async fn k03_tail_since_a_number_or_the_beginning() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ben.connect().await;
    for at in 1..=150 {
        socket.send("ann", &format!("text {at}")).await;
    }
    let cli = machine(&server, &ann);
    let lines = cli
        .run(&[
            "tail",
            "ben",
            "--since",
            "148",
            "--json",
            "--exit-after",
            "2",
        ])
        .await
        .json(0);
    let numbers: Vec<_> = lines.iter().map(|line| line["seq"].as_u64()).collect();
    assert!(
        numbers == [Some(148), Some(149)] || numbers == [Some(149), Some(150)],
        "{numbers:?}"
    );
    let all = [
        "tail",
        "ben",
        "--since",
        "all",
        "--json",
        "--exit-after",
        "150",
    ];
    let lines = cli.run(&all).await.json(0);
    let numbers: Vec<_> = lines
        .iter()
        .map(|line| line["seq"].as_u64().expect("a number"))
        .collect();
    assert_eq!(numbers, (1..=150).collect::<Vec<_>>());
}

#[tokio::test]
async fn k03_tail_lives_through_a_restart_without_loss_or_doubles() {
    let mut server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let cli = machine(&server, &ann);
    let mut tail = cli.start(&["tail", "--json", "--exit-after", "120"]);
    tail.remark("connected").await;
    for round in 0..3 {
        let mut socket = ben.connect().await;
        for at in 0..40 {
            socket.send("ann", &format!("text {round} {at}")).await;
        }
        server.kill9().await;
        server.restart().await;
    }
    for seq in 1..=120 {
        assert_eq!(tail.json_line().await["seq"], seq);
    }
    assert_eq!(tail.code().await, Some(0));
}

#[tokio::test]
async fn k03_tail_gives_up_in_time() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let cli = machine(&server, &ann);
    let ended = cli
        .run(&["tail", "--json", "--exit-after", "1", "--timeout", "1s"])
        .await;
    ended.expect(7);
}

#[tokio::test]
async fn k03_log_shows_what_was_said() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ben.connect().await;
    for at in 1..=5 {
        socket.send("ann", &format!("text {at}")).await;
    }
    let cli = machine(&server, &ann);
    let lines = cli.run(&["log", "ben", "--json"]).await.json(0);
    let texts: Vec<_> = lines
        .iter()
        .filter_map(|line| line["text"].as_str())
        .collect();
    assert_eq!(texts, ["text 1", "text 2", "text 3", "text 4", "text 5"]);
    let shown = cli.run(&["log", "ben"]).await.expect(0);
    assert!(shown.contains("text 5") && shown.contains("ben"), "{shown}");
    cli.run(&["log", "nobody"]).await.expect(6);
    assert_eq!(
        ann.conversation("ben").await.unread,
        5,
        "a script has read nothing"
    );
}

#[tokio::test]
async fn k03_contacts_and_groups_are_listed() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    ann.make_group("ops", &[&ben]).await;
    ben.connect().await.send("ann", "hi").await;
    let cli = machine(&server, &ann);
    assert!(cli.run(&["contacts"]).await.expect(0).contains("ben"));
    let lines = cli.run(&["contacts", "--json"]).await.json(0);
    assert!(
        lines
            .iter()
            .any(|line| line.to_string().contains("\"ben\"")),
        "{lines:?}"
    );
    assert!(cli.run(&["groups"]).await.expect(0).contains("ops"));
    let lines = cli.run(&["groups", "--json"]).await.json(0);
    assert!(
        lines
            .iter()
            .any(|line| line.to_string().contains("\"ops\"")),
        "{lines:?}"
    );
}
