//! How a command ends: the one table of exit codes, which scripts rely on.

use std::process::ExitCode;

use chat_proto::ErrorCode;

use crate::client::error::ClientError;
use crate::client::http::HttpError;
use crate::client::session::SessionError;
#[cfg(unix)]
use crate::term::Ended;

/// The codes of the contract; the number of a variant never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Reached what was asked; also a reader that closed the pipe.
    Ok = 0,
    /// Anything unexpected.
    Unexpected = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The server cannot be reached, or cannot prove who it is.
    Unreachable = 3,
    /// Not logged in, or no longer.
    Unauthenticated = 4,
    /// Too many at once, and told not to wait for long enough.
    RateLimited = 5,
    /// No such topic, not a member, blocked.
    Refused = 6,
    /// Not done in time; of a send: not known.
    TimedOut = 7,
    /// In the outbox only.
    Queued = 8,
    /// Too large, against a rule, in conflict.
    Rejected = 9,
    /// The terminal went away while the screens were on it.
    HungUp = 129,
    /// Interrupted by a signal.
    Interrupted = 130,
    /// Told to quit from the keyboard, by a signal.
    Quit = 131,
    /// Asked by a signal to end.
    Terminated = 143,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(unix)]
impl From<Ended> for Exit {
    fn from(ended: Ended) -> Self {
        match ended.exit_code() {
            129 => Self::HungUp,
            130 => Self::Interrupted,
            131 => Self::Quit,
            143 => Self::Terminated,
            _ => Self::Unexpected,
        }
    }
}

impl From<ErrorCode> for Exit {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Unauthorized => Self::Unauthenticated,
            ErrorCode::Forbidden | ErrorCode::Blocked | ErrorCode::NotFound => Self::Refused,
            ErrorCode::Invalid
            | ErrorCode::Conflict
            | ErrorCode::TooLarge
            | ErrorCode::Rejected => Self::Rejected,
            ErrorCode::RateLimited => Self::RateLimited,
            ErrorCode::Unavailable => Self::Unreachable,
            ErrorCode::Internal => Self::Unexpected,
        }
    }
}

impl From<&ClientError> for Exit {
    fn from(error: &ClientError) -> Self {
        match error {
            ClientError::Http(error) => error.into(),
            ClientError::Refused(refusal) => refusal.code.into(),
            ClientError::NotAChat { .. } => Self::Unreachable,
            ClientError::Garbled { .. } => Self::Unexpected,
            ClientError::Session(SessionError::Busy(_)) => Self::TimedOut,
            ClientError::NoSession(_) | ClientError::Session(_) => Self::Unauthenticated,
        }
    }
}

impl From<&HttpError> for Exit {
    fn from(error: &HttpError) -> Self {
        match error {
            HttpError::Dial(_) | HttpError::Lost(_) => Self::Unreachable,
            HttpError::TimedOut(_) => Self::TimedOut,
            HttpError::Unwritable(_) => Self::Usage,
            HttpError::Garbled { .. } => Self::Unexpected,
        }
    }
}

/// A command that did not reach what was asked: the code, and the sentence for stderr.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// The sentence; empty where everything was said already.
    pub sentence: String,
}

impl Failure {
    /// A code and a sentence.
    pub fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self {
            exit,
            sentence: sentence.into(),
        }
    }

    /// What the user has to write differently.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Usage, sentence)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::new(Exit::from(&error), error.to_string())
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::usage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chat_proto::Refusal;

    #[test]
    fn k02_the_numbers_are_those_of_the_contract() {
        let numbers = [
            (Exit::Ok, 0),
            (Exit::Unexpected, 1),
            (Exit::Usage, 2),
            (Exit::Unreachable, 3),
            (Exit::Unauthenticated, 4),
            (Exit::RateLimited, 5),
            (Exit::Refused, 6),
            (Exit::TimedOut, 7),
            (Exit::Queued, 8),
            (Exit::Rejected, 9),
            (Exit::Interrupted, 130),
        ];
        for (exit, number) in numbers {
            assert_eq!(exit.code(), number, "{exit:?}");
        }
    }

    #[test]
    fn k02_every_refusal_has_its_exit_code() {
        for (code, exit) in [
            (ErrorCode::Unauthorized, Exit::Unauthenticated),
            (ErrorCode::Forbidden, Exit::Refused),
            (ErrorCode::Blocked, Exit::Refused),
            (ErrorCode::NotFound, Exit::Refused),
            (ErrorCode::Invalid, Exit::Rejected),
            (ErrorCode::Conflict, Exit::Rejected),
            (ErrorCode::TooLarge, Exit::Rejected),
            (ErrorCode::Rejected, Exit::Rejected),
            (ErrorCode::RateLimited, Exit::RateLimited),
            (ErrorCode::Unavailable, Exit::Unreachable),
            (ErrorCode::Internal, Exit::Unexpected),
        ] {
            let error = ClientError::Refused(Refusal::new(code, "why"));
            assert_eq!(Exit::from(&error), exit, "{code}");
        }
    }

    #[test]
    fn k02_a_server_that_does_not_answer_is_told_from_one_that_is_not_there() {
        let late = ClientError::Http(HttpError::TimedOut("x".to_owned()));
        assert_eq!(Exit::from(&late), Exit::TimedOut);
        let gone = ClientError::Http(HttpError::Lost("x".to_owned()));
        assert_eq!(Exit::from(&gone), Exit::Unreachable);
        let nobody = ClientError::NoSession("x".to_owned());
        assert_eq!(Exit::from(&nobody), Exit::Unauthenticated);
    }
}
