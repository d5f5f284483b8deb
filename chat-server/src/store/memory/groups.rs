//! Groups and public topics: who is in them, who owns them, what they are called.

use std::collections::BTreeMap;

use chat_proto::{ConversationKind, Name, Rev, Role, Seq, Sigil, Time, Topic, limits};

use super::state::{Conversation, Kept, Left, Seat, State};
use crate::change::{ConversationId, UserId};
use crate::store::codes::Named;
use crate::store::{
    GroupRecord, NewGroup, NewGroupMade, Permit, StoreResult, Subscribed, naming, refuse,
};

impl State {
    pub(super) fn subscribe(
        &mut self,
        user: UserId,
        topic: &Topic,
        now: Time,
    ) -> StoreResult<Subscribed> {
        let (id, changed) = match (self.names.get(&topic.name).copied(), topic.sigil) {
            (Some(Named::Person(peer)), None | Some(Sigil::Person)) => {
                return self.own(user, peer, topic);
            }
            (Some(Named::Group(id)), None | Some(Sigil::Group)) => {
                let group = self.conversation(id);
                let newcomer = group.seat(user).is_none();
                if newcomer && !group.public() {
                    return Err(refuse::no_such_topic(topic));
                }
                if newcomer {
                    self.join(id, user, now);
                }
                (id, newcomer)
            }
            (None | Some(Named::Freed(_)), None | Some(Sigil::Group)) => {
                (self.make_topic(user, &topic.name)?, false)
            }
            _ => return Err(refuse::no_such_topic(topic)),
        };
        Ok(self.subscribed(id, &topic.name, changed))
    }

    fn own(&self, user: UserId, peer: UserId, topic: &Topic) -> StoreResult<Subscribed> {
        if user != peer {
            return Err(refuse::someone_elses_topic(&topic.name));
        }
        let notebook = self.membership(user, topic)?;
        Ok(Subscribed {
            conversation: notebook.conversation,
            changed: false,
            topic: topic.name.clone(),
            seq: notebook.last_seq,
            rev: notebook.rev,
        })
    }

    fn subscribed(&self, id: ConversationId, name: &Name, changed: bool) -> Subscribed {
        let conversation = self.conversation(id);
        Subscribed {
            conversation: Some(id),
            changed,
            topic: name.clone(),
            seq: conversation.last_seq(),
            rev: conversation.rev(),
        }
    }

    /// Makes a public topic of a free name. One that was a topic before continues its numbers.
    pub(super) fn make_topic(&mut self, user: UserId, name: &Name) -> StoreResult<ConversationId> {
        if name.reserved() {
            return Err(refuse::reserved_name(name));
        }
        let all = self.conversations.values();
        let empty = all.filter(|conversation| {
            conversation.creator == Some(user)
                && conversation.messages.is_empty()
                && conversation.seat(user).is_some()
        });
        if empty.count() >= limits::EMPTY_TOPICS_MAX {
            return Err(refuse::too_many_empty_topics());
        }
        let id = match self.names.get(name) {
            Some(Named::Freed(id)) => *id,
            _ => self.new_group(ConversationKind::Public, name, name.as_str()),
        };
        self.names.insert(name.clone(), Named::Group(id));
        let topic = self.conversation_mut(id);
        topic.creator = Some(user);
        let seat = Seat {
            role: Role::Owner,
            joined_rev: topic.rev().next(),
            ..Seat::from_the_start()
        };
        topic.take(user, seat);
        Ok(id)
    }

    fn new_group(&mut self, kind: ConversationKind, name: &Name, title: &str) -> ConversationId {
        self.begin(Conversation {
            kind,
            sides: None,
            name: Some(name.clone()),
            title: title.to_owned(),
            creator: None,
            log: Vec::new(),
            messages: Vec::new(),
            seats: BTreeMap::new(),
            joins: 0,
        })
    }

    /// Makes somebody who is none a member. Nobody owns a topic that all have left, so who comes to it owns it.
    pub(super) fn join(&mut self, id: ConversationId, user: UserId, now: Time) {
        let conversation = self.conversation_mut(id);
        let (last_seq, rev) = (conversation.last_seq(), conversation.rev().next());
        let (first_seq, first_rev) = match conversation.public() {
            true => (Seq(1), Rev(1)),
            false => (last_seq.next(), rev),
        };
        let role = match conversation.members().is_empty() {
            true => Role::Owner,
            false => Role::Member,
        };
        let seat = Seat {
            role,
            first_seq,
            first_rev,
            joined_rev: rev,
            read_seq: last_seq,
            delivered_seq: last_seq,
            ..Seat::from_the_start()
        };
        conversation.take(user, seat);
        self.append(id, now, Kept::Join(user));
    }

