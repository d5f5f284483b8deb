//! The agent on a disk that takes nothing, with queues that are long, and with a server that refuses.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver};

use chat_proto::{Event, Message, Name, Rev, Seq};
use tempfile::TempDir;

use super::errands::Found;
use super::*;
use crate::client::Client;
use crate::client::address::ServerUrl;
use crate::client::cache::outbox::OutboxFile;
use crate::client::cache::tests::{message, name};
use crate::client::cache::{Cache, Change};
use crate::client::outbox::LetterState;
use crate::client::scripted_tests::settings;
use crate::client::sync::Delivery;

/// An agent of ann that is not run, so that each step is one of the test's; and what it tells.
struct World {
    agent: Agent,
    told: Receiver<News>,
    _home: TempDir,
}

impl World {
    fn new() -> Self {
        let home = TempDir::new().expect("a folder");
        // Nobody listens there.
        let server = ServerUrl::parse("http://127.0.0.1:9").expect("a url");
        let settings = settings(server, Some("T"), home.path());
        let client = || Client::open(&settings).expect("a client");
        let (tell, told) = mpsc::sync_channel(100_000);
        let tell = Box::new(move |news| tell.send(news).is_ok());
        let agent = Agent::start(&settings, (client(), client()), name("ann"), tell);
        let world = Self {
            agent: agent.expect("memory"),
            told,
            _home: home,
        };
        world.told();
        world
    }

    fn told(&self) -> Vec<News> {
        self.told.try_iter().collect()
    }

    fn came(&mut self, message: Message) {
        let delivery = Delivery::Log(Event::Message(message));
        self.agent.handle_deliveries(vec![delivery]);
    }

    fn save(&mut self) {
        self.agent.save_drafts();
        self.agent.keep.flush();
    }

    fn places(&mut self) -> Vec<(Name, Rev)> {
        self.agent.keep.places()
    }

    fn kept(&mut self) -> Vec<Seq> {
        let range = crate::client::query::Range::Latest;
        let page = self.agent.keep.page(&name("ben"), range, PAGE_ENTRIES);
        page.iter().filter_map(Entry::seq).collect()
    }
}

#[tokio::test]
async fn what_a_full_disk_refused_is_written_once_it_has_room() {
    let mut world = World::new();
    world.agent.keep.refuse_writes(true);
    world.came(message("ben", "ben", 1, "one"));
    world.save();
    assert!(world.agent.keep.unsaved());
    world.came(message("ben", "ben", 2, "two"));
    world.save();
    assert_eq!(world.agent.keep.take_remarks().len(), 1, "it is said once");
    world.agent.keep.refuse_writes(false);
    world.save();
    assert!(!world.agent.keep.unsaved());
    assert_eq!(world.kept(), [Seq(1), Seq(2)]);
    assert_eq!(world.places(), [(name("ben"), Rev(2))]);
}

#[tokio::test]
async fn a_flood_on_a_full_disk_is_let_go_and_fetched_again_from_the_places_on_disk() {
    let mut world = World::new();
    world.came(message("ben", "ben", 1, "one"));
    world.save();
    world.agent.keep.refuse_writes(true);
    for seq in 2..9_000 {
        world.came(message("ben", "ben", seq, "more"));
    }
    assert!(world.agent.keep.unsaved(), "nobody is told that it arrived");
    world.agent.keep.refuse_writes(false);
    world.came(message("ben", "ben", 9_000, "the last"));
    world.save();
    world.came(message("ben", "ben", 9_001, "before the link begins again"));
    world.save();
    assert_eq!(
        world.places(),
        [(name("ben"), Rev(1))],
        "no place is over the hole"
    );
    assert!(world.agent.keep.unsaved());
    assert!(world.agent.keep.take_begun_anew());
    assert!(!world.agent.keep.unsaved());
}

#[tokio::test]
async fn a_draft_that_a_full_disk_refused_is_written_once_it_has_room() {
    let mut world = World::new();
    world.agent.keep.refuse_writes(true);
    let draft = Ask::Draft(name("ben"), "half a".to_owned());
    world.agent.handle_ask(draft);
    world.save();
    world.save();
    assert_eq!(world.agent.keep.take_remarks().len(), 1, "it is said once");
    world.agent.keep.refuse_writes(false);
    world.save();
    let drafts: BTreeMap<_, _> = world.agent.keep.drafts().into_iter().collect();
    assert_eq!(drafts.get(&name("ben")).map(String::as_str), Some("half a"));
    assert!(world.agent.drafts.is_empty());
}

/// Questions that wait for HTTP.
fn errands(agent: &Agent) -> usize {
    agent.errands.max_capacity() - agent.errands.capacity()
}

