//! The feed over all conversations, and memberships that ended.

use std::collections::HashMap;
use std::sync::Arc;

use chat_proto::Rev;
use tokio_postgres::Row;

use super::fault::{Fault, Outcome};
use super::pool::Connection;
use super::rows::{self, change_columns, change_sql, get, membership_sql};
use crate::change::{ConversationId, Place, UserId};
use crate::store::audience::{Audience, Stay};
use crate::store::codes::{column, count};
use crate::store::{Committed, Membership};

pub(super) async fn since(c: &Connection, place: Place, limit: usize) -> Outcome<Vec<Committed>> {
    // Only what is below the oldest transaction that still runs: ids and transactions are numbered before they commit,
    // so above it something may yet come to stand between two rows that were read.
    let sql = change_sql!(
        "WHERE (l.txn, l.id) > ($1, $2) AND l.txn < pg_snapshot_xmin(pg_current_snapshot())::text::bigint \
         ORDER BY l.txn, l.id LIMIT $3"
    );
    let limit = column(limit as u64);
    let found = c
        .rows(sql, &[&place.transaction, &place.row, &limit])
        .await?;
    let conversation = |row: &Row| get(row, 1).map(ConversationId);
    let mut ids = rows::each(&found, conversation)?;
    ids.sort_unstable();
    ids.dedup();
    let mut audiences = audiences(c, &ids).await?;
    rows::each(&found, |row| {
        let audience = audiences.get_mut(&conversation(row)?);
        let audience = audience.ok_or_else(|| Fault::internal("a conversation is missing"))?;
        let change = rows::change(row, audience.address.clone())?;
        let members = audience.at(change.rev);
        Ok(Committed {
            change: Arc::new(change),
            members,
        })
    })
}

async fn audiences(
    c: &Connection,
    conversations: &[ConversationId],
) -> Outcome<HashMap<ConversationId, Audience>> {
    const SQL: &str = "SELECT conversation, who, joined_rev, left_rev FROM members WHERE conversation = ANY($1) \
        UNION ALL SELECT conversation, who, joined_rev, left_rev FROM stays WHERE conversation = ANY($1)";
    if conversations.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<i64> = conversations.iter().map(|id| id.0).collect();
    let mut stays: HashMap<ConversationId, Vec<Stay>> = HashMap::new();
    for row in c.rows(SQL, &[&ids]).await? {
        let left: Option<i64> = get(&row, 3)?;
        let stay = Stay {
            user: UserId(get(&row, 1)?),
            joined: Rev(count(get(&row, 2)?)),
            left: Rev(left.map_or(u64::MAX, count)),
        };
        let conversation = ConversationId(get(&row, 0)?);
        stays.entry(conversation).or_default().push(stay);
    }
    let addresses = rows::addresses(c, conversations).await?;
    let audience = |(id, address)| {
        let stays = stays.remove(&id).unwrap_or_default();
        (id, Audience::new(address, stays))
    };
    Ok(addresses.into_iter().map(audience).collect())
}

/// The place of the last row of the log that the feed tells.
pub(super) async fn last_place(c: &Connection) -> Outcome<Place> {
    const SQL: &str = "SELECT txn, id FROM log WHERE txn < pg_snapshot_xmin(pg_current_snapshot())::text::bigint \
        ORDER BY txn DESC, id DESC LIMIT 1";
    match c.row(SQL, &[]).await? {
        Some(row) => Ok(Place {
            transaction: get(&row, 0)?,
            row: get(&row, 1)?,
        }),
        None => Ok(Place::default()),
    }
}

/// A membership that holds, or that ended: then `rev` and `last_seq` are those of its end.
pub(super) async fn member_or_left(
    c: &Connection,
    user: UserId,
    conversation: ConversationId,
) -> Outcome<Option<Membership>> {
    let sql = membership_sql!("WHERE m.who = $1 AND m.conversation = $2");
    let row = c.row(sql, &[&user.0, &conversation.0]).await?;
    row.map(|row| rows::membership(&row, user)).transpose()
}
