//! The selected message: what single keys act on.

use super::layout::Layout;
use super::row::Row;
use super::{Gap, Geometry, Pane, Place};
use crate::client::copy::Entry;
use crate::client::outbox::Letter;

/// What is selected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Selected<'a> {
    /// A message of the log.
    Entry(&'a Entry),
    /// Something that the server is not known to have.
    Letter(&'a Letter),
    /// Something that is not loaded.
    Gap(Gap),
}

impl Pane {
    /// What is selected, if anything.
    #[must_use]
    pub fn selected<'a>(&'a self, g: &Geometry<'a>) -> Option<Selected<'a>> {
        let place = self.selected_place(g)?;
        match &place {
            Place::Entry(rev) => self.window.entry(*rev).map(Selected::Entry),
            Place::Gap(above) => self.window.gap(*above, &self.line).map(Selected::Gap),
            Place::Letter(id) => {
                let letter = g.letters.iter().find(|letter| letter.id == *id);
                letter.map(Selected::Letter)
            }
        }
    }

    /// Whether something is selected.
    #[must_use]
    pub const fn selecting(&self) -> bool {
        self.selected.is_some()
    }

    /// Selects the newest message on the screen.
    pub fn select(&mut self, g: &Geometry<'_>) {
        let view = self.view(g);
        let whole = view.rows.iter().rev().filter(|row| row.last);
        let mut places = whole.chain(view.rows.iter().rev()).map(|row| &row.place);
        let found = places.find(|place| self.selectable(place)).cloned();
        self.choose(found, g);
    }

    /// Selects the last message of all.
    pub fn select_last(&mut self, g: &Geometry<'_>) {
        let layout = Layout::of(self, g);
        let last = layout.last();
        let found = self.selectable_from(last, |place| layout.above(place));
        self.choose(found, g);
    }

    /// Selects the first of what is loaded.
    pub fn select_first(&mut self, g: &Geometry<'_>) {
        let layout = Layout::of(self, g);
        let first = layout.first();
        let found = self.selectable_from(first, |place| layout.below(place));
        self.choose(found, g);
    }

    /// Selects the message above.
    pub fn select_up(&mut self, g: &Geometry<'_>) {
        let layout = Layout::of(self, g);
        let from = self
            .selected_place(g)
            .and_then(|place| layout.above(&place));
        let found = self.selectable_from(from, |place| layout.above(place));
        self.choose(found, g);
    }

    /// Selects the message below.
    pub fn select_down(&mut self, g: &Geometry<'_>) {
        let layout = Layout::of(self, g);
        let from = self
            .selected_place(g)
            .and_then(|place| layout.below(&place));
        let found = self.selectable_from(from, |place| layout.below(place));
        self.choose(found, g);
    }

    /// Selects nothing; the end is followed again if it is on the screen.
    pub fn leave(&mut self, g: &Geometry<'_>) {
        self.selected = None;
        self.follow_end(g);
    }

    /// Shows all of the selected message, or the beginning again; a gap is loaded.
    pub fn act(&mut self, g: &Geometry<'_>) {
        match self.selected_place(g) {
            Some(Place::Gap(_)) => self.retry_fill(),
            Some(place) => {
                if !self.expanded.remove(&place) {
                    self.expanded.insert(place.clone());
                }
                self.scroll_to(&place, g);
            }
            None => {}
        }
    }

    /// What is selected, as it is by now.
    fn selected_place(&self, g: &Geometry<'_>) -> Option<Place> {
        let selected = self.selected.as_ref()?;
        self.resolve(selected, &Layout::of(self, g))
    }

    fn selectable(&self, place: &Place) -> bool {
        match place {
            Place::Entry(rev) => self.window.seq(*rev).is_some(),
            Place::Gap(_) | Place::Letter(_) => true,
        }
    }

    fn selectable_from(
        &self,
        from: Option<Place>,
        step: impl Fn(&Place) -> Option<Place>,
    ) -> Option<Place> {
        std::iter::successors(from, step).find(|place| self.selectable(place))
    }

    /// Selects a place and shows it; without one all stays as it is.
    fn choose(&mut self, place: Option<Place>, g: &Geometry<'_>) {
        let Some(place) = place else { return };
        // What is selected must not move: the end is not followed meanwhile.
        let view = self.view(g);
        self.selected = Some(place.clone());
        if self.at_bottom() {
            self.pin(&view);
        }
        self.scroll_to(&place, g);
    }

    /// Scrolls as little as shows all of a place, or its beginning if it is larger than the screen.
    fn scroll_to(&mut self, place: &Place, g: &Geometry<'_>) {
        let height = usize::from(g.height);
        let layout = Layout::of(self, g);
        let rows = layout.rows(place);
        let own: Vec<&Row> = rows.iter().filter(|row| row.at >= 0).collect();
        let view = self.view_moved(&layout, 0);
        let seen = view
            .rows
            .iter()
            .filter(|row| row.place == *place && row.at >= 0)
            .count();
        if seen >= own.len().min(height) {
            return;
        }
        let above = match view.rows.iter().find(|row| row.place == *place) {
            Some(row) => row.at != rows[0].at && row.at > 0,
            None => view
                .rows
                .first()
                .is_some_and(|first| self.comes_before(place, &first.place, &layout)),
        };
        let (at, screen) = match above || rows.len() > height {
            true => (rows[0].at, 0),
            false => (isize::MAX, height.saturating_sub(1)),
        };
        self.hold(place.clone(), at, screen);
    }

    /// Whether one place stands above another.
    fn comes_before(&self, one: &Place, other: &Place, layout: &Layout<'_>) -> bool {
        let order = |place: &Place| match place {
            Place::Gap(Some(rev)) => (0, rev.0, 0),
            Place::Entry(rev) => (0, rev.0, 1),
            Place::Gap(None) => (1, 0, 0),
            Place::Letter(id) => {
                let at = layout.letters.iter().position(|letter| letter.id == *id);
                (2, at.unwrap_or(0) as u64, 0)
            }
        };
        order(one) < order(other)
    }
}
