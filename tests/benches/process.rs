//! A process that is measured: started, asked for its address, its CPU and its memory, and ended.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::stat::Stat;

/// A running process that said where it listens.
#[derive(Debug)]
pub(crate) struct Process {
    command: Command,
    running: Running,
}

#[derive(Debug)]
struct Running {
    child: Child,
    address: SocketAddr,
    /// Held open, so that a later line of the process meets no broken pipe.
    _stdout: BufReader<ChildStdout>,
}

impl Running {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
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
}

impl Process {
    /// Starts it and reads its first line, `listening on http://ADDRESS`.
    pub(crate) fn start(mut command: Command) -> anyhow::Result<Self> {
        let running = Running::start(&mut command)?;
        Ok(Self { command, running })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// User and system time of all its threads, those that ended included, in steps of 10 ms.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        Ok(Stat::of(self.id())?.cpu)
    }

    /// Time on a CPU of the threads that live, by the nanosecond: for what is too short for [`Process::cpu`].
    pub(crate) fn cpu_of_threads(&self) -> anyhow::Result<Duration> {
        let mut sum = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{}/task", self.id()))? {
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
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("a VmRSS line")?;
        let kib = line.trim().trim_end_matches(" kB");
        Ok(kib.parse()?)
    }

    /// Asks it to stop, waits until it did, and starts it anew.
    pub(crate) fn restart(&mut self) -> anyhow::Result<()> {
        kill(Pid::from_raw(i32::try_from(self.id())?), Signal::SIGTERM)?;
        self.running.child.wait()?;
        self.running = Running::start(&mut self.command)?;
        Ok(())
    }

    fn id(&self) -> u32 {
        self.running.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.running.child.kill();
        let _ = self.running.child.wait();
    }
}
