//! One transaction that writes: the rows that it locked, the changes that it made so far, and its end.
//!
//! Numbers are given in memory, under the lock of the conversation's row; the rows of the log are written at the end, in
//! one statement, together with the heads of their conversations. Locks are taken in one order, so that transactions
//! wait for each other and not in a circle: invites, then names, then conversations by their ids.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chat_proto::{ConversationKind, Name, Rev, Role, Seq, Time};
use futures_util::future::try_join;
use tokio_postgres::Row;

use super::cache::{Cache, Seat, Seats};
use super::fault::{Fault, Outcome};
use super::log::{self, LogRow};
use super::pool::{Connection, Params, Pool};
use super::rows::{self, address_columns, foreign, get};
use crate::change::{Address, ConversationId, UserId, What};
use crate::mutant::mutant;
use crate::store::codes::{self, Named, count};
use crate::store::{Commits, Committed};

/// A conversation whose row is locked, as it will be after the commit.
pub(super) struct Open {
    pub(super) kind: ConversationKind,
    pub(super) address: Address,
    pub(super) last_seq: Seq,
    pub(super) rev: Rev,
    pub(super) seats: Arc<Seats>,
    /// The number of the seats.
    number: i64,
    reseated: bool,
    pub(super) last_at: Time,
    changed: bool,
}

impl Open {
    /// One that this transaction made.
    pub(super) fn new(kind: ConversationKind, address: Address) -> Self {
        Self {
            kind,
            address,
            last_seq: Seq(0),
            rev: Rev(0),
            seats: Arc::default(),
            number: 0,
            reseated: false,
            last_at: Time::default(),
            changed: false,
        }
    }

    /// Changes who is in it, as the tables of the members were changed.
    pub(super) fn reseat(&mut self, change: impl FnOnce(&mut HashMap<UserId, Seat>)) {
        let mut by_user = self.seats.by_user.clone();
        change(&mut by_user);
        self.seats = Arc::new(Seats::of(by_user));
        (self.reseated, self.changed) = (true, true);
    }
}

pub(super) struct Transaction {
    pub(super) connection: Connection,
    cache: Arc<Cache>,
    open: BTreeMap<ConversationId, Open>,
    log: Vec<LogRow>,
}

impl Transaction {
    pub(super) async fn begin(pool: &Pool, cache: &Arc<Cache>) -> Outcome<Self> {
        let connection = pool.connection().await?;
        connection.command("BEGIN").await?;
        Ok(Self::begun(connection, cache))
    }

    /// One that was begun on this connection.
    pub(super) fn begun(connection: Connection, cache: &Arc<Cache>) -> Self {
        Self {
            connection,
            cache: Arc::clone(cache),
            open: BTreeMap::new(),
            log: Vec::new(),
        }
    }

    /// Ends it: with a commit, after which its changes are told; or, where the answer is none, as if it never was.
    pub(super) async fn end<T>(self, answer: Outcome<T>, commits: &dyn Commits) -> Outcome<T> {
        match answer {
            Ok(answer) => {
                let changes = self.commit(commits).await?;
                tell(&changes, commits);
                Ok(answer)
            }
            Err(fault) => {
                self.roll_back(&fault).await;
                Err(fault)
            }
        }
    }

    /// Undoes everything. If that fails the connection goes, and everything with it.
    pub(super) async fn roll_back(self, fault: &Fault) {
        if fault.leaves_the_connection() && self.connection.command("ROLLBACK").await.is_ok() {
            self.connection.give_back();
        }
    }

    /// Writes what waits and commits, on one way to the server. The changes are on the disk when it returns.
    pub(super) async fn commit(self, commits: &dyn Commits) -> Outcome<Vec<Committed>> {
        if self.log.is_empty() && self.open.values().all(|open| !open.changed) {
            self.connection.command("COMMIT").await?;
            self.connection.give_back();
            return Ok(Vec::new());
        }
        let statement = self.connection.prepare(log::WRITE).await?;
        let write = log::write(&self.connection, &statement, &self.log, self.heads());
        let placed = if mutant("notice_before_commit") {
            let placed = write.await?;
            commits.committed(&log::committed(&self.log, &placed)?);
            self.connection.command("COMMIT").await?;
            placed
        } else {
            // A commit behind a statement that failed is a rollback, and the statement says why.
            match try_join(write, self.connection.command("COMMIT")).await {
                Ok((placed, ())) => placed,
                Err(fault) => {
                    if matches!(fault, Fault::Again(_)) {
                        self.connection.give_back();
                    }
                    return Err(fault);
                }
            }
        };
        let changes = log::committed(&self.log, &placed)?;
        for (id, open) in self.open {
            let number = open.number + i64::from(open.reseated);
            self.cache.keep(id, number, open.seats);
        }
        self.connection.give_back();
        Ok(changes)
    }

