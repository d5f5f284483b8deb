//! Log-ins of devices, the tickets that stand for them, and the keys that sign what they present.

use chat_proto::{SessionId, Time};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::people::{account, account_columns};
use super::writer::Transaction;
use crate::change::UserId;
use crate::limits;
use crate::store::codes::{column, count};
use crate::store::{
    Account, NewTicket, Rotation, Session, SigningKey, StoreResult, TicketHash, refuse, rotation,
};

macro_rules! session_columns {
    () => {
        "s.id, s.user, s.device, s.created_at, s.last_seen, s.generation, s.rotated_at"
    };
}

fn session_row(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: SessionId(row.get(0)?),
        user: UserId(row.get(1)?),
        device: row.get(2)?,
        created_at: Time::from_micros(row.get(3)?),
        last_seen: Time::from_micros(row.get(4)?),
        generation: count(row.get(5)?),
        rotated_at: Time::from_micros(row.get(6)?),
    })
}

pub(super) fn create_session(t: &mut Transaction<'_>, session: &Session) -> StoreResult<()> {
    t.connection
        .prepare_cached(
            "INSERT INTO sessions (id, user, device, created_at, last_seen, generation, rotated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            session.id.as_str(),
            session.user.0,
            session.device,
            session.created_at.micros(),
            session.last_seen.micros(),
            column(session.generation),
            session.rotated_at.micros(),
        ])?;
    Ok(())
}

pub(super) fn session(
    connection: &Connection,
    id: &SessionId,
) -> StoreResult<Option<(Session, Account)>> {
    const SQL: &str = concat!(
        "SELECT ",
        session_columns!(),
        ", ",
        account_columns!(),
        " FROM sessions s JOIN users u ON u.id = s.user WHERE s.id = ?1"
    );
    let found = connection
        .prepare_cached(SQL)?
        .query_row([id.as_str()], |row| {
            Ok((session_row(row)?, account(row, 7)?))
        })
        .optional()?;
    Ok(found)
}

pub(super) fn sessions(connection: &Connection, user: UserId) -> StoreResult<Vec<Session>> {
    const SQL: &str = concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions s WHERE s.user = ?1 ORDER BY s.last_seen DESC, s.id"
    );
    let sessions = connection
        .prepare_cached(SQL)?
        .query_map([user.0], session_row)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(sessions)
}

pub(super) fn rotate_session(
    t: &mut Transaction<'_>,
    id: &SessionId,
    presented: u64,
    now: Time,
) -> StoreResult<Option<(Session, Account)>> {
    let Some((mut session, account)) = session(t.connection, id)? else {
        return Ok(None);
    };
    match rotation(&session, presented, now) {
        Rotation::Again => {}
        Rotation::Next => {
            session.generation += 1;
            session.rotated_at = now;
            t.connection
                .prepare_cached(
                    "UPDATE sessions SET generation = ?2, rotated_at = ?3 WHERE id = ?1",
                )?
                .execute(params![
                    id.as_str(),
                    column(session.generation),
                    now.micros()
                ])?;
        }
        Rotation::Theft => {
            end_session(t, session.user, id)?;
            return Ok(None);
        }
    }
    Ok(Some((session, account)))
}

pub(super) fn end_session(
    t: &mut Transaction<'_>,
    user: UserId,
    id: &SessionId,
) -> StoreResult<bool> {
    let ended = t
        .connection
        .prepare_cached("DELETE FROM sessions WHERE id = ?1 AND user = ?2")?
        .execute(params![id.as_str(), user.0])?;
    Ok(ended > 0)
}

pub(super) fn touch_sessions(
    t: &mut Transaction<'_>,
    seen: &[(SessionId, Time)],
) -> StoreResult<()> {
    const SQL: &str = "UPDATE sessions SET last_seen = ?2 WHERE id = ?1 AND last_seen < ?2";
    let mut statement = t.connection.prepare_cached(SQL)?;
    for (id, at) in seen {
        statement.execute(params![id.as_str(), at.micros()])?;
    }
    Ok(())
}

