//! The command line: what is asked for, and the exit code that answers.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::admin::{self, Admin, Task};
use crate::config::{Config, ConfigError, LogFormat, Port, Settings};
use crate::server::{Server, StartError};
use crate::{open, stop};

/// A lightweight, durable chat server. Without options it serves on 127.0.0.1:8080.
#[derive(Debug, Parser)]
#[command(name = "chat-server", version)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    /// File with options; its keys are the names of the flags
    #[arg(
        long,
        env = "CHAT_SERVER_CONFIG",
        value_name = "FILE",
        global = true,
        help_heading = "Operation"
    )]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the link of a new invite
    Invite {
        /// Groups that the newcomer joins, with commas between them
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        groups: Vec<String>,
        /// How often it can be used
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::limits::INVITE_USES_MAX)))]
        uses: u32,
    },
    /// Stop the running server: it takes nobody more, answers what is in flight, sends its clients elsewhere, and is gone
    /// when this returns
    Drain,
    /// The keys that sign tokens
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Sign with a new key from here on; nobody is logged out
    Rotate,
}

/// Failed while running.
const FAILED: u8 = 1;
/// Usage or configuration.
const USAGE: u8 = 2;

/// Why it ends, with the exit code that says so.
struct Ended {
    code: u8,
    why: String,
}

impl Ended {
    fn failed(why: impl std::fmt::Display) -> Self {
        Self {
            code: FAILED,
            why: why.to_string(),
        }
    }
    fn usage(why: impl std::fmt::Display) -> Self {
        Self {
            code: USAGE,
            why: why.to_string(),
        }
    }
}

impl From<ConfigError> for Ended {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<StartError> for Ended {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Unusable(_) => Self::usage(error),
            StartError::Failed(_) => Self::failed(error),
        }
    }
}

impl From<anyhow::Error> for Ended {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<StartError>() {
            Ok(error) => error.into(),
            Err(error) => Self::failed(error),
        }
    }
}

/// Does what the command line asks.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let (cli, port_ignored) = match parse(arguments) {
        Ok(parsed) => parsed,
        Err(error) => {
            // clap prints help and version to stdout and says so by exit code 0. A closed stdout is no failure.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
    match Box::pin(act(cli, port_ignored)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(ended) => {
            // Nothing is left to tell it to if stderr is closed.
            let _ = writeln!(std::io::stderr(), "chat-server: {}", ended.why);
            ExitCode::from(ended.code)
        }
    }
}

/// The command line, and whether `CHAT_SERVER_PORT` holds what Kubernetes puts there.
fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<(Cli, bool), clap::Error> {
    let matches = Cli::command().try_get_matches_from(arguments)?;
    let cli = Cli::from_arg_matches(&matches)?;
    let service = cli.settings.port == Some(Port::Service);
    if service && matches.value_source("port") != Some(ValueSource::EnvVariable) {
        return Err(Cli::command().error(
            clap::error::ErrorKind::InvalidValue,
            "--port takes a number from 0 to 65535",
        ));
    }
    Ok((cli, service))
}

async fn act(cli: Cli, port_ignored: bool) -> Result<(), Ended> {
    let file = match &cli.config {
        Some(path) => Settings::from_file(path)?,
        None => Settings::default(),
    };
    let config = Config::try_from(cli.settings.or(file))?;
    log_to_stderr(&config)?;
    if port_ignored {
        tracing::warn!(
            "CHAT_SERVER_PORT begins with tcp:// and is ignored: Kubernetes sets it for a service of that name"
        );
    }
    match cli.command {
        None => serve(config).await,
        Some(Command::Invite { groups, uses }) => {
            let link = admin::ask(&config, &Task::Invite { groups, uses }).await;
            say(&link?)
        }
        Some(Command::Drain) => admin::drain(&config).await.map_err(Ended::failed),
        Some(Command::Token {
            command: TokenCommand::Rotate,
        }) => {
            admin::ask(&config, &Task::RotateKeys).await?;
            Ok(())
        }
    }
}

