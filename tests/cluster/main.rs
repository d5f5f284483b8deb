//! Several nodes on one database and one bus, and the servers of others that a test starts for them.

mod others;
