//! Groups and public topics: who is in them, who owns them, what they are called.

use std::collections::HashSet;

use chat_proto::{ConversationKind, Name, Rev, Role, Seq, Sigil, Time, Topic, UserRef, limits};

use super::conversations;
use super::fault::Outcome;
use super::log::Columns;
use super::messages;
use super::people::person_named;
use super::pool::Connection;
use super::rows::{self, get};
use super::writer::{Open, Transaction};
use crate::change::{Address, ConversationId, UserId, What};
use crate::store::codes::{self, Named, column, count};
use crate::store::seat::NewSeat;
use crate::store::{NewGroup, NewGroupMade, Permit, Subscribed, naming, refuse};

/// Names that are tried at once for a group that was given none.
const NAMES_AT_ONCE: usize = 16;

/// What decides about a group, as far as one user is concerned.
struct Standing {
    conversation: ConversationId,
    public: bool,
    role: Option<Role>,
    last_seq: Seq,
}

/// Of a group that is locked.
fn standing(t: &mut Transaction, user: UserId, conversation: ConversationId) -> Outcome<Standing> {
    let open = t.opened(conversation)?;
    Ok(Standing {
        conversation,
        public: open.kind == ConversationKind::Public,
        role: open.seats.by_user.get(&user).map(|seat| seat.role),
        last_seq: open.last_seq,
    })
}

pub(super) async fn subscribe(
    t: &mut Transaction,
    user: UserId,
    topic: &Topic,
    now: Time,
) -> Outcome<Subscribed> {
    let named = t.named(&topic.name).await?;
    let (conversation, changed) = match (named, topic.sigil) {
        (Some(Named::Person(peer)), None | Some(Sigil::Person)) => {
            return own(t, user, peer, topic).await;
        }
        (Some(Named::Group(conversation)), None | Some(Sigil::Group)) => {
            let standing = standing(t, user, conversation)?;
            match standing.role {
                None if !standing.public => return Err(refuse::no_such_topic(topic).into()),
                None => join(t, conversation, user, now).await?,
                Some(_) => {}
            }
            (conversation, standing.role.is_none())
        }
        (None | Some(Named::Freed(_)), None | Some(Sigil::Group)) => {
            (make_topic(t, user, &topic.name, named).await?, false)
        }
        _ => return Err(refuse::no_such_topic(topic).into()),
    };
    subscribed(t, conversation, &topic.name, changed)
}

/// One's own topic one has from the beginning and for ever; another's nobody gets.
async fn own(
    t: &mut Transaction,
    user: UserId,
    peer: UserId,
    topic: &Topic,
) -> Outcome<Subscribed> {
    if user != peer {
        return Err(refuse::someone_elses_topic(&topic.name).into());
    }
    let notebook = conversations::membership(&t.connection, user, topic).await?;
    Ok(Subscribed {
        conversation: notebook.conversation,
        changed: false,
        topic: topic.name.clone(),
        seq: notebook.last_seq,
        rev: notebook.rev,
    })
}

fn subscribed(
    t: &mut Transaction,
    conversation: ConversationId,
    name: &Name,
    changed: bool,
) -> Outcome<Subscribed> {
    let open = t.opened(conversation)?;
    Ok(Subscribed {
        conversation: Some(conversation),
        changed,
        topic: name.clone(),
        seq: open.last_seq,
        rev: open.rev,
    })
}

/// Makes a public topic of a free name. One that was a topic before continues its numbers.
pub(super) async fn make_topic(
    t: &mut Transaction,
    user: UserId,
    name: &Name,
    named: Option<Named>,
) -> Outcome<ConversationId> {
    if name.reserved() {
        return Err(refuse::reserved_name(name).into());
    }
    if empty_topics(&t.connection, user).await? >= limits::EMPTY_TOPICS_MAX as u64 {
        return Err(refuse::too_many_empty_topics().into());
    }
    let conversation = match named {
        Some(Named::Freed(conversation)) => {
            const SQL: &str = "UPDATE conversations SET creator = $2 WHERE id = $1";
            t.lock(&[conversation]).await?;
            t.connection
                .execute(SQL, &[&conversation.0, &user.0])
                .await?;
            conversation
        }
        _ => new_group(t, ConversationKind::Public, name, name.as_str(), user).await?,
    };
    t.take_name(name, named, Named::Group(conversation)).await?;
    let rev = t.opened(conversation)?.rev;
    let seat = NewSeat {
        role: Role::Owner,
        joined_rev: rev.next(),
        ..NewSeat::from_the_start(user, 0)
    };
    conversations::seat(t, conversation, &[seat]).await?;
    Ok(conversation)
}

/// Topics without messages that a user made and is in.
async fn empty_topics(c: &Connection, user: UserId) -> Outcome<u64> {
    const SQL: &str = "SELECT count(*) FROM conversations c \
        JOIN members m ON m.who = $1 AND m.conversation = c.id AND m.left_rev IS NULL \
        WHERE c.creator = $1 AND c.last_seq = 0";
    get(&c.one(SQL, &[&user.0]).await?, 0).map(count)
}

