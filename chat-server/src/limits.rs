//! Every number of the server that is not of the protocol, with its unit and its why.

/// Connections of one user. A person has a handful of devices; scripts share the rest.
pub const CONNECTIONS_PER_USER_MAX: usize = 16;
/// Requests of a connection that wait for their turn; then its socket is not read.
pub const REQUESTS_WAITING_MAX: usize = 64;
/// Messages of a connection on their way into the store; they share a commit.
pub const SENDS_IN_FLIGHT_MAX: usize = 64;
/// Milliseconds after `welcome` in which nothing live is told before the first action, to spare a client that
/// is about to `sync` what it would get twice.
pub const FIRST_ACTION_MS: u64 = 1_000;
/// Milliseconds until a failed read of the store is tried again.
pub const LOAD_RETRY_MS: u64 = 1_000;
/// Changes that are read from the store at once for a connection that is behind.
pub const LOAD_PAGE: usize = 100;
/// Milliseconds after which a write to a socket that does not move ends the connection (1013).
pub const WRITE_STALL_MS: u64 = 30_000;
/// Milliseconds that a closing connection has to take what was sent to it.
pub const LINGER_MS: u64 = 2_000;
/// Bytes that a closing connection may still send before it is cut.
pub const LINGER_BYTES_MAX: usize = 16 << 20;
/// Bytes of the read buffer of a socket; a larger one is zeroed before each read and costs memory when idle.
pub const SOCKET_READ_BYTES: usize = 4_096;
/// Bytes that are gathered before a write to a socket.
pub const SOCKET_WRITE_BYTES: usize = 32_768;
/// Milliseconds between two tellings of the same reader's mark in the same conversation.
pub const RECEIPT_MS: u64 = 1_000;
/// Milliseconds between two writes of `delivered` marks and of when sessions were last seen.
pub const WRITE_BEHIND_MS: u64 = 1_000;
/// Milliseconds between two looks into the store for what an unreliable bus lost.
pub const REPAIR_MS: u64 = 2_000;
/// Changes that one look for lost notices reads at once.
pub const REPAIR_PAGE: usize = 1_000;
