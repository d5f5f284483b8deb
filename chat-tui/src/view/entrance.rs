//! The first run: one question at a time, with a sentence that helps, and what was answered above it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;

use super::look::{Look, key, shown};
use crate::app::model::Model;
use crate::app::model::entrance::{Entrance, Question};
use crate::keymap::Command;
use crate::text;

/// Cells of the form, where there is room.
const WIDTH: u16 = 64;

/// Writes one row after the other, as long as there is room.
struct Form<'a> {
    look: Look,
    area: Rect,
    y: u16,
    buffer: &'a mut Buffer,
}

impl Form<'_> {
    /// Leaves a row free, where there is room for that.
    fn gap(&mut self) {
        if self.area.height > 14 {
            self.y += 1;
        }
    }

    fn sentence(&mut self, words: &str, style: Style) {
        let words = shown(words);
        let rows: Vec<_> = words.wrap(usize::from(self.area.width.max(1))).collect();
        for row in rows {
            let at = (self.area.x, self.y);
            text::draw(self.buffer, self.area, at, words.part(row).as_str(), style);
            self.y += 1;
        }
    }
}

/// The form; gives back where the cursor stands.
pub fn render(model: &Model, entrance: &Entrance, buffer: &mut Buffer) -> Option<Position> {
    let look = Look::of(&model.preferences);
    let screen = buffer.area;
    let width = WIDTH.min(screen.width.saturating_sub(2));
    let area = Rect {
        x: screen.x + (screen.width - width) / 2,
        width,
        ..screen
    };
    let y = area.y + area.height / 6;
    let mut form = Form {
        look,
        area,
        y,
        buffer,
    };
    let theme = look.theme;
    answered(entrance, &mut form);
    form.sentence(question(entrance), theme.strong);
    // Where there is little room the answer is worth more than the advice.
    if area.height > 8 {
        form.sentence(advice(entrance), theme.quiet);
    }
    form.gap();
    let cursor = match entrance.question {
        Question::Account => {
            choice(entrance, &mut form);
            None
        }
        _ => field(entrance, &mut form),
    };
    form.gap();
    if entrance.waiting {
        let words = format!("asking {}{}", entrance.server_shown(), look.dots());
        form.sentence(&words, theme.quiet);
    } else if let Some(complaint) = &entrance.complaint {
        let words = format!("{} {complaint}", look.glyphs.failed);
        form.sentence(&words, theme.failure);
    }
    keys(model, entrance, &mut form);
    cursor.filter(|_| !entrance.waiting)
}

/// What was answered so far; never a password.
fn answered(entrance: &Entrance, form: &mut Form<'_>) {
    let quiet = form.look.theme.quiet;
    let mut answers = Vec::new();
    if entrance.question != Question::Server {
        let how = if entrance.invite.is_some() {
            ", by invite"
        } else {
            ""
        };
        answers.push(format!("server    {}{how}", entrance.server_shown()));
    }
    if !matches!(entrance.question, Question::Server | Question::Account) {
        let account = if entrance.new { "a new one" } else { "log in" };
        answers.push(format!("account   {account}"));
    }
    if matches!(entrance.question, Question::Password | Question::Again) {
        answers.push(format!("name      {}", entrance.name.text().trim()));
    }
    let room = usize::from(form.area.height / 4);
    let skipped = answers.len().saturating_sub(room);
    for answer in answers.iter().skip(skipped) {
        let at = (form.area.x, form.y, form.area.width);
        form.look
            .left(form.buffer, form.area, at, &shown(answer), quiet);
        form.y += 1;
    }
    if !answers.is_empty() {
        form.gap();
    }
}

const fn question(entrance: &Entrance) -> &'static str {
    match (entrance.question, entrance.new) {
        (Question::Server, _) => "Which server do you chat on?",
        (Question::Account, _) => "Do you have an account there?",
        (Question::Name, true) => "What name do you want?",
        (Question::Name, false) => "What is your name there?",
        (Question::Password, true) => "Think of a password",
        (Question::Password, false) => "Your password?",
        (Question::Again, _) => "The same password once more?",
    }
}

