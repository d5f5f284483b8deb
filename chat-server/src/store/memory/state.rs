//! What the reference keeps: people, names, and a log for each conversation.

use std::collections::BTreeMap;
use std::sync::Arc;

use chat_proto::message::Body;
use chat_proto::{ConversationKind, MessageId, Name, Rev, Role, Seq, SessionId, Time, UserRef};

use crate::change::{Address, Change, ConversationId, Place, UserId, What};
use crate::store::codes::Named;
use crate::store::stamp::Stamps;
use crate::store::{
    Account, Committed, Fingerprint, Invite, NewTicket, Session, SigningKey, Standing,
};

pub(super) struct Person {
    pub(super) account: Account,
    pub(super) password_hash: String,
    pub(super) standing: Standing,
}

/// A membership; it stays when it ends, for the devices that are to be told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    pub(super) role: Role,
    pub(super) first_seq: Seq,
    pub(super) first_rev: Rev,
    pub(super) joined_rev: Rev,
    /// Grows with each joining of the conversation.
    pub(super) joined_order: u64,
    pub(super) left: Option<Left>,
    pub(super) read_seq: Seq,
    pub(super) delivered_seq: Seq,
}

/// Where a conversation stood when a member left it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    pub(super) seq: Seq,
    pub(super) rev: Rev,
}

pub(super) enum Kept {
    Message {
        seq: Seq,
        id: MessageId,
        sender: UserId,
        body: Box<Body>,
    },
    Join(UserId),
    Leave(UserId),
    Role(UserId, Role),
}

/// A change, with the members whom it concerned.
pub(super) struct Row {
    pub(super) place: Place,
    pub(super) at: Time,
    pub(super) kept: Kept,
    pub(super) members: Arc<[UserId]>,
}

pub(super) struct Conversation {
    pub(super) kind: ConversationKind,
    /// Who it is between, ascending, if it is direct.
    pub(super) sides: Option<(UserId, UserId)>,
    /// The name, if it is a group.
    pub(super) name: Option<Name>,
    pub(super) title: String,
    pub(super) creator: Option<UserId>,
    /// The change with `rev` n is at n - 1.
    pub(super) log: Vec<Row>,
    /// Where in the log the message with `seq` n is, at n - 1.
    pub(super) messages: Vec<usize>,
    pub(super) seats: BTreeMap<UserId, Seat>,
    pub(super) joins: u64,
}

impl Conversation {
    pub(super) fn last_seq(&self) -> Seq {
        Seq(self.messages.len() as u64)
    }

    pub(super) fn rev(&self) -> Rev {
        Rev(self.log.len() as u64)
    }

    pub(super) fn public(&self) -> bool {
        self.kind == ConversationKind::Public
    }

    pub(super) fn last_message(&self) -> Option<&Row> {
        self.messages.last().map(|index| &self.log[*index])
    }

    /// The membership of a user that holds.
    pub(super) fn seat(&self, user: UserId) -> Option<&Seat> {
        self.seats.get(&user).filter(|seat| seat.left.is_none())
    }

    pub(super) fn members(&self) -> Vec<UserId> {
        let seated = self.seats.iter().filter(|(_, seat)| seat.left.is_none());
        seated.map(|(user, _)| *user).collect()
    }

    /// How many messages up to a number are a user's own.
    pub(super) fn own_up_to(&self, user: UserId, seq: Seq) -> u64 {
        let own = self.messages.iter().map(|index| &self.log[*index].kept);
        own.filter(|kept| {
            matches!(kept, Kept::Message { seq: at, sender, .. } if *sender == user && *at <= seq)
        })
        .count() as u64
    }
}

