//! What concerns very many: said once to each node, and told there in its order.

use std::sync::Arc;

use chat_proto::Rev;
use chat_server::bus::Notice;
use chat_server::change::{ConversationId, UserId};
use chat_tests::eventually;

use crate::nodes::{ANN, BEN, change, change_in, heard_typing, typing};
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
    eventually("who left is not listened for", async || {
        let heard = w.subscriptions().await;
        let users = [1, 2].map(|user| format!("chat.life-1.user.{user}"));
        users.iter().all(|user| !heard.contains(user)).then_some(())
    })
    .await;
    assert!(
        w.subscriptions().await.contains(&crowd),
        "one is still there"
    );
    drop(stranger);
    eventually("nobody listens", async || {
        (!w.subscriptions().await.contains(&crowd)).then_some(())
    })
    .await;
}

pub(crate) async fn c03_a_crowd_is_told_in_order_whichever_node_wrote(w: &mut World) {
    let (one, other) = w.pair().await;
    let there = other.connect(1, "a").await;
    let publish = |node: &crate::world::Node, conversation, rev| {
        let change = Notice::Change(change_in(conversation, rev, "hi"));
        node.bus.publish(everybody(), &change);
    };
    // What takes longer than the wait on its way is told behind what was written here; a busy machine may do that once.
    let mut orders = Vec::new();
    for conversation in 1..=10 {
        publish(&one, conversation, 1);
        assert_eq!(revs(&there, 1).await, [1]);
        publish(&other, conversation, 3);
        publish(&other, conversation, 4);
        publish(&one, conversation, 2);
        orders.push(revs(&there, 3).await);
        if orders.last() == Some(&vec![2, 3, 4]) {
            break;
        }
    }
    assert_eq!(orders.last(), Some(&vec![2, 3, 4]), "{orders:?}");
    publish(&other, 11, 1);
    publish(&other, 11, 3);
    assert_eq!(
        revs(&there, 2).await,
        [1, 3],
        "what does not come is not waited for long"
    );
    publish(&one, 11, 2);
    assert_eq!(revs(&there, 1).await, [2]);
    publish(&other, 12, 1);
    let told = Notice::Head(ConversationId(12), Rev(4));
    other.bus.offer_here(&everybody(), &told);
    let _ = there.guard.mailbox.take();
    publish(&other, 12, 5);
    let changes = there.guard.mailbox.take().changes;
    let last = changes.back().map(|change| change.rev);
    assert_eq!(
        last,
        Some(Rev(5)),
        "what was found in the store is not waited for"
    );
}
