//! What a program needs to talk to a chat server: an authenticated [`Client`] for requests, a [`link`] for
//! everything live, and between them the machines that decide what is missing and when to try again.

pub mod account;
pub mod address;
pub mod agent;
pub mod backoff;
pub mod cache;
pub mod copy;
pub mod deliver;
pub mod dial;
pub mod error;
pub mod http;
pub mod link;
pub mod moment;
pub mod outbox;
pub mod pending;
pub mod private;
pub mod query;
#[cfg(test)]
pub(crate) mod scripted_tests;
pub mod send;
pub mod session;
pub mod sync;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chat_proto::api::{LoggedIn, Refresh, Secret};
use chat_proto::codec;
use chat_proto::event::ErrorFrame;
use chat_proto::{ErrorCode, Name, Refusal};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use self::address::ServerUrl;
use self::backoff::Backoff;
use self::cache::Owner;
use self::dial::Dialer;
use self::error::ClientError;
use self::http::{Answer, Call, Http, HttpError};
use self::session::{Saved, SessionFile, Tokens};
use crate::clock::{self, Deadline, Stopwatch};
use crate::config::Settings;

/// One try gets no longer than this: a connection that was cut silently shows by nothing else.
const TRY_TIME: Duration = Duration::from_secs(10);
/// A first range for tries of a waiting command: shorter than that of a link, which nobody waits for.
const RETRY_BASE: Duration = Duration::from_millis(200);
/// Their last range: who waits wants to know soon after the server is back.
const RETRY_CAP: Duration = Duration::from_secs(2);

/// Talks to one server as one user.
pub struct Client {
    http: Http,
    access: Access,
}

/// By which right.
enum Access {
    /// A token that was handed in; it is never renewed.
    Token(Secret),
    /// A log-in on disk.
    Session {
        file: SessionFile,
        saved: Saved,
        tokens: Tokens,
    },
}

impl Client {
    /// The client of a profile, or of the token that was handed in. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::NoSession`] with what to do, [`ClientError::Session`] when the file is unusable.
    pub fn open(settings: &Settings) -> Result<Self, ClientError> {
        let file = SessionFile::new(&settings.folders.profiles, &settings.profile);
        if let Some(token) = &settings.token {
            return Self::with_token(settings, &file, token.clone());
        }
        let saved = file.load()?;
        let Some((saved, tokens)) = saved.and_then(|saved| {
            let tokens = saved.tokens.clone()?;
            Some((saved, tokens))
        }) else {
            return Err(ClientError::NoSession(format!(
                "nobody is logged in with the profile '{}': chat-tui login --server URL --name NAME",
                settings.profile
            )));
        };
        let server = server_of(&saved)?;
        if let Some(asked) = settings.server.as_ref().filter(|asked| **asked != server) {
            return Err(ClientError::NoSession(format!(
                "the profile '{}' is logged in at {server}, not at {asked}: log in there with another --profile",
                settings.profile
            )));
        }
        Ok(Self {
            http: Http::new(Dialer::new(server)),
            access: Access::Session {
                file,
                saved,
                tokens,
            },
        })
    }

    fn with_token(
        settings: &Settings,
        file: &SessionFile,
        token: Secret,
    ) -> Result<Self, ClientError> {
        let server = match &settings.server {
            Some(server) => server.clone(),
            None => match file.load()? {
                Some(saved) => server_of(&saved)?,
                None => {
                    return Err(ClientError::NoSession(
                        "a token needs a server: name it with --server or CHAT_SERVER".to_owned(),
                    ));
                }
            },
        };
        Ok(Self {
            http: Http::new(Dialer::new(server)),
            access: Access::Token(token),
        })
    }

    /// Which server.
    #[must_use]
    pub const fn server(&self) -> &ServerUrl {
        self.http.dialer().server()
    }

    /// What opens connections to it.
    #[must_use]
    pub const fn dialer(&self) -> &Dialer {
        self.http.dialer()
    }

    /// Who one is, where the log-in on disk says so; a token that was handed in does not.
    #[must_use]
    pub const fn name(&self) -> Option<&Name> {
        match &self.access {
            Access::Token(_) => None,
            Access::Session { saved, .. } => Some(&saved.name),
        }
    }

