//! Who is here: from a user to the mailboxes of their connections.

use chat_proto::SessionId;

use crate::change::UserId;

/// Who is here. Short sections under a std `Mutex`, never across an await.
#[derive(Debug, Default)]
pub struct Router {}

impl Router {
    /// Whether a session has a live connection.
    #[must_use]
    pub fn connected(&self, _session: &SessionId) -> bool {
        false
    }

    /// Tells the connections of a session that it ended; they close at once.
    pub fn end_session(&self, _user: UserId, _session: &SessionId) {}
}
