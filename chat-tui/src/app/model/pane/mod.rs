//! The open conversation: a part of its log, how far it is scrolled, what is selected. It is laid out row by row from
//! where one reads, never as a whole, so that a draw and a key cost a screen, however long the log is.

mod body;
mod fill;
mod geometry;
mod inline;
mod layout;
mod receipts;
pub mod row;
mod scroll;
mod select;
mod window;

use std::collections::HashSet;

use chat_proto::{ConversationKind, MessageId, Name, Rev, Seq};

pub use self::body::code_of;
use self::fill::Filling;
pub use self::geometry::Geometry;
pub use self::scroll::{Scroll, View};
pub use self::select::Selected;
use self::window::Window;
use crate::client::copy::{Entry, Line};
use crate::client::outbox::Letter;

/// What a row of the pane belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// What is missing right above this entry, or after the last one.
    Gap(Option<Rev>),
    /// An entry of the log.
    Entry(Rev),
    /// Something that the server is not known to have.
    Letter(MessageId),
}

/// Whether somebody sees what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// The terminal has the focus, and the conversation is on the screen.
    BySomebody,
    /// It has not, or what comes is what was missed.
    ByNobody,
}

/// Messages that are not loaded: the first and the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The first.
    pub from: Seq,
    /// The last.
    pub to: Seq,
}

impl Gap {
    /// How many they are.
    #[must_use]
    pub const fn messages(self) -> u64 {
        self.to.0.saturating_sub(self.from.0).saturating_add(1)
    }
}

/// The line over what was not read when the conversation was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unread {
    /// The mark at the opening.
    read: Seq,
    /// The message that the line stands over, once one is loaded.
    at: Option<Rev>,
    /// Messages of others below it.
    count: u64,
}

/// The open conversation.
#[derive(Debug, Clone)]
pub struct Pane {
    window: Window,
    /// What the list knows of it: its marks, its first and last number.
    line: Line,
    /// Whether the copy answered: until then it is not known to be empty.
    opened: bool,
    unread: Option<Unread>,
    scroll: Scroll,
    selected: Option<Place>,
    expanded: HashSet<Place>,
    fill: Filling,
    /// The first message that came while one read further up.
    away_from: Option<Seq>,
    /// The mention that was jumped to, and where the pane stood then.
    mention: Option<(Seq, Scroll)>,
}

impl Pane {
    /// A conversation that was asked for.
    #[must_use]
    pub fn new(topic: Name) -> Self {
        Self {
            window: Window::default(),
            line: Line::new(topic, ConversationKind::Direct),
            opened: false,
            unread: None,
            scroll: Scroll::Bottom,
            selected: None,
            expanded: HashSet::new(),
            fill: Filling::default(),
            away_from: None,
            mention: None,
        }
    }

    /// Its topic.
    #[must_use]
    pub const fn topic(&self) -> &Name {
        &self.line.topic
    }

    /// What the list knows of it.
    #[must_use]
    pub const fn line(&self) -> &Line {
        &self.line
    }

    /// Whether the copy answered.
    #[must_use]
    pub const fn opened(&self) -> bool {
        self.opened
    }

    /// An entry by its number, where it is loaded.
    #[must_use]
    pub fn message(&self, seq: Seq) -> Option<&Entry> {
        self.window.entry(self.window.rev(seq)?)
    }

    /// Whether there is nothing at all to show.
    #[must_use]
    pub fn is_empty(&self, g: &Geometry<'_>) -> bool {
        let letters = self.letters(g);
        self.window.last(&self.line, &letters).is_none()
    }

    /// What the copy has of it: everything from before is forgotten, and the unread line is drawn anew.
    ///
    /// It opens at the bottom if what is unread fits, else with the unread line near the top.
    pub fn handle_opened(&mut self, line: Line, entries: Vec<Entry>, g: &Geometry<'_>) {
        let (read, count) = (line.read_seq, line.unread);
        *self = Self::new(line.topic.clone());
        self.opened = true;
        self.line = line;
        self.put(entries);
        if count > 0 {
            let at = None;
            self.unread = Some(Unread { read, at, count });
            self.place_unread(g);
            self.open_at_unread(g);
        }
        self.trim();
    }

