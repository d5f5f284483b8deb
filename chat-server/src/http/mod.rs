//! The HTTP interface: which route is answered by which file. It decides nothing that the socket would not decide alike.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post, put};
use chat_proto::{ErrorCode, Refusal};
use http::StatusCode;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::service::App;
use failure::Failure;

mod accounts;
mod conversations;
mod extract;
mod failure;
mod groups;
mod health;
mod join;
mod messages;
mod observe;
mod sessions;
mod socket;
mod users;

/// What routes need beside the use cases.
pub struct Edge {
    /// The use cases' own.
    pub app: Arc<App>,
    /// The URL under which people reach the server.
    pub public_url: String,
    /// Cancelled when the server stops: sockets say goodbye.
    pub stopping: CancellationToken,
    /// Cancelled when waiting for them is over.
    pub kill: CancellationToken,
    /// The sockets that are open.
    pub sockets: TaskTracker,
}

impl Edge {
    /// An edge without sockets.
    #[must_use]
    pub fn new(app: Arc<App>, public_url: String, stopping: CancellationToken) -> Self {
        Self {
            app,
            public_url,
            stopping,
            kill: CancellationToken::new(),
            sockets: TaskTracker::new(),
        }
    }
}

type Shared = axum::extract::State<Arc<Edge>>;
type Answer<T> = Result<T, Failure>;

/// All routes.
pub fn routes(edge: Arc<Edge>) -> Router {
    Router::new()
        .route("/v1/accounts", post(accounts::sign_up))
        .route("/v1/me", get(accounts::me).patch(accounts::change_me))
        .route("/v1/sessions", post(sessions::log_in).get(sessions::list))
        .route("/v1/sessions/refresh", post(sessions::refresh))
        .route("/v1/sessions/{id}", delete(sessions::end))
        .route("/v1/ticket", post(sessions::ticket))
        .route("/v1/conversations", get(conversations::list))
        .route("/v1/read", post(conversations::read))
        .route("/v1/messages", post(messages::send).get(messages::page))
        .route("/v1/messages/{topic}/{seq}", get(messages::one))
        .route("/v1/messages/{topic}/{seq}/readers", get(messages::readers))
        .route("/v1/users", get(users::search))
        .route("/v1/users/{name}", get(users::one))
        .route("/v1/users/{name}/presence", get(users::presence))
        .route("/v1/groups", get(groups::list).post(groups::create))
        .route("/v1/groups/{group}", get(groups::one))
        .route("/v1/groups/{group}/messages", get(messages::of_group))
        .route("/v1/groups/{group}/users", get(groups::members))
        .route(
            "/v1/groups/{group}/users/{name}",
            put(groups::add).delete(groups::remove),
        )
        .route("/join/{code}", get(join::page))
        .route("/socket", get(socket::open))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&edge), observe::observe))
        .with_state(edge)
}

async fn unknown_route() -> Failure {
    Refusal::new(ErrorCode::NotFound, "there is no such route").into()
}

async fn wrong_method() -> Failure {
    let refusal = Refusal::new(ErrorCode::Invalid, "this route has no such method");
    Failure::with_status(refusal, StatusCode::METHOD_NOT_ALLOWED)
}
