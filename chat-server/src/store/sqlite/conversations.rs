//! Conversations as their members see them: addresses, marks, lists.

use chat_proto::{ConversationKind, Mark, Name, Rev, Seq, Sigil, Time, Topic};
use rusqlite::{Connection, OptionalExtension, params};

use super::cache;
use super::rows::{self, foreign, membership_sql};
use super::writer::Transaction;
use super::{feed, pages};
use crate::change::{ConversationId, UserId};
use crate::store::codes::{self, Named, column, count};
use crate::store::seat::NewSeat;
use crate::store::{Delivered, Head, Listed, MarkAt, Member, Membership, StoreResult, refuse};

/// Makes somebody a member. Who was one before keeps the count of their messages; the former stay is remembered.
pub(super) fn seat(
    t: &mut Transaction<'_>,
    conversation: ConversationId,
    seat: &NewSeat,
) -> StoreResult<()> {
    t.connection
        .prepare_cached(
            "INSERT INTO stays (conversation, user, joined_rev, left_rev) \
             SELECT conversation, user, joined_rev, left_rev FROM members \
             WHERE user = ?1 AND conversation = ?2 AND left_rev IS NOT NULL",
        )?
        .execute([seat.user.0, conversation.0])?;
    t.connection
        .prepare_cached(
            "INSERT INTO members (user, conversation, role, first_seq, first_rev, joined_rev, joined_order, \
             read_seq, delivered_seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8) \
             ON CONFLICT (user, conversation) DO UPDATE SET role = ?3, first_seq = ?4, first_rev = ?5, \
             joined_rev = ?6, joined_order = ?7, left_seq = NULL, left_rev = NULL, \
             read_seq = ?8, delivered_seq = ?8, own_read = own_last",
        )?
        .execute([
            seat.user.0,
            conversation.0,
            codes::role_code(seat.role),
            column(seat.first_seq.0),
            column(seat.first_rev.0),
            column(seat.joined_rev.0),
            seat.joined_order,
            column(seat.read_seq.0),
        ])?;
    t.cache.forget_conversation(conversation);
    Ok(())
}

pub(super) fn membership(
    connection: &Connection,
    user: UserId,
    topic: &Topic,
) -> StoreResult<Membership> {
    match (cache::load_name(connection, &topic.name)?, topic.sigil) {
        (Some(Named::Person(peer)), None | Some(Sigil::Person)) => direct(connection, user, peer),
        (Some(Named::Group(conversation)), None | Some(Sigil::Group)) => {
            match membership_in(connection, user, conversation)? {
                Some(membership) => Ok(membership),
                None if public(connection, conversation)? => Err(refuse::not_a_member(&topic.name)),
                None => Err(refuse::no_such_topic(topic)),
            }
        }
        _ => Err(refuse::no_such_topic(topic)),
    }
}

pub(super) fn public(connection: &Connection, conversation: ConversationId) -> StoreResult<bool> {
    let kind: i64 = connection
        .prepare_cached("SELECT kind FROM conversations WHERE id = ?1")?
        .query_row([conversation.0], |row| row.get(0))?;
    Ok(codes::kind(kind) == Some(ConversationKind::Public))
}

/// The conversation of two, also if nothing was said yet.
fn direct(connection: &Connection, user: UserId, peer: UserId) -> StoreResult<Membership> {
    let (a, b) = codes::sides(user, peer);
    let known = connection
        .prepare_cached(membership_sql!(
            "WHERE m.user = ?1 AND c.a = ?2 AND c.b = ?3"
        ))?
        .query_row([user.0, a.0, b.0], |row| rows::membership(row, user))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    let person = |id: UserId| {
        connection
            .prepare_cached("SELECT name, display_name FROM users WHERE id = ?1")?
            .query_row([id.0], |row| {
                Ok((rows::name_at(row, 0)?, row.get::<_, String>(1)?))
            })
    };
    let (own, (theirs, title)) = (person(user)?.0, person(peer)?);
    Ok(Membership::before_the_first(
        (user, own),
        (peer, theirs),
        title,
    ))
}

