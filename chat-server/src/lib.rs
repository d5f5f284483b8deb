//! A lightweight, durable chat server: it routes, stores and forwards, and knows who is present and what is read.

pub mod attendance;
pub mod bus;
pub mod change;
pub mod clock;
pub mod limit;
pub mod limits;
pub mod mailbox;
pub mod marks;
pub mod mutant;
pub mod presence;
pub mod receipts;
pub mod router;
pub mod service;
pub mod session;
pub mod store;
pub mod upkeep;
// pub mod ws;
