//! The list of conversations: beside the conversation, as an overlay, or folded into who waits.

use std::borrow::Cow;

use chat_proto::{ConversationKind, Kind, Message};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::frame::Hit;
use super::look::{Look, cells, shown, switcher_key};
use crate::app::model::Model;
use crate::app::model::found::label;
use crate::client::copy::Line;
use crate::client::outbox::LetterState;
use crate::text::{self, Shown};

/// Cells of a badge, with the space before it: ` 99+`.
const BADGE: u16 = 4;
/// Cells of a time, with the space before it: ` 59m`.
const TIME: u16 = 4;
/// Where a name begins: behind the bar, the sign and a space.
const NAME: u16 = 4;
/// Fewer last messages than these would look like a mistake.
const LAST_MIN: usize = 2;

/// A row of the list.
enum Row<'a> {
    /// A conversation.
    Line(&'a Line),
    /// Its last message, below it.
    Last(&'a Line),
    /// Nothing.
    Blank,
    /// So many more.
    More(usize),
}

/// The list beside the conversation.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let look = Look::of(&model.preferences);
    heading(model, &look, area, buffer);
    let list = list_of(area);
    for (y, row) in (list.y..).zip(arrange(model, list.height)) {
        let area = Rect::new(list.x, y, list.width, 1);
        match row {
            Row::Line(line) => conversation(model, &look, line, area, buffer),
            Row::Last(line) => last(model, &look, line, area, buffer),
            Row::Blank => {}
            Row::More(number) => more(model, &look, number, area, buffer),
        }
    }
}

/// What is in the row `y` of the list that `area` shows.
pub(super) fn hit(model: &Model, area: Rect, y: u16) -> Hit {
    let list = list_of(area);
    let Some(at) = y.checked_sub(list.y) else {
        return Hit::Nothing;
    };
    match arrange(model, list.height).get(usize::from(at)) {
        Some(Row::Line(line) | Row::Last(line)) => Hit::Conversation(line.topic.clone()),
        Some(Row::More(_)) => Hit::More,
        Some(Row::Blank) | None => Hit::Nothing,
    }
}

/// Where the rows are: below the heading and, where there is room, a blank row.
fn list_of(area: Rect) -> Rect {
    let above = area.height.min(if area.height > 6 { 2 } else { 1 });
    Rect {
        y: area.y + above,
        height: area.height - above,
        ..area
    }
}

/// The server, and who one is.
fn heading(model: &Model, look: &Look, area: Rect, buffer: &mut Buffer) {
    let mut right = area.right().saturating_sub(1);
    if let Some(me) = &model.me {
        let state = model.presence_of(&me.name);
        let sign = shown(look.glyphs.presence(state));
        let at = (area.x, right, area.y);
        right = look.right(buffer, area, at, &sign, look.theme.presence(state)) - 1;
        let name = shown(me.name.as_str());
        let half = area.x + area.width / 3;
        right = look.right(buffer, area, (half, right, area.y), &name, look.theme.own);
    }
    let server = match &model.profile {
        Some(profile) => format!("{} {} {profile}", model.server, look.glyphs.dot),
        None => model.server.clone(),
    };
    let left = area.x + 2;
    let room = right.saturating_sub(left + 1);
    let at = (left, area.y, room);
    look.left(buffer, area, at, &shown(&server), look.theme.quiet);
}

/// Which rows fit into `height`: all conversations if they do, and as many of their last messages as there is room
/// for, the latest first; else those around the open one.
fn arrange(model: &Model, height: u16) -> Vec<Row<'_>> {
    let lines = model.contacts.ranked();
    let height = usize::from(height);
    let beyond = model.contacts.beyond;
    let foot = match beyond > 0 || lines.len() > height {
        true if height > 8 => 2,
        true => 1,
        false => 0,
    };
    let room = height.saturating_sub(foot);
    let mut rows = Vec::with_capacity(height);
    if lines.len() <= room {
        let spare = room - lines.len();
        let lasts = if spare < LAST_MIN.min(lines.len()) {
            0
        } else {
            spare
        };
        for (at, line) in lines.iter().enumerate() {
            rows.push(Row::Line(line));
            if at < lasts {
                rows.push(Row::Last(line));
            }
        }
    } else {
        let open = |line: &Line| Some(&line.topic) == model.contacts.open.as_ref();
        let open = lines.iter().position(open).unwrap_or(0);
        let first = (open + 1).saturating_sub(room);
        rows.extend(lines.iter().skip(first).take(room).map(Row::Line));
    }
    if foot > 0 {
        rows.resize_with(height - 1, || Row::Blank);
        rows.push(Row::More(beyond + lines.len().saturating_sub(room)));
    }
    rows
}

