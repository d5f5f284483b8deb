//! Rows of the log and of memberships, read into what the server passes around.

use chat_proto::{MessageId, Name, Rev, Seq, Time, UserRef};
use rusqlite::types::Type;
use rusqlite::{Connection, Row};

use crate::change::{Address, Change, ConversationId, Place, UserId, What};
use crate::store::Membership;
use crate::store::codes::{self, JOIN, LEAVE, MESSAGE, ROLE, count};
use crate::store::extra;

/// The columns that [`change`] reads, from the log and the account of who did it. Continue with `WHERE`.
macro_rules! change_sql {
    ($rest:literal) => {
        concat!(
            "SELECT l.place, l.conversation, l.rev, l.at, l.what, l.who, u.name, u.display_name, ",
            "l.seq, l.message_id, l.kind, l.text, l.extra ",
            "FROM log l JOIN users u ON u.id = l.who ",
            $rest
        )
    };
}
pub(super) use change_sql;

/// A row of [`change_sql`]; `address` is that of its conversation.
pub(super) fn change(row: &Row<'_>, address: Address) -> rusqlite::Result<Change> {
    let user = UserId(row.get(5)?);
    let name = name_at(row, 6)?;
    let what = match row.get(4)? {
        MESSAGE => message(row, user, name)?,
        JOIN => What::Join { user, name },
        LEAVE => What::Leave { user, name },
        ROLE => What::Role {
            name,
            role: role_word(row)?,
        },
        _ => return Err(foreign(4, "kind of change")),
    };
    Ok(Change::new(
        Place::at_row(row.get(0)?),
        ConversationId(row.get(1)?),
        address,
        Rev(count(row.get(2)?)),
        Time::from_micros(row.get(3)?),
        what,
    ))
}

fn message(row: &Row<'_>, sender: UserId, name: Name) -> rusqlite::Result<What> {
    let id: String = row.get(9)?;
    let body = extra::body(row.get(10)?, row.get(11)?, row.get(12)?);
    Ok(What::Message {
        seq: Seq(count(row.get(8)?)),
        id: MessageId::parse(&id).map_err(|_| foreign(9, "message id"))?,
        sender,
        from: UserRef {
            name,
            display_name: row.get(7)?,
        },
        body: Box::new(body.ok_or_else(|| foreign(10, "body of a message"))?),
    })
}

fn role_word(row: &Row<'_>) -> rusqlite::Result<chat_proto::Role> {
    let code: Option<String> = row.get(10)?;
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
pub(super) fn membership(row: &Row<'_>, viewer: UserId) -> rusqlite::Result<Membership> {
    let kind = codes::kind(row.get(1)?).ok_or_else(|| foreign(1, "kind"))?;
    let number = |index| row.get(index).map(count);
    let (address, title) = match row.get::<_, Option<i64>>(4)? {
        None => (Address::Group(name_at(row, 2)?), row.get(3)?),
        Some(a) => {
            let sides = [
                (UserId(a), name_at(row, 5)?),
                (UserId(row.get(7)?), name_at(row, 8)?),
            ];
            let title = if sides[0].0 == viewer { 9 } else { 6 };
            (Address::Direct(sides), row.get(title)?)
        }
    };
    Ok(Membership {
        conversation: Some(ConversationId(row.get(0)?)),
        address,
        kind,
        title,
        role: codes::role(row.get(10)?).ok_or_else(|| foreign(10, "role"))?,
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

/// How a conversation is addressed.
pub(super) fn address(
    connection: &Connection,
    conversation: ConversationId,
) -> rusqlite::Result<Address> {
    const SQL: &str = "SELECT c.name, c.a, p.name, c.b, q.name FROM conversations c \
        LEFT JOIN users p ON p.id = c.a LEFT JOIN users q ON q.id = c.b WHERE c.id = ?1";
    connection
        .prepare_cached(SQL)?
        .query_row([conversation.0], |row| {
            Ok(match row.get::<_, Option<i64>>(1)? {
                None => Address::Group(name_at(row, 0)?),
                Some(a) => Address::Direct([
                    (UserId(a), name_at(row, 2)?),
                    (UserId(row.get(3)?), name_at(row, 4)?),
                ]),
            })
        })
}

/// A column that holds a name.
pub(super) fn name_at(row: &Row<'_>, index: usize) -> rusqlite::Result<Name> {
    let text: String = row.get(index)?;
    Name::parse(&text).map_err(|_| foreign(index, "name"))
}

/// A column that holds what no writer of ours puts there.
pub(super) fn foreign(index: usize, what: &str) -> rusqlite::Error {
    let sentence = format!("column {index} is no {what}");
    rusqlite::Error::FromSqlConversionFailure(index, Type::Null, sentence.into())
}
