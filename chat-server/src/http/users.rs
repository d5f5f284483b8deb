//! People: finding them, and whether they are there.

use axum::Json as Body;
use axum::extract::State;
use chat_proto::api::Profile;
use chat_proto::{ErrorCode, Presence, Refusal};
use serde::Deserialize;

use super::extract::{self, Caller, InPath, Params};
use super::{Answer, Shared};
use crate::service;

/// Whom one looks for.
#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    query: String,
    after: Option<String>,
    limit: Option<u64>,
}

/// `GET /v1/users?query=`.
pub(super) async fn search(
    State(edge): Shared,
    Caller(who): Caller,
    Params(which): Params<Which>,
) -> Answer<Body<Vec<Profile>>> {
    let after = which.after.as_deref().map(extract::person).transpose()?;
    let people =
        service::people::people(&edge.app, &who, &which.query, after.as_ref(), which.limit);
    Ok(Body(people.await?))
}

/// `GET /v1/users/{name}`.
pub(super) async fn one(
    State(edge): Shared,
    Caller(who): Caller,
    InPath(name): InPath<String>,
) -> Answer<Body<Profile>> {
    let name = extract::person(&name)?;
    Ok(Body(service::people::person(&edge.app, &who, &name).await?))
}

/// `GET /v1/users/{name}/presence`.
pub(super) async fn presence(
    State(edge): Shared,
    Caller(who): Caller,
    InPath(name): InPath<String>,
) -> Answer<Body<Presence>> {
    let name = extract::person(&name)?;
    let asked = std::slice::from_ref(&name);
    let presence = service::presence::presence(&edge.app, &who, asked)
        .await?
        .pop();
    let unknown = || Refusal::new(ErrorCode::NotFound, format!("there is no user '{name}'"));
    Ok(Body(presence.ok_or_else(unknown)?))
}
