//! The client against servers that fail, stall and lie.

use std::time::Duration;

use chat_proto::api::{NewMessage, Secret};
use chat_proto::{ErrorCode, Kind, MessageId, Name, Topic};
use http::StatusCode;

use super::address::ServerUrl;
use super::error::ClientError;
use super::http::{Call, HttpError};
use super::scripted_tests::{Reply, Scripted, settings};
use super::send::{Sending, Waiting};
use super::session::{Saved, SessionError, SessionFile, Tokens};
use super::{Client, account};
use crate::clock;

const SOON: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);

fn message() -> NewMessage {
    NewMessage {
        topic: Topic::parse("ben").expect("a topic"),
        text: "hi".to_owned(),
        id: Some(MessageId::parse("m-1").expect("an id")),
        kind: Kind::Text,
        lang: None,
        reply_to: None,
        thread: None,
        file: None,
        meta: None,
    }
}

fn stored() -> Reply {
    let body = r#"{"id":"m-1","topic":"ben","seq":1,"rev":1,"sent_at":"2026-11-21T08:15:30Z"}"#;
    Reply::Json(201, body.to_owned())
}

fn refusal(code: ErrorCode, more: &str) -> Reply {
    let body = format!(r#"{{"type":"error","code":"{code}","message":"a sentence"{more}}}"#);
    Reply::Json(code.status(), body)
}

async fn send(client: &mut Client, wait: Duration) -> Sending {
    client
        .send(message(), clock::deadline_in(wait), |_| {})
        .await
}

#[tokio::test]
async fn k01_a_send_is_stored_when_the_server_says_so() {
    let server = Scripted::start(vec![stored()]).await;
    let sending = send(&mut server.client(), LONG).await;
    assert!(
        matches!(&sending, Sending::Stored(sent) if sent.seq.0 == 1),
        "{sending:?}"
    );
    let requests = server.requests().await;
    assert!(
        requests[0].starts_with("POST /v1/messages HTTP/1.1"),
        "{requests:?}"
    );
    assert!(requests[0].contains("authorization: Bearer T\r\n"));
}

#[tokio::test]
async fn k01_every_try_carries_the_same_id() {
    let tries = vec![
        Reply::Close,
        refusal(ErrorCode::Unavailable, ""),
        Reply::Raw(b"HTTP/1.1 201 Created\r\ncontent-length: 900\r\n\r\n{\"id\":".to_vec()),
        stored(),
    ];
    let server = Scripted::start(tries).await;
    let sending = send(&mut server.client(), LONG).await;
    assert!(matches!(sending, Sending::Stored(_)), "{sending:?}");
    let requests = server.requests().await;
    assert_eq!(requests.len(), 4);
    assert!(
        requests
            .iter()
            .all(|request| request.contains(r#""id":"m-1""#))
    );
}

#[tokio::test]
async fn k02_a_server_that_is_not_there_is_told_at_once() {
    let server = Scripted::start(Vec::new()).await;
    let mut client = server.client();
    server.requests().await;
    let sending = send(&mut client, LONG).await;
    assert!(
        matches!(
            sending,
            Sending::Failed(ClientError::Http(HttpError::Dial(_)))
        ),
        "{sending:?}"
    );
}

#[tokio::test]
async fn k02_an_answer_that_never_comes_leaves_the_outcome_unknown() {
    let server = Scripted::start(vec![Reply::Hang]).await;
    let sending = send(&mut server.client(), SOON).await;
    assert!(matches!(sending, Sending::Unknown(_)), "{sending:?}");
}

#[tokio::test]
async fn k02_garbage_is_told_in_a_sentence_and_at_once() {
    let lies = r#"{"id":"other","topic":"ben","seq":1,"rev":1,"sent_at":"2026-11-21T08:15:30Z"}"#;
    for reply in [
        Reply::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        Reply::Json(201, "]]]".to_owned()),
        Reply::Json(200, lies.to_owned()),
    ] {
        let server = Scripted::start(vec![reply]).await;
        let sending = send(&mut server.client(), LONG).await;
        assert!(
            matches!(&sending, Sending::Unknown(error) if error.to_string().contains("could not be understood")),
            "{sending:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let mut endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..40 {
        endless.extend(b"100000\r\n");
        endless.extend(std::iter::repeat_n(b'x', 1 << 20));
        endless.extend(b"\r\n");
    }
    let server = Scripted::start(vec![Reply::Raw(endless)]).await;
    let error = server
        .client()
        .ask::<serde_json::Value>(&Call::get("/v1/me"), clock::deadline_in(LONG))
        .await
        .expect_err("too large");
    assert!(
        matches!(error, ClientError::Http(HttpError::Garbled { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_token_goes_nowhere() {
    let elsewhere = Scripted::start(vec![stored()]).await;
    let reply = format!(
        "HTTP/1.1 307 X\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        elsewhere.url
    );
    let server = Scripted::start(vec![Reply::Raw(reply.into_bytes())]).await;
    let sending = send(&mut server.client(), LONG).await;
    assert!(
        matches!(
            sending,
            Sending::Failed(ClientError::NotAChat { status: 307, .. })
        ),
        "{sending:?}"
    );
    assert!(!elsewhere.serving_is_over());
}

#[tokio::test]
async fn s01_a_rate_limit_is_waited_for_and_told() {
    let limited = || refusal(ErrorCode::RateLimited, r#","retry_after_ms":30"#);
    let server = Scripted::start(vec![limited(), limited(), stored()]).await;
    let mut waits = 0;
    let sending = server
        .client()
        .send(message(), clock::deadline_in(LONG), |wait| {
            waits += u8::from(matches!(wait, Waiting::RateLimited(_)));
        })
        .await;
    assert!(matches!(sending, Sending::Stored(_)), "{sending:?}");
    assert_eq!(waits, 2);
}

#[tokio::test]
async fn s01_a_rate_limit_beyond_the_deadline_fails_at_once() {
    let limited = refusal(ErrorCode::RateLimited, r#","retry_after_ms":60000"#);
    let server = Scripted::start(vec![limited]).await;
    let sending = send(&mut server.client(), LONG).await;
    assert!(
        matches!(&sending, Sending::Failed(ClientError::Refused(refusal)) if refusal.code == ErrorCode::RateLimited),
        "{sending:?}"
    );
}

#[tokio::test]
async fn a_refusal_decides_what_a_lost_answer_left_open() {
    let server = Scripted::start(vec![Reply::Close, refusal(ErrorCode::NotFound, "")]).await;
    let sending = send(&mut server.client(), LONG).await;
    assert!(
        matches!(sending, Sending::Failed(ClientError::Refused(_))),
        "{sending:?}"
    );
    let server = Scripted::start(vec![Reply::Close, refusal(ErrorCode::Unauthorized, "")]).await;
    let sending = send(&mut server.client(), LONG).await;
    assert!(
        matches!(sending, Sending::Unknown(ClientError::Refused(_))),
        "{sending:?}"
    );
}

/// A folder with a log-in whose access token is `token`.
fn logged_in(url: &ServerUrl, token: &str, expires_in_s: i64) -> (tempfile::TempDir, SessionFile) {
    let home = tempfile::tempdir().expect("a folder");
    let file = SessionFile::new(&home.path().join("profiles"), &name("default"));
    file.save(&Saved {
        server: url.to_string(),
        name: name("ann"),
        tokens: Some(Tokens {
            token: Secret(token.to_owned()),
            refresh_token: Secret("R1".to_owned()),
            expires_at: clock::wall().plus_seconds(expires_in_s),
        }),
    })
    .expect("saved");
    (home, file)
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn renewed() -> Reply {
    let body = r#"{"user":{"name":"ann","display_name":"Ann"},"token":"T2","refresh_token":"R2","expires_in":900}"#;
    Reply::Json(201, body.to_owned())
}

#[tokio::test]
async fn a02_an_ended_token_is_renewed_even_if_the_answer_gets_lost() {
    let server = Scripted::start(vec![Reply::Close, renewed(), stored()]).await;
    let (home, file) = logged_in(&server.url, "T1", -5);
    let mut client = Client::open(&server.settings(None, home.path())).expect("a client");
    let sending = send(&mut client, LONG).await;
    assert!(matches!(sending, Sending::Stored(_)), "{sending:?}");
    let requests = server.requests().await;
    assert!(
        requests[..2]
            .iter()
            .all(|request| request.contains(r#""refresh_token":"R1""#))
    );
    assert!(requests[2].contains("Bearer T2"));
    let tokens = file
        .load()
        .expect("readable")
        .expect("there")
        .tokens
        .expect("tokens");
    assert_eq!(tokens.refresh_token.expose(), "R2");
}

#[tokio::test]
async fn a02_a_refused_token_is_renewed_once_for_two_processes() {
    let unauthorized = || refusal(ErrorCode::Unauthorized, "");
    let replies = vec![
        unauthorized(),
        renewed(),
        stored(),
        unauthorized(),
        stored(),
    ];
    let server = Scripted::start(replies).await;
    let (home, _) = logged_in(&server.url, "T1", 900);
    let settings = server.settings(None, home.path());
    let mut first = Client::open(&settings).expect("a client");
    let mut second = Client::open(&settings).expect("a client");
    for client in [&mut first, &mut second] {
        let sending = send(client, LONG).await;
        assert!(matches!(sending, Sending::Stored(_)), "{sending:?}");
    }
    let requests = server.requests().await;
    let refreshes = requests
        .iter()
        .filter(|request| request.contains("/refresh"))
        .count();
    assert_eq!(refreshes, 1);
}

#[tokio::test]
async fn k02_a_session_that_has_ended_says_to_log_in_again() {
    let server = Scripted::start(vec![refusal(ErrorCode::Unauthorized, "")]).await;
    let (home, _) = logged_in(&server.url, "T1", -5);
    let mut client = Client::open(&server.settings(None, home.path())).expect("a client");
    let sending = send(&mut client, LONG).await;
    assert!(
        matches!(&sending, Sending::Failed(ClientError::NoSession(sentence)) if sentence.contains("log in again")),
        "{sending:?}"
    );
}

#[cfg(unix)]
#[test]
fn k08_a_log_in_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let url = ServerUrl::parse("http://127.0.0.1:1").expect("a url");
    let (home, file) = logged_in(&url, "T1", 900);
    let path = home.path().join("profiles/default.json");
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path).expect("there").permissions().mode() & 0o777
    };
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&home.path().join("profiles")), 0o700);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("changed");
    let error = file.load().expect_err("others may read it");
    assert!(matches!(&error, SessionError::File { .. }));
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn tokens_go_to_no_other_server() {
    let url = ServerUrl::parse("http://127.0.0.1:1").expect("a url");
    let (home, _) = logged_in(&url, "T1", 900);
    let other = ServerUrl::parse("http://127.0.0.1:2").expect("a url");
    let opened = Client::open(&settings(other, None, home.path()));
    assert!(matches!(opened, Err(ClientError::NoSession(_))));
}

#[tokio::test]
async fn a_log_out_removes_the_tokens_also_when_the_server_is_away() {
    let server = Scripted::start(Vec::new()).await;
    let (home, file) = logged_in(&server.url, "T1", 900);
    let settings = server.settings(None, home.path());
    server.requests().await;
    let told = account::log_out(&settings, clock::deadline_in(LONG)).await;
    assert!(
        matches!(told, Err(ClientError::Http(HttpError::Dial(_)))),
        "{told:?}"
    );
    let saved = file.load().expect("readable").expect("there");
    assert_eq!(saved.tokens, None);
    assert_eq!(saved.name, name("ann"));
}

#[tokio::test]
async fn a_proxys_page_is_told_from_a_chat_server() {
    let page = Reply::Json(404, "<html>not here</html>".to_owned());
    let server = Scripted::start(vec![page]).await;
    let asked = server
        .client()
        .ask::<serde_json::Value>(&Call::get("/v1/me"), clock::deadline_in(LONG))
        .await;
    let not_found = StatusCode::NOT_FOUND.as_u16();
    assert!(
        matches!(asked, Err(ClientError::NotAChat { status, .. }) if status == not_found),
        "{asked:?}"
    );
}

#[tokio::test]
async fn tokens_of_another_log_in_are_not_taken_over_by_a_command_that_runs() {
    let replies = vec![refusal(ErrorCode::Unauthorized, "")];
    let server = Scripted::start(replies).await;
    let (home, file) = logged_in(&server.url, "T1", 900);
    let mut client = Client::open(&server.settings(None, home.path())).expect("a client");
    let mut elsewhere = file.load().expect("readable").expect("there");
    elsewhere.server = "http://127.0.0.1:9".to_owned();
    file.save(&elsewhere).expect("written");
    let sending = send(&mut client, LONG).await;
    let Sending::Failed(ClientError::NoSession(sentence)) = sending else {
        panic!("{sending:?}");
    };
    assert!(sentence.contains("http://127.0.0.1:9"), "{sentence}");
    assert_eq!(server.requests().await.len(), 1);
    let kept = file.load().expect("readable").expect("there");
    assert_eq!(
        (kept.server, kept.tokens),
        (elsewhere.server, elsewhere.tokens)
    );
}

#[tokio::test]
async fn a02_a_renewal_that_nobody_waits_for_any_more_is_kept_all_the_same() {
    let server = Scripted::start(vec![renewed()]).await;
    let (home, file) = logged_in(&server.url, "T1", -5);
    let mut client = Client::open(&server.settings(None, home.path())).expect("a client");
    {
        // Begun, and given up before the server could answer.
        let renewing = client.access_token(clock::deadline_in(LONG));
        let mut renewing = std::pin::pin!(renewing);
        let waker = futures_util::task::noop_waker();
        let mut context = std::task::Context::from_waker(&waker);
        assert!(renewing.as_mut().poll(&mut context).is_pending());
        tokio::task::yield_now().await;
    }
    super::renewals_done().await;
    let saved = file.load().expect("readable").expect("there");
    let tokens = saved.tokens.expect("tokens");
    assert_eq!(tokens.refresh_token.expose(), "R2");
}