    /// Whose copy and outbox it works with, where the log-in on disk says so.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        Some(Owner {
            server: self.server().to_string(),
            name: self.name()?.clone(),
        })
    }

    /// Asks for a value.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn ask<T: DeserializeOwned>(
        &mut self,
        call: &Call,
        deadline: Deadline,
    ) -> Result<T, ClientError> {
        let answer = self.call(call, deadline).await?;
        read(self.server(), &answer)
    }

    /// Asks for something to be done, whose answer says nothing more.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn tell(&mut self, call: &Call, deadline: Deadline) -> Result<(), ClientError> {
        let answer = self.call(call, deadline).await?;
        check(self.server(), &answer)
    }

    /// One round trip; a second one, with new tokens, where the server no longer takes ours.
    async fn call(&mut self, call: &Call, deadline: Deadline) -> Result<Answer, ClientError> {
        let token = self.access_token(deadline).await?;
        let answer = self.http.call(call, Some(&token), deadline).await?;
        if answer.status != ::http::StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        match self.renew(&token, deadline).await? {
            Some(token) => Ok(self.http.call(call, Some(&token), deadline).await?),
            None => Ok(answer),
        }
    }

    /// An access token that is not known to have ended.
    ///
    /// # Errors
    /// [`ClientError`] when it had to be renewed and could not.
    pub async fn access_token(&mut self, deadline: Deadline) -> Result<Secret, ClientError> {
        let token = match &self.access {
            Access::Token(token) => return Ok(token.clone()),
            Access::Session { tokens, .. } if !tokens.stale(clock::wall()) => {
                return Ok(tokens.token.clone());
            }
            Access::Session { tokens, .. } => tokens.token.clone(),
        };
        Ok(self.renew(&token, deadline).await?.unwrap_or(token))
    }

    /// Gets another access token than `refused`, if there is a way: from the file, where another process
    /// was faster, or from the server. A lost answer is asked for again with the same token, which the server
    /// honours for a minute; so nobody is logged out by a bad line.
    ///
    /// # Errors
    /// [`ClientError::NoSession`] when the session has ended; else what went wrong until the deadline.
    pub async fn renew(
        &mut self,
        refused: &Secret,
        deadline: Deadline,
    ) -> Result<Option<Secret>, ClientError> {
        let dialer = self.dialer().clone();
        let Access::Session {
            file,
            saved,
            tokens,
        } = &mut self.access
        else {
            return Ok(None);
        };
        // In a task of its own: whoever stops waiting must not drop new tokens between the server and the disk.
        let renewal = Renewal {
            file: file.clone(),
            saved: saved.clone(),
            refused: refused.clone(),
        };
        let server = dialer.server().to_string();
        let renewing = tokio::spawn(renewal.run(dialer, deadline));
        *tokens = match tokio::time::timeout(clock::time_left(deadline), renewing).await {
            Ok(Ok(renewed)) => renewed?,
            Ok(Err(_)) | Err(_) => return Err(HttpError::TimedOut(server).into()),
        };
        saved.tokens = Some(tokens.clone());
        Ok(Some(tokens.token.clone()))
    }
}

/// One renewal at a time in a process; held until the new tokens are on the disk.
static RENEWING: Semaphore = Semaphore::const_new(1);

/// Waits until no renewal is under way, but not for ever: for a process that is about to end.
pub async fn renewals_done() {
    let _ = tokio::time::timeout(TRY_TIME, RENEWING.acquire()).await;
}

/// The exchange of a refresh token for new tokens.
struct Renewal {
    file: SessionFile,
    saved: Saved,
    refused: Secret,
}

