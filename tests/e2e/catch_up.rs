//! Store and forward: what was missed comes at the next connect, all of it, once and in order.

use std::collections::BTreeMap;

use chat_proto::action::{Changes, Sync};
use chat_proto::{Action, Event, Name, Rev};
use chat_tests::client::topic;
use chat_tests::receiver::Receiver;
use chat_tests::server::nodes_of_this_run;
use chat_tests::{TestClient, TestServer};

/// "I have these changes of these topics".
fn having(topics: &[(&str, u64)]) -> Action {
    let topics = topics
        .iter()
        .map(|(name, rev)| (Name::parse(name).expect("a name"), Rev(*rev)));
    Action::Sync(Sync {
        epoch: None,
        topics: topics.collect::<BTreeMap<_, _>>(),
    })
}

/// Syncs, and gives everything that came before the answer and the answer.
async fn synced(socket: &mut TestClient, sync: Action) -> (Vec<Event>, chat_proto::event::Synced) {
    let Event::Synced(end) = socket.request(sync).await else {
        panic!("a sync is answered by synced");
    };
    (socket.until_roundtrip().await, end)
}

fn texts(events: &[Event]) -> Vec<&str> {
    let messages = events.iter().filter_map(|event| match event {
        Event::Message(message) => Some(message.text.as_str()),
        _ => None,
    });
    messages.collect()
}

async fn send_many(socket: &mut TestClient, to: &str, range: std::ops::Range<usize>) {
    for at in range {
        socket.send(to, &format!("text {at}")).await;
    }
}

#[tokio::test]
async fn d10_what_was_missed_arrives_at_the_next_connect_in_order() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    send_many(&mut socket, "ben", 0..10).await;
    let mut ben = ben.connect().await;
    let (events, end) = synced(&mut ben, Action::Sync(Sync::default())).await;
    let wanted: Vec<String> = (0..10).map(|at| format!("text {at}")).collect();
    assert_eq!(texts(&events), wanted);
    assert_eq!(end.conversations.len(), 1);
    assert_eq!(end.conversations[0].unread, 10);
    assert!(!end.more && !end.reset);
}

#[tokio::test]
async fn d10_what_was_missed_outlives_a_restart() {
    let mut server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    send_many(&mut ann.connect().await, "ben", 0..5).await;
    server.kill9().await;
    server.restart().await;
    let (events, _) = synced(&mut ben.connect().await, Action::Sync(Sync::default())).await;
    assert_eq!(texts(&events).len(), 5);
}

#[tokio::test]
async fn d11_a_resume_brings_what_is_missing_and_only_that() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    send_many(&mut socket, "ben", 0..6).await;
    let (events, _) = synced(&mut ben.connect().await, having(&[("ann", 4)])).await;
    assert_eq!(texts(&events), ["text 4", "text 5"]);
    let (events, _) = synced(&mut ben.connect().await, having(&[("ann", 6)])).await;
    assert!(texts(&events).is_empty(), "{events:?}");
    assert!(events.iter().any(|event| matches!(event, Event::Marks(_))));
}

#[tokio::test]
async fn d11_a_gap_too_long_to_send_is_named_and_fetched_page_by_page() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let mut socket = ann.connect().await;
    send_many(&mut socket, "ben", 0..250).await;
    let mut ben = ben.connect().await;
    let (events, _) = synced(&mut ben, having(&[("ann", 10)])).await;
    let Some(Event::Gap(gap)) = events.iter().find(|event| matches!(event, Event::Gap(_))) else {
        panic!("no gap in {} events", events.len());
    };
    assert_eq!((gap.from_rev.0, gap.to_rev.0), (11, 150));
    assert_eq!((gap.from.0, gap.to.0), (11, 150));
    let wanted: Vec<String> = (150..250).map(|at| format!("text {at}")).collect();
    assert_eq!(texts(&events), wanted, "the newest, after the gap");

    let (mut after, mut filled) = (gap.from_rev.prev(), Vec::new());
    loop {
        let changes = Action::Changes(Changes {
            topic: topic("ann"),
            after,
            limit: Some(50),
        });
        let Event::Changes(page) = ben.request(changes).await else {
            panic!("changes are answered by changes");
        };
        filled.extend(texts(&page.frames).into_iter().map(str::to_owned));
        after = page
            .frames
            .last()
            .and_then(Event::log_place)
            .expect("a change")
            .1;
        if after >= gap.to_rev {
            assert!(page.more, "what came with the sync is above");
            break;
        }
    }
    let wanted: Vec<String> = (10..after.0).map(|at| format!("text {at}")).collect();
    assert_eq!(filled, wanted);
}

#[tokio::test]
async fn d11_numbers_of_a_foreign_store_are_ignored_and_said_so() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    send_many(&mut ann.connect().await, "ben", 0..3).await;
    let frame = r#"{"action":"sync","id":"s","epoch":"another","topics":{"ann":3,"nobody":9}}"#;
    let mut ben = ben.connect().await;
    ben.say(frame).await;
    let reset = ben.expect(|event| match event {
        Event::Synced(end) => Some(end.reset),
        _ => None,
    });
    assert!(reset.await);
    assert_eq!(ben.messages_until_roundtrip().await.len(), 3);
}

