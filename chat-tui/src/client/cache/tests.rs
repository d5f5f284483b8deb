//! The local copy: what is put in comes out, once and in order, whatever happens to the file.

use std::fs;
use std::path::PathBuf;

use chat_proto::event::{GroupChanged, Membership};
use chat_proto::message::Reaction;
use chat_proto::{
    Conversation, ConversationKind, Epoch, Event, Kind, Mark, Message, MessageId, Meta, Name, Rev,
    Seq, Time, UserRef,
};
use tempfile::TempDir;

use super::*;
use crate::client::query::Range;

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

pub(crate) fn owner(text: &str) -> Owner {
    Owner {
        server: "http://127.0.0.1:8080".to_owned(),
        name: name(text),
    }
}

/// The message `seq` in `topic`, sent by `from` at the second `seq`.
pub(crate) fn message(topic: &str, from: &str, seq: u64, text: &str) -> Message {
    Message {
        topic: name(topic),
        seq: Seq(seq),
        rev: Rev(seq),
        id: MessageId::parse(&format!("{topic}-{seq}")).expect("an id"),
        from: UserRef {
            name: name(from),
            display_name: from.to_uppercase(),
        },
        sent_at: Time::from_micros(i64::try_from(seq).expect("small") * 1_000_000),
        kind: Kind::Text,
        text: text.to_owned(),
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

fn line(topic: &str, last: u64, read: u64, unread: u64) -> Conversation {
    Conversation {
        topic: name(topic),
        title: format!("The title of {topic}"),
        kind: ConversationKind::Group,
        first_seq: Seq(1),
        last_seq: Seq(last),
        read_seq: Seq(read),
        rev: Rev(last),
        unread,
        mentions: 0,
        last_message: None,
        presence: None,
        request: false,
    }
}

/// A copy of ann in a folder of its own.
pub(super) struct World {
    pub(super) folder: TempDir,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a folder"),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        path(self.folder.path(), &name("default"))
    }

    pub(super) fn open(&self) -> Cache {
        let (cache, aside) = Cache::open(&self.path(), &owner("ann")).expect("it opens");
        assert_eq!(aside, None);
        cache
    }

    pub(super) fn aside(&self) -> usize {
        let entries = fs::read_dir(self.folder.path()).expect("a folder");
        entries
            .filter(|entry| {
                let name = entry.as_ref().expect("an entry").file_name();
                let name = name.to_string_lossy().into_owned();
                name.contains(".damaged-") && !name.ends_with("-wal") && !name.ends_with("-shm")
            })
            .count()
    }
}

pub(super) fn seqs(entries: &[Entry]) -> Vec<u64> {
    let seq = |entry: &Entry| match entry {
        Entry::Message(message) => Some(message.seq.0),
        Entry::Change(_) => None,
    };
    entries.iter().filter_map(seq).collect()
}

fn revs(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.rev().0).collect()
}

