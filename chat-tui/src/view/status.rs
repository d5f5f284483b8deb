//! The row below the messages: who types, how the link is, and what has to be said once.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::look::{Look, cells, key, short, shown, switcher_key};
use super::{frame, pane};
use crate::app::model::Model;
use crate::app::model::pane::{Geometry, Selected};
use crate::client::agent::LinkState;
use crate::keymap::{Command, Keymap};
use crate::text;

/// What stands at the right, and where it begins.
struct Right {
    state: (String, Style, u16),
    pill: Option<(String, Style, u16)>,
}

impl Right {
    /// The column at which it begins.
    fn from(&self) -> u16 {
        self.pill.as_ref().map_or(self.state.2, |pill| pill.2)
    }
}

/// The row; `rule` draws it as the line over the composer.
pub fn render(model: &Model, rule: bool, area: Rect, buffer: &mut Buffer) {
    let look = Look::of(&model.preferences);
    if rule {
        look.rule(buffer, area, (area.x, area.right(), area.y));
    }
    let edge = edge(area);
    let right = right_of(model, &look, rule, area);
    let (text, style, x) = &right.state;
    look.right(buffer, area, (*x, edge, area.y), &shown(text), *style);
    if let Some((text, style, x)) = &right.pill {
        let at = (*x, area.y, edge.saturating_sub(*x));
        look.left(buffer, area, at, &shown(text), *style);
    }
    let (left, style) = left(model, &look);
    let left = padded(left, rule);
    let room = right.from().saturating_sub(area.x + 3);
    // Half a reason says nothing, and the state beside it says enough.
    let whole = remark(model).is_none() && typing(model).is_empty();
    let fits = text::width(&left) <= usize::from(room) || !whole;
    if room > 3 && fits && !left.is_empty() {
        let at = (area.x + 1, area.y, room);
        look.left(buffer, area, at, &shown(&left), style);
    }
}

const fn edge(area: Rect) -> u16 {
    area.right().saturating_sub(1)
}

/// In a rule the words stand apart from it.
fn padded(text: String, rule: bool) -> String {
    match rule && !text.is_empty() {
        true => format!(" {text} "),
        false => text,
    }
}

fn right_of(model: &Model, look: &Look, rule: bool, area: Rect) -> Right {
    let (mut parts, style) = right(model, look);
    let pill = pill(model);
    let remark = remark(model);
    // Both are for now: of the link's state the first word is enough beside them.
    let beside = remark.map_or(0, text::width)
        + pill.as_ref().map_or(0, |(words, _)| text::width(words) + 3);
    let room = usize::from(area.width.saturating_sub(6));
    while beside > 0 && parts.len() > 1 && text::width(&look.joined(&parts)) + beside > room {
        parts.pop();
    }
    let before =
        |end: u16, text: &str| end.saturating_sub(cells(text::width(text))).max(area.x + 1);
    let state = padded(look.joined(&parts), rule);
    let from = before(edge(area), &state);
    let pill = pill.map(|(words, style)| {
        let words = padded(words, rule);
        let gap = if rule { 1 } else { 3 };
        let from = before(from.saturating_sub(gap), &words);
        (words, style, from)
    });
    Right {
        state: (state, style, from),
        pill,
    }
}

/// That there is more below.
fn pill(model: &Model) -> Option<(String, Style)> {
    let body = frame::places(model)?.body;
    pane::pill(model, model.pane.as_ref()?, body)
}

/// Whether a column of the row is that of the way to the end.
pub(super) fn is_pill(model: &Model, rule: bool, area: Rect, x: u16) -> bool {
    let right = right_of(model, &Look::of(&model.preferences), rule, area);
    right.pill.is_some_and(|(words, _, from)| {
        let end = from + cells(text::width(&words));
        (from..end).contains(&x)
    })
}

/// What has to be said once, while it lasts.
fn remark(model: &Model) -> Option<&str> {
    let (remark, until) = model.remark.as_ref()?;
    (*until > model.now.moment).then_some(remark)
}

/// A remark while it lasts; else who types here; else why there is no connection.
fn left(model: &Model, look: &Look) -> (String, Style) {
    if let Some(remark) = remark(model) {
        return (remark.to_owned(), look.theme.text);
    }
    let typing = typing(model);
    match (&model.link.0, typing.is_empty()) {
        (LinkState::Down { why, .. }, true) => (text::without_code(why), look.theme.quiet),
        _ => (typing, look.theme.quiet),
    }
}

fn typing(model: &Model) -> String {
    let here = |topic| model.contacts.open.as_ref() == Some(topic);
    let typing = model.typing.iter();
    let names: Vec<_> = typing
        .filter(|((topic, _), until)| here(topic) && **until > model.now.moment)
        .map(|((_, who), _)| who)
        .collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!("{one} is typing"),
        [one, two] => format!("{one} and {two} are typing"),
        many => format!("{} people are typing", many.len()),
    }
}

/// Why sending waits, else the link.
fn right(model: &Model, look: &Look) -> (Vec<String>, Style) {
    let now = model.now.moment;
    if let Some(until) = model.slowed_until.filter(|until| *until > now) {
        let wait = seconds_up(until.since(now));
        let words = format!("sending again in {wait} s");
        return (vec![words], look.theme.text);
    }
    link(model, look)
}

