//! One process of the server: the program itself, on a free port, with a data folder that is gone when the test is.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::{port, program, soon};

/// A running process.
#[derive(Debug)]
pub struct Node {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its data folder.
    pub data: PathBuf,
    args: Vec<OsString>,
    process: Process,
    folder: TempDir,
}

impl Node {
    /// Starts one with these arguments on any free port, and with `data` for its folder if the test brought one.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(args: Vec<OsString>, data: Option<PathBuf>) -> Self {
        match Self::try_start(args, data, 0).await {
            Ok(node) => node,
            Err(log) => panic!("the server did not come up:\n{log}"),
        }
    }

    /// Starts one on a port that nobody else takes while it is away for a moment.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start_to_return(args: Vec<OsString>) -> Self {
        loop {
            match Self::try_start(args.clone(), None, port::free()).await {
                Ok(node) => return node,
                Err(log) if log.contains("in use") => {}
                Err(log) => panic!("the server did not come up:\n{log}"),
            }
        }
    }

    async fn try_start(
        args: Vec<OsString>,
        data: Option<PathBuf>,
        port: u16,
    ) -> Result<Self, String> {
        let folder = TempDir::new().expect("a folder for the test");
        let data = data.unwrap_or_else(|| folder.path().join("data"));
        let mut all: Vec<OsString> = vec!["--data".into(), data.clone().into()];
        all.extend(args);
        let (process, first) = Process::start(&folder, &all, port).await?;
        let address = first
            .strip_prefix("listening on http://")
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("the first line of the server was {first:?}"));
        Ok(Self {
            address,
            data,
            args: all,
            process,
            folder,
        })
    }

    /// The URL that a client is given.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next line that it prints.
    ///
    /// # Panics
    /// When there is none.
    pub async fn next_line(&mut self) -> String {
        let line = soon("a line of the server", self.process.stdout.next_line()).await;
        line.expect("its output can be read").expect("a line")
    }

    /// What it has logged.
    ///
    /// # Panics
    /// When the file is gone.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(log_of(&self.folder)).expect("the log of the server")
    }

    /// The number of its process.
    ///
    /// # Panics
    /// When it has ended.
    #[must_use]
    pub fn pid(&self) -> Pid {
        let id = self.process.child.id().expect("the server runs");
        Pid::from_raw(i32::try_from(id).expect("a process has a small number"))
    }

    /// Whether it still runs.
    #[must_use]
    pub fn runs(&mut self) -> bool {
        matches!(self.process.child.try_wait(), Ok(None))
    }

    /// Gives it a signal.
    ///
    /// # Panics
    /// When it has ended.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("a child takes signals");
    }

    /// Kills it without a warning.
    ///
    /// # Panics
    /// When it has ended before.
    pub async fn kill9(&mut self) {
        self.signal(Signal::SIGKILL);
        self.ended().await;
    }

    /// Asks it to stop, and waits until it has.
    ///
    /// # Panics
    /// When it does not stop.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.ended().await
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = soon("the end of the server", self.process.child.wait()).await;
        ended.expect("a child can be waited for")
    }

    /// Starts it again with the same data, on the same port.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn restart(&mut self) {
        let port = self.address.port();
        let started = Process::start(&self.folder, &self.args, port).await;
        let (process, first) = match started {
            Ok(started) => started,
            Err(log) => panic!("the server did not come up again:\n{log}"),
        };
        assert_eq!(first, format!("listening on {}", self.url()));
        self.process = process;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(log_of(&self.folder)).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.len().saturating_sub(40);
            let said = lines[last..].join("\n");
            eprintln!("the last the server at {} said:\n{said}", self.address);
        }
    }
}

/// The running process, and what is left to read of its standard output.
#[derive(Debug)]
struct Process {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts it and gives its first line, or what it has logged when there is none.
    async fn start(
        folder: &TempDir,
        args: &[OsString],
        port: u16,
    ) -> Result<(Self, String), String> {
        let log = log_of(folder);
        let stderr = File::options().create(true).append(true).open(&log);
        // What the shell ignores stays ignored: a file that may not grow is then an error, and not the end.
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
            .arg(program("chat-server"))
            .args(["--port", &port.to_string()])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr.expect("a file for the log"))
            .kill_on_drop(true)
            .spawn()
            .expect("the server starts");
        let stdout = child.stdout.take().expect("its output is a pipe");
        let mut stdout = BufReader::new(stdout).lines();
        let first = soon("the first line of the server", stdout.next_line()).await;
        match first {
            Ok(Some(first)) => Ok((Self { child, stdout }, first)),
            _ => Err(fs::read_to_string(log).unwrap_or_default()),
        }
    }
}

fn log_of(folder: &TempDir) -> PathBuf {
    folder.path().join("server.log")
}