#[tokio::test]
async fn the_list_is_asked_for_once_and_its_end_is_known() {
    let mut world = World::new();
    for _ in 0..3 {
        world.agent.handle_ask(Ask::MoreLines);
    }
    assert_eq!(errands(&world.agent), 1);
    let found = |more| Found::Lines {
        lines: Vec::new(),
        more,
    };
    world.agent.handle_found(found(true));
    assert!(world.told().contains(&News::Beyond(1)));
    assert_eq!(errands(&world.agent), 1, "what nobody asks again is not");
    world.agent.handle_ask(Ask::MoreLines);
    assert_eq!(errands(&world.agent), 2);
    // Something happened that the answer on its way does not know of.
    world.agent.ask_lines();
    world.agent.ask_lines();
    assert_eq!(errands(&world.agent), 2);
    world.agent.handle_found(Found::NoLines);
    assert_eq!(errands(&world.agent), 3);
    world.agent.handle_found(found(false));
    assert!(world.told().contains(&News::Beyond(0)));
}

#[tokio::test]
async fn d16p_what_waits_to_be_asked_is_on_disk_though_nobody_listens_any_more() {
    let World { agent, told, _home } = World::new();
    let folder = TempDir::new().expect("a folder");
    let owner = crate::client::cache::tests::owner("ann");
    let path = folder.path().join("x.outbox.db");
    let mut agent = agent;
    agent.keep.use_outbox(&path, &owner);
    drop(told);
    let (put, asks) = tokio::sync::mpsc::channel(8);
    for topic in ["ben", "eva", "dana"] {
        let draft = Ask::Draft(name(topic), "half a".to_owned());
        put.send(draft).await.expect("room");
    }
    agent.tell(News::Beyond(0));
    agent.run(asks).await;
    drop(put);
    let outbox = OutboxFile::open(&path, &owner).expect("it opens").0;
    assert_eq!(outbox.drafts().expect("drafts").len(), 3);
}

fn synced(world: &mut World) {
    let synced = chat_proto::event::Synced {
        id: None,
        conversations: Vec::new(),
        more: false,
        reset: false,
    };
    world.agent.handle_deliveries(vec![Delivery::Live(synced)]);
}

fn last_line(world: &World) -> Line {
    let mut lines = world.told().into_iter().filter_map(|news| match news {
        News::Came { line, .. } => Some(line),
        _ => None,
    });
    lines.next_back().expect("a line")
}

#[tokio::test]
async fn a_group_that_one_is_added_to_is_asked_for_once_a_batch() {
    let mut world = World::new();
    world.came(message("ops", "ben", 7, "before the list"));
    assert_eq!(errands(&world.agent), 0, "the list may bring it");
    synced(&mut world);
    assert_eq!(errands(&world.agent), 1, "it did not");
    world.agent.handle_found(Found::NoLines);
    let deliveries = (8..12).map(|seq| message("deploys", "ben", seq, "x"));
    let deliveries = deliveries.map(|message| Delivery::Log(Event::Message(message)));
    world.agent.handle_deliveries(deliveries.collect());
    assert_eq!(errands(&world.agent), 2);
    assert_eq!(
        last_line(&world).first_seq,
        Seq(8),
        "nothing is missing above"
    );
    world.came(message("deploys", "ben", 12, "x"));
    assert_eq!(errands(&world.agent), 2);
}

#[tokio::test]
async fn what_was_read_offline_below_the_lines_that_were_told_is_told_to_the_server() {
    let mut world = World::new();
    world.came(message("ben", "ben", 1, "one"));
    world.agent.handle_ask(Ask::Read(name("ben"), Seq(1)));
    world.save();
    // As after a start with more conversations than are told at first.
    world.agent.lines.clear();
    world.agent.marks = super::marks::Marks::default();
    world.agent.marks.handle_connected();
    let marks = chat_proto::event::Marks {
        topic: name("ben"),
        read_seq: Seq(0),
        read: BTreeMap::new(),
        delivered: BTreeMap::new(),
    };
    let delivery = Delivery::Other(Event::Marks(marks));
    world.agent.handle_deliveries(vec![delivery]);
    let request = world.agent.marks.poll_request(world.agent.watch.now());
    let action = request.expect("a mark").action;
    assert!(matches!(
        action,
        chat_proto::Action::Mark(chat_proto::Mark::Read, up_to) if up_to.seq == Seq(1)
    ));
}

#[tokio::test]
async fn a_copy_that_another_process_began_anew_for_the_same_user_is_gone_on_with() {
    let mut world = World::new();
    let folder = TempDir::new().expect("a folder");
    let owner = crate::client::cache::tests::owner("ann");
    let path = folder.path().join("x.cache.db");
    let epoch = |name: &str| chat_proto::Epoch(name.to_owned());
    world.agent.keep.use_copy(&path, &owner);
    world.agent.keep.put(Change::Epoch(epoch("one")));
    world.came(message("ben", "ben", 1, "one"));
    world.save();
    let (mut other, _) = Cache::open(&path, &owner).expect("it opens");
    other.set_epoch(&epoch("two")).expect("emptied");
    world.came(message("ben", "ben", 2, "of the store before"));
    world.save();
    assert_eq!(world.agent.keep.epoch(), Some(epoch("two")));
    assert!(world.agent.keep.take_begun_anew());
    world.agent.begin_anew();
    let told = world.told();
    assert!(told.contains(&News::Reset));
    assert!(told.contains(&News::Link(LinkState::Connecting)));
    world.came(message("eva", "eva", 1, "of the new one"));
    world.save();
    let lines = other.conversations(9).expect("lines");
    assert_eq!(lines.len(), 1, "both have one copy");
}

