//! What the tables hold about messages that are to be stored: asked before anything is locked, and again under the locks.

use std::collections::HashMap;

use chat_proto::{ConversationKind, Rev, Seq, Sigil, Time, UserRef};
use futures_util::future::{try_join, try_join3};
use tokio_postgres::Row;

use super::conversations;
use super::fault::{Fault, Outcome};
use super::pool::{Connection, Params};
use super::rows::{self, get};
use super::writer::{Lock, Open, Transaction, named_at};
use crate::change::{Address, ConversationId, UserId};
use crate::mutant::mutant;
use crate::store::codes::{Named, count, sides};
use crate::store::seat::NewSeat;
use crate::store::{NewMessage, Permit, StoreResult, refuse};

/// A message that was stored before.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) conversation: ConversationId,
    pub(super) seq: Seq,
    pub(super) rev: Rev,
    pub(super) sent_at: Time,
    pub(super) fingerprint: Vec<u8>,
}

/// What the tables hold about a message that is to be stored, before anything is locked.
pub(super) struct Asked {
    named: Option<Named>,
    /// The direct conversation with who is named.
    direct: Option<ConversationId>,
    pub(super) from: UserRef,
    known: Option<Known>,
}

/// Two people, ascending.
type Pair = (UserId, UserId);

/// Begins the transaction and looks up what the messages name, on one way to the server.
pub(super) async fn begin_and_ask(c: &Connection, new: &[NewMessage]) -> Outcome<Vec<Asked>> {
    const SQL: &str = "SELECT n.kind, n.id, d.id, u.name, u.display_name, \
            l.conversation, l.seq, l.rev, l.at, l.fingerprint \
        FROM unnest($1::bigint[], $2::text[], $3::text[]) WITH ORDINALITY AS k (sender, name, message, place) \
        JOIN users u ON u.id = k.sender \
        LEFT JOIN names n ON n.name = k.name \
        LEFT JOIN conversations d ON n.kind = 1 AND d.a = least(k.sender, n.id) AND d.b = greatest(k.sender, n.id) \
        LEFT JOIN LATERAL (SELECT * FROM log l WHERE l.who = k.sender AND l.message_id = k.message LIMIT 1) l ON true \
        ORDER BY k.place";
    let senders: Vec<i64> = new.iter().map(|new| new.sender.0).collect();
    let names: Vec<&str> = new.iter().map(|new| new.topic.name.as_str()).collect();
    let ids: Vec<&str> = new.iter().map(|new| new.id.as_str()).collect();
    let statement = c.prepare(SQL).await?;
    let params: Params<'_> = &[&senders, &names, &ids];
    let client = c.client();
    let (_, rows) = try_join(
        client.batch_execute("BEGIN"),
        client.query(&statement, params),
    )
    .await?;
    if rows.len() != new.len() {
        return Err(Fault::internal("a sender has no account"));
    }
    rows::each(&rows, |row| {
        let named: Option<i64> = get(row, 0)?;
        Ok(Asked {
            named: named.map(|_| named_at(row, 0)).transpose()?,
            direct: get::<Option<i64>>(row, 2)?.map(ConversationId),
            from: UserRef {
                name: rows::name_at(row, 3)?,
                display_name: get(row, 4)?,
            },
            known: known_at(row, 5)?,
        })
    })
}

/// The columns of a message that was stored before, if there are any, from `first` on.
pub(super) fn known_at(row: &Row, first: usize) -> Outcome<Option<Known>> {
    let Some(conversation) = get::<Option<i64>>(row, first)? else {
        return Ok(None);
    };
    if mutant("skip_dedup") {
        return Ok(None);
    }
    Ok(Some(Known {
        conversation: ConversationId(conversation),
        seq: Seq(count(get(row, first + 1)?)),
        rev: Rev(count(get(row, first + 2)?)),
        sent_at: Time::from_micros(get(row, first + 3)?),
        fingerprint: get(row, first + 4)?,
    }))
}

/// Direct conversations that the messages begin.
#[derive(Default)]
pub(super) struct Directs {
    by_pair: HashMap<Pair, ConversationId>,
    /// Those that are this transaction's.
    pub(super) made: Vec<ConversationId>,
}

