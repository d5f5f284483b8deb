//! The list of conversations and finding people.

use chat_proto::action::Sync;
use chat_proto::{Action, Conversation, Event};
use chat_tests::TestServer;
use serde_json::{Value, json};

#[tokio::test]
async fn p01_the_first_sync_brings_the_latest_fifteen_ranked_by_last_chat() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    for at in 0..18 {
        let other = server.person(&format!("user{at:02}")).await;
        other
            .connect()
            .await
            .send("ann", &format!("from {at}"))
            .await;
    }
    ann.connect().await.send("user03", "an answer").await;
    let mut socket = ann.connect().await;
    let Event::Synced(end) = socket.request(Action::Sync(Sync::default())).await else {
        panic!("a sync is answered by synced");
    };
    let names: Vec<&str> = end
        .conversations
        .iter()
        .map(|line| line.topic.as_str())
        .collect();
    assert_eq!(names.len(), 15);
    assert_eq!(names[..4], ["user03", "user17", "user16", "user15"]);
    assert!(end.more);
    let last = end.conversations[0]
        .last_message
        .as_ref()
        .expect("a last message");
    assert_eq!(last.text, "an answer");
    assert_eq!(end.conversations[1].unread, 1);
    assert!(end.conversations[1].presence.is_some());

    let first: Vec<Conversation> = ann.get("/v1/conversations").await.read(200);
    assert_eq!(first.len(), 15);
    let oldest = first[14].last_message.as_ref().expect("a message").sent_at;
    let next: Vec<Conversation> = ann
        .get(&format!("/v1/conversations?before={oldest}"))
        .await
        .read(200);
    assert_eq!(first.len() + next.len(), 18);
    let mut all: Vec<&str> = first
        .iter()
        .chain(&next)
        .map(|line| line.topic.as_str())
        .collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 18, "no line twice");
}

#[tokio::test]
async fn p01_online_and_offline_people_stand_in_one_list() {
    let server = TestServer::start().await;
    let [ann, ben, cat] = server.people(["ann", "ben", "cat"]).await;
    let mut here = ben.connect().await;
    here.send("ann", "online").await;
    cat.dial()
        .query("background=1")
        .connect()
        .await
        .send("ann", "offline")
        .await;
    for (name, state) in [("ben", "online"), ("cat", "offline")] {
        let presence = ann.conversation(name).await.presence.expect("a presence");
        assert_eq!(
            serde_json::to_value(presence.state).expect("a word"),
            state,
            "{name}"
        );
    }
}

#[tokio::test]
async fn p02_people_are_found_by_name() {
    let server = TestServer::start().await;
    let [ann, _, _, _] = server
        .people(["ann", "benjamin", "benedict", "robert"])
        .await;
    for (query, wanted) in [
        ("ben", vec!["benedict", "benjamin"]),
        ("BENJ", vec!["benjamin"]),
        ("robrt", vec!["robert"]),
        ("nobody-at-all", vec![]),
    ] {
        let found = ann
            .get(&format!("/v1/users?query={query}"))
            .await
            .expect(200);
        let mut names: Vec<&Value> = found
            .as_array()
            .expect("a list")
            .iter()
            .map(|user| &user["name"])
            .collect();
        names.sort_by_key(ToString::to_string);
        assert_eq!(json!(names), json!(wanted), "{query}");
    }
    ann.get("/v1/users/nobody").await.refused(404, "not_found");
    for odd in ["%25", "%27%20or%201=1", "a%00b", "%F0%9F%A6%80"] {
        let answer = ann.get(&format!("/v1/users?query={odd}")).await;
        assert!(
            answer.status == 400 || answer.expect(200) == json!([]),
            "{odd}"
        );
    }
}

#[tokio::test]
async fn p02_a_message_of_a_new_person_makes_a_new_entry() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    assert_eq!(ann.get("/v1/conversations").await.expect(200), json!([]));
    ben.connect().await.send("ann", "hello stranger").await;
    let line = ann.conversation("ben").await;
    assert_eq!((line.last_seq.0, line.unread), (1, 1));
    assert_eq!(line.last_message.expect("a message").text, "hello stranger");
}
