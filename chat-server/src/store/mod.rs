//! The truth: accounts, sessions, conversations and their logs, behind one trait.
//!
//! Every engine keeps the same promises, and one list of conformance holds them all to it. An engine numbers
//! the changes of a conversation densely (`rev`, and `seq` for its messages), answers only when what it
//! answers is on disk, and hands each batch of changes to [`Commits`] after its commit, before it answers the callers.
//! It never sends anything to anybody.

use std::sync::Arc;

use async_trait::async_trait;
use chat_proto::{
    ConversationKind, Epoch, Mark, MessageId, Name, Refusal, Rev, Role, Seq, SessionId, Time, Topic,
};

use crate::change::{Address, Change, ConversationId, Place, UserId};
use crate::mutant::mutant;

mod account;
mod audience;
mod codes;
mod extra;
pub mod folder;
mod look;
pub mod memory;
mod message;
mod naming;
mod open_error;
mod page;
pub mod postgres;
mod queue;
pub mod refuse;
mod seat;
mod session;
pub mod sqlite;
mod stamp;

pub use account::{Account, Invite, InviteHash, NewAccount, Standing};
pub use look::{HeadSeen, HeadsPage, Look};
pub use message::{Fingerprint, NewMessage, Permit, Published};
pub use open_error::OpenError;
pub use session::{NewTicket, Session, SigningKey, TicketHash};
use session::{Rotation, rotation};

/// Why the store did not do it, by what the caller can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Against a rule; nothing was stored. Tell the user.
    #[error("{0}")]
    Refused(Refusal),
    /// Away, full, read-only or too slow: it is not known whether it was stored. The same request may be repeated.
    #[error("the store is away: {0}")]
    Unavailable(String),
    /// Something that should not be. For the log.
    #[error("the store failed: {0}")]
    Internal(String),
}

/// The outcome of a call of the store.
pub type StoreResult<T> = Result<T, StoreError>;

/// What was committed, and whom it concerns.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The change.
    pub change: Arc<Change>,
    /// The members at that moment; who joins with the change and who leaves with it are both among them.
    pub members: Arc<[UserId]>,
}

/// Who hears of commits. Called by the engine after each commit; in the order of the commits where one writes for all,
/// and as a rule where several write at once: two commits that meet may be told in the other order, which the numbers
/// mend. Must return soon and never block.
pub trait Commits: Send + Sync {
    /// A batch was committed.
    fn committed(&self, batch: &[Committed]);
}

/// A group to make, with its first message.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// Its name; none: a free one is made from the title, else from the users' names.
    pub name: Option<Name>,
    /// Its title; none: the users' names, the creator's first.
    pub title: Option<String>,
    /// The members beside the creator; all must exist (`not_found`). Doubles and the creator count once.
    pub users: Vec<Name>,
    /// Whether anyone may subscribe.
    pub public: bool,
    /// Its first message; `topic` is ignored, `sender` is the creator and owner.
    pub first: NewMessage,
}

/// A group that was made.
#[derive(Debug, Clone)]
pub struct NewGroupMade {
    /// Its title.
    pub title: String,
    /// Its first message; `topic` is the group's name.
    pub published: Published,
}

/// A conversation as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Which; none for a direct conversation in which nothing was said.
    pub conversation: Option<ConversationId>,
    /// How it is addressed.
    pub address: Address,
    /// Direct, group, public.
    pub kind: ConversationKind,
    /// The group's title, or the other's display name.
    pub title: String,
    /// What the member may do.
    pub role: Role,
    /// The lowest number that they may read.
    pub first_seq: Seq,
    /// The lowest change that they may read.
    pub first_rev: Rev,
    /// The change from which on they are told live: that of their joining, 1 where there is none.
    pub joined_rev: Rev,
    /// The number of the last message.
    pub last_seq: Seq,
    /// The last change.
    pub rev: Rev,
    /// Up to where they have read.
    pub read_seq: Seq,
    /// Up to where a device of theirs has it; at least `read_seq`.
    pub delivered_seq: Seq,
    /// How many messages they wrote.
    pub own_last: u64,
    /// How many of those are up to the mark.
    pub own_read: u64,
    /// How many members there are.
    pub members: usize,
}

impl Membership {
    /// Messages of others above the mark: arithmetic, never a counter.
    #[must_use]
    pub fn unread(&self) -> u64 {
        let above = self.last_seq.0.saturating_sub(self.read_seq.0);
        if mutant("unread_counts_ones_own") {
            return above;
        }
        above.saturating_sub(self.own_last.saturating_sub(self.own_read))
    }
}