const fn advice(entrance: &Entrance) -> &'static str {
    match (entrance.question, entrance.new) {
        (Question::Server, _) => {
            "Its address, as https://chat.example.org, or an invite link. The command chat-server starts one of your own, at http://127.0.0.1:8080."
        }
        (Question::Account, _) => "Up and Down choose, Enter goes on.",
        (Question::Name, true) => {
            "Others write to you by it, and it stays: letters a-z, digits, '.', '_' and '-', 32 at the most."
        }
        (Question::Name, false) => "The one that you took when you made the account.",
        (Question::Password, true) => {
            "10 characters or more: a few words are easy to keep in mind."
        }
        (Question::Password, false) => {
            "It is sent to the server alone and not kept on this machine."
        }
        (Question::Again, _) => "So that no slip of a key locks you out.",
    }
}

fn choice(entrance: &Entrance, form: &mut Form<'_>) {
    let theme = form.look.theme;
    for (new, words) in [(false, "yes: log in"), (true, "no: make a new account")] {
        let at = (form.area.x, form.y);
        if entrance.new == new {
            let bar = form.look.glyphs.selected;
            text::draw(form.buffer, form.area, at, bar, theme.accent);
        }
        let style = if entrance.new == new {
            theme.strong
        } else {
            theme.text
        };
        text::draw(form.buffer, form.area, (at.0 + 2, at.1), words, style);
        form.y += 1;
    }
}

/// What is typed, or as many dots; the part around the cursor, where it is too long.
fn field(entrance: &Entrance, form: &mut Form<'_>) -> Option<Position> {
    let field = entrance.field()?;
    let masked = matches!(entrance.question, Question::Password | Question::Again);
    let look = form.look;
    let before: String = field.text().chars().take(field.cursor()).collect();
    let after: String = field.text().chars().skip(field.cursor()).collect();
    let show = |text: &str| match masked {
        true => look.glyphs.masked.repeat(text.chars().count()),
        false => String::from(shown(text)),
    };
    let (before, after) = (show(&before), show(&after));
    let at = (form.area.x, form.y);
    text::draw(
        form.buffer,
        form.area,
        at,
        look.glyphs.prompt,
        look.theme.accent,
    );
    let left = form.area.x + 2;
    let room = usize::from(form.area.right().saturating_sub(left + 1));
    let before = end_of(&before, room);
    let style = look.theme.text;
    let x = text::draw(form.buffer, form.area, (left, form.y), before, style);
    text::draw(form.buffer, form.area, (x, form.y), &after, style);
    let cursor = Position::new(x.min(form.area.right().saturating_sub(1)), form.y);
    form.y += 1;
    form.area.contains(cursor).then_some(cursor)
}

/// As much of the end of `text` as fits into `room` cells.
fn end_of(text: &str, room: usize) -> &str {
    let mut start = text.len();
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        used += text::cells_of(grapheme);
        if used > room {
            break;
        }
        start = at;
    }
    text.get(start..).unwrap_or_default()
}

/// The last row: which keys there are.
fn keys(model: &Model, entrance: &Entrance, form: &mut Form<'_>) {
    let look = form.look;
    let mut parts = Vec::new();
    if entrance.waiting {
        parts.push("Esc gives up".to_owned());
    } else {
        parts.push("Enter goes on".to_owned());
        if entrance.before().is_some() {
            parts.push("Esc goes back".to_owned());
        }
    }
    parts.extend(key(&model.keymap, Command::Quit).map(|key| format!("{key} quits")));
    let y = form.area.bottom().saturating_sub(1);
    let at = (form.area.x, y, form.area.width);
    let words = look.joined(&parts);
    if y >= form.y {
        look.left(form.buffer, form.area, at, &shown(&words), look.theme.quiet);
    }
}

impl Entrance {
    /// The server, as far as it is known.
    fn server_shown(&self) -> String {
        self.url
            .as_ref()
            .map_or_else(|| "the server".to_owned(), ToString::to_string)
    }
}
