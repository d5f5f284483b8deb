//! The commands for scripts: what they are called, what they take, and how they end. One verb, one file.

mod contacts;
mod exec;
pub mod exit;
mod groups;
pub mod input;
mod keys;
mod log;
mod login;
mod logout;
pub mod out;
mod queue;
mod register;
mod send;
mod show;
mod since;
pub mod span;
mod tail;
mod whoami;

use std::ffi::OsString;
use std::future::Future;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use chat_proto::api::Secret;
use clap::builder::FalseyValueParser;
use clap::{Parser, Subcommand};

use self::exit::{Exit, Failure};
use self::out::Out;
use self::queue::Courier;
use crate::app;
use crate::client::Client;
use crate::clock::{self, Deadline};
use crate::config::{Given, Settings};

/// How long a command takes at the most, when nobody says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Chat from a terminal and from scripts. Without a command the screens open.
#[derive(Debug, Parser)]
#[command(name = "chat-tui", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
Environment: CHAT_TOKEN or CHAT_TOKEN_FILE hold a token that is used instead of the profile's log-in; \
CHAT_HOME moves all files to one folder.

Exit codes: 0 done, 1 unexpected, 2 usage, 3 server not reachable, 4 not logged in, 5 rate-limited, \
6 refused (no such topic, not a member), 7 timed out (of a send: not known, repeat with the same --id), \
8 queued only (send --queue), 9 rejected (too large, against a rule, in conflict), 130 interrupted; the screens \
end with 128 and the number of the signal that ended them.

What `send --queue` and the terminal client left in the outbox goes with the next command that reaches the server, \
whatever it is, unless it runs with a token; -q keeps it silent about that.";

/// What every command takes.
#[derive(Debug, clap::Args)]
struct Global {
    /// The server, as https://chat.example.org; by default the one of the profile.
    #[arg(long, global = true, env = "CHAT_SERVER", value_name = "URL")]
    server: Option<String>,
    /// The log-in to use, when there are several.
    #[arg(long, global = true, env = "CHAT_PROFILE", value_name = "NAME")]
    profile: Option<String>,
    /// Print results as JSON, one object a line.
    #[arg(long, global = true, env = "CHAT_JSON", value_parser = FalseyValueParser::new())]
    json: bool,
    /// Say nothing on stderr but errors.
    #[arg(short, long, global = true, env = "CHAT_QUIET", value_parser = FalseyValueParser::new())]
    quiet: bool,
    /// Give up after this time, as 500ms, 30s, 10m, 1h; 30s by default, of `tail` never.
    #[arg(long, global = true, env = "CHAT_TIMEOUT", value_name = "TIME", value_parser = span::parse)]
    timeout: Option<Duration>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an account, and log in with it.
    Register(register::Register),
    /// Log in.
    Login(login::Login),
    /// End the log-in of this profile.
    Logout(logout::Logout),
    /// Say who is logged in.
    Whoami(whoami::Whoami),
    /// Send a message; done when the server has it on disk.
    Send(send::Send),
    /// Follow conversations, each message once and in order.
    Tail(tail::Tail),
    /// Show the messages of a conversation, oldest first.
    Log(log::Log),
    /// Show the conversations, the latest first; or search people.
    Contacts(contacts::Contacts),
    /// Show groups, make them, and change who is in them.
    Groups(groups::Groups),
    /// Show every key with its command, as the [keys] of the configuration file.
    Keys(keys::Keys),
}

/// What a command runs with.
struct Context {
    settings: Settings,
    out: Out,
    timeout: Option<Duration>,
    deadline: Deadline,
}

impl Context {
    fn client(&self) -> Result<Client, Failure> {
        Ok(Client::open(&self.settings)?)
    }
}

/// Runs the program with its arguments, the first of which is its own name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let exit = match error.exit_code() {
                0 => Exit::Ok,
                _ => Exit::Usage,
            };
            // Nobody is left to tell when the stream is gone.
            let _ = error.print();
            return exit;
        }
    };
    let out = Out {
        json: cli.global.json,
        quiet: cli.global.quiet,
    };
    match start(cli, out) {
        Ok(()) => Exit::Ok,
        Err(failure) => {
            if !failure.sentence.is_empty() {
                out.complain(&format!("chat-tui: {}", failure.sentence));
            }
            failure.exit
        }
    }
}

