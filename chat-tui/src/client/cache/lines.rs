//! The lines of the list of conversations: ranked by last chat, with what is unread in each.

use chat_proto::{ConversationKind, Mark, Name, Rev, Seq, limits};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::rows::{self, count, name, number};
use crate::client::copy::Line;

const COLUMNS: &str = "c.id, c.topic, c.title, c.kind, c.first_seq, c.last_seq, c.read_seq, \
     c.counted_read, c.counted_last, c.counted_own";

/// The conversations with the latest chat. What was only heard of by a mark is not shown.
pub(super) fn ranked(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<Line>> {
    let mut asking = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM conversations c WHERE c.listed OR c.last_seq > 0
         ORDER BY c.last_chat DESC, c.topic LIMIT ?1"
    ))?;
    let mut asks = Asks::new(connection)?;
    asking
        .query_map([number(limit as u64)], Head::read)?
        .map(|head| asks.line(head?))
        .collect()
}

/// One conversation.
pub(super) fn of(connection: &Connection, topic: &Name) -> rusqlite::Result<Option<Line>> {
    let head = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM conversations c WHERE c.topic = ?1"
        ))?
        .query_row([topic.as_str()], Head::read)
        .optional()?;
    let mut asks = Asks::new(connection)?;
    head.map(|head| asks.line(head)).transpose()
}

/// Where each conversation is whole up to; no more than one sync may name.
pub(super) fn places(connection: &Connection) -> rusqlite::Result<Vec<(Name, Rev)>> {
    connection
        .prepare_cached(
            "SELECT topic, have FROM conversations WHERE have IS NOT NULL
             ORDER BY last_chat DESC, topic LIMIT ?1",
        )?
        .query_map([number(limits::SYNC_NAMED_MAX as u64)], |row| {
            Ok((name(row, 0)?, Rev(count(row.get(1)?))))
        })?
        .collect()
}

/// The columns of a conversation.
struct Head {
    id: i64,
    topic: Name,
    title: String,
    kind: ConversationKind,
    first: u64,
    last: u64,
    read: u64,
    counted_read: u64,
    counted_last: u64,
    counted_own: u64,
}

impl Head {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            topic: name(row, 1)?,
            title: row.get(2)?,
            kind: match row.get_ref(3)?.as_str()? {
                "group" => ConversationKind::Group,
                "public" => ConversationKind::Public,
                _ => ConversationKind::Direct,
            },
            first: count(row.get(4)?),
            last: count(row.get(5)?),
            read: count(row.get(6)?),
            counted_read: count(row.get(7)?),
            counted_last: count(row.get(8)?),
            counted_own: count(row.get(9)?),
        })
    }
}

/// The questions that each line takes.
struct Asks<'c> {
    last: CachedStatement<'c>,
    own: CachedStatement<'c>,
    mentions: CachedStatement<'c>,
    marks: CachedStatement<'c>,
}

impl<'c> Asks<'c> {
    fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            last: connection.prepare_cached(&format!(
                "SELECT {} FROM messages m WHERE m.conversation = ?1 ORDER BY m.seq DESC LIMIT 1",
                rows::COLUMNS
            ))?,
            // Told which index: by itself SQLite would read every unread message to count those of few.
            own: connection.prepare_cached(
                "SELECT count(*) FROM messages INDEXED BY own_messages
                 WHERE own AND conversation = ?1 AND seq > ?2",
            )?,
            mentions: connection.prepare_cached(
                "SELECT count(*) FROM messages INDEXED BY mentions
                 WHERE mention AND conversation = ?1 AND seq > ?2",
            )?,
            marks: connection.prepare_cached(
                "SELECT name, read_seq, delivered_seq FROM marks WHERE conversation = ?1 ORDER BY name",
            )?,
        })
    }

    fn line(&mut self, head: Head) -> rusqlite::Result<Line> {
        let unread = self.unread(&head)?;
        let mentions: i64 = self
            .mentions
            .query_row(params![head.id, number(head.read)], |row| row.get(0))?;
        let last_message = self
            .last
            .query_row([head.id], |row| rows::message(&head.topic, row))
            .optional()?;
        let mut line = Line {
            title: head.title,
            first_seq: Seq(head.first),
            last_seq: Seq(head.last),
            read_seq: Seq(head.read),
            unread,
            mentions: count(mentions),
            last_message,
            ..Line::new(head.topic, head.kind)
        };
        let mut marks = self.marks.query([head.id])?;
        while let Some(row) = marks.next()? {
            let who = name(row, 0)?;
            let read = Seq(count(row.get(1)?));
            if read > Seq(0) {
                line.put_mark(&who, Mark::Read, read);
            }
            line.put_mark(&who, Mark::Delivered, Seq(count(row.get(2)?)));
        }
        Ok(line)
    }

    /// `(last_seq - read_seq)` less one's own messages above the mark. As long as the mark stands where the server
    /// counted, only what came after is counted here, because the copy may have holes below.
    fn unread(&mut self, head: &Head) -> rusqlite::Result<u64> {
        let (counted, above) = match head.read == head.counted_read {
            true => (head.counted_own, head.counted_last.max(head.read)),
            false => (0, head.read),
        };
        let own: i64 = self
            .own
            .query_row(params![head.id, number(above)], |row| row.get(0))?;
        Ok(head
            .last
            .saturating_sub(head.read)
            .saturating_sub(counted + count(own)))
    }
}
