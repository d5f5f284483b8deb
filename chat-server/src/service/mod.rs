//! What the server does when asked: one use case, one file; socket and HTTP call the same functions.

use std::sync::Arc;

use chat_proto::{Name, Refusal, SessionId, UserRef};

use crate::auth::Auth;
use crate::change::UserId;
use crate::clock::Clock;
use crate::config::Config;
use crate::router::Router;
use crate::store::{Store, StoreError};

pub mod contract;

/// Who asks: minted by `auth` alone, from a token that it checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Inside the server.
    pub user: UserId,
    /// The handle.
    pub name: Name,
    /// What is shown.
    pub display_name: String,
    /// Whether they administer the server.
    pub admin: bool,
    /// The log-in that the token belongs to.
    pub session: SessionId,
}

impl Identity {
    /// The user as others see them.
    #[must_use]
    pub fn user_ref(&self) -> UserRef {
        UserRef {
            name: self.name.clone(),
            display_name: self.display_name.clone(),
        }
    }
}

/// What every use case needs.
pub struct App {
    /// The truth.
    pub store: Arc<dyn Store>,
    /// Who is here.
    pub router: Arc<Router>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The numbers that hold here, as told in `welcome`.
    pub limits: chat_proto::event::Limits,
    /// Who somebody is.
    pub auth: Auth,
    /// What the operator chose.
    pub config: Config,
}

/// What a peer is told of a failure of the store: internals go to the log, never to the peer.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => refusal,
            StoreError::Unavailable(why) => {
                tracing::warn!(why, "the store is away");
                Self::unavailable()
            }
            StoreError::Internal(why) => {
                tracing::error!(why, "the store failed");
                Self::new(
                    chat_proto::ErrorCode::Internal,
                    "something went wrong here and was logged: repeat it with the same id",
                )
            }
        }
    }
}
