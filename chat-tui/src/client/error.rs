//! Why a request to the server failed, by what the caller can do about it.

use chat_proto::Refusal;

use super::address::ServerUrl;
use super::http::HttpError;
use super::session::SessionError;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no usable answer; [`ClientError::outcome_unknown`] says whether the request may have had an effect.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The server said no.
    #[error("{0}")]
    Refused(#[source] Refusal),
    /// Something answers there, but not a chat server.
    #[error("{server} answers, but not as a chat server (status {status})")]
    NotAChat {
        /// Where.
        server: ServerUrl,
        /// The HTTP status.
        status: u16,
    },
    /// The server did it, or says so, and then said something that makes no sense.
    #[error("{server} gave an answer that could not be understood: {why}")]
    Garbled {
        /// Who.
        server: ServerUrl,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody is logged in, or not there.
    #[error("{0}")]
    NoSession(String),
    /// The log-in on disk could not be read or written.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl ClientError {
    /// Whether the request may have reached the server and its outcome is not known: repeating it needs the same id.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Http(error) => error.was_sent(),
            Self::Refused(refusal) => refusal.code.outcome_unknown(),
            Self::Garbled { .. } => true,
            Self::NotAChat { .. } | Self::NoSession(_) | Self::Session(_) => false,
        }
    }

    /// Whether the same request may go better in a moment.
    #[must_use]
    pub fn passing(&self) -> bool {
        match self {
            Self::Http(HttpError::Dial(_) | HttpError::Lost(_) | HttpError::TimedOut(_)) => true,
            Self::Refused(refusal) => refusal.code.outcome_unknown(),
            _ => false,
        }
    }
}

impl HttpError {
    /// Whether the request may have reached the server.
    #[must_use]
    pub const fn was_sent(&self) -> bool {
        match self {
            Self::Dial(_) | Self::Unwritable(_) => false,
            Self::Lost(_) | Self::TimedOut(_) | Self::Garbled { .. } => true,
        }
    }
}
