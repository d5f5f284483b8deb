//! Groups and public topics: who is in them, who owns them, what they are called.

use chat_proto::{ConversationKind, Name, Rev, Role, Seq, Sigil, Time, Topic, limits};
use rusqlite::{Connection, OptionalExtension, params};

use super::cache;
use super::conversations;
use super::messages;
use super::people::person_named;
use super::writer::{LogRow, Transaction};
use crate::change::{ConversationId, UserId, What};
use crate::store::codes::{self, JOIN, LEAVE, Named, ROLE, column, count};
use crate::store::seat::NewSeat;
use crate::store::{NewGroup, NewGroupMade, Permit, StoreResult, Subscribed, naming, refuse};

/// What decides about a group, as far as one user is concerned.
struct Standing {
    conversation: ConversationId,
    public: bool,
    role: Option<Role>,
    last_seq: Seq,
}

fn standing(
    t: &mut Transaction<'_>,
    user: UserId,
    conversation: ConversationId,
) -> StoreResult<Standing> {
    let open = t.cache.conversation(t.connection, conversation)?;
    Ok(Standing {
        conversation,
        public: open.kind == ConversationKind::Public,
        role: open.seats.get(&user).map(|seat| seat.role),
        last_seq: open.last_seq,
    })
}

pub(super) fn subscribe(
    t: &mut Transaction<'_>,
    user: UserId,
    topic: &Topic,
    now: Time,
) -> StoreResult<Subscribed> {
    let named = t.cache.named(t.connection, &topic.name)?;
    let (conversation, changed) = match (named, topic.sigil) {
        (Some(Named::Person(peer)), None | Some(Sigil::Person)) => {
            return own(t, user, peer, topic);
        }
        (Some(Named::Group(conversation)), None | Some(Sigil::Group)) => {
            let standing = standing(t, user, conversation)?;
            match standing.role {
                None if !standing.public => return Err(refuse::no_such_topic(topic)),
                None => join(t, conversation, user, now)?,
                Some(_) => {}
            }
            (conversation, standing.role.is_none())
        }
        (None | Some(Named::Freed(_)), None | Some(Sigil::Group)) => {
            (make_topic(t, user, &topic.name, named)?, false)
        }
        _ => return Err(refuse::no_such_topic(topic)),
    };
    subscribed(t, conversation, &topic.name, changed)
}

/// One's own topic one has from the beginning and for ever; another's nobody gets.
fn own(
    t: &mut Transaction<'_>,
    user: UserId,
    peer: UserId,
    topic: &Topic,
) -> StoreResult<Subscribed> {
    if user != peer {
        return Err(refuse::someone_elses_topic(&topic.name));
    }
    let notebook = conversations::membership(t.connection, user, topic)?;
    Ok(Subscribed {
        conversation: notebook.conversation,
        changed: false,
        topic: topic.name.clone(),
        seq: notebook.last_seq,
        rev: notebook.rev,
    })
}

fn subscribed(
    t: &mut Transaction<'_>,
    conversation: ConversationId,
    name: &Name,
    changed: bool,
) -> StoreResult<Subscribed> {
    let open = t.cache.conversation(t.connection, conversation)?;
    Ok(Subscribed {
        conversation: Some(conversation),
        changed,
        topic: name.clone(),
        seq: open.last_seq,
        rev: open.rev,
    })
}

/// Makes a public topic of a free name. One that was a topic before continues its numbers.
pub(super) fn make_topic(
    t: &mut Transaction<'_>,
    user: UserId,
    name: &Name,
    named: Option<Named>,
) -> StoreResult<ConversationId> {
    if name.reserved() {
        return Err(refuse::reserved_name(name));
    }
    if empty_topics(t.connection, user)? >= limits::EMPTY_TOPICS_MAX as u64 {
        return Err(refuse::too_many_empty_topics());
    }
    let conversation = match named {
        Some(Named::Freed(conversation)) => {
            t.connection
                .prepare_cached("UPDATE conversations SET creator = ?2 WHERE id = ?1")?
                .execute([conversation.0, user.0])?;
            conversation
        }
        _ => new_group(t, ConversationKind::Public, name, name.as_str(), user)?,
    };
    t.set_name(name, Named::Group(conversation))?;
    let rev = t.cache.conversation(t.connection, conversation)?.rev;
    let seat = NewSeat {
        role: Role::Owner,
        joined_rev: rev.next(),
        ..NewSeat::from_the_start(user, 0)
    };
    conversations::seat(t, conversation, &seat)?;
    Ok(conversation)
}

/// Topics without messages that a user made and is in.
fn empty_topics(connection: &Connection, user: UserId) -> StoreResult<u64> {
    const SQL: &str = "SELECT count(*) FROM conversations c \
        JOIN members m ON m.user = ?1 AND m.conversation = c.id AND m.left_rev IS NULL \
        WHERE c.creator = ?1 AND c.last_seq = 0";
    let empty = connection
        .prepare_cached(SQL)?
        .query_row([user.0], |row| row.get(0).map(count))?;
    Ok(empty)
}

