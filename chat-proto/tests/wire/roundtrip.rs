//! What is written is read as the same, whatever is in it; and what is damaged is refused with a sentence.

use std::collections::BTreeMap;

use chat_proto::action::{
    Action, Authenticate, Changes, History, MarkUpTo, OnTopic, PresenceOf, Publish, Request,
    SetStatus, Sync,
};
use chat_proto::event::{
    Ack, ChangesPage, ErrorFrame, Event, Gap, GoingAway, GroupChanged, HistoryPage, MarkMoved,
    Marks, Membership, Pong, PresenceChanged, PresenceList, Synced, Typing,
};
use chat_proto::message::{FileRef, Reaction, Status};
use chat_proto::{
    Body, Conversation, ConversationKind, Epoch, ErrorCode, Kind, Mark, Message, MessageId, Meta,
    Name, Presence, PresenceState, Refusal, Rev, Role, Seq, Sigil, Time, Topic, UserRef, codec,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::samples;

fn names() -> impl Strategy<Value = Name> {
    "[a-z0-9][a-z0-9._-]{0,31}".prop_map(|text| Name::parse(&text).expect("a name"))
}

fn topics() -> impl Strategy<Value = Topic> {
    let sigils = select(vec![None, Some(Sigil::Person), Some(Sigil::Group)]);
    (names(), sigils).prop_map(|(name, sigil)| Topic { name, sigil })
}

fn ids() -> impl Strategy<Value = MessageId> {
    "[ -~]{1,64}".prop_map(|text| MessageId::parse(&text).expect("an id"))
}

fn seqs() -> impl Strategy<Value = Seq> {
    any::<u64>().prop_map(Seq)
}

fn revs() -> impl Strategy<Value = Rev> {
    any::<u64>().prop_map(Rev)
}

fn times() -> impl Strategy<Value = Time> {
    any::<i64>().prop_map(Time::from_micros)
}

fn words() -> impl Strategy<Value = String> {
    any::<String>()
}

fn kinds() -> impl Strategy<Value = Kind> {
    "[a-z0-9._-]{1,32}|text|code|file".prop_map(|word| Kind::parse(&word).expect("a kind"))
}

fn metas() -> impl Strategy<Value = Meta> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        words().prop_map(Into::into),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(serde_json::Value::from),
            btree_map(words(), inner, 0..3)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    });
    btree_map(words(), value, 0..3).prop_filter_map("too large", |map| {
        let object = serde_json::Value::Object(map.into_iter().collect());
        Meta::parse(&format!("{object:#}")).ok()
    })
}

fn files() -> impl Strategy<Value = FileRef> {
    (words(), words(), any::<u64>(), words()).prop_map(|(id, name, bytes, media_type)| FileRef {
        id,
        name,
        bytes,
        media_type,
    })
}

fn bodies() -> impl Strategy<Value = Body> {
    let refs = (option::of(seqs()), option::of(seqs()), option::of(files()));
    (
        kinds(),
        words(),
        option::of(words()),
        refs,
        option::of(metas()),
    )
        .prop_map(|(kind, text, lang, (reply_to, thread, file), meta)| Body {
            kind,
            text,
            lang,
            reply_to,
            thread,
            file,
            meta,
        })
}

fn states() -> impl Strategy<Value = PresenceState> {
    use PresenceState::{Away, Dnd, Offline, Online};
    select(vec![Online, Away, Dnd, Offline])
}

