//! Invites: a code in a link that lets one in. The server keeps its hash alone.

use chat_proto::{Name, Time};

use super::secret;
use crate::limits;
use crate::store::{Invite, InviteHash};

/// The code of an invite. Its `Debug` hides it: who has it gets in.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteCode(String);

impl InviteCode {
    /// A new one, random.
    #[must_use]
    pub fn generate() -> Self {
        Self(secret::random_text())
    }

    /// Reads a code, or the link that it came in. None: it is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let code = match text.split_once("/join/") {
            Some((_, code)) => code.trim_end_matches('/'),
            None => text,
        };
        secret::unhex::<16>(code).map(|bytes| Self(secret::hex(&bytes)))
    }

    /// What the server keeps.
    #[must_use]
    pub fn hash(&self) -> InviteHash {
        InviteHash(secret::sha256(&self.0))
    }

    /// The code, for the one to whom it is given.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The link to give away.
    #[must_use]
    pub fn link(&self, public_url: &str) -> String {
        format!("{}/join/{}", public_url.trim_end_matches('/'), self.0)
    }

    /// The invite to store.
    #[must_use]
    pub fn invite(&self, kind: Kind, groups: Vec<Name>, uses: u32, now: Time) -> Invite {
        Invite {
            hash: self.hash(),
            groups,
            uses_left: uses.clamp(1, limits::INVITE_USES_MAX),
            admin: kind == Kind::Administrator,
            expires_at: now.plus_seconds(limits::INVITE_S),
        }
    }
}

impl std::fmt::Debug for InviteCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Whom an invite makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A user.
    User,
    /// An administrator.
    Administrator,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a04_an_invite_is_taken_as_a_code_and_as_a_link() {
        let code = InviteCode::generate();
        let link = code.link("https://chat.example/");
        assert_eq!(link, format!("https://chat.example/join/{}", code.expose()));
        for given in [
            link.clone(),
            format!("{link}/"),
            format!(" {}\n", code.expose()),
            code.expose().to_uppercase(),
        ] {
            assert_eq!(InviteCode::parse(&given), Some(code.clone()), "{given:?}");
        }
    }

    #[test]
    fn a04_what_is_no_code_is_none() {
        for bad in [
            "",
            "join",
            "https://chat.example/join/",
            "abc",
            "../../etc/passwd",
        ] {
            assert_eq!(InviteCode::parse(bad), None, "{bad:?}");
        }
        let code = InviteCode::generate();
        assert!(!format!("{code:?}").contains(code.expose()));
    }

    #[test]
    fn a04_an_invite_ends_and_has_a_number_of_uses() {
        let now = Time::from_micros(0);
        let invite = InviteCode::generate().invite(Kind::User, Vec::new(), 0, now);
        assert_eq!(invite.uses_left, 1);
        assert!(invite.expires_at > now && !invite.admin);
    }
}