/// A line of the list of conversations.
#[derive(Debug)]
pub struct Listed {
    /// The conversation.
    pub membership: Membership,
    /// Its last message, if the member may read it.
    pub last_message: Option<Change>,
}

/// A member and their marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Inside the server.
    pub user: UserId,
    /// The handle.
    pub name: Name,
    /// What they may do.
    pub role: Role,
    /// Up to where they have read.
    pub read_seq: Seq,
    /// Up to where a device of theirs has it; at least `read_seq`.
    pub delivered_seq: Seq,
}

/// A group as somebody sees it who may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecord {
    /// Its name.
    pub name: Name,
    /// Its title.
    pub title: String,
    /// Whether anyone may subscribe.
    pub public: bool,
    /// How many are in it.
    pub members: usize,
    /// What the viewer may do; none if they are no member.
    pub role: Option<Role>,
    /// The number of its last message.
    pub last_seq: Seq,
}

/// A subscription, or its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// Which conversation; none when it went with its last member.
    pub conversation: Option<ConversationId>,
    /// Whether the user became, or ceased to be, a member by it, with a change of the log.
    pub changed: bool,
    /// The name of the topic.
    pub topic: Name,
    /// Its last message.
    pub seq: Seq,
    /// The joining or leaving, if there was one; else its last change.
    pub rev: Rev,
}

/// A mark, after it was asked to move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkAt {
    /// Of which conversation.
    pub conversation: ConversationId,
    /// How that is addressed.
    pub address: Address,
    /// The mark that holds.
    pub seq: Seq,
    /// Whether it moved.
    pub moved: bool,
}

/// A device of a user has everything of a conversation up to and with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// Whose device.
    pub user: UserId,
    /// Of which conversation.
    pub conversation: ConversationId,
    /// Up to and with.
    pub seq: Seq,
}

/// Which messages of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// The latest.
    Latest,
    /// Below a number: the highest of them.
    Before(Seq),
    /// Above a number: the lowest of them.
    After(Seq),
    /// With a number in the middle: half of the page below it.
    Around(Seq),
}

/// A page of the log, ascending.
#[derive(Debug, Default)]
pub struct Slice {
    /// The changes.
    pub changes: Vec<Change>,
    /// Whether there are more in the direction asked (`Around`: in either).
    pub more: bool,
}

/// Where a connection stands in one conversation when it opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Which.
    pub conversation: ConversationId,
    /// Its last change.
    pub rev: Rev,
}

/// What the server asks of an engine, in stanzas by noun.
///
/// `now` is the wall clock and is only stored, and a little later where it would step back. Rules about names and membership are decided here, inside the
/// transaction that stores; rules about texts, rates and passwords are the caller's. The sentences of refusals are
/// those of [`refuse`], so that every engine says the same.
#[async_trait]
pub trait Store: Send + Sync {
    // The store.

    /// The life of this store.
    fn epoch(&self) -> Epoch;
    /// Whether other processes write into this store too, so that what they stored is found only by looking.
    fn shared(&self) -> bool;
    /// Whether a write would be stored at this moment: `Unavailable` says why not.
    async fn ready(&self) -> StoreResult<()>;
    /// Waits until the data is found to be another than it was at the opening, as its server failed over or was recovered
    /// to an earlier point: the life is over, calls are `Unavailable`, and only who opens it anew begins the next. Where
    /// nobody can put other data below an open store it waits for ever.
    async fn life_over(&self) {
        std::future::pending::<()>().await;
    }
    /// Writes what is written behind and lets go of the files. Calls after it are `Unavailable`.
    async fn close(&self);

    // Keys.

    /// All keys, the newest first.
    async fn signing_keys(&self) -> StoreResult<Vec<SigningKey>>;
    /// Adds a key and forgets those made before `forget_before`, but for the newest of them. It is made after all that are
    /// there, whatever the clock of its maker says: the newest signs.
    async fn add_signing_key(&self, key: SigningKey, forget_before: Time) -> StoreResult<()>;

    // Accounts.

