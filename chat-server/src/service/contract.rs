//! The use cases, by signature. (Each moves to a file of its own with its body.)
#![allow(
    missing_docs,
    clippy::todo,
    unused_variables,
    clippy::unused_async,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc
)]

use chat_proto::api::{
    Group, GroupCreated, Member, NewGroup, NewMessage, Page, Profile, ReadUpTo, Reader, Sent,
};
use chat_proto::{Conversation, Message, MessageId, Name, Presence, Refusal, Seq, Time, Topic};

use super::{App, Identity};
use crate::store::Range;

pub async fn send(app: &App, who: &Identity, message: NewMessage) -> Result<Sent, Refusal> {
    todo!()
}
pub async fn history(
    app: &App,
    who: &Identity,
    topic: &Topic,
    range: Range,
    limit: Option<u64>,
) -> Result<Page, Refusal> {
    todo!()
}
pub async fn message(
    app: &App,
    who: &Identity,
    topic: &Topic,
    seq: Seq,
) -> Result<Message, Refusal> {
    todo!()
}
pub async fn own_message(app: &App, who: &Identity, id: &MessageId) -> Result<Message, Refusal> {
    todo!()
}
pub async fn readers(
    app: &App,
    who: &Identity,
    topic: &Topic,
    seq: Seq,
) -> Result<Vec<Reader>, Refusal> {
    todo!()
}
pub async fn read(app: &App, who: &Identity, up_to: ReadUpTo) -> Result<ReadUpTo, Refusal> {
    todo!()
}
pub async fn conversations(
    app: &App,
    who: &Identity,
    before: Option<Time>,
    limit: Option<u64>,
) -> Result<Vec<Conversation>, Refusal> {
    todo!()
}
pub async fn people(
    app: &App,
    who: &Identity,
    query: &str,
    after: Option<&Name>,
    limit: Option<u64>,
) -> Result<Vec<Profile>, Refusal> {
    todo!()
}
pub async fn person(app: &App, who: &Identity, name: &Name) -> Result<Profile, Refusal> {
    todo!()
}
pub async fn presence(app: &App, who: &Identity, names: &[Name]) -> Result<Vec<Presence>, Refusal> {
    todo!()
}
pub async fn create_group(
    app: &App,
    who: &Identity,
    group: NewGroup,
) -> Result<GroupCreated, Refusal> {
    todo!()
}
pub async fn groups(app: &App, who: &Identity) -> Result<Vec<Group>, Refusal> {
    todo!()
}
pub async fn public_topics(
    app: &App,
    who: &Identity,
    query: &str,
    limit: Option<u64>,
) -> Result<Vec<Group>, Refusal> {
    todo!()
}
pub async fn group(app: &App, who: &Identity, name: &Name) -> Result<Group, Refusal> {
    todo!()
}
pub async fn group_members(app: &App, who: &Identity, name: &Name) -> Result<Vec<Member>, Refusal> {
    todo!()
}
pub async fn add_member(
    app: &App,
    who: &Identity,
    group: &Name,
    name: &Name,
) -> Result<(), Refusal> {
    todo!()
}
pub async fn remove_member(
    app: &App,
    who: &Identity,
    group: &Name,
    name: &Name,
) -> Result<(), Refusal> {
    todo!()
}
