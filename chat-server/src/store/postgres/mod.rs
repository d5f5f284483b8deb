//! The engine that several nodes share: PostgreSQL, with a few connections and all judgement in its transactions.
//!
//! What differs from the embedded engine is that others write, too. So what decides is read under a lock: the row of the
//! conversation, of which every change of its log and its members takes its number, or the row of a name. A message that
//! is stored on two nodes at once meets itself in a unique index. Changes are told in the order of their commits within
//! one conversation as a rule, and not as a law: two transactions may end so close that the second is told first, which
//! the sequence numbers mend. Calls end within five seconds, whatever the network does.

use std::sync::Arc;

use async_trait::async_trait;
use chat_proto::{Epoch, Mark, MessageId, Name, Rev, Seq, SessionId, Time, Topic};
use tokio_util::sync::CancellationToken;

use super::queue::{PATIENCE, too_long};
use super::{
    Account, Commits, Committed, Delivered, GroupRecord, Head, HeadsPage, Invite, InviteHash,
    Listed, Look, MarkAt, Member, Membership, NewAccount, NewGroup, NewGroupMade, NewMessage,
    NewTicket, OpenError, Published, Range, Session, SigningKey, Slice, Standing, Store,
    StoreResult, Subscribed, TicketHash,
};
use crate::change::{Change, ConversationId, Place, UserId};

mod asked;
mod cache;
mod conversations;
mod directory;
mod fault;
mod feed;
mod groups;
mod lanes;
mod log;
mod messages;
mod open;
mod origin;
mod pages;
mod people;
mod pool;
mod rows;
mod sessions;
mod target;
mod tls;
mod upkeep;
mod writer;

use cache::Cache;
use fault::Tries;
use lanes::{LANES, Lanes};
use pool::Pool;
use target::Target;
use writer::Transaction;

/// Connections for all calls but the sending of messages, which has its own.
const CONNECTIONS: usize = 8;

/// A store in a database that other nodes may use, too.
pub struct PostgresStore {
    epoch: Epoch,
    commits: Arc<dyn Commits>,
    cache: Arc<Cache>,
    pool: Pool,
    sends: Arc<Pool>,
    lanes: Lanes,
    /// The data is not what it was.
    over: CancellationToken,
}

/// Asks on a connection: one statement that writes, or some that read.
macro_rules! asking {
    ($store:ident, |$c:ident| $call:expr) => {
        trying!($store, {
            let connection = $store.pool.connection().await?;
            let $c = &connection;
            let answer = $call.await;
            connection.after(answer)
        })
    };
}

/// Runs a call as a transaction, and tells of its changes after the commit.
macro_rules! writing {
    ($store:ident, |$t:ident| $call:expr) => {
        trying!($store, {
            let mut transaction = Transaction::begin(&$store.pool, &$store.cache).await?;
            let $t = &mut transaction;
            let answer = $call.await;
            transaction.end(answer, &*$store.commits).await
        })
    };
}

/// Does it, again where it met somebody else's, within the caller's patience. A macro, as no closure can be asked
/// twice for a future that borrows from its arguments and may be sent between threads.
macro_rules! trying {
    ($store:ident, $attempt:block) => {
        $store
            .patiently(async {
                let mut tries = Tries::default();
                loop {
                    match async { $attempt }.await {
                        Ok(answer) => break Ok(answer),
                        Err(fault) => tries.next_after(fault).await?,
                    }
                }
            })
            .await
    };
}

impl PostgresStore {
    /// Opens the store at a URL such as `postgres://user:password@host/database?sslmode=require`, makes its tables if
    /// there are none, and brings them up to date. Several nodes may do so at the same moment.
    ///
    /// # Errors
    /// A sentence for the operator, without the password.
    pub async fn open(url: &str, commits: Arc<dyn Commits>) -> Result<Arc<Self>, OpenError> {
        let target = Target::parse(url)?;
        let prepared = open::prepare(&target).await?;
        let over = CancellationToken::new();
        let pool = Pool::new(&target, CONNECTIONS, &prepared.origin, &over)?;
        let sends = Pool::new(&target, LANES, &prepared.origin, &over)?;
        let sends = Arc::new(sends);
        let cache = Arc::new(Cache::after(prepared.latest));
        let lanes = Lanes::start(&sends, &cache, &commits);
        Ok(Arc::new(Self {
            epoch: prepared.epoch,
            commits,
            cache,
            pool,
            sends,
            lanes,
            over,
        }))
    }

