//! Messages as rows and back: the common fields are columns, the rarer ones JSON, so that rows stay small.

use chat_proto::message::{FileRef, Reaction};
use chat_proto::{Kind, Message, MessageId, Meta, Name, Rev, Seq, Time, UserRef};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use crate::text::mention::mentions;

/// The columns that [`message`] reads, in its order.
pub(super) const COLUMNS: &str =
    "m.seq, m.rev, m.id, m.sender, m.display_name, m.sent_at, m.text, m.more";

/// The fields that few messages have.
#[derive(Default, PartialEq, Serialize, Deserialize)]
struct More {
    #[serde(default, skip_serializing_if = "Kind::plain")]
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lang: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply_to: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thread: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<FileRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edited_at: Option<Time>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reactions: Vec<Reaction>,
}

impl More {
    fn of(message: &Message) -> Self {
        Self {
            kind: message.kind.clone(),
            lang: message.lang.clone(),
            reply_to: message.reply_to,
            thread: message.thread,
            file: message.file.clone(),
            meta: message.meta.clone(),
            edited_at: message.edited_at,
            deleted: message.deleted,
            reactions: message.reactions.clone(),
        }
    }
}

/// Puts a message in. Of one that is there the later version stays, whichever came first.
pub(super) fn put(
    connection: &Connection,
    conversation: i64,
    me: &Name,
    message: &Message,
) -> rusqlite::Result<()> {
    let more = More::of(message);
    let more = match more == More::default() {
        true => None,
        false => Some(json(&more)?),
    };
    let own = message.from.name == *me;
    connection
        .prepare_cached(
            "INSERT INTO messages
             (conversation, seq, rev, id, sender, display_name, sent_at, own, mention, text, more, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (conversation, seq) DO UPDATE
             SET text = excluded.text, more = excluded.more, mention = excluded.mention, version = excluded.version
             WHERE excluded.version > messages.version AND excluded.id = messages.id",
        )?
        .execute(params![
            conversation,
            number(message.seq.0),
            number(message.rev.0),
            message.id.as_str(),
            message.from.name.as_str(),
            message.from.display_name,
            message.sent_at.micros(),
            own,
            !own && !message.deleted && mentions(&message.text, me),
            message.text,
            more,
            version(message),
        ])?;
    Ok(())
}

/// Which of two versions of a message is the later one.
fn version(message: &Message) -> i64 {
    match message.deleted {
        true => i64::MAX,
        false => message.edited_at.map_or(0, Time::micros),
    }
}

/// Reads a message from [`COLUMNS`].
pub(super) fn message(topic: &Name, row: &Row<'_>) -> rusqlite::Result<Message> {
    let more: Option<String> = row.get(7)?;
    let more: More = match more {
        Some(more) => serde_json::from_str(&more).map_err(|e| unreadable(7, e))?,
        None => More::default(),
    };
    Ok(Message {
        topic: topic.clone(),
        seq: Seq(count(row.get(0)?)),
        rev: Rev(count(row.get(1)?)),
        id: MessageId::parse(row.get_ref(2)?.as_str()?).map_err(|e| unreadable(2, e))?,
        from: UserRef {
            name: name(row, 3)?,
            display_name: row.get(4)?,
        },
        sent_at: Time::from_micros(row.get(5)?),
        kind: more.kind,
        text: row.get(6)?,
        lang: more.lang,
        reply_to: more.reply_to,
        thread: more.thread,
        file: more.file,
        meta: more.meta,
        edited_at: more.edited_at,
        deleted: more.deleted,
        reactions: more.reactions,
    })
}

/// Reads a name.
pub(super) fn name(row: &Row<'_>, column: usize) -> rusqlite::Result<Name> {
    Name::parse(row.get_ref(column)?.as_str()?).map_err(|e| unreadable(column, e))
}

/// A column holds what this program never writes: the file is damaged.
pub(super) fn unreadable(
    column: usize,
    why: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(why))
}

/// A value as JSON.
pub(super) fn json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// A number as SQLite holds it; what does not fit, only a lying server says.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number as SQLite held it.
pub(super) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
