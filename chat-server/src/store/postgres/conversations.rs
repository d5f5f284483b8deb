//! Conversations as their members see them: addresses, marks, lists.

use std::collections::HashMap;

use chat_proto::{ConversationKind, Mark, Name, Rev, Seq, Sigil, Time, Topic};

use super::cache::Seat;
use super::fault::Outcome;
use super::pool::Connection;
use super::rows::{self, foreign, get, membership_sql};
use super::writer::{Transaction, load_name};
use super::{feed, pages};
use crate::change::{ConversationId, UserId};
use crate::store::codes::{self, Named, column, count};
use crate::store::seat::NewSeat;
use crate::store::{Delivered, Head, Listed, MarkAt, Member, Membership, refuse};

/// Makes people members. Who was one before keeps the count of their messages; the former stay is remembered.
pub(super) async fn seat(
    t: &mut Transaction,
    conversation: ConversationId,
    seats: &[NewSeat],
) -> Outcome<()> {
    const SQL: &str = "WITH seats AS (SELECT * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], \
            $6::bigint[], $7::bigint[], $8::bigint[]) \
            AS s (who, role, first_seq, first_rev, joined_rev, joined_order, read_seq)), \
        former AS (INSERT INTO stays (conversation, who, joined_rev, left_rev) \
            SELECT m.conversation, m.who, m.joined_rev, m.left_rev FROM members m JOIN seats s ON s.who = m.who \
            WHERE m.conversation = $1 AND m.left_rev IS NOT NULL) \
        INSERT INTO members (conversation, who, role, first_seq, first_rev, joined_rev, joined_order, \
            read_seq, delivered_seq) \
        SELECT $1, who, role, first_seq, first_rev, joined_rev, joined_order, read_seq, read_seq FROM seats \
        ON CONFLICT (who, conversation) DO UPDATE SET role = excluded.role, first_seq = excluded.first_seq, \
            first_rev = excluded.first_rev, joined_rev = excluded.joined_rev, joined_order = excluded.joined_order, \
            left_seq = NULL, left_rev = NULL, read_seq = excluded.read_seq, delivered_seq = excluded.read_seq, \
            own_read = members.own_last";
    let of = |value: fn(&NewSeat) -> i64| -> Vec<i64> { seats.iter().map(value).collect() };
    t.connection
        .execute(
            SQL,
            &[
                &conversation.0,
                &of(|seat| seat.user.0),
                &of(|seat| codes::role_code(seat.role)),
                &of(|seat| column(seat.first_seq.0)),
                &of(|seat| column(seat.first_rev.0)),
                &of(|seat| column(seat.joined_rev.0)),
                &of(|seat| seat.joined_order),
                &of(|seat| column(seat.read_seq.0)),
            ],
        )
        .await?;
    t.opened(conversation)?.reseat(|by_user| {
        for seat in seats {
            let (role, first_seq) = (seat.role, seat.first_seq);
            by_user.insert(seat.user, Seat { role, first_seq });
        }
    });
    Ok(())
}

pub(super) async fn membership(c: &Connection, user: UserId, topic: &Topic) -> Outcome<Membership> {
    match (load_name(c, &topic.name).await?, topic.sigil) {
        (Some(Named::Person(peer)), None | Some(Sigil::Person)) => direct(c, user, peer).await,
        (Some(Named::Group(conversation)), None | Some(Sigil::Group)) => {
            match membership_in(c, user, conversation).await? {
                Some(membership) => Ok(membership),
                None if public(c, conversation).await? => {
                    Err(refuse::not_a_member(&topic.name).into())
                }
                None => Err(refuse::no_such_topic(topic).into()),
            }
        }
        _ => Err(refuse::no_such_topic(topic).into()),
    }
}

async fn public(c: &Connection, conversation: ConversationId) -> Outcome<bool> {
    const SQL: &str = "SELECT kind FROM conversations WHERE id = $1";
    let row = c.one(SQL, &[&conversation.0]).await?;
    Ok(codes::kind(get(&row, 0)?) == Some(ConversationKind::Public))
}

/// The conversation of two, also if nothing was said yet.
async fn direct(c: &Connection, user: UserId, peer: UserId) -> Outcome<Membership> {
    let (a, b) = codes::sides(user, peer);
    let sql = membership_sql!("WHERE m.who = $1 AND c.a = $2 AND c.b = $3");
    if let Some(row) = c.row(sql, &[&user.0, &a.0, &b.0]).await? {
        return rows::membership(&row, user);
    }
    let (own, _) = person(c, user).await?;
    let (theirs, title) = person(c, peer).await?;
    Ok(Membership::before_the_first(
        (user, own),
        (peer, theirs),
        title,
    ))
}