#[test]
fn a_message_comes_out_as_it_was_put_in_and_once() {
    let world = World::new();
    let mut whole = message("ops", "ben", 1, "hi @ann");
    whole.kind = Kind::Code;
    whole.lang = Some("rust".to_owned());
    whole.reply_to = Some(Seq(1));
    whole.meta = Some(Meta::parse(r#"{"b":1,"a":1.50}"#).expect("meta"));
    whole.reactions = vec![Reaction {
        emoji: "+1".to_owned(),
        by: vec![name("ann")],
    }];
    let plain = message("ops", "ann", 2, "yes");
    let changes = [
        Change::Message(plain.clone()),
        Change::Message(whole.clone()),
        Change::Message(plain.clone()),
    ];
    world.open().apply(&changes).expect("applied");
    let cache = world.open();
    let page = cache.page(&name("ops"), Range::Latest, 50).expect("a page");
    assert_eq!(page, [Entry::Message(whole), Entry::Message(plain.clone())]);
    let line = cache
        .conversation(&name("ops"))
        .expect("read")
        .expect("a line");
    assert_eq!(
        (line.kind, line.last_seq, line.last_message),
        (ConversationKind::Group, Seq(2), Some(plain))
    );
    assert_eq!((line.unread, line.mentions), (1, 1));
}

#[test]
fn of_two_versions_of_a_message_the_later_one_stays() {
    let mut cache = Cache::in_memory(&owner("ann")).expect("memory");
    let first = message("ops", "ben", 1, "@ann frist");
    let edited = Message {
        text: "@ann first".to_owned(),
        edited_at: Some(Time::from_micros(5)),
        ..first.clone()
    };
    let deleted = Message {
        text: String::new(),
        deleted: true,
        ..first.clone()
    };
    let shown = |cache: &Cache| {
        let line = cache
            .conversation(&name("ops"))
            .expect("read")
            .expect("a line");
        (line.last_message.expect("a message").text, line.mentions)
    };
    cache
        .apply(&[
            Change::Message(edited.clone()),
            Change::Message(first.clone()),
        ])
        .expect("applied");
    assert_eq!(shown(&cache), ("@ann first".to_owned(), 1));
    cache
        .apply(&[Change::Message(deleted), Change::Message(edited)])
        .expect("applied");
    assert_eq!(shown(&cache), (String::new(), 0));
}

#[test]
fn u01p_unread_is_arithmetic_on_the_numbers_and_ones_own_do_not_count() {
    let mut cache = Cache::in_memory(&owner("ann")).expect("memory");
    let unread = |cache: &Cache| {
        cache
            .conversation(&name("ben"))
            .expect("read")
            .expect("a line")
            .unread
    };
    let mut changes: Vec<Change> = Vec::new();
    for seq in 1..=6 {
        let from = if seq % 3 == 0 { "ann" } else { "ben" };
        changes.push(Change::Message(message("ben", from, seq, "x")));
    }
    cache.apply(&changes).expect("applied");
    assert_eq!(unread(&cache), 4);
    let read = |seq| Change::ReadUpTo {
        topic: name("ben"),
        seq: Seq(seq),
    };
    cache.apply(&[read(4), read(2)]).expect("applied");
    assert_eq!(unread(&cache), 1);
    cache.apply(&[read(9)]).expect("applied");
    assert_eq!(unread(&cache), 0);
}

#[test]
fn u01p_what_the_server_counted_holds_where_the_copy_has_holes() {
    let mut cache = Cache::in_memory(&owner("ann")).expect("memory");
    let unread = |cache: &Cache| {
        cache
            .conversation(&name("ops"))
            .expect("read")
            .expect("a line")
            .unread
    };
    // Of 90 messages above the mark 20 are one's own, and none of them is here.
    cache
        .apply(&[Change::Conversation(line("ops", 100, 10, 70))])
        .expect("applied");
    assert_eq!(unread(&cache), 70);
    let more = [
        Change::Message(message("ops", "ben", 101, "one more")),
        Change::Message(message("ops", "ann", 102, "mine")),
    ];
    cache.apply(&more).expect("applied");
    assert_eq!(unread(&cache), 71);
    // What comes late does not turn it back.
    cache
        .apply(&[Change::Conversation(line("ops", 100, 10, 70))])
        .expect("applied");
    assert_eq!(unread(&cache), 71);
    cache
        .apply(&[Change::ReadUpTo {
            topic: name("ops"),
            seq: Seq(100),
        }])
        .expect("applied");
    assert_eq!(unread(&cache), 1);
}

#[test]
fn conversations_are_ranked_by_last_chat_and_named_by_the_list() {
    let mut cache = Cache::in_memory(&owner("ann")).expect("memory");
    let listed = Conversation {
        last_message: Some(message("ops", "eva", 9, "last")),
        ..line("ops", 9, 0, 9)
    };
    let changes = [
        Change::Message(message("ben", "ann", 3, "mine")),
        Change::Message(message("lab", "ben", 5, "x")),
        Change::Conversation(listed),
        Change::Conversation(line("new", 0, 0, 0)),
        Change::Mark {
            topic: name("ghost"),
            name: name("x"),
            mark: Mark::Read,
            seq: Seq(1),
        },
    ];
    cache.apply(&changes).expect("applied");
    let lines = cache.conversations(15).expect("lines");
    let shown: Vec<_> = lines
        .iter()
        .map(|line| (line.topic.as_str(), line.title.as_str(), line.kind))
        .collect();
    assert_eq!(
        shown,
        [
            ("ops", "The title of ops", ConversationKind::Group),
            ("lab", "lab", ConversationKind::Group),
            ("ben", "ben", ConversationKind::Direct),
            ("new", "The title of new", ConversationKind::Group),
        ]
    );
    assert_eq!(cache.conversations(2).expect("lines").len(), 2);
    cache
        .apply(&[Change::Message(message("ben", "ben", 4, "hi"))])
        .expect("applied");
    let ben = cache
        .conversation(&name("ben"))
        .expect("read")
        .expect("a line");
    assert_eq!(
        (ben.title.as_str(), ben.kind),
        ("BEN", ConversationKind::Direct)
    );
}

#[test]
fn a_page_holds_the_changes_between_its_messages_and_pages_join_without_a_double() {
    let mut cache = Cache::in_memory(&owner("ann")).expect("memory");
    let member = |rev, who: &str| Membership {
        topic: name("ops"),
        name: name(who),
        rev: Rev(rev),
    };
    let mut changes = vec![
        Change::Join(member(1, "ben")),
        Change::Leave(member(4, "ben")),
        Change::Join(member(9, "eva")),
        Change::Group(GroupChanged {
            topic: name("ops"),
            rev: Rev(6),
            title: Some("Operations".to_owned()),
            description: None,
            roles: Default::default(),
            archived: None,
        }),
    ];
    for (seq, rev) in [(1, 2), (2, 3), (3, 5), (4, 7), (5, 8)] {
        changes.push(Change::Message(Message {
            rev: Rev(rev),
            ..message("ops", "eva", seq, "x")
        }));
    }
    cache.apply(&changes).expect("applied");
    let page = |range, limit| cache.page(&name("ops"), range, limit).expect("a page");
    assert_eq!(revs(&page(Range::Latest, 50)), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(revs(&page(Range::Latest, 2)), [7, 8, 9]);
    assert_eq!(revs(&page(Range::Before(Seq(4)), 2)), [3, 4, 5, 6]);
    assert_eq!(revs(&page(Range::Before(Seq(2)), 2)), [1, 2]);
    assert_eq!(seqs(&page(Range::After(Seq(1)), 2)), [2, 3]);
    assert_eq!(seqs(&page(Range::Around(Seq(3)), 3)), [2, 3, 4]);
    assert!(page(Range::After(Seq(5)), 2).is_empty());
    assert!(matches!(
        page(Range::Latest, 9)[0],
        Entry::Change(Event::Join(_))
    ));
    let title = cache
        .conversation(&name("ops"))
        .expect("read")
        .expect("a line")
        .title;
    assert_eq!(title, "Operations");
}

#[test]
fn marks_and_places_only_grow_and_read_stands_for_delivered() {
    let mut cache = Cache::in_memory(&owner("ann")).expect("memory");
    let mark = |who: &str, mark, seq| Change::Mark {
        topic: name("ops"),
        name: name(who),
        mark,
        seq: Seq(seq),
    };
    let place = |rev| Change::Place {
        topic: name("ops"),
        rev: Rev(rev),
    };
    let changes = [
        Change::Message(message("ops", "ben", 9, "x")),
        mark("ben", Mark::Read, 5),
        mark("ben", Mark::Read, 3),
        mark("eva", Mark::Delivered, 4),
        mark("ann", Mark::Read, 7),
        place(9),
        place(4),
    ];
    cache.apply(&changes).expect("applied");
    let line = cache
        .conversation(&name("ops"))
        .expect("read")
        .expect("a line");
    assert_eq!(line.read, [(name("ben"), Seq(5))].into());
    let delivered = [(name("ben"), Seq(5)), (name("eva"), Seq(4))];
    assert_eq!(line.delivered, delivered.into());
    assert_eq!(line.read_seq, Seq(7));
    assert_eq!(cache.places().expect("places"), [(name("ops"), Rev(9))]);
    cache
        .apply(&[Change::Forget { topic: name("ops") }])
        .expect("applied");
    assert_eq!(cache.conversation(&name("ops")).expect("read"), None);
    assert!(cache.places().expect("places").is_empty());
    assert!(
        cache
            .page(&name("ops"), Range::Latest, 9)
            .expect("a page")
            .is_empty()
    );
}

#[test]
fn what_may_not_be_read_any_more_is_not_kept() {
    let mut cache = Cache::in_memory(&owner("ann")).expect("memory");
    let messages: Vec<_> = (1..=5)
        .map(|seq| Change::Message(message("ops", "ben", seq, "x")))
        .collect();
    cache.apply(&messages).expect("applied");
    let shortened = Conversation {
        first_seq: Seq(4),
        ..line("ops", 5, 0, 5)
    };
    cache
        .apply(&[Change::Conversation(shortened)])
        .expect("applied");
    assert_eq!(
        seqs(&cache.page(&name("ops"), Range::Latest, 9).expect("a page")),
        [4, 5]
    );
}

#[test]
fn another_store_or_another_owner_finds_nothing() {
    let world = World::new();
    let mut cache = world.open();
    cache.set_epoch(&Epoch("one".to_owned())).expect("set");
    cache
        .apply(&[Change::Message(message("ben", "ben", 1, "x"))])
        .expect("applied");
    let mut second = world.open();
    assert_eq!(second.epoch(), Some(&Epoch("one".to_owned())));
    second
        .set_epoch(&Epoch("one".to_owned()))
        .expect("the same");
    assert_eq!(second.conversations(9).expect("lines").len(), 1);
    second.set_epoch(&Epoch("two".to_owned())).expect("set");
    assert!(second.conversations(9).expect("lines").is_empty());
    // The first process still counts by the old store: its numbers must not get in.
    let late = cache.apply(&[Change::Message(message("ben", "ben", 2, "x"))]);
    assert!(matches!(late, Err(CacheError::BegunAnew)), "{late:?}");
    cache
        .set_epoch(&Epoch("two".to_owned()))
        .expect("it has heard of it");
    cache
        .apply(&[Change::Message(message("ben", "ben", 2, "x"))])
        .expect("applied");
    let (bens, aside) = Cache::open(&world.path(), &owner("ben")).expect("it opens");
    assert_eq!((aside, bens.epoch()), (None, None));
    assert!(bens.conversations(9).expect("lines").is_empty());
    let late = cache.apply(&[Change::Message(message("ben", "ben", 3, "x"))]);
    assert!(matches!(late, Err(CacheError::BegunAnew)), "{late:?}");
}

#[test]
fn two_processes_put_in_the_same_and_it_is_there_once() {
    let world = World::new();
    let (mut one, mut two) = (world.open(), world.open());
    let version = two.version().expect("a version");
    let batch: Vec<_> = (1..=300)
        .map(|seq| Change::Message(message("ben", "ben", seq, "x")))
        .collect();
    std::thread::scope(|scope| {
        for cache in [&mut one, &mut two] {
            scope.spawn(|| {
                for part in batch.chunks(10) {
                    cache.apply(part).expect("applied");
                }
            });
        }
    });
    assert_ne!(two.version().expect("a version"), version);
    let all: Vec<u64> = (1..=300).collect();
    assert_eq!(
        seqs(&two.page(&name("ben"), Range::Latest, 999).expect("a page")),
        all
    );
}
