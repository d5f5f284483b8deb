//! A part of a conversation: its messages, and between them the changes of members and of the group.

use chat_proto::{Event, Message, Name, Rev, Seq, codec};
use rusqlite::{Connection, OptionalExtension, params};

use super::apply::id_of;
use super::rows::{self, count, number, unreadable};
use crate::client::copy::Entry;
use crate::client::query::Range;

/// Reads a page, ascending.
pub(super) fn read(
    connection: &Connection,
    topic: &Name,
    range: Range,
    limit: usize,
) -> rusqlite::Result<Vec<Entry>> {
    let Some(id) = id_of(connection, topic)? else {
        return Ok(Vec::new());
    };
    let log = Log {
        connection,
        topic,
        id,
    };
    let messages = log.messages(range, limit)?;
    let (from, to) = match (messages.first(), messages.last()) {
        (Some(first), Some(last)) => (log.begin(first)?, log.end(last)?),
        // A group in which nobody has said anything yet.
        _ if range == Range::Latest => (0, i64::MAX),
        _ => return Ok(Vec::new()),
    };
    let changes = log.changes(from, to, limit)?;
    Ok(merge(messages, changes))
}

/// The log of one conversation.
struct Log<'a> {
    connection: &'a Connection,
    topic: &'a Name,
    id: i64,
}

impl Log<'_> {
    fn messages(&self, range: Range, limit: usize) -> rusqlite::Result<Vec<Message>> {
        match range {
            Range::Latest => self.below(i64::MAX, limit),
            Range::Before(seq) => self.below(number(seq.0), limit),
            Range::After(seq) => self.from(number(seq.next().0), limit),
            Range::Around(seq) => {
                let mut messages = self.below(number(seq.0), limit / 2)?;
                messages.extend(self.from(number(seq.0), limit - messages.len())?);
                Ok(messages)
            }
        }
    }

    fn below(&self, seq: i64, limit: usize) -> rusqlite::Result<Vec<Message>> {
        let mut messages = self.ask("m.seq < ?2 ORDER BY m.seq DESC", seq, limit)?;
        messages.reverse();
        Ok(messages)
    }

    fn from(&self, seq: i64, limit: usize) -> rusqlite::Result<Vec<Message>> {
        self.ask("m.seq >= ?2 ORDER BY m.seq", seq, limit)
    }

    fn ask(&self, which: &str, seq: i64, limit: usize) -> rusqlite::Result<Vec<Message>> {
        self.connection
            .prepare_cached(&format!(
                "SELECT {} FROM messages m WHERE m.conversation = ?1 AND {which} LIMIT ?3",
                rows::COLUMNS
            ))?
            .query_map(params![self.id, seq, number(limit as u64)], |row| {
                rows::message(self.topic, row)
            })?
            .collect()
    }

    /// The changes before the first message of all belong to its page.
    fn begin(&self, first: &Message) -> rusqlite::Result<i64> {
        let below = self.neighbour("seq < ?2 ORDER BY seq DESC", first.seq)?;
        Ok(below.map_or(0, |_| number(first.rev.0)))
    }

    /// The changes behind a message belong to its page.
    fn end(&self, last: &Message) -> rusqlite::Result<i64> {
        let above = self.neighbour("seq > ?2 ORDER BY seq", last.seq)?;
        Ok(above.unwrap_or(i64::MAX))
    }

    /// The change that the message beside a page is.
    fn neighbour(&self, which: &str, seq: Seq) -> rusqlite::Result<Option<i64>> {
        self.connection
            .prepare_cached(&format!(
                "SELECT rev FROM messages WHERE conversation = ?1 AND {which} LIMIT 1"
            ))?
            .query_row(params![self.id, number(seq.0)], |row| row.get(0))
            .optional()
    }

    /// The last ones of those from `from` up to `to`, ascending.
    fn changes(&self, from: i64, to: i64, limit: usize) -> rusqlite::Result<Vec<(Rev, Event)>> {
        let mut changes = self
            .connection
            .prepare_cached(
                "SELECT rev, event FROM changes WHERE conversation = ?1 AND rev BETWEEN ?2 AND ?3
                 ORDER BY rev DESC LIMIT ?4",
            )?
            .query_map(params![self.id, from, to, number(limit as u64)], |row| {
                let event = codec::decode_event(row.get_ref(1)?.as_str()?);
                Ok((
                    Rev(count(row.get(0)?)),
                    event.map_err(|e| unreadable(1, e))?,
                ))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        changes.reverse();
        Ok(changes)
    }
}

/// Puts the changes between the messages, each before the first message with a greater `rev`.
fn merge(messages: Vec<Message>, changes: Vec<(Rev, Event)>) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(messages.len() + changes.len());
    let mut changes = changes.into_iter().peekable();
    for message in messages {
        while let Some((_, event)) = changes.next_if(|(rev, _)| *rev < message.rev) {
            entries.push(Entry::Change(event));
        }
        entries.push(Entry::Message(message));
    }
    entries.extend(changes.map(|(_, event)| Entry::Change(event)));
    entries
}