impl Renewal {
    async fn run(mut self, dialer: Dialer, deadline: Deadline) -> Result<Tokens, ClientError> {
        // Never closed, so it is had sooner or later.
        let _one = RENEWING.acquire().await;
        // A try that has begun is brought to its end, also for a caller in a hurry.
        let deadline = deadline.max(clock::deadline_in(TRY_TIME));
        let _lock = self.file.lock(deadline).await?;
        let Some(on_disk) = self.file.load()? else {
            return Err(session_ended());
        };
        // Somebody may have logged in elsewhere with the profile meanwhile: those tokens are not for this server.
        if on_disk.server != self.saved.server || on_disk.name != self.saved.name {
            return Err(ClientError::NoSession(format!(
                "the profile is logged in as {} at {} meanwhile: start again",
                on_disk.name, on_disk.server
            )));
        }
        let Some(on_disk) = on_disk.tokens else {
            return Err(session_ended());
        };
        if on_disk.token != self.refused && !on_disk.stale(clock::wall()) {
            return Ok(on_disk);
        }
        let call = Call::post(
            "/v1/sessions/refresh",
            &Refresh {
                refresh_token: on_disk.refresh_token,
            },
        );
        let mut http = Http::new(dialer);
        let answer = insist(&mut http, &call, deadline).await?;
        let renewed: LoggedIn = match read(http.dialer().server(), &answer) {
            Err(ClientError::Refused(refusal)) if refusal.code == ErrorCode::Unauthorized => {
                return Err(session_ended());
            }
            other => other?,
        };
        let tokens = Tokens::of(&renewed, clock::wall());
        self.saved.tokens = Some(tokens.clone());
        self.file.save(&self.saved)?;
        Ok(tokens)
    }
}

/// Asks again, with a backoff, while the server is away or the answer gets lost.
async fn insist(http: &mut Http, call: &Call, deadline: Deadline) -> Result<Answer, ClientError> {
    let watch = Stopwatch::start();
    let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
    loop {
        let error = match http.call(call, None, try_deadline(deadline)).await {
            Ok(answer) if answer.status.as_u16() != ErrorCode::Unavailable.status() => {
                return Ok(answer);
            }
            Ok(answer) => refused(http.dialer().server(), &answer),
            Err(error) => ClientError::from(error),
        };
        let delay = backoff.next_delay(watch.now(), fastrand::f64());
        let never_reached = matches!(error, ClientError::Http(http::HttpError::Dial(_)));
        if never_reached || !error.passing() || delay >= clock::time_left(deadline) {
            return Err(error);
        }
        tokio::time::sleep(delay).await;
    }
}

/// The deadline of one try.
fn try_deadline(deadline: Deadline) -> Deadline {
    deadline.min(clock::deadline_in(TRY_TIME))
}

fn server_of(saved: &Saved) -> Result<ServerUrl, ClientError> {
    ServerUrl::parse(&saved.server)
        .map_err(|error| ClientError::NoSession(format!("the log-in on disk is unusable: {error}")))
}

fn session_ended() -> ClientError {
    ClientError::NoSession("the session has ended: log in again with chat-tui login".to_owned())
}

/// Reads the value of a good answer.
///
/// # Errors
/// [`ClientError`], by the status and the error object in the body.
pub fn read<T: DeserializeOwned>(server: &ServerUrl, answer: &Answer) -> Result<T, ClientError> {
    check(server, answer)?;
    serde_json::from_slice(&answer.body).map_err(|error| ClientError::Garbled {
        server: server.clone(),
        // Only the place: the parser's words may quote a token.
        why: format!("at line {} column {}", error.line(), error.column()),
    })
}

fn check(server: &ServerUrl, answer: &Answer) -> Result<(), ClientError> {
    match answer.status.is_success() {
        true => Ok(()),
        false => Err(refused(server, answer)),
    }
}

/// What a refusing answer says. Without an error object something that stands before the server spoke; its
/// status is all there is to go by.
fn refused(server: &ServerUrl, answer: &Answer) -> ClientError {
    if let Ok(frame) = codec::decode_body::<ErrorFrame>(&answer.body) {
        return ClientError::Refused(frame.into_refusal());
    }
    match answer.status.as_u16() {
        401 => ClientError::Refused(Refusal::unauthorized()),
        413 => ClientError::Refused(Refusal::new(
            ErrorCode::TooLarge,
            "the server takes nothing as large",
        )),
        429 => ClientError::Refused(Refusal::rate_limited(1000)),
        500..=599 => ClientError::Refused(Refusal::new(
            ErrorCode::Unavailable,
            format!("the server is away (status {})", answer.status.as_u16()),
        )),
        status => ClientError::NotAChat {
            server: server.clone(),
            status,
        },
    }
}