async fn serve(config: Config) -> Result<(), Ended> {
    let stop = stop::on_signal().map_err(Ended::failed)?;
    let address = format!("{}:{}", config.host, config.port);
    let listener = TcpListener::bind((config.host.as_str(), config.port))
        .await
        .map_err(|error| Ended::usage(format!("could not listen on {address}: {error}")))?;
    let local = listener.local_addr().map_err(Ended::failed)?;
    let _folder = open::folder(&config).map_err(Ended::usage)?;
    let server = Server::open(config).await?;
    // The kernel queues who connects from here on, so it is true before the first `accept`.
    let mut lines = format!("listening on http://{local}\n");
    if let Some(link) = server.first_invite(local).await? {
        lines.push_str(&format!("invite {link}\n"));
    }
    let admin = Admin::start(&server, local, stop.clone())
        .await
        .map_err(Ended::usage)?;
    say(lines.trim_end())?;
    tracing::info!(%local, version = env!("CARGO_PKG_VERSION"), "listening");
    let served = Box::pin(server.serve(listener, stop)).await;
    admin.end();
    served.map_err(Ended::failed)
}

/// Prints a result. A reader that closed the pipe has what it wanted.
#[expect(
    clippy::unnecessary_wraps,
    reason = "a last statement of functions that may fail"
)]
fn say(line: &str) -> Result<(), Ended> {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    Ok(())
}

/// The libraries below tell at every level what the server tells by itself, in its own words.
const QUIET: &str = "async_nats=error,deadpool=error";

fn log_to_stderr(config: &Config) -> Result<(), Ended> {
    // Whoever names parts of the program names those that they want.
    let whole = config.log.contains('=') || config.log.eq_ignore_ascii_case("off");
    let directives = match whole {
        true => config.log.clone(),
        false => format!("{},{QUIET}", config.log),
    };
    let filter = EnvFilter::try_new(directives)
        .map_err(|error| Ended::usage(format!("log: '{}': {error}", config.log.escape_debug())))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let installed = match config.log_format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    // Somebody who runs the command inside of another program may log already.
    drop(installed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        let words = std::iter::once("chat-server").chain(line.split_whitespace());
        parse(words.map(OsString::from)).map(|(cli, _)| cli)
    }

    #[test]
    fn o01_the_command_line_is_consistent_and_its_help_is_grouped() {
        Cli::command().debug_assert();
        let help = Cli::command().render_long_help().to_string();
        for heading in ["Address:", "Storage:", "People:", "Limits:", "Operation:"] {
            assert!(help.contains(heading), "{heading} is missing in {help}");
        }
        for argument in Cli::command().get_arguments() {
            let id = argument.get_id().as_str();
            if ["help", "version"].contains(&id) {
                continue;
            }
            let variable = format!("CHAT_SERVER_{}", id.to_uppercase());
            assert_eq!(argument.get_env(), Some(variable.as_ref()), "{id}");
        }
    }

    #[test]
    fn o01_a_flag_that_is_wrong_is_named() {
        for (line, named) in [
            ("--port nine", "--port"),
            ("--port 65536", "--port"),
            ("--port tcp://10.0.0.1:80", "--port"),
            ("--signup maybe", "--signup"),
            ("--prot 80", "--prot"),
            ("invite --uses 0", "--uses"),
        ] {
            let error = parsed(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(named), "{line}: {error}");
        }
    }

    #[test]
    fn a_subcommand_takes_the_folder_after_its_name() {
        let cli = parsed("invite --groups ops,lounge --data /srv/chat").expect("it fits");
        assert_eq!(cli.settings.data, Some(PathBuf::from("/srv/chat")));
        assert!(
            matches!(cli.command, Some(Command::Invite { groups, uses: 1 }) if groups.len() == 2)
        );
    }
}
