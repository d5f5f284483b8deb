//! One frame of each event, with as little and with as much in it as it may have.

use std::collections::BTreeMap;

use chat_proto::event::{
    Ack, ChangesPage, ErrorFrame, Event, Gap, GoingAway, GroupChanged, HistoryPage, Limits,
    MarkMoved, Marks, Membership, Pong, PresenceChanged, PresenceList, Synced, Typing,
    UnknownEvent, Welcome,
};
use chat_proto::{
    ConnectionId, Epoch, ErrorCode, Message, PresenceState, Refusal, Rev, Role, Seq, SessionId,
    limits,
};

use super::{
    ann, away, conversation, direct_request, full_message, id, message, name, offline, time,
};

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
