//! What was said, as it is read: one's own message, the last ones of a list, a page.

use chat_proto::{MessageId, Rev, Seq, Topic};
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{self, change_sql};
use super::{conversations, feed};
use crate::change::{Change, ConversationId, UserId};
use crate::store::codes::column;
use crate::store::page::{Page, Span};
use crate::store::{Range, Slice, StoreResult};

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
