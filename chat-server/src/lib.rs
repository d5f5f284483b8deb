//! A lightweight, durable chat server: it routes, stores and forwards, and knows who is present and what is read.

pub mod change;
pub mod clock;
pub mod limit;
pub mod mutant;
pub mod router;
pub mod service;
pub mod store;
pub mod ws;
