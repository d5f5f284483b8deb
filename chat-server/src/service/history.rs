//! Pages of a conversation: its messages as they are, and the changes of its log.

use chat_proto::action::{Changes, History};
use chat_proto::api::Page;
use chat_proto::event::{ChangesPage, HistoryPage};
use chat_proto::limits::{PAGE_DEFAULT, PAGE_MAX};
use chat_proto::{ErrorCode, Event, Message, MessageId, Refusal, Rev, Seq, Topic};

use super::{App, Identity, invalid, page_size};
use crate::change::{Change, ConversationId};
use crate::limits::LOAD_PAGE;
use crate::store::{Range, Slice, StoreError};

/// A page of messages, ascending.
///
/// # Errors
/// `not_found` and `forbidden` as for the topic; `invalid` for a limit out of range.
pub async fn history(
    app: &App,
    who: &Identity,
    topic: &Topic,
    range: Range,
    limit: Option<u64>,
) -> Result<Page, Refusal> {
    let limit = page_size(limit, PAGE_DEFAULT, PAGE_MAX)?;
    let Slice { changes, more } = app.store.history(who.user, topic, range, limit).await?;
    Ok(Page {
        messages: changes
            .into_iter()
            .filter_map(|change| change.into_message(who.user))
            .collect(),
        more,
    })
}

/// Which messages three optional numbers ask for.
///
/// # Errors
/// `invalid` for more than one of them.
pub fn range(
    before: Option<Seq>,
    after: Option<Seq>,
    around: Option<Seq>,
) -> Result<Range, Refusal> {
    match (before, after, around) {
        (None, None, None) => Ok(Range::Latest),
        (Some(before), None, None) => Ok(Range::Before(before)),
        (None, Some(after), None) => Ok(Range::After(after)),
        (None, None, Some(around)) => Ok(Range::Around(around)),
        _ => Err(invalid("at most one of 'before', 'after' and 'around'")),
    }
}

/// One message.
///
/// # Errors
/// `not_found` where there is none that the user may read.
pub async fn message(
    app: &App,
    who: &Identity,
    topic: &Topic,
    seq: Seq,
) -> Result<Message, Refusal> {
    let slice = app
        .store
        .history(who.user, topic, Range::After(seq.prev()), 1)
        .await?;
    let message = slice
        .changes
        .into_iter()
        .next()
        .and_then(|change| change.into_message(who.user));
    message
        .filter(|message| message.seq == seq)
        .ok_or_else(|| no_such_message(seq))
}

pub(super) fn no_such_message(seq: Seq) -> Refusal {
    Refusal::new(
        ErrorCode::NotFound,
        format!("there is no message {seq} here"),
    )
}

/// A message of the user's own, by its id: what became of a send whose answer was lost.
///
/// # Errors
/// `not_found` where no message is stored under it.
pub async fn own_message(app: &App, who: &Identity, id: &MessageId) -> Result<Message, Refusal> {
    let change = app.store.own_message(who.user, id).await?;
    let message = change.and_then(|change| change.into_message(who.user));
    message.ok_or_else(|| Refusal::new(ErrorCode::NotFound, "no message of yours has this id"))
}

pub(super) async fn history_event(
    app: &App,
    who: &Identity,
    id: Option<MessageId>,
    asked: History,
) -> Result<Event, Refusal> {
    let range = range(asked.before, asked.after, asked.around)?;
    let Page { messages, more } = history(app, who, &asked.topic, range, asked.limit).await?;
    Ok(Event::History(HistoryPage {
        id,
        topic: asked.topic.name,
        messages,
        more,
    }))
}

pub(super) async fn changes_event(
    app: &App,
    who: &Identity,
    id: Option<MessageId>,
    asked: Changes,
) -> Result<Event, Refusal> {
    let limit = page_size(asked.limit, PAGE_DEFAULT, PAGE_MAX)?;
    let membership = app.store.membership(who.user, &asked.topic).await?;
    let Slice { changes, more } = match membership.conversation {
        Some(conversation) => {
            app.store
                .changes(who.user, conversation, asked.after, limit)
                .await?
        }
        None => Slice::default(),
    };
    let frames = changes
        .iter()
        .map(|change: &Change| change.event(who.user))
        .collect();
    Ok(Event::Changes(ChangesPage {
        id,
        topic: asked.topic.name,
        frames,
        more,
    }))
}

/// What a connection that is behind has to tell next.
pub(super) async fn load(
    app: &App,
    who: &Identity,
    conversation: ConversationId,
    after: Rev,
) -> Result<Slice, Refusal> {
    match app
        .store
        .changes(who.user, conversation, after, LOAD_PAGE)
        .await
    {
        // No member: there is nothing to tell, and asking again would not change that.
        Err(StoreError::Refused(_)) => Ok(Slice::default()),
        outcome => Ok(outcome?),
    }
}
