//! Questions that read: conversations, pages of messages, people, groups. Each is one route of the server.

use std::collections::BTreeSet;

use chat_proto::api::{Group, Member, NewGroup, Page, Profile};
use chat_proto::{Conversation, Name, Seq, Topic};

use super::Client;
use super::error::ClientError;
use super::http::{Call, encoded};
use crate::clock::Deadline;

/// Messages of one page; more are asked for page by page, so that no answer becomes too large.
pub const PAGE_MESSAGES: u64 = 100;
/// Conversations of one page.
const PAGE_CONVERSATIONS: usize = 100;
/// Conversations of one user at the most, against a server that never comes to an end.
const CONVERSATIONS_MAX: usize = 10_000;

/// Which messages of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// The last ones.
    Latest,
    /// The last ones below a number.
    Before(Seq),
    /// The first ones above a number.
    After(Seq),
    /// Those around a number.
    Around(Seq),
}

impl Client {
    /// The conversations with the latest chat, at most `limit`, ranked by it.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn conversations(
        &mut self,
        limit: usize,
        deadline: Deadline,
    ) -> Result<Vec<Conversation>, ClientError> {
        let limit = limit.min(CONVERSATIONS_MAX);
        let mut all: Vec<Conversation> = Vec::new();
        let mut seen: BTreeSet<Name> = BTreeSet::new();
        loop {
            let want = (limit - all.len()).min(PAGE_CONVERSATIONS);
            let spoken = all.iter().filter_map(|c| c.last_message.as_ref());
            let before = spoken
                .map(|message| message.sent_at)
                .min()
                .map_or_else(String::new, |at| {
                    format!("&before={}", encoded(&at.to_string()))
                });
            let call = Call::get(format!("/v1/conversations?limit={want}{before}"));
            let page: Vec<Conversation> = self.ask(&call, deadline).await?;
            let full = page.len() >= want;
            let known = all.len();
            let new = page.into_iter().filter(|c| seen.insert(c.topic.clone()));
            all.extend(new.take(want));
            // A page without anything new would be followed by itself.
            if !full || all.len() == known || all.len() >= limit {
                return Ok(all);
            }
        }
    }

    /// Every conversation there is.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn all_conversations(
        &mut self,
        deadline: Deadline,
    ) -> Result<Vec<Conversation>, ClientError> {
        self.conversations(CONVERSATIONS_MAX, deadline).await
    }

    /// One page of a conversation, ascending.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn page(
        &mut self,
        topic: &Topic,
        range: Range,
        limit: u64,
        deadline: Deadline,
    ) -> Result<Page, ClientError> {
        let range = match range {
            Range::Latest => String::new(),
            Range::Before(seq) => format!("&before={seq}"),
            Range::After(seq) => format!("&after={seq}"),
            Range::Around(seq) => format!("&around={seq}"),
        };
        let topic = encoded(&topic.to_string());
        let route = format!("/v1/messages?topic={topic}&limit={limit}{range}");
        self.ask(&Call::get(route), deadline).await
    }

    /// People whose name is like `query`.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn people(
        &mut self,
        query: &str,
        deadline: Deadline,
    ) -> Result<Vec<Profile>, ClientError> {
        let route = format!("/v1/users?query={}", encoded(query));
        self.ask(&Call::get(route), deadline).await
    }

    /// The groups that one is in.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn groups(&mut self, deadline: Deadline) -> Result<Vec<Group>, ClientError> {
        self.ask(&Call::get("/v1/groups"), deadline).await
    }

    /// Public topics whose name or title fits `query`; all, as far as one page goes, for nothing in particular.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn public_topics(
        &mut self,
        query: &str,
        deadline: Deadline,
    ) -> Result<Vec<Group>, ClientError> {
        let query = encoded(query);
        self.ask(&Call::get(format!("/v1/groups?query={query}")), deadline)
            .await
    }

    /// Makes a group with its first message. The message's id makes a repeat harmless.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn create_group(
        &mut self,
        group: &NewGroup,
        deadline: Deadline,
    ) -> Result<chat_proto::api::GroupCreated, ClientError> {
        self.ask(&Call::post("/v1/groups", group), deadline).await
    }

    /// Who is in a group.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn members(
        &mut self,
        group: &Name,
        deadline: Deadline,
    ) -> Result<Vec<Member>, ClientError> {
        let route = format!("/v1/groups/{group}/users");
        self.ask(&Call::get(route), deadline).await
    }

    /// Adds a member.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn add_member(
        &mut self,
        group: &Name,
        user: &Name,
        deadline: Deadline,
    ) -> Result<(), ClientError> {
        let route = format!("/v1/groups/{group}/users/{user}");
        self.tell(&Call::put(route), deadline).await
    }

    /// Removes a member; oneself: leaves.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn remove_member(
        &mut self,
        group: &Name,
        user: &Name,
        deadline: Deadline,
    ) -> Result<(), ClientError> {
        let route = format!("/v1/groups/{group}/users/{user}");
        self.tell(&Call::delete(route), deadline).await
    }

    /// One's own name: from the log-in on disk, else from the server.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn own_name(&mut self, deadline: Deadline) -> Result<Name, ClientError> {
        if let Some(name) = self.name() {
            return Ok(name.clone());
        }
        let me: chat_proto::api::Me = self.ask(&Call::get("/v1/me"), deadline).await?;
        Ok(me.name)
    }
}
