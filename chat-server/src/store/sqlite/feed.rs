//! The feed over all conversations, and memberships that ended.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use chat_proto::Rev;
use rusqlite::{Connection, OptionalExtension};

use super::rows::{self, change_sql, membership_sql};
use crate::change::{ConversationId, Place, UserId};
use crate::store::audience::{Audience, Stay};
use crate::store::codes::{column, count};
use crate::store::{Committed, Head, HeadSeen, HeadsPage, Membership, StoreResult};

pub(super) fn since(
    connection: &Connection,
    place: Place,
    limit: usize,
) -> StoreResult<Vec<Committed>> {
    let mut audiences: HashMap<ConversationId, Audience> = HashMap::new();
    let mut statement =
        connection.prepare_cached(change_sql!("WHERE l.place > ?1 ORDER BY l.place LIMIT ?2"))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut found = statement.query([place.row, limit])?;
    let mut feed = Vec::new();
    while let Some(row) = found.next()? {
        let conversation = ConversationId(row.get(1)?);
        let audience = match audiences.entry(conversation) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(audience(connection, conversation)?),
        };
        let change = rows::change(row, audience.address.clone())?;
        let members = audience.at(change.rev);
        feed.push(Committed {
            change: Arc::new(change),
            members,
        });
    }
    Ok(feed)
}

fn audience(connection: &Connection, conversation: ConversationId) -> StoreResult<Audience> {
    let stays = connection
        .prepare_cached(
            "SELECT user, joined_rev, left_rev FROM members WHERE conversation = ?1 \
                 UNION ALL SELECT user, joined_rev, left_rev FROM stays WHERE conversation = ?1",
        )?
        .query_map([conversation.0], |row| {
            let left: Option<i64> = row.get(2)?;
            Ok(Stay {
                user: UserId(row.get(0)?),
                joined: Rev(count(row.get(1)?)),
                left: Rev(left.map_or(u64::MAX, count)),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let address = rows::address(connection, conversation)?;
    Ok(Audience::new(address, stays))
}

pub(super) fn heads_since(
    connection: &Connection,
    place: Place,
    limit: usize,
) -> StoreResult<HeadsPage> {
    const SQL: &str = "SELECT conversation, min(rev), max(rev), max(place), count(*) \
        FROM (SELECT place, conversation, rev FROM log WHERE place > ?1 ORDER BY place LIMIT ?2) \
        GROUP BY conversation";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut found = statement.query([place.row, column(limit as u64)])?;
    let mut page = HeadsPage::default();
    let mut last = place;
    while let Some(row) = found.next()? {
        let conversation = ConversationId(row.get(0)?);
        let (low, high) = (Rev(count(row.get(1)?)), Rev(count(row.get(2)?)));
        last = last.max(Place::at_row(row.get(3)?));
        page.changes += usize::try_from(row.get::<_, i64>(4)?).unwrap_or(0);
        page.heads.push(HeadSeen {
            head: Head {
                conversation,
                rev: high,
            },
            concerned: members_between(connection, conversation, low, high)?,
        });
    }
    page.next = last.into();
    page.more = page.changes == limit;
    Ok(page)
}

/// Who was a member at any of these changes.
fn members_between(
    connection: &Connection,
    conversation: ConversationId,
    low: Rev,
    high: Rev,
) -> rusqlite::Result<Vec<UserId>> {
    const SQL: &str = "SELECT user FROM members WHERE conversation = ?1 AND joined_rev <= ?3 AND ifnull(left_rev >= ?2, true) \
        UNION SELECT user FROM stays WHERE conversation = ?1 AND joined_rev <= ?3 AND left_rev >= ?2";
    let bounds = [conversation.0, column(low.0), column(high.0)];
    let mut statement = connection.prepare_cached(SQL)?;
    let users = statement.query_map(bounds, |row| row.get(0).map(UserId))?;
    users.collect()
}

/// The place of the last row of the log.
pub(super) fn last_place(connection: &Connection) -> rusqlite::Result<Place> {
    connection
        .prepare_cached("SELECT coalesce(max(place), 0) FROM log")?
        .query_row([], |row| row.get(0).map(Place::at_row))
}

/// A membership that holds, or that ended: then `rev` and `last_seq` are those of its end.
pub(super) fn member_or_left(
    connection: &Connection,
    user: UserId,
    conversation: ConversationId,
) -> StoreResult<Option<Membership>> {
    let membership = connection
        .prepare_cached(membership_sql!("WHERE m.user = ?1 AND m.conversation = ?2"))?
        .query_row([user.0, conversation.0], |row| rows::membership(row, user))
        .optional()?;
    Ok(membership)
}
