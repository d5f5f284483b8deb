//! Messages: stored once, numbered densely.

use std::collections::HashMap;
use std::sync::Arc;

use chat_proto::{ConversationKind, Role, Seq, UserRef};

use super::asked::{
    Asked, Directs, Known, Target, begin_and_ask, begin_directs, known_at, lock_and_ask_again,
    target,
};
use super::cache::Cache;
use super::fault::{Fault, Outcome};
use super::log::Columns;
use super::pool::Connection;
use super::rows;
use super::writer::Transaction;
use crate::change::{Address, ConversationId, What};
use crate::mutant::mutant;
use crate::store::{NewMessage, Permit, Published, StoreError, StoreResult, extra, refuse};

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
