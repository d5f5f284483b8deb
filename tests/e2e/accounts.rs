//! Accounts and sessions: who gets in, with what, and for how long.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use chat_proto::api::{Me, SessionInfo};
use chat_tests::person::PASSWORD;
use chat_tests::{Call, Person, TestServer, program};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::Instant;

use crate::tokens::part_of_jwt;

fn account(name: &str) -> Value {
    json!({"name": name, "password": PASSWORD})
}

#[tokio::test]
async fn a02_a_name_and_a_password_give_an_account_and_tokens() {
    let server = TestServer::start().await;
    let answer = server
        .call(Call::post("/v1/accounts", &account("Ann")))
        .await;
    let entered = answer.expect(201);
    assert_eq!(entered["user"]["name"], "ann", "upper case is lowered");
    assert!(entered["expires_in"].as_u64().is_some_and(|s| s <= 3600));
    let token = entered["token"].as_str().expect("a token");
    let head = part_of_jwt(token, 0);
    assert!(["EdDSA", "HS256"].contains(&head["alg"].as_str().expect("an algorithm")));
    assert!(head["kid"].is_string());
    let claims = part_of_jwt(token, 1);
    for claim in ["iss", "aud", "exp"] {
        assert!(!claims[claim].is_null(), "no {claim} in {claims}");
    }
    let ann = Person::entered(server.address, &entered);
    let again = ann.another_device().await;
    let me: Me = again.get("/v1/me").await.read(200);
    assert_eq!(me.name.as_str(), "ann");
}

#[tokio::test]
async fn a02_what_is_wrong_with_an_account_is_told_by_its_rule() {
    let server = TestServer::start().await;
    for (name, password, email) in [
        ("", PASSWORD, None),
        ("   ", PASSWORD, None),
        ("-ann", PASSWORD, None),
        ("ann smith", PASSWORD, None),
        ("анна", PASSWORD, None),
        ("a23456789012345678901234567890123", PASSWORD, None),
        ("everyone", PASSWORD, None),
        ("ann", "short", None),
        ("ann", "password123", None),
        ("ann", "", None),
        ("ann", PASSWORD, Some("no address")),
    ] {
        let mut body = json!({"name": name, "password": password});
        if let Some(email) = email {
            body["email"] = email.into();
        }
        let answer = server.call(Call::post("/v1/accounts", &body)).await;
        let sentence = answer.refused(422, "rejected");
        assert!(!sentence.contains("correct horse"), "{sentence}");
    }
    let wrong_type = json!({"name": 7, "password": PASSWORD});
    let answer = server.call(Call::post("/v1/accounts", &wrong_type)).await;
    answer.refused(400, "invalid");
}

#[tokio::test]
async fn a02_a_name_is_given_once() {
    let server = TestServer::start().await;
    server.person("ann").await;
    let answer = server
        .call(Call::post("/v1/accounts", &account("ANN")))
        .await;
    answer.refused(409, "conflict");
}

#[tokio::test]
async fn a02_a_lost_answer_to_a_refresh_logs_nobody_out() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let first = refresh(&server, &ann.refresh_token).await.expect(201);
    let again = refresh(&server, &ann.refresh_token).await.expect(201);
    assert_eq!(
        first["refresh_token"], again["refresh_token"],
        "the same new pair"
    );
    assert_ne!(
        first["refresh_token"],
        ann.refresh_token.as_str(),
        "it rotates"
    );
    let ann = Person::entered(server.address, &again);
    ann.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn a02_an_old_refresh_token_ends_the_session() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let thief = ann.refresh_token.clone();
    let second = Person::entered(
        server.address,
        &refresh(&server, &ann.refresh_token).await.expect(201),
    );
    let third = Person::entered(
        server.address,
        &refresh(&server, &second.refresh_token).await.expect(201),
    );
    refresh(&server, &thief).await.refused(401, "unauthorized");
    refresh(&server, &third.refresh_token)
        .await
        .refused(401, "unauthorized");
    third.get("/v1/me").await.refused(401, "unauthorized");
}

async fn refresh(server: &TestServer, token: &str) -> chat_tests::Answer {
    let body = json!({"refresh_token": token});
    server.call(Call::post("/v1/sessions/refresh", &body)).await
}

#[tokio::test]
async fn a03_what_the_server_keeps_is_for_its_owner_alone() {
    let server = TestServer::start().await;
    server.person("ann").await;
    let mut looked_at = 0;
    private_below(&server.data, &mut looked_at);
    assert!(looked_at > 1, "the data folder has a database and keys");
}

