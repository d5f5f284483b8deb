//! Groups and public topics as they are listed and found.

use chat_proto::{ConversationKind, Name, Seq, Topic};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::cache;
use super::rows::{self, foreign};
use crate::change::UserId;
use crate::store::codes::{self, Named, count};
use crate::store::{GroupRecord, StoreResult, refuse};

/// The columns that [`record`] reads, seen by user ?1. Continue with `WHERE`.
macro_rules! group_sql {
    ($rest:literal) => {
        concat!(
            "SELECT c.name, c.title, c.kind, m.role, c.last_seq, ",
            "(SELECT count(*) FROM members o WHERE o.conversation = c.id AND o.left_rev IS NULL) ",
            "FROM conversations c LEFT JOIN members m ",
            "ON m.user = ?1 AND m.conversation = c.id AND m.left_rev IS NULL ",
            $rest
        )
    };
}

fn record(row: &Row<'_>) -> rusqlite::Result<GroupRecord> {
    let role: Option<i64> = row.get(3)?;
    let kind = codes::kind(row.get(2)?).ok_or_else(|| foreign(2, "kind"))?;
    Ok(GroupRecord {
        name: rows::name_at(row, 0)?,
        title: row.get(1)?,
        public: kind == ConversationKind::Public,
        members: usize::try_from(row.get::<_, i64>(5)?).unwrap_or(0),
        role: role.and_then(codes::role),
        last_seq: Seq(count(row.get(4)?)),
    })
}

pub(super) fn groups(connection: &Connection, user: UserId) -> StoreResult<Vec<GroupRecord>> {
    let groups = connection
        .prepare_cached(group_sql!(
            "WHERE c.kind <> 1 AND m.user IS NOT NULL ORDER BY c.name"
        ))?
        .query_map([user.0], record)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(groups)
}

pub(super) fn public_topics(
    connection: &Connection,
    user: UserId,
    query: &str,
    limit: usize,
) -> StoreResult<Vec<GroupRecord>> {
    let query = query.to_lowercase();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let topics = connection
        .prepare_cached(group_sql!(
            "JOIN names n ON n.name = c.name AND n.kind = 2 AND n.id = c.id \
             WHERE c.kind = 3 AND instr(c.name, ?2) > 0 ORDER BY instr(c.name, ?2) > 1, c.name LIMIT ?3"
        ))?
        .query_map(params![user.0, query, limit], record)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(topics)
}

pub(super) fn group(
    connection: &Connection,
    user: UserId,
    name: &Name,
) -> StoreResult<GroupRecord> {
    let found = match cache::load_name(connection, name)? {
        Some(Named::Group(conversation)) => connection
            .prepare_cached(group_sql!(
                "WHERE c.id = ?2 AND (c.kind = 3 OR m.user IS NOT NULL)"
            ))?
            .query_row([user.0, conversation.0], record)
            .optional()?,
        _ => None,
    };
    found.ok_or_else(|| refuse::no_such_topic(&Topic::from(name.clone())))
}
