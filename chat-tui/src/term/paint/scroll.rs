//! Finds rows that moved from one grid to the next, so that the terminal moves them itself.
//!
//! It only proposes: whoever asks makes the bytes of each proposal and takes the shortest, so a bad one costs time alone.

use std::collections::BTreeMap;
use std::hash::{Hash as _, Hasher};

use super::grid::{Glyph, Grid, Text};
use super::pen::Pen;
use super::writer::Writer;

/// So many distances are looked at, those that most rows speak for.
const DISTANCES_MAX: usize = 3;
/// Rows that changed beside moving (a state, a time) do not end a band, when no more than this follow each other.
const STRANGERS_MAX: u16 = 4;

/// A band of rows that moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Shift {
    top: u16,
    /// The first row below.
    bottom: u16,
    /// From this column to the right edge.
    left: u16,
    /// How far; up, when positive.
    by: i32,
}

/// What may be worth a try; with `margins`, also bands that begin within the rows.
pub(in super::super) fn proposals(before: &Grid, after: &Grid, margins: bool) -> Vec<Shift> {
    let mut found = Vec::new();
    for by in distances(before, after) {
        let Some(band) = Band::find(before, after, by) else {
            continue;
        };
        found.push(band.shift(0));
        if margins {
            let inner = band.lefts.iter().copied().filter(|left| *left > 0);
            found.extend(inner.map(|left| band.shift(left)));
        }
    }
    found.retain(|shift| !shift.cuts(before));
    found
}

impl Shift {
    /// Whether a wide glyph lies across the left margin.
    fn cuts(&self, grid: &Grid) -> bool {
        let across = |y| grid.row(y).get(usize::from(self.left));
        (self.top..self.bottom).any(|y| across(y).is_some_and(|glyph| glyph.text == Text::Covered))
    }

    /// Makes of `moved` what is shown once the rows have moved.
    pub(in super::super) fn apply(&self, before: &Grid, moved: &mut Grid) {
        moved.copy(before);
        let left = usize::from(self.left);
        for y in self.top..self.bottom {
            let from = source(y, self.by).filter(|from| (self.top..self.bottom).contains(from));
            let (_, row) = moved.row_mut(y).split_at_mut(left);
            match from {
                Some(from) => row.clone_from_slice(&before.row(from)[left..]),
                None => row.fill(Glyph::BLANK),
            }
        }
    }

    /// Has the terminal move the rows of a grid.
    pub(in super::super) fn write(&self, before: &Grid, writer: &mut Writer) {
        let (width, height) = (before.size().width, before.size().height);
        // The rows that come in wear the background of the pen.
        writer.set_pen(Pen::PLAIN);
        if self.left > 0 {
            writer.raw(format_args!("\x1b[?69h\x1b[{};{width}s", self.left + 1));
        }
        let part = self.left > 0 || self.top > 0 || self.bottom < height;
        if part {
            match (self.top, self.bottom) {
                (0, bottom) => writer.raw(format_args!("\x1b[;{bottom}r")),
                (top, bottom) if bottom == height => writer.raw(format_args!("\x1b[{}r", top + 1)),
                (top, bottom) => writer.raw(format_args!("\x1b[{};{bottom}r", top + 1)),
            }
        }
        writer.scroll(self.by);
        if self.left > 0 {
            writer.raw(format_args!("\x1b[?69l"));
        }
        if part {
            writer.raw(format_args!("\x1b[r"));
            writer.at_home();
        }
    }
}

/// The row that comes to be at `y`.
fn source(y: u16, by: i32) -> Option<u16> {
    u16::try_from(i32::from(y) + by).ok()
}

/// Rows that moved by one distance.
#[derive(Debug)]
struct Band {
    first: u16,
    last: u16,
    by: i32,
    rows: usize,
    /// Columns at which what moved may begin.
    lefts: Vec<u16>,
}

