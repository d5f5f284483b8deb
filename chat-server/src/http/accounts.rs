//! Accounts: making one, and one's own.

use axum::Json as Body;
use axum::extract::State;
use chat_proto::Refusal;
use chat_proto::api::{ChangeMe, LoggedIn, Me, NewAccount};
use http::StatusCode;

use super::extract::{Caller, Json, Remote};
use super::{Answer, Shared};
use crate::auth::sign_up::{check_display_name, sign_up as make};
use crate::service::{App, Identity};

/// `POST /v1/accounts`.
pub(super) async fn sign_up(
    State(edge): Shared,
    Remote(peer): Remote,
    Json(new): Json<NewAccount>,
) -> Answer<(StatusCode, Body<LoggedIn>)> {
    let logged_in = make(&edge.app, new, peer.address).await?;
    peer.authenticated();
    Ok((StatusCode::CREATED, Body(logged_in)))
}

/// `GET /v1/me`.
pub(super) async fn me(State(edge): Shared, Caller(who): Caller) -> Answer<Body<Me>> {
    Ok(Body(shown(&edge.app, who).await?))
}

/// `PATCH /v1/me`.
pub(super) async fn change_me(
    State(edge): Shared,
    Caller(who): Caller,
    Json(change): Json<ChangeMe>,
) -> Answer<Body<Me>> {
    if let Some(display_name) = change.display_name {
        check_display_name(&display_name)?;
        edge.app
            .store
            .set_display_name(who.user, &display_name)
            .await?;
    }
    Ok(Body(shown(&edge.app, who).await?))
}

/// The account as it is on disk: the identity was read before the change.
async fn shown(app: &App, who: Identity) -> Answer<Me> {
    let account = app
        .store
        .account_named(&who.name)
        .await?
        .ok_or_else(Refusal::unauthorized)?;
    Ok(Me {
        name: account.name,
        display_name: account.display_name,
        email: account.email,
        admin: account.admin,
        session: who.session,
    })
}
