//! Groups: making them, finding them, who is in them.

use axum::Json as Body;
use axum::extract::State;
use chat_proto::api::{Group, GroupCreated, Member, NewGroup};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::extract::{self, Caller, InPath, Json, Params};
use super::{Answer, Shared, messages};
use crate::service;

/// Which groups: one's own, or the public ones that fit.
#[derive(Deserialize)]
pub(super) struct Which {
    query: Option<String>,
    limit: Option<u64>,
}

/// `GET /v1/groups`.
pub(super) async fn list(
    State(edge): Shared,
    Caller(who): Caller,
    Params(which): Params<Which>,
) -> Answer<Body<Vec<Group>>> {
    let groups = match &which.query {
        Some(query) => service::groups::public_topics(&edge.app, &who, query, which.limit).await?,
        None => service::groups::groups(&edge.app, &who).await?,
    };
    Ok(Body(groups))
}

/// `POST /v1/groups`: 201, or 200 for a repeat.
pub(super) async fn create(
    State(edge): Shared,
    Caller(who): Caller,
    headers: HeaderMap,
    Json(mut group): Json<NewGroup>,
) -> Answer<(StatusCode, Body<GroupCreated>)> {
    group.id = extract::message_id(group.id, &headers)?;
    let made = service::groups::create_group(&edge.app, &who, group).await?;
    Ok((messages::created(made.dup), Body(made)))
}

/// `GET /v1/groups/{group}`.
pub(super) async fn one(
    State(edge): Shared,
    Caller(who): Caller,
    InPath(group): InPath<String>,
) -> Answer<Body<Group>> {
    let group = extract::group(&group)?;
    Ok(Body(service::groups::group(&edge.app, &who, &group).await?))
}

/// `GET /v1/groups/{group}/users`.
pub(super) async fn members(
    State(edge): Shared,
    Caller(who): Caller,
    InPath(group): InPath<String>,
) -> Answer<Body<Vec<Member>>> {
    let group = extract::group(&group)?;
    Ok(Body(
        service::groups::group_members(&edge.app, &who, &group).await?,
    ))
}

/// `PUT /v1/groups/{group}/users/{name}`.
pub(super) async fn add(
    State(edge): Shared,
    Caller(who): Caller,
    InPath((group, name)): InPath<(String, String)>,
) -> Answer<StatusCode> {
    let (group, name) = (extract::group(&group)?, extract::person(&name)?);
    service::groups::add_member(&edge.app, &who, &group, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/groups/{group}/users/{name}`; oneself: leave.
pub(super) async fn remove(
    State(edge): Shared,
    Caller(who): Caller,
    InPath((group, name)): InPath<(String, String)>,
) -> Answer<StatusCode> {
    let (group, name) = (extract::group(&group)?, extract::person(&name)?);
    service::groups::remove_member(&edge.app, &who, &group, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
