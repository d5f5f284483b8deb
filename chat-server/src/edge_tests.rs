//! The edge from outside: a real server on a port of its own, spoken to in HTTP.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Admin, Task};
use crate::auth::invite::Kind;
use crate::config::SignUp;
use crate::{Config, Server};

const PASSWORD: &str = "correct horse";

struct Running {
    address: SocketAddr,
    invite: Option<String>,
    stop: CancellationToken,
    served: JoinHandle<Result<(), crate::server::ServeError>>,
    data: TempDir,
}

struct Answer {
    status: StatusCode,
    body: Value,
}

impl Running {
    async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let data = TempDir::new().expect("a folder");
        Self::start_in(data, change).await
    }

    async fn start_in(data: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            data: data.path().to_owned(),
            ..Config::default()
        };
        change(&mut config);
        let server = Server::open(config).await.expect("it opens");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let invite = server.first_invite(address).await.expect("it is asked");
        let stop = CancellationToken::new();
        let served = tokio::spawn(server.serve(listener, stop.clone()));
        Self {
            address,
            invite,
            stop,
            served,
            data,
        }
    }

    async fn open() -> Self {
        Self::start(|config| config.signup = SignUp::Open).await
    }

    async fn stop(self) -> TempDir {
        self.stop.cancel();
        self.served
            .await
            .expect("it does not panic")
            .expect("it serves");
        self.data
    }

    async fn raw(&self, request: Request<Full<Bytes>>) -> (StatusCode, Bytes) {
        let stream = TcpStream::connect(self.address).await.expect("it listens");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .expect("HTTP");
        let driven = tokio::spawn(connection);
        let response = sender.send_request(request).await.expect("an answer");
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body");
        driven.abort();
        (status, body.to_bytes())
    }

    async fn ask(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "chat");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let bytes = body.map_or_else(Bytes::new, |body| {
            Bytes::from(serde_json::to_vec(&body).expect("JSON"))
        });
        if !bytes.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let (status, body) = self
            .raw(request.body(Full::new(bytes)).expect("a request"))
            .await;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer { status, body }
    }

    async fn sign_up(&self, name: &str) -> Answer {
        let body = json!({"name": name, "password": PASSWORD, "invite": self.invite});
        self.ask("POST", "/v1/accounts", "", Some(body)).await
    }

    async fn log_in(&self, name: &str, password: &str) -> Answer {
        let body = json!({"name": name, "password": password, "device": "laptop"});
        self.ask("POST", "/v1/sessions", "", Some(body)).await
    }

    async fn me(&self, token: &str) -> StatusCode {
        self.ask("GET", "/v1/me", token, None).await.status
    }
}

impl Answer {
    fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn a04_the_first_invite_makes_one_administrator_and_no_more() {
    let server = Running::start(|_| {}).await;
    let link = server.invite.clone().expect("nobody is there yet");
    let ann = server.sign_up("ann").await;
    assert_eq!(ann.status, StatusCode::CREATED, "{}", ann.body);
    let me = server.ask("GET", "/v1/me", &ann.text("token"), None).await;
    assert_eq!(me.body["admin"], true);
    assert_eq!(server.sign_up("ben").await.status, StatusCode::FORBIDDEN);
    let data = server.stop().await;
    let mut again = Running::start_in(data, |_| {}).await;
    assert_eq!(again.invite, None);
    again.invite = Some(link);
    assert_eq!(again.sign_up("ben").await.status, StatusCode::FORBIDDEN);
    again.stop().await;
}

#[tokio::test]
async fn a04_the_link_of_an_earlier_start_makes_no_second_administrator() {
    let data = Running::start(|_| {}).await;
    let old = data.invite.clone();
    let mut server = Running::start_in(data.stop().await, |_| {}).await;
    assert_eq!(server.sign_up("ann").await.status, StatusCode::CREATED);
    server.invite = old;
    assert_eq!(server.sign_up("eve").await.status, StatusCode::FORBIDDEN);
    server.stop().await;
}

#[tokio::test]
async fn a04_a_closed_server_takes_nobody() {
    let server = Running::start(|config| config.signup = SignUp::Closed).await;
    let ann = server.sign_up("ann").await;
    assert_eq!(
        (ann.status, ann.text("code").as_str()),
        (StatusCode::FORBIDDEN, "forbidden")
    );
    server.stop().await;
}

#[tokio::test]
async fn a02_each_rule_of_an_account_is_told() {
    let server = Running::open().await;
    for (change, word) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "an n"}), "name"),
        (json!({"name": "all"}), "reserved"),
        (json!({"password": "short"}), "password"),
        (json!({"password": "password123"}), "password"),
        (json!({"email": "nowhere"}), "e-mail"),
        (json!({"display_name": "a\u{202e}b"}), "display name"),
        (json!({"device": ""}), "device"),
    ] {
        let mut body = json!({"name": "ann", "password": PASSWORD});
        for (key, value) in change.as_object().expect("an object") {
            body[key] = value.clone();
        }
        let answer = server.ask("POST", "/v1/accounts", "", Some(body)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{change}");
        assert!(
            answer.text("message").contains(word),
            "{change}: {}",
            answer.body
        );
    }
    assert_eq!(server.sign_up("ann").await.status, StatusCode::CREATED);
    assert_eq!(server.sign_up("Ann").await.status, StatusCode::CONFLICT);
    server.stop().await;
}

