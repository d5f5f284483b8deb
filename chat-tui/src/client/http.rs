//! One request at a time to the server's HTTP interface: a deadline for each, a bound for every answer,
//! no redirect followed (a token goes nowhere but where it was meant to go).

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout_at;

use super::dial::{DialError, Dialer};
use crate::clock::Deadline;
use chat_proto::api::Secret;

/// Bytes of an answer at the most: a page of a hundred of the longest texts fits.
pub const ANSWER_BYTES_MAX: usize = 32 << 20;
/// Bytes of an answer's head at the most.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// What we say we are.
const AGENT: &str = concat!("chat-tui/", env!("CARGO_PKG_VERSION"));

/// Why there is no answer; by what the caller can conclude.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Nothing was sent.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The request cannot be written; nothing was sent.
    #[error("{0} holds characters that no request can carry")]
    Unwritable(&'static str),
    /// The request went out, perhaps not whole, and the connection broke before the answer was whole.
    #[error("the connection to {0} broke before the answer came")]
    Lost(String),
    /// The request went out and no whole answer came in time.
    #[error("{0} did not answer in time")]
    TimedOut(String),
    /// What came is no answer in HTTP, or a bigger one than anybody needs.
    #[error("{server} gave an answer that could not be understood: {why}")]
    Garbled {
        /// Who.
        server: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What is asked: a route below the server's path, and perhaps a body in JSON.
#[derive(Debug, Clone)]
pub struct Call {
    /// GET, POST, ...
    pub method: Method,
    /// The route with its query, such as `/v1/me`.
    pub route: String,
    /// The body in JSON.
    pub body: Option<Bytes>,
}

impl Call {
    /// Reads.
    pub fn get(route: impl Into<String>) -> Self {
        Self::new(Method::GET, route, None)
    }

    /// Removes.
    pub fn delete(route: impl Into<String>) -> Self {
        Self::new(Method::DELETE, route, None)
    }

    /// Puts a thing in its place.
    pub fn put(route: impl Into<String>) -> Self {
        Self::new(Method::PUT, route, None)
    }

    /// Hands something in.
    pub fn post<T: serde::Serialize>(route: impl Into<String>, body: &T) -> Self {
        // Our own types hold string keys and finite numbers only, so writing them cannot fail;
        // if it ever did, the server would refuse the empty body with a sentence.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::new(Method::POST, route, Some(body.into()))
    }

    fn new(method: Method, route: impl Into<String>, body: Option<Bytes>) -> Self {
        Self {
            method,
            route: route.into(),
            body,
        }
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body, whole.
    pub body: Bytes,
}

/// A connection to a server that is opened when needed and kept while it is good.
pub struct Http {
    dialer: Dialer,
    connection: Option<http1::SendRequest<Full<Bytes>>>,
}

impl Http {
    /// Talks through `dialer`.
    #[must_use]
    pub const fn new(dialer: Dialer) -> Self {
        Self {
            dialer,
            connection: None,
        }
    }

    /// What opens its connections.
    #[must_use]
    pub const fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// Asks, and waits for the whole answer.
    ///
    /// # Errors
    /// [`HttpError`], which says whether something was sent.
    pub async fn call(
        &mut self,
        call: &Call,
        token: Option<&Secret>,
        deadline: Deadline,
    ) -> Result<Answer, HttpError> {
        let mut request = self.request(call, token)?;
        if let Some(mut kept) = self.connection.take().filter(|kept| !kept.is_closed()) {
            match timeout_at(deadline, kept.try_send_request(request)).await {
                Ok(Ok(head)) => return self.read(kept, head, deadline).await,
                // The server closed the kept connection in the meantime and the request never left: a new one takes it.
                Ok(Err(mut error)) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(self.sent_and_lost(&error.into_error())),
                },
                Err(_) => return Err(self.timed_out()),
            }
        }
        let mut fresh = self.open(deadline).await?;
        match timeout_at(deadline, fresh.send_request(request)).await {
            Ok(Ok(head)) => self.read(fresh, head, deadline).await,
            Ok(Err(error)) => Err(self.sent_and_lost(&error)),
            Err(_) => Err(self.timed_out()),
        }
    }

    async fn open(
        &mut self,
        deadline: Deadline,
    ) -> Result<http1::SendRequest<Full<Bytes>>, HttpError> {
        let stream = self.dialer.dial(deadline).await?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.sent_and_lost(&error))?;
        // It ends when `sender` is dropped or the server closes; what goes wrong in it comes back by `sender`.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(sender)
    }

    fn request(
        &self,
        call: &Call,
        token: Option<&Secret>,
    ) -> Result<Request<Full<Bytes>>, HttpError> {
        let server = self.dialer.server();
        let mut builder = Request::builder()
            .method(call.method.clone())
            .uri(server.path(&call.route))
            .header(HOST, server.authority())
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, "application/json");
        if call.body.is_some() {
            builder = builder.header(CONTENT_TYPE, "application/json");
        }
        if let Some(token) = token {
            builder = builder.header(AUTHORIZATION, bearer(token)?);
        }
        let body = Full::new(call.body.clone().unwrap_or_default());
        builder
            .body(body)
            .map_err(|_| HttpError::Unwritable("the address"))
    }

    async fn read(
        &mut self,
        sender: http1::SendRequest<Full<Bytes>>,
        head: http::Response<hyper::body::Incoming>,
        deadline: Deadline,
    ) -> Result<Answer, HttpError> {
        let (parts, body) = head.into_parts();
        let whole = timeout_at(deadline, Limited::new(body, ANSWER_BYTES_MAX).collect()).await;
        let body = match whole {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return Err(HttpError::Garbled {
                    server: self.server(),
                    why: format!("it has more than {ANSWER_BYTES_MAX} bytes"),
                });
            }
            Ok(Err(_)) => return Err(HttpError::Lost(self.server())),
            Err(_) => return Err(self.timed_out()),
        };
        self.connection = Some(sender);
        Ok(Answer {
            status: parts.status,
            body,
        })
    }

    fn sent_and_lost(&self, error: &hyper::Error) -> HttpError {
        if error.is_parse() {
            return HttpError::Garbled {
                server: self.server(),
                why: "it is no HTTP".to_owned(),
            };
        }
        HttpError::Lost(self.server())
    }

    fn timed_out(&self) -> HttpError {
        HttpError::TimedOut(self.server())
    }

    fn server(&self) -> String {
        self.dialer.server().to_string()
    }
}

/// The header that carries a token; never shown by `Debug`.
///
/// # Errors
/// When the token holds what no header can carry.
pub fn bearer(token: &Secret) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .map_err(|_| HttpError::Unwritable("the token"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A text as a part of a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
