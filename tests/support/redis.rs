//! A Redis of a test's own, on a free port, that keeps nothing on the disk.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::daemon::{Daemon, found};
use crate::{eventually, port, soon};

/// The password of one that asks for it, in a test and nowhere else.
const PASSWORD: &str = "only-of-tests";

/// A running server.
#[derive(Debug)]
pub struct Redis {
    daemon: Daemon,
    program: PathBuf,
    guarded: bool,
    port: u16,
    folder: TempDir,
}

impl Redis {
    /// Starts one that is open to everybody on this machine; nothing where Redis is not installed.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start() -> Option<Self> {
        Self::new(false).await
    }

    /// Starts one that lets in only who has the password; nothing where Redis is not installed.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn guarded() -> Option<Self> {
        Self::new(true).await
    }

    async fn new(guarded: bool) -> Option<Self> {
        let program = found("redis-server")?;
        let folder = TempDir::new().expect("a folder for the test");
        let mut settings = "bind 127.0.0.1\nsave \"\"\nappendonly no\n".to_owned();
        if guarded {
            settings += &format!("requirepass {PASSWORD}\n");
        }
        fs::write(folder.path().join("redis.conf"), settings).expect("a file of settings");
        let mut port = port::free();
        let daemon = loop {
            match serve(&program, &folder, port).await {
                Some(daemon) => break daemon,
                None => port = port::free(),
            }
        };
        Some(Self {
            daemon,
            program,
            guarded,
            port,
            folder,
        })
    }

    /// The URL that a client is given, with what it needs to get in.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_through(self.address())
    }

    /// The URL through another address, such as that of a proxy.
    #[must_use]
    pub fn url_through(&self, address: SocketAddr) -> String {
        if self.guarded {
            format!("redis://:{PASSWORD}@{address}")
        } else {
            format!("redis://{address}")
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The password that may stand in the URL, and must stand nowhere else.
    #[must_use]
    pub fn secret(&self) -> &'static str {
        PASSWORD
    }

    /// The channels that anybody listens to, in order.
    ///
    /// # Panics
    /// When the server does not tell.
    pub async fn subscriptions(&self) -> Vec<String> {
        let said = soon("the channels of Redis", self.ask("PUBSUB CHANNELS")).await;
        let said = said.expect("Redis answers");
        // Lengths and states begin with a sign; what is left are the names.
        let names = said
            .lines()
            .filter(|line| !line.starts_with(['*', '$', '+']));
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort_unstable();
        names
    }

    /// Cuts the connections on which commands are given, and leaves those that only listen.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn cut_talkers(&self) {
        let killed = self.ask("CLIENT KILL TYPE normal SKIPME yes");
        soon("the connections are cut", killed)
            .await
            .expect("Redis answers");
    }

    /// The answer to a command, as it stands on the wire, after those to the log-in and before the farewell.
    async fn ask(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.address()).await?;
        let login = match self.guarded {
            true => format!("AUTH {PASSWORD}\r\n"),
            false => String::new(),
        };
        let all = format!("{login}{command}\r\nQUIT\r\n");
        stream.write_all(all.as_bytes()).await?;
        let mut said = String::new();
        stream.read_to_string(&mut said).await?;
        Ok(said)
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
        self.daemon = eventually("Redis starts again", async || {
            serve(&self.program, &self.folder, self.port).await
        })
        .await;
    }
}

/// Starts the server and waits until it takes connections; nothing when it ended instead.
async fn serve(program: &Path, folder: &TempDir, port: u16) -> Option<Daemon> {
    let port = port.to_string();
    let args = ["redis.conf", "--port", &port];
    let mut daemon = Daemon::start(program, args, folder.path(), None);
    daemon
        .says("Ready to accept connections")
        .await
        .then_some(daemon)
}