#[tokio::test]
async fn a12_a_wrong_password_and_an_unknown_name_read_alike_and_are_limited_alike() {
    let server = Running::open().await;
    server.sign_up("ann").await;
    for _ in 0..5 {
        let known = server.log_in("ann", "wrong horse").await;
        let unknown = server.log_in("nobody", "wrong horse").await;
        assert_eq!(known.status, StatusCode::UNAUTHORIZED);
        assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
    }
    for name in ["ann", "nobody"] {
        let answer = server.log_in(name, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{name}");
        assert!(answer.body["retry_after_ms"].is_u64());
    }
    server.stop().await;
}

#[tokio::test]
async fn a02_a_refresh_token_gives_the_same_pair_again_until_that_is_used() {
    let server = Running::open().await;
    let first = server.sign_up("ann").await.text("refresh_token");
    let refresh = async |token: &str| {
        let body = json!({"refresh_token": token});
        server
            .ask("POST", "/v1/sessions/refresh", "", Some(body))
            .await
    };
    let (one, two) = (refresh(&first).await, refresh(&first).await);
    assert_eq!(one.status, StatusCode::CREATED);
    for field in ["token", "refresh_token"] {
        assert_eq!(one.text(field), two.text(field));
    }
    let third = refresh(&one.text("refresh_token")).await;
    assert_eq!(server.me(&third.text("token")).await, StatusCode::OK);
    assert_eq!(refresh(&first).await.status, StatusCode::UNAUTHORIZED);
    // A stolen token came back, so the session is over for whoever holds its latest.
    let latest = refresh(&third.text("refresh_token")).await;
    assert_eq!(latest.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        server.me(&third.text("token")).await,
        StatusCode::UNAUTHORIZED
    );
    server.stop().await;
}

#[tokio::test]
async fn a05_a_second_log_in_leaves_the_first_and_each_can_be_ended() {
    let server = Running::open().await;
    let first = server.sign_up("ann").await.text("token");
    let second = server.log_in("ann", PASSWORD).await.text("token");
    let list = server.ask("GET", "/v1/sessions", &first, None).await.body;
    let sessions = list.as_array().expect("a list");
    assert_eq!(sessions.len(), 2);
    let other = sessions
        .iter()
        .find(|s| s["current"] == false)
        .expect("the other");
    assert_eq!(other["device"], "laptop");
    let path = format!("/v1/sessions/{}", other["id"].as_str().expect("an id"));
    let ended = server.ask("DELETE", &path, &first, None).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    assert_eq!(server.me(&second).await, StatusCode::UNAUTHORIZED);
    assert_eq!(server.me(&first).await, StatusCode::OK);
    let again = server.ask("DELETE", &path, &first, None).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    server
        .ask("DELETE", "/v1/sessions/current", &first, None)
        .await;
    assert_eq!(server.me(&first).await, StatusCode::UNAUTHORIZED);
    server.stop().await;
}

#[tokio::test]
async fn a01_a_bad_token_is_refused_with_one_sentence() {
    let server = Running::open().await;
    let good = server.sign_up("ann").await.text("token");
    server
        .ask("DELETE", "/v1/sessions/current", &good, None)
        .await;
    let missing = server.ask("GET", "/v1/me", "", None).await;
    assert_eq!(missing.status, StatusCode::UNAUTHORIZED);
    for token in [good.as_str(), "x", "a.b.c"] {
        let answer = server.ask("GET", "/v1/me", token, None).await;
        assert_eq!(
            (answer.status, &answer.body),
            (missing.status, &missing.body)
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn a03_keys_are_rotated_without_logging_anybody_out() {
    let data = TempDir::new().expect("a folder");
    let config = Config {
        data: data.path().to_owned(),
        signup: SignUp::Open,
        ..Config::default()
    };
    let server = Server::open(config).await.expect("it opens");
    let app = std::sync::Arc::clone(server.app());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let stop = CancellationToken::new();
    let served = tokio::spawn(server.serve(listener, stop.clone()));
    let server = Running {
        address,
        invite: None,
        stop,
        served,
        data,
    };
    let before = server.sign_up("ann").await;
    app.auth.rotate_keys().await.expect("it rotates");
    assert_eq!(server.me(&before.text("token")).await, StatusCode::OK);
    let body = json!({"refresh_token": before.text("refresh_token")});
    let after = server
        .ask("POST", "/v1/sessions/refresh", "", Some(body))
        .await;
    assert_eq!(after.status, StatusCode::CREATED);
    let kid = |answer: &Answer| {
        answer
            .text("refresh_token")
            .split('.')
            .next()
            .map(str::to_owned)
    };
    assert_ne!(kid(&before), kid(&after));
    let code = app
        .auth
        .invite(Kind::User, Vec::new(), 1)
        .await
        .expect("an invite");
    assert_eq!(
        server
            .ask("GET", &format!("/join/{}", code.expose()), "", None)
            .await
            .status,
        StatusCode::OK
    );
    drop(app);
    server.stop().await;
}

#[tokio::test]
async fn a08_a_ticket_opens_one_socket_and_a_token_in_the_url_none() {
    let server = Running::open().await;
    let token = server.sign_up("ann").await.text("token");
    let ticket = server.ask("POST", "/v1/ticket", &token, None).await;
    assert_eq!(ticket.status, StatusCode::CREATED);
    let socket = async |query: &str, headers: &[(&str, &str)]| {
        let mut request = Request::get(format!("/socket{query}"))
            .header("host", "chat")
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        server
            .raw(request.body(Full::default()).expect("a request"))
            .await
            .0
    };
    let with_ticket = format!("?ticket={}", ticket.text("ticket"));
    assert_eq!(
        socket(&with_ticket, &[]).await,
        StatusCode::SWITCHING_PROTOCOLS
    );
    assert_eq!(socket(&with_ticket, &[]).await, StatusCode::UNAUTHORIZED);
    let bearer = format!("Bearer {token}");
    let good = [("authorization", bearer.as_str())];
    assert_eq!(socket("", &good).await, StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(socket("", &[]).await, StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(
        socket("", &[("authorization", "Bearer x")]).await,
        StatusCode::UNAUTHORIZED
    );
    for name in ["token", "access_token"] {
        assert_eq!(
            socket(&format!("?{name}={token}"), &[]).await,
            StatusCode::UNAUTHORIZED
        );
    }
    let page = [
        ("origin", "https://evil.example"),
        ("authorization", bearer.as_str()),
    ];
    assert_eq!(socket("", &page).await, StatusCode::FORBIDDEN);
    server.stop().await;
}

#[tokio::test]
async fn every_refusal_is_the_error_object_with_the_status_of_its_code() {
    let server = Running::open().await;
    let token = server.sign_up("ann").await.text("token");
    let large = Value::String("x".repeat(chat_proto::limits::FRAME_BYTES_MAX));
    for (method, path, body, status, code) in [
        ("GET", "/v1/nothing", None, 404, "not_found"),
        ("DELETE", "/v1/me", None, 405, "invalid"),
        (
            "POST",
            "/v1/read",
            Some(json!({"topic": "ben"})),
            400,
            "invalid",
        ),
        ("POST", "/v1/read", Some(large), 413, "too_large"),
        ("GET", "/v1/messages", None, 400, "invalid"),
        (
            "GET",
            "/v1/messages?topic=ben&before=x",
            None,
            400,
            "invalid",
        ),
        ("GET", "/v1/messages/ben/x", None, 400, "invalid"),
        ("GET", "/v1/users/%ff", None, 400, "invalid"),
        ("GET", "/v1/users/%23ops", None, 404, "not_found"),
        (
            "GET",
            "/v1/conversations?before=yesterday",
            None,
            400,
            "invalid",
        ),
        ("GET", "/join/x", None, 404, "not_found"),
    ] {
        let answer = server.ask(method, path, &token, body).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{method} {path}: {}",
            answer.body
        );
        assert_eq!(answer.text("type"), "error", "{method} {path}");
        assert_eq!(answer.text("code"), code, "{method} {path}");
        assert!(!answer.text("message").is_empty(), "{method} {path}");
    }
    let text = Request::post("/v1/read")
        .header("host", "chat")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "text/plain");
    let (status, _) = server
        .raw(text.body(Full::from("{}")).expect("a request"))
        .await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    server.stop().await;
}

#[tokio::test]
async fn h04_health_readiness_and_metrics_are_told() {
    let server = Running::open().await;
    let health = server.ask("GET", "/healthz", "", None).await;
    assert_eq!(health.status, StatusCode::OK);
    let ready = server.ask("GET", "/readyz", "", None).await;
    assert_eq!(
        (ready.status, &ready.body["dependencies"]["store"]),
        (StatusCode::OK, &json!("ok"))
    );
    let metrics = |proxy: Option<&str>| {
        let mut request = Request::get("/metrics").header("host", "chat");
        if let Some(client) = proxy {
            request = request.header("x-forwarded-for", client);
        }
        server.raw(request.body(Full::default()).expect("a request"))
    };
    let (status, text) = metrics(None).await;
    assert_eq!(status, StatusCode::OK);
    assert!(String::from_utf8_lossy(&text).contains("chat_http_requests_total"));
    assert_eq!(metrics(Some("192.0.2.1")).await.0, StatusCode::UNAUTHORIZED);
    server.stop().await;
}

#[tokio::test]
async fn d21_what_was_begun_is_answered_and_nobody_new_comes_in() {
    let server = Running::open().await;
    server.sign_up("ann").await;
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    let body = json!({"name": "ann", "password": PASSWORD}).to_string();
    let (first, rest) = body.split_at(5);
    // The server says "continue" once it reads the body: by then it has the request.
    let head = format!(
        "POST /v1/sessions HTTP/1.1\r\nhost: chat\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let mut said = [0; 12];
    stream.read_exact(&mut said).await.expect("it answers");
    assert_eq!(&said, b"HTTP/1.1 100");
    stream.write_all(first.as_bytes()).await.expect("it reads");
    server.stop.cancel();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(rest.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .expect("it answers and ends");
    assert!(answer.contains("HTTP/1.1 201 Created"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_subcommand_asks_the_running_server_and_else_opens_the_folder() {
    let data = TempDir::new().expect("a folder");
    let config = Config {
        data: data.path().to_owned(),
        public_url: Some("https://chat.example".to_owned()),
        ..Config::default()
    };
    let task = Task::Invite {
        groups: vec!["#ops".to_owned()],
        uses: 2,
    };
    let asked = async || admin::ask(&config, &task).await.expect("a link");
    let server = Server::open(config.clone()).await.expect("it opens");
    let local = SocketAddr::from(([127, 0, 0, 1], 8080));
    let door = Admin::start(&server, local, CancellationToken::new())
        .await
        .expect("a door");
    let file = data.path().join("admin.json");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file)
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let here = asked().await;
    assert!(here.starts_with("https://chat.example/join/"), "{here}");
    let stale = std::fs::read(&file).expect("it is read");
    let mut other: Value = serde_json::from_slice(&stale).expect("JSON");
    other["token"] = "guessed".into();
    std::fs::write(&file, other.to_string()).expect("it is written");
    assert!(admin::ask(&config, &task).await.is_err());
    door.end();
    server.app().store.close().await;
    drop(server);
    std::fs::write(&file, stale).expect("it is written");
    assert!(asked().await.starts_with("https://chat.example/join/"));
}
