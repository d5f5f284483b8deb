//! Frames become bytes, as few as may be; pure.
//!
//! [`grid`] is what a terminal shows, [`pen`] what it writes with, [`writer`] where it stands, [`diff`] the way from one
//! grid to the next, [`scroll`] the shorter way when the terminal can move rows itself.

pub(super) mod diff;
pub(super) mod grid;
pub(super) mod pen;
pub(super) mod scroll;
pub(super) mod writer;
