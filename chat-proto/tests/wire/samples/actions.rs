//! One frame of each action, with as little and with as much in it as it may have.

use std::collections::BTreeMap;

use chat_proto::action::{
    Action, Authenticate, Changes, History, MarkUpTo, OnTopic, PresenceOf, Publish, Request,
    SetStatus, Sync,
};
use chat_proto::{Body, Epoch, Kind, Mark, Meta, PresenceState, Rev, Seq};

use super::{file, id, name, time, topic};

fn publish_full() -> Publish {
    Publish::new(
        topic("#ops"),
        Body {
            kind: Kind::Code,
            text: "fn main() {}".into(),
            lang: Some("rust".into()),
            reply_to: Some(Seq(4)),
            thread: Some(Seq(2)),
            file: Some(file()),
            meta: Some(Meta::parse(r#"{"n":1e3}"#).expect("meta")),
        },
    )
}

fn history(topic_text: &str) -> History {
    History {
        topic: topic(topic_text),
        before: None,
        after: None,
        around: None,
        limit: None,
    }
}

/// Requests by the name of their file.
pub(crate) fn requests() -> Vec<(&'static str, Request)> {
    let on = |text| OnTopic { topic: topic(text) };
    let up_to = |seq| MarkUpTo {
        topic: topic("ann"),
        seq: Seq(seq),
    };
    let bare = |action| Request { id: None, action };
    let full = |action| Request { id: id(), action };
    let token = |background| {
        Action::Authenticate(Authenticate {
            token: "eyJ0.e30.c2ln".into(),
            background,
        })
    };
    vec![
        ("authenticate", bare(token(false))),
        ("authenticate_full", full(token(true))),
        (
            "publish",
            bare(Action::Publish(Publish::text(topic("ben"), "hi"))),
        ),
        ("publish_full", full(Action::Publish(publish_full()))),
        ("subscribe", bare(Action::Subscribe(on("world")))),
        ("subscribe_full", full(Action::Subscribe(on("#world")))),
        ("unsubscribe", bare(Action::Unsubscribe(on("world")))),
        ("unsubscribe_full", full(Action::Unsubscribe(on("#world")))),
        ("delivered", bare(Action::Mark(Mark::Delivered, up_to(12)))),
        (
            "delivered_full",
            full(Action::Mark(Mark::Delivered, up_to(u64::MAX))),
        ),
        ("read", bare(Action::Mark(Mark::Read, up_to(0)))),
        ("read_full", full(Action::Mark(Mark::Read, up_to(12)))),
        ("history", bare(Action::History(history("ann")))),
        (
            "history_full",
            full(Action::History(History {
                before: Some(Seq(9)),
                after: Some(Seq(1)),
                around: Some(Seq(5)),
                limit: Some(1000),
                ..history("@ann")
            })),
        ),
        (
            "changes",
            bare(Action::Changes(Changes {
                topic: topic("ann"),
                after: Rev(0),
                limit: None,
            })),
        ),
        (
            "changes_full",
            full(Action::Changes(Changes {
                topic: topic("#ops"),
                after: Rev(7),
                limit: Some(1),
            })),
        ),
        ("sync", bare(Action::Sync(Sync::default()))),
        (
            "sync_full",
            full(Action::Sync(Sync {
                epoch: Some(Epoch("e1".into())),
                topics: BTreeMap::from([(name("ann"), Rev(14)), (name("ops"), Rev(0))]),
            })),
        ),
        (
            "status",
            bare(Action::Status(SetStatus {
                state: PresenceState::Dnd,
                text: None,
                until: None,
            })),
        ),
        (
            "status_full",
            full(Action::Status(SetStatus {
                state: PresenceState::Away,
                text: Some("at lunch".into()),
                until: Some(time()),
            })),
        ),
        (
            "presence",
            bare(Action::Presence(PresenceOf { names: Vec::new() })),
        ),
        (
            "presence_full",
            full(Action::Presence(PresenceOf {
                names: vec![name("ben"), name("cy")],
            })),
        ),
        ("typing", bare(Action::Typing(on("ann")))),
        ("typing_full", full(Action::Typing(on("@ann")))),
        ("ping", bare(Action::Ping)),
        ("ping_full", full(Action::Ping)),
    ]
}
