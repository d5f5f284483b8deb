//! Puts changes in. Whatever came before or comes twice, the result is the same.

use std::collections::BTreeMap;

use chat_proto::event::{GroupChanged, Membership};
use chat_proto::{Conversation, ConversationKind, Epoch, Event, Mark, Message, Name, Rev, Seq};
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{self, number};
use super::{Change, empty, meta, set_meta};

/// Changes on their way in, all of the copy of one user. What a run of messages changes of its conversation is
/// written once, by [`Batch::finish`].
pub(super) struct Batch<'c> {
    connection: &'c Connection,
    me: &'c Name,
    /// Which store the copy is of.
    epoch: Option<Epoch>,
    ids: BTreeMap<Name, Known>,
    ends: BTreeMap<i64, End>,
}

/// A conversation of which this batch knows the number.
struct Known {
    id: i64,
    /// The last guess of its kind and title that was put in.
    guess: Option<(ConversationKind, String)>,
}

/// How far a conversation is by what came in this batch; all of it only grows, so the order does not matter.
#[derive(Default)]
struct End {
    seq: Seq,
    chat: i64,
    read: Seq,
    have: Option<Rev>,
}

impl<'c> Batch<'c> {
    /// Begins with a copy that is of the store `epoch`.
    pub(super) const fn new(
        connection: &'c Connection,
        me: &'c Name,
        epoch: Option<Epoch>,
    ) -> Self {
        Self {
            connection,
            me,
            epoch,
            ids: BTreeMap::new(),
            ends: BTreeMap::new(),
        }
    }

    /// Puts a change in.
    pub(super) fn put(&mut self, change: &Change) -> rusqlite::Result<()> {
        match change {
            Change::Epoch(new) => self.change_epoch(new),
            Change::Message(message) => self.put_message(message),
            Change::Join(member) => self.put_member(member, Event::Join),
            Change::Leave(member) => self.put_member(member, Event::Leave),
            Change::Group(group) => self.put_group(group),
            Change::Conversation(line) => self.put_line(line),
            Change::Place { topic, rev } => {
                let end = self.end(topic)?;
                end.have = end.have.max(Some(*rev));
                Ok(())
            }
            Change::ReadUpTo { topic, seq } => self.put_read(topic, *seq),
            Change::Mark {
                topic,
                name,
                mark: Mark::Read,
                seq,
            } if name == self.me => self.put_read(topic, *seq),
            Change::Mark {
                topic,
                name,
                mark,
                seq,
            } => {
                let id = self.known(topic)?;
                put_mark(self.connection, id, name, *mark, *seq)
            }
            Change::Forget { topic } => self.forget(topic),
        }
    }

    /// Writes what was put off; says which store the copy is of.
    pub(super) fn finish(self) -> rusqlite::Result<Option<Epoch>> {
        let mut writing = self.connection.prepare_cached(
            "UPDATE conversations SET last_seq = max(last_seq, ?2), last_chat = max(last_chat, ?3),
             read_seq = max(read_seq, ?4), have = coalesce(max(coalesce(have, 0), ?5), have) WHERE id = ?1",
        )?;
        for (id, end) in self.ends {
            let have = end.have.map(|rev| number(rev.0));
            writing.execute(params![
                id,
                number(end.seq.0),
                end.chat,
                number(end.read.0),
                have
            ])?;
        }
        Ok(self.epoch)
    }

    fn change_epoch(&mut self, new: &Epoch) -> rusqlite::Result<()> {
        if self.epoch.as_ref() == Some(new) {
            return Ok(());
        }
        if self.epoch.is_some() {
            let owner = meta(self.connection, "owner")?;
            empty(self.connection)?;
            (self.ids, self.ends) = (BTreeMap::new(), BTreeMap::new());
            set_meta(self.connection, "owner", &owner.unwrap_or_default())?;
        }
        set_meta(self.connection, "epoch", new.as_str())?;
        self.epoch = Some(new.clone());
        Ok(())
    }

