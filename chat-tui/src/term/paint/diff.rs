//! The way from one grid to the next, cell by cell.

use ratatui::layout::Position;

use super::grid::{Glyph, Grid, Text};
use super::writer::Writer;

/// Erasing the rest of a row costs this many bytes.
const ERASE_BYTES: usize = 3;

/// Writes what makes `after` of `before`; they are of one size.
pub(in super::super) fn write(before: &Grid, after: &Grid, writer: &mut Writer) {
    for y in 0..after.size().height {
        let (was, is) = (before.row(y), after.row(y));
        if was != is {
            Row { y, was, is }.write(writer);
        }
    }
}

struct Row<'a> {
    y: u16,
    was: &'a [Glyph],
    is: &'a [Glyph],
}

impl Row<'_> {
    fn write(&self, writer: &mut Writer) {
        let erased = self.erased_from();
        let end = erased.unwrap_or(self.is.len());
        let mut must = 0;
        let mut x = 0;
        while x < end {
            let cells = self.cells(x);
            let changed = (x..x + cells).any(|x| self.is[x] != self.was[x]);
            if changed || x < must {
                self.put(x, cells, writer);
                // What stands behind may have been written over.
                if self.is[x].doubtful {
                    must = must.max(x + self.is[x].cells_max());
                }
            }
            x += cells;
        }
        if let Some(x) = erased {
            self.approach(x, writer);
            writer.erase_to_end();
        }
    }

    /// How many cells the glyph at `x` takes.
    fn cells(&self, x: usize) -> usize {
        let covered = |glyph: &&Glyph| glyph.text == Text::Covered;
        1 + self.is[x + 1..].iter().take_while(covered).count()
    }

    /// Writes the glyph at `x`.
    fn put(&self, x: usize, cells: usize, writer: &mut Writer) {
        self.approach(x, writer);
        let glyph = &self.is[x];
        if glyph.doubtful && cells > 1 {
            self.prepare(x, cells, writer);
        }
        writer.glyph(glyph, column(cells));
    }

    /// A terminal that takes fewer cells than we do would leave the last ones as they were.
    fn prepare(&self, x: usize, cells: usize, writer: &mut Writer) {
        let pen = self.is[x].pen.of_space();
        let space = Glyph {
            pen,
            ..Glyph::BLANK
        };
        if self.was[x + 1..x + cells]
            .iter()
            .all(|glyph| *glyph == space)
        {
            return;
        }
        for _ in 0..cells {
            writer.glyph(&space, 1);
        }
        self.approach(x, writer);
    }

    /// Goes to `x`; where that is shorter, by writing once more what stands between.
    fn approach(&self, x: usize, writer: &mut Writer) {
        let to = Position::new(column(x), self.y);
        if let Some(at) = writer.at()
            && at.y == self.y
            && at.x < to.x
            && let Some(between) = self.is.get(usize::from(at.x)..x)
            && self.is[usize::from(at.x)].text != Text::Covered
            && between.iter().all(|glyph| again(glyph, writer))
            && between.iter().map(Glyph::bytes).sum::<usize>() <= writer.way(to).len()
        {
            for glyph in between {
                writer.glyph(glyph, 1);
            }
        }
        writer.go(to);
    }

    /// From where on the row is erased, when that is shorter than to write spaces.
    fn erased_from(&self) -> Option<usize> {
        let text = self.is.iter().rposition(|glyph| *glyph != Glyph::BLANK);
        let blank = text.map_or(0, |last| last + 1);
        let changed = |(was, is): (&Glyph, &Glyph)| was != is;
        let mut pairs = self.was.iter().zip(self.is);
        let last = pairs.clone().rposition(changed)?;
        let first = pairs.by_ref().skip(blank).position(changed)? + blank;
        (last + 1 - first > ERASE_BYTES).then_some(first)
    }
}

/// Whether a glyph can be written once more without any doubt or cost beside its bytes.
fn again(glyph: &Glyph, writer: &Writer) -> bool {
    writer.wears(glyph) && !glyph.doubtful && matches!(glyph.text, Text::Char(' '..='~'))
}

/// A column of a screen is no more than its width, which is a `u16`.
fn column(x: usize) -> u16 {
    u16::try_from(x).unwrap_or(u16::MAX)
}
