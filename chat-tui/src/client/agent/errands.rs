//! Questions that are answered by HTTP, one after another, beside everything live.

use std::time::Duration;

use chat_proto::api::{Group, Member, Page, Profile};
use chat_proto::{Conversation, Name, Seq};
use tokio::sync::mpsc;

use super::{Near, PAGE_ENTRIES};
use crate::client::Client;
use crate::client::error::ClientError;
use crate::client::query::Range;
use crate::clock::{self, Deadline};

/// Errands that wait at once; a person asks slower than that, and what does not fit is asked again.
pub(super) const ERRANDS_MAX: usize = 32;
/// One errand takes no longer.
const ERRAND_TIME: Duration = Duration::from_secs(15);

/// A question.
#[derive(Debug)]
pub(super) enum Errand {
    /// Messages from `from` to `to`, those next to `near` first.
    Fill {
        topic: Name,
        from: Seq,
        to: Seq,
        near: Near,
    },
    People(String),
    Members(Name),
    Groups,
    /// This many of the list.
    Lines(usize),
}

/// An answer.
#[derive(Debug)]
pub(super) enum Found {
    Filled {
        topic: Name,
        page: Result<Page, ClientError>,
    },
    People {
        query: String,
        people: Vec<Profile>,
    },
    Members(Name, Vec<Member>),
    Groups(Vec<Group>),
    /// Lines of the list, and whether there may be others beyond them.
    Lines {
        lines: Vec<Conversation>,
        more: bool,
    },
    /// The list could not be had.
    NoLines,
    /// It could not be found out. Everything but messages is asked again when it is wanted again.
    Nothing,
}

/// Runs errands until nobody sends any more.
pub(super) async fn run(
    mut client: Client,
    mut errands: mpsc::Receiver<Errand>,
    found: mpsc::Sender<Found>,
) {
    while let Some(errand) = errands.recv().await {
        let answer = Box::pin(ask(&mut client, errand)).await;
        if found.send(answer).await.is_err() {
            return;
        }
    }
}

async fn ask(client: &mut Client, errand: Errand) -> Found {
    let deadline = clock::deadline_in(ERRAND_TIME);
    let found = match errand {
        Errand::Fill {
            topic,
            from,
            to,
            near,
        } => {
            let (range, count) = match near {
                Near::End => (Range::Before(to.next()), to.0.saturating_sub(from.0)),
                Near::Start => (Range::After(from.prev()), to.0.saturating_sub(from.0)),
            };
            let limit = count.saturating_add(1).min(PAGE_ENTRIES as u64);
            let page = client
                .page(&topic.clone().into(), range, limit, deadline)
                .await;
            return Found::Filled { topic, page };
        }
        Errand::People(query) => {
            let people = client.people(&query, deadline).await;
            people.map(|people| Found::People { query, people })
        }
        Errand::Members(topic) => {
            let members = client.members(&topic, deadline).await;
            members.map(|members| Found::Members(topic, members))
        }
        Errand::Groups => groups(client, deadline).await.map(Found::Groups),
        Errand::Lines(limit) => {
            let found = client.conversations(limit, deadline).await;
            return found.map_or_else(
                |error| no_lines(&error),
                |lines| Found::Lines {
                    more: lines.len() >= limit,
                    lines,
                },
            );
        }
    };
    found.unwrap_or_else(|error| {
        tracing::debug!(%error, "an errand failed");
        Found::Nothing
    })
}

fn no_lines(error: &ClientError) -> Found {
    tracing::debug!(%error, "the list could not be had");
    Found::NoLines
}

/// One's own, and then the public ones that one is not in.
async fn groups(client: &mut Client, deadline: Deadline) -> Result<Vec<Group>, ClientError> {
    let mut groups = client.groups(deadline).await?;
    let public = client.public_topics("", deadline).await?;
    let known = |topic: &Group| groups.iter().any(|group| group.topic == topic.topic);
    let others: Vec<Group> = public.into_iter().filter(|topic| !known(topic)).collect();
    groups.extend(others);
    Ok(groups)
}
