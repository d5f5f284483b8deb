//! Ends log-ins: in the store first, then on every connection of theirs, wherever it is.

use chat_proto::{Refusal, SessionId};

use super::{App, Identity};
use crate::bus::Notice;
use crate::change::UserId;

/// Ends a session of the user's own. `false`: there is none of this id.
///
/// # Errors
/// What the store says.
pub async fn end(app: &App, who: &Identity, id: &SessionId) -> Result<bool, Refusal> {
    if !app.store.end_session(who.user, id).await? {
        return Ok(false);
    }
    tell(app, who.user, id);
    Ok(true)
}

/// Tells the connections of a session that it ended. A node that does not hear of it finds it in the store
/// within [`SESSIONS_ASKED_MS`](crate::limits::SESSIONS_ASKED_MS).
pub(crate) fn tell(app: &App, user: UserId, id: &SessionId) {
    app.bus.publish(&[user], &Notice::SessionEnded(id.clone()));
}
