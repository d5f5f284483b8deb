//! The reference: what the trait means, in maps and lists. Deterministic and without files; it forgets with the process.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chat_proto::{Epoch, Mark, MessageId, Name, Rev, Seq, SessionId, Time, Topic};

use super::queue::closed;
use super::{
    Account, Commits, Committed, Delivered, GroupRecord, Head, HeadsPage, Invite, InviteHash,
    Listed, Look, MarkAt, Member, Membership, NewAccount, NewGroup, NewGroupMade, NewMessage,
    NewTicket, Published, Range, Session, SigningKey, Slice, Standing, Store, StoreResult,
    Subscribed, TicketHash,
};
use crate::change::{Change, ConversationId, Place, UserId};

mod conversations;
mod groups;
mod messages;
mod people;
mod sessions;
mod state;

use state::State;

/// A store in memory.
pub struct MemoryStore {
    commits: Arc<dyn Commits>,
    /// None once it is closed. Held for one call at a time, and while its changes are told: so they are told in order.
    state: Mutex<Option<State>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(commits: Arc<dyn Commits>) -> Arc<Self> {
        Arc::new(Self {
            commits,
            state: Mutex::new(Some(State::default())),
        })
    }

    fn with<T>(&self, call: impl FnOnce(&mut State) -> StoreResult<T>) -> StoreResult<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(state) = state.as_mut() else {
            return Err(closed());
        };
        let result = call(state);
        let changes = std::mem::take(&mut state.changes);
        if !changes.is_empty() {
            self.commits.committed(&changes);
        }
        result
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn epoch(&self) -> Epoch {
        // It never outlives the process that numbered its changes, and one word keeps simulations the same.
        Epoch("memory".to_owned())
    }

    fn shared(&self) -> bool {
        false
    }

    async fn ready(&self) -> StoreResult<()> {
        self.with(|_| Ok(()))
    }

    async fn close(&self) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    async fn signing_keys(&self) -> StoreResult<Vec<SigningKey>> {
        self.with(|s| Ok(s.signing_keys()))
    }

    async fn add_signing_key(&self, key: SigningKey, forget_before: Time) -> StoreResult<()> {
        self.with(|s| s.add_signing_key(key, forget_before))
    }

    async fn people_exist(&self) -> StoreResult<bool> {
        self.with(|s| Ok(!s.people.is_empty()))
    }

    async fn create_account(&self, new: NewAccount) -> StoreResult<Account> {
        self.with(|s| s.create_account(new))
    }

    async fn account_named(&self, name: &Name) -> StoreResult<Option<Account>> {
        self.with(|s| Ok(s.account_named(name)))
    }

    async fn password_hash(&self, user: UserId) -> StoreResult<Option<String>> {
        self.with(|s| {
            Ok(s.people
                .get(&user)
                .map(|person| person.password_hash.clone()))
        })
    }

    async fn set_display_name(&self, user: UserId, display_name: &str) -> StoreResult<()> {
        self.with(|s| {
            s.set_display_name(user, display_name);
            Ok(())
        })
    }

    async fn search_people(
        &self,
        query: &str,
        after: Option<&Name>,
        limit: usize,
    ) -> StoreResult<Vec<Account>> {
        self.with(|s| Ok(s.search_people(query, after, limit)))
    }

    async fn standings(&self, users: &[UserId]) -> StoreResult<Vec<Standing>> {
        self.with(|s| Ok(users.iter().map(|user| s.standing(*user)).collect()))
    }

    async fn set_status(&self, user: UserId, standing: Standing) -> StoreResult<()> {
        self.with(|s| {
            s.set_status(user, standing);
            Ok(())
        })
    }

    async fn set_last_seen(&self, seen: &[(UserId, Time)]) -> StoreResult<()> {
        self.with(|s| {
            s.set_last_seen(seen);
            Ok(())
        })
    }

    async fn add_invite(&self, invite: Invite) -> StoreResult<()> {
        self.with(|s| s.add_invite(invite))
    }

    async fn invite(&self, hash: InviteHash, now: Time) -> StoreResult<Option<Invite>> {
        self.with(|s| Ok(s.invite(hash, now)))
    }

    async fn create_session(
        &self,
        id: SessionId,
        user: UserId,
        device: &str,
        now: Time,
    ) -> StoreResult<Session> {
        self.with(|s| s.create_session(Session::begin(id, user, device, now)))
    }

    async fn session(&self, id: &SessionId) -> StoreResult<Option<(Session, Account)>> {
        self.with(|s| Ok(s.session(id)))
    }

    async fn sessions(&self, user: UserId) -> StoreResult<Vec<Session>> {
        self.with(|s| Ok(s.sessions_of(user)))
    }

    async fn rotate_session(
        &self,
        id: &SessionId,
        presented: u64,
        now: Time,
    ) -> StoreResult<Option<(Session, Account)>> {
        self.with(|s| Ok(s.rotate_session(id, presented, now)))
    }

    async fn end_session(&self, user: UserId, id: &SessionId) -> StoreResult<bool> {
        self.with(|s| Ok(s.end_session(user, id)))
    }

