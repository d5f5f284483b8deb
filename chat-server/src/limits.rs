//! Every number of the server, with its unit and its why. Those of the protocol are in `chat_proto::limits`.

use std::time::Duration;

use crate::limit::Rate;

/// How long an access token is good: short, as it is checked without asking anybody who may have noticed a theft.
pub const ACCESS_TOKEN_S: i64 = 15 * 60;
/// How long a key that signs no more is kept to verify: a device that stays away longer logs in again.
pub const KEY_KEPT_S: i64 = 90 * 24 * 3600;
/// Milliseconds between two looks at the store for keys that other nodes added.
pub const KEYS_LOOK_MS: u64 = 1_000;
/// How long an invite is good.
pub const INVITE_S: i64 = 7 * 24 * 3600;
/// How often one invite may be used at the most.
pub const INVITE_USES_MAX: u32 = 1_000;

/// Bytes of memory of one password hash, in KiB: OWASP's first choice for argon2id, with two passes.
pub const HASH_MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
pub const HASH_PASSES: u32 = 2;
/// Password hashes that wait for their turn; one more is refused at once.
pub const HASHES_WAITING_MAX: usize = 64;
/// How long one waits for its turn.
pub const HASH_WAIT: Duration = Duration::from_secs(5);

/// Tickets that are out at the same time, over all users.
pub const TICKETS_MAX: usize = 4_096;
/// Tickets of one session; one more forgets the oldest of them.
pub const TICKETS_PER_SESSION_MAX: usize = 8;

/// Failed log-ins under one name: three a minute, five at once.
pub const LOGINS_PER_NAME: Rate = Rate {
    per_second: 0.05,
    burst: 5,
};
/// Failed log-ins from one address: an office shares one, so more than for a name.
pub const LOGINS_PER_ADDRESS: Rate = Rate {
    per_second: 0.5,
    burst: 60,
};
/// Sign-ups from one address: a class or an office comes all at once.
pub const SIGN_UPS_PER_ADDRESS: Rate = Rate {
    per_second: 0.2,
    burst: 60,
};

/// Connections at the same time, over all.
pub const CONNECTIONS_MAX: usize = 50_000;
/// Connections of one address that have not authenticated yet. A whole office that reconnects passes; a flood does not.
pub const UNAUTHENTICATED_PER_ADDRESS_MAX: usize = 256;
/// How long the headers of a request may take.
pub const HEADERS_WAIT: Duration = Duration::from_secs(5);
/// Bytes of a request's line and headers; above it the answer is 431.
pub const HEADERS_BYTES_MAX: usize = 16 * 1024;
/// How long the body of a request may take.
pub const BODY_WAIT: Duration = Duration::from_secs(10);
/// How long a peer may leave an answer unread. Longer than a socket may stall and linger, which has a code to say (1013).
pub const WRITE_STALL: Duration = Duration::from_secs(35);
/// How long a request may take, from its headers to its answer.
pub const REQUEST_WAIT: Duration = Duration::from_secs(30);
/// How long the switch from HTTP to the socket may take.
pub const UPGRADE_WAIT: Duration = Duration::from_secs(10);
/// The first pause after the operating system refused a connection (no descriptors left); it doubles.
pub const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest such pause.
pub const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// Pauses between tries to reach the database at the start, in milliseconds; then the server ends with a sentence.
pub const DATABASE_PAUSES_MS: [u64; 5] = [200, 400, 800, 1_600, 2_000];
/// How long the store may take to say whether it is ready.
pub const READY_WAIT: Duration = Duration::from_secs(2);
/// How long the store may take to close.
pub const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// How often it is written when sessions were last seen.
pub const SEEN_WRITTEN: Duration = Duration::from_secs(30);
/// Sessions whose last sight waits to be written; one more waits for its next sight.
pub const SEEN_MAX: usize = 65_536;

/// How long a sub-command waits for the running server.
pub const ADMIN_WAIT: Duration = Duration::from_secs(10);
/// How often `drain` looks whether the server is gone.
pub const DRAIN_LOOK: Duration = Duration::from_millis(50);
/// Bytes of a request or an answer between a sub-command and the server.
pub const ADMIN_BYTES_MAX: usize = 64 * 1024;

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
/// Conversations of which a connection asks at once from where on they are told.
pub const FINDS_AT_ONCE: usize = 8;
/// Conversations of which that is not known, for one connection.
pub const FINDING_MAX: usize = 8_192;
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
/// `delivered` marks of one write.
pub const MARKS_AT_ONCE: usize = 1_000;
/// Milliseconds between two looks into the store for what an unreliable bus lost.
pub const REPAIR_MS: u64 = 1_800;
/// Milliseconds that what a look found has to come by the bus: nearly all of it is under way, and would only be read again.
pub const REPAIR_PATIENCE_MS: u64 = 200;
/// Milliseconds after which a transaction that keeps the feed back is told to the operator.
pub const FEED_KEPT_BACK_MS: u64 = 60_000;
/// Milliseconds between two questions to a shared store, whether the sessions that are connected here have ended:
/// the notice of that may be lost, and they are to be gone within a second.
pub const SESSIONS_ASKED_MS: u64 = 500;

/// People whose coming or going is told at the same time: each is a question to the store, who may know.
pub const TURNS_AT_ONCE: usize = 4;
/// Milliseconds until what could not be told of presence is tried again.
pub const TURNS_AGAIN_MS: u64 = 1_000;