fn actions() -> impl Strategy<Value = Action> {
    let on = || topics().prop_map(|topic| OnTopic { topic });
    let limit = || option::of(any::<u64>());
    let history = (
        topics(),
        option::of(seqs()),
        option::of(seqs()),
        option::of(seqs()),
        limit(),
    );
    let sync = (
        option::of(words().prop_map(Epoch)),
        btree_map(names(), revs(), 0..4),
    );
    prop_oneof![
        (words(), any::<bool>()).prop_map(|(token, background)| Action::Authenticate(
            Authenticate { token, background }
        )),
        (topics(), bodies()).prop_map(|(topic, body)| Action::Publish(Publish::new(topic, body))),
        on().prop_map(Action::Subscribe),
        on().prop_map(Action::Unsubscribe),
        (select(vec![Mark::Delivered, Mark::Read]), topics(), seqs())
            .prop_map(|(mark, topic, seq)| Action::Mark(mark, MarkUpTo { topic, seq })),
        history.prop_map(|(topic, before, after, around, limit)| {
            Action::History(History {
                topic,
                before,
                after,
                around,
                limit,
            })
        }),
        (topics(), revs(), limit()).prop_map(|(topic, after, limit)| Action::Changes(Changes {
            topic,
            after,
            limit
        })),
        sync.prop_map(|(epoch, topics)| Action::Sync(Sync { epoch, topics })),
        (states(), option::of(words()), option::of(times()))
            .prop_map(|(state, text, until)| Action::Status(SetStatus { state, text, until })),
        vec(names(), 0..4).prop_map(|names| Action::Presence(PresenceOf { names })),
        on().prop_map(Action::Typing),
        Just(Action::Ping),
    ]
}

fn requests() -> impl Strategy<Value = Request> {
    (option::of(ids()), actions()).prop_map(|(id, action)| Request { id, action })
}

fn users() -> impl Strategy<Value = UserRef> {
    (names(), words()).prop_map(|(name, display_name)| UserRef { name, display_name })
}

fn messages() -> impl Strategy<Value = Message> {
    let place = (names(), seqs(), revs(), ids(), users(), times());
    let reactions = vec(
        (words(), vec(names(), 0..3)).prop_map(|(emoji, by)| Reaction { emoji, by }),
        0..3,
    );
    let state = (option::of(times()), any::<bool>(), reactions);
    (place, bodies(), state).prop_map(|(place, body, (edited_at, deleted, reactions))| {
        let (topic, seq, rev, id, from, sent_at) = place;
        let Body {
            kind,
            text,
            lang,
            reply_to,
            thread,
            file,
            meta,
        } = body;
        Message {
            topic,
            seq,
            rev,
            id,
            from,
            sent_at,
            kind,
            text,
            lang,
            reply_to,
            thread,
            file,
            meta,
            edited_at,
            deleted,
            reactions,
        }
    })
}

fn presences() -> impl Strategy<Value = Presence> {
    let status = (words(), option::of(times())).prop_map(|(text, until)| Status { text, until });
    (names(), states(), option::of(times()), option::of(status)).prop_map(
        |(name, state, last_seen, status)| Presence {
            name,
            state,
            last_seen,
            status,
        },
    )
}

fn conversations() -> impl Strategy<Value = Conversation> {
    use ConversationKind::{Direct, Group, Public};
    let numbers = (seqs(), seqs(), seqs(), revs(), any::<u64>(), any::<u64>());
    let rest = (
        option::of(messages()),
        option::of(presences()),
        any::<bool>(),
    );
    (
        names(),
        words(),
        select(vec![Direct, Group, Public]),
        numbers,
        rest,
    )
        .prop_map(
            |(topic, title, kind, numbers, (last_message, presence, request))| {
                let (first_seq, last_seq, read_seq, rev, unread, mentions) = numbers;
                Conversation {
                    topic,
                    title,
                    kind,
                    first_seq,
                    last_seq,
                    read_seq,
                    rev,
                    unread,
                    mentions,
                    last_message,
                    presence,
                    request,
                }
            },
        )
}

fn log_events() -> impl Strategy<Value = Event> {
    let membership = || {
        (names(), names(), revs()).prop_map(|(topic, name, rev)| Membership { topic, name, rev })
    };
    let roles = btree_map(
        names(),
        select(vec![Role::Owner, Role::Admin, Role::Member, Role::ReadOnly]),
        0..3,
    );
    let said = (
        option::of(words()),
        option::of(words()),
        option::of(any::<bool>()),
    );
    let group = (names(), revs(), roles, said).prop_map(
        |(topic, rev, roles, (title, description, archived))| {
            Event::Group(GroupChanged {
                topic,
                rev,
                title,
                description,
                roles,
                archived,
            })
        },
    );
    prop_oneof![
        messages().prop_map(Event::Message),
        membership().prop_map(Event::Join),
        membership().prop_map(Event::Leave),
        group,
    ]
}

