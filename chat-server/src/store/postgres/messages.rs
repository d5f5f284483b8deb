//! Messages: stored once, numbered densely, read page by page.

use std::collections::HashMap;
use std::sync::Arc;

use chat_proto::{ConversationKind, MessageId, Name, Rev, Role, Seq, Topic, UserRef};
use tokio_postgres::Row;

use super::asked::{
    Asked, Directs, Known, Target, begin_and_ask, begin_directs, known_at, lock_and_ask_again,
    target,
};
use super::cache::Cache;
use super::fault::{Fault, Outcome};
use super::log::Columns;
use super::pool::{Connection, Params};
use super::rows::{self, change_columns, change_sql, get};
use super::writer::{Transaction, load_name};
use super::{conversations, feed};
use crate::change::{Address, Change, ConversationId, UserId, What};
use crate::limits::PAGE_BYTES_MAX;
use crate::mutant::mutant;
use crate::store::codes::{Named, column};
use crate::store::page::{Page, Span};
use crate::store::{
    NewMessage, Permit, Published, Range, Slice, StoreError, StoreResult, extra, refuse,
};

/// Stores messages that came at one moment in one transaction, each as if it came alone and in this order. No two of
/// them have the same sender and id. What is answered holds when the transaction is committed, and not before.
pub(super) async fn publish(
    connection: Connection,
    cache: &Arc<Cache>,
    new: &[NewMessage],
) -> Outcome<(Transaction, Vec<StoreResult<Published>>)> {
    let asked = begin_and_ask(&connection, new).await?;
    let mut t = Transaction::begun(connection, cache);
    match decide_all(&mut t, new, asked).await {
        Ok(answers) => Ok((t, answers)),
        Err(fault) => {
            t.roll_back(&fault).await;
            Err(fault)
        }
    }
}

async fn decide_all(
    t: &mut Transaction,
    new: &[NewMessage],
    asked: Vec<Asked>,
) -> Outcome<Vec<StoreResult<Published>>> {
    let directs = begin_directs(t, new, &asked).await?;
    let mut known = lock_and_ask_again(t, new, &asked, &directs).await?;
    let mut addresses = HashMap::new();
    if !known.is_empty() {
        let ids: Vec<_> = known.values().map(|known| known.conversation).collect();
        addresses = rows::addresses(&t.connection, &ids).await?;
    }
    let mut answers = Vec::with_capacity(new.len());
    for (at, (new, asked)) in new.iter().zip(asked).enumerate() {
        let answer = match known.remove(&at) {
            Some(known) => repeated(new, &known, addresses.get(&known.conversation)),
            None => decide(t, new, asked, &directs),
        };
        answers.push(refusal_or_fault(answer)?);
    }
    for made in directs.made {
        if t.opened(made)?.last_seq == Seq(0) {
            // Its first message was stored elsewhere under the same id meanwhile.
            return Err(Fault::Again("a conversation was begun for nothing".into()));
        }
    }
    Ok(answers)
}

/// A refusal is the answer of one message; anything else is the fate of all.
fn refusal_or_fault<T>(outcome: Outcome<T>) -> Outcome<StoreResult<T>> {
    match outcome {
        Ok(answer) => Ok(Ok(answer)),
        Err(Fault::Final(refused @ StoreError::Refused(_))) => Ok(Err(refused)),
        Err(fault) => Err(fault),
    }
}

/// What becomes of a message that was not stored before.
fn decide(
    t: &mut Transaction,
    new: &NewMessage,
    asked: Asked,
    directs: &Directs,
) -> Outcome<Published> {
    if let Permit::Denied { retry_after_ms } = new.permit {
        return Err(refuse::rate_limited(retry_after_ms).into());
    }
    match target(new, &asked, directs)? {
        Target::Here(conversation) => {
            may_write(t, conversation, new)?;
            append_message(t, conversation, new, asked.from)
        }
        Target::First(_) => {
            new.refers_within(Seq(1), Seq(0))?;
            Err(Fault::internal("a direct conversation was not begun"))
        }
    }
}

