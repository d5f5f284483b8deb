//! Where one reads: at the bottom, or at a row that stays where it is on the screen whatever comes or loads.

use std::collections::VecDeque;

use chat_proto::{Rev, Seq};

use super::layout::Layout;
use super::row::Row;
use super::{Geometry, Pane, Place};
use crate::client::copy::Entry;
use crate::text::mention;

/// Rows that a page keeps of the one before.
const PAGE_OVERLAP: u16 = 2;

/// Where the pane stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scroll {
    /// At the end: what comes is shown.
    Bottom,
    /// A row holds its place on the screen.
    At(Anchor),
}

/// A row and its place on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Of what.
    pub place: Place,
    /// Which of its rows, as in [`Row::at`].
    pub at: isize,
    /// On which row of the screen.
    pub screen: usize,
}

/// The rows on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// From the top; fewer than the screen has only where there are no more.
    pub rows: Vec<Row>,
    /// The column behind the last one that is used, counted from the pane's left edge.
    pub right: usize,
    /// Whether the first of all rows is among them.
    pub at_top: bool,
    /// Whether the last of all rows is among them.
    pub at_end: bool,
}

impl View {
    const fn empty(layout: &Layout<'_>) -> Self {
        Self {
            rows: Vec::new(),
            right: layout.frame.right,
            at_top: true,
            at_end: true,
        }
    }
}

/// Rows around one row, which is the `at`-th of them.
struct Span {
    rows: VecDeque<Row>,
    at: usize,
}

impl Pane {
    /// The rows on the screen.
    #[must_use]
    pub fn view(&self, g: &Geometry<'_>) -> View {
        self.view_moved(&Layout::of(self, g), 0)
    }

    /// Whether the end is followed.
    #[must_use]
    pub fn at_bottom(&self) -> bool {
        self.scroll == Scroll::Bottom
    }

    /// Scrolls by rows: down, or up when negative.
    pub fn scroll_rows(&mut self, rows: isize, g: &Geometry<'_>) {
        let layout = Layout::of(self, g);
        let view = self.view_moved(&layout, rows);
        self.stand(&view);
    }

    /// Scrolls a screen up, but for two rows.
    pub fn page_up(&mut self, g: &Geometry<'_>) {
        self.scroll_rows(-page(g), g);
    }

    /// Scrolls a screen down, but for two rows.
    pub fn page_down(&mut self, g: &Geometry<'_>) {
        self.scroll_rows(page(g), g);
    }

    /// To the end, which is followed from then on.
    pub fn to_bottom(&mut self) {
        self.scroll = Scroll::Bottom;
        self.away_from = None;
        self.fill.forget_aim();
    }

    /// To the first message there is; where it is not loaded, [`Pane::wants`] asks for it.
    pub fn to_top(&mut self, g: &Geometry<'_>) {
        let Some(first) = Layout::of(self, g).first() else {
            return;
        };
        let missing = matches!(first, Place::Gap(_));
        self.hold(first, isize::MIN, 0);
        if missing {
            self.fill.aim_at(self.line.first_seq.max(Seq(1)));
        }
    }

    /// To the unread line; says whether there is one. Where it is not loaded [`Pane::wants`] asks for it.
    pub fn to_unread(&mut self, g: &Geometry<'_>) -> bool {
        if let Some(first) = self.unread_missing(g) {
            self.to_seq(first, g);
            return true;
        }
        let Some(rev) = self.unread.as_ref().and_then(|unread| unread.at) else {
            return false;
        };
        let layout = Layout::of(self, g);
        let rows = layout.rows(&Place::Entry(rev));
        let head = rows.iter().filter(|row| row.at < 0).count();
        // One row of what was read before stays, as a bridge.
        let screen = (head + 1).min(usize::from(g.height.saturating_sub(1)));
        self.hold(Place::Entry(rev), 0, screen);
        true
    }

    /// To a message; where it is not loaded [`Pane::wants`] asks for it, and the pane goes there once it is.
    pub fn to_seq(&mut self, seq: Seq, g: &Geometry<'_>) {
        if let Some(rev) = self.window.rev(seq) {
            self.hold(Place::Entry(rev), 0, usize::from(g.height / 3));
            return;
        }
        let beyond = self.window.after(seq).next();
        let gap = Place::Gap(beyond.map(|(_, rev)| rev));
        if Layout::of(self, g).gap(&gap).is_some() {
            self.hold(gap, 0, usize::from(g.height / 3));
            self.fill.aim_at(seq);
        }
    }

