//! Accounts, what people say of being there, and the invites by which they come.

use chat_proto::{ConversationKind, Name, Time};
use tokio_postgres::Row;

use super::fault::{Fault, Outcome};
use super::groups;
use super::pool::Connection;
use super::rows::{self, get};
use super::writer::{Transaction, load_name};
use crate::change::{ConversationId, UserId};
use crate::store::codes::{self, Named, column};
use crate::store::{Account, Invite, InviteHash, NewAccount, Standing, refuse};

/// The columns that [`account`] reads, of the table `u`.
macro_rules! account_columns {
    () => {
        "u.id, u.name, u.display_name, u.email, u.admin, u.disabled"
    };
}
pub(super) use account_columns;

/// An account, whose columns begin at `first`.
pub(super) fn account(row: &Row, first: usize) -> Outcome<Account> {
    Ok(Account {
        id: UserId(get(row, first)?),
        name: rows::name_at(row, first + 1)?,
        display_name: get(row, first + 2)?,
        email: get(row, first + 3)?,
        admin: get(row, first + 4)?,
        disabled: get(row, first + 5)?,
    })
}

pub(super) async fn people_exist(c: &Connection) -> Outcome<bool> {
    let exist = c.one("SELECT EXISTS (SELECT 1 FROM users)", &[]).await?;
    get(&exist, 0)
}

