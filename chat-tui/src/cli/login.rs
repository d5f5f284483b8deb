//! `login`: a new session with a name and a password that the server knows. Asks what is missing, on a terminal only.

use std::io::ErrorKind;

use chat_proto::api::{LogIn, LoggedIn, Secret};
use chat_proto::{Safe, limits};
use clap::builder::FalseyValueParser;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::{Context, input};
use crate::client::account::{self, Entry};
use crate::client::address::ServerUrl;
use crate::client::session::SessionFile;

/// What `login` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Login {
    #[command(flatten)]
    who: Who,
}

/// What `register` and `login` both take.
#[derive(Debug, clap::Args)]
pub(super) struct Who {
    /// The name to log in with.
    #[arg(long, env = "CHAT_NAME")]
    pub(super) name: Option<String>,
    /// Read the password from standard input, less one trailing newline.
    #[arg(long, env = "CHAT_PASSWORD_STDIN", value_parser = FalseyValueParser::new())]
    password_stdin: bool,
    /// What the list of sessions calls this device.
    #[arg(long, env = "CHAT_DEVICE")]
    device: Option<String>,
}

/// Whether a password is typed once, or again to be sure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Typing {
    Once,
    Twice,
}

impl Login {
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        let server = server(&context, None).await?;
        let name = self.who.name(&context).await?;
        let password = self.who.password(&context, Typing::Once).await?;
        let entry = Entry::LogIn(LogIn {
            name,
            password,
            device: Some(self.who.device()),
        });
        enter(&context, server, &entry).await
    }
}

impl Who {
    pub(super) fn device(&self) -> String {
        let device = self.device.clone().unwrap_or_else(account::device_name);
        device.chars().take(limits::DEVICE_CHARS_MAX).collect()
    }

    pub(super) async fn name(&self, context: &Context) -> Result<String, Failure> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        // The last log-in of the profile, after a log-out.
        let file = SessionFile::new(
            &context.settings.folders.profiles,
            &context.settings.profile,
        );
        if let Ok(Some(saved)) = file.load() {
            return Ok(saved.name.to_string());
        }
        prompt("name: ", "name yourself with --name").await
    }

    pub(super) async fn password(
        &self,
        context: &Context,
        typing: Typing,
    ) -> Result<Secret, Failure> {
        if self.password_stdin {
            let text = input::read_text(limits::PASSWORD_BYTES_MAX, context.deadline).await?;
            return Ok(Secret(text));
        }
        let password = prompt_hidden("password: ")?;
        if typing == Typing::Twice && prompt_hidden("password again: ")? != password {
            return Err(Failure::usage("the two passwords differ"));
        }
        Ok(password)
    }
}

/// The server to enter: named, or of an invite's link, or that of the profile's last log-in, or asked for.
pub(super) async fn server(context: &Context, invite: Option<&str>) -> Result<ServerUrl, Failure> {
    if let Some(server) = &context.settings.server {
        return Ok(server.clone());
    }
    if let Some(server) = invite.and_then(ServerUrl::of_invite) {
        return Ok(server);
    }
    let file = SessionFile::new(
        &context.settings.folders.profiles,
        &context.settings.profile,
    );
    if let Ok(Some(saved)) = file.load()
        && let Ok(server) = ServerUrl::parse(&saved.server)
    {
        return Ok(server);
    }
    let asked = prompt("server: ", "name the server with --server or CHAT_SERVER").await?;
    ServerUrl::parse(&asked).map_err(|error| Failure::usage(error.to_string()))
}

/// Gets in and says so.
pub(super) async fn enter(
    context: &Context,
    server: ServerUrl,
    entry: &Entry,
) -> Result<(), Failure> {
    let logged_in =
        account::enter(&context.settings, server.clone(), entry, context.deadline).await?;
    context.out.remark(&format!(
        "logged in as {} at {server}, profile '{}'",
        logged_in.user.name, context.settings.profile
    ));
    if context.out.json {
        context
            .out
            .value(&Entered::of(&logged_in, context, &server))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Entered<'a> {
    name: &'a str,
    display_name: &'a str,
    server: String,
    profile: &'a str,
}

impl<'a> Entered<'a> {
    fn of(logged_in: &'a LoggedIn, context: &'a Context, server: &ServerUrl) -> Self {
        Self {
            name: logged_in.user.name.as_str(),
            display_name: &logged_in.user.display_name,
            server: server.to_string(),
            profile: context.settings.profile.as_str(),
        }
    }
}

/// Asks on a terminal; without one says what to write instead.
async fn prompt(question: &str, otherwise: &str) -> Result<String, Failure> {
    if !input::from_terminal() {
        return Err(Failure::usage(otherwise));
    }
    eprint!("{}", Safe::line(question));
    // On a thread of its own, so that Ctrl-C is heard meanwhile.
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = line.await.map_err(|error| input::unreadable(&error))?;
    match line.map_err(|error| input::unreadable(&error))?.trim() {
        "" => Err(Failure::usage(otherwise)),
        answer => Ok(answer.to_owned()),
    }
}

fn prompt_hidden(question: &str) -> Result<Secret, Failure> {
    if !input::from_terminal() {
        return Err(Failure::usage(
            "without a terminal the password comes by --password-stdin",
        ));
    }
    rpassword::prompt_password(question)
        .map(Secret)
        .map_err(|error| match error.kind() {
            // It reads Ctrl-C itself, because the terminal's echo has to come back first.
            ErrorKind::Interrupted => Failure::new(Exit::Interrupted, ""),
            _ => input::unreadable(&error),
        })
}
