//! What concerns very many: said once to each node, and told there in its order.

use std::sync::Arc;

use chat_proto::Rev;
use chat_server::bus::Notice;
use chat_server::change::{ConversationId, UserId};
use chat_tests::eventually;

use crate::nodes::{ANN, BEN, change, heard_typing, typing};
use crate::world::{Connection, World};

fn everybody() -> Arc<[UserId]> {
    (1..=1_000).map(UserId).collect()
}

/// Waits until so many changes have come, and gives their numbers.
async fn revs(connection: &Connection, count: usize) -> Vec<u64> {
    let mut revs = Vec::new();
    eventually("changes", async || {
        let changes = connection.guard.mailbox.take().changes;
        revs.extend(changes.iter().map(|change| change.rev.0));
        (revs.len() >= count).then_some(())
    })
    .await;
    revs
}

pub(crate) async fn c01_a_long_message_to_very_many_arrives_and_one_too_long_is_told_by_its_number(
    w: &mut World,
) {
    let (one, other) = w.pair().await;
    let there = other.connect(1, "a").await;
    // What a control character becomes in JSON is the longest.
    let long = change(7, &"\u{1}".repeat(65_536));
    one.bus.publish(everybody(), &Notice::Change(long.clone()));
    let came = there.hears(|inbox| inbox.changes.front().cloned()).await;
    assert_eq!(came.frame(ANN), long.frame(ANN));
    let longer = change(8, &"x".repeat(1_000_000));
    one.bus.publish(everybody(), &Notice::Change(longer));
    let heads = there
        .hears(|inbox| (!inbox.heads.is_empty()).then_some(inbox.heads))
        .await;
    assert_eq!(heads.get(&ConversationId(1)), Some(&Rev(8)));
}

pub(crate) async fn c02_what_concerns_a_crowd_is_heard_where_anybody_is(w: &mut World) {
    let crowd = "chat.life-1.crowd".to_owned();
    let (one, other) = w.pair().await;
    assert!(!w.subscriptions().await.contains(&crowd), "nobody is there");
    let ann = other.connect(1, "a").await;
    let ben = other.connect(2, "a").await;
    let stranger = other.connect(5_000, "a").await;
    assert!(w.subscriptions().await.contains(&crowd));
    one.bus.publish(everybody(), &typing(3));
    assert_eq!(heard_typing(&ann).await, 3);
    assert_eq!(heard_typing(&ben).await, 3);
    one.bus.publish([BEN].into(), &typing(4));
    assert_eq!(heard_typing(&ben).await, 4);
    let inboxes = [&ann, &stranger].map(|one| one.guard.mailbox.take());
    let nothing = inboxes.iter().all(|inbox| inbox.typing.is_empty());
    assert!(nothing, "each once, and only those whom it concerns");
    drop((ann, ben));
    assert!(w.subscriptions().await.contains(&crowd));
    drop(stranger);
    eventually("nobody listens", async || {
        (!w.subscriptions().await.contains(&crowd)).then_some(())
    })
    .await;
}

pub(crate) async fn c03_a_crowd_is_told_in_order_whichever_node_wrote(w: &mut World) {
    let (one, other) = w.pair().await;
    let there = other.connect(1, "a").await;
    let publish = |node: &crate::world::Node, rev| {
        let change = Notice::Change(change(rev, "hi"));
        node.bus.publish(everybody(), &change);
    };
    publish(&one, 1);
    assert_eq!(revs(&there, 1).await, [1]);
    publish(&other, 3);
    publish(&other, 4);
    let early = there.guard.mailbox.take().changes;
    assert!(
        early.is_empty(),
        "what another node wrote before is on its way"
    );
    publish(&one, 2);
    assert_eq!(revs(&there, 3).await, [2, 3, 4]);
    publish(&other, 6);
    assert_eq!(
        revs(&there, 1).await,
        [6],
        "what does not come is not waited for long"
    );
    publish(&one, 5);
    assert_eq!(revs(&there, 1).await, [5]);
}
