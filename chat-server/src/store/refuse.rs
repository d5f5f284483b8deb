//! The sentences of refusals that the store decides on: the same from every engine.

use chat_proto::{ErrorCode, Name, Refusal, Topic, limits};

use super::StoreError;

fn refused(code: ErrorCode, message: impl Into<String>) -> StoreError {
    StoreError::Refused(Refusal::new(code, message))
}

/// No such name, a private group of others, or a sigil that does not fit: all alike.
#[must_use]
pub fn no_such_topic(topic: &Topic) -> StoreError {
    refused(ErrorCode::NotFound, format!("there is no topic '{topic}'"))
}

/// No such person.
#[must_use]
pub fn no_such_user(name: &Name) -> StoreError {
    refused(ErrorCode::NotFound, format!("there is no user '{name}'"))
}

/// A public topic of which one is no member.
#[must_use]
pub fn not_a_member(name: &Name) -> StoreError {
    refused(
        ErrorCode::Forbidden,
        format!("not a member of '{name}': subscribe to it first"),
    )
}

/// A member who may only read.
#[must_use]
pub fn read_only(name: &Name) -> StoreError {
    refused(
        ErrorCode::Forbidden,
        format!("in '{name}' you may only read"),
    )
}

/// Another user's own topic.
#[must_use]
pub fn someone_elses_topic(name: &Name) -> StoreError {
    refused(
        ErrorCode::Forbidden,
        format!("'{name}' is a person: nobody subscribes to another user's topic"),
    )
}

/// A private group is left, not unsubscribed from.
#[must_use]
pub fn private_group(name: &Name) -> StoreError {
    refused(
        ErrorCode::Forbidden,
        format!("'{name}' is a private group: its members add members, and leave it"),
    )
}

/// A name that nobody can take.
#[must_use]
pub fn reserved_name(name: &Name) -> StoreError {
    refused(
        ErrorCode::Rejected,
        format!("the name '{name}' is reserved"),
    )
}

/// A name that is taken.
#[must_use]
pub fn name_taken(name: &Name) -> StoreError {
    refused(ErrorCode::Conflict, format!("the name '{name}' is taken"))
}

/// Too many topics without messages.
#[must_use]
pub fn too_many_empty_topics() -> StoreError {
    refused(
        ErrorCode::Rejected,
        format!(
            "at most {} topics without messages: publish in one of them, or leave one",
            limits::EMPTY_TOPICS_MAX
        ),
    )
}

/// An id that was used for another content.
#[must_use]
pub fn id_used() -> StoreError {
    refused(ErrorCode::Conflict, "this id was used for another message")
}

/// Too fast.
#[must_use]
pub fn rate_limited(retry_after_ms: u64) -> StoreError {
    StoreError::Refused(Refusal::rate_limited(retry_after_ms))
}

/// Tickets that nobody used are out, as many as there may be; they end soon.
#[must_use]
pub fn too_many_tickets() -> StoreError {
    rate_limited(1_000)
}

/// What a reply or a thread refers to is not there.
#[must_use]
pub fn no_such_message(field: &str, seq: chat_proto::Seq) -> StoreError {
    refused(
        ErrorCode::NotFound,
        format!("'{field}': there is no message {seq} here"),
    )
}

/// An invite that cannot be used.
#[must_use]
pub fn bad_invite() -> StoreError {
    refused(
        ErrorCode::Forbidden,
        "this invite is not valid: it was used up, has expired or never existed",
    )
}

/// Only the owner and admins remove others, and nobody the owner.
#[must_use]
pub fn may_not_remove(name: &Name) -> StoreError {
    refused(
        ErrorCode::Forbidden,
        format!(
            "only the owner and admins of '{name}' remove members, and nobody removes the owner"
        ),
    )
}
