//! Accounts, what people say of being there, and the invites by which they come.

use chat_proto::{ConversationKind, Name, Time};

use super::state::{Person, State};
use crate::change::UserId;
use crate::store::codes::Named;
use crate::store::{
    Account, Invite, InviteHash, NewAccount, Standing, StoreError, StoreResult, refuse,
};

impl State {
    pub(super) fn create_account(&mut self, new: NewAccount) -> StoreResult<Account> {
        if new.name.reserved() {
            return Err(refuse::reserved_name(&new.name));
        }
        let free = matches!(self.names.get(&new.name), None | Some(Named::Freed(_)));
        if !free || new.lobby.as_ref() == Some(&new.name) {
            return Err(refuse::name_taken(&new.name));
        }
        let invite = match new.invite {
            Some(hash) => Some(self.use_up(hash, new.now)?),
            None => None,
        };
        let id = UserId(self.people.len() as i64 + 1);
        let account = Account {
            id,
            name: new.name.clone(),
            display_name: new.display_name,
            email: new.email,
            admin: invite.as_ref().is_some_and(|invite| invite.admin),
            disabled: false,
        };
        let person = Person {
            account: account.clone(),
            password_hash: new.password_hash,
            standing: Standing::default(),
        };
        self.people.insert(id, person);
        self.names.insert(new.name, Named::Person(id));
        if let Some(lobby) = &new.lobby {
            self.enter_lobby(id, lobby, new.now)?;
        }
        for name in invite.iter().flat_map(|invite| &invite.groups) {
            self.enter(id, name, new.now);
        }
        Ok(account)
    }

    fn use_up(&mut self, hash: InviteHash, now: Time) -> StoreResult<Invite> {
        let invite = self.invite(hash, now).ok_or_else(refuse::bad_invite)?;
        if let Some(kept) = self.invites.get_mut(&hash.0) {
            kept.uses_left -= 1;
        }
        Ok(invite)
    }

    fn enter_lobby(&mut self, user: UserId, lobby: &Name, now: Time) -> StoreResult<()> {
        match self.names.get(lobby).copied() {
            Some(Named::Group(topic)) if self.conversation(topic).public() => {
                self.join(topic, user, now);
            }
            None | Some(Named::Freed(_)) if !lobby.reserved() => {
                self.make_topic(user, lobby)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn enter(&mut self, user: UserId, group: &Name, now: Time) {
        let Some(Named::Group(id)) = self.names.get(group).copied() else {
            return;
        };
        let group = self.conversation(id);
        let archived = group.kind == ConversationKind::Group && group.members().is_empty();
        if !archived && group.seat(user).is_none() {
            self.join(id, user, now);
        }
    }

    pub(super) fn account_named(&self, name: &Name) -> Option<Account> {
        match self.names.get(name) {
            Some(Named::Person(user)) => Some(self.people[user].account.clone()),
            _ => None,
        }
    }

    pub(super) fn person_named(&self, name: &Name) -> StoreResult<UserId> {
        let account = self.account_named(name);
        account
            .map(|account| account.id)
            .ok_or_else(|| refuse::no_such_user(name))
    }

    pub(super) fn set_display_name(&mut self, user: UserId, display_name: &str) {
        if let Some(person) = self.people.get_mut(&user) {
            display_name.clone_into(&mut person.account.display_name);
        }
    }

    pub(super) fn search_people(
        &self,
        query: &str,
        after: Option<&Name>,
        limit: usize,
    ) -> Vec<Account> {
        let query = query.to_lowercase();
        // How well the words fit, then the handle: the order of the whole list.
        let rank = |account: &Account| {
            let shown = account.display_name.to_lowercase();
            let name = account.name.as_str();
            let begins = name.starts_with(&query) || shown.starts_with(&query);
            let contains = name.contains(&query) || shown.contains(&query);
            let fits = match (begins, contains) {
                (true, _) => 0,
                (_, true) => 1,
                _ if in_this_order(&query, name) || in_this_order(&query, &shown) => 2,
                _ => return None,
            };
            Some((fits, account.name.clone()))
        };
        let ranked = self.people.values().map(|person| &person.account);
        let mut found: Vec<_> = ranked
            .filter_map(|a| rank(a).map(|rank| (rank, a)))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let after = after.map(|name| {
            let known = found.iter().find(|((_, found), _)| found == name);
            known.map_or_else(|| (0, name.clone()), |(rank, _)| rank.clone())
        });
        let beyond = found
            .into_iter()
            .filter(|(rank, _)| Some(rank) > after.as_ref());
        beyond
            .take(limit)
            .map(|(_, account)| account.clone())
            .collect()
    }

    pub(super) fn standing(&self, user: UserId) -> Standing {
        let person = self.people.get(&user);
        person
            .map(|person| person.standing.clone())
            .unwrap_or_default()
    }

    pub(super) fn set_status(&mut self, user: UserId, standing: Standing) {
        if let Some(person) = self.people.get_mut(&user) {
            person.standing = Standing {
                last_seen: person.standing.last_seen,
                ..standing
            };
        }
    }

    pub(super) fn set_last_seen(&mut self, seen: &[(UserId, Time)]) {
        for (user, at) in seen {
            if let Some(person) = self.people.get_mut(user) {
                person.standing.last_seen = person.standing.last_seen.max(Some(*at));
            }
        }
    }

    pub(super) fn add_invite(&mut self, invite: Invite) -> StoreResult<()> {
        if self.invites.contains_key(&invite.hash.0) {
            return Err(StoreError::Internal("an invite came twice".to_owned()));
        }
        self.invites.insert(invite.hash.0, invite);
        Ok(())
    }

    pub(super) fn invite(&self, hash: InviteHash, now: Time) -> Option<Invite> {
        let invite = self.invites.get(&hash.0)?;
        (invite.uses_left > 0 && invite.expires_at > now).then(|| invite.clone())
    }
}

/// Whether a text has these letters in this order, with anything between them.
fn in_this_order(letters: &str, text: &str) -> bool {
    let mut rest = text.chars();
    letters
        .chars()
        .all(|letter| rest.any(|other| other == letter))
}
