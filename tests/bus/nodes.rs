//! What holds between nodes on a bus that is kind.

use std::collections::HashSet;
use std::sync::Arc;

use chat_proto::{Body, Mark, MessageId, Rev, Seq, Time, UserRef};
use chat_server::bus::local::LocalBus;
use chat_server::bus::{Bus, MarkNotice, Notice, TypingNotice};
use chat_server::change::{Address, Change, ConversationId, Place, UserId, What};
use chat_server::mailbox::Ending;
use chat_server::router::Router;
use chat_tests::{eventually, soon};

use crate::world::{Connection, World, name, session};

pub(crate) const ANN: UserId = UserId(1);
pub(crate) const BEN: UserId = UserId(2);

pub(crate) fn typing(conversation: i64) -> Notice {
    Notice::Typing(TypingNotice {
        conversation: ConversationId(conversation),
        address: Address::Group(name("ops")),
        by: UserId(99),
        name: name("zoe"),
    })
}

pub(crate) fn change(rev: u64, text: &str) -> Arc<Change> {
    change_in(1, rev, text)
}

pub(crate) fn change_in(conversation: i64, rev: u64, text: &str) -> Arc<Change> {
    let what = What::Message {
        seq: Seq(rev),
        id: MessageId::generate(),
        sender: ANN,
        from: UserRef {
            name: name("ann"),
            display_name: "Ann".to_owned(),
        },
        body: Box::new(Body::text(text)),
    };
    Arc::new(Change::new(
        Place::default(),
        ConversationId(conversation),
        Address::Group(name("ops")),
        Rev(rev),
        Time::from_micros(1_790_000_000_000_000),
        what,
    ))
}

/// Waits for a notice of typing, and tells in which conversation.
pub(crate) async fn heard_typing(connection: &Connection) -> i64 {
    connection
        .hears(|inbox| inbox.typing.first().map(|typing| typing.conversation.0))
        .await
}

pub(crate) async fn alone() {
    let router = Arc::new(Router::default());
    let bus = LocalBus::new(router.clone());
    let guard = router.join(ANN, session(1, "a")).unwrap();
    let _interest = bus.attend(ANN).await;
    bus.publish([ANN, BEN].into(), &Notice::Change(change(1, "hi")));
    assert_eq!(guard.mailbox.take().changes.len(), 1);
    bus.publish([ANN].into(), &Notice::SessionEnded(session(1, "a")));
    assert_eq!(guard.mailbox.ending(), Some(Ending::SessionEnded));
    assert!(bus.reliable() && bus.elsewhere(ANN).await.is_empty());
}

pub(crate) async fn c01_a_notice_reaches_its_user_on_every_node(w: &mut World) {
    let (one, other) = w.pair().await;
    let here = one.connect(1, "a").await;
    let there = other.connect(1, "b").await;
    let bens = other.connect(2, "a").await;
    let published = change(7, "hi");
    one.bus
        .publish([ANN, BEN].into(), &Notice::Change(published.clone()));
    assert_eq!(here.guard.mailbox.take().changes.len(), 1, "at once");
    for connection in [&there, &bens] {
        let came = connection
            .hears(|inbox| inbox.changes.front().cloned())
            .await;
        assert_eq!(came.frame(BEN), published.frame(BEN));
    }
    let moved = MarkNotice {
        conversation: ConversationId(1),
        address: Address::Group(name("ops")),
        by: ANN,
        name: name("ann"),
        mark: Mark::Read,
        seq: Seq(7),
        caused_by: Some(here.guard.tag),
    };
    one.bus.publish([ANN].into(), &Notice::Mark(moved));
    let came = there.hears(|inbox| inbox.marks.into_values().next()).await;
    assert_eq!((came.seq, came.caused_by), (Seq(7), None));
    one.bus.publish([BEN].into(), &typing(3));
    assert_eq!(heard_typing(&bens).await, 3);
    assert!(there.guard.mailbox.take().typing.is_empty(), "not for ann");
}

pub(crate) async fn c01_a_change_of_any_size_arrives_as_it_was(w: &mut World) {
    let (one, other) = w.pair().await;
    let there = other.connect(1, "a").await;
    let texts = ["", "\u{1F600}\n\t\"\\", &"x\"".repeat(32 * 1024)];
    for (rev, text) in (1..).zip(texts) {
        let published = change(rev, text);
        one.bus
            .publish([ANN].into(), &Notice::Change(published.clone()));
        let came = there.hears(|inbox| inbox.changes.front().cloned()).await;
        assert_eq!(came.frame(ANN), published.frame(ANN));
    }
}

pub(crate) async fn c01_two_clusters_on_one_bus_do_not_mix(w: &mut World) {
    let (one, other) = w.pair().await;
    w.another_cluster();
    let stranger = w.node().await;
    let theirs = stranger.connect(1, "a").await;
    let ours = other.connect(1, "a").await;
    one.bus.publish([ANN].into(), &typing(1));
    assert_eq!(heard_typing(&ours).await, 1);
    stranger.bus.publish([ANN].into(), &typing(2));
    assert_eq!(heard_typing(&theirs).await, 2, "and not the other one's");
    assert!(ours.guard.mailbox.take().typing.is_empty());
    assert!(stranger.attendance.others().is_empty());
}