impl Band {
    /// The longest band of rows that moved by `by`.
    fn find(before: &Grid, after: &Grid, by: i32) -> Option<Self> {
        let mut best: Option<Self> = None;
        let mut open: Option<(Self, u16)> = None;
        for y in 0..after.size().height {
            let row = source(y, by)
                .map(|from| before.row(from))
                .unwrap_or_default();
            let moved = begin_of_same(row, after.row(y));
            match (moved, &mut open) {
                (Moved::From(left), Some((band, strangers))) => {
                    band.last = y;
                    band.rows += 1;
                    band.lefts.push(left);
                    *strangers = 0;
                }
                (Moved::From(left), None) => {
                    let band = Self {
                        first: y,
                        last: y,
                        by,
                        rows: 1,
                        lefts: vec![left],
                    };
                    open = Some((band, 0));
                }
                (Moved::Stranger, Some((_, strangers))) if *strangers < STRANGERS_MAX => {
                    *strangers += 1;
                }
                (Moved::Stranger, _) => keep_longer(&mut best, open.take()),
                (Moved::Blank, _) => {}
            }
        }
        keep_longer(&mut best, open);
        let mut best = best?;
        best.lefts.sort_unstable();
        let (middle, last) = (best.lefts.len() / 2, best.lefts.len() - 1);
        best.lefts = vec![best.lefts[middle], best.lefts[last]];
        best.lefts.dedup();
        Some(best)
    }

    fn shift(&self, left: u16) -> Shift {
        let far = u16::try_from(self.by.unsigned_abs()).unwrap_or(u16::MAX);
        let up = self.by > 0;
        Shift {
            top: if up {
                self.first
            } else {
                self.first.saturating_sub(far)
            },
            bottom: if up {
                self.last.saturating_add(far)
            } else {
                self.last
            } + 1,
            left,
            by: self.by,
        }
    }
}

fn keep_longer(best: &mut Option<Band>, band: Option<(Band, u16)>) {
    if let Some((band, _)) = band
        && best.as_ref().is_none_or(|best| best.rows < band.rows)
    {
        *best = Some(band);
    }
}

/// What two rows have in common.
#[derive(Debug, Clone, Copy)]
enum Moved {
    /// Everything from this column on.
    From(u16),
    /// The blanks at their ends.
    Blank,
    /// Nothing worth it.
    Stranger,
}

fn begin_of_same(was: &[Glyph], is: &[Glyph]) -> Moved {
    if was.len() != is.len() {
        return Moved::Stranger;
    }
    let differs = was.iter().zip(is).rposition(|(was, is)| was != is);
    let begin = differs.map_or(0, |at| at + 1);
    let common = &is[begin..];
    if common.len() < is.len() / 3 {
        Moved::Stranger
    } else if common.iter().all(|glyph| *glyph == Glyph::BLANK) {
        Moved::Blank
    } else {
        Moved::From(u16::try_from(begin).unwrap_or(u16::MAX))
    }
}

/// How far rows moved, by the number of rows that say so.
fn distances(before: &Grid, after: &Grid) -> Vec<i32> {
    let mut places: BTreeMap<(usize, u64), Vec<u16>> = BTreeMap::new();
    // What stayed where it was did not move.
    let changed = |y: &u16| before.row(*y) != after.row(*y);
    for y in (0..before.size().height).filter(changed) {
        for hash in hashes(before.row(y)) {
            places.entry(hash).or_default().push(y);
        }
    }
    let mut votes: BTreeMap<i32, usize> = BTreeMap::new();
    for y in (0..after.size().height).filter(changed) {
        for hash in hashes(after.row(y)) {
            // A row that is there many times says nothing.
            let Some(was) = places.get(&hash).filter(|was| was.len() <= 4) else {
                continue;
            };
            for by in was.iter().map(|was| i32::from(*was) - i32::from(y)) {
                *votes.entry(by).or_default() += 1;
            }
        }
    }
    votes.remove(&0);
    let mut votes: Vec<(i32, usize)> = votes.into_iter().collect();
    votes.sort_by_key(|(by, count)| (std::cmp::Reverse(*count), by.abs()));
    votes
        .into_iter()
        .map(|(by, _)| by)
        .take(DISTANCES_MAX)
        .collect()
}

/// What a row is from its begin, from its third and from its half on; nothing where it is blank from there on.
fn hashes(row: &[Glyph]) -> impl Iterator<Item = (usize, u64)> + use<> {
    let begins = [row.len() / 2, row.len() / 3, 0];
    let mut found = [None; 3];
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    let mut end = row.len();
    let mut blank = true;
    for (at, begin) in begins.into_iter().enumerate() {
        for glyph in row[begin..end].iter().rev() {
            blank &= *glyph == Glyph::BLANK;
            glyph.hash(&mut hash);
        }
        end = begin;
        found[at] = (!blank).then_some((at, hash.0));
    }
    found.into_iter().flatten()
}

/// Small and quick; whoever makes two rows collide gains a longer frame.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u8(*byte);
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    // A number at a time: a cell is six of them, and a frame has some thousand cells.
    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x0100_0000_01b3);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}
