//! Messages: stored once, numbered densely, read page by page.

use std::collections::VecDeque;

use chat_proto::{MessageId, Name, Rev, Seq, Sigil, Time, Topic};
use rusqlite::{Connection, OptionalExtension, params};

use super::cache::Named;
use super::codes::{column, count};
use super::rows::{self, Extra, change_sql};
use super::writer::{LogRow, Transaction};
use super::{conversations, feed};
use crate::change::{Change, ConversationId, UserId, What};
use crate::limits::PAGE_BYTES_MAX;
use crate::mutant::mutant;
use crate::store::{NewMessage, Permit, Published, Range, Slice, StoreError, StoreResult, refuse};

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
            refers_within(new, Seq(1), Seq(0))?;
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

const fn sides(one: UserId, other: UserId) -> (UserId, UserId) {
    if one.0 <= other.0 {
        (one, other)
    } else {
        (other, one)
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
    refers_within(new, first_seq, last_seq)
}

/// What a reply or a thread refers to must be there, and readable for its writer.
pub(super) fn refers_within(new: &NewMessage, first: Seq, last: Seq) -> StoreResult<()> {
    let references = [("reply_to", new.body.reply_to), ("thread", new.body.thread)];
    for (field, seq) in references {
        match seq {
            Some(seq) if seq < first || seq > last || seq.0 == 0 => {
                return Err(refuse::no_such_message(field, seq));
            }
            _ => {}
        }
    }
    Ok(())
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
        let seat = conversations::NewSeat::from_the_start(user, order);
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
    let extra = Extra::column(&new.body)?;
    let row = LogRow {
        message_id: Some(new.id.as_str()),
        fingerprint: Some(&new.fingerprint.0),
        kind: (!new.body.kind.plain()).then(|| new.body.kind.as_str()),
        text: Some(&new.body.text),
        extra: extra.as_deref(),
        ..LogRow::plain(rows::MESSAGE, new.sender)
    };
    let change = t.append(conversation, new.now, what, &row)?;
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
        sent_at: new.now,
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
    let (first, last) = (membership.first_seq.0.max(1), membership.last_seq.0);
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    // Numbers are dense, so a page is arithmetic: from `low` on, below `high`.
    let (low, high) = match range {
        Range::Latest => ((last + 1).saturating_sub(limit), last + 1),
        Range::Before(seq) => {
            let high = seq.0.min(last + 1);
            (high.saturating_sub(limit), high)
        }
        Range::After(seq) => {
            let low = seq.0.saturating_add(1).max(first);
            (low, low.saturating_add(limit))
        }
        Range::Around(seq) => {
            let low = seq.0.min(last).saturating_sub(limit / 2).max(first);
            (low, low.saturating_add(limit))
        }
    };
    let (low, high) = (low.max(first), high.min(last + 1));
    let more = match range {
        Range::Latest | Range::Before(_) => low > first && low < high,
        Range::After(_) => high <= last && low < high,
        Range::Around(_) => low < high && (low > first || high <= last),
    };
    let bounds = [conversation.0, column(low), column(high)];
    let (mut page, sql) = match range {
        // What does not fit is left out at the far end: of these the lowest.
        Range::Latest | Range::Before(_) => (
            Page::default(),
            change_sql!(
                "WHERE l.conversation = ?1 AND l.seq >= ?2 AND l.seq < ?3 ORDER BY l.seq DESC"
            ),
        ),
        Range::After(_) | Range::Around(_) => (
            Page::with(range),
            change_sql!("WHERE l.conversation = ?1 AND l.seq >= ?2 AND l.seq < ?3 ORDER BY l.seq"),
        ),
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(bounds)?;
    while let Some(row) = found.next()?
        && page.takes(rows::change(row, membership.address.clone())?)
    {}
    let mut changes = Vec::from(page.changes);
    if matches!(range, Range::Latest | Range::Before(_)) {
        changes.reverse();
    }
    let more = more || page.cut;
    Ok(Slice { changes, more })
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
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let bounds = [conversation.0, column(low), column(membership.rev.0), limit];
    let mut statement = connection.prepare_cached(sql)?;
    let mut page = Page::default();
    let mut found = statement.query(bounds)?;
    while let Some(row) = found.next()?
        && page.takes(rows::change(row, membership.address.clone())?)
    {}
    let changes = Vec::from(page.changes);
    let more = match changes.last() {
        Some(last) => last.rev < membership.rev,
        None => limit == 0 && low <= membership.rev.0,
    };
    Ok(Slice { changes, more })
}

/// Changes of a page, as many as fit into [`PAGE_BYTES_MAX`] of text: a page of the longest texts would be a
/// thousand times that of short ones, and a reader who does not read would make the server hold it.
#[derive(Default)]
struct Page {
    changes: VecDeque<Change>,
    bytes: usize,
    /// The message that must be in it.
    middle: Option<Seq>,
    cut: bool,
}

impl Page {
    fn with(range: Range) -> Self {
        let middle = match range {
            Range::Around(seq) => Some(seq),
            _ => None,
        };
        Self {
            middle,
            ..Self::default()
        }
    }

    /// Takes a change, if it fits; the first always does. Before the middle it makes room by leaving out the lowest.
    fn takes(&mut self, change: Change) -> bool {
        let before_middle = change.seq() <= self.middle && self.middle.is_some();
        self.bytes += change.text_bytes();
        while self.bytes > PAGE_BYTES_MAX && !self.changes.is_empty() {
            self.cut = true;
            if !before_middle {
                return false;
            }
            if let Some(lowest) = self.changes.pop_front() {
                self.bytes -= lowest.text_bytes();
            }
        }
        self.changes.push_back(change);
        true
    }
}

/// Whether an account of this id is there; for calls that name one.
pub(super) fn person_named(connection: &Connection, name: &Name) -> StoreResult<UserId> {
    match Named::load(connection, name)? {
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
