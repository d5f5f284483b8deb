//! Messages: sending one, and reading what was said.

use axum::Json as Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chat_proto::api::{NewMessage, Page, Reader, Sent};
use chat_proto::{Message, MessageId, Seq, Topic};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::extract::{self, Caller, InPath, Json, Params};
use super::{Answer, Shared};
use crate::service::{self, history};
use crate::store::Range;

/// `POST /v1/messages`: 201, or 200 for a repeat.
pub(super) async fn send(
    State(edge): Shared,
    Caller(who): Caller,
    headers: HeaderMap,
    Json(mut message): Json<NewMessage>,
) -> Answer<(StatusCode, Body<Sent>)> {
    message.id = extract::message_id(message.id, &headers)?;
    let sent = service::send::post(&edge.app, &who, message).await?;
    Ok((created(sent.dup), Body(sent)))
}

/// The status of what was made, or had been made before.
pub(super) fn created(dup: bool) -> StatusCode {
    if dup {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    }
}

/// Which messages are asked for.
#[derive(Deserialize)]
pub(super) struct Which {
    topic: Option<String>,
    id: Option<String>,
    before: Option<u64>,
    after: Option<u64>,
    around: Option<u64>,
    limit: Option<u64>,
}

impl Which {
    fn range(&self) -> Answer<Range> {
        let seq = |given: Option<u64>| given.map(Seq);
        Ok(history::range(
            seq(self.before),
            seq(self.after),
            seq(self.around),
        )?)
    }
}

/// `GET /v1/messages?topic=`: a page. `GET /v1/messages?id=`: one's own message by its id.
pub(super) async fn page(
    State(edge): Shared,
    Caller(who): Caller,
    Params(which): Params<Which>,
) -> Answer<Response> {
    match (&which.topic, &which.id) {
        (Some(topic), None) => {
            let (topic, range) = (extract::topic(topic)?, which.range()?);
            let page =
                service::history::history(&edge.app, &who, &topic, range, which.limit).await?;
            Ok(Body(page).into_response())
        }
        (None, Some(id)) => {
            let id =
                MessageId::parse(id).map_err(|rule| extract::invalid(&format!("'id': {rule}")))?;
            let message = service::history::own_message(&edge.app, &who, &id).await?;
            Ok(Body(message).into_response())
        }
        _ => Err(extract::invalid("give either 'topic' or 'id'")),
    }
}

/// `GET /v1/groups/{group}/messages`.
pub(super) async fn of_group(
    State(edge): Shared,
    Caller(who): Caller,
    InPath(group): InPath<String>,
    Params(which): Params<Which>,
) -> Answer<Body<Page>> {
    let topic = Topic {
        name: extract::group(&group)?,
        // A person of that name is no group.
        sigil: Some(chat_proto::Sigil::Group),
    };
    let range = which.range()?;
    Ok(Body(
        service::history::history(&edge.app, &who, &topic, range, which.limit).await?,
    ))
}

/// `GET /v1/messages/{topic}/{seq}`.
pub(super) async fn one(
    State(edge): Shared,
    Caller(who): Caller,
    InPath((topic, seq)): InPath<(String, String)>,
) -> Answer<Body<Message>> {
    let (topic, seq) = place(&topic, &seq)?;
    Ok(Body(
        service::history::message(&edge.app, &who, &topic, seq).await?,
    ))
}

/// `GET /v1/messages/{topic}/{seq}/readers`.
pub(super) async fn readers(
    State(edge): Shared,
    Caller(who): Caller,
    InPath((topic, seq)): InPath<(String, String)>,
) -> Answer<Body<Vec<Reader>>> {
    let (topic, seq) = place(&topic, &seq)?;
    Ok(Body(
        service::mark::readers(&edge.app, &who, &topic, seq).await?,
    ))
}

fn place(topic: &str, seq: &str) -> Answer<(Topic, Seq)> {
    let seq = seq
        .parse()
        .map_err(|_| extract::invalid("'seq' must be the number of a message"))?;
    Ok((extract::topic(topic)?, Seq(seq)))
}
