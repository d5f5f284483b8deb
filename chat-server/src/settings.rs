//! The options as they may be given: by flag, by environment, or as a key of the file. Which of them holds is decided in
//! [`crate::config`].

use std::path::{Path, PathBuf};
use std::str::FromStr;

use chat_proto::api::Secret;
use serde::{Deserialize, Deserializer};

/// Who may sign up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignUp {
    /// Who has an invite.
    #[default]
    Invite,
    /// Everybody.
    Open,
    /// Nobody.
    Closed,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object a line, for programs.
    Json,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It holds.
    On,
    /// It does not.
    Off,
}

/// Where messages are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Database {
    /// In one file of the data folder.
    #[default]
    Sqlite,
    /// In a database that several nodes share. The URL may hold a password.
    Postgres(Secret),
}

impl TryFrom<Secret> for Database {
    type Error = ConfigError;
    fn try_from(word: Secret) -> Result<Self, ConfigError> {
        match word.expose().split_once("://") {
            None if word.expose() == "sqlite" => Ok(Self::Sqlite),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(word)),
            // The word may hold a password, so it is not repeated.
            _ => wrong("database: it is sqlite, or a URL written as postgres://user@host/database"),
        }
    }
}

/// How nodes tell each other of news.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Bus {
    /// There is one node.
    #[default]
    Local,
    /// Over NATS. The URLs may hold a password.
    Nats(Secret),
    /// Over pub/sub of Redis. The URL may hold a password.
    Redis(Secret),
}

impl TryFrom<Secret> for Bus {
    type Error = ConfigError;
    fn try_from(word: Secret) -> Result<Self, ConfigError> {
        match word.expose().split_once("://") {
            None if word.expose() == "local" => Ok(Self::Local),
            Some(("nats" | "tls", _)) => Ok(Self::Nats(word)),
            Some(("redis" | "rediss", _)) => Ok(Self::Redis(word)),
            // The word may hold a password, so it is not repeated.
            _ => wrong(
                "bus: it is local, or a URL written as nats://host:4222, tls://host:4222, \
                 redis://host:6379 or rediss://host:6379",
            ),
        }
    }
}

/// Takes a word as it is: what is wrong with it is told later, without repeating it.
#[expect(clippy::unnecessary_wraps, reason = "a parser of clap's")]
fn unread(word: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret(word.to_owned()))
}

/// A port, or what Kubernetes puts into the variable of that name for a service called `chat-server`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// A port; 0 is any free one.
    Number(u16),
    /// `tcp://10.0.0.1:8080`: no port, and none of ours.
    Service,
}

impl FromStr for Port {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("tcp://") {
            return Ok(Self::Service);
        }
        text.parse().map(Self::Number)
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u16::deserialize(deserializer).map(Self::Number)
    }
}

