//! Rows of the log as they are written: those of one transaction in one statement, with the heads of their conversations.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chat_proto::{Rev, Seq, Time};
use tokio_postgres::Statement;

use super::fault::{Fault, Outcome};
use super::pool::{Connection, Params};
use super::rows::get;
use crate::change::{Address, Change, ConversationId, Place, UserId, What};
use crate::store::codes::{self, JOIN, LEAVE, MESSAGE, ROLE, column, count};
use crate::store::{Committed, extra};

/// A row to write, and whom it concerns.
pub(super) struct LogRow {
    pub(super) conversation: ConversationId,
    pub(super) address: Address,
    pub(super) members: Arc<[UserId]>,
    pub(super) rev: Rev,
    pub(super) at: Time,
    pub(super) who: UserId,
    pub(super) what: What,
    pub(super) message: Columns,
}

/// What only a message has beside what it says.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) fingerprint: Option<[u8; 32]>,
    pub(super) extra: Option<String>,
}

/// How a conversation is to stand.
pub(super) struct Head {
    pub(super) conversation: ConversationId,
    pub(super) rev: Rev,
    pub(super) last_seq: Seq,
    /// When its last message was sent.
    pub(super) last_at: Time,
    pub(super) reseated: bool,
}

/// Where rows came to stand.
pub(super) type Placed = HashMap<(ConversationId, Rev), Place>;

/// The rows, the heads, and how many messages members wrote more. The ids are given in the order of the rows. Members'
/// rows are locked in one order, as marks lock them without the conversation.
pub(super) const WRITE: &str = "WITH put AS (\
        INSERT INTO log (conversation, rev, what, who, at, seq, message_id, fingerprint, kind, text, extra) \
        SELECT conversation, rev, what, who, at, seq, message_id, fingerprint, kind, text, extra \
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], \
            $7::text[], $8::bytea[], $9::text[], $10::text[], $11::text[]) WITH ORDINALITY \
            AS r (conversation, rev, what, who, at, seq, message_id, fingerprint, kind, text, extra, place) \
        ORDER BY place RETURNING id, txn, conversation, rev, seq), \
    heads AS (\
        UPDATE conversations c SET rev = h.rev, last_seq = h.last_seq, last_at = h.last_at, \
            last_place = coalesce(p.id, c.last_place), seats = c.seats + h.reseated \
        FROM unnest($12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[]) \
            AS h (id, rev, last_seq, last_at, reseated) \
        LEFT JOIN (SELECT conversation, max(id) AS id FROM put WHERE seq IS NOT NULL GROUP BY conversation) p \
            ON p.conversation = h.id \
        WHERE c.id = h.id), \
    senders AS (\
        SELECT m.who, m.conversation, o.count \
        FROM unnest($17::bigint[], $18::bigint[], $19::bigint[]) AS o (who, conversation, count) \
        JOIN members m ON m.who = o.who AND m.conversation = o.conversation \
        ORDER BY m.who, m.conversation FOR NO KEY UPDATE OF m), \
    counts AS (\
        UPDATE members m SET own_last = m.own_last + s.count FROM senders s \
        WHERE m.who = s.who AND m.conversation = s.conversation) \
    SELECT id, txn, conversation, rev FROM put";

/// Sends [`WRITE`] when it is first polled.
pub(super) async fn write(
    c: &Connection,
    statement: &Statement,
    log: &[LogRow],
    heads: impl Iterator<Item = Head>,
) -> Outcome<Placed> {
    let r = Rows::of(log);
    let h = Heads::of(heads);
    let o = Counts::of(log);
    let params: Params<'_> = &[
        &r.conversation,
        &r.rev,
        &r.what,
        &r.who,
        &r.at,
        &r.seq,
        &r.message_id,
        &r.fingerprint,
        &r.kind,
        &r.text,
        &r.extra,
        &h.id,
        &h.rev,
        &h.last_seq,
        &h.last_at,
        &h.reseated,
        &o.who,
        &o.conversation,
        &o.count,
    ];
    let mut placed = Placed::new();
    for row in c.client().query(statement, params).await? {
        let key = (ConversationId(get(&row, 2)?), Rev(count(get(&row, 3)?)));
        let place = Place {
            transaction: get(&row, 1)?,
            row: get(&row, 0)?,
        };
        placed.insert(key, place);
    }
    Ok(placed)
}

