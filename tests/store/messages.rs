//! Messages are stored once, numbered densely, and read by those whom they concern.

use std::collections::BTreeSet;
use std::sync::Arc;

use chat_proto::message::{Body, FileRef};
use chat_proto::{ErrorCode, Kind, MessageId, Meta, Seq};
use chat_server::store::{Permit, Range};

use crate::world::{World, at, code, message, topic};

pub(crate) async fn d06_an_answer_tells_id_number_and_time(w: &World) {
    let [ann, _ben] = w.people(["ann", "ben"]).await;
    let mut new = message(ann, "ben", "hi", "0198");
    new.now = at(7);
    let stored = w.store.publish(new).await.unwrap();
    assert_eq!(
        (stored.topic.as_str(), stored.seq.0, stored.rev.0),
        ("ben", 1, 1)
    );
    assert_eq!((stored.sent_at, stored.dup), (at(7), false));
    let found = w
        .store
        .own_message(ann, &MessageId::parse("0198").unwrap())
        .await
        .unwrap();
    assert_eq!(found.unwrap().message(ann).unwrap().text, "hi");
}

pub(crate) async fn d07_a_repeat_is_answered_with_the_same_numbers(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    let first = w
        .store
        .publish(message(ann, "ben", "hi", "1"))
        .await
        .unwrap();
    w.said(ben, "ann", "between").await;
    let mut again = message(ann, "ben", "hi", "1");
    again.now = at(99);
    let again = w.store.publish(again).await.unwrap();
    assert!(again.dup);
    assert_eq!(
        (again.topic, again.seq, again.rev, again.sent_at),
        (first.topic, first.seq, first.rev, first.sent_at)
    );
    let same_id_of_another = w
        .store
        .publish(message(ben, "ann", "mine", "1"))
        .await
        .unwrap();
    assert!(!same_id_of_another.dup);
    assert_eq!(
        w.texts(ben, "ann", Range::Latest, 9).await.0,
        ["hi", "between", "mine"]
    );
}

pub(crate) async fn d07_the_same_id_with_another_content_is_a_conflict(w: &World) {
    let [ann, _ben] = w.people(["ann", "ben"]).await;
    w.store
        .publish(message(ann, "ben", "hi", "1"))
        .await
        .unwrap();
    let other = w.store.publish(message(ann, "ben", "ho", "1")).await;
    assert_eq!(code(other), ErrorCode::Conflict);
    assert_eq!(w.texts(ann, "ben", Range::Latest, 9).await.0, ["hi"]);
}

pub(crate) async fn d07_a_repeat_needs_no_permit_and_no_membership(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    w.make_group(ann, "ops", &["ben"]).await;
    let first = w
        .store
        .publish(message(ben, "ops", "mine", "1"))
        .await
        .unwrap();
    w.remove(ann, "ops", "ben").await.unwrap();
    let mut again = message(ben, "ops", "mine", "1");
    again.permit = Permit::Denied {
        retry_after_ms: 400,
    };
    let again = w.store.publish(again).await.unwrap();
    assert!(again.dup);
    assert_eq!((again.seq, again.topic), (first.seq, first.topic));
}

pub(crate) async fn d07_repeats_in_flight_at_once_store_one_message(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    let mut sends = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let store = Arc::clone(&w.store);
        sends.spawn(async move { store.publish(message(ann, "ben", "once", "1")).await });
    }
    let answers = sends.join_all().await;
    let fresh = answers
        .iter()
        .filter(|answer| !answer.as_ref().unwrap().dup)
        .count();
    assert_eq!(fresh, 1);
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_ref().unwrap().seq == Seq(1))
    );
    assert_eq!(w.texts(ben, "ann", Range::Latest, 9).await.0, ["once"]);
}

pub(crate) async fn d08_numbers_are_dense_under_concurrent_senders(w: &World) {
    let users = w.people(["ann", "ben", "cid", "dora"]).await;
    w.make_group(users[0], "ops", &["ben", "cid", "dora"]).await;
    let mut sends = tokio::task::JoinSet::new();
    for number in 0..100 {
        let (store, sender) = (Arc::clone(&w.store), users[number % 4]);
        let id = MessageId::generate();
        let new = message(sender, "ops", &number.to_string(), id.as_str());
        sends.spawn(async move { store.publish(new).await });
    }
    let answers = sends.join_all().await;
    let seqs: BTreeSet<u64> = answers
        .into_iter()
        .map(|answer| answer.unwrap().seq.0)
        .collect();
    assert_eq!(seqs, (2..=101).collect());
    let (_, conversation) = conversation(w, users[1], "ops").await;
    let slice = w
        .store
        .changes(users[1], conversation, chat_proto::Rev(0), 1000)
        .await
        .unwrap();
    let revs: Vec<u64> = slice.changes.iter().map(|change| change.rev.0).collect();
    assert_eq!(revs, (1..=101).collect::<Vec<_>>());
    let seqs: Vec<u64> = slice
        .changes
        .iter()
        .map(|change| change.seq().unwrap().0)
        .collect();
    assert_eq!(seqs, revs, "everyone sees one order");
}

