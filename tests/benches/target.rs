//! What is measured: the relay, the real server, or two nodes of it, with their people, reached over the wire only.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use chat_tests::Call;
use serde_json::{Value, json};

use crate::clock;
use crate::ground::Ground;
use crate::options::Options;
use crate::process::Process;
use crate::socket::{Socket, Way, connect_each};
use crate::stat::cpu_of_program;

/// Access tokens are good for a quarter of an hour; they are renewed well before.
const TOKEN_AGE_MAX: Duration = Duration::from_secs(8 * 60);
/// How many nodes there are where there are several.
pub(crate) const NODES: usize = 2;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Forwards and forgets.
    Relay,
    /// The product, alone, on its embedded store.
    Server,
    /// The product as two nodes on one PostgreSQL and one NATS.
    Nodes,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relay => "relay",
            Self::Server => "server",
            Self::Nodes => "nodes",
        })
    }
}

struct User {
    name: String,
    token: String,
    refresh_token: String,
}

/// CPU that was spent until a moment, by whom.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    /// By what is measured; by all nodes together.
    pub(crate) own: Duration,
    /// By the PostgreSQL below it, if there is one.
    pub(crate) postgres: Duration,
    /// By the NATS below it, if there is one.
    pub(crate) nats: Duration,
}

impl Cpu {
    /// What was spent between two moments.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            own: self.own.saturating_sub(before.own),
            postgres: self.postgres.saturating_sub(before.postgres),
            nats: self.nats.saturating_sub(before.nats),
        }
    }
}

/// Processes under measurement and the accounts on them.
pub(crate) struct Target {
    kind: Kind,
    /// As many as there are nodes, and one where there are none. They end before what they stand on.
    processes: Vec<Process>,
    users: Vec<User>,
    tokens_made: Duration,
    ground: Option<Ground>,
    /// The server's data, gone with the run.
    data: tempfile::TempDir,
}

impl Target {
    /// Starts the relay.
    pub(crate) fn relay() -> anyhow::Result<Self> {
        let mut relay = Self::new(Kind::Relay, None)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--relay");
        relay.processes.push(Process::start(command)?);
        Ok(relay)
    }

    /// Starts the server.
    pub(crate) fn server(options: &Options) -> anyhow::Result<Self> {
        let mut server = Self::new(Kind::Server, None)?;
        let command = command(options, server.data.path());
        server.processes.push(Process::start(command)?);
        Ok(server)
    }

    /// Starts the nodes, and what they stand on; nothing where that is not installed.
    pub(crate) async fn nodes(options: &Options) -> anyhow::Result<Option<Self>> {
        let Some(ground) = Ground::start().await else {
            return Ok(None);
        };
        let args = ground.args();
        let mut nodes = Self::new(Kind::Nodes, Some(ground))?;
        // One after the other: the first one makes the tables.
        for node in 0..NODES {
            let mut command = command(options, &nodes.data.path().join(node.to_string()));
            command.args(&args);
            nodes.processes.push(Process::start(command)?);
        }
        Ok(Some(nodes))
    }

    fn new(kind: Kind, ground: Option<Ground>) -> anyhow::Result<Self> {
        Ok(Self {
            kind,
            processes: Vec::new(),
            users: Vec::new(),
            tokens_made: clock::now(),
            ground,
            data: tempfile::tempdir()?,
        })
    }

    /// Which of them it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Where the first node listens, or the only one.
    pub(crate) fn address(&self) -> SocketAddr {
        self.processes[0].address()
    }

    /// User and system time until now, those threads included that ended, in steps of 10 ms.
    pub(crate) fn cpu(&self) -> anyhow::Result<Cpu> {
        let mut cpu = Cpu::default();
        for process in &self.processes {
            cpu.own += process.cpu()?;
        }
        if self.ground.is_some() {
            cpu.postgres = cpu_of_program("postgres")?;
            cpu.nats = cpu_of_program("nats-server")?;
        }
        Ok(cpu)
    }

    /// Time on a CPU of the threads that live, by the nanosecond: for what is too short for [`Target::cpu`].
    pub(crate) fn cpu_of_threads(&self) -> anyhow::Result<Duration> {
        self.processes.iter().map(Process::cpu_of_threads).sum()
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> anyhow::Result<f64> {
        self.processes.iter().map(Process::resident_kib).sum()
    }

    /// What all nodes together counted under this name, which may end in labels.
    pub(crate) async fn counted(&self, name: &str) -> anyhow::Result<f64> {
        let mut sum = 0.0;
        for process in &self.processes {
            let answer = Call::get("/metrics").try_send(process.address()).await?;
            let counts = answer.text.lines().filter_map(|line| {
                let (counter, count) = line.rsplit_once(' ')?;
                (counter == name).then(|| count.parse::<f64>())
            });
            sum += counts.sum::<Result<f64, _>>()?;
        }
        Ok(sum)
    }

    /// Ends the process and starts it again on the same data, so that its memory tells nothing of the past.
    pub(crate) fn restart(&mut self) -> anyhow::Result<()> {
        self.processes.iter_mut().try_for_each(Process::restart)
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
        let call = Call::post("/v1/accounts", &body);
        user(name, &self.answer(call).await?)
    }

    async fn renew(&mut self) -> anyhow::Result<()> {
        self.tokens_made = clock::now();
        if self.kind == Kind::Relay {
            return Ok(());
        }
        let mut renewed = Vec::with_capacity(self.users.len());
        for old in &self.users {
            let body = json!({"refresh_token": old.refresh_token});
            let call = Call::post("/v1/sessions/refresh", &body);
            renewed.push(user(old.name.clone(), &self.answer(call).await?)?);
        }
        self.users = renewed;
        Ok(())
    }

    /// A group of the first `count` users; the name is new in each run.
    pub(crate) async fn group(&self, count: usize) -> anyhow::Result<String> {
        let name = format!("g-{:08x}", fastrand::u32(..));
        if self.kind != Kind::Relay {
            let users: Vec<&str> = (1..count).map(|user| self.name(user)).collect();
            let body = json!({"name": name, "users": users, "text": "welcome"});
            let call = Call::post("/v1/groups", &body).token(self.token(0));
            self.answer(call).await?;
        }
        Ok(name)
    }

    async fn answer(&self, call: Call) -> anyhow::Result<Value> {
        let answer = call.try_send(self.address()).await?;
        let (status, text) = (answer.status, answer.text);
        ensure!(
            (200..300).contains(&status),
            "a request gave {status}: {text}"
        );
        Ok(serde_json::from_str(&text)?)
    }

    /// How a user gets in: the even ones at the first node, the odd ones at the second, where there are two.
    pub(crate) fn way(&self, user: usize) -> Way {
        self.way_to(user, user)
    }

    /// How a user gets in at a node; without several there is the one.
    pub(crate) fn way_to(&self, node: usize, user: usize) -> Way {
        Way {
            address: self.processes[node % self.processes.len()].address(),
            token: self.token(user).to_owned(),
        }
    }

    /// Connections of users, one each.
    pub(crate) async fn connect_each(
        &self,
        users: impl Iterator<Item = usize>,
    ) -> anyhow::Result<Vec<Socket>> {
        connect_each(users.map(|user| self.way(user))).await
    }
}

/// The server with its data in a folder.
fn command(options: &Options, data: &Path) -> Command {
    let mut command = Command::new(&options.server);
    command.args(["--port", "0", "--signup", "open", "--log", "error"]);
    command.args(["--send-rate", "0", "--address-limits", "off", "--data"]);
    command.arg(data);
    command
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