    fn put_message(&mut self, message: &Message) -> rusqlite::Result<()> {
        let (from, topic) = (&message.from, &message.topic);
        let (kind, title) = match from.name == *topic {
            true => (ConversationKind::Direct, from.display_name.as_str()),
            // One's own words may go anywhere; those of others that come by another name than theirs come by a group.
            false if from.name == *self.me => (ConversationKind::Direct, topic.as_str()),
            false => (ConversationKind::Group, topic.as_str()),
        };
        let id = self.known_as(topic, kind, title)?;
        rows::put(self.connection, id, self.me, message)?;
        let end = self.ends.entry(id).or_default();
        end.seq = end.seq.max(message.seq);
        end.chat = end.chat.max(message.sent_at.micros());
        Ok(())
    }

    fn put_member(
        &mut self,
        member: &Membership,
        event: fn(Membership) -> Event,
    ) -> rusqlite::Result<()> {
        let topic = &member.topic;
        let id = self.known_as(topic, ConversationKind::Group, topic.as_str())?;
        put_event(self.connection, id, member.rev, &event(member.clone()))
    }

    fn put_group(&mut self, group: &GroupChanged) -> rusqlite::Result<()> {
        let topic = &group.topic;
        let id = self.known_as(topic, ConversationKind::Group, topic.as_str())?;
        if let Some(title) = &group.title {
            put_title(self.connection, id, title, group.rev)?;
        }
        put_event(self.connection, id, group.rev, &Event::Group(group.clone()))
    }

    fn put_line(&mut self, line: &Conversation) -> rusqlite::Result<()> {
        let id = self.known_as(&line.topic, line.kind, &line.title)?;
        put_listed(self.connection, id, line)?;
        match &line.last_message {
            Some(message) => self.put_message(message),
            None => Ok(()),
        }
    }

    fn put_read(&mut self, topic: &Name, seq: Seq) -> rusqlite::Result<()> {
        let end = self.end(topic)?;
        end.read = end.read.max(seq);
        Ok(())
    }

    fn forget(&mut self, topic: &Name) -> rusqlite::Result<()> {
        self.ids.remove(topic);
        let Some(id) = id_of(self.connection, topic)? else {
            return Ok(());
        };
        self.ends.remove(&id);
        for sql in [
            "DELETE FROM messages WHERE conversation = ?1",
            "DELETE FROM changes WHERE conversation = ?1",
            "DELETE FROM marks WHERE conversation = ?1",
            "DELETE FROM conversations WHERE id = ?1",
        ] {
            self.connection.execute(sql, [id])?;
        }
        Ok(())
    }

    fn end(&mut self, topic: &Name) -> rusqlite::Result<&mut End> {
        let id = self.known(topic)?;
        Ok(self.ends.entry(id).or_default())
    }

    /// The number of a conversation of which nothing may be known yet.
    fn known(&mut self, topic: &Name) -> rusqlite::Result<i64> {
        if let Some(known) = self.ids.get(topic) {
            return Ok(known.id);
        }
        let Some(id) = id_of(self.connection, topic)? else {
            return self.known_as(topic, ConversationKind::Direct, topic.as_str());
        };
        self.ids.insert(topic.clone(), Known { id, guess: None });
        Ok(id)
    }

    /// The number of a conversation; a new one, or one whose kind was a guess too, is of `kind`.
    fn known_as(
        &mut self,
        topic: &Name,
        kind: ConversationKind,
        title: &str,
    ) -> rusqlite::Result<i64> {
        if let Some(Known {
            id,
            guess: Some(guess),
        }) = self.ids.get(topic)
            && (guess.0, guess.1.as_str()) == (kind, title)
        {
            return Ok(*id);
        }
        let id = put_guess(self.connection, topic, kind, title)?;
        let guess = Some((kind, title.to_owned()));
        self.ids.insert(topic.clone(), Known { id, guess });
        Ok(id)
    }
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

fn put_listed(connection: &Connection, id: i64, line: &Conversation) -> rusqlite::Result<()> {
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
    Ok(())
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

fn put_mark(
    connection: &Connection,
    id: i64,
    name: &Name,
    mark: Mark,
    seq: Seq,
) -> rusqlite::Result<()> {
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

/// Puts in a conversation, or what is guessed better of one; gives its number.
fn put_guess(
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