fn answers() -> impl Strategy<Value = Event> {
    let id = || option::of(ids());
    let ack = (
        id(),
        option::of(names()),
        option::of(seqs()),
        option::of(revs()),
        option::of(times()),
        any::<bool>(),
    );
    prop_oneof![
        ack.prop_map(|(id, topic, seq, rev, sent_at, dup)| {
            Event::Ack(Ack {
                id,
                topic,
                seq,
                rev,
                sent_at,
                dup,
            })
        }),
        (id(), names(), vec(messages(), 0..3), any::<bool>()).prop_map(
            |(id, topic, messages, more)| Event::History(HistoryPage {
                id,
                topic,
                messages,
                more
            })
        ),
        (id(), names(), vec(log_events(), 0..3), any::<bool>()).prop_map(
            |(id, topic, frames, more)| Event::Changes(ChangesPage {
                id,
                topic,
                frames,
                more
            })
        ),
        (
            id(),
            vec(conversations(), 0..3),
            any::<bool>(),
            any::<bool>()
        )
            .prop_map(|(id, conversations, more, reset)| Event::Synced(Synced {
                id,
                conversations,
                more,
                reset
            })),
        (id(), vec(presences(), 0..3))
            .prop_map(|(id, users)| Event::PresenceList(PresenceList { id, users })),
        id().prop_map(|id| Event::Pong(Pong { id })),
        (
            id(),
            select(ErrorCode::ALL.to_vec()),
            words(),
            option::of(any::<u64>())
        )
            .prop_map(|(id, code, message, retry_after_ms)| {
                let refusal = Refusal {
                    code,
                    message,
                    retry_after_ms,
                };
                Event::Error(ErrorFrame::new(id, refusal))
            }),
    ]
}

