//! Conversations to test with: messages in few words, a screen to scroll, and a screen as text.

use chat_proto::{ConversationKind, Event, Message, MessageId, Name, Seq, Time, UserRef, codec};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Watched;
use super::{Geometry, Pane};
use crate::app::model::{Model, Preferences};
use crate::app::msg::Now;
use crate::client::copy::{Entry, Line};
use crate::client::moment::Moment;
use crate::client::outbox::{Letter, LetterState};
use crate::keymap::Keymap;
use crate::text;

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

pub(crate) fn time(text: &str) -> Time {
    Time::parse(text).expect("a time")
}

/// A message of the group `deploys`, today at `clock`; its `rev` is its `seq`, ten times.
pub(crate) fn message(seq: u64, by: &str, clock: &str, text: &str) -> Message {
    let frame = serde_json::json!({
        "type": "message", "topic": "deploys", "seq": seq, "rev": seq * 10, "id": format!("m{seq}"),
        "from": {"name": by, "display_name": by}, "text": text,
        "sent_at": format!("2026-11-21T{clock}:00Z"),
    });
    match codec::decode_event(&frame.to_string()) {
        Ok(Event::Message(message)) => message,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn entry(seq: u64, by: &str, clock: &str, text: &str) -> Entry {
    Entry::Message(message(seq, by, clock, text))
}

/// Messages of one row each, by ben and dana in turn, a minute apart or less.
pub(crate) fn chatter(seqs: std::ops::RangeInclusive<u64>) -> Vec<Entry> {
    let by = |seq| if seq % 2 == 0 { "ben" } else { "dana" };
    let clock = |seq: u64| format!("{:02}:{:02}", seq / 1_000 % 24, seq / 20 % 60);
    seqs.map(|seq| entry(seq, by(seq), &clock(seq), &format!("words {seq}")))
        .collect()
}

pub(crate) fn join(rev: u64, who: &str) -> Entry {
    let frame = format!(r#"{{"type":"join","topic":"deploys","name":"{who}","rev":{rev}}}"#);
    Entry::Change(codec::decode_event(&frame).expect("a change"))
}

pub(crate) fn letter(id: &str, text: &str, state: LetterState) -> Letter {
    Letter {
        state,
        ..Letter::new(
            MessageId::parse(id).expect("an id"),
            chat_proto::action::Publish::text(name("deploys").into(), text),
            time("2026-11-21T09:41:00Z"),
        )
    }
}

/// The group with so many messages, all of them read.
pub(crate) fn group(last: u64) -> Line {
    let mut line = Line::new(name("deploys"), ConversationKind::Group);
    line.last_seq = Seq(last);
    line.read_seq = Seq(last);
    line
}

/// A person `ann` before a screen.
pub(crate) struct Screen {
    pub(crate) model: Model,
    pub(crate) pane: Pane,
    pub(crate) size: (u16, u16),
}

impl Screen {
    /// Shows what was not opened yet, in so many columns and rows.
    pub(crate) fn new(width: u16, height: u16) -> Self {
        let now = Now {
            wall: time("2026-11-21T12:00:00Z"),
            moment: Moment(0),
        };
        let size = (width, height);
        let mut model = Model::new(Preferences::default(), Keymap::default(), size, now);
        model.me = Some(UserRef {
            name: name("ann"),
            display_name: "Ann".to_owned(),
        });
        Self {
            model,
            pane: Pane::new(name("deploys")),
            size,
        }
    }

    /// The same after the copy answered.
    pub(crate) fn opened(width: u16, height: u16, line: Line, entries: Vec<Entry>) -> Self {
        let mut screen = Self::new(width, height);
        screen.with(|pane, g| pane.handle_opened(line, entries, g));
        screen
    }

    /// Does something with the pane.
    pub(crate) fn with<T>(&mut self, act: impl FnOnce(&mut Pane, &Geometry<'_>) -> T) -> T {
        act(&mut self.pane, &Geometry::of(&self.model, self.size))
    }

    /// New messages.
    pub(crate) fn came(&mut self, entries: Vec<Entry>) {
        let mut line = self.pane.line().clone();
        let last = entries.iter().filter_map(Entry::seq).max();
        line.last_seq = line.last_seq.max(last.unwrap_or_default());
        self.with(|pane, g| pane.handle_came(line, entries, Watched::BySomebody, g));
    }

    /// Older messages.
    pub(crate) fn filled(&mut self, entries: Vec<Entry>) {
        let topic = name("deploys");
        self.with(|pane, g| pane.handle_filled(&topic, entries, None, g));
    }

    /// What is on the screen.
    pub(crate) fn buffer(&self) -> Buffer {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        let mut buffer = Buffer::empty(area);
        crate::view::pane::render(&self.model, &self.pane, area, &mut buffer);
        buffer
    }

    /// What is on the screen, as text.
    pub(crate) fn picture(&self) -> String {
        picture(&self.buffer())
    }
}

/// The rows of a buffer as text, without spaces at their ends. Each of them has to be exactly as wide as the buffer.
pub(crate) fn picture(buffer: &Buffer) -> String {
    let mut rows = Vec::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let (mut row, mut x) = (String::new(), buffer.area.left());
        while x < buffer.area.right() {
            let symbol = buffer[(x, y)].symbol();
            row.push_str(symbol);
            x += u16::try_from(text::width(symbol).max(1)).expect("a small number");
        }
        assert_eq!(
            x,
            buffer.area.right(),
            "a grapheme reaches beyond the edge: {row:?}"
        );
        rows.push(row.trim_end().to_owned());
    }
    rows.join("\n")
}
