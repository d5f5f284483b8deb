//! The product from outside: the real programs, over the wire and over HTTP, one feature a file.
//!
//! The names of the tests carry the ids of the promises that they prove.

mod accounts;
mod catch_up;
mod cli;
mod cli_read;
mod closing;
mod delivery;
mod groups;
mod history;
mod hostile;
mod http;
mod limits;
mod marks;
mod operation;
mod outbox;
mod people;
mod presence;
mod tokens;
mod topics;
