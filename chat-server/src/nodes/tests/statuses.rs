//! Statuses in the room of nodes.

use super::*;
use crate::limits::NODE_STATUSES_KEPT;

#[test]
fn r03_a_status_is_told_on_every_node_wherever_it_is_set() {
    let mut room = Room::of(3);
    room.arrive(0, ANN);
    room.settle();
    for setter in 0..3 {
        room.turns.iter_mut().for_each(Vec::clear);
        room.set_status(setter, ANN);
        room.carry();
        for node in 0..3 {
            assert_eq!(room.told(node), [set(ANN)], "set on {setter}");
        }
    }
    room.set_status(1, BEN);
    room.settle();
    assert_eq!(room.told(0), [], "ben is nowhere");
}

#[test]
fn r03_a_lost_status_is_missed_at_the_next_beat_and_told() {
    let mut room = Room::of(2);
    room.arrive(0, ANN);
    room.set_status(0, ANN);
    room.settle();
    assert_eq!(room.told(1), [came(ANN), set(ANN)]);
    room.set_status(0, ANN);
    room.take_outputs();
    room.wire.clear();
    room.pass(NODE_BEAT_SOON_MS + NODE_GAP_MS + 300);
    assert_eq!(room.told(1), [set(ANN)], "once");
    room.arrive(0, BEN);
    room.take_outputs();
    room.wire.clear();
    room.pass(NODE_BEAT_SOON_MS + NODE_GAP_MS + 300);
    assert_eq!(room.told(1), [came(BEN)], "the status was told before");
}

#[test]
fn r03_of_too_many_statuses_the_oldest_are_forgotten() {
    let mut room = Room::of(2);
    let many = i64::try_from(NODE_STATUSES_KEPT).expect("a number") + 1;
    for user in 1..=many {
        room.arrive(1, UserId(user));
    }
    room.settle();
    room.told(1);
    for user in (1..=many).chain([2]) {
        room.set_status(0, UserId(user));
    }
    room.take_outputs();
    room.wire.clear();
    room.settle();
    let told: Vec<UserId> = room.told(1).iter().map(Turn::user).collect();
    let kept: Vec<UserId> = (3..=many).chain([2]).map(UserId).collect();
    assert_eq!(told, kept);
}

#[test]
fn r03_a_status_is_told_that_was_said_before_its_node_was_known() {
    let mut room = Room::of(1);
    room.arrive(0, ANN);
    room.settle();
    room.told(0);
    let setter = NodeId(9);
    let mut other = Nodes::new(setter, GRACE_MS);
    other.handle_bus(true, at(room.ms));
    other.handle_status(ANN, name(ANN), at(room.ms));
    let words: Vec<Word> = std::iter::from_fn(|| other.poll_output())
        .filter_map(|output| match output {
            Output::Say(word) => Some(word),
            _ => None,
        })
        .skip(1)
        .collect();
    assert!(matches!(words[..], [Word::Status(_)]), "{words:?}");
    // Its first beat was lost; the next comes behind the status.
    let beat = Word::Beat {
        version: 1,
        people: 0,
        wall: at(room.ms).wall,
    };
    for word in words.into_iter().chain([beat]) {
        room.nodes[0].handle_word(setter, word, at(room.ms));
    }
    room.ms += NODE_GAP_MS;
    let now = at(room.ms);
    room.nodes[0].handle_timeout(now);
    room.take_outputs();
    assert!(room.wire.contains(&(NodeId(1), Word::Ask { of: setter })));
}
