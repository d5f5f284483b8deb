//! The list of conversations, ranked by last chat.

use chat_proto::{Conversation, ConversationKind, Refusal, Time};

use super::{App, Identity, page_size, presence};
use crate::store::Listed;

/// Conversations of a list at the most.
const LIST_MAX: u64 = 1_000;
/// Conversations of a list by default.
const LIST_DEFAULT: u64 = 15;

/// The conversations whose last message is older than `before`, the latest first.
///
/// # Errors
/// `invalid` for a limit out of range.
pub async fn conversations(
    app: &App,
    who: &Identity,
    before: Option<Time>,
    limit: Option<u64>,
) -> Result<Vec<Conversation>, Refusal> {
    let limit = page_size(limit, LIST_DEFAULT, LIST_MAX)?;
    list(app, who, before, limit).await
}

pub(super) async fn list(
    app: &App,
    who: &Identity,
    before: Option<Time>,
    limit: usize,
) -> Result<Vec<Conversation>, Refusal> {
    let listed = app.store.conversations(who.user, before, limit).await?;
    let peers = listed
        .iter()
        .map(|line| line.membership.address.peer_of(who.user))
        .collect::<Vec<_>>();
    let present =
        presence::standings(app, &peers.iter().flatten().copied().collect::<Vec<_>>()).await?;
    let mut present = present.into_iter();
    let mut lines = Vec::with_capacity(listed.len());
    for (
        Listed {
            membership,
            last_message,
        },
        peer,
    ) in listed.into_iter().zip(peers)
    {
        let topic = membership.address.seen_by(who.user).clone();
        let standing = if peer.is_some() { present.next() } else { None };
        lines.push(Conversation {
            presence: standing.map(|standing| standing.presence(topic.clone())),
            title: membership.title.clone(),
            kind: membership.kind,
            first_seq: membership.first_seq,
            last_seq: membership.last_seq,
            read_seq: membership.read_seq,
            rev: membership.rev,
            unread: membership.unread(),
            mentions: 0,
            last_message: last_message.and_then(|change| change.into_message(who.user)),
            request: false,
            topic,
        });
        debug_assert_eq!(peer.is_some(), membership.kind == ConversationKind::Direct);
    }
    Ok(lines)
}
