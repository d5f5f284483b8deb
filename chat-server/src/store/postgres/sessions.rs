//! Log-ins of devices, the tickets that stand for them, and the keys that sign what they present.

use chat_proto::{SessionId, Time};
use tokio_postgres::Row;

use super::fault::Outcome;
use super::people::{account, account_columns};
use super::pool::Connection;
use super::rows::{self, foreign, get};
use super::writer::Transaction;
use crate::change::UserId;
use crate::limits;
use crate::store::codes::{column, count};
use crate::store::{
    Account, NewTicket, Rotation, Session, SigningKey, TicketHash, refuse, rotation,
};

/// The lock under which tickets are made.
const ADVISORY_TICKETS: i64 = 0x6368_6174_7469_636b;

macro_rules! session_columns {
    () => {
        "s.id, s.who, s.device, s.created_at, s.last_seen, s.generation, s.rotated_at"
    };
}

macro_rules! session_sql {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            session_columns!(),
            ", ",
            account_columns!(),
            " FROM sessions s JOIN users u ON u.id = s.who WHERE s.id = $1",
            $rest
        )
    };
}

fn session_row(row: &Row) -> Outcome<Session> {
    Ok(Session {
        id: SessionId(get(row, 0)?),
        user: UserId(get(row, 1)?),
        device: get(row, 2)?,
        created_at: Time::from_micros(get(row, 3)?),
        last_seen: Time::from_micros(get(row, 4)?),
        generation: count(get(row, 5)?),
        rotated_at: Time::from_micros(get(row, 6)?),
    })
}

fn session_of(row: Option<Row>) -> Outcome<Option<(Session, Account)>> {
    row.map(|row| Ok((session_row(&row)?, account(&row, 7)?)))
        .transpose()
}

