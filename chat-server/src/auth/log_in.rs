//! Logging in with a password, and staying logged in with a refresh token.

use std::net::IpAddr;

use chat_proto::api::{LogIn, LoggedIn, Refresh};
use chat_proto::text::valid_line;
use chat_proto::{ErrorCode, Refusal, SessionId, limits as wire};

use super::{sign_up, token};
use crate::service::{App, sessions};
use crate::store::Account;

/// Opens a session for who knows the password. For an unknown name it takes as long and says the same.
///
/// # Errors
/// `unauthorized`, `rate_limited`.
pub async fn log_in(app: &App, given: LogIn, from: IpAddr) -> Result<LoggedIn, Refusal> {
    let auth = &app.auth;
    let device = device(given.device)?;
    let name = sign_up::person(&given.name).ok();
    let tried = name.as_ref().map_or("", |name| name.as_str());
    auth.attempts.log_in(tried, from, app.clock.monotonic())?;
    let account = match &name {
        Some(name) => app.store.account_named(name).await?,
        None => None,
    };
    let hash = match &account {
        Some(account) => app.store.password_hash(account.id).await?,
        None => None,
    };
    let fits = auth.hasher.verify(given.password, hash).await?;
    match account {
        Some(account) if fits && !account.disabled => {
            auth.attempts.succeeded(tried, from);
            open(app, &account, &device).await
        }
        _ => {
            metrics::counter!(crate::metrics::LOGINS_FAILED).increment(1);
            Err(Refusal::new(
                ErrorCode::Unauthorized,
                "wrong name or password",
            ))
        }
    }
}

/// Gives the next pair for a refresh token. One that was stolen and used ends the session, connections and all.
///
/// # Errors
/// `unauthorized`: the one sentence.
pub async fn refresh(app: &App, given: &Refresh) -> Result<LoggedIn, Refusal> {
    let auth = &app.auth;
    let token = given.refresh_token.expose();
    let kid = token::kid_of_refresh(token).ok_or_else(Refusal::unauthorized)?;
    let keys = auth.keys.with(kid).await?;
    let said = keys.read_refresh(token).ok_or_else(Refusal::unauthorized)?;
    let before = app.store.session(&said.session).await?;
    let now = app.clock.wall();
    let rotated = app
        .store
        .rotate_session(&said.session, said.generation, now)
        .await?;
    match (rotated, before) {
        (Some((session, account)), _) if !account.disabled => {
            auth.seen.note(&session.id, now);
            auth.pair(&session, &account).await
        }
        (None, Some((session, _))) => {
            tracing::warn!(session = %session.id, "an old refresh token came back: the session was ended");
            sessions::tell(app, session.user, &session.id);
            Err(Refusal::unauthorized())
        }
        _ => Err(Refusal::unauthorized()),
    }
}

/// Opens a session of an account and gives its first pair.
pub(super) async fn open(app: &App, account: &Account, device: &str) -> Result<LoggedIn, Refusal> {
    let session = app
        .store
        .create_session(SessionId::generate(), account.id, device, app.clock.wall())
        .await?;
    metrics::counter!(crate::metrics::SESSIONS_OPENED).increment(1);
    app.auth.pair(&session, account).await
}

/// The name of a device, as the list of sessions shows it.
pub(super) fn device(given: Option<String>) -> Result<String, Refusal> {
    let device = given.unwrap_or_else(|| "unnamed device".to_owned());
    if valid_line(&device, wire::DEVICE_CHARS_MAX) {
        return Ok(device);
    }
    Err(Refusal::new(
        ErrorCode::Rejected,
        format!(
            "a device's name is 1 to {} characters on one line, without control or format characters",
            wire::DEVICE_CHARS_MAX
        ),
    ))
}
