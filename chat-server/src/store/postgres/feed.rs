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
use crate::store::{Committed, Head, HeadSeen, HeadsPage, Look, Membership};

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

pub(super) async fn heads_since(c: &Connection, look: &Look, limit: usize) -> Outcome<HeadsPage> {
    // What a transaction of an earlier look that ran then has committed since, and what is above that look. The place up
    // to which it goes is that of a row that is there: numbers of transactions that left nothing may be given again
    // after a crash. All of one snapshot, of which the transactions that run are told, too.
    const SQL: &str = "WITH page AS (SELECT conversation, rev, txn, id FROM log WHERE (txn, id) > ($1, $2) \
            ORDER BY txn, id LIMIT $3), \
        late AS (SELECT conversation, rev FROM log WHERE txn = ANY($4)), \
        seen AS (SELECT conversation, min(rev) AS low, max(rev) AS high FROM \
            (SELECT conversation, rev FROM page UNION ALL SELECT conversation, rev FROM late) AS r GROUP BY conversation), \
        last AS (SELECT txn, id FROM page UNION ALL SELECT $1, $2 ORDER BY txn DESC, id DESC LIMIT 1) \
        SELECT (SELECT count(*) FROM page), (SELECT count(*) FROM late), l.txn, l.id, \
            ARRAY(SELECT t::text::bigint FROM pg_snapshot_xip(pg_current_snapshot()) AS t \
                WHERE t::text::bigint < l.txn), \
            s.conversation, s.high, \
            ARRAY(SELECT who FROM members WHERE conversation = s.conversation AND joined_rev <= s.high \
                AND coalesce(left_rev >= s.low, true) \
                UNION SELECT who FROM stays WHERE conversation = s.conversation AND joined_rev <= s.high \
                AND left_rev >= s.low) \
        FROM last l LEFT JOIN seen s ON true";
    let limit = column(limit as u64);
    let (above, late) = (look.upto, &look.open);
    let found = c
        .rows(SQL, &[&above.transaction, &above.row, &limit, late])
        .await?;
    let first = found.first();
    let first = first.ok_or_else(|| Fault::internal("a look found not even its place"))?;
    let (page, late): (i64, i64) = (get(first, 0)?, get(first, 1)?);
    let upto = Place {
        transaction: get(first, 2)?,
        row: get(first, 3)?,
    };
    let heads = found.iter().filter_map(|row| head_seen(row).transpose());
    Ok(HeadsPage {
        heads: heads.collect::<Outcome<_>>()?,
        changes: usize::try_from(page + late).unwrap_or(0),
        next: Look {
            upto,
            open: get(first, 4)?,
        },
        more: page == limit,
    })
}

/// A conversation that a look saw; a look that saw none has one row without.
fn head_seen(row: &Row) -> Outcome<Option<HeadSeen>> {
    let Some(conversation) = get::<Option<i64>>(row, 5)?.map(ConversationId) else {
        return Ok(None);
    };
    let rev = Rev(count(get(row, 6)?));
    let concerned: Vec<i64> = get(row, 7)?;
    Ok(Some(HeadSeen {
        head: Head { conversation, rev },
        concerned: concerned.into_iter().map(UserId).collect(),
    }))
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