fn start(cli: Cli, out: Out) -> Result<(), Failure> {
    let timeout = cli.global.timeout;
    no_empty_token()?;
    let Some(command) = cli.command else {
        on_a_terminal()?;
        return app::open(&Settings::load(given(cli.global))?);
    };
    let settings = Settings::load(given(cli.global))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Unexpected, format!("could not start: {error}")))?;
    let result = runtime.block_on(async {
        let context = Context {
            settings,
            out,
            timeout,
            deadline: clock::deadline_in(timeout.unwrap_or(TIMEOUT)),
        };
        let courier = Courier::of(&context);
        let result = interruptible(Box::pin(command.run(context))).await;
        if reached(&result) {
            // The command has ended: whatever happens here leaves its result as it is.
            let _ = interruptible(Box::pin(courier.deliver_all())).await;
        }
        crate::client::renewals_done().await;
        result
    });
    // A thread that still waits for standard input must not hold up the end.
    runtime.shutdown_background();
    result
}

impl Command {
    /// Dispatches and nothing else; the futures differ much in size.
    async fn run(self, context: Context) -> Result<(), Failure> {
        match self {
            Self::Register(command) => command.run(context).await,
            Self::Login(command) => command.run(context).await,
            Self::Logout(command) => command.run(context).await,
            Self::Whoami(command) => command.run(context).await,
            Self::Send(command) => command.run(context).await,
            Self::Tail(command) => command.run(context).await,
            Self::Log(command) => command.run(context).await,
            Self::Contacts(command) => command.run(context).await,
            Self::Groups(command) => command.run(context).await,
            Self::Keys(command) => command.run(&context),
        }
    }
}

/// Whether the command spoke with the server, as one who may, and has not logged out.
fn reached(result: &Result<(), Failure>) -> bool {
    match result {
        Ok(()) => true,
        Err(failure) => matches!(
            failure.exit,
            Exit::Ok | Exit::Refused | Exit::RateLimited | Exit::Rejected
        ),
    }
}

async fn interruptible(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::select! {
        result = command => result,
        Ok(()) = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "")),
    }
}

/// The screens are for people: without a terminal there is nothing to show and nobody to ask.
fn on_a_terminal() -> Result<(), Failure> {
    match std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        true => Ok(()),
        false => Err(Failure::usage(
            "without a command chat-tui needs a terminal: see chat-tui --help",
        )),
    }
}

/// A secret that a job forgot to set must not make it somebody else.
fn no_empty_token() -> Result<(), Failure> {
    for variable in ["CHAT_TOKEN", "CHAT_TOKEN_FILE"] {
        let given = std::env::var_os(variable);
        if given.is_some_and(|given| given.is_empty() || given.to_str().is_none()) {
            return Err(Failure::usage(format!(
                "{variable} is empty or no text: set it, or unset it to use the profile's log-in"
            )));
        }
    }
    Ok(())
}

/// The token comes by the environment alone: an argument could be read by everybody on the machine.
fn given(global: Global) -> Given {
    Given {
        profile: global.profile,
        server: global.server,
        token: not_empty("CHAT_TOKEN")
            .and_then(|token| token.into_string().ok())
            .map(Secret),
        token_file: not_empty("CHAT_TOKEN_FILE").map(PathBuf::from),
        home: not_empty("CHAT_HOME").map(PathBuf::from),
        locale: ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(not_empty)
            .and_then(|locale| locale.into_string().ok()),
    }
}

fn not_empty(variable: &str) -> Option<OsString> {
    std::env::var_os(variable).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_has_an_environment_variable() {
        let root = Cli::command();
        for command in std::iter::once(&root).chain(root.get_subcommands()) {
            for flag in command.get_arguments().filter(|arg| !arg.is_positional()) {
                assert!(
                    flag.get_env().is_some(),
                    "{} of {}",
                    flag.get_id(),
                    command.get_name()
                );
            }
        }
    }
}
