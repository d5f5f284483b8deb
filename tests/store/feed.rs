//! What is told of commits, and the feed in which it is read again.

use chat_server::change::{Change, Place};
use chat_server::store::Committed;

use crate::world::{World, name, new_account};

pub(crate) async fn d07_a_message_is_told_to_its_members_before_its_sender_is_answered(w: &World) {
    let [ann, _ben] = w.people(["ann", "ben"]).await;
    for number in 1..=20 {
        let said = w.said(ann, "ben", "hi").await;
        let heard = w.heard.all();
        assert_eq!(heard.len(), number);
        assert_eq!(heard[number - 1].change.seq(), Some(said.seq));
        w.settled().await;
        assert_eq!(
            w.store.last_place().await.unwrap(),
            heard[number - 1].change.place
        );
    }
}

/// All of a change that can be compared.
fn told(committed: &Committed) -> String {
    let Change {
        place,
        conversation,
        address,
        rev,
        at,
        what,
        ..
    } = &*committed.change;
    format!(
        "{place:?} {conversation:?} {address:?} {rev} {at} {what:?} {:?}",
        committed.members
    )
}

pub(crate) async fn d10_the_feed_holds_every_change_in_the_order_told(w: &World) {
    let [ann, ben, cid] = w.people(["ann", "ben", "cid"]).await;
    w.said(ann, "ben", "one").await;
    w.make_group(ann, "ops", &["ben"]).await;
    w.add(ben, "ops", "cid").await.unwrap();
    w.said(cid, "ops", "two").await;
    w.remove(cid, "ops", "cid").await.unwrap();
    w.said(ann, "ops", "three").await;
    w.add(ben, "ops", "cid").await.unwrap();
    w.remove(ann, "ops", "ann").await.unwrap();
    w.subscribe(ann, "world").await.unwrap();
    w.subscribe(ben, "world").await.unwrap();
    w.unsubscribe(ann, "world").await.unwrap();
    w.unsubscribe(ben, "world").await.unwrap();
    w.subscribe(cid, "world").await.unwrap();
    w.said(cid, "world", "four").await;
    w.said(ann, "ann", "five").await;
    let mut dora = new_account("dora");
    dora.lobby = Some(name("world"));
    w.store.create_account(dora).await.unwrap();

    w.settled().await;
    let heard: Vec<String> = w.heard.all().iter().map(told).collect();
    let mut read = Vec::new();
    let mut place = Place::default();
    loop {
        let page = w.store.since(place, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        place = last.change.place;
        read.extend(page.iter().map(told));
    }
    assert_eq!(read, heard);
    assert_eq!(w.store.last_place().await.unwrap(), place);
}
