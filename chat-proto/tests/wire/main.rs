//! The wire from outside: frozen frames, properties of every frame, and a corpus of hostile ones.

mod arbitrary;
mod golden;
mod hostile;
mod names;
mod roundtrip;
mod samples;
mod texts;
