//! A process that is measured: started, asked for its address, its CPU and its memory, and ended.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// `/proc/PID/stat` counts hundredths of a second on every Linux (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// A running process that said where it listens.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
    /// Held open, so that a later line of the process meets no broken pipe.
    _stdout: BufReader<ChildStdout>,
}

impl Process {
    /// Starts it and reads its first line, `listening on http://ADDRESS`.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start {:?}", command.get_program()))?;
        let mut stdout = BufReader::new(child.stdout.take().context("its output is a pipe")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let Some(address) = line.trim().strip_prefix("listening on http://") else {
            let _ = child.kill();
            bail!("{:?} said {line:?} first", command.get_program());
        };
        Ok(Self {
            address: address.parse()?,
            child,
            _stdout: stdout,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// User and system time of all its threads, those that ended included, in steps of 10 ms.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field is the program's name in brackets, which may hold anything.
        let (_, fields) = stat.rsplit_once(')').context("a stat line")?;
        let ticks: Vec<u32> = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        Ok(TICK * ticks.iter().sum())
    }

    /// Time on a CPU of the threads that live, by the nanosecond: for what is too short for [`Process::cpu`].
    pub(crate) fn cpu_of_threads(&self) -> anyhow::Result<Duration> {
        let mut sum = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // A thread may end while we look.
            let Ok(stat) = fs::read_to_string(thread?.path().join("schedstat")) else {
                continue;
            };
            let nanos = stat.split_whitespace().next().context("a schedstat line")?;
            sum += Duration::from_nanos(nanos.parse()?);
        }
        Ok(sum)
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("a VmRSS line")?;
        let kib = line.trim().trim_end_matches(" kB");
        Ok(kib.parse()?)
    }

    /// Asks it to stop, waits until it did, and starts it anew.
    pub(crate) fn restart(&mut self, command: &mut Command) -> anyhow::Result<()> {
        kill(self.pid()?, Signal::SIGTERM)?;
        self.child.wait()?;
        *self = Self::start(command)?;
        Ok(())
    }

    fn pid(&self) -> anyhow::Result<Pid> {
        Ok(Pid::from_raw(i32::try_from(self.child.id())?))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
