//! What a user sees of all conversations: the list, the marks, the people.

use chat_proto::{ConversationKind, ErrorCode, Mark, MessageId, Seq};
use chat_server::change::{ConversationId, UserId};
use chat_server::store::{Delivered, Listed};

use crate::world::{World, at, code, message, name, topic};

fn lines(listed: &[Listed], viewer: UserId) -> String {
    let lines = listed.iter().map(|line| {
        let last = line
            .last_message
            .as_ref()
            .map(|change| change.message(viewer).unwrap().text);
        let topic = line.membership.address.seen_by(viewer);
        format!("{topic}:{}", last.unwrap_or_default())
    });
    lines.collect::<Vec<_>>().join(" ")
}

async fn say_at(w: &World, sender: UserId, to: &str, text: &str, seconds: i64) {
    let id = MessageId::generate();
    let mut new = message(sender, to, text, id.as_str());
    new.now = at(seconds);
    w.store.publish(new).await.unwrap();
}

pub(crate) async fn p01_conversations_are_ranked_by_last_chat_and_not_by_time(w: &World) {
    let [ann, ben, cid] = w.people(["ann", "ben", "cid"]).await;
    w.subscribe(ann, "quiet").await.unwrap();
    say_at(w, ben, "ann", "one", 10).await;
    say_at(w, cid, "ann", "two", 5).await;
    w.make_group(ben, "ops", &[]).await;
    w.add(ben, "ops", "ann").await.unwrap();
    let listed = w.store.conversations(ann, None, 15).await.unwrap();
    assert_eq!(
        lines(&listed, ann),
        "ops: cid:two ben:one quiet:",
        "the step of the clock is no step back"
    );
    assert_eq!(listed[0].membership.kind, ConversationKind::Group);
    say_at(w, ann, "ben", "three", 1).await;
    let listed = w.store.conversations(ann, None, 2).await.unwrap();
    assert_eq!(lines(&listed, ann), "ben:three ops:");
    let unread = w.store.unread(ann, 9).await.unwrap();
    let unread: Vec<_> = unread
        .iter()
        .map(|m| (m.address.seen_by(ann).as_str(), m.unread()))
        .collect();
    assert_eq!(unread, [("ben", 1), ("cid", 1)]);
    assert_eq!(w.store.unread(ann, 1).await.unwrap().len(), 1);
    let heads = w.store.heads(ann).await.unwrap();
    assert_eq!(heads.len(), 4);
}

pub(crate) async fn p01_pages_go_on_before_a_time(w: &World) {
    let ann = w.person("ann").await;
    for number in 1..=7 {
        let peer = w.person(&format!("peer{number}")).await;
        say_at(w, peer, "ann", "hi", number).await;
    }
    w.subscribe(ann, "quiet").await.unwrap();
    let (mut before, mut all) = (None, Vec::new());
    loop {
        let page = w.store.conversations(ann, before, 3).await.unwrap();
        let Some(last) = page
            .iter()
            .filter_map(|line| line.last_message.as_ref())
            .next_back()
        else {
            break;
        };
        before = Some(last.at);
        all.push(lines(&page, ann).replace(":hi", ""));
    }
    assert_eq!(all, ["peer7 peer6 peer5", "peer4 peer3 peer2", "peer1"]);
}

pub(crate) async fn r01_acquaintances_share_a_conversation(w: &World) {
    let [ann, ben, cid, dora, eve] = w.people(["ann", "ben", "cid", "dora", "eve"]).await;
    assert!(w.store.acquaintances(ann).await.unwrap().is_empty());
    w.said(ben, "ann", "hi").await;
    w.said(ann, "ann", "note").await;
    w.make_group(ann, "ops", &["cid", "ben", "dora"]).await;
    w.remove(ann, "ops", "dora").await.unwrap();
    assert_eq!(w.store.acquaintances(ann).await.unwrap(), [ben, cid]);
    assert_eq!(w.store.acquaintances(cid).await.unwrap(), [ann, ben]);
    assert!(w.store.acquaintances(dora).await.unwrap().is_empty());
    assert!(w.store.acquaintances(eve).await.unwrap().is_empty());
}

