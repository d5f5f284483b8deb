//! Who is there, over several nodes: told once, whoever comes or goes wherever, and also when a node dies.

use std::time::Duration;

use chat_proto::action::PresenceOf;
use chat_proto::event::PresenceChanged;
use chat_proto::{Action, Event, Name, PresenceState};
use chat_tests::{Cluster, Person, TestClient, skip};
use tokio::time::Instant;

use crate::world::{sockets, started};

async fn change_of(socket: &mut TestClient, name: &str) -> PresenceChanged {
    let change = socket.expect(|event| match event {
        Event::Presence(change) if change.name.as_str() == name => Some(change.clone()),
        _ => None,
    });
    change.await
}

async fn state_of(socket: &mut TestClient, name: &str) -> PresenceState {
    let names = vec![Name::parse(name).expect("a name")];
    match socket.request(Action::Presence(PresenceOf { names })).await {
        Event::PresenceList(list) => list.users[0].state,
        other => panic!("instead of presences came {other:?}"),
    }
}

fn told(events: &[Event]) -> Vec<&PresenceChanged> {
    let told = events.iter().filter_map(|event| match event {
        Event::Presence(change) => Some(change),
        _ => None,
    });
    told.collect()
}

/// Ann, ben and others in one group, so that they are told of each other.
async fn friends<const N: usize>(cluster: &Cluster, names: [&str; N]) -> [Person; N] {
    let people = cluster.people(names).await;
    people[0]
        .make_group("ops", &people[1..].iter().collect::<Vec<_>>())
        .await;
    people
}

#[tokio::test]
async fn r01_online_with_the_first_connection_on_any_node_and_offline_with_the_last() {
    let Some(cluster) = started(Cluster::setup(2).arg("--presence-grace=0")).await else {
        return;
    };
    let [ann, ben] = friends(&cluster, ["ann", "ben"]).await;
    let [mut a, b] = sockets(&cluster, [(&ann, 0), (&ben, 1)]).await;
    assert_eq!(change_of(&mut a, "ben").await.state, PresenceState::Online);
    assert_eq!(state_of(&mut a, "ben").await, PresenceState::Online);
    // A second connection, on her node, and the first one goes: nothing of it is told.
    let [mut b_too] = sockets(&cluster, [(&ben, 0)]).await;
    b.close().await;
    b_too.send("ann", "fence").await;
    a.expect_text("fence").await;
    assert!(told(&a.until_roundtrip().await).is_empty());
    b_too.close().await;
    let change = change_of(&mut a, "ben").await;
    assert_eq!(change.state, PresenceState::Offline);
    assert!(change.last_seen.is_some());
    assert_eq!(state_of(&mut a, "ben").await, PresenceState::Offline);
}

#[tokio::test]
async fn r02_who_moves_to_another_node_does_not_flap() {
    let Some(cluster) = started(Cluster::setup(2).arg("--presence-grace=2")).await else {
        return;
    };
    let [ann, ben] = friends(&cluster, ["ann", "ben"]).await;
    let [mut a, mut b] = sockets(&cluster, [(&ann, 0), (&ben, 1)]).await;
    change_of(&mut a, "ben").await;
    for round in 0..6 {
        drop(b);
        b = cluster.on(round % 2, &ben).connect().await;
        b.send("ann", &format!("fence {round}")).await;
        a.expect_text(&format!("fence {round}")).await;
    }
    assert!(told(&a.until_roundtrip().await).is_empty());
    drop(b);
    // The first thing told of ben after all this is that he went, once the grace is over.
    assert_eq!(change_of(&mut a, "ben").await.state, PresenceState::Offline);
}

