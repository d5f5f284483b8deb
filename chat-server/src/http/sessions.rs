//! Sessions: logging in, staying in, seeing where one is logged in, and ending that.

use axum::Json as Body;
use axum::extract::State;
use chat_proto::api::{LogIn, LoggedIn, Refresh, SessionInfo, Ticket};
use chat_proto::{ErrorCode, Refusal, SessionId};
use http::StatusCode;

use super::extract::{Caller, InPath, Json, Remote};
use super::{Answer, Shared};
use crate::auth::log_in as auth;
use crate::service::sessions;

/// `POST /v1/sessions`.
pub(super) async fn log_in(
    State(edge): Shared,
    Remote(peer): Remote,
    Json(given): Json<LogIn>,
) -> Answer<(StatusCode, Body<LoggedIn>)> {
    let logged_in = auth::log_in(&edge.app, given, peer.address).await?;
    peer.authenticated();
    Ok((StatusCode::CREATED, Body(logged_in)))
}

/// `POST /v1/sessions/refresh`.
pub(super) async fn refresh(
    State(edge): Shared,
    Remote(peer): Remote,
    Json(given): Json<Refresh>,
) -> Answer<(StatusCode, Body<LoggedIn>)> {
    let logged_in = auth::refresh(&edge.app, &given).await?;
    peer.authenticated();
    Ok((StatusCode::CREATED, Body(logged_in)))
}

/// `GET /v1/sessions`.
pub(super) async fn list(
    State(edge): Shared,
    Caller(who): Caller,
) -> Answer<Body<Vec<SessionInfo>>> {
    Ok(Body(sessions::list(&edge.app, &who).await?))
}

/// `DELETE /v1/sessions/{id or current}`.
pub(super) async fn end(
    State(edge): Shared,
    Caller(who): Caller,
    InPath(id): InPath<String>,
) -> Answer<StatusCode> {
    let id = match id.as_str() {
        "current" => Some(who.session.clone()),
        id => SessionId::parse(id),
    };
    match id {
        Some(id) if sessions::end(&edge.app, &who, &id).await? => Ok(StatusCode::NO_CONTENT),
        _ => Err(Refusal::new(ErrorCode::NotFound, "you have no such session").into()),
    }
}

/// `POST /v1/ticket`.
pub(super) async fn ticket(
    State(edge): Shared,
    Caller(who): Caller,
) -> Answer<(StatusCode, Body<Ticket>)> {
    let ticket = edge.app.auth.ticket(&who).await?;
    Ok((StatusCode::CREATED, Body(Ticket { ticket })))
}
