//! Messages: stored once, numbered densely, read page by page.

use chat_proto::{MessageId, Name, Rev, Seq, Sigil, Time, Topic};
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{self, change_sql};
use super::writer::{LogRow, Transaction};
use super::{cache, conversations, feed};
use crate::change::{Change, ConversationId, UserId, What};
use crate::mutant::mutant;
use crate::store::codes::{MESSAGE, Named, column, count, sides};
use crate::store::page::{Page, Span};
use crate::store::seat::NewSeat;
use crate::store::{
    NewMessage, Permit, Published, Range, Slice, StoreError, StoreResult, extra, refuse,
};

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

pub(super) fn own_message(
    connection: &Connection,
    user: UserId,
    id: &MessageId,
) -> StoreResult<Option<Change>> {
    let found: Option<(i64, i64)> = connection
        .prepare_cached(
            "SELECT l.conversation, l.rev FROM log l \
             JOIN members m ON m.conversation = l.conversation AND m.user = l.who \
             WHERE l.who = ?1 AND l.message_id = ?2 AND l.seq >= m.first_seq \
             AND (m.left_rev IS NULL OR l.rev <= m.left_rev)",
        )?
        .query_row(params![user.0, id.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((conversation, rev)) = found else {
        return Ok(None);
    };
    let conversation = ConversationId(conversation);
    let address = rows::address(connection, conversation)?;
    let change = connection
        .prepare_cached(change_sql!("WHERE l.conversation = ?1 AND l.rev = ?2"))?
        .query_row([conversation.0, rev], |row| rows::change(row, address))?;
    Ok(Some(change))
}

/// A message of a conversation by its number.
pub(super) fn message(
    connection: &Connection,
    conversation: ConversationId,
    seq: Seq,
) -> StoreResult<Change> {
    let address = rows::address(connection, conversation)?;
    let change = connection
        .prepare_cached(change_sql!("WHERE l.conversation = ?1 AND l.seq = ?2"))?
        .query_row([conversation.0, column(seq.0)], |row| {
            rows::change(row, address)
        })?;
    Ok(change)
}

pub(super) fn history(
    connection: &Connection,
    user: UserId,
    topic: &Topic,
    range: Range,
    limit: usize,
) -> StoreResult<Slice> {
    let membership = conversations::membership(connection, user, topic)?;
    let Some(conversation) = membership.conversation else {
        return Ok(Slice::default());
    };
    let span = Span::of(&membership, range, limit);
    let bounds = [conversation.0, column(span.low), column(span.high)];
    let sql = match span.downwards {
        true => change_sql!(
            "WHERE l.conversation = ?1 AND l.seq >= ?2 AND l.seq < ?3 ORDER BY l.seq DESC"
        ),
        false => {
            change_sql!("WHERE l.conversation = ?1 AND l.seq >= ?2 AND l.seq < ?3 ORDER BY l.seq")
        }
    };
    let mut page = Page::of(range);
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(bounds)?;
    while let Some(row) = found.next()?
        && page.takes(rows::change(row, membership.address.clone())?)
    {}
    Ok(page.slice(&span))
}

pub(super) fn changes(
    connection: &Connection,
    user: UserId,
    conversation: ConversationId,
    after: Rev,
    limit: usize,
) -> StoreResult<Slice> {
    let Some(membership) = feed::member_or_left(connection, user, conversation)? else {
        return Ok(Slice::default());
    };
    let low = after.0.saturating_add(1).max(membership.first_rev.0);
    let sql = change_sql!(
        "WHERE l.conversation = ?1 AND l.rev >= ?2 AND l.rev <= ?3 ORDER BY l.rev LIMIT ?4"
    );
    let bounds = [
        conversation.0,
        column(low),
        column(membership.rev.0),
        column(limit as u64),
    ];
    let mut statement = connection.prepare_cached(sql)?;
    let mut page = Page::default();
    let mut found = statement.query(bounds)?;
    while let Some(row) = found.next()?
        && page.takes(rows::change(row, membership.address.clone())?)
    {}
    Ok(page.up_to(membership.rev, limit == 0 && low <= membership.rev.0))
}

/// Whether an account of this id is there; for calls that name one.
pub(super) fn person_named(connection: &Connection, name: &Name) -> StoreResult<UserId> {
    match cache::load_name(connection, name)? {
        Some(Named::Person(user)) => Ok(user),
        _ => Err(refuse::no_such_user(name)),
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            Some(
                Code::DiskFull
                | Code::SystemIoFailure
                | Code::ReadOnly
                | Code::CannotOpen
                | Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::FileLockingProtocolFailed
                | Code::OutOfMemory
                | Code::PermissionDenied
                | Code::NoLargeFileSupport,
            ) => Self::Unavailable(error.to_string()),
            _ => Self::Internal(error.to_string()),
        }
    }
}