    async fn touch_sessions(&self, seen: &[(SessionId, Time)]) -> StoreResult<()> {
        self.with(|s| {
            s.touch_sessions(seen);
            Ok(())
        })
    }

    async fn sessions_gone(&self, sessions: &[SessionId]) -> StoreResult<Vec<SessionId>> {
        self.with(|s| Ok(s.sessions_gone(sessions)))
    }

    async fn add_ticket(&self, ticket: NewTicket) -> StoreResult<()> {
        self.with(|s| s.add_ticket(ticket))
    }

    async fn take_ticket(&self, hash: TicketHash, now: Time) -> StoreResult<Option<SessionId>> {
        self.with(|s| Ok(s.take_ticket(hash, now)))
    }

    async fn publish(&self, message: NewMessage) -> StoreResult<Published> {
        self.with(|s| s.publish(&message))
    }

    async fn create_group(&self, group: NewGroup) -> StoreResult<NewGroupMade> {
        self.with(|s| s.create_group(&group))
    }

    async fn own_message(&self, user: UserId, id: &MessageId) -> StoreResult<Option<Change>> {
        self.with(|s| Ok(s.own_message(user, id)))
    }

    async fn history(
        &self,
        user: UserId,
        topic: &Topic,
        range: Range,
        limit: usize,
    ) -> StoreResult<Slice> {
        self.with(|s| s.history(user, topic, range, limit))
    }

    async fn changes(
        &self,
        user: UserId,
        conversation: ConversationId,
        after: Rev,
        limit: usize,
    ) -> StoreResult<Slice> {
        self.with(|s| Ok(s.changes_above(user, conversation, after, limit)))
    }

    async fn since(&self, place: Place, limit: usize) -> StoreResult<Vec<Committed>> {
        self.with(|s| Ok(s.since(place, limit)))
    }

    async fn heads_since(&self, look: &Look, limit: usize) -> StoreResult<HeadsPage> {
        self.with(|s| Ok(s.heads_since(look, limit)))
    }

    async fn last_place(&self) -> StoreResult<Place> {
        self.with(|s| Ok(s.last_place()))
    }

    async fn membership(&self, user: UserId, topic: &Topic) -> StoreResult<Membership> {
        self.with(|s| s.membership(user, topic))
    }

    async fn membership_or_left(
        &self,
        user: UserId,
        topic: &Name,
    ) -> StoreResult<Option<Membership>> {
        self.with(|s| Ok(s.membership_or_left(user, topic)))
    }

    async fn membership_in(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> StoreResult<Option<Membership>> {
        self.with(|s| Ok(s.membership_in(user, conversation)))
    }

    async fn heads(&self, user: UserId) -> StoreResult<Vec<Head>> {
        self.with(|s| Ok(s.heads(user)))
    }

    async fn conversations(
        &self,
        user: UserId,
        before: Option<Time>,
        limit: usize,
    ) -> StoreResult<Vec<Listed>> {
        self.with(|s| Ok(s.conversations_of(user, before, limit)))
    }

    async fn unread(&self, user: UserId, limit: usize) -> StoreResult<Vec<Membership>> {
        self.with(|s| Ok(s.unread(user, limit)))
    }

    async fn members(&self, conversation: ConversationId) -> StoreResult<Vec<Member>> {
        self.with(|s| Ok(s.members(conversation)))
    }

    async fn advance_mark(
        &self,
        user: UserId,
        topic: &Topic,
        mark: Mark,
        seq: Seq,
    ) -> StoreResult<MarkAt> {
        self.with(|s| s.advance_mark(user, topic, mark, seq))
    }

    async fn advance_delivered(&self, marks: &[Delivered]) -> StoreResult<()> {
        self.with(|s| {
            s.advance_delivered(marks);
            Ok(())
        })
    }

    async fn acquaintances(&self, user: UserId) -> StoreResult<Vec<UserId>> {
        self.with(|s| Ok(s.acquaintances(user)))
    }

    async fn subscribe(&self, user: UserId, topic: &Topic, now: Time) -> StoreResult<Subscribed> {
        self.with(|s| s.subscribe(user, topic, now))
    }

    async fn unsubscribe(&self, user: UserId, topic: &Topic, now: Time) -> StoreResult<Subscribed> {
        self.with(|s| s.unsubscribe(user, topic, now))
    }

    async fn add_member(
        &self,
        by: UserId,
        group: &Name,
        name: &Name,
        now: Time,
    ) -> StoreResult<bool> {
        self.with(|s| s.add_member(by, group, name, now))
    }

    async fn remove_member(
        &self,
        by: UserId,
        group: &Name,
        name: &Name,
        now: Time,
    ) -> StoreResult<bool> {
        self.with(|s| s.remove_member(by, group, name, now))
    }

    async fn groups(&self, user: UserId) -> StoreResult<Vec<GroupRecord>> {
        self.with(|s| Ok(s.groups(user)))
    }

    async fn public_topics(
        &self,
        user: UserId,
        query: &str,
        limit: usize,
    ) -> StoreResult<Vec<GroupRecord>> {
        self.with(|s| Ok(s.public_topics(user, query, limit)))
    }

    async fn group(&self, user: UserId, name: &Name) -> StoreResult<GroupRecord> {
        self.with(|s| s.group(user, name))
    }
}
