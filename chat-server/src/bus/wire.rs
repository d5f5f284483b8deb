//! How a notice travels between nodes: who says it and its number in sixteen bytes, then JSON.
//!
//! The sixteen bytes tell a copy without reading the rest: a notice is published once for each user whom it concerns, or
//! once for all with their list, and a bus may double it. What a later version says and this one does not know is passed over.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use chat_proto::{Rev, SessionId, Time};
use serde::{Deserialize, Serialize};

use super::{MarkNotice, Notice, TypingNotice};
use crate::change::{Address, Change, ConversationId, Place, UserId, What};
use crate::nodes::{NodeId, Word};

/// Bytes before the JSON.
const HEAD: usize = 16;

/// Which saying of which node: copies of one have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SayingId {
    /// Who says it.
    pub from: NodeId,
    /// Its number, at that node.
    pub number: u64,
}

/// What is said.
#[derive(Debug, Clone)]
pub enum Saying {
    /// To the connections of the user to whom it is addressed.
    Notice(Notice),
    /// To the connections of these users; never none.
    Crowd(Arc<[UserId]>, Notice),
    /// Between nodes.
    Word(Word),
}

/// Why a payload is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// It ends before its JSON begins.
    #[error("too short")]
    Short,
    /// Not JSON of a form that is known here.
    #[error("not understood: {0}")]
    Json(String),
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    /// For whom, where the address on the bus does not say it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    to: Vec<UserId>,
    said: Said,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Change(SaidChange),
    Mark(MarkNotice),
    Typing(TypingNotice),
    Head(ConversationId, Rev),
    SessionEnded(SessionId),
    Word(Word),
}

#[derive(Serialize, Deserialize)]
struct SaidChange {
    place: (i64, i64),
    conversation: ConversationId,
    address: Address,
    rev: Rev,
    at: Time,
    what: What,
}

/// Writes a saying. `None`: it does not travel, which nothing of ours asks for.
#[must_use]
pub fn encode(id: SayingId, saying: &Saying) -> Option<Bytes> {
    let (to, said) = match saying {
        Saying::Word(word) => (Vec::new(), Said::Word(word.clone())),
        Saying::Notice(notice) => (Vec::new(), said_notice(notice)?),
        Saying::Crowd(to, notice) => (to.to_vec(), said_notice(notice)?),
    };
    let said = Envelope { to, said };
    let mut bytes = BytesMut::with_capacity(512);
    bytes.put_u64(id.from.0);
    bytes.put_u64(id.number);
    let mut writer = bytes.writer();
    serde_json::to_writer(&mut writer, &said).ok()?;
    Some(writer.into_inner().freeze())
}

fn said_notice(notice: &Notice) -> Option<Said> {
    Some(match notice {
        Notice::Change(change) => Said::Change(said_change(change)),
        Notice::Mark(moved) => Said::Mark(moved.clone()),
        // Nodes tell each other by words of it.
        Notice::Presence(_) => return None,
        Notice::Typing(typing) => Said::Typing(typing.clone()),
        Notice::Head(conversation, rev) => Said::Head(*conversation, *rev),
        Notice::SessionEnded(session) => Said::SessionEnded(session.clone()),
    })
}

/// Which saying a payload is, without reading it.
///
/// # Errors
/// It is too short to be one.
pub fn id_of(payload: &[u8]) -> Result<SayingId, WireError> {
    let head = payload.first_chunk::<HEAD>().ok_or(WireError::Short)?;
    let half = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&head[at..at + 8]);
        u64::from_be_bytes(bytes)
    };
    Ok(SayingId {
        from: NodeId(half(0)),
        number: half(8),
    })
}

/// Reads what is said.
///
/// # Errors
/// It is of a form that is not known here.
pub fn decode(payload: &[u8]) -> Result<Saying, WireError> {
    let json = payload.get(HEAD..).ok_or(WireError::Short)?;
    let Envelope { to, said } =
        serde_json::from_slice(json).map_err(|error| WireError::Json(error.to_string()))?;
    let notice = match said {
        Said::Change(said) => Notice::Change(Arc::new(change_of(said))),
        Said::Mark(moved) => Notice::Mark(moved),
        Said::Typing(typing) => Notice::Typing(typing),
        Said::Head(conversation, rev) => Notice::Head(conversation, rev),
        Said::SessionEnded(session) => Notice::SessionEnded(session),
        Said::Word(word) => return Ok(Saying::Word(word)),
    };
    Ok(match to.is_empty() {
        true => Saying::Notice(notice),
        false => Saying::Crowd(to.into(), notice),
    })
}

