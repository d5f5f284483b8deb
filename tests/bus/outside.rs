//! What an operator is told who names a bus that cannot be used.

use std::sync::Arc;

use chat_proto::api::Secret;
use chat_server::attendance::Attendance;
use chat_server::bus::{Notice, TypingNotice, nats, redis};
use chat_server::change::{Address, ConversationId, UserId};
use chat_server::clock::SystemClock;
use chat_server::config::BusSettings;
use chat_server::nodes::NodeId;
use chat_server::router::Router;
use chat_tests::{Nats, Redis, eventually};

use crate::world::{Carrier, World, name};

pub(crate) async fn c01_a_bus_without_the_right_password_is_refused_with_a_sentence(w: &mut World) {
    let url = w.url();
    let (scheme, rest) = url.split_once("://").unwrap();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    for login in ["", "wrong:hunter2@"] {
        let url = format!("{scheme}://{login}{host}");
        let refused = w.start(&url).await.err().unwrap().to_string();
        assert!(refused.starts_with("bus: "), "{refused}");
        assert!(refused.contains("password"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}

pub(crate) async fn talkers_that_are_cut() {
    let redis = Redis::start().await.map(Carrier::Redis);
    let Some(mut w) = World::of("talkers_that_are_cut", redis) else {
        return;
    };
    let (one, other) = w.pair().await;
    let there = other.connect(1, "a").await;
    if let Carrier::Redis(redis) = &w.carrier {
        redis.cut_talkers().await;
    }
    let typing = Notice::Typing(TypingNotice {
        conversation: ConversationId(1),
        address: Address::Group(name("ops")),
        by: UserId(99),
        name: name("zoe"),
    });
    eventually("the node is heard again", async || {
        one.bus.publish([UserId(1)].into(), &typing);
        (!there.guard.mailbox.take().typing.is_empty()).then_some(())
    })
    .await;
}

pub(crate) async fn tokens_and_files() {
    let nats = Nats::setup().token().start().await.map(Carrier::Nats);
    let Some(mut w) = World::of("tokens_and_files", nats) else {
        return;
    };
    w.pair().await;
    let missing = "/does/not/exist.creds";
    let settings = BusSettings {
        url: Secret(w.url()),
        credentials: Some(missing.into()),
        ca: None,
    };
    let refused = w.start_with(settings).await.err().unwrap().to_string();
    assert!(refused.contains(missing), "{refused}");
}

pub(crate) fn urls_that_are_none() {
    let router = Arc::new(Router::default());
    let attendance = Attendance::new(0, NodeId(1), Arc::new(SystemClock::new()));
    let settings = |url: &str| BusSettings {
        url: Secret(url.to_owned()),
        credentials: None,
        ca: None,
    };
    for url in [
        "nats://",
        "nats://ann:hunter2@:4222",
        "nats://ann:hunter2@host:port",
        "ws://ann:hunter2@host",
        "nats://a:4222,,nats://b:4222",
    ] {
        let refused = nats::open(&settings(url), router.clone(), attendance.clone());
        let refused = refused.err().expect(url).to_string();
        assert!(refused.contains("nats://host:4222"), "{url}: {refused}");
        assert!(!refused.contains("hunter2"), "{url}: {refused}");
    }
    for url in [
        "redis://ann:hunter2@host:port",
        "redis://ann:hunter2@host/x",
    ] {
        let refused = redis::open(&settings(url), router.clone(), attendance.clone());
        let refused = refused.err().expect(url).to_string();
        assert!(refused.contains("redis://host:6379"), "{url}: {refused}");
        assert!(!refused.contains("hunter2"), "{url}: {refused}");
    }
}