async fn new_group(
    t: &mut Transaction,
    kind: ConversationKind,
    name: &Name,
    title: &str,
    creator: UserId,
) -> Outcome<ConversationId> {
    const SQL: &str = "INSERT INTO conversations (kind, name, title, creator) VALUES ($1, $2, $3, $4) RETURNING id";
    let code = codes::kind_code(kind);
    let made = t
        .connection
        .one(SQL, &[&code, &name.as_str(), &title, &creator.0])
        .await?;
    let id = ConversationId(get(&made, 0)?);
    t.made(id, Open::new(kind, Address::Group(name.clone())));
    Ok(id)
}

/// Makes somebody who is none a member, as a change of the log.
pub(super) async fn join(
    t: &mut Transaction,
    conversation: ConversationId,
    user: UserId,
    now: Time,
) -> Outcome<()> {
    let (name, _) = conversations::person(&t.connection, user).await?;
    let open = t.opened(conversation)?;
    let empty = open.seats.members.is_empty();
    let seat = NewSeat::joining(user, open.kind, empty, open.last_seq, open.rev);
    conversations::seat(t, conversation, &[seat]).await?;
    let what = What::Join { user, name };
    t.append(conversation, now, user, what, Columns::default())?;
    Ok(())
}

/// Ends a membership, as a change of the log, which it gives back; a group without its owner gets another.
async fn leave(
    t: &mut Transaction,
    was: &Standing,
    group: &Name,
    user: UserId,
    now: Time,
) -> Outcome<Rev> {
    const SQL: &str =
        "UPDATE members SET left_rev = $3, left_seq = $4 WHERE who = $1 AND conversation = $2";
    let (name, _) = conversations::person(&t.connection, user).await?;
    let what = What::Leave { user, name };
    let left = t.append(was.conversation, now, user, what, Columns::default())?;
    let (left_rev, left_seq) = (column(left.0), column(was.last_seq.0));
    t.connection
        .execute(SQL, &[&user.0, &was.conversation.0, &left_rev, &left_seq])
        .await?;
    t.opened(was.conversation)?.reseat(|by_user| {
        by_user.remove(&user);
    });
    match heir(&t.connection, was.conversation).await? {
        // A private group that all have left is archived: its name stays taken, and nobody sees it.
        None if was.public && was.last_seq.0 == 0 => {
            let (was, free) = (
                Named::Group(was.conversation),
                Named::Freed(was.conversation),
            );
            t.take_name(group, Some(was), free).await?;
        }
        Some(heir) if was.role == Some(Role::Owner) => {
            inherit(t, was.conversation, heir, now).await?;
        }
        _ => {}
    }
    Ok(left)
}

/// The oldest admin, else the oldest member.
async fn heir(c: &Connection, conversation: ConversationId) -> Outcome<Option<UserId>> {
    const SQL: &str = "SELECT who FROM members WHERE conversation = $1 AND left_rev IS NULL \
        ORDER BY role <> 2, joined_rev, joined_order LIMIT 1";
    let row = c.row(SQL, &[&conversation.0]).await?;
    row.map(|row| get(&row, 0).map(UserId)).transpose()
}

async fn inherit(
    t: &mut Transaction,
    conversation: ConversationId,
    heir: UserId,
    now: Time,
) -> Outcome<()> {
    const SQL: &str = "UPDATE members SET role = $3 WHERE who = $1 AND conversation = $2";
    let code = codes::role_code(Role::Owner);
    t.connection
        .execute(SQL, &[&heir.0, &conversation.0, &code])
        .await?;
    t.opened(conversation)?.reseat(|by_user| {
        if let Some(seat) = by_user.get_mut(&heir) {
            seat.role = Role::Owner;
        }
    });
    let (name, _) = conversations::person(&t.connection, heir).await?;
    let role = Role::Owner;
    let what = What::Role { name, role };
    t.append(conversation, now, heir, what, Columns::default())?;
    Ok(())
}

pub(super) async fn unsubscribe(
    t: &mut Transaction,
    user: UserId,
    topic: &Topic,
    now: Time,
) -> Outcome<Subscribed> {
    let named = t.named(&topic.name).await?;
    match (named, topic.sigil) {
        (Some(Named::Person(peer)), None | Some(Sigil::Person)) => own(t, user, peer, topic).await,
        (Some(Named::Group(conversation)), None | Some(Sigil::Group)) => {
            let standing = standing(t, user, conversation)?;
            match (standing.public, standing.role) {
                (false, None) => Err(refuse::no_such_topic(topic).into()),
                (false, Some(_)) => Err(refuse::private_group(&topic.name).into()),
                (true, None) => subscribed(t, conversation, &topic.name, false),
                (true, Some(_)) => {
                    let rev = leave(t, &standing, &topic.name, user, now).await?;
                    let left = subscribed(t, conversation, &topic.name, true)?;
                    Ok(Subscribed { rev, ..left })
                }
            }
        }
        _ => Err(refuse::no_such_topic(topic).into()),
    }
}