    /// Whether there is any account.
    async fn people_exist(&self) -> StoreResult<bool>;
    /// Makes an account, uses up its invite, joins the lobby and the invite's groups: all or nothing.
    /// `conflict` for a taken name, `forbidden` for an invite that is used up, expired or unknown.
    async fn create_account(&self, new: NewAccount) -> StoreResult<Account>;
    /// An account by its handle.
    async fn account_named(&self, name: &Name) -> StoreResult<Option<Account>>;
    /// The hash of an account's password.
    async fn password_hash(&self, user: UserId) -> StoreResult<Option<String>>;
    /// Changes what is shown. Messages already sent keep the name under which they were sent only if the engine
    /// stores it with them; ours show the current one.
    async fn set_display_name(&self, user: UserId, display_name: &str) -> StoreResult<()>;
    /// Accounts whose handle or display name (in any case) begins with `query`, then those that contain it, then those
    /// that have its letters in this order; by handle within each, above `after`.
    async fn search_people(
        &self,
        query: &str,
        after: Option<&Name>,
        limit: usize,
    ) -> StoreResult<Vec<Account>>;
    /// What people say of being there, in the order asked; default for who is unknown.
    async fn standings(&self, users: &[UserId]) -> StoreResult<Vec<Standing>>;
    /// Sets state, text and end; `last_seen` of `standing` is ignored.
    async fn set_status(&self, user: UserId, standing: Standing) -> StoreResult<()>;
    /// Sets when people were last there; never goes back.
    async fn set_last_seen(&self, seen: &[(UserId, Time)]) -> StoreResult<()>;

    // Invites.

    /// Stores an invite.
    async fn add_invite(&self, invite: Invite) -> StoreResult<()>;
    /// An invite that can still be used.
    async fn invite(&self, hash: InviteHash, now: Time) -> StoreResult<Option<Invite>>;

    // Sessions.

    /// Opens a session, at generation 1.
    async fn create_session(
        &self,
        id: SessionId,
        user: UserId,
        device: &str,
        now: Time,
    ) -> StoreResult<Session>;
    /// A session that has not ended, with its account.
    async fn session(&self, id: &SessionId) -> StoreResult<Option<(Session, Account)>>;
    /// The sessions of a user that have not ended, the latest seen first.
    async fn sessions(&self, user: UserId) -> StoreResult<Vec<Session>>;
    /// Rotates the refresh token. `presented` is the number of the one presented:
    /// the good one makes the next; the one before it gives the good one again while that is at most 60 s old;
    /// any other ends the session. `None`: unknown, ended, or ended by this very call.
    async fn rotate_session(
        &self,
        id: &SessionId,
        presented: u64,
        now: Time,
    ) -> StoreResult<Option<(Session, Account)>>;
    /// Ends a session of a user. `false`: there is no such session.
    async fn end_session(&self, user: UserId, id: &SessionId) -> StoreResult<bool>;
    /// Sets when sessions were last seen; never goes back.
    async fn touch_sessions(&self, seen: &[(SessionId, Time)]) -> StoreResult<()>;
    /// Which of these are good no more: ended, or of an account that is disabled. In the order asked.
    async fn sessions_gone(&self, sessions: &[SessionId]) -> StoreResult<Vec<SessionId>>;

    // Tickets.

    /// Stores a ticket and forgets those that ended. Of one session the newest [`TICKETS_PER_SESSION_MAX`] stay.
    /// `rate_limited` where [`TICKETS_MAX`] are out.
    ///
    /// [`TICKETS_PER_SESSION_MAX`]: crate::limits::TICKETS_PER_SESSION_MAX
    /// [`TICKETS_MAX`]: crate::limits::TICKETS_MAX
    async fn add_ticket(&self, ticket: NewTicket) -> StoreResult<()>;
    /// Takes a ticket that has not ended: the session that it was made for, once.
    async fn take_ticket(&self, hash: TicketHash, now: Time) -> StoreResult<Option<SessionId>>;

    // Messages.

    /// Stores a message. In this order: a known id is answered (`dup`, or `conflict` for another fingerprint);
    /// `rate_limited` where the permit is denied; the topic is found and the membership checked; the direct
    /// conversation is made at its first message; the next numbers are taken.
    async fn publish(&self, message: NewMessage) -> StoreResult<Published>;
    /// Makes a group with its first message. A known id is answered first, as in `publish`. `conflict` for a taken name.
    async fn create_group(&self, group: NewGroup) -> StoreResult<NewGroupMade>;
    /// A message of the user's own by its id, wherever they may still read it.
    async fn own_message(&self, user: UserId, id: &MessageId) -> StoreResult<Option<Change>>;
    /// A page of messages, ascending: those from `first_seq` on.
    async fn history(
        &self,
        user: UserId,
        topic: &Topic,
        range: Range,
        limit: usize,
    ) -> StoreResult<Slice>;
    /// The changes above `after` and from `first_rev` on, ascending. A member who left is told up to and with the leaving.
    async fn changes(
        &self,
        user: UserId,
        conversation: ConversationId,
        after: Rev,
        limit: usize,
    ) -> StoreResult<Slice>;
    /// The feed over all conversations above a place, ascending, at most `limit`. Nothing is ever committed behind it.
    async fn since(&self, place: Place, limit: usize) -> StoreResult<Vec<Committed>>;
    /// How far the conversations go that changed above a look, as far as is committed, from at most `limit` changes and
    /// those that were late: what is committed below the place of another change is found by the next look. It needs
    /// neither the texts nor the law of the feed, and so is never kept back, as `since` is by any transaction that runs.
    async fn heads_since(&self, look: &Look, limit: usize) -> StoreResult<HeadsPage>;
    /// The place of the last change that the feed tells.
    async fn last_place(&self) -> StoreResult<Place>;

