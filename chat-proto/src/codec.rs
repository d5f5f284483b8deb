//! Text frames and values: the size is looked at before the text is parsed, and an error says what is wrong and where.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::action::{Action, Request};
use crate::error::{ErrorCode, Refusal};
use crate::event::{Event, UnknownEvent};
use crate::id::{MessageId, Name, Rev};
use crate::limits;
use crate::message::Mark;
use crate::meta::{Meta, MetaError};

/// Why a frame could not be read, and the id to answer to, wherever it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// The id of the frame.
    pub id: Option<MessageId>,
    /// What is wrong: `invalid` or `too_large`, with a sentence.
    pub refusal: Refusal,
}

impl DecodeError {
    fn invalid(id: Option<MessageId>, message: impl Into<String>) -> Self {
        Self {
            id,
            refusal: Refusal::new(ErrorCode::Invalid, message),
        }
    }
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.refusal.fmt(f)
    }
}

impl std::error::Error for DecodeError {}

/// What every action has in common; the rest is read once it is known which action it is.
#[derive(Deserialize)]
struct ActionHead<'a> {
    #[serde(borrow, default)]
    action: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

/// Reads a frame of a client.
///
/// # Errors
/// `too_large` above [`limits::FRAME_BYTES_MAX`]; else `invalid` with a sentence that names the field or the position.
pub fn decode_request(frame: &str) -> Result<Request, DecodeError> {
    check_size(frame)?;
    let head: ActionHead<'_> = read(frame, None)?;
    let id = match head.id.filter(|raw| raw.get() != "null") {
        Some(raw) => Some(serde_json::from_str::<MessageId>(raw.get()).map_err(|_| {
            DecodeError::invalid(
                None,
                "'id' must be a string of 1 to 64 printable ASCII characters",
            )
        })?),
        None => None,
    };
    let Some(raw) = head.action else {
        return Err(DecodeError::invalid(id, "the field 'action' is missing"));
    };
    let Ok(word) = serde_json::from_str::<String>(raw.get()) else {
        return Err(DecodeError::invalid(id, "'action' must be a string"));
    };
    match decode_action(&word, frame) {
        Ok(Some(action)) => Ok(Request { id, action }),
        Ok(None) => Err(DecodeError::invalid(
            id,
            format!("unknown action '{}'", shown(&word)),
        )),
        Err(mut error) => {
            error.id = id;
            error.refusal.message = format!("{word}: {}", error.refusal.message);
            Err(error)
        }
    }
}

fn decode_action(word: &str, frame: &str) -> Result<Option<Action>, DecodeError> {
    Ok(Some(match word {
        "authenticate" => Action::Authenticate(read(frame, None)?),
        "publish" => Action::Publish(read(frame, None)?),
        "subscribe" => Action::Subscribe(read(frame, None)?),
        "unsubscribe" => Action::Unsubscribe(read(frame, None)?),
        "delivered" => Action::Mark(Mark::Delivered, read(frame, None)?),
        "read" => Action::Mark(Mark::Read, read(frame, None)?),
        "history" => Action::History(read(frame, None)?),
        "changes" => Action::Changes(read(frame, None)?),
        "sync" => Action::Sync(read(frame, None)?),
        "status" => Action::Status(read(frame, None)?),
        "presence" => Action::Presence(read(frame, None)?),
        "typing" => Action::Typing(read(frame, None)?),
        "ping" => Action::Ping,
        _ => return Ok(None),
    }))
}

/// Writes a frame of a client.
#[must_use]
pub fn encode_request(request: &Request) -> String {
    match &request.action {
        Action::Authenticate(fields) => tagged(request, fields),
        Action::Publish(fields) => tagged(request, fields),
        Action::Subscribe(fields) | Action::Unsubscribe(fields) | Action::Typing(fields) => {
            tagged(request, fields)
        }
        Action::Mark(_, fields) => tagged(request, fields),
        Action::History(fields) => tagged(request, fields),
        Action::Changes(fields) => tagged(request, fields),
        Action::Sync(fields) => tagged(request, fields),
        Action::Status(fields) => tagged(request, fields),
        Action::Presence(fields) => tagged(request, fields),
        Action::Ping => tagged(request, &NoFields {}),
    }
}

#[derive(Serialize)]
struct NoFields {}

#[derive(Serialize)]
struct Tagged<'a, T> {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a MessageId>,
    #[serde(flatten)]
    fields: &'a T,
}

fn tagged<T: Serialize>(request: &Request, fields: &T) -> String {
    encode(&Tagged {
        action: request.action.name(),
        id: request.id.as_ref(),
        fields,
    })
}

/// Writes a frame of the server.
#[must_use]
pub fn encode_event(event: &Event) -> String {
    match event {
        Event::Unknown(unknown) => unknown.json.clone(),
        known => encode(known),
    }
}

/// Our own types hold string keys and finite numbers only, so writing them cannot fail; if it ever did,
/// the peer reads an object without a type and ignores it.
fn encode<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned())
}

#[derive(Deserialize)]
struct EventHead<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    topic: Option<&'a RawValue>,
    #[serde(borrow, default)]
    rev: Option<&'a RawValue>,
    #[serde(default)]
    users: Option<IgnoredAny>,
}