/// One conversation: whether it is open, who or what, how long ago, what is unread.
fn conversation(model: &Model, look: &Look, line: &Line, area: Rect, buffer: &mut Buffer) {
    let open = model.contacts.open.as_ref() == Some(&line.topic);
    bar(look, open, area, buffer);
    sign(model, look, line, (area.x + 2, area.y), area, buffer);
    let left = tail(model, look, line, area, buffer);
    let style = match line.unread {
        0 => look.theme.text,
        _ => look.theme.unread,
    };
    let at = (area.x + NAME, area.y, left.saturating_sub(area.x + NAME));
    look.left(buffer, area, at, &shown(line.topic.as_str()), style);
}

/// The same with the title, and with `chosen` instead of open: for lists with room.
pub(super) fn wide_conversation(
    model: &Model,
    look: &Look,
    (line, chosen): (&Line, bool),
    area: Rect,
    buffer: &mut Buffer,
) {
    bar(look, chosen, area, buffer);
    sign(model, look, line, (area.x + 2, area.y), area, buffer);
    let left = tail(model, look, line, area, buffer);
    let style = match line.unread {
        0 => look.theme.text,
        _ => look.theme.unread,
    };
    let start = area.x + NAME;
    let name = label(&line.topic, &line.title);
    let room = left.saturating_sub(start);
    let x = look.left(buffer, area, (start, area.y, room), &shown(&name), style);
    let room = left.saturating_sub(x + 2);
    if room > 8 && line.last_message.is_some() {
        let at = (x + 2, area.y, room);
        look.left(buffer, area, at, &preview(model, line), look.theme.quiet);
    }
}

fn bar(look: &Look, here: bool, area: Rect, buffer: &mut Buffer) {
    if here {
        let at = (area.x + 1, area.y);
        text::draw(buffer, area, at, look.glyphs.selected, look.theme.accent);
    }
}

/// `#` for a group, a person's presence otherwise.
pub(super) fn sign(
    model: &Model,
    look: &Look,
    line: &Line,
    at: (u16, u16),
    area: Rect,
    buffer: &mut Buffer,
) {
    let (sign, style) = match line.kind {
        ConversationKind::Direct => {
            let state = model.presence_of(&line.topic);
            (look.glyphs.presence(state), look.theme.presence(state))
        }
        ConversationKind::Group | ConversationKind::Public => ("#", look.theme.quiet),
    };
    text::draw(buffer, area, at, sign, style);
}

/// The time and the badge, at the right; gives back where the name must end.
fn tail(model: &Model, look: &Look, line: &Line, area: Rect, buffer: &mut Buffer) -> u16 {
    let right = area.right().saturating_sub(1);
    let badge_left = right.saturating_sub(BADGE);
    if let Some((badge, style)) = badge(model, look, line) {
        let at = (badge_left, right, area.y);
        look.right(buffer, area, at, &shown(&badge), style);
    }
    let time_left = badge_left.saturating_sub(TIME);
    if let Some(time) = line.chatted_at() {
        let ago = text::ago(time, model.wall());
        let at = (time_left, badge_left, area.y);
        look.right(buffer, area, at, &shown(&ago), look.theme.quiet);
    }
    time_left
}

/// What wants attention: mentions, else unread messages, else a message that could not be sent.
pub(super) fn badge(model: &Model, look: &Look, line: &Line) -> Option<(String, Style)> {
    let many = |number: u64| match number {
        0..=99 => number.to_string(),
        _ => "99+".to_owned(),
    };
    if line.mentions > 0 {
        let number = line.mentions.min(99);
        return Some((format!("@{number}"), look.theme.alert));
    }
    if line.unread > 0 {
        return Some((many(line.unread), look.theme.unread));
    }
    let stuck = model.letters.iter().any(|letter| {
        let stuck = matches!(letter.state, LetterState::Failed { .. } | LetterState::Asks);
        *letter.topic() == line.topic && stuck
    });
    stuck.then(|| (look.glyphs.failed.to_owned(), look.theme.failure))
}

/// The last message, or what is being written.
fn last(model: &Model, look: &Look, line: &Line, area: Rect, buffer: &mut Buffer) {
    let room = area.width.saturating_sub(NAME + 1);
    let at = (area.x + NAME, area.y, room);
    look.left(buffer, area, at, &preview(model, line), look.theme.quiet);
}

fn preview(model: &Model, line: &Line) -> Shown<'static> {
    let here = model.contacts.open.as_ref() == Some(&line.topic);
    if let Some(draft) = model.drafts.get(&line.topic).filter(|_| !here)
        && !draft.trim().is_empty()
    {
        return Shown::preview(&format!("draft: {draft}"));
    }
    match &line.last_message {
        Some(message) => said(model, line, message),
        None => Shown::own("no messages yet"),
    }
}