fn said_change(change: &Change) -> SaidChange {
    SaidChange {
        place: (change.place.transaction, change.place.row),
        conversation: change.conversation,
        address: change.address.clone(),
        rev: change.rev,
        at: change.at,
        what: change.what.clone(),
    }
}

fn change_of(said: SaidChange) -> Change {
    let (transaction, row) = said.place;
    let place = Place { transaction, row };
    Change::new(
        place,
        said.conversation,
        said.address,
        said.rev,
        said.at,
        said.what,
    )
}

#[cfg(test)]
mod tests {
    use chat_proto::{Body, MessageId, Meta, Name, Seq, UserRef};

    use super::*;
    use crate::change::UserId;

    const ID: SayingId = SayingId {
        from: NodeId(7),
        number: 9,
    };

    fn name(text: &str) -> Name {
        text.parse().expect("a name")
    }

    fn travelled(saying: &Saying) -> Saying {
        let payload = encode(ID, saying).expect("it can be written");
        assert_eq!(id_of(&payload), Ok(ID));
        decode(&payload).expect("it can be read")
    }

    fn message() -> Change {
        let sides = [(UserId(1), name("ann")), (UserId(2), name("ben"))];
        let body = Body {
            lang: Some("rust".to_owned()),
            reply_to: Some(Seq(3)),
            meta: Some(Meta::parse(r#"{"z":1.50,"a":12345678901234567890}"#).expect("meta")),
            ..Body::text("hi \u{1F600}\n\t\"")
        };
        let place = Place {
            transaction: 5,
            row: 6,
        };
        Change::new(
            place,
            ConversationId(4),
            Address::Direct(sides),
            Rev(8),
            Time::from_micros(1_790_000_000_123_456),
            What::Message {
                seq: Seq(7),
                id: MessageId::parse("x-1").expect("an id"),
                sender: UserId(1),
                from: UserRef {
                    name: name("ann"),
                    display_name: "Ann".to_owned(),
                },
                body: Box::new(body),
            },
        )
    }

    #[test]
    fn c01_a_change_arrives_at_another_node_as_it_was() {
        let change = Arc::new(message());
        let saying = Saying::Notice(Notice::Change(change.clone()));
        let Saying::Notice(Notice::Change(arrived)) = travelled(&saying) else {
            panic!("a change became something else");
        };
        assert_eq!(arrived.frame(UserId(2)), change.frame(UserId(2)));
        assert_eq!(arrived.frame(UserId(1)), change.frame(UserId(1)));
        assert_eq!(
            (arrived.place, arrived.conversation),
            (change.place, change.conversation)
        );
        assert_eq!(arrived.origin(), change.origin());
    }

    #[test]
    fn a_mark_forgets_the_connection_that_caused_it() {
        let moved = MarkNotice {
            conversation: ConversationId(1),
            address: Address::Group(name("ops")),
            by: UserId(2),
            name: name("ben"),
            mark: chat_proto::Mark::Read,
            seq: Seq(3),
            caused_by: Some(super::super::ConnectionTag(4)),
        };
        match travelled(&Saying::Notice(Notice::Mark(moved.clone()))) {
            Saying::Notice(Notice::Mark(arrived)) => {
                let caused_by = None;
                assert_eq!(arrived, MarkNotice { caused_by, ..moved });
            }
            other => panic!("a mark became {other:?}"),
        }
    }

    #[test]
    fn a_payload_that_is_none_of_ours_is_an_error_and_no_panic() {
        for payload in [&b""[..], b"short", &[0; 15]] {
            assert_eq!(id_of(payload), Err(WireError::Short));
        }
        let odd: [&[u8]; 4] = [b"", b"{}", b"{\"later\":{}}", b"\xff\xfe"];
        for json in odd {
            let payload = [&[0; HEAD], json].concat();
            assert!(matches!(decode(&payload), Err(WireError::Json(_))));
        }
    }
}
