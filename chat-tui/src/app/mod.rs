//! The full-screen client, as model, update and view: what is shown is a value ([`model::Model`]), everything that
//! happens is a [`msg::Msg`], and [`update`] turns one into the other and says what is to be done ([`msg::Effect`]).
//! The loop (`run`) draws and has it done (`work`).

mod editor;
pub mod fuzzy;
pub mod model;
pub mod msg;
mod open;
mod run;
#[cfg(test)]
mod tests;
pub mod update;
mod work;

pub use self::open::open;
