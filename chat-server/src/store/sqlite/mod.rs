//! The embedded engine: SQLite in one file, one thread that writes for all, a few that read.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use async_trait::async_trait;
use chat_proto::{Epoch, Mark, MessageId, Name, Rev, Seq, SessionId, Time, Topic};

use super::{
    Account, Commits, Committed, Delivered, GroupRecord, Head, HeadsPage, Invite, InviteHash,
    Listed, Look, MarkAt, Member, Membership, NewAccount, NewGroup, NewGroupMade, NewMessage,
    NewTicket, OpenError, Published, Range, Session, SigningKey, Slice, Standing, Store,
    StoreResult, Subscribed, TicketHash,
};
use crate::change::{Change, ConversationId, Place, UserId};

mod cache;
mod conversations;
mod directory;
mod fault;
mod feed;
mod groups;
mod messages;
mod open;
mod pages;
mod people;
mod readers;
mod rows;
mod sessions;
mod upkeep;
mod writer;

use open::Folder;
use readers::Readers;
use writer::{Refuses, Writer};

/// A store in a data folder of its own.
pub struct SqliteStore {
    epoch: Epoch,
    writer: Writer,
    readers: Readers,
    /// Taken by who closes the store.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl SqliteStore {
    /// Opens the store in `dir`, makes it if there is none, and brings it up to date.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn open(dir: &Path, commits: Arc<dyn Commits>) -> Result<Arc<Self>, OpenError> {
        let folder = Arc::new(Folder::open(dir)?);
        let connection = folder.writer().map_err(|error| OpenError::Database {
            file: folder.file.clone(),
            reason: error.to_string(),
        })?;
        let no_thread = |error| OpenError::Folder {
            folder: dir.to_owned(),
            error,
        };
        let (readers, mut threads) = Readers::start(&folder).map_err(no_thread)?;
        let epoch = folder.epoch.clone();
        let (writer, thread) = Writer::start(folder, connection, commits).map_err(no_thread)?;
        threads.push(thread);
        Ok(Arc::new(Self {
            epoch,
            writer,
            readers,
            threads: Mutex::new(threads),
        }))
    }

    /// Caps the size of the database, in pages of 4 KiB: what would need more is `Unavailable`, as on a full disk.
    /// The cap never goes below what is there.
    ///
    /// # Errors
    /// `Unavailable`, as from any write.
    pub async fn cap_pages(&self, pages: u32) -> StoreResult<()> {
        self.writer
            .write(Refuses::BeforeWriting, move |t| upkeep::cap_pages(t, pages))
            .await
    }

    /// Reads beside the writer, in a transaction of its own.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        self.readers.read(read).await
    }

    /// Writes in a savepoint, so that a refusal leaves nothing.
    async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut writer::Transaction<'_>) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        self.writer.write(Refuses::Anytime, write).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn epoch(&self) -> Epoch {
        self.epoch.clone()
    }

    fn shared(&self) -> bool {
        false
    }

    async fn ready(&self) -> StoreResult<()> {
        self.writer
            .write(Refuses::BeforeWriting, upkeep::prove_writable)
            .await
    }

    async fn close(&self) {
        self.writer.close();
        self.readers.close();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let ended = tokio::task::spawn_blocking(|| {
            for thread in threads {
                // A thread that panicked has ended too.
                let _ = thread.join();
            }
        });
        // Fails only when the runtime itself goes, and then nobody waits.
        let _ = ended.await;
    }

    async fn signing_keys(&self) -> StoreResult<Vec<SigningKey>> {
        self.read(sessions::signing_keys).await
    }

    async fn add_signing_key(&self, key: SigningKey, forget_before: Time) -> StoreResult<()> {
        self.write(move |t| sessions::add_signing_key(t, &key, forget_before))
            .await
    }

    async fn people_exist(&self) -> StoreResult<bool> {
        self.read(people::people_exist).await
    }

    async fn create_account(&self, new: NewAccount) -> StoreResult<Account> {
        self.write(move |t| people::create_account(t, &new)).await
    }

    async fn account_named(&self, name: &Name) -> StoreResult<Option<Account>> {
        let name = name.clone();
        self.read(move |c| people::account_named(c, &name)).await
    }

    async fn password_hash(&self, user: UserId) -> StoreResult<Option<String>> {
        self.read(move |c| people::password_hash(c, user)).await
    }

    async fn set_display_name(&self, user: UserId, display_name: &str) -> StoreResult<()> {
        let display_name = display_name.to_owned();
        self.write(move |t| people::set_display_name(t, user, &display_name))
            .await
    }

    async fn search_people(
        &self,
        query: &str,
        after: Option<&Name>,
        limit: usize,
    ) -> StoreResult<Vec<Account>> {
        let (query, after) = (query.to_owned(), after.cloned());
        self.read(move |c| people::search_people(c, &query, after.as_ref(), limit))
            .await
    }

    async fn standings(&self, users: &[UserId]) -> StoreResult<Vec<Standing>> {
        let users = users.to_vec();
        self.read(move |c| people::standings(c, &users)).await
    }

    async fn set_status(&self, user: UserId, standing: Standing) -> StoreResult<()> {
        self.write(move |t| people::set_status(t, user, &standing))
            .await
    }

    async fn set_last_seen(&self, seen: &[(UserId, Time)]) -> StoreResult<()> {
        let seen = seen.to_vec();
        self.write(move |t| people::set_last_seen(t, &seen)).await
    }

    async fn add_invite(&self, invite: Invite) -> StoreResult<()> {
        self.write(move |t| people::add_invite(t, &invite)).await
    }

    async fn invite(&self, hash: InviteHash, now: Time) -> StoreResult<Option<Invite>> {
        self.read(move |c| people::invite(c, hash, now)).await
    }

    async fn create_session(
        &self,
        id: SessionId,
        user: UserId,
        device: &str,
        now: Time,
    ) -> StoreResult<Session> {
        let session = Session::begin(id, user, device, now);
        self.write(move |t| sessions::create_session(t, &session).map(|()| session))
            .await
    }

    async fn session(&self, id: &SessionId) -> StoreResult<Option<(Session, Account)>> {
        let id = id.clone();
        self.read(move |c| sessions::session(c, &id)).await
    }

    async fn sessions(&self, user: UserId) -> StoreResult<Vec<Session>> {
        self.read(move |c| sessions::sessions(c, user)).await
    }

    async fn rotate_session(
        &self,
        id: &SessionId,
        presented: u64,
        now: Time,
    ) -> StoreResult<Option<(Session, Account)>> {
        let id = id.clone();
        self.write(move |t| sessions::rotate_session(t, &id, presented, now))
            .await
    }

    async fn end_session(&self, user: UserId, id: &SessionId) -> StoreResult<bool> {
        let id = id.clone();
        self.write(move |t| sessions::end_session(t, user, &id))
            .await
    }

    async fn touch_sessions(&self, seen: &[(SessionId, Time)]) -> StoreResult<()> {
        let seen = seen.to_vec();
        self.write(move |t| sessions::touch_sessions(t, &seen))
            .await
    }

    async fn sessions_gone(&self, sessions: &[SessionId]) -> StoreResult<Vec<SessionId>> {
        let sessions = sessions.to_vec();
        self.read(move |c| sessions::sessions_gone(c, &sessions))
            .await
    }

    async fn add_ticket(&self, ticket: NewTicket) -> StoreResult<()> {
        self.write(move |t| sessions::add_ticket(t, &ticket)).await
    }

    async fn take_ticket(&self, hash: TicketHash, now: Time) -> StoreResult<Option<SessionId>> {
        self.write(move |t| sessions::take_ticket(t, hash, now))
            .await
    }

    async fn publish(&self, message: NewMessage) -> StoreResult<Published> {
        self.writer
            .write(Refuses::BeforeWriting, move |t| {
                messages::publish(t, &message)
            })
            .await
    }

    async fn create_group(&self, group: NewGroup) -> StoreResult<NewGroupMade> {
        self.write(move |t| groups::create_group(t, &group)).await
    }

    async fn own_message(&self, user: UserId, id: &MessageId) -> StoreResult<Option<Change>> {
        let id = id.clone();
        self.read(move |c| pages::own_message(c, user, &id)).await
    }

    async fn history(
        &self,
        user: UserId,
        topic: &Topic,
        range: Range,
        limit: usize,
    ) -> StoreResult<Slice> {
        let topic = topic.clone();
        self.read(move |c| pages::history(c, user, &topic, range, limit))
            .await
    }

    async fn changes(
        &self,
        user: UserId,
        conversation: ConversationId,
        after: Rev,
        limit: usize,
    ) -> StoreResult<Slice> {
        self.read(move |c| pages::changes(c, user, conversation, after, limit))
            .await
    }

    async fn since(&self, place: Place, limit: usize) -> StoreResult<Vec<Committed>> {
        self.read(move |c| feed::since(c, place, limit)).await
    }

    async fn heads_since(&self, look: &Look, limit: usize) -> StoreResult<HeadsPage> {
        let place = look.upto;
        self.read(move |c| feed::heads_since(c, place, limit)).await
    }

    async fn last_place(&self) -> StoreResult<Place> {
        self.read(|c| Ok(feed::last_place(c)?)).await
    }

    async fn membership(&self, user: UserId, topic: &Topic) -> StoreResult<Membership> {
        let topic = topic.clone();
        self.read(move |c| conversations::membership(c, user, &topic))
            .await
    }

    async fn membership_or_left(
        &self,
        user: UserId,
        topic: &Name,
    ) -> StoreResult<Option<Membership>> {
        let topic = topic.clone();
        self.read(move |c| conversations::membership_or_left(c, user, &topic))
            .await
    }

    async fn membership_in(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> StoreResult<Option<Membership>> {
        self.read(move |c| conversations::membership_in(c, user, conversation))
            .await
    }

    async fn heads(&self, user: UserId) -> StoreResult<Vec<Head>> {
        self.read(move |c| conversations::heads(c, user)).await
    }

    async fn conversations(
        &self,
        user: UserId,
        before: Option<Time>,
        limit: usize,
    ) -> StoreResult<Vec<Listed>> {
        self.read(move |c| conversations::conversations(c, user, before, limit))
            .await
    }

    async fn unread(&self, user: UserId, limit: usize) -> StoreResult<Vec<Membership>> {
        self.read(move |c| conversations::unread(c, user, limit))
            .await
    }

    async fn members(&self, conversation: ConversationId) -> StoreResult<Vec<Member>> {
        self.read(move |c| conversations::members(c, conversation))
            .await
    }

    async fn advance_mark(
        &self,
        user: UserId,
        topic: &Topic,
        mark: Mark,
        seq: Seq,
    ) -> StoreResult<MarkAt> {
        let topic = topic.clone();
        self.writer
            .write(Refuses::BeforeWriting, move |t| {
                conversations::advance_mark(t, user, &topic, mark, seq)
            })
            .await
    }

    async fn advance_delivered(&self, marks: &[Delivered]) -> StoreResult<()> {
        let marks = marks.to_vec();
        self.writer
            .write(Refuses::BeforeWriting, move |t| {
                conversations::advance_delivered(t, &marks)
            })
            .await
    }

    async fn acquaintances(&self, user: UserId) -> StoreResult<Vec<UserId>> {
        self.read(move |c| conversations::acquaintances(c, user))
            .await
    }

    async fn subscribe(&self, user: UserId, topic: &Topic, now: Time) -> StoreResult<Subscribed> {
        let topic = topic.clone();
        self.write(move |t| groups::subscribe(t, user, &topic, now))
            .await
    }

    async fn unsubscribe(&self, user: UserId, topic: &Topic, now: Time) -> StoreResult<Subscribed> {
        let topic = topic.clone();
        self.write(move |t| groups::unsubscribe(t, user, &topic, now))
            .await
    }

    async fn add_member(
        &self,
        by: UserId,
        group: &Name,
        name: &Name,
        now: Time,
    ) -> StoreResult<bool> {
        let (group, name) = (group.clone(), name.clone());
        self.write(move |t| groups::add_member(t, by, &group, &name, now))
            .await
    }

    async fn remove_member(
        &self,
        by: UserId,
        group: &Name,
        name: &Name,
        now: Time,
    ) -> StoreResult<bool> {
        let (group, name) = (group.clone(), name.clone());
        self.write(move |t| groups::remove_member(t, by, &group, &name, now))
            .await
    }

    async fn groups(&self, user: UserId) -> StoreResult<Vec<GroupRecord>> {
        self.read(move |c| directory::groups(c, user)).await
    }

    async fn public_topics(
        &self,
        user: UserId,
        query: &str,
        limit: usize,
    ) -> StoreResult<Vec<GroupRecord>> {
        let query = query.to_owned();
        self.read(move |c| directory::public_topics(c, user, &query, limit))
            .await
    }

    async fn group(&self, user: UserId, name: &Name) -> StoreResult<GroupRecord> {
        let name = name.clone();
        self.read(move |c| directory::group(c, user, &name)).await
    }
}
