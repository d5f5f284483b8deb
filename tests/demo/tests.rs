//! The stage as it is set, and the people on it, asked over the wire.

use std::time::Duration;

use chat_proto::api::Page;
use chat_proto::{Conversation, Event, PresenceState, Time};
use chat_server::clock::Clock as _;
use chat_tests::{Person, TestClient};
use chat_tui::cli::exit::Exit;
use jiff::tz::TimeZone;
use tempfile::TempDir;

use crate::actors::{Company, Pace};
use crate::history::{self, Cast};
use crate::past::{self, Talk};
use crate::people::{Habit, PEOPLE, VISITOR};
use crate::stage::Stage;
use crate::{Play, choose, show};

/// A moment in which nobody has to wait.
const AT_ONCE: Pace = Pace(Duration::from_millis(2));

struct Set {
    stage: Stage,
    cast: Cast,
    now: Time,
    _folder: TempDir,
}

async fn set() -> Set {
    let folder = TempDir::new().expect("a folder");
    let settings = show::settings(folder.path()).expect("settings");
    let stage = Stage::open(folder.path()).await.expect("a server");
    let cast = history::let_in(stage.address, &settings).await;
    let cast = cast.expect("everybody has an account");
    let now = stage.clock.wall();
    history::write(&stage, &cast, now, &TimeZone::UTC).await;
    Set {
        stage,
        cast,
        now,
        _folder: folder,
    }
}

async fn list(visitor: &Person) -> Vec<Conversation> {
    visitor.get("/v1/conversations?limit=100").await.read(200)
}

/// What was said when, to the millisecond: of what comes at one moment the store tells the second a little later.
async fn page(visitor: &Person, talk: &Talk) -> Vec<(i64, String, String)> {
    let path = format!("/v1/messages?topic={}&limit=1000", talk.topic);
    let page: Page = visitor.get(&path).await.read(200);
    page.messages
        .into_iter()
        .map(|message| {
            (
                millis(message.sent_at),
                message.from.name.to_string(),
                message.text,
            )
        })
        .collect()
}

fn millis(time: Time) -> i64 {
    time.micros().div_euclid(1_000)
}

#[test]
fn screens_are_for_terminals_and_the_script_is_for_all() {
    assert_eq!(choose(&[], true), Some(Play::Screens));
    assert_eq!(choose(&[], false), Some(Play::Story));
    assert_eq!(choose(&["--script".into()], true), Some(Play::Story));
    assert_eq!(choose(&["--people".into()], true), None);
}

#[tokio::test]
async fn the_past_is_told_in_its_order_with_its_dates_and_as_much_unread_as_planned() {
    let Set {
        stage, cast, now, ..
    } = &set().await;
    let at = |when: past::When| when.at(*now, &TimeZone::UTC);
    let listed = list(&cast[VISITOR]).await;
    assert!(listed.len() == past::everything().count());
    let latest = |line: &Conversation| line.last_message.as_ref().map(|last| last.sent_at);
    assert!(listed.iter().rev().is_sorted_by_key(latest));

    for talk in past::everything() {
        let line = listed.iter().find(|line| line.topic.as_str() == talk.topic);
        let line = line.expect(talk.topic);
        assert_eq!(line.unread, talk.unread as u64, "{}", talk.topic);
        let planned = talk
            .lines
            .iter()
            .map(|line| (millis(at(line.0)), line.1.to_owned(), line.2.to_owned()));
        let told = page(&cast[VISITOR], talk).await;
        assert_eq!(told, planned.collect::<Vec<_>>(), "{}", talk.topic);
    }
    for role in &PEOPLE {
        if let Habit::Gone(when) = role.habit {
            let line = listed.iter().find(|line| line.topic.as_str() == role.name);
            let presence = line.and_then(|line| line.presence.as_ref());
            let presence = presence.expect(role.name);
            let seen = (presence.state, presence.last_seen);
            assert_eq!(
                seen,
                (PresenceState::Offline, Some(at(when))),
                "{}",
                role.name
            );
        }
    }
    assert!(stage.clock.wall() >= *now, "the clock runs again");
}

/// Waits until the visitor's message was read, and answered after some typing. The mark may be told after the answer:
/// marks are told once a second, and these people are faster.
async fn answered(visitor: &mut TestClient, topic: &str, by: &str, seq: u64) {
    let (mut read, mut typing, mut answer) = (false, false, None);
    while !read || answer.is_none() {
        match visitor.next_event().await {
            Event::Read(mark) if mark.topic.as_str() == topic && mark.by.as_str() == by => {
                read |= mark.seq.0 >= seq;
            }
            Event::Typing(told) if told.topic.as_str() == topic => {
                assert_eq!(told.by.as_str(), by);
                typing = true;
            }
            Event::Message(message) if message.from.name.as_str() == by => {
                assert!(typing, "{by} answers without typing");
                answer = Some(message.topic);
            }
            _ => {}
        }
    }
    assert_eq!(answer.as_ref().map(chat_proto::Name::as_str), Some(topic));
}

#[tokio::test]
async fn who_is_written_to_reads_types_and_answers() {
    let Set { stage, cast, .. } = &set().await;
    let company = Company::enter(stage.address, cast, AT_ONCE).await;
    let mut visitor = cast[VISITOR].connect().await;
    for (topic, text, by) in [
        ("ben", "coffee, yes!", "ben"),
        ("jun", "are you there?", "jun"),
        ("deploys", "reviewed! @dana, one question", "dana"),
    ] {
        let ack = visitor.send(topic, text).await;
        let seq = ack.seq.expect("a number").0;
        answered(&mut visitor, topic, by, seq).await;
    }
    drop(company);
}

#[test]
fn the_stage_is_cleared_however_the_client_ends() {
    for (panics, code) in [(false, 4), (true, 101)] {
        let mut home = None;
        let ended = show::visit(|settings| {
            assert!(settings.folders.profiles.join("default.json").is_file());
            home = Some(settings.folders.config.clone());
            assert!(!panics, "the client panics on purpose");
            Exit::Unauthenticated
        });
        assert_eq!(ended.expect("the house closes"), code);
        let folder = home.expect("the client ran");
        let folder = folder.parent().expect("a folder of the demonstration");
        assert!(!folder.exists(), "{} is left", folder.display());
    }
}
