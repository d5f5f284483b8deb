//! What a server says when the database or the bus cannot be reached at its start, and that clusters keep apart.

use std::process::{Output, Stdio};

use chat_tests::{Call, Nats, Node, Postgres, Redis, TestServer, eventually, program, skip, soon};
use tempfile::TempDir;
use tokio::process::Command;

use crate::world::started;

/// Runs a server that cannot start.
async fn run(database: &str, bus: &str) -> Output {
    run_command(&[], database, bus).await
}

/// Runs a command of one that cannot be opened.
async fn run_command(command: &[&str], database: &str, bus: &str) -> Output {
    let folder = TempDir::new().expect("a folder");
    let output = Command::new(program("chat-server"))
        .env_clear()
        .args(["--port", "0", "--data"])
        .arg(folder.path().join("data"))
        .args(["--database", database, "--bus", bus])
        .args(command)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    soon("the end of a server that cannot start", output)
        .await
        .expect("the program runs")
}

/// Asserts one sentence that names the option, and an end as of a wrong option.
fn refused(output: &Output, option: &str, secrets: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty(), "{:?}", output.stdout);
    assert!(said.contains(option), "{option} is not named: {said}");
    assert!(!said.contains("panicked"), "{said}");
    for secret in secrets {
        assert!(!said.contains(secret), "a secret is told: {said}");
    }
}

#[tokio::test]
async fn o01_a_database_that_cannot_be_used_is_named_without_its_password() {
    let Some(postgres) = Postgres::start().await else {
        skip("o01, the database", "PostgreSQL is missing");
        return;
    };
    let address = postgres.address();
    let wrong = format!("postgres://chat:not-the-password@{address}/chat");
    refused(
        &run(&wrong, "local").await,
        "database",
        &["not-the-password"],
    );
    let invite = run_command(&["invite"], &wrong, "local").await;
    refused(&invite, "database", &["not-the-password"]);
    let nobody = format!("postgres://nobody:not-the-password@{address}/chat");
    refused(
        &run(&nobody, "local").await,
        "database",
        &["not-the-password"],
    );
    let nowhere = postgres.url().replace("/chat", "/no-such-database");
    let secret = postgres.password();
    refused(&run(&nowhere, "local").await, "database", &[secret]);
    drop(postgres);
    let gone = format!("postgres://chat:{secret}@{address}/chat");
    refused(&run(&gone, "local").await, "database", &[secret]);
    for strange in [
        "mysql://chat:topsecret@localhost/chat",
        "postgres://chat:topsecret@localhost:99999/x",
        "chat:topsecret",
    ] {
        refused(&run(strange, "local").await, "database", &["topsecret"]);
    }
}

#[tokio::test]
async fn o01_a_bus_that_cannot_be_used_is_named_without_its_password() {
    let (Some(postgres), Some(nats), Some(redis)) = (
        Postgres::start().await,
        Nats::setup().user().start().await,
        Redis::guarded().await,
    ) else {
        skip("o01, the bus", "PostgreSQL, NATS or Redis is missing");
        return;
    };
    let database = postgres.url();
    for good in [nats.url(), redis.url()] {
        let (scheme, rest) = good.split_once("://").expect("a URL");
        let address = rest.rsplit_once('@').expect("a log-in").1;
        let wrong = format!("{scheme}://chat:not-the-password@{address}");
        refused(&run(&database, &wrong).await, "bus", &["not-the-password"]);
        let stranger = format!("{scheme}://{address}");
        refused(&run(&database, &stranger).await, "bus", &[]);
    }
    for strange in [
        "amqp://chat:topsecret@localhost",
        "nats://chat:topsecret@:::",
        "topsecret",
    ] {
        refused(&run(&database, strange).await, "bus", &["topsecret"]);
    }
}

#[tokio::test]
async fn o01_a_bus_is_used_with_its_password_or_its_token() {
    let Some(postgres) = Postgres::start().await else {
        skip("o01, log-ins at the bus", "PostgreSQL is missing");
        return;
    };
    let (Some(user), Some(token), Some(redis)) = (
        Nats::setup().user().start().await,
        Nats::setup().token().start().await,
        Redis::guarded().await,
    ) else {
        skip("o01, log-ins at the bus", "NATS or Redis is missing");
        return;
    };
    for url in [user.url(), token.url(), redis.url()] {
        let server = node_of(&postgres.url(), &url).await;
        eventually("the bus lets the node in", async || {
            let ready = Call::get("/readyz").send(server.address).await.expect(200);
            (ready["dependencies"]["bus"] == "ok").then_some(())
        })
        .await;
        assert!(
            !server.log().contains(user.secret()),
            "a secret stands in the log"
        );
    }
}

async fn node_of(database: &str, bus: &str) -> TestServer {
    let setup = TestServer::setup().arg("--database").arg(database);
    setup.arg("--bus").arg(bus).start_one().await
}

#[tokio::test]
async fn c01_two_clusters_on_one_bus_keep_apart() {
    let Some(cluster) = started(chat_tests::Cluster::setup(2)).await else {
        return;
    };
    let database = cluster.postgres.database("other").await;
    let bus = cluster.bus.nats().url();
    let other = node_of(&database, &bus).await;
    let other_too = node_of(&database, &bus).await;
    // The first users of both have the same names and the same numbers inside.
    let [ann, ben] = cluster.people(["ann", "ben"]).await;
    let [ann2, ben2] = other.people(["ann", "ben"]).await;
    let mut b = cluster.on(1, &ben).connect().await;
    let mut b2 = ben2.on(other_too.address).connect().await;
    let (mut a, mut a2) = (cluster.on(0, &ann).connect().await, ann2.connect().await);
    for n in 0..10 {
        a.send("ben", &format!("one {n}")).await;
        a2.send("ben", &format!("two {n}")).await;
    }
    a.send("ben", "end").await;
    a2.send("ben", "end").await;
    for (socket, start) in [(&mut b, "one"), (&mut b2, "two")] {
        let came = crate::world::messages_up_to(socket, "end").await;
        assert_eq!(came.len(), 11);
        assert!(
            came[..10]
                .iter()
                .all(|message| message.text.starts_with(start))
        );
    }
    let refused = ann2.on(cluster.nodes[0].address).get("/v1/me").await;
    refused.refused(401, "unauthorized");
}

#[tokio::test]
async fn o01_a_data_folder_has_one_node_also_on_postgresql() {
    let Some(cluster) = started(chat_tests::Cluster::setup(1)).await else {
        return;
    };
    let node: &Node = &cluster.nodes[0];
    let output = Command::new(program("chat-server"))
        .env_clear()
        .args(["--port", "0", "--data"])
        .arg(&node.data)
        .args(["--database", &cluster.postgres.url()])
        .args(["--bus", &cluster.bus.nats().url()])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = soon("the end of a second one", output)
        .await
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!([Some(1), Some(2)].contains(&output.status.code()), "{said}");
    assert!(said.contains(&*node.data.to_string_lossy()), "{said}");
}
