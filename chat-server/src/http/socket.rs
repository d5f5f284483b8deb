//! The way from HTTP to the socket: who may open one, the handshake of RFC 6455, and handing over.
//!
//! By hand, as axum's own would bring a second WebSocket library.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use chat_proto::{ErrorCode, Refusal};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::Instrument;

use super::extract::{Params, Remote, bearer};
use super::failure::Failure;
use super::{Answer, Edge, Shared};
use crate::gate::Peer;
use crate::limits;
use crate::metrics::{self as names, Alive};
use crate::service::Identity;
use crate::ws::{self, Opened};

/// What may stand in the URL of a socket.
#[derive(Deserialize)]
pub(super) struct Which {
    ticket: Option<String>,
    background: Option<String>,
}

/// `GET /socket`.
pub(super) async fn open(
    State(edge): Shared,
    Remote(peer): Remote,
    Params(which): Params<Which>,
    request: Request,
) -> Answer<Response> {
    check_origin(request.headers(), &edge.app.config.origins)?;
    let accept = match handshake(request.method(), request.headers()) {
        Ok(accept) => accept,
        Err(failure) => return Ok(told_version(failure)),
    };
    let identity = identify(&edge, request.headers(), which.ticket.as_deref()).await?;
    let opened = Opened {
        identity,
        background: which
            .background
            .is_some_and(|value| value == "1" || value == "true"),
        stranger: None,
    };
    hand_over(&edge, request, opened, &peer);
    let headers = [
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response())
}

/// Refuses web pages that are not on the list: a browser says where its page comes from, and nothing else does.
fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Answer<()> {
    let mut given = headers.get_all(header::ORIGIN).iter();
    let fits = given.all(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        allowed
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(origin))
    });
    if fits {
        return Ok(());
    }
    let why = "this web page may not open the socket: the operator allows pages with --origin";
    Err(Refusal::new(ErrorCode::Forbidden, why).into())
}

/// Who opens it: by token, by ticket, or nobody yet.
async fn identify(
    edge: &Edge,
    headers: &HeaderMap,
    ticket: Option<&str>,
) -> Answer<Option<Identity>> {
    let auth = &edge.app.auth;
    if headers.contains_key(header::AUTHORIZATION) {
        let token = bearer(headers).ok_or_else(Refusal::unauthorized)?;
        return Ok(Some(auth.identify(token).await?));
    }
    match ticket {
        Some(ticket) => Ok(Some(auth.identify_by_ticket(ticket).await?)),
        None => Ok(None),
    }
}

/// What `Sec-WebSocket-Accept` answers, if the request asks for a WebSocket of version 13.
fn handshake(method: &Method, headers: &HeaderMap) -> Answer<HeaderValue> {
    let invalid = |why: &str| -> Failure { Refusal::new(ErrorCode::Invalid, why).into() };
    if method != Method::GET {
        let refusal = Refusal::new(ErrorCode::Invalid, "the socket is opened with GET");
        return Err(Failure::with_status(
            refusal,
            StatusCode::METHOD_NOT_ALLOWED,
        ));
    }
    let wants = lists(headers, &header::CONNECTION, "upgrade")
        && lists(headers, &header::UPGRADE, "websocket");
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    if !wants || version.is_none_or(|version| version != "13") {
        let refusal = Refusal::new(
            ErrorCode::Invalid,
            "this is a WebSocket: ask for an upgrade to it, version 13",
        );
        return Err(Failure::with_status(refusal, StatusCode::UPGRADE_REQUIRED));
    }
    let key = headers
        .get(header::SEC_WEBSOCKET_KEY)
        .filter(|key| key.len() == 24 && key.as_bytes().ends_with(b"=="))
        .ok_or_else(|| invalid("'Sec-WebSocket-Key' must be 16 bytes in base64"))?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .map_err(|_| invalid("'Sec-WebSocket-Key' could not be answered"))
}

/// Whether a header, which may list several, names this one.
fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(wanted))
}

/// A refusal of the handshake says which version would do.
fn told_version(failure: Failure) -> Response {
    let mut response = failure.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::SEC_WEBSOCKET_VERSION,
        HeaderValue::from_static("13"),
    );
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    response
}

/// Serves the socket in a task of its own, as soon as the answer is out.
fn hand_over(edge: &Arc<Edge>, mut request: Request, opened: Opened, peer: &Peer) {
    let upgrade = hyper::upgrade::on(&mut request);
    let mut opened = opened;
    match opened.identity {
        Some(_) => peer.authenticated(),
        None => opened.stranger = peer.take_stranger(),
    }
    let served = serve(Arc::clone(edge), upgrade, opened);
    let peer = peer.clone();
    let kill = edge.kill.clone();
    edge.sockets.spawn(
        async move {
            let _place = peer;
            tokio::select! {
                () = served => {}
                () = kill.cancelled() => {}
            }
        }
        .instrument(tracing::info_span!("socket")),
    );
}

async fn serve(edge: Arc<Edge>, upgrade: OnUpgrade, opened: Opened) {
    let upgraded = match tokio::time::timeout(limits::UPGRADE_WAIT, upgrade).await {
        Ok(Ok(upgraded)) => upgraded,
        Ok(Err(error)) => return tracing::debug!(%error, "a socket went before it was open"),
        Err(_) => return tracing::debug!("a socket did not open in time"),
    };
    let _alive = Alive::new(names::SOCKETS);
    ::metrics::counter!(names::SOCKETS_OPENED).increment(1);
    let session = opened.identity.as_ref().map(|who| who.session.clone());
    let (app, stopping) = (Arc::clone(&edge.app), edge.stopping.clone());
    ws::serve(app, TokioIo::new(upgraded), opened, stopping).await;
    if let Some(session) = session {
        edge.app.auth.seen(&session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[(&'static str, &'static str)]) -> HeaderMap {
        given
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn a09_a_web_page_that_is_not_on_the_list_is_refused() {
        let allowed = ["https://chat.example".to_owned()];
        let refused = |given: &[(&'static str, &'static str)]| {
            check_origin(&headers(given), &allowed).is_err()
        };
        assert!(!refused(&[]));
        assert!(!refused(&[("origin", "https://chat.example")]));
        for bad in [
            "https://evil.example",
            "null",
            "",
            "https://chat.example.evil",
            "http://chat.example",
        ] {
            assert!(refused(&[("origin", bad)]), "{bad:?}");
        }
        assert!(check_origin(&headers(&[("origin", "https://chat.example")]), &[]).is_err());
    }

    #[test]
    fn the_handshake_is_answered_as_rfc_6455_says() {
        let good = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let accept = handshake(&Method::GET, &headers(&good)).expect("it is good");
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(handshake(&Method::HEAD, &headers(&good)).is_err());
        for missing in 0..good.len() {
            let mut given = good.to_vec();
            given.remove(missing);
            assert!(
                handshake(&Method::GET, &headers(&given)).is_err(),
                "{missing}"
            );
        }
    }
}