#[tokio::test]
async fn d11_joining_and_leaving_are_changes_that_reach_who_was_away() {
    let server = TestServer::start().await;
    let [ann, ben, cat] = server.people(["ann", "ben", "cat"]).await;
    ann.make_group("ops", &[&ben]).await;
    ann.put("/v1/groups/ops/users/cat").await;
    cat.delete("/v1/groups/ops/users/cat").await;
    let (events, _) = synced(&mut ben.connect().await, having(&[("ops", 1)])).await;
    let told: Vec<String> = events
        .iter()
        .filter_map(|event| match event {
            Event::Join(change) => Some(format!("join {} {}", change.name, change.rev)),
            Event::Leave(change) => Some(format!("leave {} {}", change.name, change.rev)),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["join cat 2", "leave cat 3"]);
}

#[tokio::test]
async fn d12_between_missed_and_live_messages_there_is_neither_hole_nor_double() {
    let server = TestServer::start().await;
    let [ann, ben] = server.people(["ann", "ben"]).await;
    let total = 400;
    let mut socket = ann.connect().await;
    send_many(&mut socket, "ben", 0..50).await;
    let sender = tokio::spawn(async move { send_many(&mut socket, "ben", 50..total).await });
    // Connects again and again while messages arrive, each time with what it has.
    let mut receiver = Receiver::new([Name::parse("ann").expect("a name")]);
    let (mut shown, mut connects) = (Vec::new(), 0);
    while shown.len() < total {
        let mut socket = ben.connect().await;
        connects += 1;
        let resume = receiver.resume();
        socket.request(resume).await;
        let enough = shown.len() + 37;
        while shown.len() < enough.min(total) {
            let steps = receiver.handle(socket.next_event().await);
            shown.extend(steps.show.into_iter().map(|message| message.text));
            if let Some(ask) = steps.ask {
                let page = socket.request(ask).await;
                let steps = receiver.handle(page);
                shown.extend(steps.show.into_iter().map(|message| message.text));
            }
        }
    }
    sender.await.expect("all were sent");
    let wanted: Vec<String> = (0..total).map(|at| format!("text {at}")).collect();
    assert_eq!(shown, wanted);
    // What a bus may lose is found every two seconds, and takes the time of the cuts.
    let least = if nodes_of_this_run() > 1 { 2 } else { 5 };
    assert!(connects > least, "{connects}");
}

#[tokio::test]
async fn d13_a_reader_that_stops_delays_nobody_and_loses_nothing() {
    let server = TestServer::start().await;
    let [ann, ben, cat] = server.people(["ann", "ben", "cat"]).await;
    ann.make_group("ops", &[&ben, &cat]).await;
    let mut stalled = ben.dial().slow().connect().await;
    let mut cat = cat.connect().await;
    let mut socket = ann.connect().await;
    let text = "x".repeat(4000);
    // More than sockets and kernel hold, so that the server has to stop writing to ben.
    for at in 0..3000 {
        socket.send("ops", &format!("{at} {text}")).await;
        if nodes_of_this_run() == 1 || at % 25 == 24 {
            cat.expect_message(|message| message.seq.0 == at + 2).await;
        }
    }
    let mut receiver = Receiver::new([Name::parse("ops").expect("a name")]);
    let mut shown = 0;
    while shown < 3001 {
        let steps = receiver.handle(stalled.next_event().await);
        let mut ask = steps.ask;
        shown += steps.show.len();
        while let Some(action) = ask {
            let steps = receiver.handle(stalled.request(action).await);
            shown += steps.show.len();
            ask = steps.ask;
        }
    }
    assert_eq!(shown, 3001);
}

#[tokio::test]
async fn d10_a_sync_of_long_texts_in_many_conversations_is_told_in_full() {
    let server = TestServer::start().await;
    let writers = ["ann", "ben", "cat", "dan"];
    let people = server.people(writers).await;
    let eve = server.person("eve").await;
    let long = "x".repeat(65_000);
    for writer in &people {
        let mut socket = writer.connect().await;
        for number in 0..60 {
            socket.send("eve", &format!("{number} {long}")).await;
        }
    }
    let mut socket = eve.connect().await;
    let named = writers.map(|writer| format!(r#""{writer}":0"#)).join(",");
    socket
        .say(format!(r#"{{"action":"sync","topics":{{{named}}}}}"#))
        .await;
    let mut told = std::collections::BTreeMap::<String, u64>::new();
    while told.values().sum::<u64>() < 4 * 60 {
        let message = socket.expect_message(|_| true).await;
        let last = told.entry(message.topic.to_string()).or_default();
        *last += 1;
        assert_eq!(message.seq.0, *last, "{} in order", message.topic);
    }
}
