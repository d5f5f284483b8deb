//! Tickets: what a browser puts into the URL of the socket, where a token must not stand. Good once, for 30 seconds.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use chat_proto::api::Secret;
use chat_proto::{Refusal, SessionId, limits as wire};

use super::secret;
use crate::clock::Millis;
use crate::limits;

struct Held {
    hash: [u8; 32],
    session: SessionId,
    ends_at: Millis,
}

/// The tickets that are out, the oldest first. They do not outlive the process; a client asks for another.
#[derive(Default)]
pub struct Tickets {
    // A std Mutex: the sections are short and nothing is awaited in them.
    held: Mutex<VecDeque<Held>>,
}

impl Tickets {
    /// A new ticket for a session.
    ///
    /// # Errors
    /// `rate_limited` where too many are out.
    pub fn issue(&self, session: &SessionId, now: Millis) -> Result<Secret, Refusal> {
        let text = secret::random_text();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        forget_ended(&mut held, now);
        let own = |held: &Held| held.session == *session;
        if held.iter().filter(|held| own(held)).count() >= limits::TICKETS_PER_SESSION_MAX
            && let Some(oldest) = held.iter().position(own)
        {
            held.remove(oldest);
        }
        if held.len() >= limits::TICKETS_MAX {
            return Err(Refusal::rate_limited(1_000));
        }
        held.push_back(Held {
            hash: secret::sha256(&text),
            session: session.clone(),
            ends_at: now.plus(wire::TICKET_S * 1_000),
        });
        Ok(Secret(text))
    }

    /// Takes a ticket: the session that it was made for, once.
    pub fn redeem(&self, ticket: &str, now: Millis) -> Option<SessionId> {
        let hash = secret::sha256(ticket);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        forget_ended(&mut held, now);
        let at = held.iter().position(|held| held.hash == hash)?;
        held.remove(at).map(|held| held.session)
    }
}

fn forget_ended(held: &mut VecDeque<Held>, now: Millis) {
    while held.front().is_some_and(|first| first.ends_at <= now) {
        held.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a08_a_ticket_is_good_once_and_for_thirty_seconds() {
        let tickets = Tickets::default();
        let session = SessionId::generate();
        let issue = |at| tickets.issue(&session, Millis(at)).expect("a ticket");
        let first = issue(0);
        assert_eq!(
            tickets.redeem(first.expose(), Millis(29_999)),
            Some(session.clone())
        );
        assert_eq!(tickets.redeem(first.expose(), Millis(29_999)), None);
        let late = issue(0);
        assert_eq!(tickets.redeem(late.expose(), Millis(30_000)), None);
        assert_eq!(tickets.redeem("", Millis(0)), None);
    }

    #[test]
    fn s02_tickets_are_bounded_for_each_session_and_in_all() {
        let tickets = Tickets::default();
        let session = SessionId::generate();
        let first = tickets.issue(&session, Millis(0)).expect("a ticket");
        for _ in 0..limits::TICKETS_PER_SESSION_MAX {
            tickets.issue(&session, Millis(0)).expect("a ticket");
        }
        assert_eq!(tickets.redeem(first.expose(), Millis(0)), None);
        while tickets.issue(&SessionId::generate(), Millis(0)).is_ok() {}
        let held = tickets.held.lock().expect("nobody panicked").len();
        assert_eq!(held, limits::TICKETS_MAX);
        assert!(tickets.issue(&session, Millis(30_000)).is_ok());
    }
}
