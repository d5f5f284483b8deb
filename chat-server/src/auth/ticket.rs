//! Tickets: what a browser puts into the URL of the socket, where a token must not stand. Good once, for 30 seconds.
//!
//! The store holds their hashes, so that one that this node gave is taken by whichever node the browser comes to.

use chat_proto::api::Secret;
use chat_proto::{SessionId, Time, limits as wire};

use super::secret;
use crate::store::{NewTicket, Store, StoreResult, TicketHash};

/// A new ticket for a session.
///
/// # Errors
/// `rate_limited` where too many are out; what else the store says.
pub(super) async fn issue(
    store: &dyn Store,
    session: &SessionId,
    now: Time,
) -> StoreResult<Secret> {
    let text = secret::random_text();
    let ticket = NewTicket {
        hash: TicketHash(secret::sha256(&text)),
        session: session.clone(),
        now,
        ends_at: now.plus_seconds(wire::TICKET_S.cast_signed()),
    };
    store.add_ticket(ticket).await?;
    Ok(Secret(text))
}

/// Takes a ticket: the session that it was made for, once.
///
/// # Errors
/// What the store says.
pub(super) async fn redeem(
    store: &dyn Store,
    ticket: &str,
    now: Time,
) -> StoreResult<Option<SessionId>> {
    let hash = TicketHash(secret::sha256(ticket));
    store.take_ticket(hash, now).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::{Commits, Committed};

    struct Deaf;

    impl Commits for Deaf {
        fn committed(&self, _batch: &[Committed]) {}
    }

    #[tokio::test]
    async fn a08_a_ticket_is_good_once_and_for_thirty_seconds() {
        let store = MemoryStore::new(Arc::new(Deaf));
        let session = SessionId::generate();
        let at = |seconds: i64| Time::default().plus_seconds(seconds);
        let issued = async || issue(&*store, &session, at(0)).await.expect("a ticket");
        let redeemed = async |ticket: &str, seconds| {
            let redeemed = redeem(&*store, ticket, at(seconds)).await;
            redeemed.expect("the store answers")
        };
        let first = issued().await;
        assert_eq!(redeemed(first.expose(), 29).await, Some(session.clone()));
        assert_eq!(redeemed(first.expose(), 29).await, None);
        let late = issued().await;
        assert_eq!(redeemed(late.expose(), 30).await, None);
        assert_eq!(redeemed("", 0).await, None);
        assert_ne!(first.expose(), late.expose());
    }
}
