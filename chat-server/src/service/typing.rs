//! Tells a conversation that somebody is typing: at most every three seconds, never stored, never answered.

use chat_proto::event::ErrorFrame;
use chat_proto::{Event, MessageId, Refusal, Topic};

use super::{App, Identity};
use crate::bus::{Notice, TypingNotice};
use crate::session::Reply;

pub(super) async fn typing(
    app: &App,
    who: &Identity,
    id: Option<MessageId>,
    topic: &Topic,
) -> Reply {
    match tell(app, who, topic).await {
        Ok(()) => Reply::Nothing,
        Err(refusal) => Reply::Answer(Box::new(Event::Error(ErrorFrame::new(id, refusal)))),
    }
}

async fn tell(app: &App, who: &Identity, topic: &Topic) -> Result<(), Refusal> {
    let membership = app.store.membership(who.user, topic).await?;
    // Before the first message there is nobody to tell: the other does not know of the conversation yet.
    let Some(conversation) = membership.conversation else {
        return Ok(());
    };
    let now = app.clock.monotonic();
    let told = app.typing.take((who.user, conversation), now).is_err();
    if told {
        return Ok(());
    }
    let to = match membership.address.peer_of(who.user) {
        Some(peer) => vec![peer],
        None => app
            .store
            .members(conversation)
            .await?
            .into_iter()
            .map(|member| member.user)
            .collect(),
    };
    let notice = TypingNotice {
        conversation,
        address: membership.address,
        by: who.user,
        name: who.name.clone(),
    };
    app.bus.publish(to.into(), &Notice::Typing(notice));
    Ok(())
}
