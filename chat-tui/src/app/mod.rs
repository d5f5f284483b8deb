//! The full-screen client, as model, update and view: what is shown is a value ([`model::Model`]), everything that
//! happens is a [`msg::Msg`], and [`update`] turns one into the other and says what is to be done ([`msg::Effect`]).
//! The loop (`run`) draws and has it done (`work`).

#[cfg(unix)]
mod editor;
#[cfg(not(unix))]
mod elsewhere;
pub mod fuzzy;
pub mod model;
pub mod msg;
#[cfg(unix)]
mod open;
#[cfg(unix)]
mod run;
#[cfg(test)]
mod tests;
pub mod update;
#[cfg(unix)]
mod work;

#[cfg(not(unix))]
pub use self::elsewhere::open;
#[cfg(unix)]
pub use self::open::open;
