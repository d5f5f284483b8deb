//! A NATS server of a test's own, on a free port, that tells who listens to what.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use serde::Deserialize;
use tempfile::TempDir;

use crate::daemon::{Daemon, found};
use crate::{Call, eventually, port};

/// The secret of those that ask for one, in a test and nowhere else.
const SECRET: &str = "only-of-tests";

/// How a NATS server is to be started; by default open to everybody on this machine.
#[derive(Debug, Default)]
pub struct Setup {
    /// What stands before the `@` of the URL.
    login: Option<String>,
    settings: Vec<String>,
}

impl Setup {
    /// Lets in only a user with a password.
    #[must_use]
    pub fn user(mut self) -> Self {
        self.login = Some(format!("chat:{SECRET}"));
        self.set(&format!(
            "authorization {{ user: chat, password: {SECRET} }}"
        ))
    }

    /// Lets in only who has a token.
    #[must_use]
    pub fn token(mut self) -> Self {
        self.login = Some(SECRET.to_owned());
        self.set(&format!("authorization {{ token: {SECRET} }}"))
    }

    /// Adds a line to its file of settings.
    #[must_use]
    pub fn set(mut self, line: &str) -> Self {
        self.settings.push(line.to_owned());
        self
    }

    /// Starts it; nothing where NATS is not installed.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(self) -> Option<Nats> {
        let program = found("nats-server")?;
        let folder = TempDir::new().expect("a folder for the test");
        let settings = folder.path().join("nats.conf");
        fs::write(settings, self.settings.join("\n")).expect("a file of settings");
        let (daemon, ports) = loop {
            let ports = [port::free(), port::free()];
            if let Some(daemon) = serve(&program, &folder, ports).await {
                break (daemon, ports);
            }
        };
        Some(Nats {
            daemon,
            program,
            login: self.login,
            ports,
            folder,
        })
    }
}

/// A running server.
#[derive(Debug)]
pub struct Nats {
    daemon: Daemon,
    program: PathBuf,
    login: Option<String>,
    /// Where clients connect, and where it tells about itself.
    ports: [u16; 2],
    folder: TempDir,
}

/// One connection, as the server tells of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Client {
    /// What it calls itself.
    #[serde(default)]
    pub name: String,
    /// The port that it came from.
    pub port: u16,
    /// Messages that it sent.
    pub in_msgs: u64,
    /// Messages that it was given.
    pub out_msgs: u64,
    /// The subjects that it listens to.
    #[serde(default, rename = "subscriptions_list")]
    pub subjects: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Clients {
    connections: Vec<Client>,
}

impl Nats {
    /// Starts one that is open to everybody; nothing where NATS is not installed.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start() -> Option<Self> {
        Self::setup().start().await
    }

    /// One that is to be started otherwise.
    #[must_use]
    pub fn setup() -> Setup {
        Setup::default()
    }

    /// The URL that a client is given, with what it needs to get in.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_through(self.address())
    }

    /// The URL through another address, such as that of a proxy.
    #[must_use]
    pub fn url_through(&self, address: SocketAddr) -> String {
        match &self.login {
            Some(login) => format!("nats://{login}@{address}"),
            None => format!("nats://{address}"),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports[0]).into()
    }

    /// The password or token that may stand in the URL, and must stand nowhere else.
    #[must_use]
    pub fn secret(&self) -> &'static str {
        SECRET
    }

    /// Everybody who is connected, with what they listen to.
    ///
    /// # Panics
    /// When the server does not tell.
    pub async fn clients(&self) -> Vec<Client> {
        let monitor = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports[1]));
        let answer = Call::get("/connz?subs=1&limit=1024").send(monitor).await;
        answer.read::<Clients>(200).connections
    }

    /// Deliveries that it made to those who are connected.
    ///
    /// # Panics
    /// When the server does not tell.
    pub async fn deliveries(&self) -> u64 {
        let clients = self.clients().await;
        clients.iter().map(|one| one.out_msgs).sum()
    }

    /// The subjects that anybody listens to, each as often as it is listened to, in order.
    ///
    /// # Panics
    /// When the server does not tell.
    pub async fn subscriptions(&self) -> Vec<String> {
        let clients = self.clients().await;
        let mut subjects: Vec<_> = clients.into_iter().flat_map(|one| one.subjects).collect();
        subjects.sort_unstable();
        subjects
    }

    /// Kills it without a warning.
    pub fn kill9(&mut self) {
        self.daemon.kill9();
    }

    /// Gives it a signal.
    ///
    /// # Panics
    /// When it has ended.
    pub fn signal(&self, signal: Signal) {
        self.daemon.signal(signal);
    }

    /// Starts it again on the same port; ends it before where it runs.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn restart(&mut self) {
        self.kill9();
        self.daemon = eventually("NATS starts again", async || {
            serve(&self.program, &self.folder, self.ports).await
        })
        .await;
    }

    /// What it has said.
    #[must_use]
    pub fn log(&self) -> String {
        self.daemon.log()
    }
}

/// Starts the server and waits until it takes connections; nothing when it ended instead.
async fn serve(program: &Path, folder: &TempDir, ports: [u16; 2]) -> Option<Daemon> {
    let [port, monitor] = ports.map(|port| port.to_string());
    let args = [
        "-a",
        "127.0.0.1",
        "-p",
        &port,
        "-m",
        &monitor,
        "-c",
        "nats.conf",
    ];
    let mut daemon = Daemon::start(program, args, folder.path(), None);
    daemon.says("Server is ready").await.then_some(daemon)
}
