//! What the front end asks for, one function a question.

use chat_proto::action::OnTopic;
use chat_proto::{Action, Mark, MessageId, Name, Presence, Request, Seq};

use super::bounds;
use super::errands::{Errand, Found};
use super::membership::Wish;
use super::run::Agent;
use super::{Ask, LINES_FIRST, Near, News, PAGE_ENTRIES};
use crate::client::cache::Change;
use crate::client::copy::{Entry, Line};
use crate::client::outbox::Letter;
use crate::client::query::Range;
use crate::clock;

/// Whether the server was asked for its list.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinesAsked {
    /// Nothing is on its way.
    #[default]
    No,
    /// The answer is on its way.
    Once,
    /// The answer is on its way, and is too old already.
    Again,
}

impl Agent {
    pub(super) fn handle_ask(&mut self, ask: Ask) {
        match ask {
            Ask::Open(topic) => self.open(&topic),
            Ask::Fill {
                topic,
                from,
                to,
                near,
            } => self.fill(&topic, from, to, near),
            Ask::Send(letter) => self.send(*letter),
            Ask::Retry(id) => self.retry(&id),
            Ask::Discard(id) => self.discard(&id),
            Ask::Read(topic, seq) => self.read(&topic, seq),
            Ask::Draft(topic, text) => {
                self.drafts.insert(topic, text);
                self.save_soon();
            }
            Ask::Typing(topic) => self.request_now(Action::Typing(on(topic)).into()),
            Ask::People(query) => {
                self.errand(Errand::People(query));
            }
            Ask::Members(topic) => {
                self.errand(Errand::Members(topic));
            }
            Ask::Groups => {
                self.errand(Errand::Groups);
            }
            Ask::MoreLines => self.more_lines(),
            Ask::Join(topic) => self.wish(Wish::Join(topic)),
            Ask::Leave(topic) => self.wish(Wish::Leave(topic)),
            Ask::Reconnect => self.reconnect(),
        }
    }

    /// One question for the list at a time: a person at its end asks with every key.
    fn more_lines(&mut self) {
        if self.lines_asked == LinesAsked::No {
            let more = self.lines.len() + LINES_FIRST * 4;
            if self.errand(Errand::Lines(more)) {
                self.lines_asked = LinesAsked::Once;
            }
        }
    }

    /// The list as it is from here on: an answer that is on its way already may not know what just happened.
    pub(super) fn ask_lines(&mut self) {
        match self.lines_asked {
            LinesAsked::No => self.more_lines(),
            LinesAsked::Once | LinesAsked::Again => self.lines_asked = LinesAsked::Again,
        }
    }

    fn lines_answered(&mut self) {
        if std::mem::take(&mut self.lines_asked) == LinesAsked::Again {
            self.more_lines();
        }
    }

    /// A conversation as the copy has it: around the first unread message where there are more than fit a page.
    fn open(&mut self, topic: &Name) {
        let line = self.known_line(topic);
        let far_back = usize::try_from(line.unread).unwrap_or(usize::MAX) > PAGE_ENTRIES / 2;
        let range = match far_back {
            true => Range::Around(line.read_seq.next()),
            false => Range::Latest,
        };
        let entries = self.keep.page(topic, range, PAGE_ENTRIES);
        if line.sigil() == '#' {
            self.errand(Errand::Members(topic.clone()));
        } else {
            self.ask_presence(vec![topic.clone()]);
        }
        self.tell(News::Opened { line, entries });
    }

    /// The line of a conversation; one with somebody new is made up, and comes to be with the first message.
    fn known_line(&mut self, topic: &Name) -> Line {
        if let Some(line) = self.keep.line(topic) {
            self.lines.insert(topic.clone(), line.clone());
            return line;
        }
        let made_up = || Line::new(topic.clone(), chat_proto::ConversationKind::Direct);
        self.lines.get(topic).cloned().unwrap_or_else(made_up)
    }

    /// From the copy, else from the server.
    fn fill(&mut self, topic: &Name, from: Seq, to: Seq, near: Near) {
        let range = match near {
            Near::End => Range::Before(to.next()),
            Near::Start => Range::After(from.prev()),
        };
        let missing = |entry: &Entry| entry.seq().is_some_and(|seq| seq >= from && seq <= to);
        let entries = self.keep.page(topic, range, PAGE_ENTRIES);
        // Only what stands next to the near end: what is beyond another hole is asked for when it is reached.
        let edge = match near {
            Near::End => to,
            Near::Start => from,
        };
        if entries.iter().any(|entry| entry.seq() == Some(edge)) {
            let entries = entries
                .into_iter()
                .filter(|e| e.seq().is_none() || missing(e))
                .collect();
            self.tell(News::Filled {
                topic: topic.clone(),
                entries,
                failed: None,
            });
            return;
        }
        let errand = Errand::Fill {
            topic: topic.clone(),
            from,
            to,
            near,
        };
        if !self.errand(errand) {
            self.not_filled(topic, "too much is being loaded; try again".to_owned());
        }
    }

