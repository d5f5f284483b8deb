//! Frames with anything in them that a frame may hold.

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
    Name, Presence, PresenceState, Refusal, Rev, Role, Seq, Sigil, Time, Topic, UserRef,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) fn names() -> impl Strategy<Value = Name> {
    "[a-z0-9][a-z0-9._-]{0,31}".prop_map(|text| Name::parse(&text).expect("a name"))
}

pub(crate) fn topics() -> impl Strategy<Value = Topic> {
    let sigils = select(vec![None, Some(Sigil::Person), Some(Sigil::Group)]);
    (names(), sigils).prop_map(|(name, sigil)| Topic { name, sigil })
}

pub(crate) fn ids() -> impl Strategy<Value = MessageId> {
    "[ -~]{1,64}".prop_map(|text| MessageId::parse(&text).expect("an id"))
}

pub(crate) fn seqs() -> impl Strategy<Value = Seq> {
    any::<u64>().prop_map(Seq)
}

pub(crate) fn revs() -> impl Strategy<Value = Rev> {
    any::<u64>().prop_map(Rev)
}

pub(crate) fn times() -> impl Strategy<Value = Time> {
    any::<i64>().prop_map(Time::from_micros)
}

pub(crate) fn words() -> impl Strategy<Value = String> {
    any::<String>()
}

pub(crate) fn kinds() -> impl Strategy<Value = Kind> {
    "[a-z0-9._-]{1,32}|text|code|file".prop_map(|word| Kind::parse(&word).expect("a kind"))
}

pub(crate) fn metas() -> impl Strategy<Value = Meta> {
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

pub(crate) fn files() -> impl Strategy<Value = FileRef> {
    (words(), words(), any::<u64>(), words()).prop_map(|(id, name, bytes, media_type)| FileRef {
        id,
        name,
        bytes,
        media_type,
    })
}

pub(crate) fn bodies() -> impl Strategy<Value = Body> {
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

pub(crate) fn states() -> impl Strategy<Value = PresenceState> {
    use PresenceState::{Away, Dnd, Offline, Online};
    select(vec![Online, Away, Dnd, Offline])
}

pub(crate) fn actions() -> impl Strategy<Value = Action> {
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

pub(crate) fn requests() -> impl Strategy<Value = Request> {
    (option::of(ids()), actions()).prop_map(|(id, action)| Request { id, action })
}

pub(crate) fn users() -> impl Strategy<Value = UserRef> {
    (names(), words()).prop_map(|(name, display_name)| UserRef { name, display_name })
}

pub(crate) fn messages() -> impl Strategy<Value = Message> {
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

pub(crate) fn presences() -> impl Strategy<Value = Presence> {
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

pub(crate) fn conversations() -> impl Strategy<Value = Conversation> {
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

pub(crate) fn log_events() -> impl Strategy<Value = Event> {
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

pub(crate) fn answers() -> impl Strategy<Value = Event> {
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

pub(crate) fn passing() -> impl Strategy<Value = Event> {
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

pub(crate) fn events() -> impl Strategy<Value = Event> {
    prop_oneof![answers(), log_events(), passing()]
}
