//! Accounts and sessions: who gets in, with what, and for how long.