async fn conversation(
    w: &World,
    user: chat_server::change::UserId,
    to: &str,
) -> (
    chat_server::store::Membership,
    chat_server::change::ConversationId,
) {
    let membership = w.membership(user, to).await.unwrap();
    let conversation = membership.conversation.unwrap();
    (membership, conversation)
}

pub(crate) async fn d18_a_body_comes_back_as_it_went_in(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    w.said(ann, "ben", "root").await;
    let mut new = message(ann, "ben", "let x = \"\\u{1F600}\";\n\tline", "1");
    new.body = Body {
        kind: Kind::Code,
        lang: Some("rust".to_owned()),
        reply_to: Some(Seq(1)),
        thread: Some(Seq(1)),
        file: Some(FileRef {
            id: "f1".to_owned(),
            name: "a b.png".to_owned(),
            bytes: u64::from(u32::MAX) + 1,
            media_type: "image/png".to_owned(),
        }),
        meta: Some(Meta::parse(r#"{"z":1.50,"a":["😀 \" "],"n":12345678901234567890}"#).unwrap()),
        ..new.body
    };
    let sent = new.body.clone();
    w.store.publish(new).await.unwrap();
    let told = w.heard.last().change.message(ben).unwrap();
    let page = w
        .store
        .history(ben, &topic("ann"), Range::Latest, 1)
        .await
        .unwrap();
    let stored = page.changes[0].message(ben).unwrap();
    assert_eq!(stored, told, "what was told live is what is read later");
    assert_eq!(
        (stored.kind, stored.text, stored.lang),
        (sent.kind, sent.text, sent.lang)
    );
    assert_eq!(
        (stored.reply_to, stored.thread),
        (sent.reply_to, sent.thread)
    );
    assert_eq!((stored.file, stored.meta), (sent.file, sent.meta));
}

pub(crate) async fn d18_a_reply_to_what_is_not_there_is_not_found(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    let reply = |to, seq, id: &str| {
        let mut new = message(ann, to, "re", id);
        new.body.reply_to = Some(Seq(seq));
        new
    };
    assert_eq!(
        code(w.store.publish(reply("ben", 1, "1")).await),
        ErrorCode::NotFound
    );
    assert_eq!(
        w.membership(ann, "ben").await.unwrap().conversation,
        None,
        "nothing began"
    );
    w.said(ben, "ann", "hi").await;
    assert_eq!(
        code(w.store.publish(reply("ben", 0, "1")).await),
        ErrorCode::NotFound
    );
    assert_eq!(
        code(w.store.publish(reply("ben", 2, "1")).await),
        ErrorCode::NotFound
    );
    w.store
        .publish(reply("ben", 1, "1"))
        .await
        .expect("a refusal leaves the id free");

    w.make_group(ben, "ops", &[]).await;
    w.add(ben, "ops", "ann").await.unwrap();
    let hidden = w.store.publish(reply("ops", 1, "2")).await;
    assert_eq!(code(hidden), ErrorCode::NotFound, "from before the joining");
}

pub(crate) async fn t06_two_who_send_first_at_once_have_one_conversation(w: &World) {
    let [ann, ben, eve] = w.people(["ann", "ben", "eve"]).await;
    let (one, other) = tokio::join!(w.say(ann, "ben", "hi"), w.say(ben, "@ann", "ho"));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.conversation, other.conversation);
    assert_eq!(one.seq.0 + other.seq.0, 3);
    let eves = w.store.membership_in(eve, one.conversation).await.unwrap();
    assert_eq!(eves, None, "nobody else reads it");
    let changes = w
        .store
        .changes(eve, one.conversation, chat_proto::Rev(0), 9)
        .await
        .unwrap();
    assert!(changes.changes.is_empty());

    let note = w.said(ann, "ann", "to myself").await;
    assert_ne!(note.conversation, one.conversation);
    assert_eq!(w.membership(ann, "ann").await.unwrap().members, 1);
}

pub(crate) async fn t07_a_removed_member_gets_nothing_in(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    w.make_group(ann, "ops", &["ben"]).await;
    w.said(ben, "ops", "still here").await;
    w.remove(ann, "ops", "ben").await.unwrap();
    assert_eq!(code(w.say(ben, "ops", "late").await), ErrorCode::NotFound);
    w.said(ann, "ops", "gone").await;
    assert!(
        !w.heard.last().members.contains(&ben),
        "and gets none after"
    );
    assert_eq!(code(w.membership(ben, "ops").await), ErrorCode::NotFound);

    w.subscribe(ann, "world").await.unwrap();
    assert_eq!(code(w.say(ben, "world", "hi").await), ErrorCode::Forbidden);
    assert_eq!(code(w.say(ben, "nothing", "hi").await), ErrorCode::NotFound);
    assert_eq!(code(w.say(ben, "#ann", "hi").await), ErrorCode::NotFound);
    assert_eq!(code(w.say(ann, "@ops", "hi").await), ErrorCode::NotFound);
}

pub(crate) async fn t09_an_address_is_where_to_answer(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    w.said(ann, "ben", "hi").await;
    let direct = w.heard.last();
    assert_eq!(direct.members.as_ref(), [ann.min(ben), ann.max(ben)]);
    assert_eq!(direct.change.address.seen_by(ben).as_str(), "ann");
    assert_eq!(direct.change.address.seen_by(ann).as_str(), "ben");
    let bens = w.membership(ben, "ann").await.unwrap();
    assert_eq!(
        (bens.address.seen_by(ben).as_str(), bens.title.as_str()),
        ("ann", "ANN")
    );
    w.said(ann, "ann", "note").await;
    assert_eq!(w.heard.last().change.address.seen_by(ann).as_str(), "ann");
}

pub(crate) async fn t10_pages_go_in_every_direction(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    assert_eq!(w.texts(ann, "ben", Range::Latest, 5).await, (vec![], false));
    for number in 1..=10 {
        w.said(ann, "ben", &number.to_string()).await;
    }
    let cases: [(Range, usize, &str, bool); 15] = [
        (Range::Latest, 3, "8 9 10", true),
        (Range::Latest, 10, "1 2 3 4 5 6 7 8 9 10", false),
        (Range::Before(Seq(8)), 3, "5 6 7", true),
        (Range::Before(Seq(4)), 3, "1 2 3", false),
        (Range::Before(Seq(1)), 3, "", false),
        (Range::Before(Seq(99)), 2, "9 10", true),
        (Range::Before(Seq(u64::MAX)), 2, "9 10", true),
        (Range::After(Seq(0)), 3, "1 2 3", true),
        (Range::After(Seq(7)), 3, "8 9 10", false),
        (Range::After(Seq(10)), 3, "", false),
        (Range::After(Seq(u64::MAX)), 3, "", false),
        (Range::Around(Seq(5)), 3, "4 5 6", true),
        (Range::Around(Seq(1)), 3, "1 2 3", true),
        (Range::Around(Seq(10)), 4, "8 9 10", true),
        (Range::Around(Seq(5)), 100, "1 2 3 4 5 6 7 8 9 10", false),
    ];
    for (range, limit, expected, more) in cases {
        let (texts, told_more) = w.texts(ben, "ann", range, limit).await;
        assert_eq!(
            (texts.join(" ").as_str(), told_more),
            (expected, more),
            "{range:?} {limit}"
        );
    }
}

pub(crate) async fn a07_a_new_display_name_shows_on_old_messages(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    w.said(ann, "ben", "hi").await;
    w.store.set_display_name(ann, "Ann B.").await.unwrap();
    let page = w
        .store
        .history(ben, &topic("ann"), Range::Latest, 1)
        .await
        .unwrap();
    assert_eq!(
        page.changes[0].message(ben).unwrap().from.display_name,
        "Ann B."
    );
    w.said(ann, "ben", "again").await;
    assert_eq!(
        w.heard
            .last()
            .change
            .message(ben)
            .unwrap()
            .from
            .display_name,
        "Ann B."
    );
    assert_eq!(w.membership(ben, "ann").await.unwrap().title, "Ann B.");
}

pub(crate) async fn s01_without_a_permit_nothing_is_stored(w: &World) {
    let [ann, _ben] = w.people(["ann", "ben"]).await;
    let mut new = message(ann, "ben", "hi", "1");
    new.permit = Permit::Denied {
        retry_after_ms: 400,
    };
    assert_eq!(code(w.store.publish(new).await), ErrorCode::RateLimited);
    assert_eq!(w.membership(ann, "ben").await.unwrap().conversation, None);
    assert!(w.heard.all().is_empty());
    let later = w
        .store
        .publish(message(ann, "ben", "hi", "1"))
        .await
        .unwrap();
    assert!(!later.dup);
}
