//! A model as a picture: `&Model` in, cells out; no state, no file, no clock.

pub mod pane;
