//! What the frozen frames are made of.

mod actions;
mod events;

use chat_proto::message::{FileRef, Reaction, Status};
use chat_proto::{
    Conversation, ConversationKind, Kind, Message, MessageId, Meta, Name, Presence, PresenceState,
    Rev, Seq, Time, Topic, UserRef,
};

pub(crate) use actions::requests;
pub(crate) use events::events;

fn name(text: &str) -> Name {
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