fn letter(text: &str) -> Letter {
    let publish = chat_proto::action::Publish::text(name("ben").into(), text);
    Letter::new(MessageId::generate(), publish, crate::clock::wall())
}

/// What was told of letters: the words of each with how far it is, and those that are no more.
fn letters(world: &World) -> Vec<(String, LetterState)> {
    let told = world.told().into_iter().filter_map(|news| match news {
        News::Letters(letters) => Some(letters),
        _ => None,
    });
    told.flatten()
        .map(|letter| (letter.publish.text, letter.state))
        .collect()
}

/// The words of the letters on disk, each with how far it is.
fn kept_letters(world: &mut World) -> Vec<(String, LetterState)> {
    let letters = world.agent.keep.letters().expect("readable");
    let words = |letter: Letter| (letter.publish.text, letter.state);
    letters.into_iter().map(words).collect()
}

/// Ann sends these, one after another, while the disk takes nothing.
fn refused(world: &mut World, texts: [&str; 2]) -> [MessageId; 2] {
    world.agent.keep.refuse_writes(true);
    let ids = texts.map(|text| {
        let letter = letter(text);
        world.agent.handle_ask(Ask::Send(Box::new(letter.clone())));
        letter.id
    });
    world.agent.keep.refuse_writes(false);
    ids
}

#[tokio::test]
async fn d16_letters_that_the_disk_refuses_are_shown_as_not_sent_and_do_not_leave() {
    let mut world = World::new();
    refused(&mut world, ["first", "second"]);
    for (words, state) in letters(&world) {
        let failed = matches!(state, LetterState::Failed { .. });
        assert!(failed, "{words}: {state:?}");
    }
    assert_eq!(world.agent.outbox.letters().count(), 0);
    assert_eq!(kept_letters(&mut world), []);
}

#[tokio::test]
async fn d16_a_letter_that_the_disk_refused_can_be_tried_again_or_dropped() {
    let mut world = World::new();
    let [one, other] = refused(&mut world, ["one", "other"]);
    letters(&world);
    world.agent.handle_ask(Ask::Discard(other));
    world.agent.handle_ask(Ask::Retry(one));
    let queued = vec![("one".to_owned(), LetterState::Queued)];
    assert_eq!(letters(&world), queued);
    assert_eq!(kept_letters(&mut world), queued);
    assert!(world.agent.unkept.is_empty());
}

#[tokio::test]
async fn d16_a_letter_that_is_tried_again_takes_no_later_draft_along() {
    let mut world = World::new();
    let [one, _] = refused(&mut world, ["one", "other"]);
    let draft = Ask::Draft(name("ben"), "a second thought".to_owned());
    world.agent.handle_ask(draft);
    world.save();
    world.agent.handle_ask(Ask::Retry(one));
    world.agent.keep_unsent();
    let kept = world.agent.keep.drafts();
    assert_eq!(kept, [(name("ben"), "a second thought".to_owned())]);
}

#[tokio::test]
async fn d16_what_was_shown_as_not_sent_is_so_after_the_end_too() {
    let mut world = World::new();
    refused(&mut world, ["one", "other"]);
    world.agent.keep_unsent();
    assert!(world.agent.unkept.is_empty());
    let kept = kept_letters(&mut world);
    assert_eq!(kept.len(), 2);
    for (words, state) in kept {
        let failed = matches!(state, LetterState::Failed { .. });
        assert!(failed, "{words}: {state:?}");
    }
}

#[tokio::test]
async fn s04_a_text_beyond_the_limit_is_cut_where_it_comes_in() {
    let mut world = World::new();
    let huge = "\u{e4}".repeat(chat_proto::limits::TEXT_BYTES_MAX);
    world.came(message("ben", "ben", 1, &huge));
    let shown = last_line(&world).last_message.expect("a message").text;
    assert!(shown.len() <= chat_proto::limits::TEXT_BYTES_MAX + 3);
    assert!(shown.ends_with('…'));
}

#[tokio::test]
async fn d15_a_message_is_told_to_be_delivered_when_the_disk_has_it_and_not_before() {
    let mut world = World::new();
    world.came(message("ben", "ben", 1, "one"));
    assert_eq!(said_to_a_new_connection(&mut world), None);
    world.save();
    assert_eq!(said_to_a_new_connection(&mut world), Some("delivered"));
}

/// The mark that is told first on a connection that comes now.
fn said_to_a_new_connection(world: &mut World) -> Option<&'static str> {
    world.agent.say_what_is_due();
    let marks = &mut world.agent.marks;
    // What was on its way before is said again.
    marks.handle_disconnected();
    marks.handle_connected();
    let later = world.agent.watch.now().plus(Duration::from_secs(60));
    let told = marks.poll_request(later)?;
    Some(told.action.name())
}