    /// The change that the leaving is.
    fn leave(&mut self, id: ConversationId, user: UserId, now: Time) -> Rev {
        let rev = self.append(id, now, Kept::Leave(user));
        let conversation = self.conversation_mut(id);
        let seq = conversation.last_seq();
        let mut owned = false;
        if let Some(seat) = conversation.seats.get_mut(&user) {
            seat.left = Some(Left { seq, rev });
            owned = seat.role == Role::Owner;
        }
        let seats = conversation.seats.iter();
        let stay = seats.filter(|(_, seat)| seat.left.is_none());
        let heir = stay.min_by_key(|(_, seat)| (seat.role != Role::Admin, seat.joined_order));
        match heir.map(|(heir, _)| *heir) {
            None if conversation.public() && conversation.messages.is_empty() => {
                if let Some(name) = conversation.name.clone() {
                    self.names.insert(name, Named::Freed(id));
                }
            }
            Some(heir) if owned => {
                if let Some(seat) = conversation.seats.get_mut(&heir) {
                    seat.role = Role::Owner;
                }
                self.append(id, now, Kept::Role(heir, Role::Owner));
            }
            _ => {}
        }
        rev
    }

    pub(super) fn unsubscribe(
        &mut self,
        user: UserId,
        topic: &Topic,
        now: Time,
    ) -> StoreResult<Subscribed> {
        match (self.names.get(&topic.name).copied(), topic.sigil) {
            (Some(Named::Person(peer)), None | Some(Sigil::Person)) => self.own(user, peer, topic),
            (Some(Named::Group(id)), None | Some(Sigil::Group)) => {
                let group = self.conversation(id);
                match (group.public(), group.seat(user)) {
                    (false, None) => Err(refuse::no_such_topic(topic)),
                    (false, Some(_)) => Err(refuse::private_group(&topic.name)),
                    (true, None) => Ok(self.subscribed(id, &topic.name, false)),
                    (true, Some(_)) => {
                        let rev = self.leave(id, user, now);
                        let left = self.subscribed(id, &topic.name, true);
                        Ok(Subscribed { rev, ..left })
                    }
                }
            }
            _ => Err(refuse::no_such_topic(topic)),
        }
    }

    fn of_member(&self, by: UserId, group: &Name) -> StoreResult<(ConversationId, Role)> {
        let nothing = || refuse::no_such_topic(&Topic::from(group.clone()));
        let Some(Named::Group(id)) = self.names.get(group) else {
            return Err(nothing());
        };
        let conversation = self.conversation(*id);
        match conversation.seat(by) {
            Some(seat) => Ok((*id, seat.role)),
            None if conversation.public() => Err(refuse::not_a_member(group)),
            None => Err(nothing()),
        }
    }

    pub(super) fn add_member(
        &mut self,
        by: UserId,
        group: &Name,
        name: &Name,
        now: Time,
    ) -> StoreResult<bool> {
        let (id, role) = self.of_member(by, group)?;
        if role == Role::ReadOnly {
            return Err(refuse::read_only(group));
        }
        let user = self.person_named(name)?;
        if self.conversation(id).seat(user).is_some() {
            return Ok(false);
        }
        self.join(id, user, now);
        Ok(true)
    }

    pub(super) fn remove_member(
        &mut self,
        by: UserId,
        group: &Name,
        name: &Name,
        now: Time,
    ) -> StoreResult<bool> {
        let (id, role) = self.of_member(by, group)?;
        let user = self.person_named(name)?;
        if user != by && !matches!(role, Role::Owner | Role::Admin) {
            return Err(refuse::may_not_remove(group));
        }
        match self.conversation(id).seat(user).map(|seat| seat.role) {
            None => Ok(false),
            Some(Role::Owner) if user != by => Err(refuse::may_not_remove(group)),
            Some(_) => {
                self.leave(id, user, now);
                Ok(true)
            }
        }
    }