/// Milliseconds between two beats of a node.
pub const NODE_BEAT_MS: u64 = 10_000;
/// Milliseconds without a word after which a node is dead: four beats may be lost.
pub const NODE_LEASE_MS: u64 = 45_000;
/// Milliseconds from an arrival, a departure or a status to a beat that tells how many there were: if the word of it was
/// lost, that is noticed then.
pub const NODE_BEAT_SOON_MS: u64 = 1_000;
/// Beats in a row that say less than a node was heard to have counted, after which what was heard is not believed.
pub const NODE_CONTRADICTED_MAX: u32 = 4;
/// Beats that follow a change so soon, as one may be lost like the word.
pub const NODE_BEATS_SOON: u32 = 3;
/// Milliseconds that a word may be late before what is missing is asked for.
pub const NODE_GAP_MS: u64 = 200;
/// Milliseconds between two such questions to the same node, and between two answers to all who ask.
pub const NODE_ASK_MS: u64 = 1_000;
/// Words of a node that wait for an earlier one; the roll that is asked for has those that do not fit.
pub const NODE_EARLY_MAX: usize = 1_024;
/// People on a page of a node's roll: some 50 KB, of the 1 MB that NATS carries at once.
pub const NODE_ROLL_PAGE: usize = 1_000;
/// People whose latest status a node tells with its roll, some 12 KB, as the word of it may have been lost.
pub const NODE_STATUSES_KEPT: usize = 256;
/// Pages of a roll that are gathered.
pub const NODE_ROLL_PAGES_MAX: usize = 100;
/// Nodes that are known beside this one; more are passed over.
pub const NODES_MAX: usize = 64;
/// Seconds that the wall clocks of two nodes may be apart before the operator is told: tokens and tickets are good for
/// a time that every node reads off its own clock.
pub const CLOCKS_APART_MAX_S: i64 = 2;

/// Notices that wait for the bus. More are dropped, and found in the store.
pub const BUS_QUEUE: usize = 8_192;
/// Notices from the bus that wait to be put into mailboxes. While it is full the bus is not read.
pub const BUS_INBOX: usize = 8_192;
/// Notices of the bus that are remembered, so that one for many users is read once, and one that comes twice is told once.
pub const BUS_RECENT: usize = 256;
/// Marks that are kept to be said again to nodes that were cut off.
pub const BUS_MARKS_KEPT: usize = 4_096;
/// Milliseconds from when nodes are there again until the latest marks are said again: others come back, too, and
/// subscribe.
pub const BUS_AGAIN_WAIT_MS: u64 = 2_000;
/// How long saying them again pauses while there is much that is said for the first time.
pub const BUS_AGAIN_PAUSE: Duration = Duration::from_millis(20);
/// Bytes that one change may cost on the bus, over all to whom it is said one by one; above it they are told only that there
/// is one.
pub const BUS_FAN_OUT_BYTES_MAX: usize = 2 << 20;
/// Bytes of one saying on the bus, of the 1 MiB that NATS carries at once; of a change that is longer, which no client can
/// make, it is told only that there is one.
pub const BUS_SAYING_BYTES_MAX: usize = 900 << 10;
/// Users whom a notice concerns from which on it is said once to all nodes with a connection, and not to each user.
pub const CROWD_MIN: usize = 32;
/// Users named in one saying, some 80 KB; a notice for more is said in parts.
pub const CROWD_MAX: usize = 10_000;
/// Milliseconds that a change for very many waits for those before it that may be under way.
pub const ORDER_WAIT_MS: u64 = 200;
/// How far a change may be ahead of the last one in order and still wait for those between.
pub const ORDER_HELD_MAX: u64 = 128;
/// Parts of one change that wait together, each for other users; of more the users hear by the next look into the store.
pub const ORDER_PARTS_MAX: usize = 100;
/// Conversations with very many members whose order is remembered.
pub const ORDER_LINES_MAX: usize = 4_096;
/// How long a connection waits for the bus to hear of its user; then it is greeted all the same.
pub const BUS_ATTEND_WAIT: Duration = Duration::from_millis(500);
/// How long a notice may take to leave; then it is lost, and found in the store.
pub const BUS_PUBLISH_WAIT: Duration = Duration::from_secs(1);
/// How long other nodes have to answer a question.
pub const BUS_ANSWER_WAIT: Duration = Duration::from_millis(300);
/// How long the first connection to the bus may take.
pub const BUS_CONNECT_WAIT: Duration = Duration::from_secs(5);
/// How often the bus is pinged; two pings without an answer end the connection.
pub const BUS_PING: Duration = Duration::from_secs(2);
/// The first pause before connecting to the bus again, in milliseconds; it doubles, with jitter.
pub const BUS_PAUSE_MIN_MS: u64 = 50;
/// The longest such pause.
pub const BUS_PAUSE_MAX_MS: u64 = 2_000;
/// Bytes of text in a page of messages or changes; what does not fit is told by `more`.
pub const PAGE_BYTES_MAX: usize = 4 << 20;
/// Bytes of text that the answer to one `sync` holds; what is beyond it is read from the store as the client takes it.
pub const SYNC_BYTES_MAX: usize = 8 << 20;
/// Milliseconds that a connection whose session ended has to take the close frame: it is gone within a second.
pub const FAREWELL_MS: u64 = 800;
/// Changes that one look for lost notices reads at once.
pub const REPAIR_PAGE: usize = 1_000;
