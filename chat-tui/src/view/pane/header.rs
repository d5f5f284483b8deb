//! The heading of a conversation: who or what it is, and who is there.

use chat_proto::{ConversationKind, PresenceState};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::theme;
use crate::app::model::Model;
use crate::app::model::pane::Pane;
use crate::text::{self, Shown, count};
use crate::theme::Glyphs;

/// Draws the heading on the first row of `area`; gives back the column behind it.
pub fn header(model: &Model, pane: &Pane, area: Rect, buffer: &mut Buffer) -> u16 {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return area.x;
    }
    let glyphs = Glyphs::of(model.preferences.ascii);
    let mut x = area.x.saturating_add(1);
    for (words, style) in pieces(model, pane) {
        let room = usize::from(area.right().saturating_sub(x));
        let words = Shown::preview(&words);
        let shown = words.truncate(room, glyphs.ellipsis);
        x = text::draw(buffer, area, (x, area.y), shown.as_str(), style);
        let shown_all = shown == words;
        if !shown_all {
            break;
        }
        x = x.saturating_add(1);
    }
    x
}

/// Words that stand beside each other with a space between.
fn pieces(model: &Model, pane: &Pane) -> Vec<(String, Style)> {
    let (theme, glyphs) = (
        theme(&model.preferences),
        Glyphs::of(model.preferences.ascii),
    );
    let line = pane.line();
    let dot = || (glyphs.dot.to_owned(), theme.quiet);
    if line.kind == ConversationKind::Direct {
        let state = model.presence_of(&line.topic);
        let glyph = (glyphs.presence(state).to_owned(), theme.presence(state));
        let mut pieces = vec![glyph, (line.topic.to_string(), theme.strong)];
        if line.title != line.topic.as_str() {
            pieces.extend([dot(), (line.title.clone(), theme.text)]);
        }
        for said in presence(model, pane) {
            pieces.extend([dot(), (said, theme.quiet)]);
        }
        return pieces;
    }
    let mut pieces = vec![
        ("#".to_owned(), theme.quiet),
        (line.topic.to_string(), theme.strong),
    ];
    if line.title != line.topic.as_str() {
        pieces.extend([dot(), (line.title.clone(), theme.text)]);
    }
    if let Some(said) = members(model, pane) {
        pieces.extend([dot(), (said, theme.quiet)]);
    }
    pieces
}

/// `here`, `away`, `last seen 3h ago`, and what they say of it themselves.
fn presence(model: &Model, pane: &Pane) -> Vec<String> {
    let topic = pane.topic();
    if model.my_name() == Some(topic) {
        return vec!["your notes".to_owned()];
    }
    let Some(presence) = model.presence.get(topic) else {
        return Vec::new();
    };
    let seen = presence
        .last_seen
        .map(|then| match text::ago(then, model.wall()).as_str() {
            "now" => "last seen just now".to_owned(),
            ago => format!("last seen {ago} ago"),
        });
    let state = match presence.state {
        PresenceState::Online => Some("here".to_owned()),
        PresenceState::Away => Some("away".to_owned()),
        PresenceState::Dnd => Some("not to be disturbed".to_owned()),
        PresenceState::Offline => seen,
    };
    let said = presence.status.as_ref().map(|status| status.text.clone());
    state.into_iter().chain(said).collect()
}

/// `12 members, 5 here`, once it is known who is in the group.
fn members(model: &Model, pane: &Pane) -> Option<String> {
    let members = model.members.get(pane.topic())?;
    let here = members.iter().filter(|member| {
        Some(&member.name) == model.my_name()
            || model.presence_of(&member.name) != PresenceState::Offline
    });
    let number = count(members.len() as u64, "member");
    (!members.is_empty()).then(|| format!("{number}, {} here", here.count()))
}