fn passing() -> impl Strategy<Value = Event> {
    let moved =
        || (names(), seqs(), names()).prop_map(|(topic, seq, by)| MarkMoved { topic, seq, by });
    let marks = || btree_map(names(), seqs(), 0..3);
    prop_oneof![
        (names(), revs(), revs(), seqs(), seqs()).prop_map(
            |(topic, from_rev, to_rev, from, to)| {
                Event::Gap(Gap {
                    topic,
                    from_rev,
                    to_rev,
                    from,
                    to,
                })
            }
        ),
        (names(), seqs(), marks(), marks()).prop_map(|(topic, read_seq, read, delivered)| {
            Event::Marks(Marks {
                topic,
                read_seq,
                read,
                delivered,
            })
        }),
        moved().prop_map(Event::Read),
        moved().prop_map(Event::Delivered),
        (names(), states(), option::of(times())).prop_map(|(name, state, last_seen)| {
            Event::Presence(PresenceChanged {
                name,
                state,
                last_seen,
            })
        }),
        (names(), names()).prop_map(|(topic, by)| Event::Typing(Typing { topic, by })),
        (words(), option::of(any::<u64>())).prop_map(|(reason, retry_after_ms)| {
            Event::GoingAway(GoingAway {
                reason,
                retry_after_ms,
            })
        }),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![answers(), log_events(), passing()]
}

/// A field that nobody knows, put first into an object.
fn with_a_stranger(frame: &str) -> String {
    frame.replacen('{', r#"{"x-later":{"deep":[1,{"topic":7}]},"#, 1)
}

proptest! {
    #[test]
    fn a_request_is_read_as_it_was_written(request in requests()) {
        let frame = codec::encode_request(&request);
        prop_assert!(!frame.contains('\n'));
        prop_assert_eq!(codec::decode_request(&frame), Ok(request));
    }

    #[test]
    fn an_event_is_read_as_it_was_written(event in events()) {
        let frame = codec::encode_event(&event);
        prop_assert!(!frame.contains('\n'));
        prop_assert_eq!(codec::decode_event(&frame), Ok(event));
    }

    #[test]
    fn a_field_that_is_not_known_is_passed_over(request in requests(), event in events()) {
        let frame = with_a_stranger(&codec::encode_request(&request));
        prop_assert_eq!(codec::decode_request(&frame), Ok(request));
        let frame = with_a_stranger(&codec::encode_event(&event));
        prop_assert_eq!(codec::decode_event(&frame), Ok(event));
    }

    #[test]
    fn an_event_of_a_later_version_keeps_its_place_and_its_words(
        kind in "x[a-z]{1,10}", topic in names(), rev in revs(), text in words(),
    ) {
        let frame = serde_json::json!({"type": kind, "topic": topic, "rev": rev, "text": text}).to_string();
        let event = codec::decode_event(&frame).expect("an unknown type is an event");
        prop_assert_eq!(event.log_place(), Some((&topic, rev)));
        prop_assert_eq!(codec::encode_event(&event), frame.clone());
        let page = Event::Changes(ChangesPage { id: None, topic, frames: vec![event], more: false });
        prop_assert!(codec::encode_event(&page).contains(&frame));
        prop_assert_eq!(codec::decode_event(&codec::encode_event(&page)), Ok(page));
    }

    #[test]
    fn d19_no_text_makes_the_reader_panic(text in any::<String>()) {
        for frame in [text.clone(), format!("{{{text}}}"), format!("{{\"action\":{text}}}")] {
            let _ = codec::decode_request(&frame);
            let _ = codec::decode_event(&frame);
        }
    }

    #[test]
    fn d19_no_bytes_make_the_reader_of_bodies_panic(body in vec(any::<u8>(), 0..200)) {
        let _ = codec::decode_body::<chat_proto::api::NewMessage>(&body);
    }

    #[test]
    fn d19_a_frame_cut_short_is_refused_with_a_sentence(request in requests(), at in any::<prop::sample::Index>()) {
        let frame = codec::encode_request(&request);
        let mut cut = at.index(frame.len());
        while !frame.is_char_boundary(cut) {
            cut -= 1;
        }
        let error = codec::decode_request(&frame[..cut]).expect_err("it is no object any more");
        prop_assert_eq!(error.refusal.code, ErrorCode::Invalid);
        prop_assert!(error.refusal.message.contains("line 1") || error.refusal.message.contains("nothing"));
    }

    #[test]
    fn d19_a_frame_with_a_damaged_byte_is_read_or_refused_with_a_printable_sentence(
        request in requests(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = codec::encode_request(&request).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Err(error) = codec::decode_request(&String::from_utf8_lossy(&bytes)) {
            prop_assert!(error.refusal.message.len() > 10);
            prop_assert!(error.refusal.message.bytes().all(|b| (b' '..=b'~').contains(&b)));
        }
    }
}

/// Values of a wrong type for any field.
fn wrong_values() -> Vec<serde_json::Value> {
    vec![
        serde_json::json!([[]]),
        serde_json::json!({"a": {"b": []}}),
        serde_json::json!(-1.5),
    ]
}

#[test]
fn d19_a_wrong_or_missing_field_is_named() {
    for (name, request) in samples::requests() {
        let frame: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(&codec::encode_request(&request)).expect("an object");
        // `meta` may hold any object, so its values say nothing here.
        for field in frame.keys().filter(|field| *field != "meta") {
            for wrong in wrong_values() {
                let mut frame = frame.clone();
                frame.insert(field.clone(), wrong);
                refused_naming(field, &serde_json::to_string(&frame).expect("JSON"), name);
            }
            let mut frame = frame.clone();
            frame.remove(field);
            let text = serde_json::to_string(&frame).expect("JSON");
            if codec::decode_request(&text).is_err() {
                refused_naming(field, &text, name);
            }
        }
    }
}

fn refused_naming(field: &str, frame: &str, name: &str) {
    let error = codec::decode_request(frame).expect_err(frame);
    assert_eq!(error.refusal.code, ErrorCode::Invalid, "{name}");
    let sentence = &error.refusal.message;
    assert!(
        sentence.contains(&format!("'{field}'")) || sentence.contains(&format!("`{field}`")),
        "{name}: {frame} gave: {sentence}"
    );
}