/// A group of which `by` is a member, and what they may do in it.
async fn of_member(t: &mut Transaction, by: UserId, group: &Name) -> Outcome<(Standing, Role)> {
    let nothing = || refuse::no_such_topic(&Topic::from(group.clone()));
    let Some(Named::Group(conversation)) = t.named(group).await? else {
        return Err(nothing().into());
    };
    let standing = standing(t, by, conversation)?;
    match standing.role {
        Some(role) => Ok((standing, role)),
        None if standing.public => Err(refuse::not_a_member(group).into()),
        None => Err(nothing().into()),
    }
}

pub(super) async fn add_member(
    t: &mut Transaction,
    by: UserId,
    group: &Name,
    name: &Name,
    now: Time,
) -> Outcome<bool> {
    let (of, role) = of_member(t, by, group).await?;
    if role == Role::ReadOnly {
        return Err(refuse::read_only(group).into());
    }
    let user = person_named(&t.connection, name).await?;
    if standing(t, user, of.conversation)?.role.is_some() {
        return Ok(false);
    }
    join(t, of.conversation, user, now).await?;
    Ok(true)
}

pub(super) async fn remove_member(
    t: &mut Transaction,
    by: UserId,
    group: &Name,
    name: &Name,
    now: Time,
) -> Outcome<bool> {
    let (of, role) = of_member(t, by, group).await?;
    let user = person_named(&t.connection, name).await?;
    if user != by && !matches!(role, Role::Owner | Role::Admin) {
        return Err(refuse::may_not_remove(group).into());
    }
    let target = standing(t, user, of.conversation)?;
    match target.role {
        None => Ok(false),
        Some(Role::Owner) if user != by => Err(refuse::may_not_remove(group).into()),
        Some(_) => leave(t, &target, group, user, now).await.map(|_| true),
    }
}

pub(super) async fn create_group(t: &mut Transaction, group: &NewGroup) -> Outcome<NewGroupMade> {
    let first = &group.first;
    if let Some(published) = messages::known(t, first).await? {
        let title = title_of(&t.connection, published.conversation).await?;
        return Ok(NewGroupMade { title, published });
    }
    if let Permit::Denied { retry_after_ms } = first.permit {
        return Err(refuse::rate_limited(retry_after_ms).into());
    }
    let (creator, display_name) = conversations::person(&t.connection, first.sender).await?;
    let mut members = vec![(first.sender, creator.clone())];
    for name in &group.users {
        let user = person_named(&t.connection, name).await?;
        if members.iter().all(|(known, _)| *known != user) {
            members.push((user, name.clone()));
        }
    }
    first.refers_within(Seq(1), Seq(0))?;
    let names: Vec<&Name> = members.iter().map(|(_, name)| name).collect();
    let title = group.title.clone();
    let title = title.unwrap_or_else(|| naming::title(&names));
    let (name, was) = match &group.name {
        Some(name) => (name.clone(), takable(t, name).await?),
        None => {
            let title = group.title.as_deref();
            (free_name(&t.connection, title, &names).await?, None)
        }
    };
    let kind = match group.public {
        true => ConversationKind::Public,
        false => ConversationKind::Group,
    };
    let conversation = new_group(t, kind, &name, &title, first.sender).await?;
    t.take_name(&name, was, Named::Group(conversation)).await?;
    let mut seats: Vec<NewSeat> = members
        .iter()
        .enumerate()
        .map(|(order, (user, _))| NewSeat::from_the_start(*user, order))
        .collect();
    seats[0].role = Role::Owner;
    conversations::seat(t, conversation, &seats).await?;
    let from = UserRef {
        name: creator,
        display_name,
    };
    let published = messages::append_message(t, conversation, first, from)?;
    Ok(NewGroupMade { title, published })
}

async fn title_of(c: &Connection, conversation: ConversationId) -> Outcome<String> {
    const SQL: &str = "SELECT coalesce(title, '') FROM conversations WHERE id = $1";
    get(&c.one(SQL, &[&conversation.0]).await?, 0)
}

/// What a name that can be taken stood for.
async fn takable(t: &mut Transaction, name: &Name) -> Outcome<Option<Named>> {
    if name.reserved() {
        return Err(refuse::reserved_name(name).into());
    }
    match t.named(name).await? {
        was @ (None | Some(Named::Freed(_))) => Ok(was),
        Some(_) => Err(refuse::name_taken(name).into()),
    }
}

/// A name that never was anything, so that no device remembers numbers under it.
async fn free_name(c: &Connection, title: Option<&str>, names: &[&Name]) -> Outcome<Name> {
    const SQL: &str = "SELECT name FROM names WHERE name = ANY($1)";
    let mut candidates = naming::candidates(title, names).filter(|name| !name.reserved());
    // The candidates are endless, and the names taken are not.
    loop {
        let some: Vec<Name> = candidates.by_ref().take(NAMES_AT_ONCE).collect();
        let texts: Vec<&str> = some.iter().map(Name::as_str).collect();
        let taken = c.rows(SQL, &[&texts]).await?;
        let taken = rows::each(&taken, |row| rows::name_at(row, 0))?;
        let taken: HashSet<Name> = taken.into_iter().collect();
        if let Some(free) = some.into_iter().find(|name| !taken.contains(name)) {
            return Ok(free);
        }
    }
}
