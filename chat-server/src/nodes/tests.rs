//! Several nodes in one room, with a wire that loses, doubles and reorders what they say.

use super::*;
use crate::limits::NODE_GAP_MS;

mod room;
mod statuses;

use self::room::Room;

const ANN: UserId = UserId(1);
const BEN: UserId = UserId(2);
const GRACE_MS: u64 = 5_000;

fn name(user: UserId) -> Name {
    format!("user{}", user.0).parse().expect("a name")
}

fn at(ms: u64) -> Moment {
    Moment {
        now: Millis(ms),
        wall: Time::from_micros(1_790_000_000_000_000 + i64::try_from(ms).expect("small") * 1_000),
    }
}

fn set(user: UserId) -> Turn {
    Turn::Set(user, name(user))
}

fn came(user: UserId) -> Turn {
    Turn::Came(user, name(user))
}

fn who_went(turns: &[Turn]) -> Vec<UserId> {
    turns
        .iter()
        .map(|turn| match turn {
            Turn::Went(user, ..) => *user,
            Turn::Came(..) | Turn::Set(..) => panic!("others than those who went: {turns:?}"),
        })
        .collect()
}

#[test]
fn r01_every_node_tells_its_own_connections_who_came_and_went() {
    let mut room = Room::of(3);
    room.arrive(0, ANN);
    room.carry();
    for node in 0..3 {
        assert_eq!(room.told(node), [came(ANN)]);
        assert!(room.nodes[node].online(ANN));
    }
    room.depart(0, ANN);
    room.carry();
    for node in 0..3 {
        let told = room.told(node);
        let last_seen = Some(at(room.ms).wall);
        assert_eq!(told, [Turn::Went(ANN, name(ANN), last_seen)]);
    }
    let written = Output::LastSeen(ANN, at(room.ms).wall);
    let written = room.others.iter().filter(|other| **other == written);
    assert_eq!(written.count(), 1, "by the node where she was");
}

#[test]
fn r03_who_leaves_two_nodes_at_one_moment_is_written_down() {
    let mut room = Room::of(2);
    room.arrive(0, ANN);
    room.arrive(1, ANN);
    room.settle();
    room.told(0);
    room.told(1);
    room.others.clear();
    room.depart(0, ANN);
    room.depart(1, ANN);
    room.carry();
    let written = Output::LastSeen(ANN, at(room.ms).wall);
    assert!(room.others.contains(&written));
    assert_eq!(who_went(&room.told(0)), [ANN]);
    assert_eq!(who_went(&room.told(1)), [ANN]);
}

#[test]
fn r02_who_moves_from_node_to_node_shows_no_flap() {
    let mut room = Room::of(2);
    room.arrive(0, ANN);
    room.carry();
    room.told(0);
    room.told(1);
    room.arrive(1, ANN);
    room.carry();
    room.depart(0, ANN);
    room.settle();
    assert_eq!((room.told(0), room.told(1)), (vec![], vec![]));
    assert!(room.nodes[0].online(ANN));
}

#[test]
fn c04_a_dead_node_takes_its_people_with_it_within_the_lease() {
    let mut room = Room::of(3);
    room.arrive(0, ANN);
    room.arrive(0, BEN);
    room.arrive(1, BEN);
    room.settle();
    room.told(1);
    let last_word = room.ms;
    room.kill(0);
    room.told(0);
    room.pass(NODE_LEASE_MS - 2 * NODE_BEAT_MS);
    assert_eq!(room.told(0), [], "four beats may be lost");
    room.pass(2 * NODE_BEAT_MS);
    let told = room.told(0);
    assert_eq!(who_went(&told), [ANN], "ben is elsewhere");
    let Turn::Went(_, _, Some(last_seen)) = &told[0] else {
        panic!("it is known when: {told:?}")
    };
    assert!(*last_seen <= at(last_word).wall, "not later than heard of");
    let written = Output::LastSeen(ANN, *last_seen);
    assert!(room.others.contains(&written), "the dead do not write");
    assert!(room.nodes[0].online(BEN) && !room.nodes[1].online(ANN));
}

