//! The words that client and server of the chat speak: framed JSON messages, and nothing that waits.
//!
//! A frame is one JSON object in one WebSocket text frame. What a client says carries `action`
//! ([`Action`]); what the server says carries `type` ([`Event`]). `PROTOCOL.md` beside this crate tells it in prose.
//!
//! One exchange: ann writes, the server stores and acks, ben receives.
//!
//! ```
//! use chat_proto::{Action, Event, codec};
//!
//! let request = codec::decode_request(r#"{"action":"publish","topic":"ben","text":"hi","id":"0198"}"#)?;
//! let Action::Publish(publish) = request.action else { panic!("a publish") };
//! assert_eq!(publish.topic.name.as_str(), "ben");
//!
//! let frame = r#"{"type":"message","topic":"ann","seq":12,"rev":12,"id":"0198",
//!     "from":{"name":"ann","display_name":"Ann"},"sent_at":"2026-11-21T08:15:30.123456Z","text":"hi"}"#;
//! let Event::Message(message) = codec::decode_event(frame)? else { panic!("a message") };
//! assert_eq!((message.topic.as_str(), message.seq.0), ("ann", 12));
//! # Ok::<(), codec::DecodeError>(())
//! ```

pub mod action;
pub mod api;
pub mod codec;
pub mod error;
pub mod event;
pub mod id;
pub mod limits;
pub mod message;
pub mod meta;
pub mod text;
pub mod time;
mod word;

pub use action::{Action, Request};
pub use error::{ErrorCode, Refusal};
pub use event::Event;
pub use id::{ConnectionId, Epoch, MessageId, Name, Rev, Seq, SessionId, Sigil, Topic};
pub use message::{
    Body, Conversation, ConversationKind, Kind, Mark, Message, Presence, PresenceState, Role,
    UserRef,
};
pub use meta::Meta;
pub use text::Safe;
pub use time::Time;
