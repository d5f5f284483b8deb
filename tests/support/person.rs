//! A person with an account: logs in, asks over HTTP, opens sockets.

use std::net::SocketAddr;

use chat_proto::Conversation;
use serde_json::{Value, json};

use crate::client::TestClient;
use crate::dial::Dial;
use crate::http::{Answer, Call};

/// The password of everybody in a test, and of nobody else.
pub const PASSWORD: &str = "correct horse battery staple";

/// A person who is logged in on one device.
#[derive(Debug, Clone)]
pub struct Person {
    /// The handle.
    pub name: String,
    /// The access token of this log-in.
    pub token: String,
    /// The refresh token of this log-in.
    pub refresh_token: String,
    server: SocketAddr,
}

impl Person {
    /// Makes an account.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn register(server: SocketAddr, name: &str) -> Self {
        let account = json!({"name": name, "password": PASSWORD, "device": "first"});
        let answer = Call::post("/v1/accounts", &account).send(server).await;
        Self::entered(server, &answer.expect(201))
    }

    /// Who one is after a log-in was answered with `entered`.
    ///
    /// # Panics
    /// When it holds no tokens.
    #[must_use]
    pub fn entered(server: SocketAddr, entered: &Value) -> Self {
        let text = |value: &Value| match value.as_str() {
            Some(text) => text.to_owned(),
            None => panic!("no name or token in the answer to a log-in"),
        };
        Self {
            name: text(&entered["user"]["name"]),
            token: text(&entered["token"]),
            refresh_token: text(&entered["refresh_token"]),
            server,
        }
    }

    /// The same log-in, through another address: another node's, or that of a proxy.
    #[must_use]
    pub fn on(&self, address: SocketAddr) -> Self {
        Self {
            server: address,
            ..self.clone()
        }
    }

    /// The same person on another device.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn another_device(&self) -> Self {
        let log_in = json!({"name": self.name, "password": PASSWORD, "device": "another"});
        let answer = Call::post("/v1/sessions", &log_in).send(self.server).await;
        Self::entered(self.server, &answer.expect(201))
    }

    /// A request with this person's token.
    pub async fn call(&self, call: Call) -> Answer {
        call.token(&self.token).send(self.server).await
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Call::get(path)).await
    }

    /// `POST`.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Call::post(path, body)).await
    }

    /// `PUT`.
    pub async fn put(&self, path: &str) -> Answer {
        self.call(Call::new("PUT", path)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Call::new("DELETE", path)).await
    }

    /// Makes a private group with a first message.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn make_group(&self, name: &str, users: &[&Self]) {
        let users: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
        let group = json!({"name": name, "users": users, "text": "welcome all"});
        let made = self.post("/v1/groups", &group).await.expect(201);
        assert_eq!(made["topic"], name);
    }

    /// The line of the list of conversations for `topic`.
    ///
    /// # Panics
    /// When there is none.
    pub async fn conversation(&self, topic: &str) -> Conversation {
        let list: Vec<Conversation> = self.get("/v1/conversations?limit=100").await.read(200);
        let found = list.into_iter().find(|line| line.topic.as_str() == topic);
        match found {
            Some(line) => line,
            None => panic!("{} has no conversation {topic}", self.name),
        }
    }

    /// The texts of a conversation, as HTTP tells them.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn texts(&self, topic: &str) -> Vec<String> {
        let path = format!("/v1/messages?topic={topic}&limit=1000");
        let page: chat_proto::api::Page = self.get(&path).await.read(200);
        page.messages
            .into_iter()
            .map(|message| message.text)
            .collect()
    }

    /// A socket that is yet to be opened.
    #[must_use]
    pub fn dial(&self) -> Dial {
        Dial::new(self.server).token(&self.token)
    }

    /// Opens a socket and waits for the greeting.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn connect(&self) -> TestClient {
        self.dial().connect().await
    }
}