pub(super) async fn create_account(t: &mut Transaction, new: &NewAccount) -> Outcome<Account> {
    if new.name.reserved() {
        return Err(refuse::reserved_name(&new.name).into());
    }
    // The lobby's name is no person's, also before anybody made it.
    let named = load_name(&t.connection, &new.name).await?;
    let free = matches!(named, None | Some(Named::Freed(_)));
    if !free || new.lobby.as_ref() == Some(&new.name) {
        return Err(refuse::name_taken(&new.name).into());
    }
    let invite = match new.invite {
        Some(hash) => Some(use_up(&t.connection, hash, new.now).await?),
        None => None,
    };
    let admin = invite.as_ref().is_some_and(|invite| invite.admin);
    let user = insert(&t.connection, new, admin).await?;
    // A freed name goes only if it is free still: who makes a topic of it again changes the same row.
    t.take_name(&new.name, named, Named::Person(user)).await?;
    enter(t, user, new, invite.as_ref()).await?;
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
async fn use_up(c: &Connection, hash: InviteHash, now: Time) -> Outcome<Invite> {
    const SQL: &str = "UPDATE invites SET uses_left = uses_left - 1 \
        WHERE hash = $1 AND uses_left > 0 AND expires_at > $2 RETURNING groups, uses_left + 1, admin, expires_at";
    match c.row(SQL, &[&&hash.0[..], &now.micros()]).await? {
        Some(row) => invite_of(&row, hash),
        None => Err(refuse::bad_invite().into()),
    }
}

async fn insert(c: &Connection, new: &NewAccount, admin: bool) -> Outcome<UserId> {
    const SQL: &str = "INSERT INTO users (name, display_name, folded, email, password_hash, admin, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
    let made = c
        .one(
            SQL,
            &[
                &new.name.as_str(),
                &new.display_name,
                &new.display_name.to_lowercase(),
                &new.email,
                &new.password_hash,
                &admin,
                &new.now.micros(),
            ],
        )
        .await?;
    get(&made, 0).map(UserId)
}

/// Joins the lobby and the groups of the invite, whose rows are locked together, in one order. All newcomers meet in the
/// lobby; if its name is something else than a public topic, there is none.
async fn enter(
    t: &mut Transaction,
    user: UserId,
    new: &NewAccount,
    invite: Option<&Invite>,
) -> Outcome<()> {
    let mut named = Vec::new();
    if let Some(lobby) = &new.lobby {
        match load_name(&t.connection, lobby).await? {
            // Before any lock: who waits for a name has none of a conversation.
            None if !lobby.reserved() => {
                groups::make_topic(t, user, lobby, None).await?;
            }
            found => named.push((lobby, found, true)),
        }
    }
    for name in invite.iter().flat_map(|invite| &invite.groups) {
        named.push((name, load_name(&t.connection, name).await?, false));
    }
    let ids = named.iter().filter_map(|(_, named, _)| match named {
        Some(Named::Group(id) | Named::Freed(id)) => Some(*id),
        _ => None,
    });
    let ids: Vec<ConversationId> = ids.collect();
    t.lock(&ids).await?;
    for (name, named, lobby) in named {
        t.still(name, named).await?;
        match named {
            Some(Named::Group(id)) => enter_one(t, user, id, lobby, new.now).await?,
            Some(Named::Freed(_)) if lobby && !name.reserved() => {
                groups::make_topic(t, user, name, named).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Joins a group of an invite, unless it was left by all, or the lobby, unless it is no public topic. Either may be
/// named twice.
async fn enter_one(
    t: &mut Transaction,
    user: UserId,
    group: ConversationId,
    lobby: bool,
    now: Time,
) -> Outcome<()> {
    let open = t.opened(group)?;
    let closed = match lobby {
        true => open.kind != ConversationKind::Public,
        false => open.kind == ConversationKind::Group && open.seats.members.is_empty(),
    };
    if closed || open.seats.by_user.contains_key(&user) {
        return Ok(());
    }
    groups::join(t, group, user, now).await
}

pub(super) async fn account_named(c: &Connection, name: &Name) -> Outcome<Option<Account>> {
    const SQL: &str = concat!(
        "SELECT ",
        account_columns!(),
        " FROM users u WHERE u.name = $1"
    );
    let row = c.row(SQL, &[&name.as_str()]).await?;
    row.map(|row| account(&row, 0)).transpose()
}

/// The account of this name, for calls that name one: `not_found` if there is none.
pub(super) async fn person_named(c: &Connection, name: &Name) -> Outcome<UserId> {
    match load_name(c, name).await? {
        Some(Named::Person(user)) => Ok(user),
        _ => Err(refuse::no_such_user(name).into()),
    }
}

pub(super) async fn password_hash(c: &Connection, user: UserId) -> Outcome<Option<String>> {
    const SQL: &str = "SELECT password_hash FROM users WHERE id = $1";
    let row = c.row(SQL, &[&user.0]).await?;
    row.map(|row| get(&row, 0)).transpose()
}

pub(super) async fn set_display_name(
    c: &Connection,
    user: UserId,
    display_name: &str,
) -> Outcome<()> {
    const SQL: &str = "UPDATE users SET display_name = $2, folded = $3 WHERE id = $1";
    let folded = display_name.to_lowercase();
    c.execute(SQL, &[&user.0, &display_name, &folded]).await?;
    Ok(())
}

pub(super) async fn search_people(
    c: &Connection,
    query: &str,
    after: Option<&Name>,
    limit: usize,
) -> Outcome<Vec<Account>> {
    // Who begins with the words comes first (0), then who contains them (1), then who has their letters in this order
    // (2); a page goes on after `after`, whose place among them is computed the same way.
    const SQL: &str = concat!(
        "WITH found AS (SELECT id, name, ",
        "CASE WHEN strpos(name, $1) = 1 OR strpos(folded, $1) = 1 THEN 0 ",
        "WHEN strpos(name, $1) > 0 OR strpos(folded, $1) > 0 THEN 1 ELSE 2 END AS rank ",
        "FROM users WHERE name LIKE $4 ESCAPE '\\' OR folded LIKE $4 ESCAPE '\\') ",
        "SELECT ",
        account_columns!(),
        " FROM found f JOIN users u ON u.id = f.id WHERE $2::text IS NULL ",
        "OR (f.rank, f.name) > (coalesce((SELECT rank FROM found WHERE name = $2), 0), $2) ",
        "ORDER BY f.rank, f.name LIMIT $3"
    );
    let (query, limit) = (query.to_lowercase(), column(limit as u64));
    let letters = codes::in_this_order(&query);
    let after = after.map(Name::as_str);
    let found = c.rows(SQL, &[&query, &after, &limit, &letters]).await?;
    rows::each(&found, |row| account(row, 0))
}

pub(super) async fn standings(c: &Connection, users: &[UserId]) -> Outcome<Vec<Standing>> {
    const SQL: &str = "SELECT u.state, u.status_text, u.status_until, u.last_seen \
        FROM unnest($1::bigint[]) WITH ORDINALITY AS k (id, place) LEFT JOIN users u ON u.id = k.id ORDER BY k.place";
    let ids: Vec<i64> = users.iter().map(|user| user.0).collect();
    rows::each(&c.rows(SQL, &[&ids]).await?, |row| {
        Ok(Standing {
            state: get::<Option<i64>>(row, 0)?.and_then(codes::state),
            text: get(row, 1)?,
            until: codes::at(get(row, 2)?),
            last_seen: codes::at(get(row, 3)?),
        })
    })
}

pub(super) async fn set_status(c: &Connection, user: UserId, standing: &Standing) -> Outcome<()> {
    const SQL: &str =
        "UPDATE users SET state = $2, status_text = $3, status_until = $4 WHERE id = $1";
    let state = standing.state.map(codes::state_code);
    let until = standing.until.map(Time::micros);
    c.execute(SQL, &[&user.0, &state, &standing.text, &until])
        .await?;
    Ok(())
}

pub(super) async fn set_last_seen(c: &Connection, seen: &[(UserId, Time)]) -> Outcome<()> {
    // Locked in one order: two nodes may have seen the same people. Of one who is named twice the latest counts.
    const SQL: &str = "WITH seen AS (SELECT id, max(at) AS at FROM unnest($1::bigint[], $2::bigint[]) AS k (id, at) GROUP BY id), \
        held AS (SELECT u.id, k.at FROM users u JOIN seen k ON k.id = u.id WHERE coalesce(u.last_seen < k.at, true) \
        ORDER BY u.id FOR NO KEY UPDATE OF u) \
        UPDATE users u SET last_seen = h.at FROM held h WHERE u.id = h.id AND coalesce(u.last_seen < h.at, true)";
    let (users, times): (Vec<i64>, Vec<i64>) =
        seen.iter().map(|(user, at)| (user.0, at.micros())).unzip();
    c.execute(SQL, &[&users, &times]).await?;
    Ok(())
}

pub(super) async fn add_invite(c: &Connection, invite: &Invite) -> Outcome<()> {
    const SQL: &str = "INSERT INTO invites (hash, groups, uses_left, admin, expires_at) VALUES ($1, $2, $3, $4, $5)";
    let groups: Vec<&str> = invite.groups.iter().map(Name::as_str).collect();
    c.execute(
        SQL,
        &[
            &&invite.hash.0[..],
            &groups.join(" "),
            &i64::from(invite.uses_left),
            &invite.admin,
            &invite.expires_at.micros(),
        ],
    )
    .await?;
    Ok(())
}

/// An invite that can still be used.
pub(super) async fn invite(c: &Connection, hash: InviteHash, now: Time) -> Outcome<Option<Invite>> {
    const SQL: &str = "SELECT groups, uses_left, admin, expires_at FROM invites \
        WHERE hash = $1 AND uses_left > 0 AND expires_at > $2";
    let row = c.row(SQL, &[&&hash.0[..], &now.micros()]).await?;
    row.map(|row| invite_of(&row, hash)).transpose()
}

fn invite_of(row: &Row, hash: InviteHash) -> Outcome<Invite> {
    let groups: &str = get(row, 0)?;
    let uses_left: i64 = get(row, 1)?;
    Ok(Invite {
        hash,
        groups: groups.split(' ').flat_map(Name::parse).collect(),
        uses_left: u32::try_from(uses_left).map_err(|_| Fault::internal("uses of an invite"))?,
        admin: get(row, 2)?,
        expires_at: Time::from_micros(get(row, 3)?),
    })
}
