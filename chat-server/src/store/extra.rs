//! What few messages carry, as one JSON column beside the columns that all of them have.

use chat_proto::message::{Body, FileRef};
use chat_proto::{Kind, Meta, Seq};
use serde::{Deserialize, Serialize};

use super::{StoreError, StoreResult};

#[derive(Default, Serialize, Deserialize)]
struct Extra {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lang: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply_to: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thread: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<FileRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
}

/// The column of a message; none for plain words.
pub(super) fn column(body: &Body) -> StoreResult<Option<String>> {
    let extra = Extra {
        lang: body.lang.clone(),
        reply_to: body.reply_to,
        thread: body.thread,
        file: body.file.clone(),
        meta: body.meta.clone(),
    };
    let plain = extra.lang.is_none()
        && extra.reply_to.is_none()
        && extra.thread.is_none()
        && extra.file.is_none()
        && extra.meta.is_none();
    if plain {
        return Ok(None);
    }
    let json = serde_json::to_string(&extra);
    json.map(Some)
        .map_err(|error| StoreError::Internal(format!("a body could not be written: {error}")))
}

/// The column for the kind of a message; none for text.
pub(super) fn kind(body: &Body) -> Option<&str> {
    (!body.kind.plain()).then(|| body.kind.as_str())
}

/// A body from its columns; none if no writer of ours wrote them.
pub(super) fn body(kind: Option<String>, text: String, extra: Option<String>) -> Option<Body> {
    let extra: Extra = match extra {
        Some(json) => serde_json::from_str(&json).ok()?,
        None => Extra::default(),
    };
    let kind = match kind {
        Some(word) => Kind::parse(&word)?,
        None => Kind::Text,
    };
    Some(Body {
        kind,
        text,
        lang: extra.lang,
        reply_to: extra.reply_to,
        thread: extra.thread,
        file: extra.file,
        meta: extra.meta,
    })
}
