//! Getting in and out: a new account, a log-in, a log-out, and what stays on disk of it.

use chat_proto::api::{LogIn, LoggedIn, NewAccount};

use super::address::ServerUrl;
use super::dial::Dialer;
use super::error::ClientError;
use super::http::{Call, Http};
use super::session::{Saved, SessionFile, Tokens};
use super::{Client, read};
use crate::clock::{self, Deadline};
use crate::config::Settings;

/// How one gets in.
#[derive(Debug)]
pub enum Entry {
    /// With a new account.
    Register(NewAccount),
    /// With a name and a password that the server knows.
    LogIn(LogIn),
}

/// What the list of sessions calls this device, when nobody says otherwise.
#[must_use]
pub fn device_name() -> String {
    format!("chat-tui on {}", std::env::consts::OS)
}

/// Gets in and saves the log-in under the profile.
///
/// # Errors
/// [`ClientError`]; after a [`ClientError::Session`] one is in, but nothing is saved.
pub async fn enter(
    settings: &Settings,
    server: ServerUrl,
    entry: &Entry,
    deadline: Deadline,
) -> Result<LoggedIn, ClientError> {
    let call = match entry {
        Entry::Register(account) => Call::post("/v1/accounts", account),
        Entry::LogIn(log_in) => Call::post("/v1/sessions", log_in),
    };
    let mut http = Http::new(Dialer::new(server.clone()));
    let answer = http.call(&call, None, deadline).await?;
    let logged_in: LoggedIn = read(&server, &answer)?;
    let file = SessionFile::new(&settings.folders.profiles, &settings.profile);
    // A process that renews the tokens of the log-in before must not write them over these.
    let _lock = file.lock(deadline).await?;
    file.save(&Saved {
        server: server.to_string(),
        name: logged_in.user.name.clone(),
        tokens: Some(Tokens::of(&logged_in, clock::wall())),
    })?;
    Ok(logged_in)
}

/// Ends the session at the server, and forgets its tokens in any case.
///
/// # Errors
/// What the server said or why it could not be told; the tokens are gone all the same, unless it is [`ClientError::Session`].
pub async fn log_out(settings: &Settings, deadline: Deadline) -> Result<(), ClientError> {
    let mut client = Client::open(settings)?;
    let (server, name) = (client.server().to_string(), client.name().cloned());
    let told = client
        .tell(&Call::delete("/v1/sessions/current"), deadline)
        .await;
    if settings.token.is_none() {
        let file = SessionFile::new(&settings.folders.profiles, &settings.profile);
        let _lock = file.lock(deadline).await?;
        let same = |saved: &Saved| saved.server == server && Some(&saved.name) == name.as_ref();
        if let Some(mut saved) = file.load()?.filter(same) {
            saved.tokens = None;
            file.save(&saved)?;
        }
    }
    match told {
        // The session had ended: what was asked holds.
        Err(ClientError::NoSession(_)) => Ok(()),
        told => told,
    }
}