fn new_group(
    t: &mut Transaction<'_>,
    kind: ConversationKind,
    name: &Name,
    title: &str,
    creator: UserId,
) -> StoreResult<ConversationId> {
    t.connection
        .prepare_cached(
            "INSERT INTO conversations (kind, name, title, creator) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            codes::kind_code(kind),
            name.as_str(),
            title,
            creator.0
        ])?;
    Ok(ConversationId(t.connection.last_insert_rowid()))
}

/// Makes somebody who is none a member, as a change of the log. Nobody owns a topic that all have left, so who comes
/// to it owns it.
pub(super) fn join(
    t: &mut Transaction<'_>,
    conversation: ConversationId,
    user: UserId,
    now: Time,
) -> StoreResult<()> {
    let name = t.cache.person(t.connection, user)?.name;
    let open = t.cache.conversation(t.connection, conversation)?;
    let empty = open.seats.is_empty();
    let seat = NewSeat::joining(user, open.kind, empty, open.last_seq, open.rev);
    conversations::seat(t, conversation, &seat)?;
    let row = LogRow::plain(JOIN, user);
    t.append(conversation, now, What::Join { user, name }, &row)?;
    Ok(())
}

/// Ends a membership, as a change of the log, which it gives back; a group without its owner gets another.
fn leave(
    t: &mut Transaction<'_>,
    was: &Standing,
    group: &Name,
    user: UserId,
    now: Time,
) -> StoreResult<Rev> {
    let name = t.cache.person(t.connection, user)?.name;
    let row = LogRow::plain(LEAVE, user);
    let left = t.append(was.conversation, now, What::Leave { user, name }, &row)?;
    t.connection
        .prepare_cached(
            "UPDATE members SET left_rev = ?3, left_seq = ?4 WHERE user = ?1 AND conversation = ?2",
        )?
        .execute([
            user.0,
            was.conversation.0,
            column(left.rev.0),
            column(was.last_seq.0),
        ])?;
    t.cache.forget_conversation(was.conversation);
    match heir(t.connection, was.conversation)? {
        // A private group that all have left is archived: its name stays taken, and nobody sees it.
        None if was.public && was.last_seq.0 == 0 => {
            t.set_name(group, Named::Freed(was.conversation))?;
        }
        Some(heir) if was.role == Some(Role::Owner) => inherit(t, was.conversation, heir, now)?,
        _ => {}
    }
    Ok(left.rev)
}

/// The oldest admin, else the oldest member.
fn heir(connection: &Connection, conversation: ConversationId) -> StoreResult<Option<UserId>> {
    const SQL: &str = "SELECT user FROM members WHERE conversation = ?1 AND left_rev IS NULL \
        ORDER BY role <> 2, joined_rev, joined_order LIMIT 1";
    let heir = connection
        .prepare_cached(SQL)?
        .query_row([conversation.0], |row| row.get(0).map(UserId))
        .optional()?;
    Ok(heir)
}

fn inherit(
    t: &mut Transaction<'_>,
    conversation: ConversationId,
    heir: UserId,
    now: Time,
) -> StoreResult<()> {
    let code = codes::role_code(Role::Owner);
    t.connection
        .prepare_cached("UPDATE members SET role = ?3 WHERE user = ?1 AND conversation = ?2")?
        .execute([heir.0, conversation.0, code])?;
    t.cache.forget_conversation(conversation);
    let what = What::Role {
        name: t.cache.person(t.connection, heir)?.name,
        role: Role::Owner,
    };
    let code = code.to_string();
    let row = LogRow {
        kind: Some(&code),
        ..LogRow::plain(ROLE, heir)
    };
    t.append(conversation, now, what, &row)?;
    Ok(())
}

pub(super) fn unsubscribe(
    t: &mut Transaction<'_>,
    user: UserId,
    topic: &Topic,
    now: Time,
) -> StoreResult<Subscribed> {
    let named = t.cache.named(t.connection, &topic.name)?;
    match (named, topic.sigil) {
        (Some(Named::Person(peer)), None | Some(Sigil::Person)) => own(t, user, peer, topic),
        (Some(Named::Group(conversation)), None | Some(Sigil::Group)) => {
            let standing = standing(t, user, conversation)?;
            match (standing.public, standing.role) {
                (false, None) => Err(refuse::no_such_topic(topic)),
                (false, Some(_)) => Err(refuse::private_group(&topic.name)),
                (true, None) => subscribed(t, conversation, &topic.name, false),
                (true, Some(_)) => {
                    let rev = leave(t, &standing, &topic.name, user, now)?;
                    let left = subscribed(t, conversation, &topic.name, true)?;
                    Ok(Subscribed { rev, ..left })
                }
            }
        }
        _ => Err(refuse::no_such_topic(topic)),
    }
}

