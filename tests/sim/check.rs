//! What must hold when all has settled: every device shows what is stored, once, in order, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use chat_proto::{ConversationKind, MessageId, Name, Rev, Seq};
use chat_server::change::{Address, ConversationId, Place, UserId, What};
use chat_server::store::{Committed, Membership, Store};

use crate::bus::Weather;
use crate::device::Device;
use crate::serving::at_once;
use crate::world::World;

/// A stored message.
struct Stored {
    rev: Rev,
    id: MessageId,
    sender: UserId,
    /// Who was a member when it was stored.
    members: Vec<UserId>,
}

/// A conversation as the store has it.
struct Log {
    address: Address,
    messages: BTreeMap<Seq, Stored>,
}

/// Holds the world against its promises.
pub(crate) fn check(world: &World) {
    let feed = at_once(world.store.since(Place::default(), usize::MAX)).expect("the store answers");
    let logs = read_logs(&feed);
    for (at, device) in world.devices.iter().enumerate() {
        check_answers(at, device, world.people[device.user].user, &logs);
        check_screen(at, device, world, &logs);
    }
    check_counts(world, &logs);
}

/// Reads the feed, and finds the numbers dense and the ids unique.
fn read_logs(feed: &[Committed]) -> BTreeMap<ConversationId, Log> {
    let mut logs: BTreeMap<ConversationId, Log> = BTreeMap::new();
    let mut heads: BTreeMap<ConversationId, Rev> = BTreeMap::new();
    let mut ids: BTreeSet<(UserId, MessageId)> = BTreeSet::new();
    for Committed { change, members } in feed {
        let head = heads.entry(change.conversation).or_default();
        assert_eq!(
            change.rev,
            head.next(),
            "the changes of {:?} are dense",
            change.address
        );
        *head = change.rev;
        let log = logs.entry(change.conversation).or_insert_with(|| Log {
            address: change.address.clone(),
            messages: BTreeMap::new(),
        });
        if let What::Message {
            seq, id, sender, ..
        } = &change.what
        {
            let last = log.messages.keys().next_back().copied().unwrap_or_default();
            assert_eq!(
                *seq,
                last.next(),
                "the messages of {:?} are dense",
                change.address
            );
            assert!(ids.insert((*sender, id.clone())), "{id} is stored twice");
            let stored = Stored {
                rev: change.rev,
                id: id.clone(),
                sender: *sender,
                members: members.to_vec(),
            };
            log.messages.insert(*seq, stored);
        }
    }
    logs
}

fn seen_by(logs: &BTreeMap<ConversationId, Log>, user: UserId) -> BTreeMap<&Name, &Log> {
    let concerns = |log: &&Log| match &log.address {
        Address::Group(_) => true,
        Address::Direct(sides) => sides.iter().any(|side| side.0 == user),
    };
    logs.values()
        .filter(concerns)
        .map(|log| (log.address.seen_by(user), log))
        .collect()
}

/// An ack means stored, under that number, in the order of sending; a refusal means not stored; nothing stays open.
fn check_answers(at: usize, device: &Device, user: UserId, logs: &BTreeMap<ConversationId, Log>) {
    let seen = seen_by(logs, user);
    assert!(
        device.unsent.is_empty(),
        "device {at} waits for {:?}",
        device.unsent
    );
    let mut last: BTreeMap<&Name, Seq> = BTreeMap::new();
    for (id, (topic, seq)) in &device.acked {
        let stored = seen.get(topic).and_then(|log| log.messages.get(seq));
        assert!(
            stored.is_some_and(|stored| stored.id == *id && stored.sender == user),
            "{id} was acked as {topic} {seq} and is not there"
        );
        // Ids of a device ascend as it sends.
        let before = last.insert(topic, *seq);
        assert!(
            before < Some(*seq),
            "device {at} sent {id} after {before:?} and it is {seq}"
        );
    }
    for id in &device.refused {
        let stored = logs
            .values()
            .flat_map(|log| log.messages.values())
            .any(|stored| stored.id == *id && stored.sender == user);
        assert!(!stored, "{id} was refused and is stored");
    }
}

/// A screen shows what is stored: ascending, once, nothing from before or after a membership, and all since the joining.
fn check_screen(at: usize, device: &Device, world: &World, logs: &BTreeMap<ConversationId, Log>) {
    let user = world.people[device.user].user;
    let seen = seen_by(logs, user);
    for (topic, shown) in &device.shown {
        let log = seen
            .get(topic)
            .unwrap_or_else(|| panic!("device {at} shows {topic}, which is nothing"));
        let membership = membership(world, user, topic);
        let private = membership
            .as_ref()
            .is_none_or(|m| m.kind == ConversationKind::Group)
            && topic.as_str() != "world";
        for (seq, id) in shown {
            let stored = log
                .messages
                .get(seq)
                .unwrap_or_else(|| panic!("device {at} shows {topic} {seq}, which is not stored"));
            assert_eq!(
                stored.id, *id,
                "device {at} shows another message as {topic} {seq}"
            );
            assert!(
                !private || stored.members.contains(&user),
                "device {at} shows {topic} {seq}, which was not for it"
            );
        }
        assert!(
            shown.is_sorted_by(|a, b| a.0 < b.0),
            "device {at} shows {topic} out of order or twice: {shown:?}"
        );
    }
    for (topic, log) in seen {
        let Some(membership) = membership(world, user, topic) else {
            continue;
        };
        let shown: BTreeSet<Seq> = device
            .shown
            .get(topic)
            .into_iter()
            .flatten()
            .map(|(seq, _)| *seq)
            .collect();
        let due = log.messages.iter().filter(|(seq, stored)| {
            **seq >= membership.first_seq && stored.rev >= membership.joined_rev
        });
        for (seq, stored) in due {
            assert!(
                shown.contains(seq),
                "device {at} lacks {topic} {seq} ({}): {shown:?}",
                stored.id
            );
        }
        if world.weather == Weather::Calm
            && membership.kind == ConversationKind::Direct
            && device.sync.have(topic).is_some()
        {
            let read = device.read.get(topic).copied().unwrap_or_default();
            assert_eq!(
                read, membership.read_seq,
                "device {at} knows another read mark of {topic}"
            );
        }
    }
}

/// Unread by the formula is what a recount gives.
fn check_counts(world: &World, logs: &BTreeMap<ConversationId, Log>) {
    for who in &world.people {
        for (topic, log) in seen_by(logs, who.user) {
            let Some(membership) = membership(world, who.user, topic) else {
                continue;
            };
            let recount = log
                .messages
                .iter()
                .filter(|(seq, stored)| **seq > membership.read_seq && stored.sender != who.user)
                .count();
            assert_eq!(
                membership.unread(),
                recount as u64,
                "{} has another number unread in {topic}",
                who.name
            );
            assert!(
                membership.read_seq <= membership.last_seq,
                "a mark passed the last message"
            );
        }
    }
}

fn membership(world: &World, user: UserId, topic: &Name) -> Option<Membership> {
    let membership = at_once(world.store.membership(user, &topic.clone().into())).ok()?;
    membership.conversation.is_some().then_some(membership)
}
