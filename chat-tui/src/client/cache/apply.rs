//! Puts one change in. Whatever came before or comes twice, the result is the same.

use chat_proto::event::{GroupChanged, Membership};
use chat_proto::{Conversation, ConversationKind, Epoch, Event, Mark, Message, Name, Rev, Seq};
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{self, number};
use super::{Change, empty, meta, set_meta};

/// Puts `change` in, of the copy of `me`, which is of the store `epoch`.
pub(super) fn one(
    connection: &Connection,
    me: &Name,
    change: &Change,
    epoch: &mut Option<Epoch>,
) -> rusqlite::Result<()> {
    match change {
        Change::Epoch(new) => change_epoch(connection, new, epoch),
        Change::Message(message) => put_message(connection, me, message),
        Change::Join(member) => put_member(connection, member, Event::Join),
        Change::Leave(member) => put_member(connection, member, Event::Leave),
        Change::Group(group) => put_group(connection, group),
        Change::Conversation(line) => put_line(connection, me, line),
        Change::Place { topic, rev } => put_place(connection, topic, *rev),
        Change::ReadUpTo { topic, seq } => put_read(connection, topic, *seq),
        Change::Mark {
            topic,
            name,
            mark: Mark::Read,
            seq,
        } if name == me => put_read(connection, topic, *seq),
        Change::Mark {
            topic,
            name,
            mark,
            seq,
        } => put_mark(connection, topic, name, *mark, *seq),
        Change::Forget { topic } => forget(connection, topic),
    }
}

fn change_epoch(
    connection: &Connection,
    new: &Epoch,
    epoch: &mut Option<Epoch>,
) -> rusqlite::Result<()> {
    if epoch.as_ref() == Some(new) {
        return Ok(());
    }
    if epoch.is_some() {
        let owner = meta(connection, "owner")?;
        empty(connection)?;
        set_meta(connection, "owner", &owner.unwrap_or_default())?;
    }
    set_meta(connection, "epoch", new.as_str())?;
    *epoch = Some(new.clone());
    Ok(())
}

fn put_message(connection: &Connection, me: &Name, message: &Message) -> rusqlite::Result<()> {
    let from = &message.from;
    let (kind, title) = match from.name == message.topic {
        true => (ConversationKind::Direct, from.display_name.as_str()),
        // One's own words may go anywhere; those of others that come by another name than theirs come by a group.
        false if from.name == *me => (ConversationKind::Direct, message.topic.as_str()),
        false => (ConversationKind::Group, message.topic.as_str()),
    };
    let id = known_as(connection, &message.topic, kind, title)?;
    rows::put(connection, id, me, message)?;
    connection
        .prepare_cached(
            "UPDATE conversations SET last_seq = max(last_seq, ?2), last_chat = max(last_chat, ?3) WHERE id = ?1",
        )?
        .execute(params![id, number(message.seq.0), message.sent_at.micros()])?;
    Ok(())
}

fn put_member(
    connection: &Connection,
    member: &Membership,
    event: fn(Membership) -> Event,
) -> rusqlite::Result<()> {
    let topic = &member.topic;
    let id = known_as(connection, topic, ConversationKind::Group, topic.as_str())?;
    put_event(connection, id, member.rev, &event(member.clone()))
}

fn put_group(connection: &Connection, group: &GroupChanged) -> rusqlite::Result<()> {
    let topic = &group.topic;
    let id = known_as(connection, topic, ConversationKind::Group, topic.as_str())?;
    if let Some(title) = &group.title {
        put_title(connection, id, title, group.rev)?;
    }
    put_event(connection, id, group.rev, &Event::Group(group.clone()))
}

fn put_event(
    connection: &Connection,
    conversation: i64,
    rev: Rev,
    event: &Event,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO changes (conversation, rev, event) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![conversation, number(rev.0), rows::json(event)?])?;
    Ok(())
}

fn put_title(connection: &Connection, id: i64, title: &str, rev: Rev) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE conversations SET title = ?2, title_rev = ?3 WHERE id = ?1 AND title_rev <= ?3",
        )?
        .execute(params![id, title, number(rev.0)])?;
    Ok(())
}

fn put_line(connection: &Connection, me: &Name, line: &Conversation) -> rusqlite::Result<()> {
    let id = known_as(connection, &line.topic, line.kind, &line.title)?;
    put_title(connection, id, &line.title, line.rev)?;
    connection
        .prepare_cached(
            "UPDATE conversations SET listed = 1, kind = ?2, first_seq = max(first_seq, ?3),
             last_seq = max(last_seq, ?4), read_seq = max(read_seq, ?5) WHERE id = ?1",
        )?
        .execute(params![
            id,
            word(line.kind),
            number(line.first_seq.0),
            number(line.last_seq.0),
            number(line.read_seq.0),
        ])?;
    put_count(connection, id, line)?;
    // What one may not read any more is not kept either.
    for sql in [
        "DELETE FROM messages WHERE conversation = ?1 AND seq < ?2",
        "DELETE FROM changes WHERE conversation = ?1 AND rev < ?2",
    ] {
        connection
            .prepare_cached(sql)?
            .execute(params![id, number(line.first_seq.0)])?;
    }
    match &line.last_message {
        Some(message) => put_message(connection, me, message),
        None => Ok(()),
    }
}

