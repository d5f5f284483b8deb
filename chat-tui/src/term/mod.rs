//! The terminal as a room of its own: modes that are always left again, keys in, few bytes out.
//!
//! [`Guard`] holds the modes and the reader of keys and signals; it knows no frame. [`Screen`] turns frames into
//! bytes; it knows no file and no clock. Nothing in here knows what a chat is.

pub mod caps;
pub mod event;
pub mod guard;
mod input;
mod keys;
mod modes;
mod paint;
pub mod screen;
mod sys;

pub use caps::{Caps, Depth, Glyphs};
pub use event::{Answer, Ended, Event};
pub use guard::{Guard, Options, Output, Suspended};
pub use screen::{Frame, Screen};
