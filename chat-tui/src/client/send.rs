//! Sends one message until it is known what became of it: every try carries the same id, so the server stores it once.

use std::time::Duration;

use chat_proto::api::{NewMessage, Sent};
use chat_proto::{ErrorCode, MessageId};

use super::backoff::Backoff;
use super::error::ClientError;
use super::http::Call;
use super::{Client, RETRY_BASE, RETRY_CAP, try_deadline};
use crate::clock::{self, Deadline, Stopwatch};

/// What became of it.
#[derive(Debug)]
pub enum Sending {
    /// It is on the server's disk.
    Stored(Sent),
    /// It is not stored, and never will be by this send.
    Failed(ClientError),
    /// Nobody knows; the same id finds out.
    Unknown(ClientError),
}

/// What a person who waits wants to know.
#[derive(Debug)]
pub enum Waiting<'a> {
    /// The server asks to wait this long.
    RateLimited(Duration),
    /// The last try failed for a passing reason; the next one comes after this long.
    Retry(&'a ClientError, Duration),
}

impl Client {
    /// Sends `message`, which has an id, and insists until `deadline`. `wait` is told before every wait.
    pub async fn send(
        &mut self,
        message: NewMessage,
        deadline: Deadline,
        mut wait: impl FnMut(Waiting<'_>),
    ) -> Sending {
        let id = message.id.clone().unwrap_or_else(MessageId::generate);
        let call = Call::post(
            "/v1/messages",
            &NewMessage {
                id: Some(id.clone()),
                ..message
            },
        );
        let watch = Stopwatch::start();
        let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
        let mut unknown = false;
        loop {
            let error = match self.ask::<Sent>(&call, try_deadline(deadline)).await {
                Ok(sent) if sent.id == id => return Sending::Stored(sent),
                Ok(_) => self.other_message(),
                Err(error) => error,
            };
            unknown |= error.outcome_unknown();
            let delay = match limited(&error) {
                Some(delay) => delay,
                // As long as nothing was sent a person can act faster than a backoff.
                None if error.passing() && unknown => {
                    backoff.next_delay(watch.now(), fastrand::f64())
                }
                None => return verdict(error, unknown),
            };
            if delay >= clock::time_left(deadline) {
                return verdict(error, unknown);
            }
            wait(match limited(&error) {
                Some(delay) => Waiting::RateLimited(delay),
                None => Waiting::Retry(&error, delay),
            });
            tokio::time::sleep(delay).await;
        }
    }

    pub(super) fn other_message(&self) -> ClientError {
        ClientError::Garbled {
            server: self.server().clone(),
            why: "it speaks of another message".to_owned(),
        }
    }
}

/// A refusal decides also what earlier tries left open, because the server answers a known id before it refuses
/// anything; only not when it did not even look: for want of a token, or because too many came from one address.
fn verdict(error: ClientError, unknown: bool) -> Sending {
    let decides = match &error {
        ClientError::Refused(refusal) => {
            let looked = !matches!(
                refusal.code,
                ErrorCode::Unauthorized | ErrorCode::RateLimited
            );
            looked && !refusal.code.outcome_unknown()
        }
        _ => false,
    };
    match unknown && !decides {
        true => Sending::Unknown(error),
        false => Sending::Failed(error),
    }
}

fn limited(error: &ClientError) -> Option<Duration> {
    match error {
        ClientError::Refused(refusal) if refusal.code == ErrorCode::RateLimited => {
            // A limit that names no time, or none at all, must not become a busy loop.
            let ms = refusal.retry_after_ms.unwrap_or(1000).max(10);
            Some(Duration::from_millis(ms))
        }
        _ => None,
    }
}
