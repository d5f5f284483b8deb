//! One frame of each kind, with as little and with as much in it as it may have.

use std::collections::BTreeMap;

use chat_proto::action::{
    Action, Authenticate, Changes, History, MarkUpTo, OnTopic, PresenceOf, Publish, Request,
    SetStatus, Sync,
};
use chat_proto::event::{
    Ack, ChangesPage, ErrorFrame, Event, Gap, GoingAway, GroupChanged, HistoryPage, Limits,
    MarkMoved, Marks, Membership, Pong, PresenceChanged, PresenceList, Synced, Typing,
    UnknownEvent, Welcome,
};
use chat_proto::message::{FileRef, Reaction, Status};
use chat_proto::{
    Body, ConnectionId, Conversation, ConversationKind, Epoch, ErrorCode, Kind, Mark, Message,
    MessageId, Meta, Name, Presence, PresenceState, Refusal, Rev, Role, Seq, SessionId, Time,
    Topic, UserRef, limits,
};

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn topic(text: &str) -> Topic {
    Topic::parse(text).expect("a topic")
}

fn id() -> Option<MessageId> {
    Some(MessageId::parse("0198c0de-0000-7000-8000-000000000001").expect("an id"))
}

fn time() -> Time {
    Time::parse("2026-11-21T08:15:30.123456Z").expect("a time")
}

fn file() -> FileRef {
    FileRef {
        id: "f1".into(),
        name: "plan.png".into(),
        bytes: 12_345,
        media_type: "image/png".into(),
    }
}

fn ann() -> UserRef {
    UserRef {
        name: name("ann"),
        display_name: "Ann Ångström".into(),
    }
}

fn message() -> Message {
    Message {
        topic: name("ann"),
        seq: Seq(12),
        rev: Rev(14),
        id: id().expect("an id"),
        from: ann(),
        sent_at: time(),
        kind: Kind::Text,
        text: "hi".into(),
        lang: None,
        reply_to: None,
        thread: None,
        file: None,
        meta: None,
        edited_at: None,
        deleted: false,
        reactions: Vec::new(),
    }
}

