//! The chat's client: a library that needs no terminal ([`client`]), and the commands for scripts on top of it ([`cli`]).
//!
//! All judgement is in pure machines ([`client::sync`], [`client::pending`], [`client::backoff`]): events go in
//! by `handle_*`, effects come out by `poll_*`, time is an argument. Sockets and files are in the drivers
//! ([`client::http`], [`client::link`], [`client::session`]). Nothing here prints but `cli`.

pub mod app;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod keymap;
#[cfg(unix)]
pub mod term;
pub mod text;
pub mod theme;
pub mod view;
