//! Pictures of whole screens, as text: what a model looks like at the sizes that people use.

mod entrance;
mod lists;
mod over;
mod sizes;

use std::fmt::Write as _;
use std::time::Duration;

use chat_proto::api::{Group, Profile};
use chat_proto::{
    ConversationKind, Kind, Message, MessageId, Name, Presence, PresenceState, Rev, Seq, Time,
    UserRef,
};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::app::model::picker::Step;
use crate::app::model::{Model, Overlay, Preferences};
use crate::app::msg::Now;
use crate::app::update;
use crate::client::agent::LinkState;
use crate::client::copy::Line;
use crate::client::moment::Moment;
use crate::keymap::{Chord, Keymap, Mode};
use crate::text;

/// What a buffer shows: its rows without the blanks at their ends.
pub(crate) fn picture(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut picture = String::new();
    for y in area.y..area.bottom() {
        let mut row = String::new();
        let mut x = area.x;
        while x < area.right() {
            let symbol = buffer[(x, y)].symbol();
            row.push_str(symbol);
            x += u16::try_from(text::width(symbol).max(1)).expect("a cell");
        }
        assert_eq!(x, area.right(), "a letter hangs over the edge: {row}");
        let _ = writeln!(picture, "{}", row.trim_end());
    }
    picture
}

/// The whole screen at a size, with the place of the cursor.
pub(crate) fn screen(model: &mut Model, size: (u16, u16)) -> (String, Option<Position>) {
    model.size = size;
    let area = Rect::new(0, 0, size.0, size.1);
    let mut buffer = Buffer::empty(area);
    let cursor = super::render(model, &mut buffer);
    if let Some(cursor) = cursor {
        assert!(area.contains(cursor), "{cursor} is not on the screen");
    }
    (picture(&buffer), cursor)
}

/// A key as the table writes it.
pub(crate) fn key(text: &str) -> KeyEvent {
    Chord::parse(text).expect("a key").event()
}

/// Presses keys as they come while a list lies over the conversation, or on the first run.
pub(crate) fn press(model: &mut Model, keys: &[&str]) -> Vec<Step> {
    keys.iter()
        .map(|text| press_one(model, key(text)))
        .collect()
}

/// Types a text, letter by letter.
pub(crate) fn type_text(model: &mut Model, text: &str) -> Vec<Step> {
    let key = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
    text.chars().map(|c| press_one(model, key(c))).collect()
}

fn press_one(model: &mut Model, key: KeyEvent) -> Step {
    if model.entrance.is_some() {
        return Step {
            effects: update::entrance::handle_key(model, key),
            choice: None,
        };
    }
    let command = model.keymap.command(Mode::Pick, false, key);
    match &model.overlay {
        Some(Overlay::Switcher(_)) => update::switcher::handle_key(model, command, key),
        Some(Overlay::List(_)) => update::list::handle_key(model, command, key),
        Some(Overlay::Help(_)) => {
            let extent = crate::view::help::extent(model);
            update::help::handle_key(model, command, key, extent);
            Step::default()
        }
        None => Step::default(),
    }
}

/// The rows of a picture, to compare with.
pub(crate) fn rows(picture: &str) -> Vec<&str> {
    picture.lines().collect()
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// The wall clock of all pictures.
pub(crate) fn noon() -> Time {
    Time::parse("2026-11-21T12:00:00Z").expect("a time")
}

pub(crate) fn model() -> Model {
    let now = Now {
        wall: noon(),
        moment: Moment(100_000),
    };
    let keymap = Keymap::default();
    let mut model = Model::new(Preferences::default(), keymap, (80, 24), now);
    model.server = "acme.dev".to_owned();
    model.me = Some(UserRef {
        name: name("ann"),
        display_name: "Ann".to_owned(),
    });
    model.link = (LinkState::Live, Moment(0));
    be(&mut model, "ann", PresenceState::Online);
    model
}

pub(crate) fn be(model: &mut Model, who: &str, state: PresenceState) {
    let presence = Presence {
        name: name(who),
        state,
        last_seen: None,
        status: None,
    };
    model.presence.insert(name(who), presence);
}

/// A conversation whose last message is so many seconds old.
pub(crate) fn line(topic: &str, kind: ConversationKind, age_s: i64, text: &str) -> Line {
    let mut line = Line::new(name(topic), kind);
    let from = match kind {
        ConversationKind::Direct => topic,
        _ => "ben",
    };
    line.last_message = Some(Message {
        topic: name(topic),
        seq: Seq(1),
        rev: Rev(1),
        id: MessageId::parse("m1").expect("an id"),
        from: UserRef {
            name: name(from),
            display_name: from.to_owned(),
        },
        sent_at: noon().plus_seconds(-age_s),
        kind: Kind::Text,
        text: text.to_owned(),
        lang: None,
        reply_to: None,
        thread: None,
        file: None,
        meta: None,
        edited_at: None,
        deleted: false,
        reactions: Vec::new(),
    });
    line
}

/// The conversations of a day at work; `deploys` is open.
pub(crate) fn day() -> Model {
    use ConversationKind::{Direct, Group, Public};
    const MINUTE: i64 = 60;
    const HOUR: i64 = 3_600;
    const DAY: i64 = 86_400;
    let mut model = model();
    let mut lines = vec![
        line(
            "ben",
            Direct,
            2 * MINUTE,
            "@ann can you review #4312 before noon?",
        ),
        line("deploys", Group, 5 * MINUTE, "fix/arm64-retry is merged"),
        line("dana", Direct, 18 * MINUTE, "one check fails\non arm64"),
        line("backend", Public, HOUR, "the pool is full again"),
        line("eli", Direct, 3 * HOUR, "thanks!"),
        line("oncall", Group, 3 * HOUR, "@ann it is yours from six"),
        line(
            "farah",
            Direct,
            5 * HOUR,
            "漢字 and 👩\u{200d}💻 in one line that is too long",
        ),
        line("random", Public, DAY, "cake in the kitchen"),
        line("gus", Direct, DAY, "ok"),
        line("hana", Direct, 3 * DAY, "see you"),
    ];
    for (topic, unread, mentions) in [
        ("ben", 2, 2),
        ("deploys", 3, 0),
        ("dana", 1, 0),
        ("oncall", 1, 1),
    ] {
        let line = lines.iter_mut().find(|line| line.topic == name(topic));
        let line = line.expect("a conversation");
        (line.unread, line.mentions) = (unread, mentions);
    }
    model.contacts.put(lines);
    model.contacts.open = Some(name("deploys"));
    for (who, state) in [
        ("ben", PresenceState::Online),
        ("dana", PresenceState::Away),
        ("farah", PresenceState::Online),
        ("hana", PresenceState::Dnd),
    ] {
        be(&mut model, who, state);
    }
    model
}

pub(crate) fn person(who: &str, display_name: &str) -> Profile {
    Profile {
        name: name(who),
        display_name: display_name.to_owned(),
        kind: "person".to_owned(),
        avatar: None,
    }
}

pub(crate) fn public(topic: &str, title: &str, members: u64) -> Group {
    Group {
        topic: name(topic),
        title: title.to_owned(),
        public: true,
        members,
        role: None,
        last_seq: Seq(1),
    }
}

pub(crate) fn down(model: &mut Model, gone: Duration, retry_in: Duration) {
    model.offline_since = Some(Moment(
        100_000 - u64::try_from(gone.as_millis()).expect("short"),
    ));
    let why = "connection refused".to_owned();
    model.link = (LinkState::Down { why, retry_in }, Moment(100_000));
}
