//! The door of the socket: what is presented there, and the status of a refusal.

use std::net::SocketAddr;

use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};

use crate::client::TestClient;
use crate::soon;

pub(crate) type Stream = WebSocketStream<TcpStream>;

/// Frames that wait to be looked at by a client that reads.
const INBOX: usize = 4096;

/// A socket that is yet to be opened.
#[derive(Debug, Clone)]
pub struct Dial {
    server: SocketAddr,
    query: String,
    headers: Vec<(&'static str, String)>,
    inbox: usize,
    receive_buffer: Option<u32>,
}

impl Dial {
    /// A socket to `server`, without a token.
    #[must_use]
    pub fn new(server: SocketAddr) -> Self {
        Self {
            server,
            query: String::new(),
            headers: Vec::new(),
            inbox: INBOX,
            receive_buffer: None,
        }
    }

    /// Presents a token in the header.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// What stands behind the `?`.
    #[must_use]
    pub fn query(mut self, query: impl AsRef<str>) -> Self {
        self.query = format!("?{}", query.as_ref());
        self
    }

    /// Reads one frame and then no more until it is asked for the next, with little room in the kernel.
    #[must_use]
    pub fn slow(mut self) -> Self {
        self.inbox = 1;
        self.receive_buffer = Some(4096);
        self
    }

    /// Opens it and waits for the greeting.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn connect(self) -> TestClient {
        let mut client = self.open().await.expect("the socket opens");
        client.greeted().await;
        client
    }

    /// Opens it, and waits for nothing.
    ///
    /// # Errors
    /// The HTTP status with which the server refused; 0 when it did not even answer.
    pub async fn open(self) -> Result<TestClient, u16> {
        match soon("the socket opens", self.handshake()).await {
            Ok(stream) => Ok(TestClient::new(stream, self.inbox)),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(_) => Err(0),
        }
    }

    async fn handshake(&self) -> Result<Stream, Error> {
        let url = format!("ws://{}/socket{}", self.server, self.query);
        let mut request = url.into_client_request()?;
        for (name, value) in &self.headers {
            let value = HeaderValue::from_str(value).map_err(|_| Error::Utf8(String::new()))?;
            request
                .headers_mut()
                .append(HeaderName::from_static(name), value);
        }
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let stream = socket.connect(self.server).await?;
        stream.set_nodelay(true)?;
        let (stream, _) = tokio_tungstenite::client_async(request, stream).await?;
        Ok(stream)
    }
}
