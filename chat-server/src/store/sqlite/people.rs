//! Accounts, what people say of being there, and the invites by which they come.

use chat_proto::{Name, Time};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::cache::load_name;
use super::groups;
use super::rows;
use super::writer::Transaction;
use crate::change::{ConversationId, UserId};
use crate::store::codes::{self, Named};
use crate::store::{Account, Invite, InviteHash, NewAccount, Standing, StoreResult, refuse};

/// The columns that [`account`] reads, of the table `u`.
macro_rules! account_columns {
    () => {
        "u.id, u.name, u.display_name, u.email, u.admin, u.disabled"
    };
}
pub(super) use account_columns;

/// An account, whose columns begin at `first`.
pub(super) fn account(row: &Row<'_>, first: usize) -> rusqlite::Result<Account> {
    Ok(Account {
        id: UserId(row.get(first)?),
        name: rows::name_at(row, first + 1)?,
        display_name: row.get(first + 2)?,
        email: row.get(first + 3)?,
        admin: row.get(first + 4)?,
        disabled: row.get(first + 5)?,
    })
}

pub(super) fn people_exist(connection: &Connection) -> StoreResult<bool> {
    let exist = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM users)")?
        .query_row([], |row| row.get(0))?;
    Ok(exist)
}

pub(super) fn create_account(t: &mut Transaction<'_>, new: &NewAccount) -> StoreResult<Account> {
    if new.name.reserved() {
        return Err(refuse::reserved_name(&new.name));
    }
    // The lobby's name is no person's, also before anybody made it.
    let named = t.cache.named(t.connection, &new.name)?;
    let free = matches!(named, None | Some(Named::Freed(_)));
    if !free || new.lobby.as_ref() == Some(&new.name) {
        return Err(refuse::name_taken(&new.name));
    }
    let invite = match new.invite {
        Some(hash) => Some(use_up(t.connection, hash, new.now)?),
        None => None,
    };
    let admin = invite.as_ref().is_some_and(|invite| invite.admin);
    let user = insert(t.connection, new, admin)?;
    t.set_name(&new.name, Named::Person(user))?;
    if let Some(lobby) = &new.lobby {
        enter_lobby(t, user, lobby, new.now)?;
    }
    for name in invite.iter().flat_map(|invite| &invite.groups) {
        if let Some(Named::Group(group)) = t.cache.named(t.connection, name)? {
            enter(t, user, group, new.now)?;
        }
    }
    Ok(Account {
        id: user,
        name: new.name.clone(),
        display_name: new.display_name.clone(),
        email: new.email.clone(),
        admin,
        disabled: false,
    })
}

/// Takes one use of an invite.
fn use_up(connection: &Connection, hash: InviteHash, now: Time) -> StoreResult<Invite> {
    let Some(invite) = invite(connection, hash, now)? else {
        return Err(refuse::bad_invite());
    };
    connection
        .prepare_cached("UPDATE invites SET uses_left = uses_left - 1 WHERE hash = ?1")?
        .execute([hash.0])?;
    Ok(invite)
}

fn insert(connection: &Connection, new: &NewAccount, admin: bool) -> StoreResult<UserId> {
    connection
        .prepare_cached(
            "INSERT INTO users (name, display_name, folded, email, password_hash, admin, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            new.name.as_str(),
            new.display_name,
            new.display_name.to_lowercase(),
            new.email,
            new.password_hash,
            admin,
            new.now.micros(),
        ])?;
    Ok(UserId(connection.last_insert_rowid()))
}

/// All newcomers meet in the lobby; if its name is something else than a public topic, there is none.
fn enter_lobby(t: &mut Transaction<'_>, user: UserId, lobby: &Name, now: Time) -> StoreResult<()> {
    match t.cache.named(t.connection, lobby)? {
        Some(Named::Group(topic)) => {
            let open = t.cache.conversation(t.connection, topic)?;
            if open.kind == chat_proto::ConversationKind::Public {
                groups::join(t, topic, user, now)?;
            }
        }
        named @ (None | Some(Named::Freed(_))) if !lobby.reserved() => {
            groups::make_topic(t, user, lobby, named)?;
        }
        _ => {}
    }
    Ok(())
}

/// Joins a group of an invite, unless it was left by all, or is the lobby in which the newcomer is already.
fn enter(
    t: &mut Transaction<'_>,
    user: UserId,
    group: ConversationId,
    now: Time,
) -> StoreResult<()> {
    let open = t.cache.conversation(t.connection, group)?;
    let archived = open.kind == chat_proto::ConversationKind::Group && open.seats.is_empty();
    if archived || open.seats.contains_key(&user) {
        return Ok(());
    }
    groups::join(t, group, user, now)
}

pub(super) fn account_named(connection: &Connection, name: &Name) -> StoreResult<Option<Account>> {
    const SQL: &str = concat!(
        "SELECT ",
        account_columns!(),
        " FROM users u WHERE u.name = ?1"
    );
    let found = connection
        .prepare_cached(SQL)?
        .query_row([name.as_str()], |row| account(row, 0))
        .optional()?;
    Ok(found)
}

/// The account of this name, for calls that name one: `not_found` if there is none.
pub(super) fn person_named(connection: &Connection, name: &Name) -> StoreResult<UserId> {
    match load_name(connection, name)? {
        Some(Named::Person(user)) => Ok(user),
        _ => Err(refuse::no_such_user(name)),
    }
}

