//! Who somebody is: an [`Identity`] from a token. Nothing else may mint one.

use std::sync::Arc;

use chat_proto::api::{LoggedIn, Profile, Secret};
use chat_proto::{ErrorCode, Name, Refusal, SessionId};

use crate::clock::Clock;
use crate::config::{Config, SignUp};
use crate::limits;
use crate::service::Identity;
use crate::store::{Account, Session, Store, StoreResult};

pub mod attempts;
pub mod invite;
mod jwt;
mod keys;
pub mod log_in;
pub mod password;
pub mod secret;
mod seen;
pub mod sign_up;
mod ticket;
pub mod token;

use attempts::Attempts;
use invite::{InviteCode, Kind};
use keys::Keys;
use password::Hasher;
use seen::Seen;
use token::Refresh;

/// Tokens, tickets, passwords and the limits on trying them.
pub struct Auth {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    keys: Keys,
    hasher: Hasher,
    attempts: Attempts,
    seen: Seen,
    sign_up: SignUp,
    lobby: Option<Name>,
}

impl Auth {
    /// Loads the signing keys; at the very first start it makes one.
    ///
    /// # Errors
    /// What the store says.
    pub async fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        config: &Config,
    ) -> StoreResult<Self> {
        Ok(Self {
            keys: Keys::open(Arc::clone(&store), Arc::clone(&clock)).await?,
            store,
            clock,
            hasher: Hasher::new(),
            attempts: Attempts::new(config.address_limits),
            seen: Seen::default(),
            sign_up: config.signup,
            lobby: config.lobby.clone(),
        })
    }

    /// Who presents an access token. Whatever is wrong with it, the refusal is one and the same.
    ///
    /// # Errors
    /// `unauthorized`; `unavailable` while the store is away.
    pub async fn identify(&self, token: &str) -> Result<Identity, Refusal> {
        let kid = token::kid_of_access(token).ok_or_else(Refusal::unauthorized)?;
        let keys = self.keys.with(&kid).await?;
        let now = self.clock.wall();
        let claims = keys
            .read_access(token, now)
            .ok_or_else(Refusal::unauthorized)?;
        let identity = self.session_of(&claims.sid).await?;
        if identity.name != claims.sub {
            return Err(Refusal::unauthorized());
        }
        self.seen.note(&claims.sid, now);
        Ok(identity)
    }

    /// Who presents a ticket.
    ///
    /// # Errors
    /// As [`Auth::identify`].
    pub async fn identify_by_ticket(&self, ticket: &str) -> Result<Identity, Refusal> {
        let session = ticket::redeem(&*self.store, ticket, self.clock.wall()).await?;
        let session = session.ok_or_else(Refusal::unauthorized)?;
        self.session_of(&session).await
    }

    /// A ticket for the socket.
    ///
    /// # Errors
    /// `rate_limited` where too many are out; `unavailable` while the store is away.
    pub async fn ticket(&self, who: &Identity) -> Result<Secret, Refusal> {
        Ok(ticket::issue(&*self.store, &who.session, self.clock.wall()).await?)
    }

    /// A new key signs from here on, on all nodes; what older ones signed stays good.
    ///
    /// # Errors
    /// What the store says.
    pub async fn rotate_keys(&self) -> StoreResult<()> {
        self.keys.rotate().await
    }

    /// Makes an invite.
    ///
    /// # Errors
    /// What the store says.
    pub async fn invite(
        &self,
        kind: Kind,
        groups: Vec<Name>,
        uses: u32,
    ) -> StoreResult<InviteCode> {
        let code = InviteCode::generate();
        let invite = code.invite(kind, groups, uses, self.clock.wall());
        self.store.add_invite(invite).await?;
        Ok(code)
    }

    /// A session is there at this moment.
    pub fn seen(&self, session: &SessionId) {
        self.seen.note(session, self.clock.wall());
    }

    /// Writes when sessions were last seen.
    pub async fn write_seen(&self) {
        self.seen.write(&*self.store).await;
    }

    async fn session_of(&self, id: &SessionId) -> Result<Identity, Refusal> {
        match self.store.session(id).await? {
            Some((session, account)) if !account.disabled => Ok(Identity {
                user: account.id,
                name: account.name,
                display_name: account.display_name,
                admin: account.admin,
                session: session.id,
            }),
            _ => Err(Refusal::unauthorized()),
        }
    }

    /// The pair of a session. It is issued at the time of the rotation, so that asking again gives the same pair.
    async fn pair(&self, session: &Session, account: &Account) -> Result<LoggedIn, Refusal> {
        let keys = self.keys.newest().await;
        let issued_at = session.rotated_at;
        let Some(token) = keys.access(&account.name, &session.id, issued_at) else {
            tracing::error!("an access token could not be written");
            return Err(Refusal::new(
                ErrorCode::Internal,
                "something went wrong here and was logged: try it again",
            ));
        };
        let refresh_token = keys.refresh(&Refresh {
            session: session.id.clone(),
            generation: session.generation,
        });
        let ends_at = issued_at.seconds() + limits::ACCESS_TOKEN_S;
        let left = ends_at.saturating_sub(self.clock.wall().seconds());
        Ok(LoggedIn {
            user: profile(account),
            token: Secret(token),
            refresh_token: Secret(refresh_token),
            // A clock that steps back must not promise more than the token holds.
            expires_in: u64::try_from(left.min(limits::ACCESS_TOKEN_S)).unwrap_or(0),
        })
    }
}

/// A user as users see one.
#[must_use]
pub fn profile(account: &Account) -> Profile {
    Profile {
        name: account.name.clone(),
        display_name: account.display_name.clone(),
        kind: "person".to_owned(),
        avatar: None,
    }
}
