//! Brings a client up to date: per conversation what is missing, the marks, and at the end the list.

use std::collections::BTreeMap;

use chat_proto::action::Sync;
use chat_proto::event::{Gap, Marks, Synced};
use chat_proto::limits::{SYNC_NAMED_MAX, SYNC_TOPICS_MAX, SYNCED_CONVERSATIONS};
use chat_proto::{Event, MessageId, Name, Refusal, Rev, Seq, Topic, codec};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{App, Identity, conversations, invalid};
use crate::change::{Change, ConversationId};
use crate::limits::SYNC_BYTES_MAX;
use crate::mutant::mutant;
use crate::session::{Placed, SyncAnswer};
use crate::store::{Membership, Range, Slice, StoreError};

/// What a client lacks of the topics that it names, and the unread messages of others.
///
/// # Errors
/// `invalid` for too many topics.
pub async fn sync(
    app: &App,
    who: &Identity,
    id: Option<MessageId>,
    asked: Sync,
) -> Result<SyncAnswer, Refusal> {
    if asked.topics.len() > SYNC_NAMED_MAX {
        return Err(invalid(format!(
            "'topics' holds at most {SYNC_NAMED_MAX} topics"
        )));
    }
    let reset = asked
        .epoch
        .as_ref()
        .is_some_and(|epoch| *epoch != app.store.epoch());
    let topics = if reset { BTreeMap::new() } else { asked.topics };
    let mut answer = SyncAnswer::default();
    for (topic, after) in &topics {
        match app.store.membership(who.user, &topic.clone().into()).await {
            Ok(membership) => tell(app, who, &membership, *after, &mut answer).await?,
            Err(StoreError::Refused(_)) => {
                tell_leaving(app, who, topic, *after, &mut answer).await?;
            }
            Err(away) => return Err(away.into()),
        }
    }
    let wanted = SYNC_TOPICS_MAX + topics.len();
    let unread = app.store.unread(who.user, wanted).await?.into_iter();
    let unnamed =
        unread.filter(|membership| !topics.contains_key(membership.address.seen_by(who.user)));
    for membership in unnamed.take(SYNC_TOPICS_MAX) {
        let after = before_first_unread(app, who, &membership).await?;
        tell(app, who, &membership, after, &mut answer).await?;
    }
    let mut conversations = conversations::list(app, who, None, SYNCED_CONVERSATIONS + 1).await?;
    let more = conversations.len() > SYNCED_CONVERSATIONS;
    conversations.truncate(SYNCED_CONVERSATIONS);
    answer.frames.push(encode(&Event::Synced(Synced {
        id,
        conversations,
        more,
        reset,
    })));
    Ok(answer)
}

/// Of a group that the user left, or was removed from, nothing is told any more but that.
async fn tell_leaving(
    app: &App,
    who: &Identity,
    topic: &Name,
    after: Rev,
    answer: &mut SyncAnswer,
) -> Result<(), Refusal> {
    let Some(left) = app.store.membership_or_left(who.user, topic).await? else {
        return Ok(());
    };
    let Some(conversation) = left.conversation.filter(|_| after < left.rev) else {
        return Ok(());
    };
    let leaving = app
        .store
        .changes(who.user, conversation, left.rev.prev(), 1)
        .await?;
    answer
        .frames
        .extend(leaving.changes.iter().map(|change| change.frame(who.user)));
    Ok(())
}

/// The change before the first message above the read mark. What lies between messages is told with them, so that
/// their numbers stay dense.
async fn before_first_unread(
    app: &App,
    who: &Identity,
    membership: &Membership,
) -> Result<Rev, Refusal> {
    let topic = Topic::from(membership.address.seen_by(who.user).clone());
    let first = app
        .store
        .history(who.user, &topic, Range::After(membership.read_seq), 1)
        .await?;
    Ok(first
        .changes
        .first()
        .map_or(membership.rev, |change| change.rev.prev()))
}