pub(super) async fn create_session(c: &Connection, session: &Session) -> Outcome<()> {
    c.execute(
        "INSERT INTO sessions (id, who, device, created_at, last_seen, generation, rotated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            &session.id.as_str(),
            &session.user.0,
            &session.device,
            &session.created_at.micros(),
            &session.last_seen.micros(),
            &column(session.generation),
            &session.rotated_at.micros(),
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn session(c: &Connection, id: &SessionId) -> Outcome<Option<(Session, Account)>> {
    session_of(c.row(session_sql!(""), &[&id.as_str()]).await?)
}

pub(super) async fn sessions(c: &Connection, user: UserId) -> Outcome<Vec<Session>> {
    const SQL: &str = concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions s WHERE s.who = $1 ORDER BY s.last_seen DESC, s.id"
    );
    rows::each(&c.rows(SQL, &[&user.0]).await?, session_row)
}

pub(super) async fn rotate_session(
    t: &mut Transaction,
    id: &SessionId,
    presented: u64,
    now: Time,
) -> Outcome<Option<(Session, Account)>> {
    let c = &t.connection;
    let found = c
        .row(session_sql!(" FOR UPDATE OF s"), &[&id.as_str()])
        .await?;
    let Some((mut session, account)) = session_of(found)? else {
        return Ok(None);
    };
    match rotation(&session, presented, now) {
        Rotation::Again => {}
        Rotation::Next => {
            session.generation += 1;
            session.rotated_at = now;
            c.execute(
                "UPDATE sessions SET generation = $2, rotated_at = $3 WHERE id = $1",
                &[&id.as_str(), &column(session.generation), &now.micros()],
            )
            .await?;
        }
        Rotation::Theft => {
            end_session(c, session.user, id).await?;
            return Ok(None);
        }
    }
    Ok(Some((session, account)))
}

pub(super) async fn end_session(c: &Connection, user: UserId, id: &SessionId) -> Outcome<bool> {
    const SQL: &str = "DELETE FROM sessions WHERE id = $1 AND who = $2";
    let ended = c.execute(SQL, &[&id.as_str(), &user.0]).await?;
    Ok(ended > 0)
}

pub(super) async fn touch_sessions(c: &Connection, seen: &[(SessionId, Time)]) -> Outcome<()> {
    // Locked in one order: two nodes may have seen the same sessions. Of one that is named twice the latest counts.
    const SQL: &str = "WITH seen AS (SELECT id, max(at) AS at FROM unnest($1::text[], $2::bigint[]) AS k (id, at) GROUP BY id), \
        held AS (SELECT s.id, k.at FROM sessions s JOIN seen k ON k.id = s.id WHERE s.last_seen < k.at \
        ORDER BY s.id FOR NO KEY UPDATE OF s) \
        UPDATE sessions s SET last_seen = h.at FROM held h WHERE s.id = h.id AND s.last_seen < h.at";
    let ids: Vec<&str> = seen.iter().map(|(id, _)| id.as_str()).collect();
    let times: Vec<i64> = seen.iter().map(|(_, at)| at.micros()).collect();
    c.execute(SQL, &[&ids, &times]).await?;
    Ok(())
}

pub(super) async fn sessions_gone(
    c: &Connection,
    sessions: &[SessionId],
) -> Outcome<Vec<SessionId>> {
    const SQL: &str = "SELECT k.id FROM unnest($1::text[]) WITH ORDINALITY AS k (id, place) \
        WHERE NOT EXISTS (SELECT 1 FROM sessions s JOIN users u ON u.id = s.who WHERE s.id = k.id AND NOT u.disabled) \
        ORDER BY k.place";
    let ids: Vec<&str> = sessions.iter().map(SessionId::as_str).collect();
    let gone = c.rows(SQL, &[&ids]).await?;
    rows::each(&gone, |row| get(row, 0).map(SessionId))
}

pub(super) async fn add_ticket(t: &mut Transaction, ticket: &NewTicket) -> Outcome<()> {
    let c = &t.connection;
    // One after another on all nodes, so that the bounds hold.
    c.execute("SELECT pg_advisory_xact_lock($1)", &[&ADVISORY_TICKETS])
        .await?;
    c.execute(
        "DELETE FROM tickets WHERE ends_at <= $1",
        &[&ticket.now.micros()],
    )
    .await?;
    // All but the newest, of which there may be one less than the most: the one that comes is the newest.
    c.execute(
        "DELETE FROM tickets WHERE session = $1 AND id NOT IN \
         (SELECT id FROM tickets WHERE session = $1 ORDER BY id DESC LIMIT $2)",
        &[
            &ticket.session.as_str(),
            &column(limits::TICKETS_PER_SESSION_MAX as u64 - 1),
        ],
    )
    .await?;
    let out = c.one("SELECT count(*) FROM tickets", &[]).await?;
    if get(&out, 0).map(count)? >= limits::TICKETS_MAX as u64 {
        return Err(refuse::too_many_tickets().into());
    }
    c.execute(
        "INSERT INTO tickets (hash, session, ends_at) VALUES ($1, $2, $3)",
        &[
            &&ticket.hash.0[..],
            &ticket.session.as_str(),
            &ticket.ends_at.micros(),
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn take_ticket(
    c: &Connection,
    hash: TicketHash,
    now: Time,
) -> Outcome<Option<SessionId>> {
    const SQL: &str = "DELETE FROM tickets WHERE hash = $1 RETURNING session, ends_at";
    let Some(taken) = c.row(SQL, &[&&hash.0[..]]).await? else {
        return Ok(None);
    };
    let ends_at = Time::from_micros(get(&taken, 1)?);
    let session = SessionId(get(&taken, 0)?);
    Ok((now < ends_at).then_some(session))
}

pub(super) async fn signing_keys(c: &Connection) -> Outcome<Vec<SigningKey>> {
    const SQL: &str =
        "SELECT kid, secret, created_at FROM signing_keys ORDER BY created_at DESC, kid DESC";
    rows::each(&c.rows(SQL, &[]).await?, |row| {
        let secret: &[u8] = get(row, 1)?;
        Ok(SigningKey {
            kid: get(row, 0)?,
            secret: secret.try_into().map_err(|_| foreign(1, "secret"))?,
            created_at: Time::from_micros(get(row, 2)?),
        })
    })
}

pub(super) async fn add_signing_key(
    t: &mut Transaction,
    key: &SigningKey,
    forget_before: Time,
) -> Outcome<()> {
    let c = &t.connection;
    c.execute(
        "INSERT INTO signing_keys (kid, secret, created_at) \
         SELECT $1, $2, greatest($3, max(created_at) + 1) FROM signing_keys",
        &[&key.kid, &&key.secret[..], &key.created_at.micros()],
    )
    .await?;
    c.execute(
        "DELETE FROM signing_keys WHERE created_at < $1 AND kid <> \
         (SELECT kid FROM signing_keys WHERE created_at < $1 ORDER BY created_at DESC, kid DESC LIMIT 1)",
        &[&forget_before.micros()],
    )
    .await?;
    Ok(())
}