fn private_below(path: &Path, looked_at: &mut usize) {
    let mode = path.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    *looked_at += 1;
    if path.is_dir() {
        for entry in path.read_dir().expect("a folder") {
            private_below(&entry.expect("an entry").path(), looked_at);
        }
    }
}

#[tokio::test]
async fn a03_a_token_of_one_server_is_nothing_to_another() {
    let (one, other) = (TestServer::start().await, TestServer::start().await);
    let ann = one.person("ann").await;
    other.person("ann").await;
    let answer = other.call(Call::get("/v1/me").token(&ann.token)).await;
    answer.refused(401, "unauthorized");
}

#[tokio::test]
async fn a03_the_key_outlives_a_restart() {
    let mut server = TestServer::start().await;
    let ann = server.person("ann").await;
    server.terminate().await;
    server.restart().await;
    ann.get("/v1/me").await.expect(200);
    ann.connect().await.roundtrip().await;
}

#[tokio::test]
async fn a04_the_first_invite_makes_the_administrator_and_is_used_once() {
    let mut server = TestServer::setup().signup_invite().start().await;
    let line = server.next_line().await;
    let link = line
        .strip_prefix("invite ")
        .expect("an invite on the second line");
    assert!(
        link.starts_with(&format!("{}/join/", server.url())),
        "{link}"
    );

    let uninvited = server
        .call(Call::post("/v1/accounts", &account("eve")))
        .await;
    uninvited.refused(403, "forbidden");

    let mut first = account("ann");
    first["invite"] = link.into();
    let entered = server
        .call(Call::post("/v1/accounts", &first))
        .await
        .expect(201);
    let me: Me = Person::entered(server.address, &entered)
        .get("/v1/me")
        .await
        .read(200);
    assert!(me.admin, "the first one administers the server");

    let mut second = account("ben");
    second["invite"] = link.into();
    server
        .call(Call::post("/v1/accounts", &second))
        .await
        .refused(403, "forbidden");
    for bad in ["", "nothing", "../../join"] {
        second["invite"] = bad.into();
        server
            .call(Call::post("/v1/accounts", &second))
            .await
            .refused(403, "forbidden");
    }
}

#[tokio::test]
async fn a04_the_page_of_an_invite_tells_the_one_command() {
    let mut server = TestServer::setup().signup_invite().start().await;
    let line = server.next_line().await;
    let path = line.rsplit_once("/join/").expect("a link").1;
    let page = server.call(Call::get(format!("/join/{path}"))).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("chat-tui register"), "{}", page.text);
}

#[tokio::test]
async fn a04_an_invite_names_groups_that_the_newcomer_joins() {
    let mut server = TestServer::setup().signup_invite().start().await;
    let first = server.next_line().await;
    let first = first.strip_prefix("invite ").expect("an invite");
    let ann = invited(&server, "ann", first).await;
    ann.make_group("ops", &[]).await;
    let output = Command::new(program("chat-server"))
        .args(["invite", "--groups", "ops", "--data"])
        .arg(&server.data)
        .output()
        .await
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = said.trim();
    let ben = invited(&server, "ben", said.strip_prefix("invite ").unwrap_or(said)).await;
    let mut socket = ben.connect().await;
    assert_eq!(
        socket.send("ops", "hello").await.seq.expect("a number").0,
        2
    );
}

async fn invited(server: &TestServer, name: &str, invite: &str) -> Person {
    let mut body = account(name);
    body["invite"] = invite.into();
    let answer = server.call(Call::post("/v1/accounts", &body)).await;
    Person::entered(server.address, &answer.expect(201))
}

#[tokio::test]
async fn a04_a_closed_server_takes_nobody() {
    let server = TestServer::setup().signup_closed().start().await;
    let answer = server
        .call(Call::post("/v1/accounts", &account("ann")))
        .await;
    answer.refused(403, "forbidden");
}

#[tokio::test]
async fn a04_all_newcomers_are_in_the_lobby() {
    let server = TestServer::setup().arg("--lobby=hall").start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let (mut ann, mut ben) = (ann.connect().await, ben.connect().await);
    ann.send("hall", "good morning").await;
    assert_eq!(ben.expect_text("good morning").await.topic.as_str(), "hall");
}

