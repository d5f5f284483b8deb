//! The full-screen client, as model, update and view: what is shown is a value ([`model::Model`]), everything that
//! happens is a [`msg::Msg`], and `update` turns one into the other and says what is to be done ([`msg::Effect`]).

pub mod fuzzy;
pub mod model;
pub mod msg;
pub mod update;
