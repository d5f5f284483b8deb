//! Lists log-ins, and ends them: in the store first, then on every connection of theirs, wherever it is.

use chat_proto::api::SessionInfo;
use chat_proto::{Refusal, SessionId};

use super::{App, Identity};
use crate::bus::Notice;
use crate::change::UserId;

/// The log-ins of the user: where, since when, and whether they have a connection on any node.
///
/// # Errors
/// What the store says.
pub async fn list(app: &App, who: &Identity) -> Result<Vec<SessionInfo>, Refusal> {
    let now = app.clock.wall();
    let sessions = app.store.sessions(who.user).await?;
    let mut connections = app.bus.elsewhere(who.user).await;
    connections.extend(app.router.sessions_of(who.user));
    let shown = sessions.into_iter().map(|session| {
        let connected = connections.contains(&session.id);
        let current = session.id == who.session;
        SessionInfo {
            connected,
            current,
            device: session.device,
            created_at: session.created_at,
            // Whoever is connected, or asks, is seen at this moment; the store hears of it later.
            last_seen: if connected || current {
                now
            } else {
                session.last_seen
            },
            id: session.id,
        }
    });
    Ok(shown.collect())
}

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
    app.bus
        .publish([user].into(), &Notice::SessionEnded(id.clone()));
}
