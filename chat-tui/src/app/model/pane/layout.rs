//! The rows of one place of the pane: the lines above it, who wrote it when, its words, what became of it.

use std::collections::BTreeMap;

use chat_proto::{Event, Message, Name, Rev, Role, Time};

use super::body::{self, Text, Words};
use super::geometry::{Frame, Geometry};
use super::receipts::{self, Receipts};
use super::row::{Bar, Piece, Row, Rule, Shape, Tone, cells};
use super::{Gap, Pane, Place};
use crate::client::copy::Entry;
use crate::client::outbox::Letter;
use crate::text::{self, Shown, count, mention};

/// Messages of one author that are further apart stand under a name of their own.
const GROUP_SECONDS: i64 = 7 * 60;

/// Lays out places of a pane, one by one.
pub(super) struct Layout<'a> {
    pub(super) pane: &'a Pane,
    pub(super) g: &'a Geometry<'a>,
    /// The letters of this conversation that are not in its log yet.
    pub(super) letters: Vec<&'a Letter>,
    pub(super) frame: Frame,
    receipts: Receipts,
}

/// Who wrote something, and when.
struct Written<'a> {
    by: &'a Name,
    at: Time,
}

impl<'a> Layout<'a> {
    pub(super) fn of(pane: &'a Pane, g: &'a Geometry<'a>) -> Self {
        Self {
            pane,
            g,
            letters: pane.letters(g),
            frame: Frame::of(g),
            receipts: Receipts::of(&pane.window, &pane.line, g.me),
        }
    }

    pub(super) fn above(&self, place: &Place) -> Option<Place> {
        self.pane
            .window
            .above(place, &self.pane.line, &self.letters)
    }

    pub(super) fn below(&self, place: &Place) -> Option<Place> {
        self.pane
            .window
            .below(place, &self.pane.line, &self.letters)
    }

    pub(super) fn first(&self) -> Option<Place> {
        self.pane.window.first(&self.pane.line, &self.letters)
    }

    pub(super) fn last(&self) -> Option<Place> {
        self.pane.window.last(&self.pane.line, &self.letters)
    }

    pub(super) fn gap(&self, place: &Place) -> Option<Gap> {
        match place {
            Place::Gap(above) => self.pane.window.gap(*above, &self.pane.line),
            Place::Entry(_) | Place::Letter(_) => None,
        }
    }

