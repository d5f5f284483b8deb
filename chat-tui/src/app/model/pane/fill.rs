//! What is missing and wanted: the gap that is read towards is asked for once, from the end that is read next.

use chat_proto::{Name, Seq};

use super::layout::Layout;
use super::row::Row;
use super::{Gap, Geometry, Pane, Place, Scroll};
use crate::client::agent::{Ask, Near, PAGE_ENTRIES};
use crate::client::copy::Entry;

/// What was asked, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filling {
    /// Asked, and not answered yet.
    asked: Option<Gap>,
    /// What brought nothing: a person, or a new connection, has to say so before it is tried again.
    failed: Vec<Gap>,
    /// A message that the pane goes to once it is loaded.
    aim: Option<Seq>,
}

impl Filling {
    /// Whether (a part of) `gap` is on its way.
    pub(super) fn asked(&self, gap: Gap) -> bool {
        let within = |asked: &Gap| asked.from <= gap.to && gap.from <= asked.to;
        self.asked.as_ref().is_some_and(within)
    }

    pub(super) const fn aim_at(&mut self, seq: Seq) {
        self.aim = Some(seq);
    }

    /// Whether (a part of) `gap` brought nothing when it was asked for.
    fn gave_nothing(&self, gap: Gap) -> bool {
        let within = |failed: &Gap| failed.from <= gap.to && gap.from <= failed.to;
        self.failed.iter().any(within)
    }

    /// Whether the pane goes to a message that is not loaded yet.
    pub(super) const fn aims(&self) -> bool {
        self.aim.is_some()
    }

    pub(super) const fn forget_aim(&mut self) {
        self.aim = None;
    }
}

impl Pane {
    /// What is to be loaded now, if anything: a gap on the screen or within a screen of it. Asked once until
    /// [`Pane::handle_filled`], and not again after a failure until [`Pane::retry_fill`].
    pub fn wants(&mut self, g: &Geometry<'_>) -> Option<Ask> {
        if !self.opened || self.fill.asked.is_some() {
            return None;
        }
        let (gap, near) = self.aimed().or_else(|| self.nearest_gap(g))?;
        self.fill.asked = Some(gap);
        Some(Ask::Fill {
            topic: self.topic().clone(),
            from: gap.from,
            to: gap.to,
            near,
        })
    }

    /// What was asked for came, or not.
    pub fn handle_filled(
        &mut self,
        topic: &Name,
        entries: Vec<Entry>,
        failed: Option<&str>,
        g: &Geometry<'_>,
    ) {
        if *topic != self.line.topic {
            return;
        }
        let aim = self.fill.aim;
        if !self.at_bottom() {
            // What is read stays where it is, also if the pane was held by the gap itself.
            let view = self.view(g);
            self.pin(&view);
        }
        let new = self.put(entries);
        let asked = self.fill.asked.take();
        // What brings nothing would be asked for without end.
        if failed.is_some() || !new {
            self.fill.failed.extend(asked);
        }
        self.fill.aim = aim;
        self.place_unread(g);
        self.land(g);
        self.trim();
    }

    /// What failed is wanted again: somebody asks for it, or the link is back.
    pub fn retry_fill(&mut self) {
        self.fill.failed.clear();
    }

    /// Goes to the message that the pane is on its way to, if it came; else to where it is missing. It may come with an
    /// answer, or by itself while the log is caught up with.
    pub(super) fn land(&mut self, g: &Geometry<'_>) {
        let Some(aim) = self.fill.aim.take() else {
            return;
        };
        match self.window.rev(aim).is_some() {
            true => self.reach(aim, g),
            false => self.to_seq(aim, g),
        }
    }

    fn reach(&mut self, aim: Seq, g: &Geometry<'_>) {
        match aim <= self.line.first_seq.max(Seq(1)) {
            true => self.to_top(g),
            false => self.to_seq(aim, g),
        }
        self.fill.forget_aim();
    }

    /// The part of a gap around what the pane goes to.
    fn aimed(&self) -> Option<(Gap, Near)> {
        let aim = self.fill.aim?;
        let beyond = self.window.after(aim).next().map(|(_, rev)| rev);
        let gap = self.window.gap(beyond, &self.line)?;
        if self.fill.gave_nothing(gap) {
            return None;
        }
        let half = (PAGE_ENTRIES / 2) as u64;
        let from = Seq(aim.0.saturating_sub(half)).max(gap.from);
        let to = gap.to;
        Some((Gap { from, to }, Near::Start))
    }

    /// The gap that is nearest to what is read.
    fn nearest_gap(&self, g: &Geometry<'_>) -> Option<(Gap, Near)> {
        let around = Geometry {
            height: g.height.saturating_mul(3),
            ..*g
        };
        // A message takes a row at least, so that nearly always no row has to be laid out for this.
        if self.whole_near(u64::from(around.height)) {
            return None;
        }
        let layout = Layout::of(self, &around);
        let (rows, reading) = self.rows_around(&layout, g);
        let gaps = rows.iter().enumerate();
        let gaps = gaps.filter_map(|(at, row)| Some((at, layout.gap(&row.place)?)));
        let gaps = gaps.filter(|(_, gap)| !self.fill.gave_nothing(*gap));
        let (at, gap) = gaps.min_by_key(|(at, _)| at.abs_diff(reading))?;
        let near = match at <= reading {
            true => Near::End,
            false => Near::Start,
        };
        Some((gap, near))
    }

    /// Whether nothing is missing among so many messages around what is read; false where that is not known at once.
    fn whole_near(&self, count: u64) -> bool {
        let seq = match &self.scroll {
            Scroll::Bottom => None,
            Scroll::At(anchor) => match &anchor.place {
                Place::Entry(rev) if self.window.seq(*rev).is_some() => self.window.seq(*rev),
                _ => return false,
            },
        };
        self.window.whole_around(seq, count, &self.line)
    }

    /// The rows of the screen with a screen above and one below, and which of them is read.
    fn rows_around(&self, layout: &Layout<'_>, g: &Geometry<'_>) -> (Vec<Row>, usize) {
        let screen = isize::try_from(g.height).unwrap_or(0);
        let view = self.view(g);
        let words = |row: &&Row| row.at >= 0 && !matches!(row.place, Place::Gap(_));
        let read = match self.at_bottom() {
            true => view.rows.last(),
            false => view.rows.iter().find(words).or(view.rows.first()),
        };
        let by = if self.at_bottom() { 0 } else { -screen };
        let around = self.view_moved(layout, by).rows;
        let same =
            |row: &Row| read.is_some_and(|read| row.place == read.place && row.at == read.at);
        let reading = around.iter().position(same).unwrap_or(0);
        (around, reading)
    }
}
