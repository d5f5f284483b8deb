//! The chat under faults: real processes killed and stopped under load, and a checker that holds what everybody
//! saw against what senders were promised.
//!
//! `CHAT_CHAOS_SECONDS` says how long a run goes on (10 by default), `CHAT_CHAOS_SEED` repeats a run's choices.

mod cluster;
mod kill;
#[cfg(feature = "mutants")]
mod mutants;
mod participants;
mod run;
