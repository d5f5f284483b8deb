//! How sub-commands reach the running server: a file that only its owner can read names a loopback address and a token,
//! both new at each start. Without a running server they open the data folder themselves.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use chat_proto::{Name, Topic};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::auth::invite::Kind;
use crate::auth::secret;
use crate::config::{Bus, Config};
use crate::limits;
use crate::server::Server;
use crate::service::App;

/// What a sub-command asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// A new invite; the answer is its link.
    Invite {
        /// Groups that the newcomer joins.
        groups: Vec<String>,
        /// How often it can be used.
        uses: u32,
    },
    /// A new key signs tokens from here on.
    RotateKeys,
    /// The server stops as if it had been asked by a signal.
    Drain,
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Door {
    address: SocketAddr,
    token: String,
}

/// The door for sub-commands, open as long as this lives.
pub struct Admin {
    file: PathBuf,
    _open: DropGuard,
}

struct Desk {
    app: Arc<App>,
    public_url: String,
    token: String,
    /// Cancelled, it stops the server.
    stop: CancellationToken,
}

impl Admin {
    /// Opens the door of a server that is about to be served at `local`, and that `stop` stops.
    ///
    /// # Errors
    /// If the file cannot be written or no loopback port is free.
    pub async fn start(
        server: &Server,
        local: SocketAddr,
        stop: CancellationToken,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let door = Door {
            address: listener.local_addr()?,
            token: secret::hex(&secret::random::<32>()),
        };
        let file = file(&server.app().config);
        write_private(&file, &serde_json::to_vec(&door)?)?;
        let desk = Arc::new(Desk {
            app: Arc::clone(server.app()),
            public_url: server.public_url(local),
            token: door.token,
            stop,
        });
        let routes = Router::new().route("/", post(answer)).with_state(desk);
        let closed = CancellationToken::new();
        let stop = closed.clone();
        tokio::spawn(async move {
            let served =
                axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned());
            if let Err(error) = served.await {
                tracing::warn!(%error, "sub-commands cannot reach the server any more");
            }
        });
        Ok(Self {
            file,
            _open: closed.drop_guard(),
        })
    }

    /// Closes the door.
    pub fn end(self) {
        // If it stays it names a door that is closed, and sub-commands pass it over.
        let _ = std::fs::remove_file(&self.file);
    }
}

async fn answer(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok());
    let token = given
        .and_then(|v| v.strip_prefix("Bearer "))
        .unwrap_or_default();
    if !secret::same(token, &desk.token) {
        return (StatusCode::UNAUTHORIZED, "wrong token".to_owned());
    }
    let Ok(task) = serde_json::from_slice(&body) else {
        return (
            StatusCode::BAD_REQUEST,
            "unknown task: is this another version?".to_owned(),
        );
    };
    if matches!(task, Task::Drain) {
        desk.stop.cancel();
        return (StatusCode::OK, String::new());
    }
    match perform(&desk.app, &desk.public_url, &task).await {
        Ok(said) => (StatusCode::OK, said),
        Err(why) => (StatusCode::UNPROCESSABLE_ENTITY, why),
    }
}

async fn perform(app: &App, public_url: &str, task: &Task) -> Result<String, String> {
    match task {
        Task::Invite { groups, uses } => {
            let groups = groups
                .iter()
                .map(|name| group(name))
                .collect::<Result<_, _>>()?;
            let code = app.auth.invite(Kind::User, groups, *uses).await;
            Ok(code.map_err(|error| error.to_string())?.link(public_url))
        }
        Task::RotateKeys => {
            app.auth
                .rotate_keys()
                .await
                .map_err(|error| error.to_string())?;
            Ok(String::new())
        }
        Task::Drain => Err("there is no running server to drain".to_owned()),
    }
}

fn group(name: &str) -> Result<Name, String> {
    match Topic::parse(name) {
        Ok(topic) => Ok(topic.name),
        Err(rule) => Err(format!("'{}': {rule}", name.escape_debug())),
    }
}

/// Has a task done: by the running server if there is one, else on the data folder itself.
///
/// # Errors
/// Why not, as a sentence.
pub async fn ask(config: &Config, task: &Task) -> anyhow::Result<String> {
    if let Some(door) = door(config) {
        let asked = tokio::time::timeout(limits::ADMIN_WAIT, ask_there(&door, task));
        match asked.await {
            Ok(Ok(Some(said))) => return Ok(said),
            // The file is of a server that is gone.
            Ok(Ok(None)) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => anyhow::bail!("the server did not answer in time"),
        }
    }
    // Nobody is told of anything by this process, so it needs no bus.
    let alone = Config {
        bus: Bus::Local,
        bus_credentials: None,
        bus_ca: None,
        ..config.clone()
    };
    let server = Server::open(alone).await?;
    let local = format!("{}:{}", config.host, config.port);
    let public_url = config.public_url.clone();
    let public_url = public_url.unwrap_or_else(|| format!("http://{local}"));
    let done = perform(server.app(), &public_url, task).await;
    server.app().store.close().await;
    done.map_err(anyhow::Error::msg)
}

/// Stops the running server, and waits until it is gone: its door is closed as the last thing it does.
///
/// # Errors
/// There is none, or it is still there after its drain is over.
pub async fn drain(config: &Config) -> anyhow::Result<()> {
    let Some(door) = door(config) else {
        anyhow::bail!("no server runs on {}", config.data.display());
    };
    let asked = tokio::time::timeout(limits::ADMIN_WAIT, ask_there(&door, &Task::Drain));
    match asked.await {
        Ok(Ok(Some(_))) => {}
        Ok(Ok(None)) => anyhow::bail!("no server runs on {}", config.data.display()),
        Ok(Err(error)) => return Err(error),
        Err(_) => anyhow::bail!("the server did not answer in time"),
    }
    let gone = async {
        while TcpStream::connect(door.address).await.is_ok() {
            tokio::time::sleep(limits::DRAIN_LOOK).await;
        }
    };
    let patience = config.drain + limits::CLOSE_WAIT + limits::ADMIN_WAIT;
    if tokio::time::timeout(patience, gone).await.is_err() {
        anyhow::bail!("the server is still there, although its drain is over");
    }
    Ok(())
}

fn door(config: &Config) -> Option<Door> {
    let text = std::fs::read(file(config)).ok()?;
    serde_json::from_slice(&text).ok()
}

/// None: nobody is behind the door.
async fn ask_there(door: &Door, task: &Task) -> anyhow::Result<Option<String>> {
    let Ok(stream) = TcpStream::connect(door.address).await else {
        return Ok(None);
    };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driven = tokio::spawn(connection);
    let request = Request::post("/")
        .header(header::HOST, door.address.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {}", door.token))
        .body(Full::new(Bytes::from(serde_json::to_vec(task)?)))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), limits::ADMIN_BYTES_MAX)
        .collect()
        .await
        .map_err(anyhow::Error::from_boxed)?
        .to_bytes();
    driven.abort();
    let said = String::from_utf8_lossy(&body).into_owned();
    anyhow::ensure!(
        status.is_success(),
        "the server refused: {}",
        said.escape_debug()
    );
    Ok(Some(said))
}

fn file(config: &Config) -> PathBuf {
    config.data.join("admin.json")
}

/// Writes a file that its owner alone can read. Whole or not at all: a sub-command may read it meanwhile.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let beside = path.with_extension("json.new");
    // One that a crash left behind may have been made with other rights.
    let _ = std::fs::remove_file(&beside);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&beside)?.write_all(bytes)?;
    std::fs::rename(&beside, path)
}