    pub(super) fn letter(&self, place: &Place) -> Option<&'a Letter> {
        let Place::Letter(id) = place else {
            return None;
        };
        self.letters.iter().find(|letter| letter.id == *id).copied()
    }

    /// The rows of a place: at least one.
    pub(super) fn rows(&self, place: &Place) -> Vec<Row> {
        let mut rows = Rows::new(place.clone());
        match place {
            Place::Gap(_) => rows.own(self.gap_row(place)),
            Place::Letter(_) => {
                if let Some(letter) = self.letter(place) {
                    self.letter_rows(&mut rows, letter);
                }
            }
            Place::Entry(rev) => match self.pane.window.entry(*rev) {
                Some(Entry::Message(message)) => self.message_rows(&mut rows, *rev, message),
                Some(Entry::Change(event)) => rows.words(self.change_row(event)),
                None => {}
            },
        }
        let mut rows = rows.done();
        if self.pane.selected.as_ref() == Some(place) {
            for row in rows.iter_mut().filter(|row| row.at >= 0) {
                row.bar = Some(Bar::Selected);
            }
        }
        rows
    }

    fn gap_row(&self, place: &Place) -> Shape {
        let gap = self.gap(place);
        let messages = count(gap.map_or(0, Gap::messages), "message");
        let label = match gap.is_some_and(|gap| self.pane.fill.asked(gap)) {
            true => format!("loading {messages}{}", self.frame.glyphs.ellipsis),
            false => format!("{messages} not loaded {} Enter", self.frame.glyphs.dot),
        };
        Shape::Rule(Rule::Gap, Shown::line(&label).into_owned())
    }

    fn message_rows(&self, rows: &mut Rows, rev: Rev, message: &Message) {
        rows.seq = Some(message.seq);
        let by_me = self.g.me == Some(&message.from.name);
        let deleted = message.deleted;
        if self
            .g
            .me
            .is_some_and(|me| !by_me && mention::mentions(&message.text, me))
        {
            rows.bar = Some(Bar::Mention);
        }
        let before = self.pane.window.message_before(message.seq);
        let before = before.and_then(written);
        let day = self.day_rule(before.as_ref().map(|before| before.at), message.sent_at);
        let unread = self.unread_rule(rev);
        let apart = day.is_some() || unread.is_some();
        for rule in [day, unread].into_iter().flatten() {
            rows.head(rule);
        }
        let place = Place::Entry(rev);
        let now = Written {
            by: &message.from.name,
            at: message.sent_at,
        };
        if apart || !self.goes_on(&place, &now) {
            rows.head(self.name_row(&now));
        }
        if !deleted && let Some(answered) = message.reply_to {
            rows.words(self.reply_row(answered));
        }
        let mut own = match deleted {
            true => vec![self.remark("message deleted")],
            false => self.body(message, rev),
        };
        if !deleted && message.edited_at.is_some() {
            self.append(&mut own, Piece::own(" (edited)", Tone::Quiet));
        }
        if !deleted && !message.reactions.is_empty() {
            own.push(self.reactions_row(message));
        }
        if by_me {
            let line = &self.pane.line;
            let state = self.receipts.pieces(message.seq, line, self.frame.glyphs);
            self.at_right(&mut own, state);
        }
        own.into_iter().for_each(|words| rows.words(words));
    }

    fn body(&self, message: &Message, rev: Rev) -> Vec<Words> {
        let name = message.file.as_ref().map(|file| file.name.as_str());
        let text = match message.text.is_empty() {
            true => name.unwrap_or_default(),
            false => &message.text,
        };
        let text = Text {
            text,
            kind: &message.kind,
            lang: message.lang.as_deref(),
            expanded: self.pane.expanded.contains(&Place::Entry(rev)),
        };
        body::rows(text, &self.frame, self.g.me)
    }

    fn letter_rows(&self, rows: &mut Rows, letter: &Letter) {
        let place = Place::Letter(letter.id.clone());
        if let Some(me) = self.g.me {
            let now = Written {
                by: me,
                at: letter.queued_at,
            };
            if !self.goes_on(&place, &now) {
                rows.head(self.name_row(&now));
            }
        }
        if let Some(answered) = letter.publish.reply_to {
            rows.words(self.reply_row(answered));
        }
        let text = Text {
            text: &letter.publish.text,
            kind: &letter.publish.kind,
            lang: letter.publish.lang.as_deref(),
            expanded: self.pane.expanded.contains(&place),
        };
        let mut own = body::rows(text, &self.frame, self.g.me);
        let room = self.frame.right.saturating_sub(1 + self.frame.indent);
        self.at_right(
            &mut own,
            receipts::of_letter(letter, self.frame.glyphs, room),
        );
        own.into_iter().for_each(|words| rows.words(words));
    }

    /// Whether something is said by who spoke last, soon after and with nothing between.
    fn goes_on(&self, place: &Place, now: &Written<'_>) -> bool {
        let Some(above) = self.above(place) else {
            return false;
        };
        let before = match &above {
            Place::Gap(_) => None,
            Place::Entry(rev) => self.pane.window.entry(*rev).and_then(written),
            Place::Letter(_) => {
                let letter = self.letter(&above);
                let by = self.g.me;
                letter.zip(by).map(|(letter, by)| Written {
                    by,
                    at: letter.queued_at,
                })
            }
        };
        before.is_some_and(|before| {
            let apart = now.at.seconds().saturating_sub(before.at.seconds());
            before.by == now.by && apart <= GROUP_SECONDS
        })
    }

    fn day_rule(&self, before: Option<Time>, now: Time) -> Option<Shape> {
        let day = text::day(now, &self.frame.zone);
        if before.is_some_and(|before| text::day(before, &self.frame.zone) == day) {
            return None;
        }
        let label = text::day_label(day, self.frame.today);
        Some(Shape::Rule(Rule::Day, Shown::line(&label).into_owned()))
    }

    fn unread_rule(&self, rev: Rev) -> Option<Shape> {
        let unread = self.pane.unread.as_ref()?;
        let label = format!("{} new", unread.count);
        let label = Shown::line(&label).into_owned();
        (unread.at == Some(rev)).then_some(Shape::Rule(Rule::Unread, label))
    }

    fn name_row(&self, now: &Written<'_>) -> Shape {
        let name = Shown::line(now.by.as_str());
        let name = match self.g.me == Some(now.by) {
            true => Piece::new(name, Tone::Own),
            false => Piece::new(name, Tone::Author(now.by.clone())),
        };
        let clock = Piece::quiet(&text::clock(now.at, &self.frame.zone));
        let pieces = match self.frame.wide {
            true => vec![clock, Piece::own("  ", Tone::Quiet), name],
            false => vec![name, Piece::own(" ", Tone::Quiet), clock],
        };
        Shape::Words {
            indent: 0,
            pieces,
            right: Vec::new(),
        }
    }

    fn reply_row(&self, answered: chat_proto::Seq) -> Words {
        let window = &self.pane.window;
        let entry = window.rev(answered).and_then(|rev| window.entry(rev));
        let said = match entry {
            Some(Entry::Message(message)) if message.deleted => {
                format!("{}: message deleted", message.from.name)
            }
            Some(Entry::Message(message)) => {
                format!(
                    "{}: {}",
                    message.from.name,
                    Shown::preview(first_line(&message.text))
                )
            }
            _ => "an earlier message".to_owned(),
        };
        let said = format!("{} {said}", self.frame.glyphs.reply);
        let said = Shown::line(&said);
        let said = said.truncate(self.frame.text_cells(), self.frame.glyphs.ellipsis);
        Words {
            indent: self.frame.indent,
            pieces: vec![Piece::new(said, Tone::Quiet)],
            right: Vec::new(),
        }
    }

    fn reactions_row(&self, message: &Message) -> Words {
        let said = message
            .reactions
            .iter()
            .map(|reaction| match &*reaction.by {
                [one] => format!("{} {one}", reaction.emoji),
                many => format!("{} {}", reaction.emoji, many.len()),
            });
        let said = said.collect::<Vec<_>>().join("  ");
        self.remark(&said)
    }

    fn change_row(&self, event: &Event) -> Words {
        match event {
            Event::Join(member) => self.remark(&format!("{} joined", member.name)),
            Event::Leave(member) => self.remark(&format!("{} left", member.name)),
            Event::Group(change) => match (&change.title, &change.description, change.archived) {
                (Some(title), ..) => self.remark(&format!("the title is \"{title}\" from here on")),
                (_, Some(text), _) => self.remark(&format!("it is about: {text}")),
                (.., Some(true)) => self.remark("the group is archived"),
                (.., Some(false)) => self.remark("the group is archived no more"),
                _ => self.remark(&roles(&change.roles)),
            },
            _ => self.remark("the group changed"),
        }
    }

    /// A quiet row of the program's own words, with what somebody wrote among them.
    fn remark(&self, said: &str) -> Words {
        let said = Shown::preview(said);
        let said = said.truncate(self.frame.text_cells(), self.frame.glyphs.ellipsis);
        Words {
            indent: self.frame.indent,
            pieces: vec![Piece::new(said, Tone::Quiet)],
            right: Vec::new(),
        }
    }

    /// Puts a piece behind the last row, or on one of its own where it does not fit.
    fn append(&self, own: &mut Vec<Words>, piece: Piece) {
        let fits = |words: &Words| {
            let used = 1 + words.indent + cells(&words.pieces) + cells(&words.right);
            used + piece.text.width() <= self.frame.right && words.right.is_empty()
        };
        match own.last_mut() {
            Some(last) if fits(last) => last.pieces.push(piece),
            _ => own.push(Words {
                indent: self.frame.indent,
                pieces: vec![piece],
                right: Vec::new(),
            }),
        }
    }

    /// Puts a state at the right edge of the last row, or on a row of its own where it does not fit.
    fn at_right(&self, own: &mut Vec<Words>, state: Vec<Piece>) {
        if state.is_empty() {
            return;
        }
        let fits = |words: &Words| {
            let used = 1 + words.indent + cells(&words.pieces) + 2;
            used + cells(&state) <= self.frame.right && words.right.is_empty()
        };
        match own.last_mut() {
            Some(last) if fits(last) => last.right = state,
            _ => own.push(Words {
                right: state,
                ..Words::default()
            }),
        }
    }
}

