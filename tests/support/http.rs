//! One request over HTTP, and what came back.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::soon;

/// A request that is yet to be sent.
#[derive(Debug, Clone)]
pub struct Call {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Call {
    /// A request without a body.
    #[must_use]
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// `GET`.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// `POST` of a JSON value.
    #[must_use]
    pub fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::new("POST", path).json(body)
    }

    /// Gives it a body in JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header(CONTENT_TYPE.as_str(), "application/json")
            .body(body.to_string())
    }

    /// Gives it any body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Presents a token.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends it, on a connection of its own.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(self, to: SocketAddr) -> Answer {
        let what = format!("{} {}", self.method, self.path);
        match soon(&what, self.try_send(to)).await {
            Ok(answer) => answer,
            Err(error) => panic!("{what}: {error}"),
        }
    }

    /// Sends it to a server that may be away.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn try_send(self, to: SocketAddr) -> anyhow::Result<Answer> {
        let stream = TokioIo::new(TcpStream::connect(to).await?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
        let driver = tokio::spawn(connection);
        let mut request = hyper::Request::builder()
            .method(self.method)
            .uri(&self.path)
            .header(HOST, to.to_string());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let call = self.path.clone();
        let answer = sender
            .send_request(request.body(Full::new(self.body))?)
            .await?;
        let (head, body) = answer.into_parts();
        let bytes = body.collect().await?.to_bytes();
        driver.abort();
        Ok(Answer {
            call,
            status: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    call: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: hyper::HeaderMap,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The body, when the status is the one that must be.
    ///
    /// # Panics
    /// When the status is another one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.call, self.text);
        match serde_json::from_str(&self.text) {
            Ok(json) => json,
            Err(_) => Value::String(self.text),
        }
    }

    /// The body as a type of the protocol, when the status is the one that must be.
    ///
    /// # Panics
    /// When the status is another one, or the body does not read as that type.
    #[track_caller]
    #[must_use]
    pub fn read<T: DeserializeOwned>(self, status: u16) -> T {
        assert_eq!(self.status, status, "{}: {}", self.call, self.text);
        match serde_json::from_str(&self.text) {
            Ok(value) => value,
            Err(error) => panic!("{}: {error} in {}", self.call, self.text),
        }
    }

    /// Asserts a refusal: its status and its code, and that it says something to a person.
    ///
    /// # Panics
    /// When it was answered otherwise.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> String {
        let call = self.call.clone();
        let error = self.expect(status);
        assert_eq!(error["code"], code, "{call}: {error}");
        let sentence = error["message"].as_str().unwrap_or_default().to_owned();
        assert!(!sentence.is_empty(), "{call}: no sentence in {error}");
        sentence
    }
}
