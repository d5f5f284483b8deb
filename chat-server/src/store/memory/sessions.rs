//! Log-ins of devices, the tickets that stand for them, and the keys that sign what they present.

use chat_proto::{SessionId, Time};

use super::state::State;
use crate::change::UserId;
use crate::limits;
use crate::store::{
    Account, NewTicket, Rotation, Session, SigningKey, StoreError, StoreResult, TicketHash, refuse,
    rotation,
};

impl State {
    pub(super) fn create_session(&mut self, session: Session) -> StoreResult<Session> {
        if self.sessions.contains_key(&session.id) {
            return Err(StoreError::Internal("a session id came twice".to_owned()));
        }
        self.sessions.insert(session.id.clone(), session.clone());
        Ok(session)
    }

    pub(super) fn session(&self, id: &SessionId) -> Option<(Session, Account)> {
        let session = self.sessions.get(id)?;
        let person = self.people.get(&session.user)?;
        Some((session.clone(), person.account.clone()))
    }

    pub(super) fn sessions_of(&self, user: UserId) -> Vec<Session> {
        let of_user = self
            .sessions
            .values()
            .filter(|session| session.user == user);
        let mut sessions: Vec<Session> = of_user.cloned().collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.last_seen));
        sessions
    }

    pub(super) fn rotate_session(
        &mut self,
        id: &SessionId,
        presented: u64,
        now: Time,
    ) -> Option<(Session, Account)> {
        let session = self.sessions.get_mut(id)?;
        match rotation(session, presented, now) {
            Rotation::Again => {}
            Rotation::Next => {
                session.generation += 1;
                session.rotated_at = now;
            }
            Rotation::Theft => {
                self.sessions.remove(id);
            }
        }
        self.session(id)
    }

    pub(super) fn end_session(&mut self, user: UserId, id: &SessionId) -> bool {
        let theirs = self
            .sessions
            .get(id)
            .is_some_and(|session| session.user == user);
        theirs && self.sessions.remove(id).is_some()
    }

    pub(super) fn touch_sessions(&mut self, seen: &[(SessionId, Time)]) {
        for (id, at) in seen {
            if let Some(session) = self.sessions.get_mut(id) {
                session.last_seen = session.last_seen.max(*at);
            }
        }
    }

    pub(super) fn sessions_gone(&self, sessions: &[SessionId]) -> Vec<SessionId> {
        let good = |id: &SessionId| {
            self.session(id)
                .is_some_and(|(_, account)| !account.disabled)
        };
        sessions.iter().filter(|id| !good(id)).cloned().collect()
    }

    pub(super) fn add_ticket(&mut self, ticket: NewTicket) -> StoreResult<()> {
        self.tickets.retain(|held| held.ends_at > ticket.now);
        let own = |held: &NewTicket| held.session == ticket.session;
        if self.tickets.iter().filter(|held| own(held)).count() >= limits::TICKETS_PER_SESSION_MAX
            && let Some(oldest) = self.tickets.iter().position(own)
        {
            self.tickets.remove(oldest);
        }
        if self.tickets.len() >= limits::TICKETS_MAX {
            return Err(refuse::too_many_tickets());
        }
        self.tickets.push(ticket);
        Ok(())
    }

    pub(super) fn take_ticket(&mut self, hash: TicketHash, now: Time) -> Option<SessionId> {
        let at = self.tickets.iter().position(|held| held.hash == hash)?;
        let ticket = self.tickets.remove(at);
        (now < ticket.ends_at).then_some(ticket.session)
    }

    pub(super) fn signing_keys(&self) -> Vec<SigningKey> {
        let mut keys = self.keys.clone();
        keys.sort_by(|a, b| (b.created_at, &b.kid).cmp(&(a.created_at, &a.kid)));
        keys
    }

    pub(super) fn add_signing_key(
        &mut self,
        mut key: SigningKey,
        forget_before: Time,
    ) -> StoreResult<()> {
        if self.keys.iter().any(|known| known.kid == key.kid) {
            return Err(StoreError::Internal("a key id came twice".to_owned()));
        }
        if let Some(newest) = self.keys.iter().map(|known| known.created_at).max() {
            let after = Time::from_micros(newest.micros() + 1);
            key.created_at = key.created_at.max(after);
        }
        self.keys.push(key);
        let keys = self.signing_keys();
        let old = keys.iter().find(|key| key.created_at < forget_before);
        let newest_of_them = old.map(|key| key.kid.clone());
        self.keys.retain(|key| {
            key.created_at >= forget_before || Some(&key.kid) == newest_of_them.as_ref()
        });
        Ok(())
    }
}