#[test]
fn c04_a_node_that_says_farewell_leaves_its_people_the_grace_to_come_back() {
    let mut room = Room::of(2);
    room.arrive(0, ANN);
    room.arrive(0, BEN);
    room.settle();
    room.told(1);
    room.wire.push((NodeId(1), Word::Farewell));
    room.carry();
    room.kill(0);
    room.told(0);
    room.arrive(0, ANN);
    room.pass(GRACE_MS - 100);
    assert_eq!(room.told(0), []);
    room.pass(200);
    assert_eq!(who_went(&room.told(0)), [BEN]);
}

#[test]
fn r02_while_the_bus_is_away_the_presence_of_others_stands_still() {
    let mut room = Room::of(2);
    room.arrive(0, ANN);
    room.settle();
    room.told(1);
    let now = at(room.ms);
    room.nodes[1].handle_bus(false, now);
    for _ in 0..20 {
        room.ms += 10_000;
        let now = at(room.ms);
        room.nodes[1].handle_timeout(now);
    }
    assert_eq!(room.told(1), []);
    assert!(room.nodes[1].online(ANN));
    let now = at(room.ms);
    room.nodes[1].handle_bus(true, now);
    room.settle();
    assert_eq!(room.told(1), [], "everybody has their whole time again");
}

#[test]
fn r02_who_was_frozen_does_not_take_its_own_sleep_for_the_silence_of_others() {
    let mut room = Room::of(2);
    room.arrive(0, ANN);
    room.settle();
    room.told(1);
    room.ms += 2 * NODE_LEASE_MS;
    let now = at(room.ms);
    room.nodes[1].handle_timeout(now);
    assert_eq!(room.told(1), []);
    room.settle();
    assert_eq!(room.told(1), []);
}

#[test]
fn c03_a_lost_word_is_missed_at_the_next_beat_and_asked_for() {
    let mut room = Room::of(2);
    room.arrive(0, ANN);
    room.take_outputs();
    room.wire.clear();
    room.carry();
    assert_eq!(room.told(1), []);
    room.pass(NODE_BEAT_SOON_MS + NODE_GAP_MS + 300);
    assert_eq!(room.told(1), [came(ANN)]);
}

#[test]
fn c03_a_beat_that_is_lost_with_the_word_is_followed_by_another() {
    let mut room = Room::of(2);
    room.arrive(0, ANN);
    room.ms += NODE_BEAT_SOON_MS;
    let now = at(room.ms);
    room.nodes[0].handle_timeout(now);
    room.take_outputs();
    assert!(matches!(
        room.wire[..],
        [(_, Word::Came { .. }), (_, Word::Beat { .. })]
    ));
    room.wire.clear();
    room.pass(NODE_BEAT_SOON_MS + NODE_GAP_MS + 300);
    assert_eq!(room.told(1), [came(ANN)]);
    let beats = |room: &mut Room, ms: u64| {
        let mut beats = 0;
        for _ in 0..ms / 100 {
            room.ms += 100;
            let now = at(room.ms);
            room.nodes[0].handle_timeout(now);
            room.take_outputs();
            beats += room.wire.drain(..).count();
        }
        beats
    };
    beats(&mut room, NODE_BEAT_MS);
    assert_eq!(
        beats(&mut room, 10 * NODE_BEAT_MS),
        10,
        "and then it is quiet"
    );
}