/// The answer to a message that was stored before.
fn repeated(new: &NewMessage, known: &Known, address: Option<&Address>) -> Outcome<Published> {
    if known.fingerprint != new.fingerprint.0 {
        return Err(refuse::id_used().into());
    }
    let address = address.ok_or_else(|| Fault::internal("a conversation is missing"))?;
    Ok(Published {
        conversation: known.conversation,
        topic: address.seen_by(new.sender).clone(),
        seq: known.seq,
        rev: known.rev,
        sent_at: known.sent_at,
        dup: true,
    })
}

/// The answer to a message that was stored before, for calls that store one message among other things.
pub(super) async fn known(t: &Transaction, new: &NewMessage) -> Outcome<Option<Published>> {
    const SQL: &str = "SELECT conversation, seq, rev, at, fingerprint FROM log \
        WHERE who = $1 AND message_id = $2";
    let c = &t.connection;
    let row = c.row(SQL, &[&new.sender.0, &new.id.as_str()]).await?;
    let known = row.map(|row| known_at(&row, 0)).transpose()?.flatten();
    let Some(known) = known else {
        return Ok(None);
    };
    let address = rows::address(c, known.conversation).await?;
    repeated(new, &known, Some(&address)).map(Some)
}

/// Membership is checked here, in the transaction that stores.
fn may_write(t: &mut Transaction, conversation: ConversationId, new: &NewMessage) -> Outcome<()> {
    let open = t.opened(conversation)?;
    let first_seq = match open.seats.by_user.get(&new.sender) {
        Some(seat) if seat.role == Role::ReadOnly => {
            return Err(refuse::read_only(&new.topic.name).into());
        }
        Some(seat) => seat.first_seq,
        None if mutant("skip_membership_check") => Seq(1),
        None if open.kind == ConversationKind::Public => {
            return Err(refuse::not_a_member(&new.topic.name).into());
        }
        None => return Err(refuse::no_such_topic(&new.topic).into()),
    };
    Ok(new.refers_within(first_seq, open.last_seq)?)
}

pub(super) fn append_message(
    t: &mut Transaction,
    conversation: ConversationId,
    new: &NewMessage,
    from: UserRef,
) -> Outcome<Published> {
    let at = t.stamp(conversation, new.now)?;
    let open = t.opened(conversation)?;
    let seq = open.last_seq.next();
    let topic = open.address.seen_by(new.sender).clone();
    let what = What::Message {
        seq,
        id: new.id.clone(),
        sender: new.sender,
        from,
        body: Box::new(new.body.clone()),
    };
    let columns = Columns {
        fingerprint: Some(new.fingerprint.0),
        extra: extra::column(&new.body)?,
    };
    let rev = t.append(conversation, at, new.sender, what, columns)?;
    Ok(Published {
        conversation,
        topic,
        seq,
        rev,
        sent_at: at,
        dup: false,
    })
}

pub(super) async fn own_message(
    c: &Connection,
    user: UserId,
    id: &MessageId,
) -> Outcome<Option<Change>> {
    let sql = change_sql!(
        "JOIN members m ON m.conversation = l.conversation AND m.who = l.who \
         WHERE l.who = $1 AND l.message_id = $2 AND l.seq >= m.first_seq \
         AND (m.left_rev IS NULL OR l.rev <= m.left_rev)"
    );
    let Some(row) = c.row(sql, &[&user.0, &id.as_str()]).await? else {
        return Ok(None);
    };
    let address = rows::address(c, ConversationId(get(&row, 1)?)).await?;
    rows::change(&row, address).map(Some)
}