    /// How the conversations that changed are to stand.
    fn heads(&self) -> impl Iterator<Item = log::Head> + '_ {
        let changed = self.open.iter().filter(|(_, open)| open.changed);
        changed.map(|(id, open)| log::Head {
            conversation: *id,
            rev: open.rev,
            last_seq: open.last_seq,
            last_at: open.last_at,
            reseated: open.reseated,
        })
    }

    /// Locks the rows of conversations, in the order of their ids. What it gives from here on holds until the end.
    pub(super) async fn lock(&mut self, ids: &[ConversationId]) -> Outcome<()> {
        let lock = Lock::on(self, ids);
        if lock.ids.is_empty() {
            return Ok(());
        }
        let c = &self.connection;
        let (conversations, members) = (c.prepare(Lock::SQL).await?, c.prepare(Lock::STALE).await?);
        let ids: Params<'_> = &[&lock.ids];
        let numbered: Params<'_> = &[&lock.ids, &lock.numbers];
        let locked = c.client().query(&conversations, ids);
        let stale = c.client().query(&members, numbered);
        let (locked, stale) = try_join(locked, stale).await?;
        self.locked(&lock, &locked, &stale)
    }

    /// Takes over what the two statements of a lock gave.
    pub(super) fn locked(&mut self, lock: &Lock, locked: &[Row], stale: &[Row]) -> Outcome<()> {
        if locked.len() != lock.ids.len() {
            return Err(Fault::internal("a conversation is missing"));
        }
        let mut fresh = seats_of(stale)?;
        for row in locked {
            let id = ConversationId(get(row, 0)?);
            let number = get(row, 4)?;
            let seats = match lock.remembered.get(&id) {
                Some((known, seats)) if *known == number => Arc::clone(seats),
                _ => Arc::new(Seats::of(fresh.remove(&id).unwrap_or_default())),
            };
            let open = Open {
                kind: codes::kind(get(row, 1)?).ok_or_else(|| foreign(1, "kind"))?,
                last_seq: Seq(count(get(row, 2)?)),
                rev: Rev(count(get(row, 3)?)),
                address: rows::address_at(row, 6)?,
                seats,
                number,
                reseated: false,
                last_at: Time::from_micros(get(row, 5)?),
                changed: false,
            };
            self.open.insert(id, open);
        }
        Ok(())
    }

    /// A conversation that this transaction locked or made.
    pub(super) fn opened(&mut self, id: ConversationId) -> Outcome<&mut Open> {
        let open = self.open.get_mut(&id);
        open.ok_or_else(|| Fault::internal("a conversation was not locked"))
    }

    /// Takes in a conversation that this transaction made.
    pub(super) fn made(&mut self, id: ConversationId, open: Open) {
        self.open.insert(id, open);
    }

    /// What a name stands for. If that is a group, its row is locked, and the name stands for it until the end: who
    /// frees a name holds that lock.
    pub(super) async fn named(&mut self, name: &Name) -> Outcome<Option<Named>> {
        let named = load_name(&self.connection, name).await?;
        if let Some(Named::Group(id) | Named::Freed(id)) = named {
            self.lock(&[id]).await?;
            self.still(name, named).await?;
        }
        Ok(named)
    }

    /// A name whose group was locked after it was read may stand for something else by then.
    pub(super) async fn still(&self, name: &Name, named: Option<Named>) -> Outcome<()> {
        if load_name(&self.connection, name).await? == named {
            return Ok(());
        }
        Err(Fault::Again("a name changed".to_owned()))
    }

    /// The time of a message that is stored into it now.
    pub(super) fn stamp(&mut self, conversation: ConversationId, now: Time) -> Outcome<Time> {
        let last = self.opened(conversation)?.last_at;
        Ok(self.cache.stamp(now, last))
    }

    /// Adds a row to the log of a conversation, with the next `rev`, which it gives back. It concerns the members as they
    /// are: a join is appended after the member's row, a leave before its end.
    pub(super) fn append(
        &mut self,
        conversation: ConversationId,
        at: Time,
        who: UserId,
        what: What,
        message: log::Columns,
    ) -> Outcome<Rev> {
        let open = self.opened(conversation)?;
        let skipped = u64::from(mutant("rev_gap") && open.rev.0 % 5 == 4);
        let rev = Rev(open.rev.next().0 + skipped);
        if let What::Message { seq, .. } = &what {
            open.last_seq = *seq;
            open.last_at = at;
        }
        open.rev = rev;
        open.changed = true;
        let row = LogRow {
            conversation,
            address: open.address.clone(),
            members: Arc::clone(&open.seats.members),
            rev,
            at,
            who,
            what,
            message,
        };
        self.log.push(row);
        Ok(rev)
    }

    /// Gives a name to a group or a person. `was` is what it stood for; somebody else who takes it at the same moment
    /// is met here.
    pub(super) async fn take_name(
        &self,
        name: &Name,
        was: Option<Named>,
        named: Named,
    ) -> Outcome<()> {
        let c = &self.connection;
        let (kind, id) = named.columns();
        let taken = match was.map(Named::columns) {
            None => {
                const SQL: &str = "INSERT INTO names (name, kind, id) VALUES ($1, $2, $3)";
                c.execute(SQL, &[&name.as_str(), &kind, &id]).await?
            }
            Some((old_kind, old_id)) => {
                const SQL: &str = "UPDATE names SET kind = $2, id = $3 \
                    WHERE name = $1 AND kind = $4 AND id = $5";
                let params: Params<'_> = &[&name.as_str(), &kind, &id, &old_kind, &old_id];
                c.execute(SQL, params).await?
            }
        };
        match taken {
            1 => Ok(()),
            _ => Err(Fault::Again("a name was taken".to_owned())),
        }
    }
}

