//! The look for how far conversations go: it finds what is committed whatever else runs, and nothing slips behind it.

use chat_server::change::{ConversationId, Place, UserId};
use chat_server::store::Look;

use crate::nodes::{by_hand, nodes};
use crate::world::World;

/// Looks until there is nothing more at once: how far each conversation goes and whom that concerns, by the looks.
async fn looked(
    w: &World,
    look: &mut Look,
    limit: usize,
) -> Vec<(ConversationId, u64, Vec<UserId>)> {
    let mut found = Vec::new();
    loop {
        let page = w.store.heads_since(look, limit).await.unwrap();
        *look = page.next;
        let heads = page.heads.into_iter().map(|seen| {
            let mut concerned = seen.concerned;
            concerned.sort_unstable();
            (seen.head.conversation, seen.head.rev.0, concerned)
        });
        found.extend(heads);
        if !page.more {
            return found;
        }
    }
}

pub(crate) async fn c05_a_look_tells_how_far_conversations_go_and_whom_that_concerns(w: &World) {
    let [ann, ben, cid] = w.people(["ann", "ben", "cid"]).await;
    let mut look = Look::from(w.store.last_place().await.unwrap());
    assert_eq!(looked(w, &mut look, 9).await, []);
    let direct = w.said(ann, "ben", "one").await.conversation;
    w.said(ben, "ann", "two").await;
    let ops = w.make_group(ann, "ops", &["ben"]).await;
    let ops = ops.published.conversation;
    let mut found = looked(w, &mut look, 9).await;
    found.sort_unstable();
    let both = vec![ann, ben];
    assert_eq!(found, [(direct, 2, both.clone()), (ops, 1, both.clone())]);
    assert_eq!(looked(w, &mut look, 9).await, []);

    // Who came and went in one look is told; who went before it is not.
    w.add(ann, "ops", "cid").await.unwrap();
    w.said(ann, "ops", "three").await;
    w.remove(ann, "ops", "cid").await.unwrap();
    w.said(ann, "ops", "four").await;
    let found = looked(w, &mut look, 9).await;
    assert_eq!(found, [(ops, 5, vec![ann, ben, cid])]);
    w.said(ann, "ops", "five").await;
    assert_eq!(looked(w, &mut look, 9).await, [(ops, 6, both.clone())]);
    // A former stay is one, too.
    w.add(ann, "ops", "cid").await.unwrap();
    w.remove(ann, "ops", "cid").await.unwrap();
    w.add(ann, "ops", "cid").await.unwrap();
    let page = w.store.heads_since(&look, 2).await.unwrap();
    assert_eq!(page.heads[0].head.rev.0, 8);
    assert!(page.heads[0].concerned.contains(&cid));
    assert_eq!((page.changes, page.more), (2, true));

    // From the beginning, a page at a time: all of it, in as many pages as it takes.
    w.settled().await;
    for limit in [1, 4, 99] {
        let mut look = Look::from(Place::default());
        let found = looked(w, &mut look, limit).await;
        let highest = |of: ConversationId| {
            let heads = found
                .iter()
                .filter(|(conversation, ..)| *conversation == of);
            heads.map(|(_, rev, _)| *rev).max()
        };
        assert_eq!((highest(direct), highest(ops)), (Some(2), Some(9)));
        assert_eq!(looked(w, &mut look, limit).await, []);
        assert_eq!(look, Look::from(w.store.last_place().await.unwrap()));
    }
}