#[tokio::test]
async fn r03_a_status_set_on_one_node_is_told_on_all() {
    let Some(cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann, ben, cat] = cluster.people(["ann", "ben", "cat"]).await;
    ann.make_group("ops", &[&ben, &cat]).await;
    let [mut a, mut c, mut b, mut b_too] =
        sockets(&cluster, [(&ann, 0), (&cat, 1), (&ben, 1), (&ben, 0)]).await;
    b_too
        .say(r#"{"action":"status","state":"dnd","text":"in a meeting","id":"s"}"#)
        .await;
    for socket in [&mut a, &mut c, &mut b, &mut b_too] {
        let state = socket.expect(|event| match event {
            Event::Presence(change) if change.name == "ben".parse().expect("a name") => {
                (change.state != PresenceState::Online).then_some(change.state)
            }
            _ => None,
        });
        assert_eq!(state.await, PresenceState::Dnd);
    }
}

#[tokio::test]
async fn r03_who_comes_later_to_a_node_sees_who_was_there_before() {
    let Some(mut cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann, ben] = friends(&cluster, ["ann", "ben"]).await;
    let [_b] = sockets(&cluster, [(&ben, 0)]).await;
    cluster.nodes[1].kill9().await;
    cluster.nodes[1].restart().await;
    let [mut a] = sockets(&cluster, [(&ann, 1)]).await;
    chat_tests::eventually("a new node knows who is at the others", async || {
        (state_of(&mut a, "ben").await == PresenceState::Online).then_some(())
    })
    .await;
}

#[tokio::test]
async fn r01_strangers_on_another_node_are_told_nothing() {
    let Some(cluster) = started(Cluster::setup(2).arg("--presence-grace=0")).await else {
        return;
    };
    let [ann, ben] = friends(&cluster, ["ann", "ben"]).await;
    let eve = cluster.person("eve").await;
    let [mut a, mut e, b] = sockets(&cluster, [(&ann, 0), (&eve, 0), (&ben, 1)]).await;
    change_of(&mut a, "ben").await;
    b.close().await;
    change_of(&mut a, "ben").await;
    assert!(told(&e.until_roundtrip().await).is_empty());
    assert_eq!(state_of(&mut e, "ben").await, PresenceState::Offline);
}

#[tokio::test]
async fn r02_presence_is_made_good_after_the_bus_was_away() {
    let setup = Cluster::setup(2).wires().arg("--presence-grace=0");
    let Some(cluster) = started(setup).await else {
        return;
    };
    let [ann, ben, cat] = friends(&cluster, ["ann", "ben", "cat"]).await;
    let [mut a, b] = sockets(&cluster, [(&ann, 0), (&ben, 1)]).await;
    assert_eq!(change_of(&mut a, "ben").await.state, PresenceState::Online);
    cluster.bus_wire(1).cut();
    crate::world::until_ready(&cluster, 1, "bus", "down").await;
    b.close().await;
    let [_c] = sockets(&cluster, [(&cat, 1)]).await;
    cluster.bus_wire(1).heal();
    let soon = Duration::from_secs(20);
    let told = tokio::time::timeout(soon, async {
        assert_eq!(change_of(&mut a, "ben").await.state, PresenceState::Offline);
        assert_eq!(change_of(&mut a, "cat").await.state, PresenceState::Online);
    });
    told.await.expect("made good by the next beat");
}

#[tokio::test]
async fn c04_a_node_that_is_drained_tells_of_its_people_at_once() {
    let Some(mut cluster) = started(Cluster::setup(2).arg("--presence-grace=1")).await else {
        return;
    };
    let [ann, ben] = friends(&cluster, ["ann", "ben"]).await;
    let [mut a, _b] = sockets(&cluster, [(&ann, 0), (&ben, 1)]).await;
    change_of(&mut a, "ben").await;
    assert!(cluster.nodes[1].terminate().await.success());
    assert_eq!(change_of(&mut a, "ben").await.state, PresenceState::Offline);
}

#[tokio::test]
async fn c04_the_people_of_a_node_that_died_are_offline_within_its_lease() {
    if std::env::var_os("CHAT_TESTS_SLOW").is_none() {
        skip(
            "c04, the lease",
            "it takes a minute; set CHAT_TESTS_SLOW to run it",
        );
        return;
    }
    let Some(mut cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [ann, ben, cat] = friends(&cluster, ["ann", "ben", "cat"]).await;
    let [mut a, _b, _c] = sockets(&cluster, [(&ann, 0), (&ben, 1), (&cat, 1)]).await;
    change_of(&mut a, "ben").await;
    change_of(&mut a, "cat").await;
    let died = Instant::now();
    cluster.nodes[1].kill9().await;
    // Cat resumes at once at the other node, and nobody is told that she was away.
    let [mut c] = sockets(&cluster, [(&cat, 0)]).await;
    c.roundtrip().await;
    let lease = Duration::from_secs(45 + 5 + 5);
    let offline = tokio::time::timeout(lease, async {
        loop {
            match a.next_or_end().await {
                Some(Event::Presence(change)) => return change,
                Some(_) => {}
                None => panic!("the other node ended"),
            }
        }
    });
    let change = offline.await.expect("within the lease");
    assert_eq!(
        (change.name.as_str(), change.state),
        ("ben", PresenceState::Offline)
    );
    println!("told after {:?}", died.elapsed());
    assert!(
        told(&a.until_roundtrip().await).is_empty(),
        "cat was never away"
    );
    assert_eq!(state_of(&mut a, "cat").await, PresenceState::Online);
}

#[tokio::test]
async fn r06_a_user_of_big_groups_who_comes_back_sets_off_no_storm() {
    const GROUPS: usize = 10;
    let Some(cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let people = cluster
        .people(["ann", "ben", "cat", "dan", "eve", "fay", "guy", "hal"])
        .await;
    let [ann, others @ ..] = &people;
    let all: Vec<&Person> = others.iter().collect();
    for n in 0..GROUPS {
        ann.make_group(&format!("group{n}"), &all).await;
    }
    let mut friends = Vec::new();
    for (n, person) in others.iter().enumerate() {
        friends.push(cluster.on(n % 2, person).connect().await);
    }
    let [mut a] = sockets(&cluster, [(ann, 0)]).await;
    for friend in &mut friends {
        change_of(friend, "ann").await;
        friend.until_roundtrip().await;
    }
    // She comes back again and again within the grace, here and there: her friends hear nothing at all of it.
    let before = cluster.bus.nats().clients().await;
    let before: u64 = before.iter().map(|one| one.out_msgs).sum();
    for round in 0..10 {
        drop(a);
        a = cluster.on(round % 2, ann).connect().await;
        a.roundtrip().await;
    }
    let after = cluster.bus.nats().clients().await;
    let after: u64 = after.iter().map(|one| one.out_msgs).sum();
    assert!(
        after - before <= 100,
        "{} words between two nodes for 10 returns",
        after - before
    );
    a.send("group0", "fence").await;
    for friend in &mut friends {
        friend.expect_text("fence").await;
        assert!(told(&friend.until_roundtrip().await).is_empty());
    }
}