/// Reads a frame of the server. A type that is not known gives [`Event::Unknown`], with its place in the log.
///
/// # Errors
/// `invalid` with a sentence when it is no JSON object with a `type`, or a known type lacks a field.
pub fn decode_event(frame: &str) -> Result<Event, DecodeError> {
    let head: EventHead<'_> = read(frame, None)?;
    Ok(match head.kind.as_ref() {
        "welcome" => Event::Welcome(read(frame, None)?),
        "ack" => Event::Ack(read(frame, None)?),
        "message" => Event::Message(read(frame, None)?),
        "history" => Event::History(read(frame, None)?),
        "changes" => Event::Changes(read(frame, None)?),
        "gap" => Event::Gap(read(frame, None)?),
        "marks" => Event::Marks(read(frame, None)?),
        "synced" => Event::Synced(read(frame, None)?),
        "read" => Event::Read(read(frame, None)?),
        "delivered" => Event::Delivered(read(frame, None)?),
        "presence" if head.users.is_some() => Event::PresenceList(read(frame, None)?),
        "presence" => Event::Presence(read(frame, None)?),
        "typing" => Event::Typing(read(frame, None)?),
        "join" => Event::Join(read(frame, None)?),
        "leave" => Event::Leave(read(frame, None)?),
        "group" => Event::Group(read(frame, None)?),
        "pong" => Event::Pong(read(frame, None)?),
        "error" => Event::Error(read(frame, None)?),
        "going_away" => Event::GoingAway(read(frame, None)?),
        other => Event::Unknown(UnknownEvent {
            kind: other.to_owned(),
            topic: head
                .topic
                .and_then(|raw| serde_json::from_str::<Name>(raw.get()).ok()),
            rev: head
                .rev
                .and_then(|raw| serde_json::from_str::<Rev>(raw.get()).ok()),
            json: frame.to_owned(),
        }),
    })
}

/// Reads the frames of a page of changes. A page holds no page: else a hostile peer could nest them deeper than the stack.
pub(crate) fn log_frames<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Event>, D::Error> {
    let frames = Vec::<&'de RawValue>::deserialize(deserializer)?;
    frames.into_iter().map(|raw| log_frame(raw.get())).collect()
}

fn log_frame<E: serde::de::Error>(frame: &str) -> Result<Event, E> {
    let said = |error: DecodeError| E::custom(error.refusal.message);
    let head: EventHead<'_> = read(frame, None).map_err(said)?;
    if head.kind == "changes" {
        return Err(E::custom("a page of changes holds no page of changes"));
    }
    decode_event(frame).map_err(said)
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        decode_event(raw.get()).map_err(|error| serde::de::Error::custom(error.refusal.message))
    }
}

/// Reads any value of this crate from JSON, with the errors of this codec; for bodies of HTTP.
///
/// # Errors
/// `too_large` above [`limits::FRAME_BYTES_MAX`]; else `invalid` with a sentence.
pub fn decode_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        DecodeError::invalid(None, format!("not UTF-8 at byte {}", error.valid_up_to()))
    })?;
    check_size(text)?;
    read(text, None)
}

fn check_size(frame: &str) -> Result<(), DecodeError> {
    if frame.len() <= limits::FRAME_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "the frame has {} bytes, {} are allowed",
        frame.len(),
        limits::FRAME_BYTES_MAX
    );
    Err(DecodeError {
        id: None,
        refusal: Refusal::new(ErrorCode::TooLarge, message),
    })
}

fn read<'a, T: Deserialize<'a>>(frame: &'a str, id: Option<MessageId>) -> Result<T, DecodeError> {
    // A JSON list would fill a struct by position; only objects are frames.
    if !frame
        .trim_start_matches([' ', '\t', '\r', '\n'])
        .starts_with('{')
    {
        let place = if frame.trim().is_empty() {
            "nothing"
        } else {
            "something else"
        };
        return Err(DecodeError::invalid(
            id,
            format!("this must be a JSON object, and it is {place}"),
        ));
    }
    serde_json::from_str(frame).map_err(|error| {
        let code = match meta_too_large(frame) {
            true => ErrorCode::TooLarge,
            false => ErrorCode::Invalid,
        };
        let refusal = Refusal::new(code, sentence(frame, &error));
        DecodeError { id, refusal }
    })
}

/// Whether what the parser stopped at may be a `meta` above its limit: of all fields it alone has a code of its own.
fn meta_too_large(frame: &str) -> bool {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        meta: &'a RawValue,
    }
    let meta = serde_json::from_str::<Head<'_>>(frame).map(|head| Meta::parse(head.meta.get()));
    matches!(meta, Ok(Err(MetaError::TooLarge)))
}

/// The parser's own words, in which a peer's bytes may stand: cut short and without anything that could act on a terminal.
fn sentence(frame: &str, error: &serde_json::Error) -> String {
    let words = shown(&error.to_string());
    match field_at(frame, error) {
        Some(field) => format!("'{}': {words}", shown(&field)),
        None => words,
    }
}

/// The field in whose value the parser stopped. Its own words give the position and what was expected there, but not the field.
fn field_at(frame: &str, error: &serde_json::Error) -> Option<String> {
    let lines_before = error.line().checked_sub(1)?;
    let line_start: usize = frame
        .split_inclusive('\n')
        .take(lines_before)
        .map(str::len)
        .sum();
    let stopped = line_start + error.column();
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(frame).ok()?;
    fields.into_iter().find_map(|(field, value)| {
        // A raw value is a slice of the frame that it was read from.
        let start = (value.get().as_ptr() as usize).checked_sub(frame.as_ptr() as usize)?;
        (start <= stopped && stopped <= start + value.get().len()).then_some(field)
    })
}

fn shown(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(200)
        .flat_map(|c| {
            if c.is_ascii() && !c.is_control() {
                vec![c]
            } else {
                c.escape_default().collect()
            }
        })
        .collect();
    out.truncate(400);
    out
}
