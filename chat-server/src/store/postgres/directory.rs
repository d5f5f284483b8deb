//! Groups and public topics as they are listed and found.

use chat_proto::{ConversationKind, Name, Seq, Topic};
use tokio_postgres::Row;

use super::fault::Outcome;
use super::pool::Connection;
use super::rows::{self, foreign, get};
use super::writer::load_name;
use crate::change::UserId;
use crate::store::codes::{self, Named, column, count};
use crate::store::{GroupRecord, refuse};

/// The columns that [`record`] reads, seen by user $1. Continue with `WHERE`.
macro_rules! group_sql {
    ($rest:literal) => {
        concat!(
            "SELECT c.name, c.title, c.kind, m.role, c.last_seq, ",
            "(SELECT count(*) FROM members o WHERE o.conversation = c.id AND o.left_rev IS NULL) ",
            "FROM conversations c LEFT JOIN members m ",
            "ON m.who = $1 AND m.conversation = c.id AND m.left_rev IS NULL ",
            $rest
        )
    };
}

fn record(row: &Row) -> Outcome<GroupRecord> {
    let role: Option<i64> = get(row, 3)?;
    let kind = codes::kind(get(row, 2)?).ok_or_else(|| foreign(2, "kind"))?;
    Ok(GroupRecord {
        name: rows::name_at(row, 0)?,
        title: get(row, 1)?,
        public: kind == ConversationKind::Public,
        members: usize::try_from(get::<i64>(row, 5)?).unwrap_or(0),
        role: role.and_then(codes::role),
        last_seq: Seq(count(get(row, 4)?)),
    })
}

pub(super) async fn groups(c: &Connection, user: UserId) -> Outcome<Vec<GroupRecord>> {
    let sql = group_sql!("WHERE c.kind <> 1 AND m.who IS NOT NULL ORDER BY c.name");
    rows::each(&c.rows(sql, &[&user.0]).await?, record)
}

pub(super) async fn public_topics(
    c: &Connection,
    user: UserId,
    query: &str,
    limit: usize,
) -> Outcome<Vec<GroupRecord>> {
    let sql = group_sql!(
        "JOIN names n ON n.name = c.name AND n.kind = 2 AND n.id = c.id \
         WHERE c.kind = 3 AND strpos(c.name, $2) > 0 ORDER BY strpos(c.name, $2) > 1, c.name LIMIT $3"
    );
    let (query, limit) = (query.to_lowercase(), column(limit as u64));
    rows::each(&c.rows(sql, &[&user.0, &query, &limit]).await?, record)
}

pub(super) async fn group(c: &Connection, user: UserId, name: &Name) -> Outcome<GroupRecord> {
    let found = match load_name(c, name).await? {
        Some(Named::Group(conversation)) => {
            let sql = group_sql!("WHERE c.id = $2 AND (c.kind = 3 OR m.who IS NOT NULL)");
            c.row(sql, &[&user.0, &conversation.0]).await?
        }
        _ => None,
    };
    match found {
        Some(row) => record(&row),
        None => Err(refuse::no_such_topic(&Topic::from(name.clone())).into()),
    }
}
