//! Groups: made with their first message, joined by being added, left by anybody.

use chat_proto::api::{Group, GroupCreated, Member, NewGroup};
use chat_proto::text::valid_line;
use chat_proto::{Body, ErrorCode, MessageId, Name, Refusal, Sigil, Topic, limits};

use super::{App, Identity, check_query, invalid, page_size, presence, send};
use crate::store::{self, GroupRecord, refuse};

/// Public topics of a list by default, and at the most.
const TOPICS: (u64, u64) = (50, 200);

/// Makes a group with its first message.
///
/// # Errors
/// `rejected` for a name or title, `conflict` for a name that is taken, `not_found` for somebody who is not there.
pub async fn create_group(
    app: &App,
    who: &Identity,
    group: NewGroup,
) -> Result<GroupCreated, Refusal> {
    let name = group.name.as_deref().map(group_name).transpose()?;
    if let Some(title) = &group.title
        && !valid_line(title, limits::TITLE_CHARS_MAX)
    {
        return Err(Refusal::new(
            ErrorCode::Rejected,
            format!(
                "'title' is one line of at most {} characters",
                limits::TITLE_CHARS_MAX
            ),
        ));
    }
    if let Some(group) = group
        .users
        .iter()
        .find(|user| user.sigil == Some(Sigil::Group))
    {
        return Err(invalid(format!("'users': '{group}' is no person")));
    }
    let id = group.id.unwrap_or_else(MessageId::generate);
    let permit = send::permit(app, who);
    // The name may be made up by the store, so the topic of the fingerprint is what was asked for.
    let topic = Topic::from(name.clone().unwrap_or_else(|| who.name.clone()));
    let first = send::check(app, who, id.clone(), topic, Body::text(group.text), permit)?;
    let users = group.users.into_iter().map(|user| user.name).collect();
    let new = store::NewGroup {
        name,
        title: group.title,
        users,
        public: group.public,
        first,
    };
    let made = app.store.create_group(new).await?;
    send::settle(app, who, permit, made.published.dup);
    let store::Published {
        topic,
        seq,
        rev,
        sent_at,
        dup,
        ..
    } = made.published;
    Ok(GroupCreated {
        topic,
        title: made.title,
        seq,
        rev,
        id,
        sent_at,
        dup,
    })
}

fn group_name(text: &str) -> Result<Name, Refusal> {
    let topic = Topic::parse(text)
        .map_err(|error| Refusal::new(ErrorCode::Rejected, format!("'name': {error}")))?;
    if topic.sigil == Some(Sigil::Person) {
        return Err(invalid(format!("'name': '{topic}' would be a person")));
    }
    if topic.name.reserved() {
        return Err(refuse::reserved_name(&topic.name).into());
    }
    Ok(topic.name)
}

/// The groups of the user, by name.
///
/// # Errors
/// Only what is not known: `unavailable`, `internal`.
pub async fn groups(app: &App, who: &Identity) -> Result<Vec<Group>, Refusal> {
    Ok(app
        .store
        .groups(who.user)
        .await?
        .into_iter()
        .map(shown)
        .collect())
}

/// Public topics whose name matches `query`.
///
/// # Errors
/// `invalid` for a limit out of range, or a query that nothing can fit.
pub async fn public_topics(
    app: &App,
    who: &Identity,
    query: &str,
    limit: Option<u64>,
) -> Result<Vec<Group>, Refusal> {
    let limit = page_size(limit, TOPICS.0, TOPICS.1)?;
    check_query(query)?;
    Ok(app
        .store
        .public_topics(who.user, query, limit)
        .await?
        .into_iter()
        .map(shown)
        .collect())
}

/// A group that one may see.
///
/// # Errors
/// `not_found`.
pub async fn group(app: &App, who: &Identity, name: &Name) -> Result<Group, Refusal> {
    Ok(shown(app.store.group(who.user, name).await?))
}

/// The members of a group of which one is a member, by joining.
///
/// # Errors
/// `not_found`; `forbidden` for a public topic of which one is no member.
pub async fn group_members(app: &App, who: &Identity, name: &Name) -> Result<Vec<Member>, Refusal> {
    let membership = app
        .store
        .membership(
            who.user,
            &Topic {
                name: name.clone(),
                sigil: Some(Sigil::Group),
            },
        )
        .await?;
    let members = match membership.conversation {
        Some(conversation) => app.store.members(conversation).await?,
        None => Vec::new(),
    };
    let users: Vec<_> = members.iter().map(|member| member.user).collect();
    let known = presence::standings(app, &users).await?;
    let shown = |(member, known): (store::Member, presence::Known)| {
        let presence = Some(known.presence(member.name.clone()));
        Member {
            name: member.name,
            role: member.role,
            presence,
        }
    };
    Ok(members.into_iter().zip(known).map(shown).collect())
}

/// Adds a member; `false` if they were one.
///
/// # Errors
/// `not_found` for the group or the person, `forbidden` for who is no member or may only read.
pub async fn add_member(
    app: &App,
    who: &Identity,
    group: &Name,
    name: &Name,
) -> Result<bool, Refusal> {
    Ok(app
        .store
        .add_member(who.user, group, name, app.clock.wall())
        .await?)
}

/// Removes a member, or leaves; `false` if they were none.
///
/// # Errors
/// `not_found` for the group, `forbidden` for who is neither owner nor admin.
pub async fn remove_member(
    app: &App,
    who: &Identity,
    group: &Name,
    name: &Name,
) -> Result<bool, Refusal> {
    Ok(app
        .store
        .remove_member(who.user, group, name, app.clock.wall())
        .await?)
}

fn shown(group: GroupRecord) -> Group {
    let GroupRecord {
        name,
        title,
        public,
        members,
        role,
        last_seq,
    } = group;
    Group {
        topic: name,
        title,
        public,
        members: members as u64,
        role,
        last_seq,
    }
}
