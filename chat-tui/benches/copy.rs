//! What it costs to open the local copy of 100,000 messages up to the first screen, beside an empty one:
//! `cargo bench -p chat-tui --bench copy`. Prints medians and their ratio; asserts nothing about time.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "it measures, and a failure ends it"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use chat_proto::{Event, Message, Name, Seq, codec};
use chat_tui::client::cache::{Cache, Change, Owner};
use chat_tui::client::query::Range;

const CONVERSATIONS: u64 = 50;
const MESSAGES: u64 = 2_000;
const ROUNDS: usize = 21;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, full) = (
        folder.path().join("empty.db"),
        folder.path().join("full.db"),
    );
    drop(open(&empty));
    fill(&mut open(&full));
    let (mut of_empty, mut of_full) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_empty.push(first_screen(&empty));
        of_full.push(first_screen(&full));
    }
    let (of_empty, of_full) = (median(of_empty), median(of_full));
    let ratio = of_full.as_secs_f64() / of_empty.as_secs_f64();
    let bytes = std::fs::metadata(&full).unwrap().len();
    println!("100,000 messages in {:.1} MB", bytes as f64 / 1e6);
    println!(
        "open, 15 lines and a page of 200: {of_full:?}; of an empty copy {of_empty:?}; ratio {ratio:.1}"
    );
}

fn open(path: &Path) -> Cache {
    let owner = Owner {
        server: "http://127.0.0.1:8080".to_owned(),
        name: Name::parse("ann").unwrap(),
    };
    Cache::open(path, &owner).unwrap().0
}

fn fill(cache: &mut Cache) {
    for conversation in 0..CONVERSATIONS {
        let topic = format!("topic-{conversation}");
        let messages = (1..=MESSAGES).map(|seq| Change::Message(message(&topic, seq)));
        let mut changes: Vec<_> = messages.collect();
        changes.push(Change::ReadUpTo {
            topic: Name::parse(&topic).unwrap(),
            seq: Seq(MESSAGES / 2),
        });
        cache.apply(&changes).unwrap();
    }
}

fn message(topic: &str, seq: u64) -> Message {
    let from = if seq.is_multiple_of(4) { "ann" } else { "ben" };
    let id = uuid::Uuid::now_v7();
    let frame = format!(
        r#"{{"type":"message","topic":"{topic}","seq":{seq},"rev":{seq},"id":"{id}","from":{{"name":"{from}","display_name":"{from}"}},"sent_at":"2026-11-21T08:15:30Z","text":"a sentence of about the length that people write to each other when they chat"}}"#
    );
    match codec::decode_event(&frame).unwrap() {
        Event::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

fn first_screen(path: &Path) -> Duration {
    let start = Instant::now();
    let cache = open(path);
    let lines = cache.conversations(15).unwrap();
    if let Some(line) = lines.first() {
        let page = cache.page(&line.topic, Range::Latest, 200).unwrap();
        assert_eq!((lines.len(), page.len()), (15, 200));
    }
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