/// The first part says it, the others say more.
fn link(model: &Model, look: &Look) -> (Vec<String>, Style) {
    let quiet = look.theme.quiet;
    let (state, since) = &model.link;
    let passed = model.now.moment.since(*since);
    let (mut parts, style) = match state {
        LinkState::Connecting => (vec![format!("connecting{}", look.dots())], quiet),
        LinkState::Syncing => (vec![format!("catching up{}", look.dots())], quiet),
        LinkState::Live => (vec!["connected".to_owned()], quiet),
        LinkState::Down { .. } => {
            let since = model.offline_since.unwrap_or(*since);
            let gone = span(model.now.moment.since(since));
            (vec![format!("offline {gone}")], look.theme.alert)
        }
        LinkState::Ended { why } => {
            let words = match remark(model) {
                Some(_) => "logged out".to_owned(),
                None => format!("logged out: {}", text::without_code(why)),
            };
            return (vec![words], look.theme.failure);
        }
    };
    match model.queued() {
        0 => {}
        queued => parts.push(format!("{queued} queued")),
    }
    if let LinkState::Down { retry_in, .. } = state {
        let wait = retry_in.saturating_sub(passed);
        parts.push(match wait.is_zero() {
            true => format!("trying{}", look.dots()),
            false => format!("retry in {} s", seconds_up(wait)),
        });
    }
    (parts, style)
}

/// A time that passed, in one unit.
fn span(passed: Duration) -> String {
    match passed.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// Seconds of a wait that is not over: never 0.
fn seconds_up(wait: Duration) -> u64 {
    wait.as_millis()
        .div_ceil(1_000)
        .try_into()
        .unwrap_or(u64::MAX)
}

/// The last row: a few keys, and what is unread everywhere.
pub fn hint(model: &Model, area: Rect, buffer: &mut Buffer) {
    let look = Look::of(&model.preferences);
    let room = usize::from(area.width.saturating_sub(2));
    let mut items = hints(model);
    let width = |items: &[String]| {
        let all: usize = items.iter().map(|item| text::width(item) + 3).sum();
        all.saturating_sub(3)
    };
    // The last one, which is the way to the help or back, stays the longest.
    while width(&items) > room && items.len() > 1 {
        items.remove(items.len() - 2);
    }
    let at = (area.x + 1, area.y, area.width.saturating_sub(2));
    let x = look.left(
        buffer,
        area,
        at,
        &shown(&items.join("   ")),
        look.theme.quiet,
    );
    let counts = counts(model, &look);
    let right = area.right().saturating_sub(1);
    // What is unread stands elsewhere too.
    if usize::from(right.saturating_sub(x + 3)) >= text::width(&counts) {
        let at = (x, right, area.y);
        look.right(buffer, area, at, &shown(&counts), look.theme.quiet);
    }
}

/// What the keys do at this place.
fn hints(model: &Model) -> Vec<String> {
    let word = |command, word: &str| key(&model.keymap, command).map(|key| format!("{key} {word}"));
    if model.chord {
        return chords(&model.keymap);
    }
    let offline = matches!(
        model.link.0,
        LinkState::Down { .. } | LinkState::Ended { .. }
    );
    let items = match selected(model) {
        Some(Selected::Letter(_)) => vec![
            word(Command::Retry, "try again"),
            word(Command::EditAgain, "edit"),
            word(Command::Discard, "discard"),
            word(Command::CopyText, "copy"),
            word(Command::HelpHere, "help"),
            word(Command::Leave, "back"),
        ],
        Some(Selected::Gap(_)) => vec![
            word(Command::Act, "load"),
            word(Command::HelpHere, "help"),
            word(Command::Leave, "back"),
        ],
        Some(Selected::Entry(_)) => vec![
            word(Command::CopyText, "copy"),
            word(Command::Quote, "quote"),
            word(Command::Retry, "reply"),
            word(Command::Act, "expand"),
            word(Command::HelpHere, "help"),
            word(Command::Leave, "back"),
        ],
        None => vec![
            switcher_key(&model.keymap).map(|key| format!("{key} switch")),
            offline
                .then(|| word(Command::Reconnect, "connect"))
                .flatten(),
            word(Command::NextUnread, "next unread"),
            word(Command::Select, "select messages"),
            word(Command::Help, "help"),
        ],
    };
    items.into_iter().flatten().collect()
}

/// What the keys of a selected message act on.
fn selected(model: &Model) -> Option<Selected<'_>> {
    let pane = model.pane.as_ref().filter(|pane| pane.selecting())?;
    let body = frame::places(model)?.body;
    pane.selected(&Geometry::of(model, (body.width, body.height)))
}

/// The second halves of chords, while the first one is pressed.
fn chords(keymap: &Keymap) -> Vec<String> {
    let mut items = vec!["^X".to_owned()];
    for bound in keymap.all() {
        for key in &bound.keys {
            if let Some(second) = key.to_string().strip_prefix("Ctrl-X ") {
                items.push(format!("{} {}", short(second), bound.binding.name));
            }
        }
    }
    items
}

fn counts(model: &Model, look: &Look) -> String {
    let (unread, mentions) = model.contacts.unread();
    let mut counts = Vec::new();
    if unread > 0 {
        counts.push(format!("{unread} unread"));
    }
    if mentions > 0 {
        counts.push(text::count(mentions, "mention"));
    }
    look.joined(&counts)
}