/// A message by its sender's id.
pub(super) struct Sent {
    pub(super) conversation: ConversationId,
    pub(super) seq: Seq,
    pub(super) fingerprint: Fingerprint,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) people: BTreeMap<UserId, Person>,
    pub(super) names: BTreeMap<Name, Named>,
    pub(super) directs: BTreeMap<(UserId, UserId), ConversationId>,
    pub(super) conversations: BTreeMap<ConversationId, Conversation>,
    pub(super) sent: BTreeMap<(UserId, MessageId), Sent>,
    /// Conversation and `rev` of each change; place n is at n - 1.
    pub(super) feed: Vec<(ConversationId, Rev)>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) stamps: Stamps,
    /// The oldest first.
    pub(super) tickets: Vec<NewTicket>,
    pub(super) invites: BTreeMap<[u8; 32], Invite>,
    pub(super) keys: Vec<SigningKey>,
    /// What the call at hand changed, not yet told.
    pub(super) changes: Vec<Committed>,
}

impl State {
    /// A conversation by an id that this state gave: none was ever taken away.
    pub(super) fn conversation(&self, id: ConversationId) -> &Conversation {
        &self.conversations[&id]
    }

    pub(super) fn conversation_mut(&mut self, id: ConversationId) -> &mut Conversation {
        match self.conversations.get_mut(&id) {
            Some(conversation) => conversation,
            None => {
                unreachable!("ids are given by this state, and conversations are never taken away")
            }
        }
    }

    pub(super) fn begin(&mut self, conversation: Conversation) -> ConversationId {
        let id = ConversationId(self.conversations.len() as i64 + 1);
        self.conversations.insert(id, conversation);
        id
    }

    /// The name of a user that this state made.
    pub(super) fn name(&self, user: UserId) -> Name {
        self.people[&user].account.name.clone()
    }

    pub(super) fn address(&self, conversation: &Conversation) -> Address {
        match (&conversation.sides, &conversation.name) {
            (Some((a, b)), _) => Address::Direct([(*a, self.name(*a)), (*b, self.name(*b))]),
            (None, Some(name)) => Address::Group(name.clone()),
            (None, None) => unreachable!("what is not direct has a name"),
        }
    }

    /// Adds to the log of a conversation; it concerns the members as they are.
    pub(super) fn append(&mut self, id: ConversationId, at: Time, kept: Kept) -> Rev {
        let place = Place::at_row(self.feed.len() as i64 + 1);
        let conversation = self.conversation_mut(id);
        if matches!(kept, Kept::Message { .. }) {
            conversation.messages.push(conversation.log.len());
        }
        let members = conversation.members().into();
        conversation.log.push(Row {
            place,
            at,
            kept,
            members,
        });
        let rev = conversation.rev();
        self.feed.push((id, rev));
        let committed = self.committed(id, rev);
        self.changes.push(committed);
        rev
    }

    pub(super) fn committed(&self, id: ConversationId, rev: Rev) -> Committed {
        let row = &self.conversation(id).log[index(rev)];
        Committed {
            change: Arc::new(self.change(id, rev)),
            members: Arc::clone(&row.members),
        }
    }

    /// A change as it reads at this moment: with the names that people have now.
    pub(super) fn change(&self, id: ConversationId, rev: Rev) -> Change {
        let conversation = self.conversation(id);
        let row = &conversation.log[index(rev)];
        let what = match &row.kept {
            Kept::Message {
                seq,
                id,
                sender,
                body,
            } => What::Message {
                seq: *seq,
                id: id.clone(),
                sender: *sender,
                from: UserRef {
                    name: self.name(*sender),
                    display_name: self.people[sender].account.display_name.clone(),
                },
                body: body.clone(),
            },
            Kept::Join(user) => What::Join {
                user: *user,
                name: self.name(*user),
            },
            Kept::Leave(user) => What::Leave {
                user: *user,
                name: self.name(*user),
            },
            Kept::Role(user, role) => What::Role {
                name: self.name(*user),
                role: *role,
            },
        };
        let address = self.address(conversation);
        Change::new(row.place, id, address, rev, row.at, what)
    }
}

/// Where in a list that begins with number 1 a number is.
fn index(rev: Rev) -> usize {
    usize::try_from(rev.prev().0).unwrap_or(usize::MAX)
}
