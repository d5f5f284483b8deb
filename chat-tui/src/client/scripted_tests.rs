//! A server for tests that says what it was told to say, true or not, and remembers what it was asked.

use chat_proto::Name;
use chat_proto::api::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::Client;
use super::address::ServerUrl;
use crate::config::{Folders, Settings};

/// What it does with a request. Each connection takes one.
pub(crate) enum Reply {
    /// Answers with a status and a body in JSON.
    Json(u16, String),
    /// Says this, and closes.
    Raw(Vec<u8>),
    /// Closes without a word.
    Close,
    /// Says nothing and keeps the connection open.
    Hang,
}

/// The server.
pub(crate) struct Scripted {
    pub(crate) url: ServerUrl,
    serving: JoinHandle<Vec<String>>,
}

impl Scripted {
    pub(crate) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(async move {
            let mut requests = Vec::new();
            let mut hanging = Vec::new();
            for reply in replies {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                requests.push(read_request(&mut stream).await);
                match reply {
                    Reply::Close => {}
                    Reply::Hang => hanging.push(stream),
                    Reply::Raw(bytes) => {
                        let _ = stream.write_all(&bytes).await;
                    }
                    Reply::Json(status, body) => {
                        let head = format!(
                            "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                            body.len()
                        );
                        let _ = stream.write_all(head.as_bytes()).await;
                    }
                }
            }
            drop(hanging);
            requests
        });
        Self {
            url: ServerUrl::parse(&format!("http://{address}")).expect("a url"),
            serving,
        }
    }

    /// What it was asked, once all replies are given.
    pub(crate) async fn requests(self) -> Vec<String> {
        self.serving.await.expect("it served")
    }

    /// Whether all replies are given.
    pub(crate) fn serving_is_over(&self) -> bool {
        self.serving.is_finished()
    }

    pub(crate) fn settings(&self, token: Option<&str>, home: &std::path::Path) -> Settings {
        settings(self.url.clone(), token, home)
    }

    /// A client with a token that was handed in.
    pub(crate) fn client(&self) -> Client {
        let settings = self.settings(Some("T"), std::path::Path::new("/nowhere"));
        Client::open(&settings).expect("a client")
    }
}

pub(crate) fn settings(server: ServerUrl, token: Option<&str>, home: &std::path::Path) -> Settings {
    Settings {
        profile: Name::parse("default").expect("a name"),
        server: Some(server),
        token: token.map(|token| Secret(token.to_owned())),
        folders: Folders::find(Some(home)).expect("folders"),
        preferences: crate::app::model::Preferences::default(),
        glyphs: crate::config::Glyphs::default(),
        keymap: crate::keymap::Keymap::default(),
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .and_then(|length| length.parse::<usize>().ok())
                .unwrap_or_default();
            if body.len() >= length {
                return text;
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or_default() == 0 {
            return text;
        }
    }
}