/// A group of which `by` is a member, and what they may do in it.
fn of_member(t: &mut Transaction<'_>, by: UserId, group: &Name) -> StoreResult<(Standing, Role)> {
    let nothing = || refuse::no_such_topic(&Topic::from(group.clone()));
    let Some(Named::Group(conversation)) = t.cache.named(t.connection, group)? else {
        return Err(nothing());
    };
    let standing = standing(t, by, conversation)?;
    match standing.role {
        Some(role) => Ok((standing, role)),
        None if standing.public => Err(refuse::not_a_member(group)),
        None => Err(nothing()),
    }
}

pub(super) fn add_member(
    t: &mut Transaction<'_>,
    by: UserId,
    group: &Name,
    name: &Name,
    now: Time,
) -> StoreResult<bool> {
    let (of, role) = of_member(t, by, group)?;
    if role == Role::ReadOnly {
        return Err(refuse::read_only(group));
    }
    let user = person_named(t.connection, name)?;
    if standing(t, user, of.conversation)?.role.is_some() {
        return Ok(false);
    }
    join(t, of.conversation, user, now)?;
    Ok(true)
}

pub(super) fn remove_member(
    t: &mut Transaction<'_>,
    by: UserId,
    group: &Name,
    name: &Name,
    now: Time,
) -> StoreResult<bool> {
    let (of, role) = of_member(t, by, group)?;
    let user = person_named(t.connection, name)?;
    if user != by && !matches!(role, Role::Owner | Role::Admin) {
        return Err(refuse::may_not_remove(group));
    }
    let target = standing(t, user, of.conversation)?;
    match target.role {
        None => Ok(false),
        Some(Role::Owner) if user != by => Err(refuse::may_not_remove(group)),
        Some(_) => leave(t, &target, group, user, now).map(|_| true),
    }
}

pub(super) fn create_group(t: &mut Transaction<'_>, group: &NewGroup) -> StoreResult<NewGroupMade> {
    let first = &group.first;
    if let Some(published) = messages::known(t, first)? {
        let title = title_of(t.connection, published.conversation)?;
        return Ok(NewGroupMade { title, published });
    }
    if let Permit::Denied { retry_after_ms } = first.permit {
        return Err(refuse::rate_limited(retry_after_ms));
    }
    let creator = t.cache.person(t.connection, first.sender)?;
    let mut members = vec![(first.sender, creator.name)];
    for name in &group.users {
        let user = person_named(t.connection, name)?;
        if members.iter().all(|(known, _)| *known != user) {
            members.push((user, name.clone()));
        }
    }
    first.refers_within(Seq(1), Seq(0))?;
    let names: Vec<&Name> = members.iter().map(|(_, name)| name).collect();
    let title = group.title.clone();
    let title = title.unwrap_or_else(|| naming::title(&names));
    let name = match &group.name {
        Some(name) => takable(t, name)?,
        None => free_name(t.connection, group.title.as_deref(), &names)?,
    };
    let kind = match group.public {
        true => ConversationKind::Public,
        false => ConversationKind::Group,
    };
    let conversation = new_group(t, kind, &name, &title, first.sender)?;
    t.set_name(&name, Named::Group(conversation))?;
    for (order, (user, _)) in members.iter().enumerate() {
        let mut seat = NewSeat::from_the_start(*user, order);
        if order == 0 {
            seat.role = Role::Owner;
        }
        conversations::seat(t, conversation, &seat)?;
    }
    let published = messages::append_message(t, conversation, first)?;
    Ok(NewGroupMade { title, published })
}

fn title_of(connection: &Connection, conversation: ConversationId) -> StoreResult<String> {
    let title = connection
        .prepare_cached("SELECT coalesce(title, '') FROM conversations WHERE id = ?1")?
        .query_row([conversation.0], |row| row.get(0))?;
    Ok(title)
}

fn takable(t: &mut Transaction<'_>, name: &Name) -> StoreResult<Name> {
    if name.reserved() {
        return Err(refuse::reserved_name(name));
    }
    match t.cache.named(t.connection, name)? {
        None | Some(Named::Freed(_)) => Ok(name.clone()),
        Some(_) => Err(refuse::name_taken(name)),
    }
}

/// A name that never was anything, so that no device remembers numbers under it.
fn free_name(connection: &Connection, title: Option<&str>, names: &[&Name]) -> StoreResult<Name> {
    for name in naming::candidates(title, names) {
        if !name.reserved() && cache::load_name(connection, &name)?.is_none() {
            return Ok(name);
        }
    }
    unreachable!("the candidates are endless, and the names taken are not")
}
