//! A lightweight, durable chat server: it routes, stores and forwards, and knows who is present and what is read.

pub mod admin;
pub mod attendance;
pub mod auth;
pub mod away;
pub mod bus;
pub mod change;
pub mod cli;
pub mod clock;
pub mod config;
pub mod gate;
pub mod http;
pub mod limit;
pub mod limits;
pub mod listen;
pub mod mailbox;
pub mod marks;
pub mod metrics;
pub mod mutant;
pub mod nodes;
pub mod open;
pub mod presence;
pub mod receipts;
pub mod router;
pub mod server;
pub mod service;
pub mod session;
pub mod settings;
pub mod stall;
mod stop;
pub mod store;
pub mod upkeep;
pub mod ws;

pub use config::Config;
pub use server::{Server, StartError};

#[cfg(test)]
mod edge_tests;