/// The first line with words, for a quick reminder.
fn first_line(text: &str) -> &str {
    let words = |line: &&str| !line.trim().is_empty();
    text.lines().find(words).unwrap_or_default()
}

fn written(entry: &Entry) -> Option<Written<'_>> {
    match entry {
        Entry::Message(message) => Some(Written {
            by: &message.from.name,
            at: message.sent_at,
        }),
        Entry::Change(_) => None,
    }
}

/// Collects the rows of a place.
struct Rows {
    place: Place,
    seq: Option<chat_proto::Seq>,
    bar: Option<Bar>,
    head: usize,
    shapes: Vec<Shape>,
}

impl Rows {
    const fn new(place: Place) -> Self {
        Self {
            place,
            seq: None,
            bar: None,
            head: 0,
            shapes: Vec::new(),
        }
    }

    /// A row above the place's own; only before all of those.
    fn head(&mut self, shape: Shape) {
        debug_assert_eq!(self.head, self.shapes.len());
        self.head += 1;
        self.shapes.push(shape);
    }

    fn own(&mut self, shape: Shape) {
        self.shapes.push(shape);
    }

    fn words(&mut self, words: Words) {
        let Words {
            indent,
            pieces,
            right,
        } = words;
        self.own(Shape::Words {
            indent,
            pieces,
            right,
        });
    }

    fn done(mut self) -> Vec<Row> {
        if self.shapes.len() == self.head {
            self.words(Words::default());
        }
        let count = self.shapes.len();
        let head = isize::try_from(self.head).unwrap_or(0);
        let row = |(index, shape)| Row {
            place: self.place.clone(),
            at: isize::try_from(index).unwrap_or(isize::MAX) - head,
            last: index + 1 == count,
            seq: self.seq,
            bar: self.bar.filter(|_| index >= self.head),
            shape,
        };
        self.shapes.into_iter().enumerate().map(row).collect()
    }
}

/// `ben is an admin now`, of each whose role changed.
fn roles(changed: &BTreeMap<Name, Role>) -> String {
    let now = changed.iter().map(|(name, role)| match role {
        Role::Owner => format!("{name} owns the group now"),
        Role::Admin => format!("{name} is an admin now"),
        Role::Member => format!("{name} is a member now"),
        Role::ReadOnly => format!("{name} only reads now"),
    });
    now.collect::<Vec<_>>().join(", ")
}