pub(super) fn sessions_gone(
    connection: &Connection,
    sessions: &[SessionId],
) -> StoreResult<Vec<SessionId>> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM sessions s JOIN users u ON u.id = s.user \
        WHERE s.id = ?1 AND u.disabled = 0)";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut gone = Vec::new();
    for id in sessions {
        let good: bool = statement.query_row([id.as_str()], |row| row.get(0))?;
        if !good {
            gone.push(id.clone());
        }
    }
    Ok(gone)
}

pub(super) fn add_ticket(t: &mut Transaction<'_>, ticket: &NewTicket) -> StoreResult<()> {
    t.connection
        .prepare_cached("DELETE FROM tickets WHERE ends_at <= ?1")?
        .execute([ticket.now.micros()])?;
    // All but the newest, of which there may be one less than the most: the one that comes is the newest.
    t.connection
        .prepare_cached(
            "DELETE FROM tickets WHERE session = ?1 AND id NOT IN \
             (SELECT id FROM tickets WHERE session = ?1 ORDER BY id DESC LIMIT ?2)",
        )?
        .execute(params![
            ticket.session.as_str(),
            column(limits::TICKETS_PER_SESSION_MAX as u64 - 1)
        ])?;
    let out = t
        .connection
        .prepare_cached("SELECT count(*) FROM tickets")?
        .query_row([], |row| row.get(0).map(count))?;
    if out >= limits::TICKETS_MAX as u64 {
        return Err(refuse::too_many_tickets());
    }
    t.connection
        .prepare_cached("INSERT INTO tickets (hash, session, ends_at) VALUES (?1, ?2, ?3)")?
        .execute(params![
            ticket.hash.0,
            ticket.session.as_str(),
            ticket.ends_at.micros()
        ])?;
    Ok(())
}

pub(super) fn take_ticket(
    t: &mut Transaction<'_>,
    hash: TicketHash,
    now: Time,
) -> StoreResult<Option<SessionId>> {
    const SQL: &str = "DELETE FROM tickets WHERE hash = ?1 RETURNING session, ends_at";
    let taken = t
        .connection
        .prepare_cached(SQL)?
        .query_row([hash.0], |row| {
            Ok((SessionId(row.get(0)?), Time::from_micros(row.get(1)?)))
        })
        .optional()?;
    Ok(taken.and_then(|(session, ends_at)| (now < ends_at).then_some(session)))
}

pub(super) fn signing_keys(connection: &Connection) -> StoreResult<Vec<SigningKey>> {
    const SQL: &str =
        "SELECT kid, secret, created_at FROM signing_keys ORDER BY created_at DESC, kid DESC";
    let keys = connection
        .prepare_cached(SQL)?
        .query_map([], |row| {
            Ok(SigningKey {
                kid: row.get(0)?,
                secret: row.get(1)?,
                created_at: Time::from_micros(row.get(2)?),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(keys)
}

pub(super) fn add_signing_key(
    t: &mut Transaction<'_>,
    key: &SigningKey,
    forget_before: Time,
) -> StoreResult<()> {
    t.connection
        .prepare_cached(
            "INSERT INTO signing_keys (kid, secret, created_at) \
             SELECT ?1, ?2, max(?3, ifnull(max(created_at) + 1, ?3)) FROM signing_keys",
        )?
        .execute(params![key.kid, key.secret, key.created_at.micros()])?;
    t.connection
        .prepare_cached(
            "DELETE FROM signing_keys WHERE created_at < ?1 AND kid <> \
             (SELECT kid FROM signing_keys WHERE created_at < ?1 ORDER BY created_at DESC, kid DESC LIMIT 1)",
        )?
        .execute([forget_before.micros()])?;
    Ok(())
}