    fn not_filled(&mut self, topic: &Name, why: String) {
        self.tell(News::Filled {
            topic: topic.clone(),
            entries: Vec::new(),
            failed: Some(why),
        });
    }

    /// On the disk first, in the place of its draft; then the machine decides when it goes.
    fn send(&mut self, letter: Letter) {
        // Drafts of before must not come back over the letter that they became.
        self.drafts.remove(letter.topic());
        match self.keep.put_written(&letter) {
            Ok(()) => self.queue(letter),
            Err(why) => self.not_kept(letter, why),
        }
    }

    /// A letter that is on the disk.
    pub(super) fn queue(&mut self, letter: Letter) {
        self.outbox.handle_queued(letter);
        self.tell_letters();
    }

    fn retry(&mut self, id: &MessageId) {
        if self.keep_again(id) {
            return;
        }
        let wall = clock::wall();
        if let Some(letter) = self.outbox.handle_retry(id, wall) {
            self.keep.retry_letter(&letter.id, wall);
            self.tell_letters();
        }
    }

    fn discard(&mut self, id: &MessageId) {
        // Its words may just have become a draft again.
        self.save_drafts();
        if self.drop_unkept(id) {
            return;
        }
        match self.outbox.handle_discard(id) {
            Some(letter) => {
                self.keep.remove_letter(&letter.id);
                self.tell(News::Settled(letter.id));
            }
            None => self.tell(News::Remark("it is on its way already".to_owned())),
        }
    }

    fn read(&mut self, topic: &Name, seq: Seq) {
        self.keep.put(Change::ReadUpTo {
            topic: topic.clone(),
            seq,
        });
        self.save_soon();
        self.marks.handle_wanted(topic, Mark::Read, seq);
        self.tell_read(topic, seq);
    }

    /// One's own mark moved: the line says what is unread now.
    pub(super) fn tell_read(&mut self, topic: &Name, seq: Seq) {
        let Some(line) = self.lines.get_mut(topic) else {
            return;
        };
        if seq < line.read_seq {
            return;
        }
        let before = (line.read_seq, line.unread, line.mentions);
        line.read_seq = seq;
        if seq < line.last_seq {
            // To count is to write and to read the copy, which a flood would have done for every frame.
            self.recount.insert(topic.clone());
            self.save_soon();
            return;
        }
        (line.unread, line.mentions) = (0, 0);
        if (line.read_seq, line.unread, line.mentions) != before {
            let line = line.clone();
            self.tell(News::Lines(vec![line]));
        }
    }

    /// Counts what is unread where only a part of it was read.
    pub(super) fn recount(&mut self) {
        let mut lines = Vec::new();
        for topic in std::mem::take(&mut self.recount) {
            // Who has left meanwhile is in no list.
            if self.lines.contains_key(&topic)
                && let Some(line) = self.keep.line(&topic)
            {
                self.lines.insert(topic, line.clone());
                lines.push(line);
            }
        }
        if !lines.is_empty() {
            self.tell(News::Lines(lines));
        }
    }

    pub(super) fn ask_presence(&mut self, names: Vec<Name>) {
        let action = Action::Presence(chat_proto::action::PresenceOf { names });
        self.request_now(Request::new(MessageId::generate(), action));
    }

    pub(super) fn handle_found(&mut self, found: Found) {
        match found {
            Found::Filled {
                topic,
                page: Ok(mut page),
            } => {
                // What a server adds of another conversation is not what was asked for.
                page.messages.retain(|message| message.topic == topic);
                let messages = page.messages.into_iter().map(bounds::message);
                let messages: Vec<_> = messages.collect();
                for message in &messages {
                    self.keep.put(Change::Message(message.clone()));
                }
                self.save_soon();
                let entries = messages.into_iter().map(Entry::Message).collect();
                self.tell(News::Filled {
                    topic,
                    entries,
                    failed: None,
                });
            }
            Found::Filled {
                topic,
                page: Err(error),
            } => self.not_filled(&topic, error.to_string()),
            Found::People { query, people } => self.tell(News::People { query, people }),
            Found::Members(topic, members) => {
                let presence = members
                    .iter()
                    .filter_map(|m| m.presence.clone())
                    .collect::<Vec<Presence>>();
                self.tell(News::Members(topic, members));
                self.tell(News::Presence(presence));
            }
            Found::Groups(groups) => self.tell(News::Groups(groups)),
            Found::Lines { lines, more } => {
                self.put_conversations(lines);
                self.tell(News::Beyond(usize::from(more)));
                self.lines_answered();
            }
            Found::NoLines => self.lines_answered(),
            Found::Nothing => {}
        }
    }
}

fn on(topic: Name) -> OnTopic {
    OnTopic {
        topic: topic.into(),
    }
}
