//! What came from the server: into the copy, into the machines, and on to the front end.

use std::collections::BTreeMap;

use chat_proto::event::{Ack, ErrorFrame, MarkMoved, Marks as MarksFrame, Synced, Welcome};
use chat_proto::{
    Conversation, ConversationKind, Event, Mark, Message, Name, Presence, Seq, UserRef,
};

use super::bounds;
use super::marks::Marks;
use super::membership::Wish;
use super::run::Agent;
use super::{LinkState, News};
use crate::client::cache::Change;
use crate::client::copy::{Entry, Line};
use crate::client::outbox::{Letter, Verdict};
use crate::client::sync::Delivery;
use crate::text::mention::mentions;

/// What came of each conversation in one batch.
#[derive(Default)]
struct Batch(BTreeMap<Name, Vec<Entry>>);

impl Agent {
    pub(super) fn handle_deliveries(&mut self, deliveries: Vec<Delivery>) {
        let mut batch = Batch::default();
        for delivery in deliveries {
            match delivery {
                Delivery::Log(event) => self.handle_log(event, &mut batch),
                Delivery::Missing { topic, to, .. } => {
                    self.keep.put(Change::Place { topic, rev: to });
                }
                Delivery::Other(event) => self.handle_other(event, &mut batch),
                Delivery::Live(synced) => {
                    self.tell_batch(&mut batch);
                    self.handle_synced(synced);
                }
                Delivery::Reset => {
                    batch.0.clear();
                    self.forget_everything();
                }
            }
        }
        self.tell_batch(&mut batch);
        self.ask_for_made_up();
        if self.keep.unsaved() {
            self.save_soon();
        }
    }

    /// The server's numbers are others now. What was written and not sent stays.
    pub(super) fn forget_everything(&mut self) {
        self.lines.clear();
        self.had.clear();
        self.made_up.clear();
        self.marks = Marks::default();
        self.tell(News::Reset);
    }

    fn tell_batch(&mut self, batch: &mut Batch) {
        for (topic, entries) in std::mem::take(&mut batch.0) {
            if let Some(line) = self.lines.get(&topic).cloned() {
                self.tell(News::Came { line, entries });
            }
        }
    }

    /// A change of a log, in its place.
    fn handle_log(&mut self, event: Event, batch: &mut Batch) {
        if let Event::Ack(ack) = event {
            let place = ack.topic.clone().zip(ack.rev);
            self.handle_stored(&ack, batch);
            if let Some((topic, rev)) = place {
                self.keep.put(Change::Place { topic, rev });
            }
            return;
        }
        let place = event.log_place().map(|(topic, rev)| (topic.clone(), rev));
        match event {
            Event::Message(message) => self.handle_message(bounds::message(message), batch),
            Event::Join(member) => {
                self.keep.put(Change::Join(member.clone()));
                self.handle_change(member.topic.clone(), Event::Join(member), batch);
            }
            Event::Leave(member) => {
                self.keep.put(Change::Leave(member.clone()));
                let (topic, name) = (member.topic.clone(), member.name.clone());
                self.handle_change(topic.clone(), Event::Leave(member), batch);
                if name == self.me.name {
                    self.forget(&topic, batch);
                    return;
                }
            }
            Event::Group(group) => {
                self.keep.put(Change::Group(group.clone()));
                if let (Some(line), Some(title)) = (self.lines.get_mut(&group.topic), &group.title)
                {
                    line.title.clone_from(title);
                }
                self.handle_change(group.topic.clone(), Event::Group(group), batch);
            }
            _ => {}
        }
        if let Some((topic, rev)) = place {
            self.keep.put(Change::Place { topic, rev });
        }
    }

    fn handle_message(&mut self, message: Message, batch: &mut Batch) {
        if message.from.name == self.me.name {
            // Another process of this machine, or this one before it lost the answer, sent it.
            if let Some(letter) = self.outbox.handle_ack(&message.id) {
                self.keep.remove_letter(&letter.id);
                self.tell(News::Settled(letter.id));
            }
        } else {
            let had = self.had.entry(message.topic.clone()).or_default();
            *had = message.seq.max(*had);
        }
        self.put_message(message, batch);
    }

    /// Into the copy, and into the line of its conversation.
    fn put_message(&mut self, message: Message, batch: &mut Batch) {
        let me = self.me.name.clone();
        // Before the copy has it, or it would be counted twice.
        let line = self.line_for(&message);
        if message.seq > line.last_seq {
            line.last_seq = message.seq;
            if message.from.name != me && message.seq > line.read_seq {
                line.unread += 1;
                line.mentions += u64::from(mentions(&message.text, &me));
            }
        }
        if line
            .last_message
            .as_ref()
            .is_none_or(|last| last.seq <= message.seq)
        {
            line.last_message = Some(message.clone());
        }
        self.keep.put(Change::Message(message.clone()));
        let entries = batch.0.entry(message.topic.clone()).or_default();
        entries.push(Entry::Message(message));
    }