#[test]
fn c03_words_that_come_twice_or_in_another_order_change_nothing() {
    let mut room = Room::of(2);
    room.arrive(0, ANN);
    room.depart(0, ANN);
    room.arrive(0, BEN);
    room.take_outputs();
    let words = std::mem::take(&mut room.wire);
    for (from, word) in words.iter().rev().chain(&words) {
        let now = at(room.ms);
        room.nodes[1].handle_word(*from, word.clone(), now);
    }
    let told = room.told(1);
    assert_eq!(told.last(), Some(&came(BEN)));
    assert!(!room.nodes[1].online(ANN) && room.nodes[1].online(BEN));
    room.settle();
    assert_eq!(room.told(1), []);
}

#[test]
fn a_node_that_comes_later_knows_everybody_at_once() {
    let mut room = Room::of(1);
    let many = i64::try_from(2 * NODE_ROLL_PAGE).expect("a number") + 5;
    for user in 1..=many {
        room.arrive(0, UserId(user));
    }
    room.settle();
    room.nodes.push(Nodes::new(NodeId(9), GRACE_MS));
    room.turns.push(Vec::new());
    let now = at(room.ms);
    room.nodes[1].handle_bus(true, now);
    room.carry();
    room.pass(NODE_GAP_MS + 200);
    assert_eq!(room.told(1).len(), 2 * NODE_ROLL_PAGE + 5);
}

#[test]
fn clocks_that_differ_are_told_once() {
    let mut nodes = Nodes::new(NodeId(1), GRACE_MS);
    nodes.handle_bus(true, at(0));
    let beat = Word::Beat {
        version: 0,
        people: 0,
        wall: at(0).wall.plus_seconds(-35),
    };
    nodes.handle_word(NodeId(2), beat.clone(), at(0));
    nodes.handle_word(NodeId(2), beat, at(0));
    let told: Vec<Output> = std::iter::from_fn(|| nodes.poll_output())
        .filter(|output| matches!(output, Output::ClocksApart(..)))
        .collect();
    assert_eq!(told, [Output::ClocksApart(NodeId(2), -35)]);
}

#[test]
fn a_peer_that_lies_about_its_roll_costs_no_memory_and_no_panic() {
    let mut nodes = Nodes::new(NodeId(1), GRACE_MS);
    nodes.handle_bus(true, at(0));
    for (page, pages) in [
        (0, 0),
        (5, 5),
        (7, 2),
        (0, usize::MAX),
        (usize::MAX, usize::MAX),
    ] {
        let word = Word::Roll {
            version: 3,
            page,
            pages,
            people: vec![(ANN, name(ANN))],
            statuses: Vec::new(),
        };
        nodes.handle_word(NodeId(2), word, at(0));
    }
    for version in [0, 1, u64::MAX, u64::MAX - 1] {
        let user = ANN;
        nodes.handle_word(
            NodeId(2),
            Word::Came {
                version,
                user,
                name: name(user),
            },
            at(0),
        );
        let (people, wall) = (usize::MAX, Time::default());
        let beat = Word::Beat {
            version,
            people,
            wall,
        };
        nodes.handle_word(NodeId(2), beat, at(0));
    }
    for node in 0..10_000 {
        nodes.handle_word(NodeId(node), Word::Farewell, at(0));
    }
    assert!(nodes.others().count() <= NODES_MAX);
}

#[test]
fn a_word_that_is_forged_does_not_hide_a_node_for_ever() {
    for forged in [
        Word::Roll {
            version: u64::MAX,
            page: 0,
            pages: 1,
            people: Vec::new(),
            statuses: Vec::new(),
        },
        Word::Beat {
            version: u64::MAX,
            people: 7,
            wall: at(1_000).wall,
        },
    ] {
        let mut room = Room::of(2);
        room.arrive(0, ANN);
        room.settle();
        let now = at(room.ms);
        room.nodes[1].handle_word(NodeId(1), forged, now);
        room.settle();
        room.arrive(0, BEN);
        room.pass(6 * NODE_BEAT_MS);
        assert!(room.nodes[1].online(ANN) && room.nodes[1].online(BEN));
        room.told(1);
        room.set_status(0, BEN);
        room.carry();
        assert_eq!(room.told(1), [set(BEN)]);
    }
}

