//! The outbox against a server that loses, repeats and refuses.