    /// Changes at the end of its log. What comes while nobody looks is new when somebody looks again: the unread line
    /// stands over it, and the pane stays there.
    pub fn handle_came(
        &mut self,
        line: Line,
        entries: Vec<Entry>,
        watched: Watched,
        g: &Geometry<'_>,
    ) {
        if line.topic != self.line.topic {
            return;
        }
        self.follow_end(g);
        self.line = line;
        let last = self.window.last_seq();
        self.put(entries);
        let came: Vec<(Seq, bool)> = self.came_above(last, g);
        let of_others = came.iter().filter(|(_, mine)| !mine).count() as u64;
        if watched == Watched::ByNobody && of_others > 0 && self.all_was_read(last) {
            let (read, at) = (last.unwrap_or_default(), None);
            self.unread = Some(Unread { read, at, count: 0 });
        }
        if came.iter().any(|(_, mine)| *mine) {
            self.unread = None;
        } else if let Some(unread) = &mut self.unread {
            unread.count = unread.count.saturating_add(of_others);
        }
        if self.scroll != Scroll::Bottom
            && let Some((first, _)) = came.first()
        {
            self.away_from.get_or_insert(*first);
        }
        self.place_unread(g);
        if watched == Watched::ByNobody && self.at_bottom() {
            self.open_at_unread(g);
        }
        self.land(g);
        self.trim();
    }

    /// Whether everything up to `last` was read: an unread line that stands there is over.
    fn all_was_read(&self, last: Option<Seq>) -> bool {
        last.unwrap_or_default() <= self.line.read_seq
    }

    /// The list says that it is so: marks moved, or its end.
    pub fn handle_line(&mut self, line: &Line) {
        if line.topic == self.line.topic {
            self.line = line.clone();
        }
    }

    /// One wrote something here: what was new is seen, and the end is shown.
    pub fn sent(&mut self, g: &Geometry<'_>) {
        self.unread = None;
        self.leave(g);
        self.to_bottom();
    }

    /// How many messages of others came, or were unread, below what is on the screen.
    #[must_use]
    pub fn away_count(&self, g: &Geometry<'_>) -> u64 {
        let (Some(from), Scroll::At(_)) = (self.away_from, &self.scroll) else {
            return 0;
        };
        let seen = self.shown_up_to(g).unwrap_or_default().max(from.prev());
        let own = g.me.and_then(|me| self.window.written_by(me));
        let own = own.map_or(0, |own| own.range(seen.next()..).count() as u64);
        self.line
            .last_seq
            .0
            .saturating_sub(seen.0)
            .saturating_sub(own)
    }

    /// Messages that are new since `last` was the last one, and whether they are one's own.
    fn came_above(&self, last: Option<Seq>, g: &Geometry<'_>) -> Vec<(Seq, bool)> {
        let new = self.window.after(last.unwrap_or_default());
        let own = |rev| match self.window.entry(rev) {
            Some(Entry::Message(message)) => g.me == Some(&message.from.name),
            _ => false,
        };
        new.map(|(seq, rev)| (seq, own(rev))).collect()
    }

    fn put(&mut self, entries: Vec<Entry>) -> bool {
        let mut new = false;
        for entry in entries {
            new |= self.window.put(entry);
        }
        if let Some(last) = self.window.last_seq() {
            self.line.last_seq = self.line.last_seq.max(last);
        }
        new
    }

    /// The unread line stands over the first message of others above the mark.
    fn place_unread(&mut self, g: &Geometry<'_>) {
        let Some(unread) = &self.unread else { return };
        let of_others = |(_, rev): &(Seq, Rev)| match self.window.entry(*rev) {
            Some(Entry::Message(message)) => g.me != Some(&message.from.name),
            _ => false,
        };
        let at = self.window.after(unread.read).find(of_others);
        let at = at.map(|(_, rev)| rev);
        if let Some(unread) = &mut self.unread {
            unread.at = at;
        }
    }

    /// The letters of this conversation, without those that its log already has.
    fn letters<'a>(&self, g: &Geometry<'a>) -> Vec<&'a Letter> {
        let here = |letter: &&Letter| {
            *letter.topic() == self.line.topic && self.window.rev_of(&letter.id).is_none()
        };
        g.letters.iter().filter(here).collect()
    }

    fn trim(&mut self) {
        let near = match &self.scroll {
            Scroll::Bottom => None,
            Scroll::At(anchor) => match &anchor.place {
                Place::Entry(rev) | Place::Gap(Some(rev)) => Some(*rev),
                Place::Gap(None) | Place::Letter(_) => None,
            },
        };
        self.window.trim(near);
    }
}

#[cfg(test)]
pub(crate) mod sample_tests;
#[cfg(test)]
mod tests;