pub(super) fn membership_or_left(
    connection: &Connection,
    user: UserId,
    name: &Name,
) -> StoreResult<Option<Membership>> {
    match cache::load_name(connection, name)? {
        Some(Named::Person(peer)) => {
            let membership = direct(connection, user, peer)?;
            Ok(membership.conversation.is_some().then_some(membership))
        }
        Some(Named::Group(conversation) | Named::Freed(conversation)) => {
            feed::member_or_left(connection, user, conversation)
        }
        None => Ok(None),
    }
}

pub(super) fn membership_in(
    connection: &Connection,
    user: UserId,
    conversation: ConversationId,
) -> StoreResult<Option<Membership>> {
    let sql = membership_sql!("WHERE m.user = ?1 AND m.conversation = ?2 AND m.left_rev IS NULL");
    let membership = connection
        .prepare_cached(sql)?
        .query_row([user.0, conversation.0], |row| rows::membership(row, user))
        .optional()?;
    Ok(membership)
}

pub(super) fn heads(connection: &Connection, user: UserId) -> StoreResult<Vec<Head>> {
    const SQL: &str = "SELECT c.id, c.rev FROM members m JOIN conversations c ON c.id = m.conversation \
        WHERE m.user = ?1 AND m.left_rev IS NULL ORDER BY c.id";
    let heads = connection
        .prepare_cached(SQL)?
        .query_map([user.0], |row| {
            Ok(Head {
                conversation: ConversationId(row.get(0)?),
                rev: Rev(count(row.get(1)?)),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(heads)
}

pub(super) fn conversations(
    connection: &Connection,
    user: UserId,
    before: Option<Time>,
    limit: usize,
) -> StoreResult<Vec<Listed>> {
    let sql = membership_sql!(
        "WHERE m.user = ?1 AND m.left_rev IS NULL AND (?2 IS NULL OR (c.last_seq > 0 AND c.last_at < ?2)) \
         ORDER BY c.last_at DESC, c.last_place DESC, c.id DESC LIMIT ?3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let memberships: Vec<Membership> = connection
        .prepare_cached(sql)?
        .query_map(params![user.0, before.map(Time::micros), limit], |row| {
            rows::membership(row, user)
        })?
        .collect::<rusqlite::Result<_>>()?;
    let listed = |membership: Membership| {
        let readable = membership.last_seq.0 > 0 && membership.last_seq >= membership.first_seq;
        let last_message = match membership.conversation.filter(|_| readable) {
            Some(id) => Some(pages::message(connection, id, membership.last_seq)?),
            None => None,
        };
        Ok(Listed {
            membership,
            last_message,
        })
    };
    memberships.into_iter().map(listed).collect()
}

pub(super) fn unread(
    connection: &Connection,
    user: UserId,
    limit: usize,
) -> StoreResult<Vec<Membership>> {
    let sql = membership_sql!(
        "WHERE m.user = ?1 AND m.left_rev IS NULL \
         AND (c.last_seq - m.read_seq) - (m.own_last - m.own_read) > 0 \
         ORDER BY c.last_at DESC, c.last_place DESC, c.id DESC LIMIT ?2"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let unread = connection
        .prepare_cached(sql)?
        .query_map([user.0, limit], |row| rows::membership(row, user))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(unread)
}

pub(super) fn members(
    connection: &Connection,
    conversation: ConversationId,
) -> StoreResult<Vec<Member>> {
    const SQL: &str = "SELECT m.user, u.name, m.role, m.read_seq, m.delivered_seq FROM members m \
        JOIN users u ON u.id = m.user WHERE m.conversation = ?1 AND m.left_rev IS NULL \
        ORDER BY m.joined_rev, m.joined_order";
    let members = connection
        .prepare_cached(SQL)?
        .query_map([conversation.0], |row| {
            Ok(Member {
                user: UserId(row.get(0)?),
                name: rows::name_at(row, 1)?,
                role: codes::role(row.get(2)?).ok_or_else(|| foreign(2, "role"))?,
                read_seq: Seq(count(row.get(3)?)),
                delivered_seq: Seq(count(row.get(4)?)),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(members)
}

pub(super) fn advance_mark(
    t: &mut Transaction<'_>,
    user: UserId,
    topic: &Topic,
    mark: Mark,
    seq: Seq,
) -> StoreResult<MarkAt> {
    let membership = membership(t.connection, user, topic)?;
    let held = membership.mark(mark);
    let asked = seq.min(membership.last_seq);
    let moved = asked > held;
    let conversation = match membership.conversation {
        Some(conversation) if moved => {
            match mark {
                Mark::Delivered => set_delivered(t, user, conversation, asked)?,
                Mark::Read => set_read(t, user, conversation, &membership, asked)?,
            }
            conversation
        }
        // Where nothing was said yet both marks are 0, in a conversation that has no id yet.
        other => other.unwrap_or(ConversationId(0)),
    };
    Ok(MarkAt {
        conversation,
        address: membership.address,
        seq: asked.max(held),
        moved,
    })
}

pub(super) fn advance_delivered(t: &mut Transaction<'_>, marks: &[Delivered]) -> StoreResult<()> {
    const SQL: &str = "UPDATE members SET delivered_seq = \
        min(?3, (SELECT last_seq FROM conversations WHERE id = ?2)) \
        WHERE user = ?1 AND conversation = ?2 AND left_rev IS NULL AND delivered_seq < ?3";
    let mut statement = t.connection.prepare_cached(SQL)?;
    for mark in marks {
        statement.execute([mark.user.0, mark.conversation.0, column(mark.seq.0)])?;
    }
    Ok(())
}

fn set_delivered(
    t: &mut Transaction<'_>,
    user: UserId,
    conversation: ConversationId,
    seq: Seq,
) -> StoreResult<()> {
    t.connection
        .prepare_cached(
            "UPDATE members SET delivered_seq = ?3 WHERE user = ?1 AND conversation = ?2",
        )?
        .execute([user.0, conversation.0, column(seq.0)])?;
    Ok(())
}

fn set_read(
    t: &mut Transaction<'_>,
    user: UserId,
    conversation: ConversationId,
    from: &Membership,
    to: Seq,
) -> StoreResult<()> {
    // Counted on the shorter side of the new mark; mostly the mark goes to the end, and there is nothing to count.
    let own_read = if from.own_read == from.own_last {
        from.own_last
    } else if from.last_seq.0 - to.0 <= to.0 - from.read_seq.0 {
        from.own_last - own_between(t.connection, user, conversation, to, from.last_seq)?
    } else {
        from.own_read + own_between(t.connection, user, conversation, from.read_seq, to)?
    };
    t.connection
        .prepare_cached(
            "UPDATE members SET read_seq = ?3, delivered_seq = max(delivered_seq, ?3), own_read = ?4 \
             WHERE user = ?1 AND conversation = ?2",
        )?
        .execute([user.0, conversation.0, column(to.0), column(own_read)])?;
    Ok(())
}

/// How many messages above `low` and up to `high` are the user's own.
fn own_between(
    connection: &Connection,
    user: UserId,
    conversation: ConversationId,
    low: Seq,
    high: Seq,
) -> StoreResult<u64> {
    const SQL: &str =
        "SELECT count(*) FROM log WHERE conversation = ?1 AND seq > ?2 AND seq <= ?3 AND who = ?4";
    let bounds = [conversation.0, column(low.0), column(high.0), user.0];
    let own = connection
        .prepare_cached(SQL)?
        .query_row(bounds, |row| row.get(0).map(count))?;
    Ok(own)
}

pub(super) fn acquaintances(connection: &Connection, user: UserId) -> StoreResult<Vec<UserId>> {
    const SQL: &str = "SELECT DISTINCT o.user FROM members m \
        JOIN members o ON o.conversation = m.conversation AND o.left_rev IS NULL \
        WHERE m.user = ?1 AND m.left_rev IS NULL AND o.user <> ?1 ORDER BY o.user";
    let users = connection
        .prepare_cached(SQL)?
        .query_map([user.0], |row| row.get(0).map(UserId))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(users)
}