    /// To the next mention above; says whether there is one among what is loaded.
    pub fn to_previous_mention(&mut self, g: &Geometry<'_>) -> bool {
        let from = self.mention_from().unwrap_or_else(|| {
            let view = self.view(g);
            let seen = view.rows.iter().rev().find_map(|row| row.seq);
            seen.map_or(Seq(u64::MAX), Seq::next)
        });
        let found = self
            .window
            .before(from)
            .rev()
            .find(|(_, rev)| self.mentions_me(*rev, g));
        self.stand_at_mention(found, g)
    }

    /// To the next mention below; says whether there is one among what is loaded.
    pub fn to_next_mention(&mut self, g: &Geometry<'_>) -> bool {
        let from = self.mention_from().unwrap_or_else(|| {
            let view = self.view(g);
            let seen = view.rows.iter().find_map(|row| row.seq);
            seen.map_or(Seq(0), Seq::prev)
        });
        let found = self
            .window
            .after(from)
            .find(|(_, rev)| self.mentions_me(*rev, g));
        self.stand_at_mention(found, g)
    }

    /// The first unread message, where it lies in a gap.
    fn unread_missing(&self, g: &Geometry<'_>) -> Option<Seq> {
        let first = self.unread.as_ref()?.read.next();
        let beyond = self.window.after(first.prev()).next();
        let gap = Layout::of(self, g).gap(&Place::Gap(beyond.map(|(_, rev)| rev)))?;
        (gap.from <= first && first <= gap.to).then_some(first)
    }

    /// The highest message whose last row is on the screen: what a person may have seen. Nothing while the pane only
    /// waits for the place that it goes to.
    #[must_use]
    pub fn shown_up_to(&self, g: &Geometry<'_>) -> Option<Seq> {
        if self.fill.aims() {
            return None;
        }
        self.shown_end(g).or_else(|| self.shown_anywhere(g))
    }

    /// The last message, where it is the last of all and the end is followed: that takes no look at the rows.
    fn shown_end(&self, g: &Geometry<'_>) -> Option<Seq> {
        if !self.at_bottom() || g.height == 0 || !self.letters(g).is_empty() {
            return None;
        }
        match self.window.last(&self.line, &[])? {
            Place::Entry(rev) => self.window.seq(rev),
            Place::Gap(_) | Place::Letter(_) => None,
        }
    }

    fn shown_anywhere(&self, g: &Geometry<'_>) -> Option<Seq> {
        let view = self.view(g);
        let whole = view.rows.iter().filter(|row| row.last);
        whole.filter_map(|row| row.seq).max()
    }

    /// The mention that was jumped to, if the pane still stands there.
    fn mention_from(&self) -> Option<Seq> {
        let (seq, scroll) = self.mention.as_ref()?;
        (*scroll == self.scroll).then_some(*seq)
    }

    fn mentions_me(&self, rev: Rev, g: &Geometry<'_>) -> bool {
        let (Some(Entry::Message(message)), Some(me)) = (self.window.entry(rev), g.me) else {
            return false;
        };
        message.from.name != *me && mention::mentions(&message.text, me)
    }

    fn stand_at_mention(&mut self, found: Option<(Seq, Rev)>, g: &Geometry<'_>) -> bool {
        let Some((seq, rev)) = found else {
            return false;
        };
        self.hold(Place::Entry(rev), 0, usize::from(g.height / 3));
        self.mention = Some((seq, self.scroll.clone()));
        true
    }

    /// What is unread is looked for where the pane opens.
    pub(super) fn open_at_unread(&mut self, g: &Geometry<'_>) {
        if let Some(first) = self.unread_missing(g) {
            self.away_from = Some(first);
            self.to_seq(first, g);
            return;
        }
        let Some(rev) = self.unread.as_ref().and_then(|unread| unread.at) else {
            return;
        };
        let place = Place::Entry(rev);
        let layout = Layout::of(self, g);
        let first = layout.rows(&place).first().map_or(0, |row| row.at);
        let first = |row: &Row| row.place == place && row.at == first;
        let fits = self.view_moved(&layout, 0).rows.iter().any(first);
        if !fits {
            self.away_from = self.window.seq(rev);
            self.to_unread(g);
        }
    }

    /// Follows the end again if it is on the screen, and nothing is selected that must not move.
    pub(super) fn follow_end(&mut self, g: &Geometry<'_>) {
        // On the way to another place the end may be on the screen and is not what one reads.
        let stays = self.selected.is_some() || self.fill.aims();
        if self.scroll != Scroll::Bottom && !stays && self.view(g).at_end {
            self.to_bottom();
        }
    }

    /// Holds a row on the screen.
    pub(super) fn hold(&mut self, place: Place, at: isize, screen: usize) {
        self.fill.forget_aim();
        self.scroll = Scroll::At(Anchor { place, at, screen });
    }