fn said(model: &Model, line: &Line, message: &Message) -> Shown<'static> {
    if message.deleted {
        return Shown::own("message deleted");
    }
    let mine = model.my_name() == Some(&message.from.name);
    let text = without_fence(message);
    match (mine, line.kind) {
        (true, _) => Shown::preview(&format!("you: {text}")),
        (false, ConversationKind::Direct) => Shown::preview(&text),
        (false, _) => Shown::preview(&format!("{}: {text}", message.from.name)),
    }
}

/// Of code its first line: a fence says nothing.
fn without_fence(message: &Message) -> Cow<'_, str> {
    let text = message.text.trim_start();
    let fenced = text.strip_prefix("```").and_then(|rest| {
        let (_, code) = rest.split_once('\n')?;
        Some(code)
    });
    let code = match (&message.kind, fenced) {
        (_, Some(code)) => code,
        (Kind::Code, None) => text,
        _ => return Cow::Borrowed(&message.text),
    };
    let mut lines = code.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with("```"));
    Cow::Owned(format!("code: {}", first.unwrap_or_default()))
}

fn more(model: &Model, look: &Look, number: usize, area: Rect, buffer: &mut Buffer) {
    let mut parts = vec![format!("{number} more")];
    if let Some(key) = switcher_key(&model.keymap) {
        parts.push(format!("{key} to search"));
    }
    let at = (area.x + 2, area.y, area.width.saturating_sub(3));
    look.left(
        buffer,
        area,
        at,
        &shown(&look.joined(&parts)),
        look.theme.quiet,
    );
}

/// Who waits elsewhere, the most urgent first: `ben @2`, `dana 1`.
fn waiting<'a>(model: &'a Model, look: &Look) -> Vec<(&'a Line, String, Style)> {
    let elsewhere =
        |line: &&Line| line.unread > 0 && Some(&line.topic) != model.contacts.open.as_ref();
    let urgency = |line: &&Line| match (line.mentions, line.kind) {
        (1.., _) => 0,
        (0, ConversationKind::Direct) => 1,
        (0, _) => 2,
    };
    let mut lines: Vec<&'a Line> = model.contacts.ranked().iter().filter(elsewhere).collect();
    lines.sort_by_key(urgency);
    let entry = |line: &'a Line| {
        badge(model, look, line)
            .map(|(badge, style)| (line, format!("{} {badge}", line.topic), style))
    };
    lines.into_iter().filter_map(entry).collect()
}

/// Somebody who waits, or with nobody how many others do.
struct Waiting<'a> {
    line: Option<&'a Line>,
    text: String,
    style: Style,
}

/// Those who fit into `room` cells, with what is told of the others.
fn waiting_that_fit<'a>(model: &'a Model, look: &Look, room: u16) -> (Vec<Waiting<'a>>, u16) {
    let mut all = waiting(model, look);
    let total = all.len();
    let fits = |number: usize, all: &[(&Line, String, Style)]| {
        let names: usize = all[..number]
            .iter()
            .map(|(_, text, _)| text.len() + 2)
            .sum();
        let rest = if number < total {
            format!("+{}", total - number).len() + 2
        } else {
            0
        };
        names + rest
    };
    let room = usize::from(room);
    let number = (0..=total)
        .rev()
        .find(|number| fits(*number, &all) <= room)
        .unwrap_or(0);
    let used = fits(number, &all);
    if total == 0 || used > room {
        return (Vec::new(), 0);
    }
    all.truncate(number);
    let one = |(line, text, style)| Waiting {
        line: Some(line),
        text,
        style,
    };
    let mut shown: Vec<Waiting<'_>> = all.into_iter().map(one).collect();
    if number < total {
        shown.push(Waiting {
            line: None,
            text: format!("+{}", total - number),
            style: look.theme.quiet,
        });
    }
    (shown, cells(used))
}

/// Cells that those who wait take, of `room`.
pub(super) fn waiting_width(model: &Model, room: u16) -> u16 {
    waiting_that_fit(model, &Look::of(&model.preferences), room).1
}

/// Those who wait, in the header.
pub(super) fn render_waiting(model: &Model, area: Rect, buffer: &mut Buffer) {
    let look = Look::of(&model.preferences);
    let (waiting, _) = waiting_that_fit(model, &look, area.width);
    let mut x = area.x + 1;
    for one in waiting {
        x = text::draw(buffer, area, (x, area.y), &one.text, one.style) + 2;
    }
}

/// Who waits at a column of the header.
pub(super) fn waiting_hit(model: &Model, area: Rect, x: u16) -> Hit {
    let look = Look::of(&model.preferences);
    let (waiting, _) = waiting_that_fit(model, &look, area.width);
    let mut from = area.x + 1;
    for one in waiting {
        let end = from + cells(text::width(&one.text));
        if (from..end).contains(&x) {
            let hit = |line: &Line| Hit::Conversation(line.topic.clone());
            return one.line.map_or(Hit::More, hit);
        }
        from = end + 2;
    }
    Hit::Nothing
}