pub(crate) async fn u02_marks_only_grow_and_never_pass_the_last_message(w: &World) {
    let [ann, ben, eve] = w.people(["ann", "ben", "eve"]).await;
    let nothing = w
        .store
        .advance_mark(ann, &topic("ben"), Mark::Read, Seq(3))
        .await
        .unwrap();
    assert_eq!(
        (nothing.conversation, nothing.seq, nothing.moved),
        (ConversationId(0), Seq(0), false)
    );
    for text in ["1", "2", "3", "4"] {
        w.said(ben, "ann", text).await;
    }
    let mark = async |mark, seq| {
        let at = w
            .store
            .advance_mark(ann, &topic("ben"), mark, Seq(seq))
            .await
            .unwrap();
        assert_eq!(at.address.peer_of(ann), Some(ben));
        (at.seq.0, at.moved)
    };
    let marks = async || {
        let held = w.membership(ann, "ben").await.unwrap();
        (held.read_seq.0, held.delivered_seq.0, held.unread())
    };
    assert_eq!(mark(Mark::Delivered, 3).await, (3, true));
    assert_eq!(marks().await, (0, 3, 4));
    assert_eq!(mark(Mark::Read, 2).await, (2, true));
    assert_eq!(marks().await, (2, 3, 2));
    assert_eq!(mark(Mark::Read, 1).await, (2, false));
    assert_eq!(mark(Mark::Delivered, 1).await, (3, false));
    assert_eq!(mark(Mark::Read, 99).await, (4, true));
    assert_eq!(marks().await, (4, 4, 0), "read implies delivered");
    assert_eq!(mark(Mark::Delivered, 99).await, (4, false));
    let members = w
        .store
        .members(
            w.membership(ben, "ann")
                .await
                .unwrap()
                .conversation
                .unwrap(),
        )
        .await
        .unwrap();
    let anns = members.iter().find(|member| member.user == ann).unwrap();
    assert_eq!((anns.read_seq.0, anns.delivered_seq.0), (4, 4));
    w.make_group(ann, "ops", &[]).await;
    let outside = w
        .store
        .advance_mark(eve, &topic("ops"), Mark::Read, Seq(1))
        .await;
    assert_eq!(code(outside), ErrorCode::NotFound);
}

pub(crate) async fn u01_joining_and_being_named_count_as_the_contract_says(w: &World) {
    let [ann, ben, cid] = w.people(["ann", "ben", "cid"]).await;
    w.make_group(ann, "ops", &["ben"]).await;
    assert_eq!(
        w.membership(ben, "ops").await.unwrap().unread(),
        1,
        "those named have read nothing"
    );
    assert_eq!(
        w.membership(ann, "ops").await.unwrap().unread(),
        0,
        "one's own is never unread"
    );
    w.said(ben, "ops", "two").await;
    assert_eq!(
        w.membership(ben, "ops").await.unwrap().unread(),
        1,
        "sending does not move the mark"
    );
    w.add(ann, "ops", "cid").await.unwrap();
    let cids = w.membership(cid, "ops").await.unwrap();
    assert_eq!(
        (cids.unread(), cids.read_seq, cids.delivered_seq),
        (0, Seq(2), Seq(2))
    );
    assert_eq!(w.read(ben, "ops", 1).await, (1, true));
    assert_eq!(w.membership(ben, "ops").await.unwrap().unread(), 0);
    w.said(ann, "ops", "three").await;
    assert_eq!(w.membership(ben, "ops").await.unwrap().unread(), 1);
}

pub(crate) async fn d15_delivered_marks_are_written_together_and_only_grow(w: &World) {
    let [ann, ben, cid] = w.people(["ann", "ben", "cid"]).await;
    let direct = w.said(ann, "ben", "1").await.conversation;
    w.said(ann, "ben", "2").await;
    let group = w.make_group(ann, "ops", &["ben", "cid"]).await;
    let group = group.published.conversation;
    w.said(ann, "ops", "2").await;
    w.remove(ann, "ops", "cid").await.unwrap();
    let mark = |user, conversation, seq| Delivered {
        user,
        conversation,
        seq: Seq(seq),
    };
    let write = async |marks: &[Delivered]| w.store.advance_delivered(marks).await.unwrap();
    write(&[]).await;
    let nowhere = ConversationId(9_999);
    write(&[
        mark(ben, direct, 2),
        mark(ben, group, 99),
        mark(cid, group, 2),
        mark(cid, direct, 2),
        mark(cid, nowhere, 1),
    ])
    .await;
    write(&[mark(ben, direct, 1), mark(ben, group, 0)]).await;
    let held = async |of: &str| w.membership(ben, of).await.unwrap().delivered_seq;
    assert_eq!((held("ann").await, held("ops").await), (Seq(2), Seq(2)));
    let left = w.store.membership_or_left(cid, &name("ops")).await.unwrap();
    assert_eq!(
        left.unwrap().delivered_seq,
        Seq(0),
        "who left is passed over"
    );
}