/// Messages by their numbers, each of another conversation.
pub(super) async fn messages(
    c: &Connection,
    wanted: impl Iterator<Item = (ConversationId, Seq, &Address)>,
) -> Outcome<Vec<Change>> {
    let sql = change_sql!(
        "JOIN unnest($1::bigint[], $2::bigint[]) AS k (conversation, seq) \
         ON k.conversation = l.conversation AND k.seq = l.seq"
    );
    let (mut ids, mut seqs, mut addresses) = (Vec::new(), Vec::new(), HashMap::new());
    for (id, seq, address) in wanted {
        ids.push(id.0);
        seqs.push(column(seq.0));
        addresses.insert(id, address);
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    rows::each(&c.rows(sql, &[&ids, &seqs]).await?, |row| {
        let address = addresses.get(&ConversationId(get(row, 1)?));
        let address =
            address.ok_or_else(|| Fault::internal("a message of another conversation"))?;
        rows::change(row, (*address).clone())
    })
}

/// Rows of the log whose number is from $2 on and below $3, as many on either side of $4 as have less than $5 bytes of
/// text before them: what the page will not hold does not travel. Ascending.
macro_rules! page_sql {
    ($number:literal) => {
        concat!(
            "SELECT ",
            change_columns!(),
            "FROM (SELECT *, coalesce(sum(octet_length(text)) OVER (PARTITION BY ",
            $number,
            " <= $4 ORDER BY abs(",
            $number,
            " - $4) ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before FROM log ",
            "WHERE conversation = $1 AND ",
            $number,
            " >= $2 AND ",
            $number,
            " < $3) l JOIN users u ON u.id = l.who WHERE l.before <= $5 ORDER BY l.",
            $number
        )
    };
}

pub(super) async fn history(
    c: &Connection,
    user: UserId,
    topic: &Topic,
    range: Range,
    limit: usize,
) -> Outcome<Slice> {
    let membership = conversations::membership(c, user, topic).await?;
    let Some(conversation) = membership.conversation else {
        return Ok(Slice::default());
    };
    let span = Span::of(&membership, range, limit);
    let (low, high) = (column(span.low), column(span.high));
    let near = match range {
        Range::Around(seq) => column(seq.0),
        _ if span.downwards => high,
        _ => low - 1,
    };
    let bounds: Params<'_> = &[&conversation.0, &low, &high, &near, &bytes_max()];
    let mut found = c.rows(page_sql!("seq"), bounds).await?;
    if span.downwards {
        found.reverse();
    }
    let mut page = Page::of(range);
    fill(&mut page, &found, &membership.address)?;
    Ok(page.slice(&span))
}

fn bytes_max() -> i64 {
    column(PAGE_BYTES_MAX as u64)
}

fn fill(page: &mut Page, found: &[Row], address: &Address) -> Outcome<()> {
    for row in found {
        if !page.takes(rows::change(row, address.clone())?) {
            break;
        }
    }
    Ok(())
}

pub(super) async fn changes(
    c: &Connection,
    user: UserId,
    conversation: ConversationId,
    after: Rev,
    limit: usize,
) -> Outcome<Slice> {
    let Some(membership) = feed::member_or_left(c, user, conversation).await? else {
        return Ok(Slice::default());
    };
    let low = after.0.saturating_add(1).max(membership.first_rev.0);
    let high = low
        .saturating_add(limit as u64)
        .min(membership.rev.next().0);
    let (from, to) = (column(low), column(high));
    let bounds: Params<'_> = &[&conversation.0, &from, &to, &(from - 1), &bytes_max()];
    let found = c.rows(page_sql!("rev"), bounds).await?;
    let mut page = Page::default();
    fill(&mut page, &found, &membership.address)?;
    Ok(page.up_to(membership.rev, limit == 0 && low <= membership.rev.0))
}

/// Whether an account of this id is there; for calls that name one.
pub(super) async fn person_named(c: &Connection, name: &Name) -> Outcome<UserId> {
    match load_name(c, name).await? {
        Some(Named::Person(user)) => Ok(user),
        _ => Err(refuse::no_such_user(name).into()),
    }
}
