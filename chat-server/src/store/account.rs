//! What the store keeps of a person: the account, what they say of being there, and the invite by which they came.

use chat_proto::{Name, PresenceState, Time};

use crate::change::UserId;

/// An account, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Inside the server.
    pub id: UserId,
    /// The handle.
    pub name: Name,
    /// What is shown.
    pub display_name: String,
    /// The user's own address; nobody else sees it.
    pub email: Option<String>,
    /// Whether they administer the server.
    pub admin: bool,
    /// Whether they may not log in.
    pub disabled: bool,
}

/// What a person says of being there, and when they last were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The state that they chose; `Online` unless they chose another.
    pub state: Option<PresenceState>,
    /// The status text.
    pub text: Option<String>,
    /// When the text ends.
    pub until: Option<Time>,
    /// When their last foreground connection went.
    pub last_seen: Option<Time>,
}

/// A new account.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The handle, valid and not reserved.
    pub name: Name,
    /// What is shown.
    pub display_name: String,
    /// The user's own address.
    pub email: Option<String>,
    /// The hash of the password (PHC string).
    pub password_hash: String,
    /// The invite that is used up by it, in the same transaction. Without one the caller has decided that none is needed.
    pub invite: Option<InviteHash>,
    /// A public topic that all newcomers join; made if the name is free.
    pub lobby: Option<Name>,
    /// When.
    pub now: Time,
}

/// SHA-256 of an invite's code: the code itself is nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InviteHash(pub [u8; 32]);

/// An invite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// What its code hashes to.
    pub hash: InviteHash,
    /// Groups that the newcomer joins; one that is gone by then is passed over.
    pub groups: Vec<Name>,
    /// How often it can be used yet.
    pub uses_left: u32,
    /// Whether it makes an administrator.
    pub admin: bool,
    /// When it ends.
    pub expires_at: Time,
}