/// Makes the direct conversations whose first message is among these, unless somebody else just did.
pub(super) async fn begin_directs(
    t: &mut Transaction,
    new: &[NewMessage],
    asked: &[Asked],
) -> Outcome<Directs> {
    const MAKE: &str = "INSERT INTO conversations (kind, a, b) \
        SELECT 1, a, b FROM unnest($1::bigint[], $2::bigint[]) AS k (a, b) ORDER BY a, b \
        ON CONFLICT (a, b) DO NOTHING RETURNING id, a, b";
    const FIND: &str = "SELECT c.id, c.a, c.b FROM conversations c \
        JOIN unnest($1::bigint[], $2::bigint[]) AS k (a, b) ON c.a = k.a AND c.b = k.b";
    let mut wanted: HashMap<Pair, Address> = HashMap::new();
    for (new, asked) in new.iter().zip(asked) {
        if let Some((pair, address)) = begins(new, asked) {
            wanted.insert(pair, address);
        }
    }
    let mut directs = Directs::default();
    if wanted.is_empty() {
        return Ok(directs);
    }
    let (a, b): (Vec<i64>, Vec<i64>) = wanted.keys().map(|(a, b)| (a.0, b.0)).unzip();
    let row = |row: &Row| {
        let pair = (UserId(get(row, 1)?), UserId(get(row, 2)?));
        Ok((pair, ConversationId(get(row, 0)?)))
    };
    let made = rows::each(&t.connection.rows(MAKE, &[&a, &b]).await?, row)?;
    directs.by_pair.extend(made.iter().copied());
    if made.len() < wanted.len() {
        // A statement of its own, which sees what was committed while the first one waited for it.
        let found = t.connection.rows(FIND, &[&a, &b]).await?;
        directs.by_pair.extend(rows::each(&found, row)?);
    }
    for (pair, id) in made {
        let address = wanted.remove(&pair);
        let address =
            address.ok_or_else(|| Fault::internal("a conversation of others was made"))?;
        t.made(id, Open::new(ConversationKind::Direct, address));
        let mut people = vec![pair.0, pair.1];
        people.dedup();
        let seats = people.into_iter().enumerate();
        let seats: Vec<_> = seats
            .map(|(order, user)| NewSeat::from_the_start(user, order))
            .collect();
        conversations::seat(t, id, &seats).await?;
        directs.made.push(id);
    }
    Ok(directs)
}

/// The direct conversation that a message begins, if it does.
fn begins(new: &NewMessage, asked: &Asked) -> Option<(Pair, Address)> {
    let Target::First(peer) = target(new, asked, &Directs::default()).ok()? else {
        return None;
    };
    let stored = asked.known.is_none() && new.permit == Permit::Granted;
    if !stored || new.refers_within(Seq(1), Seq(0)).is_err() {
        return None;
    }
    let own = (new.sender, asked.from.name.clone());
    let mut people = [own, (peer, new.topic.name.clone())];
    people.sort_by_key(|(user, _)| *user);
    Some((sides(new.sender, peer), Address::Direct(people)))
}

/// Locks all conversations into which something is to be stored, and looks again what was stored before: what is not
/// found under the lock cannot come any more. The messages that were, by their place among these.
pub(super) async fn lock_and_ask_again(
    t: &mut Transaction,
    new: &[NewMessage],
    asked: &[Asked],
    directs: &Directs,
) -> Outcome<HashMap<usize, Known>> {
    const AGAIN: &str = "SELECT k.place, l.conversation, l.seq, l.rev, l.at, l.fingerprint \
        FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS k (sender, message, place) \
        CROSS JOIN LATERAL \
            (SELECT * FROM log l WHERE l.who = k.sender AND l.message_id = k.message LIMIT 1) l";
    let mut known = HashMap::new();
    let (mut ids, mut places) = (Vec::new(), Vec::new());
    for (at, (new, asked)) in new.iter().zip(asked).enumerate() {
        if let Some(found) = &asked.known {
            known.insert(at, found.clone());
        } else if new.permit == Permit::Granted
            && let Ok(Target::Here(id)) = target(new, asked, directs)
        {
            ids.push(id);
            places.push(at);
        }
    }
    if places.is_empty() {
        return Ok(known);
    }
    let senders: Vec<i64> = places.iter().map(|at| new[*at].sender.0).collect();
    let messages: Vec<&str> = places.iter().map(|at| new[*at].id.as_str()).collect();
    let lock = Lock::on(t, &ids);
    let c = &t.connection;
    // Prepared before they are sent in this order, on one way: the second and the third see what the lock holds.
    let first = c.prepare(Lock::SQL).await?;
    let second = c.prepare(Lock::STALE).await?;
    let third = c.prepare(AGAIN).await?;
    let ids: Params<'_> = &[&lock.ids];
    let numbered: Params<'_> = &[&lock.ids, &lock.numbers];
    let named: Params<'_> = &[&senders, &messages];
    let client = c.client();
    let (locked, stale, again) = try_join3(
        client.query(&first, ids),
        client.query(&second, numbered),
        client.query(&third, named),
    )
    .await?;
    t.locked(&lock, &locked, &stale)?;
    for row in &again {
        let at = usize::try_from(get::<i64>(row, 0)? - 1).ok();
        let at = at.and_then(|at| places.get(at));
        if let (Some(at), Some(found)) = (at, known_at(row, 1)?) {
            known.insert(*at, found);
        }
    }
    Ok(known)
}

/// Where a message goes.
pub(super) enum Target {
    /// Into a conversation that is there.
    Here(ConversationId),
    /// Into a direct conversation that it begins.
    First(UserId),
}

pub(super) fn target(new: &NewMessage, asked: &Asked, directs: &Directs) -> StoreResult<Target> {
    match (asked.named, new.topic.sigil) {
        (Some(Named::Person(peer)), None | Some(Sigil::Person)) => {
            let begun = || directs.by_pair.get(&sides(new.sender, peer)).copied();
            Ok(asked
                .direct
                .or_else(begun)
                .map_or(Target::First(peer), Target::Here))
        }
        (Some(Named::Group(conversation)), None | Some(Sigil::Group)) => {
            Ok(Target::Here(conversation))
        }
        _ => Err(refuse::no_such_topic(&new.topic)),
    }
}