    fn line_for(&mut self, message: &Message) -> &mut Line {
        let direct = message.from.name == message.topic || message.from.name == self.me.name;
        let kind = match direct {
            true => ConversationKind::Direct,
            false => ConversationKind::Group,
        };
        self.line_at(&message.topic, kind, message.seq)
    }

    /// The line of `topic`, as the copy has it. One that nobody knows is made up from where it is seen to begin, so
    /// that nothing above seems to be missing, and the server is asked for the rest.
    fn line_at(&mut self, topic: &Name, kind: ConversationKind, first_seq: Seq) -> &mut Line {
        let Self {
            lines,
            keep,
            made_up,
            ..
        } = self;
        lines.entry(topic.clone()).or_insert_with(|| {
            keep.line(topic).unwrap_or_else(|| {
                made_up.insert(topic.clone());
                Line {
                    first_seq,
                    ..Line::new(topic.clone(), kind)
                }
            })
        })
    }

    fn handle_change(&mut self, topic: Name, event: Event, batch: &mut Batch) {
        if let Event::Join(member) = &event
            && member.name == self.me.name
        {
            // What one may read, and what is unread of it, only the server knows.
            self.made_up.insert(topic.clone());
        }
        self.line_at(&topic, ConversationKind::Group, Seq(1));
        batch.0.entry(topic).or_default().push(Entry::Change(event));
    }

    /// Lines that were made up are asked for; while the first list is on its way, it may bring them.
    fn ask_for_made_up(&mut self) {
        if self.synced && !self.made_up.is_empty() {
            self.made_up.clear();
            self.ask_lines();
        }
    }

    fn forget(&mut self, topic: &Name, batch: &mut Batch) {
        batch.0.remove(topic);
        self.lines.remove(topic);
        self.keep.put(Change::Forget {
            topic: topic.clone(),
        });
        self.tell(News::Gone(topic.clone()));
    }

    /// A publish of this process was stored: the letter becomes the message.
    fn handle_stored(&mut self, ack: &Ack, batch: &mut Batch) {
        let (Some(id), Some(topic), Some(seq), Some(rev), Some(sent_at)) =
            (&ack.id, &ack.topic, ack.seq, ack.rev, ack.sent_at)
        else {
            return;
        };
        let Some(letter) = self.outbox.handle_ack(id) else {
            return;
        };
        let Letter { id, publish, .. } = letter;
        let message = Message {
            topic: topic.clone(),
            seq,
            rev,
            id: id.clone(),
            from: self.me.clone(),
            sent_at,
            kind: publish.kind,
            text: publish.text,
            lang: publish.lang,
            reply_to: publish.reply_to,
            thread: publish.thread,
            file: publish.file,
            meta: publish.meta,
            edited_at: None,
            deleted: false,
            reactions: Vec::new(),
        };
        self.put_message(message, batch);
        // First the copy has it, then the outbox lets go: a crash between the two repeats it under the same id.
        self.keep.flush();
        self.keep.remove_letter(&id);
        self.tell_batch(batch);
        self.tell(News::Settled(id));
    }

    fn handle_other(&mut self, event: Event, batch: &mut Batch) {
        if matches!(
            event,
            Event::Marks(_) | Event::Read(_) | Event::Delivered(_)
        ) {
            // A line must not name a message that was not told yet: it would be looked for as missing.
            self.tell_batch(batch);
        }
        match event {
            Event::Welcome(welcome) => self.handle_welcome(welcome),
            Event::Ack(ack) => self.handle_ack(&ack, batch),
            Event::Error(error) => self.handle_error(error),
            Event::Marks(marks) => self.handle_marks(marks),
            Event::Read(moved) => self.handle_moved(moved, Mark::Read),
            Event::Delivered(moved) => self.handle_moved(moved, Mark::Delivered),
            Event::Presence(changed) => {
                let presence = Presence {
                    name: changed.name,
                    state: changed.state,
                    last_seen: changed.last_seen,
                    status: None,
                };
                self.tell(News::Presence(vec![presence]));
            }
            Event::PresenceList(list) => self.tell(News::Presence(list.users)),
            Event::Typing(typing) => self.tell(News::Typing {
                topic: typing.topic,
                by: typing.by,
            }),
            _ => {}
        }
    }

