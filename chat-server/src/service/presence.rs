//! Who is there: asked for, told, and set. Only those who share a group or a direct conversation may know.

use std::collections::HashSet;

use chat_proto::action::{PresenceOf, SetStatus};
use chat_proto::event::{Ack, PresenceList};
use chat_proto::message::Status;
use chat_proto::text::valid_line;
use chat_proto::{
    ErrorCode, Event, MessageId, Name, Presence, PresenceState, Refusal, limits as wire,
};
use futures_util::{StreamExt, stream};

use super::{App, Identity, invalid};
use crate::attendance::Turns;
use crate::bus::{Notice, PresenceNotice};
use crate::change::UserId;
use crate::limits;
use crate::nodes::Turn;
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
    if names.len() > wire::PRESENCE_NAMES_MAX {
        return Err(invalid(format!(
            "'names' holds at most {} names",
            wire::PRESENCE_NAMES_MAX
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
        && !valid_line(text, wire::STATUS_CHARS_MAX)
    {
        return Err(Refusal::new(
            ErrorCode::Rejected,
            format!(
                "'text' is one line of at most {} characters",
                wire::STATUS_CHARS_MAX
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
    app.attendance.status(who.user, &who.name);
    Ok(Event::Ack(Ack {
        id,
        ..Ack::default()
    }))
}

/// Tells the connections here of those who may know who came, went and set a status, and writes down when they were last
/// there. Every node computes that for itself from the store.
///
/// # Errors
/// What could not be told or written, as the store is away.
pub(crate) async fn tell_turns(app: &App, turns: Turns) -> Result<(), Turns> {
    let Turns { turns, last_seen } = turns;
    if !last_seen.is_empty() && app.store.set_last_seen(&last_seen).await.is_err() {
        return Err(Turns { turns, last_seen });
    }
    let last_seen = Vec::new();
    if app.router.connections() == 0 {
        return Ok(());
    }
    let users: Vec<UserId> = turns.iter().map(Turn::user).collect();
    let Ok(known) = standings(app, &users).await else {
        return Err(Turns { turns, last_seen });
    };
    let told = turns.into_iter().zip(known);
    let told = told.map(|(turn, known)| tell_turn(app, turn, known));
    let told: Vec<_> = stream::iter(told)
        .buffer_unordered(limits::TURNS_AT_ONCE)
        .collect()
        .await;
    let turns: Vec<Turn> = told.into_iter().filter_map(Result::err).collect();
    match turns.is_empty() {
        true => Ok(()),
        false => Err(Turns { turns, last_seen }),
    }
}

/// Tells one, or gives it back.
async fn tell_turn(app: &App, turn: Turn, known: Known) -> Result<(), Turn> {
    let user = turn.user();
    let Ok(mut to) = app.store.acquaintances(user).await else {
        return Err(turn);
    };
    let (name, went) = match turn {
        Turn::Came(_, name) => (name, None),
        Turn::Went(_, name, at) => (name, at),
        // Gone meanwhile, which is told by itself.
        Turn::Set(..) if known.state == PresenceState::Offline => return Ok(()),
        Turn::Set(_, name) => {
            to.push(user);
            (name, None)
        }
    };
    let mut notice = notice_of(user, known.presence(name));
    if notice.state == PresenceState::Offline {
        // The node where they were may not have written it yet.
        notice.last_seen = notice.last_seen.max(went);
    }
    app.router.offer(&to, &Notice::Presence(notice));
    Ok(())
}

fn notice_of(user: UserId, presence: Presence) -> PresenceNotice {
    PresenceNotice {
        user,
        name: presence.name,
        state: presence.state,
        last_seen: presence.last_seen,
    }
}