/// Tells of what was committed.
pub(super) fn tell(changes: &[Committed], commits: &dyn Commits) {
    if !changes.is_empty() && !mutant("notice_before_commit") {
        commits.committed(changes);
    }
}

/// Looks a name up in the tables.
pub(super) async fn load_name(c: &Connection, name: &Name) -> Outcome<Option<Named>> {
    const SQL: &str = "SELECT kind, id FROM names WHERE name = $1";
    let row = c.row(SQL, &[&name.as_str()]).await?;
    row.map(|row| named_at(&row, 0)).transpose()
}

/// What a name stands for, in the columns from `first` on.
pub(super) fn named_at(row: &Row, first: usize) -> Outcome<Named> {
    Named::of(get(row, first)?, get(row, first + 1)?).ok_or_else(|| foreign(first, "kind of name"))
}

fn seats_of(members: &[Row]) -> Outcome<HashMap<ConversationId, HashMap<UserId, Seat>>> {
    let mut seats: HashMap<ConversationId, HashMap<UserId, Seat>> = HashMap::new();
    for row in members {
        let role: Role = codes::role(get(row, 2)?).ok_or_else(|| foreign(2, "role"))?;
        let first_seq = Seq(count(get(row, 3)?));
        let of = seats.entry(ConversationId(get(row, 0)?)).or_default();
        of.insert(UserId(get(row, 1)?), Seat { role, first_seq });
    }
    Ok(seats)
}

/// Conversations to lock, with what is remembered of their members.
pub(super) struct Lock {
    pub(super) ids: Vec<i64>,
    /// The number of the seats that are remembered, for each.
    pub(super) numbers: Vec<i64>,
    remembered: HashMap<ConversationId, (i64, Arc<Seats>)>,
}

impl Lock {
    /// Locks the rows and gives them as they are then. Foreign keys to them may be checked meanwhile.
    pub(super) const SQL: &str = concat!(
        "SELECT c.id, c.kind, c.last_seq, c.rev, c.seats, c.last_at, ",
        address_columns!(),
        "FROM conversations c LEFT JOIN users p ON p.id = c.a LEFT JOIN users q ON q.id = c.b ",
        "WHERE c.id = ANY($1) ORDER BY c.id FOR NO KEY UPDATE OF c"
    );
    /// Sent behind it, so it sees what the lock holds: the members of those who have others than are remembered.
    pub(super) const STALE: &str = "SELECT m.conversation, m.who, m.role, m.first_seq \
        FROM unnest($1::bigint[], $2::bigint[]) AS k (id, seats) \
        JOIN conversations c ON c.id = k.id AND c.seats <> k.seats \
        JOIN members m ON m.conversation = c.id AND m.left_rev IS NULL";

    /// Those of them that the transaction has not locked yet.
    pub(super) fn on(t: &Transaction, ids: &[ConversationId]) -> Self {
        let mut ids: Vec<ConversationId> = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| !t.open.contains_key(id));
        let remembered: HashMap<_, _> = ids
            .iter()
            .filter_map(|id| Some((*id, t.cache.seats(*id)?)))
            .collect();
        let number = |id: &ConversationId| remembered.get(id).map_or(-1, |(number, _)| *number);
        Self {
            numbers: ids.iter().map(number).collect(),
            ids: ids.into_iter().map(|id| id.0).collect(),
            remembered,
        }
    }
}