/// Every option as it may be given: by flag, by environment, or as a key of the file.
#[derive(Debug, Clone, Default, clap::Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Port to listen on; 0 takes any free one and tells it [default: 8080]
    #[arg(
        long,
        env = "CHAT_SERVER_PORT",
        global = true,
        help_heading = "Address"
    )]
    pub port: Option<Port>,
    /// Address to listen on [default: 127.0.0.1]
    #[arg(
        long,
        env = "CHAT_SERVER_HOST",
        global = true,
        help_heading = "Address"
    )]
    pub host: Option<String>,
    /// URL under which people reach the server, for links [default: http://HOST:PORT]
    #[arg(
        long,
        env = "CHAT_SERVER_PUBLIC_URL",
        value_name = "URL",
        global = true,
        help_heading = "Address"
    )]
    #[serde(alias = "public_url")]
    pub public_url: Option<String>,
    /// Web page that may open the socket, as scheme://host (repeatable) [default: none]
    #[arg(
        long,
        env = "CHAT_SERVER_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ',',
        help_heading = "Address"
    )]
    pub origin: Vec<String>,

    /// Folder with everything the server keeps [default: the platform's data folder]
    #[arg(
        long,
        env = "CHAT_SERVER_DATA",
        value_name = "DIR",
        global = true,
        help_heading = "Storage"
    )]
    pub data: Option<PathBuf>,
    /// Database: sqlite, or postgres://user@host/database for several nodes [default: sqlite]
    ///
    /// A URL with a password belongs into the file or the environment, as everybody on the machine sees the arguments of
    /// a process.
    #[arg(
        long,
        env = "CHAT_SERVER_DATABASE",
        value_parser = unread,
        hide_env_values = true,
        value_name = "URL",
        global = true,
        help_heading = "Storage"
    )]
    pub database: Option<Secret>,
    /// Bus between nodes: local, nats://host:4222 or redis://host:6379 [default: local]
    ///
    /// Several NATS servers of one cluster are named with commas between them; tls:// and rediss:// ask for TLS.
    #[arg(
        long,
        env = "CHAT_SERVER_BUS",
        value_parser = unread,
        hide_env_values = true,
        value_name = "URL",
        global = true,
        help_heading = "Storage"
    )]
    pub bus: Option<Secret>,
    /// File with the credentials for NATS (.creds) [default: none]
    #[arg(
        long,
        env = "CHAT_SERVER_BUS_CREDENTIALS",
        value_name = "FILE",
        help_heading = "Storage"
    )]
    #[serde(alias = "bus_credentials")]
    pub bus_credentials: Option<PathBuf>,
    /// File with the authority that signed the bus's certificate (PEM) [default: the platform's]
    #[arg(
        long,
        env = "CHAT_SERVER_BUS_CA",
        value_name = "FILE",
        help_heading = "Storage"
    )]
    #[serde(alias = "bus_ca")]
    pub bus_ca: Option<PathBuf>,

    /// Who may sign up [default: invite]
    #[arg(long, env = "CHAT_SERVER_SIGNUP", help_heading = "People")]
    pub signup: Option<SignUp>,
    /// Public topic that all newcomers join [default: none]
    #[arg(
        long,
        env = "CHAT_SERVER_LOBBY",
        value_name = "NAME",
        help_heading = "People"
    )]
    pub lobby: Option<String>,
    /// Seconds after the last connection until a person is told to be offline [default: 5]
    #[arg(
        long,
        env = "CHAT_SERVER_PRESENCE_GRACE",
        value_name = "SECONDS",
        help_heading = "People"
    )]
    #[serde(alias = "presence_grace")]
    pub presence_grace: Option<u64>,

    /// Messages a second that a user may send; 0 lifts the limit [default: 1]
    #[arg(
        long,
        env = "CHAT_SERVER_SEND_RATE",
        value_name = "RATE",
        help_heading = "Limits"
    )]
    #[serde(alias = "send_rate")]
    pub send_rate: Option<f64>,
    /// Messages that a user may send at once [default: 20]
    #[arg(
        long,
        env = "CHAT_SERVER_SEND_BURST",
        value_name = "COUNT",
        help_heading = "Limits"
    )]
    #[serde(alias = "send_burst")]
    pub send_burst: Option<u32>,
    /// Limits by address on what is not authenticated yet [default: on]
    #[arg(long, env = "CHAT_SERVER_ADDRESS_LIMITS", help_heading = "Limits")]
    #[serde(alias = "address_limits")]
    pub address_limits: Option<Switch>,

    /// What is logged: a level, or directives such as warn,chat_server=debug [default: info]
    #[arg(
        long,
        env = "CHAT_SERVER_LOG",
        value_name = "LEVEL",
        help_heading = "Operation"
    )]
    pub log: Option<String>,
    /// How it is logged [default: text]
    #[arg(
        long,
        env = "CHAT_SERVER_LOG_FORMAT",
        value_name = "FORMAT",
        help_heading = "Operation"
    )]
    #[serde(alias = "log_format")]
    pub log_format: Option<LogFormat>,
    /// File with the token that opens /metrics to others than this machine [default: none]
    #[arg(
        long,
        env = "CHAT_SERVER_METRICS_TOKEN_FILE",
        value_name = "FILE",
        help_heading = "Operation"
    )]
    #[serde(alias = "metrics_token_file")]
    pub metrics_token_file: Option<PathBuf>,
    /// Seconds to wait for requests and connections when stopping [default: 10]
    #[arg(
        long,
        env = "CHAT_SERVER_DRAIN",
        value_name = "SECONDS",
        help_heading = "Operation"
    )]
    pub drain: Option<u64>,
}

/// A choice that cannot be; the sentence names it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

pub(crate) fn wrong<T>(why: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError(why.into()))
}

impl Settings {
    /// Reads the file; keys are those of the flags, with `-` or `_`.
    ///
    /// # Errors
    /// Names the file, the line and the key.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_toml(&text, path),
            Err(error) => wrong(format!("could not read {}: {error}", path.display())),
        }
    }

    pub(crate) fn from_toml(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = text.as_bytes()[..at]
                .iter()
                .filter(|b| **b == b'\n')
                .count()
                + 1;
            // Of an unknown key the parser's sentence names it; of a wrong value it does not name the key.
            let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
            let key = text[start..].split(['=', '\n']).next().unwrap_or_default();
            let (path, key) = (path.display(), key.trim().escape_debug());
            ConfigError(format!("{path}:{line}: '{key}': {}", error.message()))
        })
    }

    /// What is chosen here, else there.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            port: match self.port {
                Some(Port::Number(_)) => self.port,
                Some(Port::Service) | None => other.port,
            },
            host: self.host.or(other.host),
            public_url: self.public_url.or(other.public_url),
            origin: if self.origin.is_empty() {
                other.origin
            } else {
                self.origin
            },
            data: self.data.or(other.data),
            database: self.database.or(other.database),
            bus: self.bus.or(other.bus),
            bus_credentials: self.bus_credentials.or(other.bus_credentials),
            bus_ca: self.bus_ca.or(other.bus_ca),
            signup: self.signup.or(other.signup),
            lobby: self.lobby.or(other.lobby),
            presence_grace: self.presence_grace.or(other.presence_grace),
            send_rate: self.send_rate.or(other.send_rate),
            send_burst: self.send_burst.or(other.send_burst),
            address_limits: self.address_limits.or(other.address_limits),
            log: self.log.or(other.log),
            log_format: self.log_format.or(other.log_format),
            metrics_token_file: self.metrics_token_file.or(other.metrics_token_file),
            drain: self.drain.or(other.drain),
        }
    }
}
