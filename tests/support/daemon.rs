//! A server program of others that a test starts, with all of its processes, none of which outlives the test.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::eventually;

/// Who a program runs as: user and group, or whoever runs the test.
pub(crate) type RunsAs = Option<(u32, u32)>;

/// How long a program may take to tidy up after itself when the test is over.
const TIDY: Duration = Duration::from_secs(2);

/// A running program.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
    /// How long the log was when it started.
    log_before: usize,
    /// What it is asked to end with when the test is over.
    farewell: Signal,
}

impl Daemon {
    /// Starts `program` in `folder`, where it writes what it says to `daemon.log`.
    ///
    /// It leads a group of its own, so that nothing that is meant for the test reaches it; and the system kills it when
    /// the test dies without a word. That follows the thread which starts it: one that lives as long as the test.
    pub(crate) fn start<A: AsRef<OsStr>>(
        program: &Path,
        args: impl IntoIterator<Item = A>,
        folder: &Path,
        runs_as: RunsAs,
    ) -> Self {
        let log = folder.join("daemon.log");
        let said = File::options().create(true).append(true).open(&log);
        let said = said.expect("a file for the log");
        let log_before = fs::read(&log).map_or(0, |log| log.len());
        let mut command = match found("setpriv") {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "--"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        if let Some((user, group)) = runs_as {
            command.uid(user).gid(group);
        }
        let child = command
            .args(args)
            .current_dir(folder)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(said.try_clone().expect("a second handle of the log"))
            .stderr(said)
            .spawn();
        Self {
            child: child.unwrap_or_else(|error| panic!("{}: {error}", program.display())),
            log_before,
            log,
            farewell: Signal::SIGTERM,
        }
    }

    /// What it is asked to end with when the test is over; `SIGTERM` by default.
    pub(crate) fn farewell(mut self, signal: Signal) -> Self {
        self.farewell = signal;
        self
    }

    /// The number of its first process.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process has a small number"))
    }

    /// How it ended, if it has.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// Gives a signal to all of its processes.
    ///
    /// # Panics
    /// When it has ended.
    pub(crate) fn signal(&self, signal: Signal) {
        self.signal_first(signal);
        self.signal_children(signal);
    }

    fn signal_children(&self, signal: Signal) {
        for child in children(self.pid()) {
            // It may have ended by itself.
            let _ = kill(child, signal);
        }
    }

    /// Gives a signal to the first process alone.
    pub(crate) fn signal_first(&self, signal: Signal) {
        kill(self.pid(), signal).expect("a child takes signals");
    }

    /// Kills all of its processes without a warning.
    pub(crate) fn kill9(&mut self) {
        if self.has_ended().is_none() {
            // Who stands still has no more children.
            self.signal_first(Signal::SIGSTOP);
            self.signal_children(Signal::SIGKILL);
            self.signal_first(Signal::SIGKILL);
            self.child.wait().expect("a child can be waited for");
        }
    }

    /// Waits for the end of the first process.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        eventually("the end of a program", async || self.has_ended()).await
    }

    /// Waits until it says `words`; whether it did before it ended.
    pub(crate) async fn says(&mut self, words: &str) -> bool {
        eventually(words, async || {
            let ended = self.has_ended().is_some();
            let log = self.log();
            let said = log.get(self.log_before..).unwrap_or_default();
            let said = said.contains(words);
            (said || ended).then_some(said)
        })
        .await
    }

    /// What it has said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.len().saturating_sub(20);
            eprintln!("{}:\n{}", self.log.display(), lines[last..].join("\n"));
        }
        if self.has_ended().is_some() {
            return;
        }
        // Who stands still hears nothing.
        self.signal(Signal::SIGCONT);
        self.signal_first(self.farewell);
        let pause = Duration::from_millis(5);
        let mut patience = TIDY;
        while !patience.is_zero() && self.has_ended().is_none() {
            std::thread::sleep(pause);
            patience = patience.saturating_sub(pause);
        }
        self.kill9();
    }
}

/// The processes that one has started, wherever the system tells; some leave the group of who started them.
fn children(parent: Pid) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten();
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers
        .filter(|number| parent_of(*number) == Some(parent))
        .map(Pid::from_raw)
        .collect()
}

fn parent_of(process: i32) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is the program's name in brackets, which may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let parent = fields.split_whitespace().nth(1)?.parse().ok()?;
    Some(Pid::from_raw(parent))
}

/// A program by its name: among those that `tests/run` installed beside the built ones, on the path, or where
/// Debian keeps servers.
pub(crate) fn found(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = built().map(|built| built.join("../tools/bin"));
    own.into_iter()
        .chain(std::env::split_paths(&path))
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// The folder of the programs that were built with this test, which lies in the target folder.
pub(crate) fn built() -> Option<PathBuf> {
    let test = std::env::current_exe().ok()?;
    let deps = test.ancestors().find(|folder| folder.ends_with("deps"));
    let built = deps.or(Some(&test))?.parent()?;
    Some(built.to_owned())
}
