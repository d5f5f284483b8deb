//! Conversations: the list, ranked by last chat, and the mark up to which one has read.

use axum::Json as Body;
use axum::extract::State;
use chat_proto::api::ReadUpTo;
use chat_proto::{Conversation, Time};
use serde::Deserialize;

use super::extract::{self, Caller, Json, Params};
use super::{Answer, Shared};
use crate::service;

/// Which part of the list.
#[derive(Deserialize)]
pub(super) struct Which {
    before: Option<String>,
    limit: Option<u64>,
}

/// `GET /v1/conversations`.
pub(super) async fn list(
    State(edge): Shared,
    Caller(who): Caller,
    Params(which): Params<Which>,
) -> Answer<Body<Vec<Conversation>>> {
    let before = which.before.as_deref().map(Time::parse).transpose();
    let before = before.map_err(|rule| extract::invalid(&format!("'before': {rule}")))?;
    Ok(Body(
        service::conversations::conversations(&edge.app, &who, before, which.limit).await?,
    ))
}

/// `POST /v1/read`.
pub(super) async fn read(
    State(edge): Shared,
    Caller(who): Caller,
    Json(up_to): Json<ReadUpTo>,
) -> Answer<Body<ReadUpTo>> {
    Ok(Body(
        service::mark::read_up_to(&edge.app, &who, up_to).await?,
    ))
}
