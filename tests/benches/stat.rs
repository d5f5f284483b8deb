//! What the system counts for a process and for the processes of a program that this run has started: their CPU.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::Context;

/// `/proc/PID/stat` counts hundredths of a second on every Linux (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// A line of `/proc/PID/stat`.
pub(crate) struct Stat {
    program: String,
    parent: u32,
    /// User and system time of all its threads, those that ended included.
    pub(crate) cpu: Duration,
    /// The same of the children that ended.
    of_children: Duration,
}

impl Stat {
    /// That of one process.
    pub(crate) fn of(process: u32) -> anyhow::Result<Self> {
        Self::read(&fs::read_to_string(format!("/proc/{process}/stat"))?).context("a stat line")
    }

    fn read(line: &str) -> Option<Self> {
        // The second field is the program's name in brackets, which may hold anything.
        let (before, fields) = line.rsplit_once(") ")?;
        let (_, program) = before.split_once('(')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<u32>().ok();
        Some(Self {
            program: program.to_owned(),
            parent: fields.get(1)?.parse().ok()?,
            cpu: TICK * (ticks(11)? + ticks(12)?),
            of_children: TICK * (ticks(13)? + ticks(14)?),
        })
    }
}

/// CPU of all processes of a program below this one; those that ended are counted with who waited for them.
pub(crate) fn cpu_of_program(program: &str) -> anyhow::Result<Duration> {
    let all = all()?;
    let own = std::process::id();
    let ours = |mut process: u32| {
        while process != own {
            match all.get(&process) {
                Some(stat) => process = stat.parent,
                None => return false,
            }
        }
        true
    };
    let counted = all.iter().filter(|(_, stat)| stat.program == program);
    let counted = counted.filter(|(process, _)| ours(**process));
    Ok(counted.map(|(_, stat)| stat.cpu + stat.of_children).sum())
}

fn all() -> anyhow::Result<HashMap<u32, Stat>> {
    let mut all = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(process) = entry?.file_name().to_string_lossy().parse() else {
            continue;
        };
        // One may end while we look.
        if let Ok(stat) = Stat::of(process) {
            all.insert(process, stat);
        }
    }
    Ok(all)
}