    fn handle_welcome(&mut self, welcome: Welcome) {
        self.me = UserRef { ..welcome.user };
        self.keep.put(Change::Epoch(welcome.epoch));
        self.keep.flush();
        self.look_for_letters();
        self.connected = true;
        self.outbox.handle_connected();
        self.marks.handle_connected();
        self.tell(News::Me(self.me.clone()));
        self.tell(News::Link(LinkState::Syncing));
    }

    fn handle_ack(&mut self, ack: &Ack, batch: &mut Batch) {
        let Some(id) = &ack.id else {
            return;
        };
        if self.marks.handle_answer(id) {
            return;
        }
        match Wish::of(id) {
            Some(Wish::Join(topic)) => self.joined(&topic),
            // The others are told by an event; to oneself this is the word for it.
            Some(Wish::Leave(topic)) => self.forget(&topic, batch),
            None => self.handle_stored(ack, batch),
        }
    }

    fn handle_error(&mut self, error: ErrorFrame) {
        let Some(id) = error.id.clone() else {
            tracing::debug!(code = %error.code, "the server refused something");
            return;
        };
        let refusal = error.into_refusal();
        let (now, chance) = (self.watch.now(), fastrand::f64());
        if self.marks.handle_refused(&id, &refusal, now, chance) {
            return;
        }
        match self.outbox.handle_refused(&id, &refusal, now, chance) {
            Some(Verdict::Failed(letter)) => {
                self.keep.fail_letter(&letter.id, &refusal);
                self.tell_letters();
            }
            Some(Verdict::Waits { until }) => {
                self.tell_letters();
                self.tell(News::Slowed(until.since(now)));
            }
            Some(Verdict::Again) => self.tell_letters(),
            None if Wish::of(&id).is_some() => self.tell(News::Remark(refusal.message)),
            None => {}
        }
    }

    fn handle_marks(&mut self, marks: MarksFrame) {
        let MarksFrame {
            topic,
            read_seq,
            read,
            delivered,
        } = marks;
        self.marks.handle_told(&topic, Mark::Read, read_seq);
        self.keep.put(Change::ReadUpTo {
            topic: topic.clone(),
            seq: read_seq,
        });
        for (marks, mark) in [(read, Mark::Read), (delivered, Mark::Delivered)] {
            for (name, seq) in marks {
                self.put_mark(&topic, name, mark, seq);
            }
        }
        // What was read here while there was no connection is told now.
        let ours = match self.lines.get(&topic) {
            Some(line) => Some(line.read_seq),
            // It was opened from the copy alone, and is below the lines that were told.
            None => self.keep.line(&topic).map(|line| line.read_seq),
        };
        if let Some(ours) = ours.filter(|ours| *ours > read_seq) {
            self.marks.handle_wanted(&topic, Mark::Read, ours);
        }
        self.tell_read(&topic, read_seq);
    }

    fn handle_moved(&mut self, moved: MarkMoved, mark: Mark) {
        let MarkMoved { topic, seq, by } = moved;
        if by == self.me.name {
            if mark == Mark::Read {
                self.marks.handle_told(&topic, Mark::Read, seq);
                self.keep.put(Change::ReadUpTo {
                    topic: topic.clone(),
                    seq,
                });
                self.tell_read(&topic, seq);
            }
            return;
        }
        self.put_mark(&topic, by, mark, seq);
        if let Some(line) = self.lines.get(&topic).cloned() {
            self.tell(News::Lines(vec![line]));
        }
    }

    fn put_mark(&mut self, topic: &Name, name: Name, mark: Mark, seq: Seq) {
        if let Some(line) = self.lines.get_mut(topic) {
            line.put_mark(&name, mark, seq);
        }
        self.keep.put(Change::Mark {
            topic: topic.clone(),
            name,
            mark,
            seq,
        });
    }

    fn handle_synced(&mut self, synced: Synced) {
        self.put_conversations(synced.conversations);
        self.synced = true;
        self.tell(News::Beyond(usize::from(synced.more)));
        if synced.more {
            self.ask_lines();
        }
        self.tell(News::Link(LinkState::Live));
    }

    /// Lines of the server's list: they are right about everything but what is read here and not told yet.
    pub(super) fn put_conversations(&mut self, conversations: Vec<Conversation>) {
        let mut presence = Vec::new();
        let mut topics = Vec::new();
        for mut conversation in conversations {
            presence.extend(conversation.presence.take());
            self.made_up.remove(&conversation.topic);
            topics.push(conversation.topic.clone());
            let conversation = bounds::conversation(conversation);
            self.keep.put(Change::Conversation(conversation));
        }
        self.keep.flush();
        let mut lines = Vec::new();
        for topic in topics {
            if let Some(line) = self.keep.line(&topic) {
                self.lines.insert(topic, line.clone());
                lines.push(line);
            }
        }
        self.tell(News::Presence(presence));
        self.tell(News::Lines(lines));
    }
}
