//! What is measured: the relay or the real server, with its people, reached over the public wire only.

use std::fmt;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::clock;
use crate::options::Options;
use crate::process::Process;

/// A connection of the load.
pub(crate) type Socket = WebSocketStream<TcpStream>;

/// Access tokens are good for a quarter of an hour; they are renewed well before.
const TOKEN_AGE_MAX: Duration = Duration::from_secs(8 * 60);

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Forwards and forgets.
    Relay,
    /// The product.
    Server,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relay => "relay",
            Self::Server => "server",
        })
    }
}

struct User {
    name: String,
    token: String,
    refresh_token: String,
}

/// A process under measurement and the accounts on it.
pub(crate) struct Target {
    kind: Kind,
    process: Process,
    command: Command,
    users: Vec<User>,
    tokens_made: Duration,
    /// The server's data, gone with the run.
    _data: tempfile::TempDir,
}

impl Target {
    /// Starts the process.
    pub(crate) async fn start(kind: Kind, options: &Options) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let mut command = match kind {
            Kind::Relay => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("--relay");
                command
            }
            Kind::Server => {
                let mut command = Command::new(&options.server);
                command.args(["--port", "0", "--signup", "open", "--log", "error"]);
                command.args(["--send-rate", "0", "--address-limits", "off", "--data"]);
                command.arg(data.path());
                command
            }
        };
        Ok(Self {
            kind,
            process: Process::start(&mut command)?,
            command,
            users: Vec::new(),
            tokens_made: clock::now(),
            _data: data,
        })
    }

    /// Which of the two it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The process, for its figures.
    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// Ends the process and starts it again on the same data, so that its memory tells nothing of the past.
    pub(crate) fn restart(&mut self) -> anyhow::Result<()> {
        self.process.restart(&mut self.command)
    }

    /// The name of a user.
    pub(crate) fn name(&self, user: usize) -> &str {
        &self.users[user].name
    }

    /// The access token of a user.
    pub(crate) fn token(&self, user: usize) -> &str {
        &self.users[user].token
    }

    /// Makes accounts until there are `count`, and renews their tokens where these are old.
    pub(crate) async fn people(&mut self, count: usize) -> anyhow::Result<()> {
        if clock::now() > self.tokens_made + TOKEN_AGE_MAX {
            self.renew().await?;
        }
        // Two at a time: the server hashes on two cores.
        while self.users.len() < count {
            let next = self.users.len();
            let pair = tokio::join!(self.account(next), self.account(next + 1));
            self.users.extend([pair.0?, pair.1?]);
        }
        Ok(())
    }

    async fn account(&self, number: usize) -> anyhow::Result<User> {
        let name = format!("user{number}");
        if self.kind == Kind::Relay {
            return Ok(User {
                token: name.clone(),
                refresh_token: String::new(),
                name,
            });
        }
        let body = json!({"name": name, "password": "correct horse battery staple"});
        let answer = self.post("/v1/accounts", None, &body).await?;
        user(name, &answer)
    }

    async fn renew(&mut self) -> anyhow::Result<()> {
        self.tokens_made = clock::now();
        if self.kind == Kind::Relay {
            return Ok(());
        }
        let mut renewed = Vec::with_capacity(self.users.len());
        for old in &self.users {
            let body = json!({"refresh_token": old.refresh_token});
            let answer = self.post("/v1/sessions/refresh", None, &body).await?;
            renewed.push(user(old.name.clone(), &answer)?);
        }
        self.users = renewed;
        Ok(())
    }

    /// A group of the first `count` users; the name is new in each run.
    pub(crate) async fn group(&self, count: usize) -> anyhow::Result<String> {
        let name = format!("g-{:08x}", fastrand::u32(..));
        if self.kind == Kind::Server {
            let users: Vec<&str> = (1..count).map(|user| self.name(user)).collect();
            let body = json!({"name": name, "users": users, "text": "welcome"});
            self.post("/v1/groups", Some(&self.users[0].token), &body)
                .await?;
        }
        Ok(name)
    }

    async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> anyhow::Result<Value> {
        let stream = TcpStream::connect(self.process.address()).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let mut request = hyper::Request::post(path)
            .header("host", self.process.address().to_string())
            .header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(Bytes::from(body.to_string())))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await?.to_bytes();
        connection.abort();
        if !status.is_success() {
            bail!(
                "POST {path} gave {status}: {}",
                String::from_utf8_lossy(&bytes)
            );
        }
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// A connection of a user, greeted, and sure to get what comes from then on.
    pub(crate) async fn connect(&self, user: usize) -> anyhow::Result<Socket> {
        let user = &self.users[user];
        let address = self.process.address();
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{address}/socket").into_client_request()?;
        let bearer = format!("Bearer {}", user.token).parse()?;
        request.headers_mut().insert("authorization", bearer);
        let config = WebSocketConfig::default().read_buffer_size(4096);
        let (mut socket, _) = client_async_with_config(request, stream, Some(config)).await?;
        say(&mut socket, r#"{"action":"ping"}"#.into()).await?;
        loop {
            if hear(&mut socket).await?.contains(r#""type":"pong""#) {
                return Ok(socket);
            }
        }
    }

    /// Connections of the users from `first` on, one each, some at the same time.
    pub(crate) async fn connect_each(
        &self,
        users: impl Iterator<Item = usize>,
    ) -> anyhow::Result<Vec<Socket>> {
        let connects = futures_util::stream::iter(users.map(|user| self.connect(user)));
        let sockets: Vec<_> = connects.buffered(32).collect().await;
        sockets.into_iter().collect()
    }
}

fn user(name: String, answer: &Value) -> anyhow::Result<User> {
    let text = |field: &str| {
        let value = answer[field].as_str();
        value
            .map(str::to_owned)
            .with_context(|| format!("no {field} in the answer"))
    };
    Ok(User {
        token: text("token")?,
        refresh_token: text("refresh_token")?,
        name,
    })
}

/// Sends one frame at once.
pub(crate) async fn say(socket: &mut Socket, frame: Utf8Bytes) -> anyhow::Result<()> {
    Ok(socket.send(Message::Text(frame)).await?)
}

/// The next text frame; an error of the peer is one of the run.
pub(crate) async fn hear(socket: &mut Socket) -> anyhow::Result<Utf8Bytes> {
    loop {
        let frame = socket
            .next()
            .await
            .context("the peer closed the connection")?;
        if let Some(text) = text_of(frame?)? {
            return Ok(text);
        }
    }
}

/// The text of a frame that has one.
pub(crate) fn text_of(frame: Message) -> anyhow::Result<Option<Utf8Bytes>> {
    match frame {
        Message::Text(text) if text.contains(r#""type":"error""#) => bail!("the peer said {text}"),
        Message::Text(text) => Ok(Some(text)),
        Message::Close(reason) => bail!("the peer closed the connection: {reason:?}"),
        _ => Ok(None),
    }
}
