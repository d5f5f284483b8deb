//! The servers of others: they come up at once, die as they are told, and leave nothing behind.

use chat_tests::{Lossy, Nats, Postgres, Redis, eventually, skip, soon};
use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

/// A PostgreSQL, or a word on why there is none.
async fn postgres(test: &str) -> Option<Postgres> {
    let postgres = Postgres::start().await;
    if postgres.is_none() {
        skip(test, "PostgreSQL is missing");
    }
    postgres
}

#[tokio::test]
async fn a_postgresql_is_killed_and_comes_back_with_what_was_committed() {
    let Some(mut postgres) = postgres("PostgreSQL, killed").await else {
        return;
    };
    postgres.sql("CREATE TABLE t (n int)").await;
    postgres.sql("INSERT INTO t VALUES (7)").await;
    postgres.kill9();
    postgres.restart().await;
    assert_eq!(postgres.sql("SELECT n FROM t").await, "7");
    postgres.stop_immediate().await;
    postgres.restart().await;
    assert_eq!(postgres.sql("SELECT n FROM t").await, "7");
    let url = postgres.database("second").await;
    assert!(url.ends_with("/second"), "{url}");
}

#[tokio::test]
async fn a_postgresql_that_stands_still_goes_on() {
    let Some(postgres) = postgres("PostgreSQL, frozen").await else {
        return;
    };
    let asked = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.2)%' AND pid <> pg_backend_pid()";
    // One that works already, and one that comes while it stands still.
    let mut sleeps = Box::pin(postgres.sql("SELECT pg_sleep(0.2)"));
    let under_way = eventually("it sleeps", async || {
        (postgres.sql(asked).await == "1").then_some(())
    });
    tokio::select! {
        () = under_way => {}
        _ = &mut sleeps => panic!("it slept too short"),
    }
    postgres.signal(Signal::SIGSTOP);
    let pause = std::time::Duration::from_millis(500);
    assert!(tokio::time::timeout(pause, &mut sleeps).await.is_err());
    let mut answer = Box::pin(postgres.sql("SELECT 1"));
    assert!(tokio::time::timeout(pause, &mut answer).await.is_err());
    postgres.signal(Signal::SIGCONT);
    sleeps.await;
    assert_eq!(answer.await, "1");
}

#[tokio::test]
async fn a_postgresql_of_another_test_is_another_one() {
    let (Some(one), Some(other)) = (
        postgres("PostgreSQL, twice").await,
        postgres("PostgreSQL, twice").await,
    ) else {
        return;
    };
    one.sql("CREATE TABLE t (n int)").await;
    assert_eq!(other.sql("SELECT to_regclass('t') IS NULL").await, "t");
}

/// A client of few words: says lines, and waits for one that begins as it should.
struct Lines(BufStream<TcpStream>);

impl Lines {
    async fn to(address: std::net::SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        Self(BufStream::new(stream))
    }

    async fn say(&mut self, line: &str) {
        let line = format!("{line}\r\n");
        self.0.write_all(line.as_bytes()).await.expect("written");
        self.0.flush().await.expect("written");
    }

    async fn hear(&mut self, start: &str) -> String {
        soon(start, async {
            let mut line = String::new();
            while self.0.read_line(&mut line).await.expect("a line") > 0 {
                if line.starts_with(start) {
                    return line;
                }
                line.clear();
            }
            panic!("it ended without {start:?}")
        })
        .await
    }
}

#[tokio::test]
async fn a_nats_tells_who_listens_and_comes_back_on_its_port() {
    let Some(mut nats) = Nats::setup().user().start().await else {
        skip("NATS, killed", "NATS is missing");
        return;
    };
    assert!(nats.url().contains(nats.secret()));
    let login = format!(
        r#"CONNECT {{"verbose":false,"name":"one","user":"chat","pass":"{}"}}"#,
        nats.secret()
    );
    for _ in 0..2 {
        let mut client = Lines::to(nats.address()).await;
        client.say(&login).await;
        client.say("SUB chat.ann 1").await;
        client.say("PUB chat.ann 2").await;
        client.say("hi").await;
        client.hear("MSG chat.ann 1 2").await;
        assert_eq!(nats.subscriptions().await, ["chat.ann"]);
        let told = &nats.clients().await[0];
        assert_eq!(
            (told.name.as_str(), told.in_msgs, told.out_msgs),
            ("one", 1, 1)
        );
        nats.kill9();
        nats.restart().await;
    }
    let mut stranger = Lines::to(nats.address()).await;
    stranger.say(r#"CONNECT {"verbose":false}"#).await;
    stranger.hear("-ERR").await;
}

#[tokio::test]
async fn a_redis_tells_who_listens_and_comes_back_on_its_port() {
    let Some(mut redis) = Redis::guarded().await else {
        skip("Redis, killed", "Redis is missing");
        return;
    };
    assert!(redis.url().contains(redis.secret()));
    for _ in 0..2 {
        let mut client = Lines::to(redis.address()).await;
        client.say(&format!("AUTH {}", redis.secret())).await;
        client.say("SUBSCRIBE chat.ann").await;
        client.hear("chat.ann").await;
        assert_eq!(redis.subscriptions().await, ["chat.ann"]);
        redis.signal(Signal::SIGSTOP);
        redis.kill9();
        redis.restart().await;
    }
    let mut stranger = Lines::to(redis.address()).await;
    stranger.say("PUBSUB CHANNELS").await;
    stranger.hear("-NOAUTH").await;
    drop(stranger);
    eventually("nobody listens", async || {
        redis.subscriptions().await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_unkind_bus_loses_doubles_and_reorders() {
    let Some(nats) = Nats::start().await else {
        skip("NATS, unkind", "NATS is missing");
        return;
    };
    let lossy = Lossy::setup().seed(1).sparing(&["end"]);
    let lossy = lossy.before(nats.address()).await;
    let mut listener = Lines::to(lossy.address()).await;
    listener.say(r#"CONNECT {"verbose":false}"#).await;
    listener.say("SUB chat 1\r\nSUB end 2\r\nPING").await;
    listener.hear("PONG").await;
    let mut speaker = Lines::to(nats.address()).await;
    speaker.say(r#"CONNECT {"verbose":false}"#).await;
    for n in 1000..2000 {
        speaker.say(&format!("PUB chat 4\r\n{n}")).await;
    }
    speaker.say("PUB end 0\r\n").await;
    listener.hear("MSG end 2 0").await;
    let faults = lossy.faults();
    assert!(
        faults.lost > 50 && faults.doubled > 50 && faults.moved > 50,
        "{faults:?}"
    );
}
