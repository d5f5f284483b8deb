//! History by page: before, after, around, the latest, and where it begins for whom.

use chat_proto::action::History;
use chat_proto::event::HistoryPage;
use chat_proto::{Action, Event, Seq};
use chat_tests::client::topic;
use chat_tests::{TestClient, TestServer};
use serde_json::json;

/// A page of the conversation with ann, where `which` says which.
async fn page(socket: &mut TestClient, which: impl FnOnce(&mut History)) -> HistoryPage {
    let mut history = History {
        topic: topic("ann"),
        before: None,
        after: None,
        around: None,
        limit: None,
    };
    which(&mut history);
    match socket.request(Action::History(history)).await {
        Event::History(page) => page,
        other => panic!("instead of a page came {other:?}"),
    }
}

fn numbers(page: &HistoryPage) -> Vec<u64> {
    page.messages.iter().map(|message| message.seq.0).collect()
}

#[tokio::test]
async fn t10_history_comes_page_by_page_in_every_direction() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    for at in 1..=120 {
        socket.send("ben", &format!("text {at}")).await;
    }
    let mut ben = ben.connect().await;
    let latest = page(&mut ben, |_| {}).await;
    assert_eq!(numbers(&latest), (71..=120).collect::<Vec<_>>());
    assert!(latest.more);
    let before = page(&mut ben, |history| {
        history.before = Some(Seq(11));
        history.limit = Some(20);
    });
    let before = before.await;
    assert_eq!(numbers(&before), (1..=10).collect::<Vec<_>>());
    assert!(!before.more);
    let after = page(&mut ben, |history| {
        history.after = Some(Seq(110));
        history.limit = Some(5);
    });
    let after = after.await;
    assert_eq!(numbers(&after), (111..=115).collect::<Vec<_>>());
    assert!(after.more);
    let around = page(&mut ben, |history| {
        history.around = Some(Seq(60));
        history.limit = Some(11);
    });
    let around = numbers(&around.await);
    assert_eq!(around, (55..=65).collect::<Vec<_>>());
    for (which, wanted) in [(0, vec![1, 2, 3]), (120, vec![]), (u64::MAX >> 1, vec![])] {
        let end = page(&mut ben, |history| {
            history.after = Some(Seq(which));
            history.limit = Some(3);
        });
        assert_eq!(numbers(&end.await), wanted, "after {which}");
    }
}

#[tokio::test]
async fn t10_http_gives_the_same_pages() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    ann.make_group("ops", &[&ben]).await;
    let mut socket = ann.connect().await;
    for at in 2..=10 {
        socket.send("ops", &format!("text {at}")).await;
    }
    for (query, wanted, more) in [
        ("limit=3", vec![8, 9, 10], true),
        ("before=3", vec![1, 2], false),
        ("after=8", vec![9, 10], false),
        ("after=2&limit=2", vec![3, 4], true),
        ("around=5&limit=3", vec![4, 5, 6], true),
    ] {
        for path in [
            format!("/v1/messages?topic=ops&{query}"),
            format!("/v1/groups/ops/messages?{query}"),
        ] {
            let page = ben.get(&path).await.expect(200);
            let messages = page["messages"].as_array().expect("messages");
            let numbers: Vec<_> = messages.iter().map(|message| &message["seq"]).collect();
            assert_eq!(json!(numbers), json!(wanted), "{path}");
            if !query.starts_with("around") {
                assert_eq!(page["more"], more, "{path}");
            }
        }
    }
    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "before=1&after=2",
        "before=-1",
    ] {
        let answer = ben.get(&format!("/v1/messages?topic=ops&{query}")).await;
        answer.refused(400, "invalid");
    }
    ben.get("/v1/messages/ops/99")
        .await
        .refused(404, "not_found");
    ben.get("/v1/messages/ops/0")
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn t10_a_newcomer_of_a_private_group_sees_it_from_the_joining_on() {
    let server = TestServer::start().await;
    let [ann, ben, cat] = server.people(["ann", "ben", "cat"]).await;
    ann.make_group("ops", &[&ben]).await;
    let mut socket = ann.connect().await;
    socket.send("ops", "before cat").await;
    ann.put("/v1/groups/ops/users/cat").await;
    socket.send("ops", "after cat").await;
    assert_eq!(cat.texts("ops").await, ["after cat"]);
    assert_eq!(cat.conversation("ops").await.first_seq.0, 3);
    cat.get("/v1/messages/ops/1")
        .await
        .refused(404, "not_found");
    let below = cat.get("/v1/messages?topic=ops&before=3").await.expect(200);
    assert_eq!(below, json!({"messages": [], "more": false}));
    let mut newcomer = cat.connect().await;
    newcomer
        .say(r#"{"action":"sync","id":"s","topics":{"ops":0}}"#)
        .await;
    let texts: Vec<String> = newcomer
        .messages_until_roundtrip()
        .await
        .into_iter()
        .map(|message| message.text)
        .collect();
    assert_eq!(texts, ["after cat"]);
    // Who is added again starts at the last joining.
    cat.delete("/v1/groups/ops/users/cat").await;
    socket.send("ops", "without cat").await;
    ben.put("/v1/groups/ops/users/cat").await;
    socket.send("ops", "cat again").await;
    assert_eq!(cat.texts("ops").await, ["cat again"]);
}

#[tokio::test]
async fn t10_a_public_topic_shows_all_of_it() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    socket.subscribe("world").await;
    socket.send("world", "early").await;
    ben.connect().await.subscribe("world").await;
    socket.send("world", "late").await;
    assert_eq!(ben.texts("world").await, ["early", "late"]);
    assert_eq!(
        ben.conversation("world").await.unread,
        1,
        "joining has read what was there"
    );
}