    /// Who waits longer is told that nothing is known, and what was begun goes with its connection.
    async fn patiently<T>(&self, call: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
        let outcome = tokio::time::timeout(PATIENCE, call).await;
        outcome.unwrap_or_else(|_| Err(too_long()))
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn epoch(&self) -> Epoch {
        self.epoch.clone()
    }

    fn shared(&self) -> bool {
        true
    }

    async fn ready(&self) -> StoreResult<()> {
        asking!(self, |c| upkeep::prove_writable(c))
    }

    async fn life_over(&self) {
        self.over.cancelled().await;
    }

    async fn close(&self) {
        self.lanes.close().await;
        self.sends.close();
        self.pool.close();
    }

    async fn signing_keys(&self) -> StoreResult<Vec<SigningKey>> {
        asking!(self, |c| sessions::signing_keys(c))
    }

    async fn add_signing_key(&self, key: SigningKey, forget_before: Time) -> StoreResult<()> {
        writing!(self, |t| sessions::add_signing_key(t, &key, forget_before))
    }

    async fn people_exist(&self) -> StoreResult<bool> {
        asking!(self, |c| people::people_exist(c))
    }

    async fn create_account(&self, new: NewAccount) -> StoreResult<Account> {
        writing!(self, |t| people::create_account(t, &new))
    }

    async fn account_named(&self, name: &Name) -> StoreResult<Option<Account>> {
        asking!(self, |c| people::account_named(c, name))
    }

    async fn password_hash(&self, user: UserId) -> StoreResult<Option<String>> {
        asking!(self, |c| people::password_hash(c, user))
    }

    async fn set_display_name(&self, user: UserId, display_name: &str) -> StoreResult<()> {
        asking!(self, |c| people::set_display_name(c, user, display_name))
    }

    async fn search_people(
        &self,
        query: &str,
        after: Option<&Name>,
        limit: usize,
    ) -> StoreResult<Vec<Account>> {
        asking!(self, |c| people::search_people(c, query, after, limit))
    }

    async fn standings(&self, users: &[UserId]) -> StoreResult<Vec<Standing>> {
        asking!(self, |c| people::standings(c, users))
    }

    async fn set_status(&self, user: UserId, standing: Standing) -> StoreResult<()> {
        asking!(self, |c| people::set_status(c, user, &standing))
    }

    async fn set_last_seen(&self, seen: &[(UserId, Time)]) -> StoreResult<()> {
        asking!(self, |c| people::set_last_seen(c, seen))
    }

    async fn add_invite(&self, invite: Invite) -> StoreResult<()> {
        asking!(self, |c| people::add_invite(c, &invite))
    }

    async fn invite(&self, hash: InviteHash, now: Time) -> StoreResult<Option<Invite>> {
        asking!(self, |c| people::invite(c, hash, now))
    }

    async fn create_session(
        &self,
        id: SessionId,
        user: UserId,
        device: &str,
        now: Time,
    ) -> StoreResult<Session> {
        let session = Session::begin(id, user, device, now);
        asking!(self, |c| sessions::create_session(c, &session)).map(|()| session)
    }

    async fn session(&self, id: &SessionId) -> StoreResult<Option<(Session, Account)>> {
        asking!(self, |c| sessions::session(c, id))
    }

    async fn sessions(&self, user: UserId) -> StoreResult<Vec<Session>> {
        asking!(self, |c| sessions::sessions(c, user))
    }

    async fn rotate_session(
        &self,
        id: &SessionId,
        presented: u64,
        now: Time,
    ) -> StoreResult<Option<(Session, Account)>> {
        writing!(self, |t| sessions::rotate_session(t, id, presented, now))
    }

    async fn end_session(&self, user: UserId, id: &SessionId) -> StoreResult<bool> {
        asking!(self, |c| sessions::end_session(c, user, id))
    }

    async fn touch_sessions(&self, seen: &[(SessionId, Time)]) -> StoreResult<()> {
        asking!(self, |c| sessions::touch_sessions(c, seen))
    }

    async fn sessions_gone(&self, sessions: &[SessionId]) -> StoreResult<Vec<SessionId>> {
        asking!(self, |c| sessions::sessions_gone(c, sessions))
    }

    async fn add_ticket(&self, ticket: NewTicket) -> StoreResult<()> {
        writing!(self, |t| sessions::add_ticket(t, &ticket))
    }

    async fn take_ticket(&self, hash: TicketHash, now: Time) -> StoreResult<Option<SessionId>> {
        asking!(self, |c| sessions::take_ticket(c, hash, now))
    }

    async fn publish(&self, message: NewMessage) -> StoreResult<Published> {
        self.lanes.publish(message).await
    }

    async fn create_group(&self, group: NewGroup) -> StoreResult<NewGroupMade> {
        writing!(self, |t| groups::create_group(t, &group))
    }

    async fn own_message(&self, user: UserId, id: &MessageId) -> StoreResult<Option<Change>> {
        asking!(self, |c| pages::own_message(c, user, id))
    }

    async fn history(
        &self,
        user: UserId,
        topic: &Topic,
        range: Range,
        limit: usize,
    ) -> StoreResult<Slice> {
        asking!(self, |c| pages::history(c, user, topic, range, limit))
    }

    async fn changes(
        &self,
        user: UserId,
        conversation: ConversationId,
        after: Rev,
        limit: usize,
    ) -> StoreResult<Slice> {
        asking!(self, |c| pages::changes(
            c,
            user,
            conversation,
            after,
            limit
        ))
    }

    async fn since(&self, place: Place, limit: usize) -> StoreResult<Vec<Committed>> {
        asking!(self, |c| feed::since(c, place, limit))
    }

    async fn heads_since(&self, look: &Look, limit: usize) -> StoreResult<HeadsPage> {
        asking!(self, |c| feed::heads_since(c, look, limit))
    }

    async fn last_place(&self) -> StoreResult<Place> {
        asking!(self, |c| feed::last_place(c))
    }

    async fn membership(&self, user: UserId, topic: &Topic) -> StoreResult<Membership> {
        asking!(self, |c| conversations::membership(c, user, topic))
    }

    async fn membership_or_left(
        &self,
        user: UserId,
        topic: &Name,
    ) -> StoreResult<Option<Membership>> {
        asking!(self, |c| conversations::membership_or_left(c, user, topic))
    }

    async fn membership_in(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> StoreResult<Option<Membership>> {
        asking!(self, |c| conversations::membership_in(
            c,
            user,
            conversation
        ))
    }

    async fn heads(&self, user: UserId) -> StoreResult<Vec<Head>> {
        asking!(self, |c| conversations::heads(c, user))
    }

    async fn conversations(
        &self,
        user: UserId,
        before: Option<Time>,
        limit: usize,
    ) -> StoreResult<Vec<Listed>> {
        asking!(self, |c| conversations::conversations(
            c, user, before, limit
        ))
    }

    async fn unread(&self, user: UserId, limit: usize) -> StoreResult<Vec<Membership>> {
        asking!(self, |c| conversations::unread(c, user, limit))
    }

    async fn members(&self, conversation: ConversationId) -> StoreResult<Vec<Member>> {
        asking!(self, |c| conversations::members(c, conversation))
    }

    async fn advance_mark(
        &self,
        user: UserId,
        topic: &Topic,
        mark: Mark,
        seq: Seq,
    ) -> StoreResult<MarkAt> {
        writing!(self, |t| conversations::advance_mark(
            t, user, topic, mark, seq
        ))
    }

    async fn advance_delivered(&self, marks: &[Delivered]) -> StoreResult<()> {
        asking!(self, |c| conversations::advance_delivered(c, marks))
    }

    async fn acquaintances(&self, user: UserId) -> StoreResult<Vec<UserId>> {
        asking!(self, |c| conversations::acquaintances(c, user))
    }

    async fn subscribe(&self, user: UserId, topic: &Topic, now: Time) -> StoreResult<Subscribed> {
        writing!(self, |t| groups::subscribe(t, user, topic, now))
    }

    async fn unsubscribe(&self, user: UserId, topic: &Topic, now: Time) -> StoreResult<Subscribed> {
        writing!(self, |t| groups::unsubscribe(t, user, topic, now))
    }

    async fn add_member(
        &self,
        by: UserId,
        group: &Name,
        name: &Name,
        now: Time,
    ) -> StoreResult<bool> {
        writing!(self, |t| groups::add_member(t, by, group, name, now))
    }

    async fn remove_member(
        &self,
        by: UserId,
        group: &Name,
        name: &Name,
        now: Time,
    ) -> StoreResult<bool> {
        writing!(self, |t| groups::remove_member(t, by, group, name, now))
    }

    async fn groups(&self, user: UserId) -> StoreResult<Vec<GroupRecord>> {
        asking!(self, |c| directory::groups(c, user))
    }

    async fn public_topics(
        &self,
        user: UserId,
        query: &str,
        limit: usize,
    ) -> StoreResult<Vec<GroupRecord>> {
        asking!(self, |c| directory::public_topics(c, user, query, limit))
    }

    async fn group(&self, user: UserId, name: &Name) -> StoreResult<GroupRecord> {
        asking!(self, |c| directory::group(c, user, name))
    }
}