/// Tells the changes of one conversation above `after`: the newest, and before them a gap, if they are too many.
async fn tell(
    app: &App,
    who: &Identity,
    membership: &Membership,
    after: Rev,
    answer: &mut SyncAnswer,
) -> Result<(), Refusal> {
    let Some(conversation) = membership.conversation else {
        return Ok(());
    };
    let after = after.max(membership.first_rev.prev()).min(membership.rev);
    let newest = Rev(membership.rev.0.saturating_sub(app.limits.sync_messages)).max(after);
    // A page more than a `sync` tells: what came since the membership was read is told with it.
    let limit = usize::try_from(app.limits.sync_messages)
        .unwrap_or(usize::MAX)
        .saturating_mul(2);
    // Beyond its bytes a `sync` only says where to go on: the connection reads the rest as its client takes it.
    let full = answer.text_bytes >= SYNC_BYTES_MAX;
    let Slice { changes, more } = match full {
        true => Slice::default(),
        false => {
            app.store
                .changes(who.user, conversation, newest, limit)
                .await?
        }
    };
    answer.text_bytes += changes.iter().map(Change::text_bytes).sum::<usize>();
    if newest > after {
        let gap = gap(
            app,
            who,
            membership,
            conversation,
            (after, newest),
            &changes,
        )
        .await?;
        answer.frames.push(encode(&Event::Gap(gap)));
    }
    let place = match changes.last() {
        Some(last) if more => last.rev,
        Some(last) => last.rev.max(membership.rev),
        None if full => newest,
        None => membership.rev,
    };
    let told =
        changes.len() - usize::from(mutant("sync_leaves_out_the_last") && !changes.is_empty());
    answer
        .frames
        .extend(changes[..told].iter().map(|change| change.frame(who.user)));
    answer.places.push(Placed {
        conversation,
        told: place,
        head: membership.rev,
    });
    answer.frames.push(encode(&Event::Marks(
        marks(app, who, membership, conversation).await?,
    )));
    Ok(())
}

/// What is left out between two changes, told by `rev` and by `seq`.
async fn gap(
    app: &App,
    who: &Identity,
    membership: &Membership,
    conversation: ConversationId,
    (after, newest): (Rev, Rev),
    told: &[Change],
) -> Result<Gap, Refusal> {
    let to = match told.iter().find_map(Change::seq) {
        Some(first) => first.prev(),
        None => {
            let next = app
                .store
                .changes(who.user, conversation, newest, 64)
                .await?;
            let first = next.changes.iter().find_map(Change::seq);
            first.map_or(membership.last_seq, Seq::prev)
        }
    };
    let left_out = app
        .store
        .changes(who.user, conversation, after, 64)
        .await?
        .changes;
    // Among 64 changes without a message the number is not looked for further: the gap is told by `rev` anyway.
    let from = left_out.iter().find_map(Change::seq).unwrap_or(to.next());
    let topic = membership.address.seen_by(who.user).clone();
    Ok(Gap {
        topic,
        from_rev: after.next(),
        to_rev: newest,
        from,
        to,
    })
}

async fn marks(
    app: &App,
    who: &Identity,
    membership: &Membership,
    conversation: ConversationId,
) -> Result<Marks, Refusal> {
    let topic = membership.address.seen_by(who.user).clone();
    let mut marks = Marks {
        topic,
        read_seq: membership.read_seq,
        read: BTreeMap::new(),
        delivered: BTreeMap::new(),
    };
    if membership.members > app.limits.receipt_members {
        return Ok(marks);
    }
    for member in app.store.members(conversation).await? {
        if member.user != who.user {
            let delivered = member
                .delivered_seq
                .max(app.marks.delivered(member.user, conversation));
            marks.read.insert(member.name.clone(), member.read_seq);
            marks.delivered.insert(member.name, delivered);
        }
    }
    Ok(marks)
}

fn encode(event: &Event) -> Utf8Bytes {
    Utf8Bytes::from(codec::encode_event(event))
}