pub(crate) async fn c02_a_node_listens_for_those_who_are_there_and_no_longer(w: &mut World) {
    let (one, other) = w.pair().await;
    let subject = |user: i64| format!("chat.life-1.user.{user}");
    let first = one.connect(1, "a").await;
    let second = one.connect(1, "b").await;
    let elsewhere = other.connect(2, "a").await;
    let heard = w.subscriptions().await;
    assert!(heard.contains(&subject(1)) && heard.contains(&subject(2)));
    assert!(!heard.contains(&subject(3)), "{heard:?}");
    drop(first);
    drop(elsewhere);
    eventually("who left is not listened for", async || {
        let heard = w.subscriptions().await;
        (heard.contains(&subject(1)) && !heard.contains(&subject(2))).then_some(())
    })
    .await;
    other.bus.publish([ANN].into(), &typing(4));
    assert_eq!(heard_typing(&second).await, 4);
}

pub(crate) async fn c03_what_is_published_while_the_bus_is_away_is_dropped_at_once(w: &mut World) {
    let (one, _other) = w.pair().await;
    let here = one.connect(1, "a").await;
    w.kill();
    // Far more than fits into any queue, and nobody waits.
    let publish = async {
        for number in 1..=50_000 {
            one.bus.publish([ANN, BEN].into(), &typing(number));
        }
    };
    soon("publishing", publish).await;
    assert_eq!(heard_typing(&here).await, 1);
    one.is_there(false).await;
    let connected = soon("a connection while the bus is away", one.connect(2, "a"));
    drop(connected.await);
}

pub(crate) async fn c03_a_bus_that_comes_back_is_heard_again_without_anybodys_help(w: &mut World) {
    let (one, other) = w.pair().await;
    let before = other.connect(1, "a").await;
    w.kill();
    one.is_there(false).await;
    other.is_there(false).await;
    let meanwhile = other.connect(2, "a").await;
    w.restart().await;
    one.is_there(true).await;
    other.is_there(true).await;
    for (user, connection) in [(ANN, &before), (BEN, &meanwhile)] {
        // A connection of before is subscribed to a moment after the bus is there.
        eventually("the bus carries again", async || {
            one.bus.publish([user].into(), &typing(5));
            let typing = connection.guard.mailbox.take().typing;
            (!typing.is_empty()).then_some(())
        })
        .await;
    }
}

pub(crate) async fn c03_a_bus_that_is_away_at_the_start_is_found_later(w: &mut World) {
    w.kill();
    let url = w.url();
    let node = w.start(&url).await.unwrap();
    node.is_there(false).await;
    let here = node.connect(1, "a").await;
    node.bus.publish([ANN].into(), &typing(6));
    assert_eq!(heard_typing(&here).await, 6);
    w.restart().await;
    node.is_there(true).await;
    let other = w.node().await;
    node.knows(&other).await;
}

pub(crate) async fn a05_the_end_of_a_session_reaches_its_connections_and_no_others(w: &mut World) {
    let (one, other) = w.pair().await;
    let ended = other.connect(1, "a").await;
    let stays = other.connect(1, "b").await;
    one.bus
        .publish([ANN].into(), &Notice::SessionEnded(session(1, "a")));
    eventually("the session ends", async || ended.guard.mailbox.ending()).await;
    assert_eq!(stays.guard.mailbox.ending(), None);
}

pub(crate) async fn a05_the_other_nodes_say_who_is_connected_there(w: &mut World) {
    let (one, other) = w.pair().await;
    let third = w.node().await;
    one.knows(&third).await;
    let _a = other.connect(1, "a").await;
    let _b = third.connect(1, "b").await;
    let _c = one.connect(1, "c").await;
    let _d = other.connect(2, "d").await;
    let found = one.bus.elsewhere(ANN).await;
    assert_eq!(found, HashSet::from([session(1, "a"), session(1, "b")]));
    assert!(one.bus.elsewhere(UserId(3)).await.is_empty());
}

pub(crate) async fn r01_arrivals_and_departures_are_known_on_every_node(w: &mut World) {
    let (one, other) = w.pair().await;
    let arrival = one.attendance.arrive(ANN, &name("ann"));
    eventually("ann is there", async || {
        other.attendance.online(ANN).then_some(())
    })
    .await;
    let late = w.node().await;
    eventually("who comes later knows", async || {
        late.attendance.online(ANN).then_some(())
    })
    .await;
    drop(arrival);
    for node in [&other, &late] {
        eventually("ann is gone", async || {
            (!node.attendance.online(ANN)).then_some(())
        })
        .await;
    }
}

pub(crate) async fn c04_a_farewell_is_heard(w: &mut World) {
    let (one, other) = w.pair().await;
    one.bus.stop().await;
    eventually("the node is gone", async || {
        other.attendance.others().is_empty().then_some(())
    })
    .await;
}
