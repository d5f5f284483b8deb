//! The product from outside: the real programs, over the wire and over HTTP, one feature a file.
//!
//! The names of the tests carry the ids of the promises that they prove.

mod accounts;
