//! What tokens say and how they are signed: access tokens (JWT) and refresh tokens. It never asks who may have one.
//!
//! Both are a function of the key and of what they say, so that the same question gets the same answer: a client whose
//! answer was lost asks again and is given the pair that it did not see.

use chat_proto::{Name, SessionId, Time};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::{jwt, secret};
use crate::limits;
use crate::store::SigningKey;

/// Who issues.
const ISSUER: &str = "chat-server";
/// For whom.
const AUDIENCE: &str = "chat";

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// For whom.
    pub aud: String,
    /// Whose it is: the handle, as no number of the inside leaves the server.
    pub sub: Name,
    /// The session that it belongs to.
    pub sid: SessionId,
    /// When it was issued, in seconds.
    pub iat: i64,
    /// When it ends, in seconds.
    pub exp: i64,
}

/// What a refresh token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    /// The session that it prolongs.
    pub session: SessionId,
    /// Its number in that session.
    pub generation: u64,
}

/// A key that signs and verifies.
#[derive(Clone)]
struct Key {
    kid: String,
    secret: [u8; 32],
}

/// The keys: one that signs, and those that only verify.
#[derive(Clone)]
pub struct Keyring {
    signing: Key,
    verifying: Vec<Key>,
}

impl Keyring {
    /// A ring of keys, the newest first. None: there is no key.
    #[must_use]
    pub fn new(keys: Vec<SigningKey>) -> Option<Self> {
        jwt::install();
        let mut keys = keys.into_iter().map(|key| Key {
            kid: key.kid,
            secret: key.secret,
        });
        let signing = keys.next()?;
        Some(Self {
            signing,
            verifying: keys.collect(),
        })
    }

    /// A new key, random.
    #[must_use]
    pub fn generate(now: Time) -> SigningKey {
        SigningKey {
            kid: secret::hex(&secret::random::<8>()),
            secret: secret::random(),
            created_at: now,
        }
    }

    /// An access token of a session, as issued at `issued_at`. None: it could not be written, which our own claims never cause.
    #[must_use]
    pub fn access(&self, user: &Name, session: &SessionId, issued_at: Time) -> Option<String> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.clone(),
            sid: session.clone(),
            iat: issued_at.seconds(),
            exp: issued_at.seconds() + limits::ACCESS_TOKEN_S,
        };
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(self.signing.kid.clone());
        encode(
            &header,
            &claims,
            &EncodingKey::from_secret(&self.signing.secret),
        )
        .ok()
    }

    /// Whether this key is on the ring.
    #[must_use]
    pub fn knows(&self, kid: &str) -> bool {
        self.key(kid).is_some()
    }

    /// What an access token says, if it is ours and has not ended. Why not is told to nobody.
    #[must_use]
    pub fn read_access(&self, token: &str, now: Time) -> Option<Claims> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let key = self.key(header.kid.as_deref()?)?;
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // That crate reads the machine's clock; ours is told what time it is, and checks below.
        rules.validate_exp = false;
        let claims = decode::<Claims>(token, &DecodingKey::from_secret(&key.secret), &rules)
            .ok()?
            .claims;
        (now.seconds() < claims.exp).then_some(claims)
    }

    /// The refresh token of a session with this number.
    #[must_use]
    pub fn refresh(&self, refresh: &Refresh) -> String {
        let said = format!(
            "{}.{}.{}",
            self.signing.kid, refresh.session, refresh.generation
        );
        let mac = hmac::sign(&self.signing.mac_key(), &domain(&said));
        format!("{said}.{}", secret::hex(mac.as_ref()))
    }

    /// What a refresh token says, if it is ours.
    #[must_use]
    pub fn read_refresh(&self, token: &str) -> Option<Refresh> {
        let (said, mac) = token.rsplit_once('.')?;
        let mut parts = said.split('.');
        let (kid, session, generation) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let mac = secret::unhex::<32>(mac)?;
        hmac::verify(&self.key(kid)?.mac_key(), &domain(said), &mac).ok()?;
        Some(Refresh {
            session: SessionId(session.to_owned()),
            generation: generation.parse().ok()?,
        })
    }

    fn key(&self, kid: &str) -> Option<&Key> {
        std::iter::once(&self.signing)
            .chain(&self.verifying)
            .find(|key| key.kid == kid)
    }
}

/// The id of the key with which an access token says that it was signed.
#[must_use]
pub fn kid_of_access(token: &str) -> Option<String> {
    jsonwebtoken::decode_header(token).ok()?.kid
}

/// The id of the key with which a refresh token says that it was signed.
#[must_use]
pub fn kid_of_refresh(token: &str) -> Option<&str> {
    // As many parts as `read_refresh` wants: what is no token of any key is not looked for.
    let (kid, rest) = token.split_once('.')?;
    (rest.split('.').count() == 3).then_some(kid)
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring")
            .field("signing", &self.signing.kid)
            .field("verifying", &self.verifying.len())
            .finish_non_exhaustive()
    }
}

impl Key {
    fn mac_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.secret)
    }
}

/// What is signed of a refresh token. The colon is in no JWT, so neither kind can be taken for the other.
fn domain(said: &str) -> Vec<u8> {
    format!("refresh:{said}").into_bytes()
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
