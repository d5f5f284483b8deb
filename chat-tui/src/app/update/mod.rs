//! How the model changes: what happens goes in, what is to be done comes out.

pub mod entrance;
pub mod help;
pub mod list;
mod pick;
pub mod switcher;