/// What the server counted is exact also where the copy has holes; the latest count stays.
fn put_count(connection: &Connection, id: i64, line: &Conversation) -> rusqlite::Result<()> {
    let above = line.last_seq.0.saturating_sub(line.read_seq.0);
    connection
        .prepare_cached(
            "UPDATE conversations SET counted_read = ?2, counted_last = ?3, counted_own = ?4
             WHERE id = ?1 AND counted_read <= ?2 AND counted_last <= ?3",
        )?
        .execute(params![
            id,
            number(line.read_seq.0),
            number(line.last_seq.0),
            number(above.saturating_sub(line.unread)),
        ])?;
    Ok(())
}

fn put_place(connection: &Connection, topic: &Name, rev: Rev) -> rusqlite::Result<()> {
    let id = known(connection, topic)?;
    connection
        .prepare_cached("UPDATE conversations SET have = max(coalesce(have, 0), ?2) WHERE id = ?1")?
        .execute(params![id, number(rev.0)])?;
    Ok(())
}

fn put_read(connection: &Connection, topic: &Name, seq: Seq) -> rusqlite::Result<()> {
    let id = known(connection, topic)?;
    connection
        .prepare_cached("UPDATE conversations SET read_seq = max(read_seq, ?2) WHERE id = ?1")?
        .execute(params![id, number(seq.0)])?;
    Ok(())
}

fn put_mark(
    connection: &Connection,
    topic: &Name,
    name: &Name,
    mark: Mark,
    seq: Seq,
) -> rusqlite::Result<()> {
    let id = known(connection, topic)?;
    let read = match mark {
        Mark::Read => seq,
        Mark::Delivered => Seq(0),
    };
    connection
        .prepare_cached(
            "INSERT INTO marks (conversation, name, read_seq, delivered_seq) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (conversation, name) DO UPDATE SET
             read_seq = max(read_seq, excluded.read_seq),
             delivered_seq = max(delivered_seq, excluded.delivered_seq)",
        )?
        .execute(params![
            id,
            name.as_str(),
            number(read.0),
            number(seq.0)
        ])?;
    Ok(())
}

fn forget(connection: &Connection, topic: &Name) -> rusqlite::Result<()> {
    let Some(id) = id_of(connection, topic)? else {
        return Ok(());
    };
    for sql in [
        "DELETE FROM messages WHERE conversation = ?1",
        "DELETE FROM changes WHERE conversation = ?1",
        "DELETE FROM marks WHERE conversation = ?1",
        "DELETE FROM conversations WHERE id = ?1",
    ] {
        connection.execute(sql, [id])?;
    }
    Ok(())
}

/// The number of a conversation of which nothing may be known yet.
fn known(connection: &Connection, topic: &Name) -> rusqlite::Result<i64> {
    match id_of(connection, topic)? {
        Some(id) => Ok(id),
        None => known_as(connection, topic, ConversationKind::Direct, topic.as_str()),
    }
}

/// The number of a conversation; a new one, or one whose kind was a guess too, is of `kind`.
fn known_as(
    connection: &Connection,
    topic: &Name,
    kind: ConversationKind,
    title: &str,
) -> rusqlite::Result<i64> {
    // A guess that it is a group rests on more than one that it is direct.
    let better = kind != ConversationKind::Direct;
    connection
        .prepare_cached(
            "INSERT INTO conversations (topic, title, kind) VALUES (?1, ?2, ?3)
             ON CONFLICT (topic) DO UPDATE SET
             kind = CASE WHEN listed OR NOT ?4 THEN kind ELSE excluded.kind END,
             title = CASE WHEN listed OR title <> topic THEN title ELSE excluded.title END
             RETURNING id",
        )?
        .query_row(params![topic.as_str(), title, word(kind), better], |row| {
            row.get(0)
        })
}

/// The number of a conversation that is known.
pub(super) fn id_of(connection: &Connection, topic: &Name) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM conversations WHERE topic = ?1")?
        .query_row([topic.as_str()], |row| row.get(0))
        .optional()
}

const fn word(kind: ConversationKind) -> &'static str {
    match kind {
        ConversationKind::Direct => "direct",
        ConversationKind::Group => "group",
        ConversationKind::Public => "public",
    }
}