#[tokio::test]
async fn a05_a_second_log_in_throws_nobody_out() {
    let server = TestServer::start().await;
    let [first, ben] = server.people(["ann", "ben"]).await;
    let second = first.another_device().await;
    let (mut one, mut two) = (first.connect().await, second.connect().await);
    assert_ne!(one.welcome().session, two.welcome().session);
    ben.connect().await.send("ann", "both of you").await;
    one.expect_text("both of you").await;
    two.expect_text("both of you").await;

    // A node asks the others who is connected there, and an answer may be lost.
    let sessions = chat_tests::eventually("both are connected", async || {
        let sessions: Vec<SessionInfo> = first.get("/v1/sessions").await.read(200);
        let connected = sessions.iter().all(|session| session.connected);
        connected.then_some(sessions)
    });
    let sessions = sessions.await;
    let mut devices: Vec<&str> = sessions.iter().map(|s| s.device.as_str()).collect();
    devices.sort_unstable();
    assert_eq!(devices, ["another", "first"]);
    let current: Vec<_> = sessions.iter().filter(|session| session.current).collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0].id, one.welcome().session);
}

#[tokio::test]
async fn a05_ending_a_session_closes_its_connections_within_a_second() {
    let server = TestServer::start().await;
    let first = server.person("ann").await;
    let second = first.another_device().await;
    let (mut one, mut two) = (first.connect().await, second.connect().await);
    let path = format!("/v1/sessions/{}", two.welcome().session);
    let start = Instant::now();
    let status = first.delete(&path).await.status;
    assert!((200..300).contains(&status), "{status}");
    assert_eq!(two.close_code().await, 1008);
    assert!(
        start.elapsed().as_millis() < 1000,
        "took {:?}",
        start.elapsed()
    );
    second.get("/v1/me").await.refused(401, "unauthorized");
    assert_eq!(second.dial().open().await.err(), Some(401));
    one.roundtrip().await;
}

#[tokio::test]
async fn a05_nobody_ends_the_session_of_another_user() {
    let server = TestServer::start().await;
    let [ann, eve] = server.people(["ann", "eve"]).await;
    let mut socket = ann.connect().await;
    let path = format!("/v1/sessions/{}", socket.welcome().session);
    eve.delete(&path).await.refused(404, "not_found");
    socket.roundtrip().await;
}

#[tokio::test]
async fn a07_a_user_is_a_name_to_others_and_nothing_internal() {
    let server = TestServer::start().await;
    let mut body = account("ann");
    body["email"] = "ann@example.org".into();
    let entered = server
        .call(Call::post("/v1/accounts", &body))
        .await
        .expect(201);
    let ann = Person::entered(server.address, &entered);
    let ben = server.person("ben").await;
    ann.connect().await.send("ben", "hi").await;
    for path in [
        "/v1/users/ann",
        "/v1/users?query=an",
        "/v1/users/ann/presence",
        "/v1/conversations",
        "/v1/messages?topic=ann",
    ] {
        let text = ben.get(path).await.expect(200).to_string();
        assert!(text.contains("ann"), "{path}: {text}");
        assert!(!text.contains("example.org"), "{path}: {text}");
    }
    let profile = ben.get("/v1/users/ann").await.expect(200);
    for key in profile.as_object().expect("an object").keys() {
        let known = ["name", "display_name", "kind", "avatar", "presence"];
        assert!(known.contains(&key.as_str()), "'{key}' is told to others");
    }
}

#[tokio::test]
async fn a12_guessing_a_password_is_slowed_down_by_name() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut limited = None;
    for guess in 0..12 {
        let answer = log_in(&server, "ann", &format!("guess number {guess}")).await;
        if answer.status == 429 {
            limited = Some(answer.expect(429));
            break;
        }
        answer.refused(401, "unauthorized");
    }
    let limited = limited.expect("a dozen guesses are too many");
    assert!(limited["retry_after_ms"].as_u64().is_some_and(|ms| ms > 0));
    ben.another_device().await;
    ann.get("/v1/me").await.expect(200);
}

async fn log_in(server: &TestServer, name: &str, password: &str) -> chat_tests::Answer {
    let body = json!({"name": name, "password": password});
    server.call(Call::post("/v1/sessions", &body)).await
}

#[tokio::test]
async fn a12_a_name_that_is_not_there_is_answered_like_one_that_is() {
    let server = TestServer::start().await;
    let people = server.people(["ann", "ben", "cat", "dan", "eli"]).await;
    let mut sentences = Vec::new();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for person in &people {
        for (name, times) in [
            (person.name.clone(), &mut known),
            (format!("no-{}", person.name), &mut unknown),
        ] {
            let start = Instant::now();
            let answer = log_in(&server, &name, "not the password").await;
            times.push(start.elapsed());
            sentences.push(answer.refused(401, "unauthorized"));
        }
    }
    sentences.dedup();
    assert_eq!(sentences.len(), 1, "{sentences:?}");
    known.sort_unstable();
    unknown.sort_unstable();
    let ratio = known[2].as_secs_f64() / unknown[2].as_secs_f64();
    assert!(
        (0.33..3.0).contains(&ratio),
        "known {known:?}, unknown {unknown:?}"
    );
}
