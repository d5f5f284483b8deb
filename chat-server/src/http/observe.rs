//! What happens around every request: an id and a span, a deadline, a net for panics, counters, safe headers.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chat_proto::{ErrorCode, Refusal};
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Uri, header};
use tracing::Instrument;

use super::Edge;
use super::failure::Failure;
use crate::clock::Millis;
use crate::{limits, metrics as names};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Parameters in which people put tokens: URLs stay in histories and logs, so no token may stand there.
const TOKENS_IN_URLS: [&str; 5] = ["token", "access_token", "refresh_token", "jwt", "bearer"];

/// Serves a request in its span. The query is never logged: a ticket or an invite may stand there.
pub(super) async fn observe(
    State(edge): State<Arc<Edge>>,
    request: Request,
    next: Next,
) -> Response {
    let id = uuid::Uuid::new_v4().simple().to_string();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unknown".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().clone();
    let span = tracing::info_span!("request", id, %method, route);
    let started = edge.app.clock.monotonic();
    let mut response = guarded(request, next).instrument(span.clone()).await;
    let took_ms = edge.app.clock.monotonic().since(started);
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), took_ms, "answered"));
    count(route, method.as_str(), &response, Millis(took_ms));
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

async fn guarded(request: Request, next: Next) -> Response {
    if token_in_url(request.uri()) {
        return Failure::from(Refusal::new(
            ErrorCode::Unauthorized,
            "a token does not belong into a URL, where logs keep it: send it as 'Authorization: Bearer', \
             or open the socket with a ticket from POST /v1/ticket",
        ))
        .into_response();
    }
    let served = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(limits::REQUEST_WAIT, served).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("a request panicked");
            let why = "something went wrong here and was logged: repeat it with the same id";
            Failure::from(Refusal::new(ErrorCode::Internal, why)).into_response()
        }
        Err(_) => {
            tracing::warn!("a request was not answered in time");
            Failure::from(Refusal::unavailable()).into_response()
        }
    }
}

fn token_in_url(uri: &Uri) -> bool {
    uri.query().unwrap_or_default().split('&').any(|pair| {
        let key = pair.split('=').next().unwrap_or_default();
        TOKENS_IN_URLS
            .iter()
            .any(|name| key.eq_ignore_ascii_case(name))
    })
}

fn count(route: String, method: &str, response: &Response, took: Millis) {
    // Methods may be made up; those of our routes are these.
    let method = match method {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    };
    let status = response.status().as_str().to_owned();
    let labels = [
        ("route", route.clone()),
        ("method", method.to_owned()),
        ("status", status),
    ];
    metrics::counter!(names::REQUESTS, &labels).increment(1);
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of a request are few"
    )]
    metrics::histogram!(names::REQUEST_SECONDS, "route" => route).record(took.0 as f64 / 1_000.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a08_tokens_in_urls_are_seen_and_tickets_pass() {
        let seen = |uri: &'static str| token_in_url(&Uri::from_static(uri));
        for bad in [
            "/socket?token=x",
            "/socket?a=1&access_token=x",
            "/v1/me?Token",
        ] {
            assert!(seen(bad), "{bad}");
        }
        for good in [
            "/socket",
            "/socket?ticket=x",
            "/v1/users?query=token",
            "/v1/users?",
        ] {
            assert!(!seen(good), "{good}");
        }
    }
}