/// Seeded rooms with a wire that keeps no promise: in the end everybody knows the same.
#[test]
fn c03_whatever_the_wire_does_in_the_end_all_nodes_agree() {
    for seed in 1..=300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut room = Room::of(3);
        let mut here = [[false; 6]; 3];
        // From which turn on each node has yet to tell of a status, or of its owner's coming, at which it is read.
        let mut due = [[None; 6]; 3];
        for _ in 0..400 {
            let node = rng.usize(..3);
            let user = rng.usize(..6);
            let id = UserId(i64::try_from(user).expect("small"));
            match rng.u8(..10) {
                0..4 if here[node][user] => room.depart(node, id),
                0..4 => room.arrive(node, id),
                4 => {
                    let anywhere = room.nodes.iter().any(|node| node.here.contains_key(&id));
                    room.set_status(node, id);
                    for (due, turns) in due.iter_mut().zip(&room.turns) {
                        due[user] = anywhere.then_some(turns.len());
                    }
                }
                _ => {}
            }
            here[node][user] = room.nodes[node].here.contains_key(&id);
            room.ms += rng.u64(..300);
            let moment = at(room.ms);
            room.nodes[node].handle_timeout(moment);
            room.take_outputs();
            for _ in 0..rng.usize(..4) {
                if room.wire.is_empty() {
                    break;
                }
                let (from, word) = room.wire.swap_remove(rng.usize(..room.wire.len()));
                for node in &mut room.nodes {
                    for _ in 0..rng.usize(..3) {
                        node.handle_word(from, word.clone(), moment);
                    }
                }
            }
        }
        room.wire.clear();
        room.pass(4 * NODE_BEAT_MS);
        for (node, due) in due.iter().enumerate() {
            for (user, due) in due.iter().enumerate() {
                let id = UserId(i64::try_from(user).expect("small"));
                let anywhere = here.iter().any(|there| there[user]);
                assert_eq!(
                    room.nodes[node].online(id),
                    anywhere,
                    "seed {seed}, node {node}, user {user}"
                );
                let Some(first) = due.filter(|_| anywhere) else {
                    continue;
                };
                let told = room.turns[node][first..].iter();
                let told = told.filter(|turn| !matches!(turn, Turn::Went(..)));
                assert!(
                    told.map(Turn::user).any(|told| told == id),
                    "seed {seed}: node {node} did not tell the status of {user}"
                );
            }
        }
    }
}

/// Every fault that these tests claim to notice, they do: each is switched on by its name in a process of its own.
#[cfg(feature = "mutants")]
#[test]
fn mutants_are_noticed_by_the_nodes() {
    let table = [
        (
            "silence_is_life",
            "c04_a_dead_node_takes_its_people_with_it_within_the_lease",
        ),
        (
            "nobody_asks_for_the_roll",
            "c03_a_lost_word_is_missed_at_the_next_beat_and_asked_for",
        ),
        (
            "a_forged_count_is_for_ever",
            "a_word_that_is_forged_does_not_hide_a_node_for_ever",
        ),
        (
            "one_beat_must_do",
            "c03_a_beat_that_is_lost_with_the_word_is_followed_by_another",
        ),
        (
            "the_roll_has_no_statuses",
            "statuses::r03_a_lost_status_is_missed_at_the_next_beat_and_told",
        ),
        (
            "the_deaf_judge",
            "r02_while_the_bus_is_away_the_presence_of_others_stands_still",
        ),
        (
            "sleepers_judge",
            "r02_who_was_frozen_does_not_take_its_own_sleep_for_the_silence_of_others",
        ),
        (
            "counts_are_not_looked_at",
            "c03_words_that_come_twice_or_in_another_order_change_nothing",
        ),
    ];
    crate::mutant::noticed("nodes::tests", &table);
}
