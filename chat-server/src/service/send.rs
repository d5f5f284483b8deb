//! Sends a message: checks what it says and how fast it comes, and stores it. Everybody concerned is told by the commit.

use chat_proto::action::Publish;
use chat_proto::api::{self, Sent};
use chat_proto::text::{TextError, check_text, valid_line};
use chat_proto::{Body, ErrorCode, Kind, MessageId, Refusal, Topic, limits};
use ring::digest;

use super::{App, Identity, invalid};
use crate::away;
use crate::metrics;
use crate::store::{Fingerprint, NewMessage, Permit, Published, StoreError};

/// Stores a message under its id. The same id again gives the same answer with `dup`.
///
/// # Errors
/// What the message or its sender breaks; nothing is stored then, but for `unavailable` and `internal`, which mean that it is not known.
pub async fn send(
    app: &App,
    who: &Identity,
    id: MessageId,
    publish: Publish,
) -> Result<Published, Refusal> {
    let hot = metrics::hot();
    hot.sends.increment(1);
    let asked = app.clock.monotonic();
    let (topic, body) = publish.into_parts();
    let permit = permit(app, who);
    let message = check(app, who, id, topic, body, permit)?;
    let published = store(app, who, message).await?;
    let acks = if published.dup {
        &hot.repeats
    } else {
        &hot.acks
    };
    acks.increment(1);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of one send")]
    let seconds = app.clock.monotonic().since(asked) as f64 / 1_000.0;
    hot.send_seconds.record(seconds);
    Ok(published)
}

/// Stores it. Repeats that are under way hold tokens until it is known that they needed none, so who is refused for
/// want of one asks once more: what came before has settled by then.
async fn store(app: &App, who: &Identity, message: NewMessage) -> Result<Published, Refusal> {
    let first = message.permit;
    let again = (first != Permit::Granted).then(|| message.clone());
    let (permit, outcome) = match (app.store.publish(message).await, again) {
        (Err(StoreError::Refused(refusal)), Some(again))
            if refusal.code == ErrorCode::RateLimited =>
        {
            let permit = permit(app, who);
            let message = NewMessage { permit, ..again };
            (permit, app.store.publish(message).await)
        }
        (outcome, _) => (first, outcome),
    };
    let published = outcome?;
    away::there();
    settle(app, who, permit, published.dup);
    Ok(published)
}

/// The same by HTTP; without an id the server makes one.
///
/// # Errors
/// As [`send`].
pub async fn post(app: &App, who: &Identity, message: api::NewMessage) -> Result<Sent, Refusal> {
    let api::NewMessage {
        topic,
        text,
        id,
        kind,
        lang,
        reply_to,
        thread,
        file,
        meta,
    } = message;
    let id = id.unwrap_or_else(MessageId::generate);
    let publish = Publish {
        topic,
        text,
        kind,
        lang,
        reply_to,
        thread,
        file,
        meta,
    };
    let Published {
        topic,
        seq,
        rev,
        sent_at,
        dup,
        ..
    } = send(app, who, id.clone(), publish).await?;
    Ok(Sent {
        id,
        topic,
        seq,
        rev,
        sent_at,
        dup,
    })
}

/// Takes a token of the sender. It is only for the store to say whether one was needed: a repeat is free.
pub(super) fn permit(app: &App, who: &Identity) -> Permit {
    let now = app.clock.monotonic();
    match app.sends.take(who.user, now) {
        Ok(()) => Permit::Granted,
        Err(wait) => Permit::Denied {
            retry_after_ms: wait.0,
        },
    }
}

/// Gives the token of a repeat back.
pub(super) fn settle(app: &App, who: &Identity, permit: Permit, dup: bool) {
    if dup && permit == Permit::Granted {
        app.sends.give_back(&who.user);
    }
}

pub(super) fn check(
    app: &App,
    who: &Identity,
    id: MessageId,
    topic: Topic,
    mut body: Body,
    permit: Permit,
) -> Result<NewMessage, Refusal> {
    let checked = check_text(&body.text).map_err(|error| refusal_of(&error))?;
    if let std::borrow::Cow::Owned(changed) = checked {
        body.text = changed;
    }
    if let Some(lang) = &body.lang
        && (!valid_line(lang, limits::LANG_BYTES_MAX) || lang.len() > limits::LANG_BYTES_MAX)
    {
        return Err(invalid(format!(
            "'lang' is a word of at most {} bytes",
            limits::LANG_BYTES_MAX
        )));
    }
    if body.file.is_some() || body.kind == Kind::File {
        return Err(Refusal::new(
            ErrorCode::NotFound,
            "'file': there is no such upload",
        ));
    }
    let fingerprint = fingerprint(&topic, &body);
    Ok(NewMessage {
        sender: who.user,
        topic,
        id,
        body,
        fingerprint,
        permit,
        now: app.clock.wall(),
    })
}

fn refusal_of(error: &TextError) -> Refusal {
    let code = match error {
        TextError::TooLarge { .. } => ErrorCode::TooLarge,
        TextError::Empty | TextError::Forbidden { .. } => ErrorCode::Rejected,
    };
    Refusal::new(code, format!("'text': {error}"))
}

/// SHA-256 over the fields, each behind its length, so that no two contents run into each other.
fn fingerprint(topic: &Topic, body: &Body) -> Fingerprint {
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut field = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    field(topic.name.as_str().as_bytes());
    field(body.kind.as_str().as_bytes());
    field(body.text.as_bytes());
    field(body.lang.as_deref().unwrap_or_default().as_bytes());
    for seq in [body.reply_to, body.thread] {
        field(&seq.map_or(0, |seq| seq.0).to_le_bytes());
    }
    if let Some(file) = &body.file {
        field(file.id.as_bytes());
    }
    field(
        body.meta
            .as_ref()
            .map_or("", |meta| meta.as_str())
            .as_bytes(),
    );
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.finish().as_ref());
    Fingerprint(bytes)
}
