//! Keys in, a picture out: the screens as a person uses them, with a played agent behind them.

mod pointing;
mod reading;
mod sending;

use std::collections::VecDeque;
use std::time::Duration;

use chat_proto::{ConversationKind, Message, Name, Rev, Seq};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::Model;
use super::msg::{Effect, Msg, Now};
use super::update;
use crate::client::agent::{Ask, LinkState, News};
use crate::client::copy::{Entry, Line};
use crate::keymap::Chord;
use crate::view::tests as view;

/// The screens of ann, with what they asked for.
pub(crate) struct Screens {
    pub(crate) model: Model,
    effects: VecDeque<Effect>,
}

impl Screens {
    /// Ann is connected and has no conversation yet.
    pub(crate) fn of_ann() -> Self {
        let mut model = view::model();
        model.size = (120, 36);
        let mut screens = Self {
            model,
            effects: VecDeque::new(),
        };
        screens.news(News::Link(LinkState::Live));
        screens.effects.clear();
        screens
    }

    /// Something happens.
    pub(crate) fn happens(&mut self, msg: Msg) {
        let now = self.model.now;
        self.effects
            .extend(update::update(&mut self.model, msg, now));
    }

    /// The agent says something, and it is drawn.
    pub(crate) fn news(&mut self, news: News) {
        self.happens(Msg::News(news));
        self.drawn();
    }

    /// The screen was drawn: what it shows has been seen.
    pub(crate) fn drawn(&mut self) {
        self.effects.extend(update::before_draw(&mut self.model));
    }

    /// Types: letters as they are, keys in angle brackets, as `hi<enter><ctrl-k>`.
    pub(crate) fn keys(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let special = rest.strip_prefix('<').and_then(|tail| tail.split_once('>'));
            let (event, after) = match special {
                Some((key, after)) => (Chord::parse(key).expect("a key").event(), after),
                None => (
                    KeyEvent::new(KeyCode::Char(first), KeyModifiers::NONE),
                    &rest[first.len_utf8()..],
                ),
            };
            self.happens(Msg::Key(event));
            self.drawn();
            rest = after;
        }
    }

    /// Time passes.
    pub(crate) fn after(&mut self, wait: Duration) {
        let moment = self.model.now.moment.plus(wait);
        let seconds = i64::try_from(wait.as_secs()).expect("a short wait");
        let wall = self.model.now.wall.plus_seconds(seconds);
        let effects = update::update(&mut self.model, Msg::Tick, Now { wall, moment });
        self.effects.extend(effects);
    }

    /// What was asked of the agent since this was last looked at.
    pub(crate) fn asks(&mut self) -> Vec<Ask> {
        let asks = self.effects.drain(..).filter_map(|effect| match effect {
            Effect::Ask(ask) => Some(ask),
            _ => None,
        });
        asks.collect()
    }

    /// The other things that were wanted.
    pub(crate) fn effects(&mut self) -> Vec<Effect> {
        self.effects.drain(..).collect()
    }

    /// The screen as text.
    pub(crate) fn picture(&mut self) -> String {
        let size = self.model.size;
        view::screen(&mut self.model, size).0
    }

    /// The row of the screen that holds `words`, without what stands beside.
    #[track_caller]
    pub(crate) fn row(&mut self, words: &str) -> String {
        let picture = self.picture();
        let row = picture.lines().find(|row| row.contains(words));
        let row = row.unwrap_or_else(|| panic!("no row holds {words:?}:\n{picture}"));
        row.trim().to_owned()
    }

    #[track_caller]
    pub(crate) fn shows(&mut self, words: &str) {
        let _ = self.row(words);
    }

    #[track_caller]
    pub(crate) fn hides(&mut self, words: &str) {
        let picture = self.picture();
        assert!(!picture.contains(words), "{words:?} is shown:\n{picture}");
    }

    /// A conversation in the list, with `count` messages, of which one has read the first `read`.
    pub(crate) fn knows(&mut self, topic: &str, count: u64, read: u64) -> Line {
        let line = line(topic, count, read);
        self.news(News::Lines(vec![line.clone()]));
        line
    }

    /// The copy answers a question for a conversation with its messages `from..=to`.
    pub(crate) fn opened(&mut self, line: &Line, from: u64, to: u64) {
        let entries = (from..=to).map(|seq| message(line.topic.as_str(), seq));
        let entries = entries.map(Entry::Message).collect();
        self.news(News::Opened {
            line: line.clone(),
            entries,
        });
    }
}

/// A conversation whose messages are all of the other.
pub(crate) fn line(topic: &str, count: u64, read: u64) -> Line {
    let kind = match topic {
        "ops" | "deploys" => ConversationKind::Group,
        _ => ConversationKind::Direct,
    };
    let mut line = Line::new(view::name(topic), kind);
    line.last_seq = Seq(count);
    line.read_seq = Seq(read);
    line.unread = count - read;
    line.last_message = (count > 0).then(|| message(topic, count));
    line
}

/// The message with a number, an hour ago and a second later for each number.
pub(crate) fn message(topic: &str, seq: u64) -> Message {
    let age = 3_600 - i64::try_from(seq).expect("a small number");
    let from = if topic == "ops" || topic == "deploys" {
        "ben"
    } else {
        topic
    };
    let line = view::line(
        from,
        ConversationKind::Direct,
        age,
        &format!("message {seq}."),
    );
    Message {
        topic: view::name(topic),
        seq: Seq(seq),
        rev: Rev(seq),
        ..line.last_message.expect("a message")
    }
}

pub(crate) fn topics(asks: &[Ask]) -> Vec<Name> {
    let opened = asks.iter().filter_map(|ask| match ask {
        Ask::Open(topic) => Some(topic.clone()),
        _ => None,
    });
    opened.collect()
}
