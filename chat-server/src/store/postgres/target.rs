//! The URL of the database: where the server is, who we are there, and how far its certificate is checked.
//!
//! `sslmode` says how: `disable` never encrypts; `prefer`, which is the default, encrypts where the server offers it and
//! checks nothing, so that it helps against listeners alone; `require` and `verify-full` encrypt and want a certificate
//! of a known authority for the host's name; `verify-ca` wants one for any name. Authorities are those of the platform,
//! or those in the file that `sslrootcert` names.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls::{self, Checks};
use crate::store::OpenError;

/// How long one of the server's addresses may take to answer.
const CONNECT: Duration = Duration::from_secs(3);
/// How long sent bytes may stay unacknowledged before the connection is given up.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);
/// What each connection is told. A statement and a wait for a lock end before the caller's patience; a transaction that
/// stands still lets go of its locks; a commit is on the disk when it is answered.
const SETTINGS: &str = "-c statement_timeout=5000 -c lock_timeout=4000 \
    -c idle_in_transaction_session_timeout=5000 -c synchronous_commit=on \
    -c default_transaction_isolation=read\\ committed -c client_min_messages=warning -c TimeZone=UTC";

/// Where to connect to, and how.
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
    /// The server as a sentence names it: hosts and ports, nothing else.
    pub(super) server: String,
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(OpenError::Url("it begins with postgres://"));
        }
        let ours = Ours::take(url)?;
        let config: Result<Config, _> = ours.rest.parse();
        let mut config = config.map_err(|_| {
            OpenError::Url("it is like postgres://user:password@host:5432/name?sslmode=require")
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(OpenError::Url("it names no host"));
        }
        config.ssl_mode(ours.mode);
        settle(&mut config);
        let server = server(&config);
        if server.contains('@') {
            return Err(OpenError::Url(
                "an @ in its user or password is written as %40",
            ));
        }
        let tls = MakeRustlsConnect::new(tls::config(ours.checks, ours.authorities.as_deref())?);
        Ok(Self {
            config,
            tls,
            server,
        })
    }
}

/// What of the URL is ours to read: the driver knows neither the stricter modes nor the file.
struct Ours {
    rest: String,
    mode: SslMode,
    checks: Checks,
    authorities: Option<PathBuf>,
}

impl Ours {
    fn take(url: &str) -> Result<Self, OpenError> {
        // As the driver does: whatever stands before the first @ is name and password.
        let host = url.find('@').unwrap_or(0);
        let query = url[host..].find('?').map_or(url.len(), |at| host + at);
        let (before, query) = (&url[..query], url[query..].trim_start_matches('?'));
        let (mut mode, mut checks) = (SslMode::Prefer, Checks::Nothing);
        let (mut authorities, mut rest) = (None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", word)) => (mode, checks) = mode_of(word)?,
                Some(("sslrootcert", "system")) => authorities = None,
                Some(("sslrootcert", file)) => authorities = Some(unescaped(file)?.into()),
                _ => rest.push(pair),
            }
        }
        let rest = match rest.is_empty() {
            true => before.to_owned(),
            false => format!("{before}?{}", rest.join("&")),
        };
        Ok(Self {
            rest,
            mode,
            checks,
            authorities,
        })
    }
}

fn mode_of(word: &str) -> Result<(SslMode, Checks), OpenError> {
    match word {
        "disable" => Ok((SslMode::Disable, Checks::Nothing)),
        "prefer" => Ok((SslMode::Prefer, Checks::Nothing)),
        "verify-ca" => Ok((SslMode::Require, Checks::Authority)),
        "require" | "verify-full" => Ok((SslMode::Require, Checks::AuthorityAndName)),
        _ => Err(OpenError::Url(
            "sslmode is disable, prefer, require, verify-ca or verify-full",
        )),
    }
}