    // Conversations.

    /// A conversation by its address. `not_found`: no such name, or a private group of others, or a sigil that does not
    /// fit; `forbidden`: a public topic of which one is no member. A person is always found, also if nothing was said yet.
    async fn membership(&self, user: UserId, topic: &Topic) -> StoreResult<Membership>;
    /// The same for a topic named in a `sync`: `None` where nothing is to be told. A member who left finds it with
    /// `rev` at their leaving.
    async fn membership_or_left(
        &self,
        user: UserId,
        topic: &Name,
    ) -> StoreResult<Option<Membership>>;
    /// The same by id, for a conversation that a connection hears of first: `None` if no member.
    async fn membership_in(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> StoreResult<Option<Membership>>;
    /// Where every conversation of a user stands.
    async fn heads(&self, user: UserId) -> StoreResult<Vec<Head>>;
    /// The conversations of a user, ranked by last chat (those without a message last), those with a last message
    /// before `before`. The rank is the time of that message, so pages that go on before the time of their last line
    /// lose nothing, whatever the clocks did; and a store gives ascending times, though a clock steps back.
    async fn conversations(
        &self,
        user: UserId,
        before: Option<Time>,
        limit: usize,
    ) -> StoreResult<Vec<Listed>>;
    /// The latest conversations with something unread, ranked by last chat.
    async fn unread(&self, user: UserId, limit: usize) -> StoreResult<Vec<Membership>>;
    /// The members and their marks, by joining.
    async fn members(&self, conversation: ConversationId) -> StoreResult<Vec<Member>>;
    /// Moves marks by `max`, never past the last message; `read` moves `delivered` along.
    async fn advance_mark(
        &self,
        user: UserId,
        topic: &Topic,
        mark: Mark,
        seq: Seq,
    ) -> StoreResult<MarkAt>;
    /// Moves `delivered` marks by `max`, never past the last message, all in one write; who is no member is passed over.
    async fn advance_delivered(&self, marks: &[Delivered]) -> StoreResult<()>;
    /// Those who may know of a user's presence and whose presence the user may know: who shares a group or a direct
    /// conversation with them. Without the user.
    async fn acquaintances(&self, user: UserId) -> StoreResult<Vec<UserId>>;

    // Groups.

    /// Makes the user a member of a public topic; a free name becomes one, whose creator's joining takes no `rev`.
    /// Twice changes nothing. `forbidden`: a person's name but one's own; `not_found`: a private group of others;
    /// `rejected`: a reserved name, or more than 20 topics without messages.
    async fn subscribe(&self, user: UserId, topic: &Topic, now: Time) -> StoreResult<Subscribed>;
    /// Ends the membership of a public topic; one without messages goes with its last member, and its name is free.
    async fn unsubscribe(&self, user: UserId, topic: &Topic, now: Time) -> StoreResult<Subscribed>;
    /// Adds a member to a group of which `by` is one. Twice changes nothing (`false`).
    async fn add_member(
        &self,
        by: UserId,
        group: &Name,
        name: &Name,
        now: Time,
    ) -> StoreResult<bool>;
    /// Removes a member (`by` is owner or admin, and nobody removes the owner) or oneself. When the owner goes, the oldest admin,
    /// else the oldest member, owns it: a change of its own. `false`: was no member.
    async fn remove_member(
        &self,
        by: UserId,
        group: &Name,
        name: &Name,
        now: Time,
    ) -> StoreResult<bool>;
    /// The groups and public topics of a user, by name.
    async fn groups(&self, user: UserId) -> StoreResult<Vec<GroupRecord>>;
    /// Public topics whose name begins with, else contains, `query`, by name.
    async fn public_topics(
        &self,
        user: UserId,
        query: &str,
        limit: usize,
    ) -> StoreResult<Vec<GroupRecord>>;
    /// A group that one may see: a public topic, or a private one of which one is a member (`not_found`).
    async fn group(&self, user: UserId, name: &Name) -> StoreResult<GroupRecord>;
}
