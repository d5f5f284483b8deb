//! Who is there: asked for, told, and set. Only those who share a group or a direct conversation may know.

use std::collections::HashSet;

use chat_proto::action::{PresenceOf, SetStatus};
use chat_proto::event::{Ack, PresenceList};
use chat_proto::message::Status;
use chat_proto::text::valid_line;
use chat_proto::{ErrorCode, Event, MessageId, Name, Presence, PresenceState, Refusal, limits};

use super::{App, Identity, invalid};
use crate::bus::{Notice, PresenceNotice};
use crate::change::UserId;
use crate::nodes::{LastSeen, Turn};
use crate::store::Standing;

/// What is known of somebody's being there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) state: PresenceState,
    standing: Standing,
}

impl Known {
    pub(crate) fn presence(self, name: Name) -> Presence {
        let Standing {
            text,
            until,
            last_seen,
            ..
        } = self.standing;
        let last_seen = if self.state == PresenceState::Offline {
            last_seen
        } else {
            None
        };
        Presence {
            name,
            state: self.state,
            last_seen,
            status: text.map(|text| Status { text, until }),
        }
    }
}

/// Who is there of `names`, in their order; of somebody whom one may not see, and of nobody, offline is told.
///
/// # Errors
/// `invalid` for too many names.
pub async fn presence(app: &App, who: &Identity, names: &[Name]) -> Result<Vec<Presence>, Refusal> {
    if names.len() > limits::PRESENCE_NAMES_MAX {
        return Err(invalid(format!(
            "'names' holds at most {} names",
            limits::PRESENCE_NAMES_MAX
        )));
    }
    let visible: HashSet<UserId> = app
        .store
        .acquaintances(who.user)
        .await?
        .into_iter()
        .chain([who.user])
        .collect();
    let mut users = Vec::with_capacity(names.len());
    for name in names {
        let account = app.store.account_named(name).await?;
        users.push(
            account
                .map(|account| account.id)
                .filter(|user| visible.contains(user)),
        );
    }
    let mut known = standings(app, &users.iter().flatten().copied().collect::<Vec<_>>())
        .await?
        .into_iter();
    let of = |(name, user): (&Name, Option<UserId>)| {
        user.and_then(|_| known.next())
            .unwrap_or_default()
            .presence(name.clone())
    };
    Ok(names.iter().zip(users).map(of).collect())
}

/// What is known of `users`, in their order, for somebody who may know.
pub(crate) async fn standings(app: &App, users: &[UserId]) -> Result<Vec<Known>, Refusal> {
    let now = app.clock.wall();
    let standings = app.store.standings(users).await?;
    let known = |(user, mut standing): (&UserId, Standing)| {
        if standing.until.is_some_and(|until| until <= now) {
            (standing.text, standing.until) = (None, None);
        }
        let here = standing.state.unwrap_or(PresenceState::Online);
        let state = if app.attendance.online(*user) {
            here
        } else {
            PresenceState::Offline
        };
        Known { state, standing }
    };
    Ok(users.iter().zip(standings).map(known).collect())
}

pub(super) async fn presence_event(
    app: &App,
    who: &Identity,
    id: Option<MessageId>,
    of: PresenceOf,
) -> Result<Event, Refusal> {
    Ok(Event::PresenceList(PresenceList {
        id,
        users: presence(app, who, &of.names).await?,
    }))
}

pub(super) async fn set_status(
    app: &App,
    who: &Identity,
    id: Option<MessageId>,
    status: SetStatus,
) -> Result<Event, Refusal> {
    if status.state == PresenceState::Offline {
        return Err(invalid("'state' is online, away or dnd"));
    }
    if let Some(text) = &status.text
        && !valid_line(text, limits::STATUS_CHARS_MAX)
    {
        return Err(Refusal::new(
            ErrorCode::Rejected,
            format!(
                "'text' is one line of at most {} characters",
                limits::STATUS_CHARS_MAX
            ),
        ));
    }
    let standing = Standing {
        state: Some(status.state),
        text: status.text,
        until: status.until,
        last_seen: None,
    };
    app.store.set_status(who.user, standing).await?;
    if app.attendance.online(who.user) {
        let mut to = app.store.acquaintances(who.user).await?;
        to.push(who.user);
        if let Some(notice) = notice_of(app, who.user, &who.name).await? {
            app.bus.publish(to.into(), &Notice::Presence(notice));
        }
    }
    Ok(Event::Ack(Ack {
        id,
        ..Ack::default()
    }))
}

/// Tells the connections here of those who may know that somebody came or went. Every node computes that for itself,
/// so nothing of it goes over the bus.
pub(crate) async fn tell_turn(app: &App, turn: Turn) -> Result<(), Refusal> {
    let (user, name, last_seen) = match turn {
        Turn::Came(user, name) => (user, name, None),
        Turn::Went(user, name, LastSeen { at, ours_to_write }) => {
            if ours_to_write {
                app.store.set_last_seen(&[(user, at)]).await?;
            }
            (user, name, Some(at))
        }
    };
    let to = app.store.acquaintances(user).await?;
    let Some(mut notice) = notice_of(app, user, &name).await? else {
        return Ok(());
    };
    if notice.state == PresenceState::Offline {
        // The node where they were may not have written it yet.
        notice.last_seen = notice.last_seen.max(last_seen);
    }
    app.router.offer(&to, &Notice::Presence(notice));
    Ok(())
}

async fn notice_of(
    app: &App,
    user: UserId,
    name: &Name,
) -> Result<Option<PresenceNotice>, Refusal> {
    let Some(known) = standings(app, &[user]).await?.into_iter().next() else {
        return Ok(None);
    };
    let presence = known.presence(name.clone());
    Ok(Some(PresenceNotice {
        user,
        name: presence.name,
        state: presence.state,
        last_seen: presence.last_seen,
    }))
}
