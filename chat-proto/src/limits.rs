//! Every number of the protocol, with its unit and its why.

/// Characters of a name; long enough for `first.last-team`, short enough for a column.
pub const NAME_BYTES_MAX: usize = 32;
/// Characters of a display name.
pub const DISPLAY_NAME_CHARS_MAX: usize = 64;
/// Bytes of a message's id; a UUID has 36.
pub const MESSAGE_ID_BYTES_MAX: usize = 64;
/// Bytes of a message's text in UTF-8. A longer text belongs into a file.
pub const TEXT_BYTES_MAX: usize = 65_536;
/// Bytes of a frame. A text may grow by escapes (`\u0000` is six for one), so eight times the text.
pub const FRAME_BYTES_MAX: usize = 8 * TEXT_BYTES_MAX;
/// Bytes of `meta`, written without white space.
pub const META_BYTES_MAX: usize = 2_048;
/// Objects and lists inside each other in `meta`: every JSON reader manages this many.
pub const META_DEPTH_MAX: usize = 32;
/// Bytes of `lang`, the language of a piece of code.
pub const LANG_BYTES_MAX: usize = 32;
/// Bytes of `kind`.
pub const KIND_BYTES_MAX: usize = 32;
/// Characters of a group's title.
pub const TITLE_CHARS_MAX: usize = 128;
/// Characters of a device's name.
pub const DEVICE_CHARS_MAX: usize = 64;
/// Characters of a status text.
pub const STATUS_CHARS_MAX: usize = 128;
/// Characters of a password at the least.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Bytes of a password at the most, so that nobody makes the server hash a megabyte.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Messages of one topic that a `sync` sends; above it a `gap` names the rest.
pub const SYNC_MESSAGES: u64 = 100;
/// Topics not named in a `sync` whose unread messages it sends.
pub const SYNC_TOPICS_MAX: usize = 50;
/// Topics that one `sync` may name.
pub const SYNC_NAMED_MAX: usize = 10_000;
/// Conversations that `synced` lists.
pub const SYNCED_CONVERSATIONS: usize = 15;
/// Messages of a page, when the request names no number.
pub const PAGE_DEFAULT: u64 = 50;
/// Messages of a page at the most.
pub const PAGE_MAX: u64 = 1_000;
/// Members of a conversation up to which marks are told; in larger ones who read a message is asked for.
pub const RECEIPT_MEMBERS: usize = 32;
/// Names that one `presence` request may hold.
pub const PRESENCE_NAMES_MAX: usize = 1_000;
/// Topics without messages that a user may have, so that nobody hoards names.
pub const EMPTY_TOPICS_MAX: usize = 20;
/// Seconds between the pings of the server.
pub const HEARTBEAT_S: u64 = 30;
/// Seconds of silence after which a connection is closed: two heartbeats.
pub const SILENCE_S: u64 = 60;
/// Seconds in which a connection must authenticate.
pub const AUTHENTICATE_S: u64 = 10;
/// Seconds that a ticket lives; it is used once.
pub const TICKET_S: u64 = 30;
/// Seconds between two tellings that somebody is typing.
pub const TYPING_S: u64 = 3;
/// Messages a second that a user may send, sustained.
pub const SEND_RATE: f64 = 1.0;
/// Messages that a user may send at once.
pub const SEND_BURST: u32 = 20;
/// The version of the protocol, told in `welcome`.
pub const PROTOCOL: u32 = 1;
