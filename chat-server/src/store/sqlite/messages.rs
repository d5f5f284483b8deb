//! Messages: stored once, numbered densely.

use chat_proto::{Rev, Seq, Sigil, Time, Topic};
use rusqlite::{OptionalExtension, params};

use super::conversations;
use super::writer::{LogRow, Transaction};
use crate::change::{ConversationId, UserId, What};
use crate::mutant::mutant;
use crate::store::codes::{MESSAGE, Named, count, sides};
use crate::store::seat::NewSeat;
use crate::store::{NewMessage, Permit, Published, StoreResult, extra, refuse};

/// Where a message goes.
enum Target {
    /// Into a conversation that is there.
    Here(ConversationId),
    /// Into a direct conversation that it begins.
    First(UserId),
}

pub(super) fn publish(t: &mut Transaction<'_>, new: &NewMessage) -> StoreResult<Published> {
    if let Some(known) = known(t, new)? {
        return Ok(known);
    }
    if let Permit::Denied { retry_after_ms } = new.permit {
        return Err(refuse::rate_limited(retry_after_ms));
    }
    let conversation = match target(t, new.sender, &new.topic)? {
        Target::Here(conversation) => {
            may_write(t, conversation, new)?;
            conversation
        }
        Target::First(peer) => {
            new.refers_within(Seq(1), Seq(0))?;
            begin_direct(t, new.sender, peer)?
        }
    };
    append_message(t, conversation, new)
}

/// The answer to a message that was stored before.
pub(super) fn known(t: &mut Transaction<'_>, new: &NewMessage) -> StoreResult<Option<Published>> {
    if mutant("skip_dedup") {
        return Ok(None);
    }
    let found = t
        .connection
        .prepare_cached(
            "SELECT conversation, seq, rev, at, fingerprint FROM log WHERE who = ?1 AND message_id = ?2",
        )?
        .query_row(params![new.sender.0, new.id.as_str()], |row| {
            let conversation = ConversationId(row.get(0)?);
            let (seq, rev) = (Seq(count(row.get(1)?)), Rev(count(row.get(2)?)));
            let sent_at = Time::from_micros(row.get(3)?);
            Ok((conversation, seq, rev, sent_at, row.get::<_, [u8; 32]>(4)?))
        })
        .optional()?;
    let Some((conversation, seq, rev, sent_at, fingerprint)) = found else {
        return Ok(None);
    };
    if fingerprint != new.fingerprint.0 {
        return Err(refuse::id_used());
    }
    let open = t.cache.conversation(t.connection, conversation)?;
    Ok(Some(Published {
        conversation,
        topic: open.address.seen_by(new.sender).clone(),
        seq,
        rev,
        sent_at,
        dup: true,
    }))
}

fn target(t: &mut Transaction<'_>, sender: UserId, topic: &Topic) -> StoreResult<Target> {
    match (t.cache.named(t.connection, &topic.name)?, topic.sigil) {
        (Some(Named::Person(peer)), None | Some(Sigil::Person)) => {
            let direct = t.cache.direct(t.connection, sides(sender, peer))?;
            Ok(direct.map_or(Target::First(peer), Target::Here))
        }
        (Some(Named::Group(conversation)), None | Some(Sigil::Group)) => {
            Ok(Target::Here(conversation))
        }
        _ => Err(refuse::no_such_topic(topic)),
    }
}

/// Membership is checked here, in the transaction that stores.
fn may_write(
    t: &mut Transaction<'_>,
    conversation: ConversationId,
    new: &NewMessage,
) -> StoreResult<()> {
    use chat_proto::{ConversationKind, Role};
    let open = t.cache.conversation(t.connection, conversation)?;
    let first_seq = match open.seats.get(&new.sender) {
        Some(seat) if seat.role == Role::ReadOnly => {
            return Err(refuse::read_only(&new.topic.name));
        }
        Some(seat) => seat.first_seq,
        None if mutant("skip_membership_check") => Seq(1),
        None if open.kind == ConversationKind::Public => {
            return Err(refuse::not_a_member(&new.topic.name));
        }
        None => return Err(refuse::no_such_topic(&new.topic)),
    };
    let last_seq = open.last_seq;
    new.refers_within(first_seq, last_seq)
}

fn begin_direct(
    t: &mut Transaction<'_>,
    sender: UserId,
    peer: UserId,
) -> StoreResult<ConversationId> {
    let (a, b) = sides(sender, peer);
    t.connection
        .prepare_cached("INSERT INTO conversations (kind, a, b) VALUES (1, ?1, ?2)")?
        .execute([a.0, b.0])?;
    let conversation = ConversationId(t.connection.last_insert_rowid());
    let mut people = vec![a, b];
    people.dedup();
    for (order, user) in people.into_iter().enumerate() {
        let seat = NewSeat::from_the_start(user, order);
        conversations::seat(t, conversation, &seat)?;
    }
    Ok(conversation)
}

pub(super) fn append_message(
    t: &mut Transaction<'_>,
    conversation: ConversationId,
    new: &NewMessage,
) -> StoreResult<Published> {
    let seq = t
        .cache
        .conversation(t.connection, conversation)?
        .last_seq
        .next();
    let what = What::Message {
        seq,
        id: new.id.clone(),
        sender: new.sender,
        from: t.cache.person(t.connection, new.sender)?,
        body: Box::new(new.body.clone()),
    };
    let extra = extra::column(&new.body)?;
    let row = LogRow {
        message_id: Some(new.id.as_str()),
        fingerprint: Some(&new.fingerprint.0),
        kind: extra::kind(&new.body),
        text: Some(&new.body.text),
        extra: extra.as_deref(),
        ..LogRow::plain(MESSAGE, new.sender)
    };
    let at = t.stamps.next(new.now, Time::default());
    let change = t.append(conversation, at, what, &row)?;
    t.connection
        .prepare_cached(
            "UPDATE members SET own_last = own_last + 1 WHERE user = ?1 AND conversation = ?2",
        )?
        .execute([new.sender.0, conversation.0])?;
    Ok(Published {
        conversation,
        topic: change.address.seen_by(new.sender).clone(),
        seq,
        rev: change.rev,
        sent_at: change.at,
        dup: false,
    })
}
