//! What the writer remembers of the tables, so that storing a message reads almost nothing.
//!
//! The writer is the only one that writes, so what it remembers is what is there. It forgets everything when a
//! transaction did not come to its end, and a conversation when its members change.

use std::collections::HashMap;
use std::sync::Arc;

use chat_proto::{ConversationKind, Name, Rev, Role, Seq, UserRef};
use rusqlite::{Connection, OptionalExtension};

use super::rows::{self, foreign};
use crate::change::{Address, ConversationId, UserId};
use crate::store::codes::{self, Named, count};

/// Names and people above which the cache starts anew.
const NAMES_MAX: usize = 100_000;
/// Members over all conversations above which the cache starts anew.
const SEATS_MAX: usize = 200_000;

/// Looks a name up in the tables.
pub(super) fn load_name(connection: &Connection, name: &Name) -> rusqlite::Result<Option<Named>> {
    connection
        .prepare_cached("SELECT kind, id FROM names WHERE name = ?1")?
        .query_row([name.as_str()], |row| {
            Named::of(row.get(0)?, row.get(1)?).ok_or_else(|| foreign(0, "kind of name"))
        })
        .optional()
}

/// What a member may do, and from where on they may read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    pub(super) role: Role,
    pub(super) first_seq: Seq,
}

/// A conversation as the writer needs it.
pub(super) struct Open {
    pub(super) kind: ConversationKind,
    pub(super) address: Address,
    pub(super) last_seq: Seq,
    pub(super) rev: Rev,
    pub(super) seats: HashMap<UserId, Seat>,
    pub(super) members: Arc<[UserId]>,
}

impl Open {
    fn load(connection: &Connection, id: ConversationId) -> rusqlite::Result<Self> {
        let (kind, last_seq, rev) = connection
            .prepare_cached("SELECT kind, last_seq, rev FROM conversations WHERE id = ?1")?
            .query_row([id.0], |row| {
                let kind = codes::kind(row.get(0)?).ok_or_else(|| foreign(0, "kind"))?;
                Ok((kind, Seq(count(row.get(1)?)), Rev(count(row.get(2)?))))
            })?;
        let seats: HashMap<UserId, Seat> = connection
            .prepare_cached(
                "SELECT user, role, first_seq FROM members WHERE conversation = ?1 AND left_rev IS NULL",
            )?
            .query_map([id.0], |row| {
                let role = codes::role(row.get(1)?).ok_or_else(|| foreign(1, "role"))?;
                let first_seq = Seq(count(row.get(2)?));
                Ok((UserId(row.get(0)?), Seat { role, first_seq }))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let mut members: Vec<UserId> = seats.keys().copied().collect();
        members.sort_unstable();
        Ok(Self {
            kind,
            address: rows::address(connection, id)?,
            last_seq,
            rev,
            seats,
            members: members.into(),
        })
    }
}

#[derive(Default)]
pub(super) struct Cache {
    names: HashMap<Name, Named>,
    people: HashMap<UserId, UserRef>,
    directs: HashMap<(UserId, UserId), ConversationId>,
    conversations: HashMap<ConversationId, Open>,
    seats: usize,
}

impl Cache {
    pub(super) fn named(
        &mut self,
        connection: &Connection,
        name: &Name,
    ) -> rusqlite::Result<Option<Named>> {
        if let Some(known) = self.names.get(name) {
            return Ok(Some(*known));
        }
        let named = load_name(connection, name)?;
        if let Some(named) = named {
            if self.names.len() >= NAMES_MAX {
                self.names.clear();
            }
            self.names.insert(name.clone(), named);
        }
        Ok(named)
    }

    pub(super) fn person(
        &mut self,
        connection: &Connection,
        user: UserId,
    ) -> rusqlite::Result<UserRef> {
        if let Some(known) = self.people.get(&user) {
            return Ok(known.clone());
        }
        let person = connection
            .prepare_cached("SELECT name, display_name FROM users WHERE id = ?1")?
            .query_row([user.0], |row| {
                Ok(UserRef {
                    name: rows::name_at(row, 0)?,
                    display_name: row.get(1)?,
                })
            })?;
        if self.people.len() >= NAMES_MAX {
            self.people.clear();
        }
        self.people.insert(user, person.clone());
        Ok(person)
    }

    /// The direct conversation of two, if they have one. `sides` are in ascending order.
    pub(super) fn direct(
        &mut self,
        connection: &Connection,
        sides: (UserId, UserId),
    ) -> rusqlite::Result<Option<ConversationId>> {
        if let Some(known) = self.directs.get(&sides) {
            return Ok(Some(*known));
        }
        let found = connection
            .prepare_cached("SELECT id FROM conversations WHERE a = ?1 AND b = ?2")?
            .query_row([sides.0.0, sides.1.0], |row| row.get(0).map(ConversationId))
            .optional()?;
        if let Some(id) = found {
            if self.directs.len() >= NAMES_MAX {
                self.directs.clear();
            }
            self.directs.insert(sides, id);
        }
        Ok(found)
    }

    pub(super) fn conversation(
        &mut self,
        connection: &Connection,
        id: ConversationId,
    ) -> rusqlite::Result<&mut Open> {
        use std::collections::hash_map::Entry;
        if self.seats > SEATS_MAX && !self.conversations.contains_key(&id) {
            self.conversations.clear();
            self.seats = 0;
        }
        match self.conversations.entry(id) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => {
                let open = Open::load(connection, id)?;
                self.seats += open.seats.len();
                Ok(place.insert(open))
            }
        }
    }

    pub(super) fn forget_conversation(&mut self, id: ConversationId) {
        if let Some(open) = self.conversations.remove(&id) {
            self.seats -= open.seats.len();
        }
    }

    pub(super) fn forget_name(&mut self, name: &Name) {
        self.names.remove(name);
    }

    pub(super) fn forget_person(&mut self, user: UserId) {
        self.people.remove(&user);
    }
}
