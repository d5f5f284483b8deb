//! How words and numbers of the chat are written in columns, and read back: the same in every engine.

use chat_proto::{ConversationKind, PresenceState, Role, Time};

use crate::change::{ConversationId, UserId};

/// What kinds of change a row of the log is.
pub(super) const MESSAGE: i64 = 1;
pub(super) const JOIN: i64 = 2;
pub(super) const LEAVE: i64 = 3;
pub(super) const ROLE: i64 = 4;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// An account.
    Person(UserId),
    /// A group or a public topic.
    Group(ConversationId),
    /// A public topic that went without a message: the name may be taken.
    Freed(ConversationId),
}

impl Named {
    pub(super) const fn columns(self) -> (i64, i64) {
        match self {
            Self::Person(id) => (1, id.0),
            Self::Group(id) => (2, id.0),
            Self::Freed(id) => (3, id.0),
        }
    }

    pub(super) const fn of(kind: i64, id: i64) -> Option<Self> {
        match kind {
            1 => Some(Self::Person(UserId(id))),
            2 => Some(Self::Group(ConversationId(id))),
            3 => Some(Self::Freed(ConversationId(id))),
            _ => None,
        }
    }
}

/// Two people as a direct conversation holds them: the one who came first to the server first.
pub(super) const fn sides(one: UserId, other: UserId) -> (UserId, UserId) {
    if one.0 <= other.0 {
        (one, other)
    } else {
        (other, one)
    }
}

/// A pattern for `LIKE`: these letters in this order, with anything between them.
pub(super) fn in_this_order(query: &str) -> String {
    let mut pattern = "%".to_owned();
    for letter in query.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.extend([letter, '%']);
    }
    pattern
}

/// A number as a column holds it. Numbers count messages and changes, so they stay far below the limit.
pub(super) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A column that is a count.
pub(super) fn count(column: i64) -> u64 {
    u64::try_from(column).unwrap_or(0)
}

pub(super) fn at(micros: Option<i64>) -> Option<Time> {
    micros.map(Time::from_micros)
}

pub(super) const fn kind_code(kind: ConversationKind) -> i64 {
    match kind {
        ConversationKind::Direct => 1,
        ConversationKind::Group => 2,
        ConversationKind::Public => 3,
    }
}

pub(super) const fn kind(code: i64) -> Option<ConversationKind> {
    match code {
        1 => Some(ConversationKind::Direct),
        2 => Some(ConversationKind::Group),
        3 => Some(ConversationKind::Public),
        _ => None,
    }
}

pub(super) const fn role_code(role: Role) -> i64 {
    match role {
        Role::Owner => 1,
        Role::Admin => 2,
        Role::Member => 3,
        Role::ReadOnly => 4,
    }
}

pub(super) const fn role(code: i64) -> Option<Role> {
    match code {
        1 => Some(Role::Owner),
        2 => Some(Role::Admin),
        3 => Some(Role::Member),
        4 => Some(Role::ReadOnly),
        _ => None,
    }
}

pub(super) const fn state_code(state: PresenceState) -> i64 {
    match state {
        PresenceState::Online => 1,
        PresenceState::Away => 2,
        PresenceState::Dnd => 3,
        PresenceState::Offline => 4,
    }
}

pub(super) const fn state(code: i64) -> Option<PresenceState> {
    match code {
        1 => Some(PresenceState::Online),
        2 => Some(PresenceState::Away),
        3 => Some(PresenceState::Dnd),
        4 => Some(PresenceState::Offline),
        _ => None,
    }
}
