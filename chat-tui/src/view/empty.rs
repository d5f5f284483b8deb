//! What stands where a conversation would: nobody's first screen is empty. The people of the server, public topics, and
//! how to find more.

use chat_proto::PresenceState;
use chat_proto::api::Profile;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::look::{Look, key, shown, switcher_key};
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
    if page.left() > 10 {
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
    // A third at the most, with their heading: people are more.
    let room = (page.left() / 3).saturating_sub(1).min(topics.len());
    if room == 0 {
        return;
    }
    page.line("topics for everyone", theme.quiet);
    for group in topics.iter().take(room) {
        let members = text::count(group.members, "member");
        let called = label(&group.topic, &group.title);
        let words = format!("{called} {} {members}", page.look.glyphs.dot);
        page.signed(("#", theme.quiet), &words);
    }
    page.y += 1;
}

/// The people of the server, who is there first.
fn people(model: &Model, page: &mut Page<'_>) {
    let look = page.look;
    let not_me = |one: &&Profile| model.my_name() != Some(&one.name);
    let mut people: Vec<_> = model.people.iter().filter(not_me).collect();
    people.sort_by_key(|one| model.presence_of(&one.name) == PresenceState::Offline);
    // One row is kept for how to go on, and where there is room one for the keys and one for air.
    let kept = if page.left() > 8 { 3 } else { 1 };
    let room = page.left().saturating_sub(kept + 1);
    if people.is_empty() && model.link.0 == LinkState::Live {
        page.sentence("you are the first one here", look.theme.text);
        page.y += u16::from(kept > 1);
    }
    if people.is_empty() || room == 0 {
        return;
    }
    let names = match people.len() > room {
        true => room - 1,
        false => people.len(),
    };
    page.line("people of this server", look.theme.quiet);
    for one in people.iter().take(names) {
        let state = model.presence_of(&one.name);
        let sign = (look.glyphs.presence(state), look.theme.presence(state));
        page.signed(sign, &label(&one.name, &one.display_name));
    }
    if people.len() > names {
        let more = format!("   {} more", people.len() - names);
        page.line(&more, look.theme.quiet);
    }
    page.y += u16::from(kept > 1);
}

/// How to go on from here.
fn ways(model: &Model, page: &mut Page<'_>) {
    let theme = page.look.theme;
    if let Some(key) = switcher_key(&model.keymap) {
        let words = format!("{key} finds anyone, joins and makes topics");
        page.sentence(&words, theme.text);
    }
    let others = |one: &Profile| model.my_name() != Some(&one.name);
    let alone = model.contacts.ranked().is_empty() && !model.people.iter().any(others);
    if alone && model.link.0 == LinkState::Live {
        let invite = "others come by a link from: chat-server invite";
        page.sentence(invite, theme.quiet);
    }
    if let Some(key) = key(&model.keymap, Command::Help) {
        page.sentence(&format!("{key} shows all keys"), theme.quiet);
    }
}