#[tokio::test]
async fn c05_a_transaction_of_others_that_stays_open_keeps_no_change_from_a_look() {
    let Some((nodes, postgres)) = nodes("store look c05").await else {
        return;
    };
    let [ann, ben] = nodes[0].people(["ann", "ben"]).await;
    nodes[0].said(ann, "ben", "before").await;
    nodes[0].settled().await;
    let before = nodes[1].store.last_place().await.unwrap();
    let mut look = Look::from(before);

    // In another database of the same server, with a number that is lower than all that will come.
    let other = postgres.database("other").await;
    let (mut client, connection) = tokio_postgres::connect(&other, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let foreign = client.transaction().await.unwrap();
    let number = "SELECT pg_current_xact_id()::text::bigint";
    let number: i64 = foreign.query_one(number, &[]).await.unwrap().get(0);
    let conversation = nodes[0].said(ann, "ben", "meanwhile").await.conversation;
    let found = looked(&nodes[1], &mut look, 99).await;
    assert_eq!(found, [(conversation, 2, vec![ann, ben])]);
    assert!(look.waits_for().is_some_and(|oldest| oldest <= number));
    assert!(nodes[1].store.since(before, 99).await.unwrap().is_empty());
    // However long it takes, nothing is found twice.
    assert_eq!(looked(&nodes[1], &mut look, 99).await, []);
    nodes[0].said(ben, "ann", "still").await;
    assert_eq!(looked(&nodes[1], &mut look, 99).await.len(), 1);
    foreign.commit().await.unwrap();
    assert_eq!(looked(&nodes[1], &mut look, 99).await, []);
    assert!(look.waits_for().is_none_or(|oldest| oldest != number));
}

#[tokio::test]
async fn c03_what_commits_behind_a_look_is_found_by_the_next() {
    let Some((nodes, postgres)) = nodes("store look c03").await else {
        return;
    };
    let [ann, ben] = nodes[0].people(["ann", "ben"]).await;
    let first = nodes[0].said(ann, "ann", "first").await.conversation;
    nodes[0].settled().await;
    let mut look = Look::from(nodes[1].store.last_place().await.unwrap());

    // Three that take their numbers now and write: one commits behind a look, one behind another, one never.
    let insert = "INSERT INTO log (conversation, rev, what, who, at) VALUES ($1, $2, 2, $3, 0)";
    let mut clients = [
        by_hand(&postgres).await,
        by_hand(&postgres).await,
        by_hand(&postgres).await,
    ];
    let [one, two, three] = &mut clients;
    let soon = one.transaction().await.unwrap();
    let late = two.transaction().await.unwrap();
    let never = three.transaction().await.unwrap();
    for (slow, rev) in [(&soon, 2_i64), (&late, 3), (&never, 4)] {
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&first.0, &rev, &ann.0];
        slow.execute(insert, &params).await.unwrap();
    }
    for number in 0..5 {
        nodes[number % 2].said(ben, "ben", "meanwhile").await;
    }
    // Pages shorter than what there is, while something is open.
    let found = looked(&nodes[1], &mut look, 2).await;
    let revs: Vec<u64> = found.iter().map(|(_, rev, _)| *rev).collect();
    assert_eq!(revs, [2, 4, 5]);
    soon.commit().await.unwrap();
    assert_eq!(
        looked(&nodes[1], &mut look, 2).await,
        [(first, 2, vec![ann])]
    );
    nodes[0].said(ben, "ben", "more").await;
    late.commit().await.unwrap();
    never.rollback().await.unwrap();
    let mut found = looked(&nodes[1], &mut look, 2).await;
    found.sort_unstable();
    let revs: Vec<u64> = found.iter().map(|(_, rev, _)| *rev).collect();
    assert_eq!(revs, [3, 6]);
    assert_eq!(looked(&nodes[1], &mut look, 2).await, []);
}

#[tokio::test]
async fn c03_a_look_passes_over_what_this_version_cannot_read() {
    let Some((nodes, postgres)) = nodes("store look newer").await else {
        return;
    };
    let ann = nodes[0].person("ann").await;
    let note = nodes[0].said(ann, "ann", "note").await.conversation;
    let newer =
        "UPDATE log SET what = 9, seq = NULL, message_id = NULL, fingerprint = NULL, text = NULL";
    postgres.sql(newer).await;
    let mut look = Look::default();
    assert_eq!(
        looked(&nodes[1], &mut look, 9).await,
        [(note, 1, vec![ann])]
    );
}