    pub(super) fn create_group(&mut self, group: &NewGroup) -> StoreResult<NewGroupMade> {
        let first = &group.first;
        if let Some(published) = self.known(first)? {
            let title = self.conversation(published.conversation).title.clone();
            return Ok(NewGroupMade { title, published });
        }
        if let Permit::Denied { retry_after_ms } = first.permit {
            return Err(refuse::rate_limited(retry_after_ms));
        }
        let mut users = vec![first.sender];
        for name in &group.users {
            let user = self.person_named(name)?;
            if !users.contains(&user) {
                users.push(user);
            }
        }
        first.refers_within(Seq(1), Seq(0))?;
        let names: Vec<Name> = users.iter().map(|user| self.name(*user)).collect();
        let names: Vec<&Name> = names.iter().collect();
        let title = group.title.clone().unwrap_or_else(|| naming::title(&names));
        let name = match &group.name {
            Some(name) => self.takable(name)?,
            None => self.free_name(group.title.as_deref(), &names),
        };
        let kind = match group.public {
            true => ConversationKind::Public,
            false => ConversationKind::Group,
        };
        let id = self.new_group(kind, &name, &title);
        self.names.insert(name, Named::Group(id));
        let conversation = self.conversation_mut(id);
        conversation.creator = Some(first.sender);
        for user in users {
            conversation.take(user, Seat::from_the_start());
        }
        if let Some(creator) = conversation.seats.get_mut(&first.sender) {
            creator.role = Role::Owner;
        }
        let published = self.append_message(id, first);
        Ok(NewGroupMade { title, published })
    }

    fn takable(&self, name: &Name) -> StoreResult<Name> {
        match self.names.get(name) {
            _ if name.reserved() => Err(refuse::reserved_name(name)),
            None | Some(Named::Freed(_)) => Ok(name.clone()),
            Some(_) => Err(refuse::name_taken(name)),
        }
    }

    fn free_name(&self, title: Option<&str>, names: &[&Name]) -> Name {
        let mut free = naming::candidates(title, names)
            .filter(|name| !name.reserved() && !self.names.contains_key(name));
        match free.next() {
            Some(name) => name,
            None => unreachable!("the candidates are endless, and the names taken are not"),
        }
    }

    fn record(&self, id: ConversationId, viewer: UserId) -> Option<GroupRecord> {
        let conversation = self.conversation(id);
        Some(GroupRecord {
            name: conversation.name.clone()?,
            title: conversation.title.clone(),
            public: conversation.public(),
            members: conversation.members().len(),
            role: conversation.seat(viewer).map(|seat| seat.role),
            last_seq: conversation.last_seq(),
        })
    }

    /// The groups whose names hold, by name, as somebody sees them.
    fn records(&self, viewer: UserId) -> impl Iterator<Item = GroupRecord> {
        self.names.values().filter_map(move |named| match named {
            Named::Group(id) => self.record(*id, viewer),
            _ => None,
        })
    }

    pub(super) fn groups(&self, user: UserId) -> Vec<GroupRecord> {
        self.records(user)
            .filter(|group| group.role.is_some())
            .collect()
    }

    pub(super) fn public_topics(
        &self,
        user: UserId,
        query: &str,
        limit: usize,
    ) -> Vec<GroupRecord> {
        let query = query.to_lowercase();
        let found = self.records(user);
        let mut found: Vec<_> = found
            .filter(|group| group.public && group.name.as_str().contains(&query))
            .collect();
        found.sort_by_key(|group| !group.name.as_str().starts_with(&query));
        found.truncate(limit);
        found
    }

    pub(super) fn group(&self, user: UserId, name: &Name) -> StoreResult<GroupRecord> {
        let found = match self.names.get(name) {
            Some(Named::Group(id)) => self.record(*id, user),
            _ => None,
        };
        found
            .filter(|group| group.public || group.role.is_some())
            .ok_or_else(|| refuse::no_such_topic(&Topic::from(name.clone())))
    }
}

impl Seat {
    /// A member from the beginning.
    pub(super) const fn from_the_start() -> Self {
        Self {
            role: Role::Member,
            first_seq: Seq(1),
            first_rev: Rev(1),
            joined_rev: Rev(1),
            joined_order: 0,
            left: None,
            read_seq: Seq(0),
            delivered_seq: Seq(0),
        }
    }
}

impl Conversation {
    /// Gives somebody a place, the last in the order of joining.
    pub(super) fn take(&mut self, user: UserId, seat: Seat) {
        self.joins += 1;
        let joined_order = self.joins;
        self.seats.insert(
            user,
            Seat {
                joined_order,
                ..seat
            },
        );
    }
}
