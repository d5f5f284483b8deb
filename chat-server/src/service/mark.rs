//! Moves marks: `read` is on disk before it is answered, `delivered` is written behind. Marks only grow.

use chat_proto::api::{ReadUpTo, Reader};
use chat_proto::event::Ack;
use chat_proto::{Event, Mark, MessageId, Refusal, Seq, Topic};

use super::history::no_such_message;
use super::{App, Identity, Origin};
use crate::bus::{MarkNotice, Notice};
use crate::change::{Address, ConversationId, UserId};
use crate::mutant::mutant;
use crate::store::Membership;

/// A mark that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// How the conversation is addressed.
    pub address: Address,
    /// Up to and with.
    pub seq: Seq,
}

/// A person saw everything up to `seq`.
///
/// # Errors
/// `not_found` and `forbidden` as for the topic.
pub async fn read(
    app: &App,
    who: &Identity,
    origin: Origin,
    topic: &Topic,
    seq: Seq,
) -> Result<Held, Refusal> {
    let membership = app.store.membership(who.user, topic).await?;
    let Some(conversation) = membership.conversation else {
        return Ok(Held {
            address: membership.address,
            seq: Seq(0),
        });
    };
    if seq.min(membership.last_seq) <= membership.read_seq {
        return Ok(Held {
            address: membership.address,
            seq: membership.read_seq,
        });
    }
    let at = app
        .store
        .advance_mark(who.user, topic, Mark::Read, seq)
        .await?;
    if at.moved {
        tell(
            app,
            who,
            origin,
            &membership,
            conversation,
            Mark::Read,
            at.seq,
        )
        .await?;
    }
    Ok(Held {
        address: at.address,
        seq: at.seq,
    })
}

/// The same by HTTP.
///
/// # Errors
/// As [`read`].
pub async fn read_up_to(app: &App, who: &Identity, up_to: ReadUpTo) -> Result<ReadUpTo, Refusal> {
    let held = read(app, who, Origin::HTTP, &up_to.topic, up_to.seq).await?;
    Ok(ReadUpTo {
        topic: held.address.seen_by(who.user).clone().into(),
        seq: held.seq,
    })
}

/// A device has everything up to `seq`.
///
/// # Errors
/// `not_found` and `forbidden` as for the topic.
pub async fn delivered(
    app: &App,
    who: &Identity,
    origin: Origin,
    topic: &Topic,
    seq: Seq,
) -> Result<Held, Refusal> {
    let membership = app.store.membership(who.user, topic).await?;
    let Some(conversation) = membership.conversation else {
        return Ok(Held {
            address: membership.address,
            seq: Seq(0),
        });
    };
    let asked = seq.min(membership.last_seq);
    let held = app
        .marks
        .delivered(who.user, conversation)
        .max(membership.delivered_seq);
    if origin.background || asked <= held {
        return Ok(Held {
            address: membership.address,
            seq: held,
        });
    }
    app.marks.write_behind(who.user, conversation, asked);
    tell(
        app,
        who,
        origin,
        &membership,
        conversation,
        Mark::Delivered,
        asked,
    )
    .await?;
    Ok(Held {
        address: membership.address,
        seq: asked,
    })
}

pub(super) fn ack(id: Option<MessageId>, who: &Identity, held: &Held) -> Event {
    let topic = held.address.seen_by(who.user).clone();
    Event::Ack(Ack {
        id,
        topic: Some(topic),
        seq: Some(held.seq),
        ..Ack::default()
    })
}

/// Tells the user's other connections at once, and the others at most once a second, where the conversation is small enough.
async fn tell(
    app: &App,
    who: &Identity,
    origin: Origin,
    membership: &Membership,
    conversation: ConversationId,
    mark: Mark,
    seq: Seq,
) -> Result<(), Refusal> {
    let address = membership.address.clone();
    let notice = MarkNotice {
        conversation,
        address,
        by: who.user,
        name: who.name.clone(),
        mark,
        seq,
        caused_by: origin.connection,
    };
    if mutant("mark_is_not_told") {
        return Ok(());
    }
    app.bus
        .publish([who.user].into(), &Notice::Mark(notice.clone()));
    if membership.members > app.limits.receipt_members {
        return Ok(());
    }
    let others: Vec<UserId> = match membership.address.peer_of(who.user) {
        Some(peer) if peer == who.user => Vec::new(),
        Some(peer) => vec![peer],
        None => app
            .store
            .members(conversation)
            .await?
            .into_iter()
            .map(|member| member.user)
            .filter(|user| *user != who.user)
            .collect(),
    };
    if !others.is_empty() {
        app.marks.tell(notice, others);
    }
    Ok(())
}

/// Who has read a message, its writer not counted: for conversations in which marks are not told.
///
/// # Errors
/// `not_found` where there is no such message that the user may read.
pub async fn readers(
    app: &App,
    who: &Identity,
    topic: &Topic,
    seq: Seq,
) -> Result<Vec<Reader>, Refusal> {
    let membership = app.store.membership(who.user, topic).await?;
    let message = super::history::message(app, who, topic, seq).await?;
    let Some(conversation) = membership.conversation else {
        return Err(no_such_message(seq));
    };
    let members = app.store.members(conversation).await?;
    let read = members
        .into_iter()
        .filter(|member| member.read_seq >= seq && member.name != message.from.name);
    Ok(read
        .map(|member| Reader {
            name: member.name,
            read_seq: member.read_seq,
        })
        .collect())
}