/// A value of the query as it was meant.
fn unescaped(value: &str) -> Result<String, OpenError> {
    let text = percent_decode_str(value).decode_utf8();
    text.map(std::borrow::Cow::into_owned)
        .map_err(|_| OpenError::Url("its sslrootcert is UTF-8 behind the percent signs"))
}

/// What is the same for every connection.
fn settle(config: &mut Config) {
    let options = match config.get_options() {
        Some(theirs) => format!("{theirs} {SETTINGS}"),
        None => SETTINGS.to_owned(),
    };
    config
        .options(options)
        .application_name("chat-server")
        .connect_timeout(CONNECT)
        .tcp_user_timeout(UNACKNOWLEDGED)
        .keepalives(true)
        .keepalives_idle(UNACKNOWLEDGED)
        .keepalives_interval(Duration::from_secs(2))
        .keepalives_retries(3);
    if config.get_hosts().len() > 1 {
        // Of several servers the one that takes writes, wherever it is by now.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
}

fn server(config: &Config) -> String {
    let port = |at: usize| {
        let ports = config.get_ports();
        *ports.get(at).or(ports.first()).unwrap_or(&5432)
    };
    let named = config.get_hosts().iter().enumerate();
    let named = named.map(|(at, host)| match host {
        Host::Tcp(name) => format!("{name}:{}", port(at)),
        #[cfg(unix)]
        Host::Unix(path) => format!("{}:{}", path.display(), port(at)),
    });
    let named: Vec<String> = named.collect();
    if !named.is_empty() {
        return named.join(",");
    }
    let addresses = config.get_hostaddrs().iter().enumerate();
    let addresses = addresses.map(|(at, address)| format!("{address}:{}", port(at)));
    addresses.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_tells_the_server_and_the_rest_is_for_the_driver() {
        let url = "postgres://ann:s3cret@db1,db2:6432/chat?sslmode=disable&options=-c%20search_path%3Dteam";
        let target = Target::parse(url).expect("a URL");
        assert_eq!(target.server, "db1:5432,db2:6432");
        assert_eq!(target.config.get_ssl_mode(), SslMode::Disable);
        let options = target.config.get_options().expect("options");
        assert!(options.starts_with("-c search_path=team -c statement_timeout="));
        assert_eq!(target.config.get_dbname(), Some("chat"));
    }

    #[test]
    fn a_question_mark_in_a_password_begins_nothing() {
        let url = "postgres://ann:pa?sslmode=never&x=y@db/chat?sslmode=disable";
        let target = Target::parse(url).expect("a URL");
        assert_eq!(target.server, "db:5432");
        let password = target.config.get_password();
        assert_eq!(password, Some(&b"pa?sslmode=never&x=y"[..]));
        assert_eq!(target.config.get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn a_wrong_url_is_refused_without_its_password() {
        for (url, why) in [
            ("mysql://ann:s3cret@db/chat", "postgres://"),
            ("postgres://ann:pa@s3cret@db/chat", "%40"),
            ("host=db password=s3cret", "postgres://"),
            ("postgres://ann:s3cret@db:port/chat", "postgres://user"),
            (
                "postgres://ann:s3cret@db/chat?sslmode=always",
                "verify-full",
            ),
            (
                "postgres://ann:s3cret@db/chat?sslmode=verify-ca&sslrootcert=%ff",
                "percent",
            ),
            ("postgres:///chat?password=s3cret", "host"),
        ] {
            let error = Target::parse(url).err().expect(url);
            assert!(matches!(error, OpenError::Url(_)), "{url}: {error}");
            let sentence = error.to_string();
            assert!(sentence.contains(why), "{url}: {sentence}");
            assert!(!format!("{sentence} {error:?}").contains("s3cret"), "{url}");
        }
    }

    #[test]
    fn authorities_come_from_the_file_that_is_named() {
        let url = "postgres://db/chat?sslmode=verify-full&sslrootcert=/no/such%20file.pem";
        let error = Target::parse(url).err().expect("there is no such file");
        assert!(error.to_string().contains("/no/such file.pem"), "{error}");
    }
}
