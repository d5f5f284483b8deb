//! What the operator chose: flags over environment over the file over defaults, into one [`Config`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use chat_proto::api::Secret;
use chat_proto::{Name, Sigil, Topic, limits as wire};

use crate::settings::wrong;
pub use crate::settings::{Bus, ConfigError, Database, LogFormat, Port, Settings, SignUp, Switch};

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
    /// File with the credentials for NATS.
    pub bus_credentials: Option<PathBuf>,
    /// File with the authority that signed the bus's certificate.
    pub bus_ca: Option<PathBuf>,
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

/// What a bus needs to connect.
#[derive(Debug, Clone)]
pub struct BusSettings {
    /// Its URL, which may hold a password.
    pub url: Secret,
    /// File with credentials.
    pub credentials: Option<PathBuf>,
    /// File with the authority that signed its certificate.
    pub ca: Option<PathBuf>,
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
            bus_credentials: None,
            bus_ca: None,
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
        let database = given
            .database
            .map_or(Ok(default.database), Database::try_from)?;
        let bus = given.bus.map_or(Ok(default.bus), Bus::try_from)?;
        if database == Database::Sqlite && bus != Bus::Local {
            return wrong(
                "bus: SQLite is of one process, so there is nobody to tell: several nodes need --database postgres://...",
            );
        }
        if bus == Bus::Local && (given.bus_credentials.is_some() || given.bus_ca.is_some()) {
            return wrong("bus-credentials and bus-ca are of no use without --bus");
        }
        Ok(Self {
            port: match given.port {
                Some(Port::Number(port)) => port,
                Some(Port::Service) | None => default.port,
            },
            host: given.host.unwrap_or(default.host),
            public_url: given.public_url.as_deref().map(public_url).transpose()?,
            origins: given
                .origin
                .iter()
                .map(|page| origin(page))
                .collect::<Result<_, _>>()?,
            data: given.data.unwrap_or(default.data),
            database,
            bus,
            bus_credentials: given.bus_credentials,
            bus_ca: given.bus_ca,
            signup: given.signup.unwrap_or(default.signup),
            lobby: given.lobby.as_deref().map(lobby).transpose()?,
            presence_grace: seconds(given.presence_grace, default.presence_grace),
            send_rate: given.send_rate.map_or(Ok(default.send_rate), send_rate)?,
            send_burst: given.send_burst.unwrap_or(default.send_burst).max(1),
            address_limits: given.address_limits != Some(Switch::Off),
            log: given.log.map_or(Ok(default.log), log)?,
            log_format: given.log_format.unwrap_or(default.log_format),
            metrics_token: given.metrics_token_file.as_deref().map(token).transpose()?,
            drain: seconds(given.drain, default.drain),
        })
    }
}

fn seconds(given: Option<u64>, default: Duration) -> Duration {
    given.map_or(default, Duration::from_secs)
}

/// A level, or directives; a lone word that is no level would silence everything.
fn log(directives: String) -> Result<String, ConfigError> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let level = LEVELS.iter().any(|l| l.eq_ignore_ascii_case(&directives));
    if level || directives.contains('=') {
        return Ok(directives);
    }
    wrong(format!(
        "log: '{}' is none of {}",
        directives.escape_debug(),
        LEVELS.join(", ")
    ))
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