/// A person's name, and what is shown.
pub(super) async fn person(c: &Connection, user: UserId) -> Outcome<(Name, String)> {
    const SQL: &str = "SELECT name, display_name FROM users WHERE id = $1";
    let row = c.one(SQL, &[&user.0]).await?;
    Ok((rows::name_at(&row, 0)?, get(&row, 1)?))
}

pub(super) async fn membership_or_left(
    c: &Connection,
    user: UserId,
    name: &Name,
) -> Outcome<Option<Membership>> {
    match load_name(c, name).await? {
        Some(Named::Person(peer)) => {
            let membership = direct(c, user, peer).await?;
            Ok(membership.conversation.is_some().then_some(membership))
        }
        Some(Named::Group(conversation) | Named::Freed(conversation)) => {
            feed::member_or_left(c, user, conversation).await
        }
        None => Ok(None),
    }
}

pub(super) async fn membership_in(
    c: &Connection,
    user: UserId,
    conversation: ConversationId,
) -> Outcome<Option<Membership>> {
    let sql = membership_sql!("WHERE m.who = $1 AND m.conversation = $2 AND m.left_rev IS NULL");
    let row = c.row(sql, &[&user.0, &conversation.0]).await?;
    row.map(|row| rows::membership(&row, user)).transpose()
}

pub(super) async fn heads(c: &Connection, user: UserId) -> Outcome<Vec<Head>> {
    const SQL: &str = "SELECT c.id, c.rev FROM members m JOIN conversations c ON c.id = m.conversation \
        WHERE m.who = $1 AND m.left_rev IS NULL ORDER BY c.id";
    rows::each(&c.rows(SQL, &[&user.0]).await?, |row| {
        Ok(Head {
            conversation: ConversationId(get(row, 0)?),
            rev: Rev(count(get(row, 1)?)),
        })
    })
}

pub(super) async fn conversations(
    c: &Connection,
    user: UserId,
    before: Option<Time>,
    limit: usize,
) -> Outcome<Vec<Listed>> {
    let sql = membership_sql!(
        "WHERE m.who = $1 AND m.left_rev IS NULL AND ($2::bigint IS NULL OR (c.last_seq > 0 AND c.last_at < $2)) \
         ORDER BY c.last_at DESC, c.last_place DESC, c.id DESC LIMIT $3"
    );
    let (before, limit) = (before.map(Time::micros), column(limit as u64));
    let found = c.rows(sql, &[&user.0, &before, &limit]).await?;
    let memberships = rows::each(&found, |row| rows::membership(row, user))?;
    let readable = |of: &&Membership| of.last_seq.0 > 0 && of.last_seq >= of.first_seq;
    let last = memberships.iter().filter(readable);
    let last = last.filter_map(|of| Some((of.conversation?, of.last_seq, &of.address)));
    let mut messages: HashMap<_, _> = pages::messages(c, last)
        .await?
        .into_iter()
        .map(|change| (change.conversation, change))
        .collect();
    let listed = |membership: Membership| {
        let last_message = membership.conversation.and_then(|id| messages.remove(&id));
        Listed {
            membership,
            last_message,
        }
    };
    Ok(memberships.into_iter().map(listed).collect())
}

pub(super) async fn unread(c: &Connection, user: UserId, limit: usize) -> Outcome<Vec<Membership>> {
    let sql = membership_sql!(
        "WHERE m.who = $1 AND m.left_rev IS NULL \
         AND (c.last_seq - m.read_seq) - (m.own_last - m.own_read) > 0 \
         ORDER BY c.last_at DESC, c.last_place DESC, c.id DESC LIMIT $2"
    );
    let limit = column(limit as u64);
    let found = c.rows(sql, &[&user.0, &limit]).await?;
    rows::each(&found, |row| rows::membership(row, user))
}

pub(super) async fn members(c: &Connection, conversation: ConversationId) -> Outcome<Vec<Member>> {
    const SQL: &str = "SELECT m.who, u.name, m.role, m.read_seq, m.delivered_seq FROM members m \
        JOIN users u ON u.id = m.who WHERE m.conversation = $1 AND m.left_rev IS NULL \
        ORDER BY m.joined_rev, m.joined_order";
    rows::each(&c.rows(SQL, &[&conversation.0]).await?, |row| {
        Ok(Member {
            user: UserId(get(row, 0)?),
            name: rows::name_at(row, 1)?,
            role: codes::role(get(row, 2)?).ok_or_else(|| foreign(2, "role"))?,
            read_seq: Seq(count(get(row, 3)?)),
            delivered_seq: Seq(count(get(row, 4)?)),
        })
    })
}

