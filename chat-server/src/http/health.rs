//! Whether the server is alive, whether it is ready, and its counters.

use axum::Json as Body;
use axum::extract::State;
use chat_proto::Refusal;
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde_json::{Value, json};

use super::extract::{Remote, bearer};
use super::{Answer, Shared};
use crate::auth::secret;
use crate::away;
use crate::bus::Reach;
use crate::{limits, metrics as names};

/// `GET /healthz`: it answers.
pub(super) async fn alive() -> Body<Value> {
    Body(json!({"status": "ok"}))
}

/// `GET /readyz`: a write would be stored; else which dependency is down. Why it is, stands in the log.
pub(super) async fn ready(State(edge): Shared) -> (StatusCode, Body<Value>) {
    let store = tokio::time::timeout(limits::READY_WAIT, edge.app.store.ready()).await;
    let store = match store {
        Ok(Ok(())) => {
            away::there();
            "ok"
        }
        Ok(Err(error)) => {
            away::away(&error.to_string());
            "down"
        }
        Err(_) => {
            away::away("it did not say in time whether it is ready");
            "down"
        }
    };
    let stopping = edge.stopping.is_cancelled();
    let ready = store == "ok" && !stopping;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut dependencies = json!({"store": store});
    // Without the bus messages are stored and found by looking: it is named, and the node stays ready.
    match edge.app.bus.reach() {
        Reach::Alone => {}
        Reach::Up => dependencies["bus"] = "ok".into(),
        Reach::Away => dependencies["bus"] = "down".into(),
    }
    let body = json!({"ready": ready, "stopping": stopping, "dependencies": dependencies});
    (status, Body(body))
}

/// Headers that a proxy adds: behind one, everybody comes from its address.
const FORWARDED: [HeaderName; 2] = [
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
];

/// `GET /metrics`: open to this machine, to others with the token.
pub(super) async fn metrics(
    State(edge): Shared,
    Remote(peer): Remote,
    headers: HeaderMap,
) -> Answer<([(HeaderName, &'static str); 1], String)> {
    let here = peer.address.to_canonical().is_loopback()
        && !FORWARDED.iter().any(|name| headers.contains_key(name));
    let token = edge.app.config.metrics_token.as_ref();
    let known = match (token, bearer(&headers)) {
        (Some(token), Some(given)) => secret::same(token.expose(), given),
        _ => false,
    };
    if !here && !known {
        return Err(Refusal::unauthorized().into());
    }
    let text = "text/plain; version=0.0.4";
    Ok(([(header::CONTENT_TYPE, text)], names::render()))
}
