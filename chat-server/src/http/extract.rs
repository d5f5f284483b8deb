//! What requests carry, read once at the edge: who asks, bodies, parameters, names in paths.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use bytes::Bytes;
use chat_proto::{ErrorCode, MessageId, Name, Refusal, Safe, Sigil, Topic, codec, limits as wire};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use serde::de::DeserializeOwned;

use super::Edge;
use super::failure::Failure;
use crate::gate::Peer;
use crate::limits;
use crate::service::Identity;

/// Who asks: the bearer of a good access token.
pub(super) struct Caller(pub(super) Identity);

impl FromRequestParts<Arc<Edge>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Failure> {
        let token = bearer(&parts.headers).ok_or_else(Refusal::unauthorized)?;
        let identity = edge.app.auth.identify(token).await?;
        if let Some(peer) = parts.extensions.get::<Peer>() {
            peer.authenticated();
        }
        Ok(Self(identity))
    }
}

/// The token of `Authorization: Bearer`, if there is exactly one.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The other end, as the accept loop put it there.
pub(super) struct Remote(pub(super) Peer);

impl<S: Sync> FromRequestParts<S> for Remote {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        match parts.extensions.get::<Peer>() {
            Some(peer) => Ok(Self(peer.clone())),
            None => {
                tracing::error!("a request came without the address of its peer");
                Err(Refusal::new(ErrorCode::Internal, "something went wrong here").into())
            }
        }
    }
}

/// A JSON body.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        if !is_json(request.headers().get(header::CONTENT_TYPE)) {
            let refusal = Refusal::new(ErrorCode::Invalid, "the body must be application/json");
            return Err(Failure::with_status(
                refusal,
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ));
        }
        let body = read(request.into_body()).await?;
        let value = codec::decode_body(&body).map_err(|error| error.refusal)?;
        Ok(Self(value))
    }
}

/// Whether a body may be JSON: it says so, or says nothing.
fn is_json(content_type: Option<&HeaderValue>) -> bool {
    let Some(value) = content_type else {
        return true;
    };
    let media_type = value.to_str().unwrap_or_default().split(';').next();
    media_type.is_some_and(|m| m.trim().eq_ignore_ascii_case("application/json"))
}

/// A whole body, of bounded size and in bounded time.
async fn read(body: Body) -> Result<Bytes, Failure> {
    let whole = Limited::new(body, wire::FRAME_BYTES_MAX).collect();
    match tokio::time::timeout(limits::BODY_WAIT, whole).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let bytes = wire::FRAME_BYTES_MAX;
            let why = format!("the body has more than {bytes} bytes");
            Err(Refusal::new(ErrorCode::TooLarge, why).into())
        }
        Ok(Err(_)) => Err(Refusal::new(ErrorCode::Invalid, "the body could not be read").into()),
        Err(_) => {
            let refusal = Refusal::new(ErrorCode::Invalid, "the body did not come in time");
            Err(Failure::with_status(refusal, StatusCode::REQUEST_TIMEOUT))
        }
    }
}

/// The parameters behind the question mark.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Self(params)),
            // The parser's words may repeat what was sent.
            Err(error) => Err(invalid(Safe::line(&error.body_text()).as_str())),
        }
    }
}

/// What stands in the path.
pub(super) struct InPath<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InPath<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(values)) => Ok(Self(values)),
            Err(error) => Err(invalid(Safe::line(&error.body_text()).as_str())),
        }
    }
}

/// A refusal of what a request carries.
pub(super) fn invalid(why: &str) -> Failure {
    Refusal::new(ErrorCode::Invalid, why).into()
}

/// A conversation's address in a path or a parameter.
pub(super) fn topic(text: &str) -> Result<Topic, Failure> {
    Topic::parse(text).map_err(|rule| invalid(&format!("'topic': {rule}")))
}

/// A person in a path: `ann` or `@ann`.
pub(super) fn person(text: &str) -> Result<Name, Failure> {
    named(text, Sigil::Person)
}

/// A group in a path: `ops` or `#ops`.
pub(super) fn group(text: &str) -> Result<Name, Failure> {
    named(text, Sigil::Group)
}

fn named(text: &str, kind: Sigil) -> Result<Name, Failure> {
    let topic = topic(text)?;
    match topic.sigil {
        Some(other) if other != kind => {
            let why = format!("there is nothing called '{topic}' here");
            Err(Refusal::new(ErrorCode::NotFound, why).into())
        }
        _ => Ok(topic.name),
    }
}

/// The id of a message: in the body, or as `Idempotency-Key`. Both may be given if they agree.
pub(super) fn message_id(
    in_body: Option<MessageId>,
    headers: &HeaderMap,
) -> Result<Option<MessageId>, Failure> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(in_body);
    };
    let key = key.to_str().ok().and_then(|key| MessageId::parse(key).ok());
    match (key, in_body) {
        (None, _) => Err(invalid(
            "'Idempotency-Key' must be 1 to 64 printable ASCII characters",
        )),
        (Some(key), Some(id)) if key != id => {
            Err(invalid("'id' and 'Idempotency-Key' are not the same"))
        }
        (key, _) => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a08_a_token_is_taken_from_one_authorization_header_alone() {
        let token =
            |given: &[(&'static str, &'static str)]| bearer(&headers(given)).map(str::to_owned);
        assert_eq!(
            token(&[("authorization", "Bearer t")]).as_deref(),
            Some("t")
        );
        assert_eq!(
            token(&[("authorization", "bearer  t ")]).as_deref(),
            Some("t")
        );
        for bad in ["", "Bearer", "Bearer ", "Basic t", "t", "Bearert"] {
            assert_eq!(token(&[("authorization", bad)]), None, "{bad:?}");
        }
        let twice = [("authorization", "Bearer t"), ("authorization", "Bearer u")];
        assert_eq!(token(&twice), None);
    }

    #[test]
    fn h02_the_idempotency_key_is_the_messages_id() {
        let id = |text: &str| MessageId::parse(text).expect("an id");
        let given = |key: &'static str, in_body: Option<&str>| {
            message_id(in_body.map(id), &headers(&[("idempotency-key", key)])).ok()
        };
        assert_eq!(given("k", None), Some(Some(id("k"))));
        assert_eq!(given("k", Some("k")), Some(Some(id("k"))));
        assert_eq!(given("k", Some("other")), None);
        assert_eq!(given("", None), None);
        assert_eq!(message_id(None, &headers(&[])).ok(), Some(None));
    }

    #[test]
    fn a_sigil_in_a_path_must_fit() {
        assert!(person("@ann").is_ok() && person("ann").is_ok() && group("#ops").is_ok());
        assert!(person("#ann").is_err() && group("@ops").is_err() && person("a b").is_err());
    }

    #[test]
    fn a_body_may_be_json_or_unnamed() {
        let json = |text: &'static str| is_json(Some(&HeaderValue::from_static(text)));
        assert!(json("application/json") && json("Application/JSON; charset=utf-8"));
        assert!(!json("text/plain") && !json("application/x-www-form-urlencoded"));
        assert!(is_json(None));
    }
}