/// The rows as they are told when they are committed.
pub(super) fn committed(log: &[LogRow], placed: &Placed) -> Outcome<Vec<Committed>> {
    let committed = |row: &LogRow| {
        let place = placed.get(&(row.conversation, row.rev));
        let place = place.ok_or_else(|| Fault::internal("a row of the log has no place"))?;
        let (address, what) = (row.address.clone(), row.what.clone());
        let change = Change::new(*place, row.conversation, address, row.rev, row.at, what);
        Ok(Committed {
            change: Arc::new(change),
            members: Arc::clone(&row.members),
        })
    };
    log.iter().map(committed).collect()
}

/// The columns of the rows.
#[derive(Default)]
struct Rows<'a> {
    conversation: Vec<i64>,
    rev: Vec<i64>,
    what: Vec<i64>,
    who: Vec<i64>,
    at: Vec<i64>,
    seq: Vec<Option<i64>>,
    message_id: Vec<Option<&'a str>>,
    fingerprint: Vec<Option<&'a [u8]>>,
    kind: Vec<Option<String>>,
    text: Vec<Option<&'a str>>,
    extra: Vec<Option<&'a str>>,
}

impl<'a> Rows<'a> {
    fn of(log: &'a [LogRow]) -> Self {
        let mut columns = Self::default();
        for row in log {
            columns.push(row);
        }
        columns
    }

    fn push(&mut self, row: &'a LogRow) {
        self.conversation.push(row.conversation.0);
        self.rev.push(column(row.rev.0));
        self.who.push(row.who.0);
        self.at.push(row.at.micros());
        let message = &row.message;
        self.fingerprint
            .push(message.fingerprint.as_ref().map(|bytes| &bytes[..]));
        self.extra.push(message.extra.as_deref());
        let (what, seq, id, kind, text) = match &row.what {
            What::Message { seq, id, body, .. } => {
                let (kind, text) = (extra::kind(body).map(str::to_owned), body.text.as_str());
                let seq = column(seq.0);
                (MESSAGE, Some(seq), Some(id.as_str()), kind, Some(text))
            }
            What::Join { .. } => (JOIN, None, None, None, None),
            What::Leave { .. } => (LEAVE, None, None, None, None),
            What::Role { role, .. } => {
                let role = codes::role_code(*role).to_string();
                (ROLE, None, None, Some(role), None)
            }
        };
        self.what.push(what);
        self.seq.push(seq);
        self.message_id.push(id);
        self.kind.push(kind);
        self.text.push(text);
    }
}

/// The columns of the heads.
#[derive(Default)]
struct Heads {
    id: Vec<i64>,
    rev: Vec<i64>,
    last_seq: Vec<i64>,
    last_at: Vec<i64>,
    reseated: Vec<i64>,
}

impl Heads {
    fn of(heads: impl Iterator<Item = Head>) -> Self {
        let mut columns = Self::default();
        for head in heads {
            columns.id.push(head.conversation.0);
            columns.rev.push(column(head.rev.0));
            columns.last_seq.push(column(head.last_seq.0));
            columns.last_at.push(head.last_at.micros());
            columns.reseated.push(i64::from(head.reseated));
        }
        columns
    }
}

/// How many messages each sender has more in each conversation.
#[derive(Default)]
struct Counts {
    who: Vec<i64>,
    conversation: Vec<i64>,
    count: Vec<i64>,
}

impl Counts {
    fn of(log: &[LogRow]) -> Self {
        let mut counts: BTreeMap<(UserId, ConversationId), i64> = BTreeMap::new();
        for row in log {
            if let What::Message { sender, .. } = &row.what {
                *counts.entry((*sender, row.conversation)).or_default() += 1;
            }
        }
        let mut columns = Self::default();
        for ((who, conversation), count) in counts {
            columns.who.push(who.0);
            columns.conversation.push(conversation.0);
            columns.count.push(count);
        }
        columns
    }
}