    /// Stands where `view` shows.
    fn stand(&mut self, view: &View) {
        if view.at_end && self.selected.is_none() {
            self.to_bottom();
        } else {
            self.pin(view);
        }
    }

    /// Holds what `view` shows: the first words in it, else its first row.
    pub(super) fn pin(&mut self, view: &View) {
        let words = |row: &&Row| row.at >= 0 && !matches!(row.place, Place::Gap(_));
        let found = view.rows.iter().position(|row| words(&row)).unwrap_or(0);
        if let Some(row) = view.rows.get(found) {
            self.hold(row.place.clone(), row.at, found);
        }
    }

    /// The rows on the screen after scrolling by `by`.
    pub(super) fn view_moved(&self, layout: &Layout<'_>, by: isize) -> View {
        let height = usize::from(layout.g.height);
        let Some(anchor) = self.anchor(layout) else {
            return View::empty(layout);
        };
        let above = height + by.min(0).unsigned_abs();
        let below = height + by.max(0).unsigned_abs();
        let mut span = span(layout, &anchor, (above, below));
        let start_max = span.rows.len().saturating_sub(height);
        let start = signed(span.at) - signed(anchor.screen) + by;
        let start = usize::try_from(start).unwrap_or(0).min(start_max);
        let end = (start + height).min(span.rows.len());
        let rows: Vec<Row> = span.rows.drain(start..end).collect();
        let none_below = |row: &Row| row.last && layout.below(&row.place).is_none();
        let none_above = |row: &Row| start == 0 && layout.above(&row.place).is_none();
        View {
            at_top: rows.first().is_none_or(none_above),
            at_end: rows.last().is_none_or(none_below),
            right: layout.frame.right,
            rows,
        }
    }

    /// The row that the screen is laid out from.
    fn anchor(&self, layout: &Layout<'_>) -> Option<Anchor> {
        let bottom = |layout: &Layout<'_>| {
            Some(Anchor {
                place: layout.last()?,
                at: isize::MAX,
                screen: usize::from(layout.g.height).saturating_sub(1),
            })
        };
        match &self.scroll {
            Scroll::Bottom => bottom(layout),
            Scroll::At(anchor) => match self.resolve(&anchor.place, layout) {
                Some(place) => Some(Anchor {
                    place,
                    ..anchor.clone()
                }),
                None => bottom(layout),
            },
        }
    }

    /// What became of a place: a letter that was stored is a message, a gap that was filled is what stood below it.
    pub(super) fn resolve(&self, place: &Place, layout: &Layout<'_>) -> Option<Place> {
        match place {
            Place::Letter(id) => match layout.letter(place) {
                Some(_) => Some(place.clone()),
                None => self.window.rev_of(id).map(Place::Entry),
            },
            Place::Gap(rev) => match (layout.gap(place), rev) {
                (Some(_), _) => Some(place.clone()),
                (None, Some(rev)) => self.resolve(&Place::Entry(*rev), layout),
                (None, None) => self.window.entry_before(None).map(Place::Entry),
            },
            Place::Entry(rev) if self.window.entry(*rev).is_some() => Some(place.clone()),
            Place::Entry(rev) => {
                let near = self.window.entry_after(Some(*rev));
                near.or_else(|| self.window.entry_before(None))
                    .map(Place::Entry)
            }
        }
    }
}

/// Rows around the anchor, so many above and below as far as there are.
fn span(layout: &Layout<'_>, anchor: &Anchor, (above_max, below_max): (usize, usize)) -> Span {
    let mut rows: VecDeque<Row> = layout.rows(&anchor.place).into();
    let of_anchor = |row: &Row| row.at >= anchor.at;
    let mut at = rows
        .iter()
        .position(of_anchor)
        .unwrap_or(rows.len().saturating_sub(1));
    let (mut top, mut end) = (anchor.place.clone(), anchor.place.clone());
    while at < above_max
        && let Some(above) = layout.above(&top)
    {
        for row in layout.rows(&above).into_iter().rev() {
            rows.push_front(row);
            at += 1;
        }
        top = above;
    }
    while rows.len() - at <= below_max
        && let Some(below) = layout.below(&end)
    {
        rows.extend(layout.rows(&below));
        end = below;
    }
    Span { rows, at }
}

fn page(g: &Geometry<'_>) -> isize {
    signed(usize::from(g.height.saturating_sub(PAGE_OVERLAP).max(1)))
}

fn signed(rows: usize) -> isize {
    isize::try_from(rows).unwrap_or(isize::MAX)
}
