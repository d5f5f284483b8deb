//! The real client program, with a home folder of its own.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::{program, soon};

/// Where commands of one person on one machine run.
#[derive(Debug)]
pub struct Cli {
    home: TempDir,
    env: Vec<(OsString, OsString)>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Its results.
    pub stdout: String,
    /// Its remarks.
    pub stderr: String,
}

impl Ended {
    /// The results, when the code is the one that must be.
    ///
    /// # Panics
    /// When it is another one.
    #[track_caller]
    pub fn expect(self, code: i32) -> String {
        assert_eq!(
            self.code,
            Some(code),
            "stdout {:?}, stderr {:?}",
            self.stdout,
            self.stderr
        );
        self.stdout
    }

    /// The lines of the results as JSON, when the code is the one that must be.
    ///
    /// # Panics
    /// When it is another one, or a line is no JSON.
    #[track_caller]
    #[must_use]
    pub fn json(self, code: i32) -> Vec<Value> {
        self.expect(code)
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }
}

impl Cli {
    /// A machine where nobody has logged in.
    ///
    /// # Panics
    /// When there is no room for a folder.
    #[must_use]
    pub fn new() -> Self {
        Self {
            home: TempDir::new().expect("a folder for the test"),
            env: Vec::new(),
        }
    }

    /// Its folder.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Sets a variable for all commands.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program("chat-tui"));
        // Nothing of the machine that runs the test reaches the program.
        command
            .env_clear()
            .env("CHAT_HOME", self.home())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end, with nothing to read.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn run(&self, args: &[&str]) -> Ended {
        let output = soon(&args.join(" "), self.command(args).output()).await;
        ended(output.expect("the program runs"))
    }

    /// Runs a command to its end, with `input` on its standard input.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn run_with(&self, args: &[&str], input: impl AsRef<[u8]>) -> Ended {
        let mut command = self.command(args);
        let mut child = command
            .stdin(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut stdin = child.stdin.take().expect("its input is a pipe");
        // A command that reads nothing may have closed it.
        let _ = stdin.write_all(input.as_ref()).await;
        drop(stdin);
        let output = soon(&args.join(" "), child.wait_with_output()).await;
        ended(output.expect("the program ends"))
    }

    /// Starts a command that goes on.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(&self, args: &[&str]) -> Running {
        let mut child = self.command(args).spawn().expect("the program runs");
        let stdout = child.stdout.take().expect("its output is a pipe");
        let stderr = child.stderr.take().expect("its remarks are a pipe");
        Running {
            child,
            stdout: BufReader::new(stdout).lines(),
            stderr: BufReader::new(stderr).lines(),
        }
    }
}

impl Default for Cli {
    fn default() -> Self {
        Self::new()
    }
}

fn ended(output: std::process::Output) -> Ended {
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("results are UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("remarks are UTF-8"),
    }
}

/// A command that goes on.
#[derive(Debug)]
pub struct Running {
    /// The process.
    pub child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Running {
    /// The next line of its results as JSON.
    ///
    /// # Panics
    /// When none comes, or it is no JSON.
    pub async fn json_line(&mut self) -> Value {
        let line = soon("a line of results", self.stdout.next_line()).await;
        let line = line.expect("its output can be read").expect("a line");
        serde_json::from_str(&line).expect("a line of JSON")
    }

    /// Waits for a line of remarks that holds `words`.
    ///
    /// # Panics
    /// When none comes.
    pub async fn remark(&mut self, words: &str) {
        soon(words, async {
            while let Some(line) = self
                .stderr
                .next_line()
                .await
                .expect("its remarks can be read")
            {
                if line.contains(words) {
                    return;
                }
            }
            panic!("the program ended without saying {words:?}");
        })
        .await;
    }

    /// Closes the end of the pipe that reads its results.
    #[must_use]
    pub fn without_reader(self) -> Child {
        self.child
    }

    /// Waits for its end, and gives its exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn code(&mut self) -> Option<i32> {
        let status = soon("the end of a command", self.child.wait()).await;
        status.expect("a child can be waited for").code()
    }
}
