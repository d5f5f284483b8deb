//! Subscribes to a public topic, for good and on all sessions, and ends it.

use chat_proto::{Refusal, Topic};

use super::{App, Identity};
use crate::store::Subscribed;

/// Makes the user a member; a free name becomes a public topic.
///
/// # Errors
/// `forbidden` for another user's topic, `not_found` for a private group of others, `rejected` for a reserved name.
pub async fn subscribe(app: &App, who: &Identity, topic: &Topic) -> Result<Subscribed, Refusal> {
    Ok(app
        .store
        .subscribe(who.user, topic, app.clock.wall())
        .await?)
}

/// Ends the membership.
///
/// # Errors
/// `not_found` where there is nothing, `forbidden` for a person and for a private group.
pub async fn unsubscribe(app: &App, who: &Identity, topic: &Topic) -> Result<Subscribed, Refusal> {
    Ok(app
        .store
        .unsubscribe(who.user, topic, app.clock.wall())
        .await?)
}