pub(super) async fn advance_mark(
    t: &mut Transaction,
    user: UserId,
    topic: &Topic,
    mark: Mark,
    seq: Seq,
) -> Outcome<MarkAt> {
    let c = &t.connection;
    let mut membership = membership(c, user, topic).await?;
    let mut asked = seq.min(membership.last_seq);
    let mut held = membership.mark(mark);
    let mut moved = asked > held;
    if let Some(conversation) = membership.conversation.filter(|_| moved) {
        // Another device of the same user may be moving it, too: read again what is to be changed, under its lock.
        const LOCK: &str =
            "SELECT 1 FROM members WHERE who = $1 AND conversation = $2 FOR NO KEY UPDATE";
        c.row(LOCK, &[&user.0, &conversation.0]).await?;
        if let Some(locked) = membership_in(c, user, conversation).await? {
            membership = locked;
        }
        asked = seq.min(membership.last_seq);
        held = membership.mark(mark);
        moved = asked > held;
        match mark {
            _ if !moved => {}
            Mark::Delivered => set_delivered(c, user, conversation, asked).await?,
            Mark::Read => set_read(c, user, conversation, &membership, asked).await?,
        }
    }
    Ok(MarkAt {
        // Where nothing was said yet both marks are 0, in a conversation that has no id yet.
        conversation: membership.conversation.unwrap_or(ConversationId(0)),
        address: membership.address,
        seq: asked.max(held),
        moved,
    })
}

pub(super) async fn advance_delivered(c: &Connection, marks: &[Delivered]) -> Outcome<()> {
    // Locked in the order in which senders' rows are: two that lock several rows must not wait for each other.
    const SQL: &str = "WITH marks AS (SELECT who, conversation, max(seq) AS seq \
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS k (who, conversation, seq) \
            GROUP BY who, conversation), \
        held AS (SELECT m.who, m.conversation, least(k.seq, c.last_seq) AS seq FROM members m \
            JOIN marks k ON k.who = m.who AND k.conversation = m.conversation \
            JOIN conversations c ON c.id = m.conversation \
            WHERE m.left_rev IS NULL AND m.delivered_seq < k.seq \
            ORDER BY m.who, m.conversation FOR NO KEY UPDATE OF m) \
        UPDATE members m SET delivered_seq = h.seq FROM held h \
        WHERE m.who = h.who AND m.conversation = h.conversation AND m.left_rev IS NULL AND m.delivered_seq < h.seq";
    let users: Vec<i64> = marks.iter().map(|mark| mark.user.0).collect();
    let conversations: Vec<i64> = marks.iter().map(|mark| mark.conversation.0).collect();
    let seqs: Vec<i64> = marks.iter().map(|mark| column(mark.seq.0)).collect();
    c.execute(SQL, &[&users, &conversations, &seqs]).await?;
    Ok(())
}

async fn set_delivered(
    c: &Connection,
    user: UserId,
    conversation: ConversationId,
    seq: Seq,
) -> Outcome<()> {
    const SQL: &str = "UPDATE members SET delivered_seq = $3 WHERE who = $1 AND conversation = $2";
    c.execute(SQL, &[&user.0, &conversation.0, &column(seq.0)])
        .await?;
    Ok(())
}

async fn set_read(
    c: &Connection,
    user: UserId,
    conversation: ConversationId,
    from: &Membership,
    to: Seq,
) -> Outcome<()> {
    const SQL: &str = "UPDATE members SET read_seq = $3, delivered_seq = greatest(delivered_seq, $3), own_read = $4 \
        WHERE who = $1 AND conversation = $2";
    // Counted on the shorter side of the new mark; mostly the mark goes to the end, and there is nothing to count.
    let own_read = if from.own_read == from.own_last {
        from.own_last
    } else if from.last_seq.0 - to.0 <= to.0 - from.read_seq.0 {
        from.own_last - own_between(c, user, conversation, to, from.last_seq).await?
    } else {
        from.own_read + own_between(c, user, conversation, from.read_seq, to).await?
    };
    let (to, own_read) = (column(to.0), column(own_read));
    c.execute(SQL, &[&user.0, &conversation.0, &to, &own_read])
        .await?;
    Ok(())
}

/// How many messages above `low` and up to `high` are the user's own.
async fn own_between(
    c: &Connection,
    user: UserId,
    conversation: ConversationId,
    low: Seq,
    high: Seq,
) -> Outcome<u64> {
    const SQL: &str =
        "SELECT count(*) FROM log WHERE conversation = $1 AND seq > $2 AND seq <= $3 AND who = $4";
    let (low, high) = (column(low.0), column(high.0));
    let row = c.one(SQL, &[&conversation.0, &low, &high, &user.0]).await?;
    get(&row, 0).map(count)
}

pub(super) async fn acquaintances(c: &Connection, user: UserId) -> Outcome<Vec<UserId>> {
    const SQL: &str = "SELECT DISTINCT o.who FROM members m \
        JOIN members o ON o.conversation = m.conversation AND o.left_rev IS NULL \
        WHERE m.who = $1 AND m.left_rev IS NULL AND o.who <> $1 ORDER BY o.who";
    let users = c.rows(SQL, &[&user.0]).await?;
    rows::each(&users, |row| get(row, 0).map(UserId))
}
