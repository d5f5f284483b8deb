//! The one shape of every answer that is no success: the error object of the wire, with the status of its code.

use axum::response::{IntoResponse, Response};
use chat_proto::event::ErrorFrame;
use chat_proto::{Event, Refusal, codec};
use http::{HeaderValue, StatusCode, header};

/// A refusal on its way out.
#[derive(Debug)]
pub(super) struct Failure {
    refusal: Refusal,
    status: StatusCode,
}

impl Failure {
    /// A refusal under another status than that of its code.
    pub(super) fn with_status(refusal: Refusal, status: StatusCode) -> Self {
        Self { refusal, status }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        // The table of codes holds statuses alone, so the fallback is never seen.
        let status = StatusCode::from_u16(refusal.code.status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { refusal, status }
    }
}

impl From<crate::store::StoreError> for Failure {
    fn from(error: crate::store::StoreError) -> Self {
        Refusal::from(error).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self { refusal, status } = self;
        let wait_s = refusal.retry_after_ms.map(|ms| ms.div_ceil(1_000));
        let body = codec::encode_event(&Event::Error(ErrorFrame {
            id: None,
            code: refusal.code,
            message: refusal.message,
            retry_after_ms: refusal.retry_after_ms,
        }));
        let json = HeaderValue::from_static("application/json");
        let mut response = (status, [(header::CONTENT_TYPE, json)], body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = wait_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