pub(super) fn password_hash(connection: &Connection, user: UserId) -> StoreResult<Option<String>> {
    let hash = connection
        .prepare_cached("SELECT password_hash FROM users WHERE id = ?1")?
        .query_row([user.0], |row| row.get(0))
        .optional()?;
    Ok(hash)
}

pub(super) fn set_display_name(
    t: &mut Transaction<'_>,
    user: UserId,
    display_name: &str,
) -> StoreResult<()> {
    t.connection
        .prepare_cached("UPDATE users SET display_name = ?2, folded = ?3 WHERE id = ?1")?
        .execute(params![user.0, display_name, display_name.to_lowercase()])?;
    t.cache.forget_person(user);
    Ok(())
}

pub(super) fn search_people(
    connection: &Connection,
    query: &str,
    after: Option<&Name>,
    limit: usize,
) -> StoreResult<Vec<Account>> {
    // Who begins with the words comes first (0), then who contains them (1), then who has their letters in this order
    // (2); a page goes on after `after`, whose place among them is computed the same way.
    const SQL: &str = concat!(
        "WITH found AS (SELECT id, name, ",
        "CASE WHEN instr(name, ?1) = 1 OR instr(folded, ?1) = 1 THEN 0 ",
        "WHEN instr(name, ?1) > 0 OR instr(folded, ?1) > 0 THEN 1 ELSE 2 END AS rank ",
        "FROM users WHERE name LIKE ?4 ESCAPE '\\' OR folded LIKE ?4 ESCAPE '\\') ",
        "SELECT ",
        account_columns!(),
        " FROM found f JOIN users u ON u.id = f.id WHERE ?2 IS NULL ",
        "OR (f.rank, f.name) > (coalesce((SELECT rank FROM found WHERE name = ?2), 0), ?2) ",
        "ORDER BY f.rank, f.name LIMIT ?3"
    );
    let (query, limit) = (
        query.to_lowercase(),
        i64::try_from(limit).unwrap_or(i64::MAX),
    );
    let letters = codes::in_this_order(&query);
    let found = connection
        .prepare_cached(SQL)?
        .query_map(
            params![query, after.map(Name::as_str), limit, letters],
            |row| account(row, 0),
        )?
        .collect::<rusqlite::Result<_>>()?;
    Ok(found)
}

pub(super) fn standings(connection: &Connection, users: &[UserId]) -> StoreResult<Vec<Standing>> {
    const SQL: &str = "SELECT state, status_text, status_until, last_seen FROM users WHERE id = ?1";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut standings = Vec::with_capacity(users.len());
    for user in users {
        let standing = statement
            .query_row([user.0], |row| {
                Ok(Standing {
                    state: row.get::<_, Option<i64>>(0)?.and_then(codes::state),
                    text: row.get(1)?,
                    until: codes::at(row.get(2)?),
                    last_seen: codes::at(row.get(3)?),
                })
            })
            .optional()?;
        standings.push(standing.unwrap_or_default());
    }
    Ok(standings)
}

pub(super) fn set_status(
    t: &mut Transaction<'_>,
    user: UserId,
    standing: &Standing,
) -> StoreResult<()> {
    t.connection
        .prepare_cached(
            "UPDATE users SET state = ?2, status_text = ?3, status_until = ?4 WHERE id = ?1",
        )?
        .execute(params![
            user.0,
            standing.state.map(codes::state_code),
            standing.text,
            standing.until.map(Time::micros),
        ])?;
    Ok(())
}

pub(super) fn set_last_seen(t: &mut Transaction<'_>, seen: &[(UserId, Time)]) -> StoreResult<()> {
    const SQL: &str =
        "UPDATE users SET last_seen = ?2 WHERE id = ?1 AND coalesce(last_seen < ?2, true)";
    let mut statement = t.connection.prepare_cached(SQL)?;
    for (user, at) in seen {
        statement.execute([user.0, at.micros()])?;
    }
    Ok(())
}

pub(super) fn add_invite(t: &mut Transaction<'_>, invite: &Invite) -> StoreResult<()> {
    let groups: Vec<&str> = invite.groups.iter().map(Name::as_str).collect();
    t.connection
        .prepare_cached(
            "INSERT INTO invites (hash, groups, uses_left, admin, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            invite.hash.0,
            groups.join(" "),
            invite.uses_left,
            invite.admin,
            invite.expires_at.micros(),
        ])?;
    Ok(())
}

/// An invite that can still be used.
pub(super) fn invite(
    connection: &Connection,
    hash: InviteHash,
    now: Time,
) -> StoreResult<Option<Invite>> {
    const SQL: &str = "SELECT groups, uses_left, admin, expires_at FROM invites \
        WHERE hash = ?1 AND uses_left > 0 AND expires_at > ?2";
    let invite = connection
        .prepare_cached(SQL)?
        .query_row(params![hash.0, now.micros()], |row| {
            let groups: String = row.get(0)?;
            let groups = groups.split(' ').flat_map(Name::parse);
            Ok(Invite {
                hash,
                groups: groups.collect(),
                uses_left: row.get(1)?,
                admin: row.get(2)?,
                expires_at: Time::from_micros(row.get(3)?),
            })
        })
        .optional()?;
    Ok(invite)
}
