//! Rows of the log and of memberships, read into what the server passes around.

use std::collections::HashMap;

use chat_proto::{MessageId, Name, Rev, Seq, Time, UserRef};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::fault::{Fault, Outcome};
use super::pool::Connection;
use crate::change::{Address, Change, ConversationId, Place, UserId, What};
use crate::store::codes::{self, JOIN, LEAVE, MESSAGE, ROLE, count};
use crate::store::{Membership, extra};

/// The columns that [`change`] reads, from the log and the account of who did it.
macro_rules! change_columns {
    () => {
        "l.txn, l.conversation, l.rev, l.at, l.what, l.who, u.name, u.display_name, \
         l.seq, l.message_id, l.kind, l.text, l.extra, l.id "
    };
}
pub(super) use change_columns;

/// The rows that [`change`] reads. Continue with `WHERE`.
macro_rules! change_sql {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            change_columns!(),
            "FROM log l JOIN users u ON u.id = l.who ",
            $rest
        )
    };
}
pub(super) use change_sql;

/// A row of [`change_sql`]; `address` is that of its conversation.
pub(super) fn change(row: &Row, address: Address) -> Outcome<Change> {
    let user = UserId(get(row, 5)?);
    let name = name_at(row, 6)?;
    let what = match get(row, 4)? {
        MESSAGE => message(row, user, name)?,
        JOIN => What::Join { user, name },
        LEAVE => What::Leave { user, name },
        ROLE => What::Role {
            name,
            role: role_word(row)?,
        },
        _ => return Err(foreign(4, "kind of change")),
    };
    let place = Place {
        transaction: get(row, 0)?,
        row: get(row, 13)?,
    };
    Ok(Change::new(
        place,
        ConversationId(get(row, 1)?),
        address,
        Rev(count(get(row, 2)?)),
        Time::from_micros(get(row, 3)?),
        what,
    ))
}

fn message(row: &Row, sender: UserId, name: Name) -> Outcome<What> {
    let body = extra::body(get(row, 10)?, get(row, 11)?, get(row, 12)?);
    Ok(What::Message {
        seq: Seq(count(get(row, 8)?)),
        id: MessageId::parse(get(row, 9)?).map_err(|_| foreign(9, "message id"))?,
        sender,
        from: UserRef {
            name,
            display_name: get(row, 7)?,
        },
        body: Box::new(body.ok_or_else(|| foreign(10, "body of a message"))?),
    })
}

fn role_word(row: &Row) -> Outcome<chat_proto::Role> {
    let code: Option<&str> = get(row, 10)?;
    code.and_then(|code| code.parse().ok())
        .and_then(codes::role)
        .ok_or_else(|| foreign(10, "role"))
}

/// The columns that [`membership`] reads: `m` is the member's row, `c` the conversation. Continue with `WHERE`.
macro_rules! membership_sql {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.kind, c.name, c.title, c.a, p.name, p.display_name, c.b, q.name, q.display_name, ",
            "m.role, m.first_seq, m.first_rev, m.joined_rev, ",
            "coalesce(m.left_seq, c.last_seq), coalesce(m.left_rev, c.rev), ",
            "m.read_seq, m.delivered_seq, m.own_last, m.own_read, ",
            "(SELECT count(*) FROM members o WHERE o.conversation = c.id AND o.left_rev IS NULL) ",
            "FROM members m JOIN conversations c ON c.id = m.conversation ",
            "LEFT JOIN users p ON p.id = c.a LEFT JOIN users q ON q.id = c.b ",
            $rest
        )
    };
}
pub(super) use membership_sql;

/// A row of [`membership_sql`] as `viewer`, its member, sees it.
pub(super) fn membership(row: &Row, viewer: UserId) -> Outcome<Membership> {
    let kind = codes::kind(get(row, 1)?).ok_or_else(|| foreign(1, "kind"))?;
    let number = |index| get(row, index).map(count);
    let (address, title) = match get::<Option<i64>>(row, 4)? {
        None => (Address::Group(name_at(row, 2)?), get(row, 3)?),
        Some(a) => {
            let sides = [
                (UserId(a), name_at(row, 5)?),
                (UserId(get(row, 7)?), name_at(row, 8)?),
            ];
            let title = if sides[0].0 == viewer { 9 } else { 6 };
            (Address::Direct(sides), get(row, title)?)
        }
    };
    Ok(Membership {
        conversation: Some(ConversationId(get(row, 0)?)),
        address,
        kind,
        title,
        role: codes::role(get(row, 10)?).ok_or_else(|| foreign(10, "role"))?,
        first_seq: Seq(number(11)?),
        first_rev: Rev(number(12)?),
        joined_rev: Rev(number(13)?),
        last_seq: Seq(number(14)?),
        rev: Rev(number(15)?),
        read_seq: Seq(number(16)?),
        delivered_seq: Seq(number(17)?),
        own_last: number(18)?,
        own_read: number(19)?,
        members: usize::try_from(number(20)?).unwrap_or(usize::MAX),
    })
}

/// The columns that [`address_at`] reads: of `c` the conversation, `p` and `q` its sides.
macro_rules! address_columns {
    () => {
        "c.name, c.a, p.name, c.b, q.name "
    };
}
pub(super) use address_columns;

/// An address, whose columns begin at `first`.
pub(super) fn address_at(row: &Row, first: usize) -> Outcome<Address> {
    Ok(match get::<Option<i64>>(row, first + 1)? {
        None => Address::Group(name_at(row, first)?),
        Some(a) => Address::Direct([
            (UserId(a), name_at(row, first + 2)?),
            (UserId(get(row, first + 3)?), name_at(row, first + 4)?),
        ]),
    })
}

/// How conversations are addressed.
pub(super) async fn addresses(
    connection: &Connection,
    conversations: &[ConversationId],
) -> Outcome<HashMap<ConversationId, Address>> {
    const SQL: &str = concat!(
        "SELECT ",
        address_columns!(),
        ", c.id FROM conversations c LEFT JOIN users p ON p.id = c.a LEFT JOIN users q ON q.id = c.b ",
        "WHERE c.id = ANY($1)"
    );
    if conversations.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<i64> = conversations.iter().map(|id| id.0).collect();
    let rows = connection.rows(SQL, &[&ids]).await?;
    let address = |row: &Row| Ok((ConversationId(get(row, 5)?), address_at(row, 0)?));
    rows.iter().map(address).collect()
}

/// How one is.
pub(super) async fn address(
    connection: &Connection,
    conversation: ConversationId,
) -> Outcome<Address> {
    let mut found = addresses(connection, &[conversation]).await?;
    found
        .remove(&conversation)
        .ok_or_else(|| Fault::internal("a conversation is missing"))
}

/// A column.
pub(super) fn get<'r, T: FromSql<'r>>(row: &'r Row, index: usize) -> Outcome<T> {
    row.try_get(index).map_err(|_| foreign(index, "such thing"))
}

/// A column that holds a name.
pub(super) fn name_at(row: &Row, index: usize) -> Outcome<Name> {
    Name::parse(get(row, index)?).map_err(|_| foreign(index, "name"))
}

/// A column that holds what no writer of ours puts there.
pub(super) fn foreign(index: usize, what: &str) -> Fault {
    Fault::internal(format!("column {index} is no {what}"))
}

/// All rows, each read.
pub(super) fn each<T>(rows: &[Row], read: impl FnMut(&Row) -> Outcome<T>) -> Outcome<Vec<T>> {
    rows.iter().map(read).collect()
}
