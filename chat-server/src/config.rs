//! What the operator chose: flags over environment over the file over defaults, into one [`Config`].

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use chat_proto::api::Secret;
use chat_proto::{Name, Sigil, Topic, limits as wire};
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Database {
    /// In one file of the data folder.
    #[default]
    Sqlite,
}

/// How nodes tell each other of news.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bus {
    /// There is one node.
    #[default]
    Local,
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
    /// Web page that may open the socket, such as https://chat.example (repeatable) [default: none]
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
    /// Database [default: sqlite]
    #[arg(long, env = "CHAT_SERVER_DATABASE", help_heading = "Storage")]
    pub database: Option<Database>,
    /// Bus between nodes [default: local]
    #[arg(long, env = "CHAT_SERVER_BUS", help_heading = "Storage")]
    pub bus: Option<Bus>,

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

fn wrong<T>(why: impl Into<String>) -> Result<T, ConfigError> {
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

    fn from_toml(text: &str, path: &Path) -> Result<Self, ConfigError> {
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

/// What holds.
#[derive(Debug, Clone)]
pub struct Config {
    /// Port to listen on; 0 is any free one.
    pub port: u16,
    /// Address to listen on.
    pub host: String,
    /// URL under which people reach the server; none: the address.
    pub public_url: Option<String>,
    /// Web pages that may open the socket.
    pub origins: Vec<String>,
    /// Folder with everything the server keeps.
    pub data: PathBuf,
    /// Where messages are kept.
    pub database: Database,
    /// How nodes tell each other of news.
    pub bus: Bus,
    /// Who may sign up.
    pub signup: SignUp,
    /// Public topic that all newcomers join.
    pub lobby: Option<Name>,
    /// From the last foreground connection until a person is told to be offline.
    pub presence_grace: Duration,
    /// Messages a second that a user may send; 0 lifts the limit.
    pub send_rate: f64,
    /// Messages that a user may send at once.
    pub send_burst: u32,
    /// Whether the limits by address hold.
    pub address_limits: bool,
    /// What is logged.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// What opens `/metrics` to others than this machine.
    pub metrics_token: Option<Secret>,
    /// How long to wait for requests and connections when stopping.
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let data = directories::ProjectDirs::from("", "", "chat-server")
            .map_or_else(|| "chat-server-data".into(), |dirs| dirs.data_dir().into());
        Self {
            port: 8080,
            host: "127.0.0.1".to_owned(),
            public_url: None,
            origins: Vec::new(),
            data,
            database: Database::Sqlite,
            bus: Bus::Local,
            signup: SignUp::Invite,
            lobby: None,
            presence_grace: Duration::from_secs(5),
            send_rate: wire::SEND_RATE,
            send_burst: wire::SEND_BURST,
            address_limits: true,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            metrics_token: None,
            drain: Duration::from_secs(10),
        }
    }
}

impl TryFrom<Settings> for Config {
    type Error = ConfigError;

    fn try_from(given: Settings) -> Result<Self, ConfigError> {
        let default = Self::default();
        Ok(Self {
            port: match given.port {
                Some(Port::Number(port)) => port,
                Some(Port::Service) | None => default.port,
            },
            host: given.host.unwrap_or(default.host),
            public_url: given.public_url.as_deref().map(public_url).transpose()?,
            origins: given
                .origin
                .into_iter()
                .map(|given| origin(&given))
                .collect::<Result<_, _>>()?,
            data: given.data.unwrap_or(default.data),
            database: given.database.unwrap_or(default.database),
            bus: given.bus.unwrap_or(default.bus),
            signup: given.signup.unwrap_or(default.signup),
            lobby: given.lobby.as_deref().map(lobby).transpose()?,
            presence_grace: seconds(given.presence_grace, default.presence_grace),
            send_rate: given.send_rate.map_or(Ok(default.send_rate), send_rate)?,
            send_burst: given.send_burst.unwrap_or(default.send_burst).max(1),
            address_limits: given.address_limits != Some(Switch::Off),
            log: given.log.unwrap_or(default.log),
            log_format: given.log_format.unwrap_or(default.log_format),
            metrics_token: given.metrics_token_file.as_deref().map(token).transpose()?,
            drain: seconds(given.drain, default.drain),
        })
    }
}

fn seconds(given: Option<u64>, default: Duration) -> Duration {
    given.map_or(default, Duration::from_secs)
}

fn send_rate(rate: f64) -> Result<f64, ConfigError> {
    if rate.is_finite() && rate >= 0.0 {
        return Ok(rate);
    }
    wrong(format!(
        "send-rate: {rate} is no number of messages a second"
    ))
}

fn lobby(name: &str) -> Result<Name, ConfigError> {
    match Topic::parse(name) {
        Ok(topic) if topic.sigil != Some(Sigil::Person) && !topic.name.reserved() => Ok(topic.name),
        Ok(_) => wrong(format!("lobby: '{name}' cannot be the name of a topic")),
        Err(rule) => wrong(format!("lobby: {rule}")),
    }
}

fn public_url(url: &str) -> Result<String, ConfigError> {
    let web = url.starts_with("http://") || url.starts_with("https://");
    if web
        && url
            .parse::<http::Uri>()
            .is_ok_and(|uri| uri.query().is_none())
    {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    wrong(format!(
        "public-url: '{}' is no http:// or https:// URL",
        url.escape_debug()
    ))
}

/// Scheme, host and port, as a browser writes it.
fn origin(origin: &str) -> Result<String, ConfigError> {
    let lowered = origin.trim_end_matches('/').to_ascii_lowercase();
    let parts = lowered.split_once("://");
    if parts
        .is_some_and(|(scheme, host)| !scheme.is_empty() && !host.is_empty() && !host.contains('/'))
    {
        return Ok(lowered);
    }
    wrong(format!(
        "origin: '{}' is not written as https://chat.example",
        origin.escape_debug()
    ))
}

fn token(path: &Path) -> Result<Secret, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => Ok(Secret(text.trim().to_owned())),
        Ok(_) => wrong(format!("metrics-token-file: {} is empty", path.display())),
        Err(error) => wrong(format!(
            "metrics-token-file: could not read {}: {error}",
            path.display()
        )),
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