fn full_message() -> Message {
    Message {
        kind: Kind::Other("poll".into()),
        text: "a \"b\"\n\t漢字 👩\u{200d}💻".into(),
        lang: Some("rust".into()),
        reply_to: Some(Seq(11)),
        thread: Some(Seq(3)),
        file: Some(file()),
        meta: Some(Meta::parse(r#"{"z":1.50,"a":[null,"x y"]}"#).expect("meta")),
        edited_at: Some(time()),
        reactions: vec![Reaction {
            emoji: "👍".into(),
            by: vec![name("ben"), name("cy")],
        }],
        ..message()
    }
}

fn away() -> Presence {
    Presence {
        name: name("ben"),
        state: PresenceState::Away,
        last_seen: Some(time()),
        status: Some(Status {
            text: "at lunch".into(),
            until: Some(time()),
        }),
    }
}

fn offline() -> Presence {
    Presence {
        name: name("cy"),
        state: PresenceState::Offline,
        last_seen: None,
        status: None,
    }
}

fn conversation() -> Conversation {
    Conversation {
        topic: name("ops"),
        title: "Operations".into(),
        kind: ConversationKind::Group,
        first_seq: Seq(1),
        last_seq: Seq(0),
        read_seq: Seq(0),
        rev: Rev(0),
        unread: 0,
        mentions: 0,
        last_message: None,
        presence: None,
        request: false,
    }
}

fn direct_request() -> Conversation {
    Conversation {
        topic: name("ben"),
        title: "Ben".into(),
        kind: ConversationKind::Direct,
        last_seq: Seq(12),
        read_seq: Seq(9),
        rev: Rev(14),
        unread: 2,
        mentions: 1,
        last_message: Some(message()),
        presence: Some(away()),
        request: true,
        ..conversation()
    }
}

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

/// Events by the name of their file.
pub(crate) fn events() -> Vec<(&'static str, Event)> {
    let mut all = answers();
    all.extend(of_the_log());
    all.extend(passing());
    all
}

fn welcome() -> Welcome {
    Welcome {
        connection: ConnectionId("5b0c".into()),
        session: SessionId("91aa".into()),
        user: ann(),
        protocol: limits::PROTOCOL,
        epoch: Epoch("e1".into()),
        limits: Limits {
            text_bytes: limits::TEXT_BYTES_MAX,
            send_rate: 0.5,
            send_burst: limits::SEND_BURST,
            sync_messages: limits::SYNC_MESSAGES,
            receipt_members: limits::RECEIPT_MEMBERS,
        },
        heartbeat_s: limits::HEARTBEAT_S,
    }
}

fn answers() -> Vec<(&'static str, Event)> {
    let ack = Ack {
        id: id(),
        topic: Some(name("ben")),
        seq: Some(Seq(12)),
        rev: Some(Rev(14)),
        sent_at: Some(time()),
        dup: true,
    };
    let history = |id, messages, more| {
        Event::History(HistoryPage {
            id,
            topic: name("ann"),
            messages,
            more,
        })
    };
    let changes = |id, frames, more| {
        Event::Changes(ChangesPage {
            id,
            topic: name("ops"),
            frames,
            more,
        })
    };
    let synced = |id, conversations, more| {
        Event::Synced(Synced {
            id,
            conversations,
            more,
            reset: more,
        })
    };
    let refused = |id, refusal| Event::Error(ErrorFrame::new(id, refusal));
    vec![
        ("welcome", Event::Welcome(welcome())),
        ("ack", Event::Ack(Ack::default())),
        ("ack_full", Event::Ack(ack)),
        ("history", history(None, Vec::new(), false)),
        (
            "history_full",
            history(id(), vec![message(), full_message()], true),
        ),
        ("changes", changes(None, Vec::new(), false)),
        (
            "changes_full",
            changes(
                id(),
                of_the_log().into_iter().map(|(_, event)| event).collect(),
                true,
            ),
        ),
        ("synced", synced(None, Vec::new(), false)),
        (
            "synced_full",
            synced(id(), vec![conversation(), direct_request()], true),
        ),
        (
            "presence_list",
            Event::PresenceList(PresenceList {
                id: None,
                users: Vec::new(),
            }),
        ),
        (
            "presence_list_full",
            Event::PresenceList(PresenceList {
                id: id(),
                users: vec![away(), offline()],
            }),
        ),
        ("pong", Event::Pong(Pong { id: None })),
        ("pong_full", Event::Pong(Pong { id: id() })),
        (
            "error",
            refused(
                None,
                Refusal::new(ErrorCode::Invalid, "the field 'action' is missing"),
            ),
        ),
        ("error_full", refused(id(), Refusal::rate_limited(400))),
    ]
}

fn of_the_log() -> Vec<(&'static str, Event)> {
    let membership = || Membership {
        topic: name("ops"),
        name: name("ben"),
        rev: Rev(3),
    };
    let group = GroupChanged {
        topic: name("ops"),
        rev: Rev(4),
        title: None,
        description: None,
        roles: BTreeMap::new(),
        archived: None,
    };
    let group_full = GroupChanged {
        title: Some("Operations".into()),
        description: Some("Day and night".into()),
        roles: BTreeMap::from([
            (name("ann"), Role::Owner),
            (name("ben"), Role::Admin),
            (name("cy"), Role::Member),
            (name("dee"), Role::ReadOnly),
        ]),
        archived: Some(true),
        ..group.clone()
    };
    let deleted = Message {
        text: String::new(),
        deleted: true,
        ..message()
    };
    let later = r#"{"type":"poll","topic":"ops","rev":15,"options":["a",{"b":1.50}]}"#;
    vec![
        ("message", Event::Message(message())),
        ("message_full", Event::Message(full_message())),
        ("message_deleted", Event::Message(deleted)),
        ("join", Event::Join(membership())),
        ("leave", Event::Leave(membership())),
        ("group", Event::Group(group)),
        ("group_full", Event::Group(group_full)),
        (
            "of_a_later_version",
            Event::Unknown(UnknownEvent {
                kind: "poll".into(),
                topic: Some(name("ops")),
                rev: Some(Rev(15)),
                json: later.into(),
            }),
        ),
    ]
}

fn passing() -> Vec<(&'static str, Event)> {
    let moved = || MarkMoved {
        topic: name("ops"),
        seq: Seq(12),
        by: name("ben"),
    };
    let marks = |read, delivered| {
        Event::Marks(Marks {
            topic: name("ops"),
            read_seq: Seq(9),
            read,
            delivered,
        })
    };
    let presence = |state, last_seen| {
        Event::Presence(PresenceChanged {
            name: name("ben"),
            state,
            last_seen,
        })
    };
    vec![
        (
            "gap",
            Event::Gap(Gap {
                topic: name("ops"),
                from_rev: Rev(5),
                to_rev: Rev(904),
                from: Seq(4),
                to: Seq(900),
            }),
        ),
        ("marks", marks(BTreeMap::new(), BTreeMap::new())),
        (
            "marks_full",
            marks(
                BTreeMap::from([(name("ben"), Seq(9))]),
                BTreeMap::from([(name("ben"), Seq(12)), (name("cy"), Seq(1))]),
            ),
        ),
        ("read", Event::Read(moved())),
        ("delivered", Event::Delivered(moved())),
        ("presence", presence(PresenceState::Online, None)),
        (
            "presence_full",
            presence(PresenceState::Offline, Some(time())),
        ),
        (
            "typing",
            Event::Typing(Typing {
                topic: name("ann"),
                by: name("ann"),
            }),
        ),
        (
            "going_away",
            Event::GoingAway(GoingAway {
                reason: "restart".into(),
                retry_after_ms: None,
            }),
        ),
        (
            "going_away_full",
            Event::GoingAway(GoingAway {
                reason: "drain".into(),
                retry_after_ms: Some(1500),
            }),
        ),
    ]
}
