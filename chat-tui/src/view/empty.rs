//! What stands where a conversation would: nobody's first screen is empty. The people of the server, public topics, and
//! how to find more.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::look::{Look, key, shown};
use crate::app::model::Model;
use crate::app::model::found::label;
use crate::client::agent::LinkState;
use crate::keymap::Command;
use crate::text;

/// Writes one row after the other, as long as there is room.
struct Page<'a> {
    look: Look,
    area: Rect,
    y: u16,
    buffer: &'a mut Buffer,
}

impl Page<'_> {
    fn left(&self) -> usize {
        usize::from(self.area.bottom().saturating_sub(self.y))
    }

    fn line(&mut self, words: &str, style: Style) {
        let at = (self.area.x, self.y, self.area.width);
        self.look
            .left(self.buffer, self.area, at, &shown(words), style);
        self.y += 1;
    }

    /// A sentence, in as many rows as it needs.
    fn sentence(&mut self, words: &str, style: Style) {
        let words = shown(words);
        let rows: Vec<_> = words.wrap(usize::from(self.area.width.max(1))).collect();
        for row in rows {
            self.line(words.part(row).as_str(), style);
        }
    }

    fn signed(&mut self, sign: (&str, Style), words: &str) {
        let at = (self.area.x + 1, self.y);
        text::draw(self.buffer, self.area, at, sign.0, sign.1);
        let at = (self.area.x + 3, self.y, self.area.width.saturating_sub(3));
        let style = self.look.theme.text;
        self.look
            .left(self.buffer, self.area, at, &shown(words), style);
        self.y += 1;
    }
}

/// In the place of a conversation, when none is open.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let look = Look::of(&model.preferences);
    let margin = if area.width > 40 { 3 } else { 1 };
    let area = Rect {
        x: area.x + margin.min(area.width),
        width: area.width.saturating_sub(2 * margin),
        ..area
    };
    let mut page = Page {
        look,
        area,
        y: area.y + u16::from(area.height > 8),
        buffer,
    };
    let theme = look.theme;
    page.sentence(&welcome(model), theme.strong);
    if page.left() > 6 {
        page.y += 1;
    }
    if !model.contacts.ranked().is_empty() {
        return ways(model, &mut page);
    }
    topics(model, &mut page);
    people(model, &mut page);
    ways(model, &mut page);
}

fn welcome(model: &Model) -> String {
    let name = model
        .my_name()
        .map_or_else(String::new, |name| format!(", {name}"));
    match (&model.link.0, model.contacts.ranked().is_empty()) {
        (_, false) => "no conversation is open".to_owned(),
        (LinkState::Connecting | LinkState::Syncing, true) => {
            "your conversations are on their way".to_owned()
        }
        (_, true) => format!("welcome{name}: nobody has written yet"),
    }
}

/// Topics that anyone may join.
fn topics(model: &Model, page: &mut Page<'_>) {
    let theme = page.look.theme;
    let topics: Vec<_> = model.groups.iter().filter(|group| group.public).collect();
    let room = (page.left() / 3).min(topics.len());
    if room < 2 {
        return;
    }
    page.line("topics for everyone", theme.quiet);
    for group in topics.iter().take(room - 1) {
        let members = text::count(group.members, "member");
        let words = format!(
            "{} {} {members}",
            label(&group.topic, &group.title),
            page.look.glyphs.dot
        );
        page.signed(("#", theme.quiet), &words);
    }
    page.y += 1;
}

/// The people of the server, who is there first.
fn people(model: &Model, page: &mut Page<'_>) {
    let look = page.look;
    let not_me = |name| model.my_name() != Some(name);
    let mut people: Vec<_> = model
        .people
        .iter()
        .filter(|one| not_me(&one.name))
        .collect();
    people.sort_by_key(|one| model.presence_of(&one.name) == chat_proto::PresenceState::Offline);
    if people.is_empty() {
        if model.link.0 == LinkState::Live {
            page.sentence("you are the first one here", look.theme.text);
            page.y += 1;
        }
        return;
    }
    let room = page.left().saturating_sub(5);
    if room == 0 {
        return;
    }
    page.line("people of this server", look.theme.quiet);
    for one in people.iter().take(room) {
        let state = model.presence_of(&one.name);
        let sign = (look.glyphs.presence(state), look.theme.presence(state));
        page.signed(sign, &label(&one.name, &one.display_name));
    }
    if people.len() > room {
        page.line(
            &format!("   {} more", people.len() - room),
            look.theme.quiet,
        );
    }
    page.y += 1;
}

/// How to go on from here.
fn ways(model: &Model, page: &mut Page<'_>) {
    let theme = page.look.theme;
    let switch = key(&model.keymap, Command::SwitcherOrKill)
        .or_else(|| key(&model.keymap, Command::Switcher));
    let alone = model
        .people
        .iter()
        .all(|one| model.my_name() == Some(&one.name));
    if let Some(key) = switch {
        page.sentence(
            &format!("{key} to find anyone, and to join or make a topic"),
            theme.text,
        );
    }
    if alone && model.link.0 == LinkState::Live && model.contacts.ranked().is_empty() {
        let invite = "an invite link for others comes from: chat-server invite";
        page.sentence(invite, theme.quiet);
    }
    if let Some(key) = key(&model.keymap, Command::Help) {
        page.sentence(&format!("{key} for all keys"), theme.quiet);
    }
}
