//! How words and numbers of the chat are written in columns, and read back.

use chat_proto::{ConversationKind, PresenceState, Role, Time};
use rusqlite::types::Type;

/// A number as a column holds it. Numbers count messages and changes, so they stay far below the limit.
pub(super) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A column that is a count.
pub(super) fn count(column: i64) -> u64 {
    u64::try_from(column).unwrap_or(0)
}

/// A column that holds what no writer of ours puts there.
pub(super) fn foreign(index: usize, what: &str) -> rusqlite::Error {
    let sentence = format!("column {index} is no {what}");
    rusqlite::Error::FromSqlConversionFailure(index, Type::Null, sentence.into())
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
