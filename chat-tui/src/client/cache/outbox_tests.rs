//! The outbox on the disk: letters and drafts survive what happens to processes and files.

use std::fs;
use std::path::PathBuf;

use chat_proto::action::Publish;
use chat_proto::{ErrorCode, MessageId, Name, Refusal, Time, Topic};
use rusqlite::Connection;
use tempfile::TempDir;

use super::outbox::{LETTERS_MAX, OutboxError, OutboxFile, path};
use super::{DatabaseError, Owner};
use crate::client::outbox::{Letter, LetterState};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn owner(text: &str) -> Owner {
    Owner {
        server: "http://127.0.0.1:8080".to_owned(),
        name: name(text),
    }
}

fn letter(number: usize, topic: &str) -> Letter {
    let id = MessageId::parse(&format!("letter-{number}")).expect("an id");
    let topic = Topic::parse(topic).expect("a topic");
    let publish = Publish::text(topic, format!("text {number}"));
    Letter::new(id, publish, Time::from_micros(1_000))
}

struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a folder"),
        }
    }

    fn path(&self) -> PathBuf {
        path(self.folder.path(), &name("default"))
    }

    fn open(&self) -> OutboxFile {
        let (file, aside) = OutboxFile::open(&self.path(), &owner("ann")).expect("it opens");
        assert_eq!(aside, None);
        file
    }
}

#[test]
fn d16p_letters_come_back_in_the_order_in_which_they_were_queued() {
    let world = World::new();
    let letters: Vec<Letter> = (0..20)
        .map(|at| letter((at * 7) % 20, if at % 2 == 0 { "@ben" } else { "ops" }))
        .collect();
    let mut file = world.open();
    for letter in &letters {
        file.put(letter).expect("queued");
        file.put(letter).expect("queued before");
    }
    drop(file);
    assert_eq!(world.open().letters().expect("letters"), letters);
}

#[test]
fn d16p_a_letter_fails_is_retried_and_goes() {
    let world = World::new();
    let mut file = world.open();
    let [first, second] = [letter(1, "ben"), letter(2, "ben")];
    file.put(&first).expect("queued");
    file.put(&second).expect("queued");
    let refusal = Refusal::new(ErrorCode::Blocked, "you two do not talk");
    file.fail(&first.id, &refusal).expect("noted");
    let states: Vec<_> = world
        .open()
        .letters()
        .expect("letters")
        .into_iter()
        .map(|l| l.state)
        .collect();
    assert_eq!(states, [LetterState::from(&refusal), LetterState::Queued]);
    let later = Time::from_micros(9_000);
    file.retry(&first.id, later).expect("noted");
    let again = Letter {
        queued_at: later,
        ..first.clone()
    };
    assert_eq!(file.letters().expect("letters"), [again, second.clone()]);
    file.remove(&first.id).expect("removed");
    file.remove(&first.id).expect("removed before");
    assert_eq!(file.letters().expect("letters"), [second]);
}

#[test]
fn an_id_is_one_letter() {
    let mut file = OutboxFile::in_memory(&owner("ann")).expect("memory");
    file.put(&letter(1, "ben")).expect("queued");
    let other = Letter {
        publish: letter(2, "ben").publish,
        ..letter(1, "ben")
    };
    assert!(matches!(file.put(&other), Err(OutboxError::Conflict(_))));
    assert_eq!(file.letters().expect("letters"), [letter(1, "ben")]);
}

#[test]
fn a_draft_is_gone_exactly_when_its_letter_is_there() {
    let world = World::new();
    let mut file = world.open();
    for (topic, text) in [("ben", "begun"), ("ops", "also"), ("eva", "x"), ("eva", "")] {
        file.save_draft(&name(topic), text).expect("saved");
    }
    assert_eq!(
        file.draft(&name("ben")).expect("read").as_deref(),
        Some("begun")
    );
    assert_eq!(file.draft(&name("eva")).expect("read"), None);
    file.put(&letter(1, "ben")).expect("queued");
    assert_eq!(file.drafts().expect("read").len(), 2);
    // A letter that is not taken leaves the draft.
    let other = Letter {
        publish: letter(2, "ben").publish,
        ..letter(1, "ben")
    };
    assert!(file.put_draft(&other).is_err());
    assert_eq!(file.drafts().expect("read").len(), 2);
    file.put_draft(&letter(3, "@ben")).expect("queued");
    drop(file);
    let file = world.open();
    assert_eq!(
        file.drafts().expect("read"),
        [(name("ops"), "also".to_owned())]
    );
    assert_eq!(file.letters().expect("letters").len(), 2);
}

#[test]
fn letters_of_another_account_are_kept_and_not_shown() {
    let world = World::new();
    let mut anns = world.open();
    anns.put(&letter(1, "ben")).expect("queued");
    anns.save_draft(&name("ben"), "begun").expect("saved");
    let elsewhere = Owner {
        server: "https://chat.example.org".to_owned(),
        ..owner("ann")
    };
    for other in [owner("ben"), elsewhere] {
        let (mut file, _) = OutboxFile::open(&world.path(), &other).expect("it opens");
        assert!(file.letters().expect("letters").is_empty());
        assert!(file.drafts().expect("drafts").is_empty());
        file.put(&letter(1, "eva"))
            .expect("the id is another one there");
        file.remove(&letter(1, "eva").id).expect("removed");
        file.save_draft(&name("ben"), "").expect("removed");
    }
    assert_eq!(anns.letters().expect("letters"), [letter(1, "ben")]);
    assert_eq!(anns.drafts().expect("drafts").len(), 1);
}

#[test]
fn two_processes_see_each_others_letters() {
    let world = World::new();
    let (mut one, mut two) = (world.open(), world.open());
    let version = two.version().expect("a version");
    std::thread::scope(|scope| {
        for (start, file) in [(0, &mut one), (100, &mut two)] {
            scope.spawn(move || {
                for at in 0..30 {
                    file.put(&letter(start + at, "ben")).expect("queued");
                }
            });
        }
    });
    assert_ne!(two.version().expect("a version"), version);
    assert_eq!(
        one.letters().expect("letters"),
        two.letters().expect("letters")
    );
    assert_eq!(one.letters().expect("letters").len(), 60);
}

#[test]
fn a_full_outbox_says_so() {
    let mut file = OutboxFile::in_memory(&owner("ann")).expect("memory");
    for number in 0..LETTERS_MAX as usize {
        file.put(&letter(number, "ben")).expect("queued");
    }
    assert!(matches!(
        file.put(&letter(LETTERS_MAX as usize, "ben")),
        Err(OutboxError::Full)
    ));
    file.put(&letter(0, "ben")).expect("it is there already");
}

#[test]
fn a_later_version_is_refused_and_untouched() {
    let world = World::new();
    world.open().put(&letter(1, "ben")).expect("queued");
    let later = Connection::open(world.path()).expect("it opens");
    later
        .execute_batch("PRAGMA user_version = 99;")
        .expect("made");
    let refused = OutboxFile::open(&world.path(), &owner("ann"));
    let Err(OutboxError::File(error @ DatabaseError::Newer { .. })) = refused else {
        panic!("it opened");
    };
    assert!(error.to_string().contains("newer chat-tui"), "{error}");
    later
        .execute_batch("PRAGMA user_version = 1;")
        .expect("made");
    assert_eq!(world.open().letters().expect("letters").len(), 1);
}

#[test]
fn d16p_of_a_damaged_outbox_what_can_be_read_is_saved() {
    let world = World::new();
    let mut file = world.open();
    let long = "a longer text ".repeat(40);
    for number in 0..300 {
        let mut letter = letter(number, "ben");
        letter.publish.text.push_str(&long);
        file.put(&letter).expect("queued");
    }
    let (mut bens, _) = OutboxFile::open(&world.path(), &owner("ben")).expect("it opens");
    bens.put(&letter(7, "ann")).expect("queued");
    file.save_draft(&name("ops"), "begun").expect("saved");
    drop((file, bens));
    let mut bytes = fs::read(world.path()).expect("read");
    let pages = bytes.len() / 4096;
    assert!(pages > 30, "{pages}");
    bytes[20 * 4096..21 * 4096].fill(0xee);
    fs::write(world.path(), bytes).expect("written");
    let (file, aside) = OutboxFile::open(&world.path(), &owner("ann")).expect("it opens");
    let aside = aside.expect("it is told");
    assert!(aside.path.exists());
    let saved = file.letters().expect("letters");
    assert!((250..300).contains(&saved.len()), "{}", saved.len());
    let numbers: Vec<usize> = saved
        .iter()
        .map(|l| l.id.as_str()["letter-".len()..].parse().expect("a number"))
        .collect();
    assert!(numbers.is_sorted());
    assert_eq!((numbers.first(), numbers.last()), (Some(&0), Some(&299)));
    assert_eq!(file.drafts().expect("drafts").len(), 1);
    let (bens, _) = OutboxFile::open(&world.path(), &owner("ben")).expect("it opens");
    assert_eq!(bens.letters().expect("letters").len(), 1);
    assert_eq!(aside.saved, saved.len() + 2);
}

#[test]
fn an_outbox_of_which_nothing_can_be_read_is_set_aside() {
    for harm in ["garbage", "folder", "cut", "empty"] {
        let world = World::new();
        world.open().put(&letter(1, "ben")).expect("queued");
        match harm {
            "garbage" => fs::write(world.path(), [9; 4000]).expect("written"),
            "empty" => fs::write(world.path(), b"").expect("written"),
            "cut" => {
                let file = fs::File::options()
                    .write(true)
                    .open(world.path())
                    .expect("it opens");
                file.set_len(4096).expect("cut");
            }
            _ => {
                fs::remove_file(world.path()).expect("removed");
                fs::create_dir(world.path()).expect("made");
            }
        }
        let (mut file, aside) = OutboxFile::open(&world.path(), &owner("ann")).expect(harm);
        assert_eq!(aside.is_some(), harm != "empty", "{harm}");
        assert!(file.letters().expect("letters").is_empty(), "{harm}");
        file.put(&letter(2, "ben")).expect("queued");
        drop(file);
        assert_eq!(world.open().letters().expect("letters").len(), 1, "{harm}");
    }
}

#[test]
fn d16p_a_letter_put_into_a_file_that_was_set_aside_is_in_the_new_one_too() {
    let world = World::new();
    let (mut one, mut two) = (world.open(), world.open());
    one.put(&letter(1, "ben")).expect("queued");
    let error = DatabaseError::Damaged {
        path: world.path(),
        why: "a test says so".to_owned(),
    };
    let aside = two.mend(&error).expect("mended").expect("set aside");
    assert_eq!(aside.saved, 1);
    one.put(&letter(2, "ben")).expect("queued");
    assert_eq!(
        two.letters().expect("letters"),
        [letter(1, "ben"), letter(2, "ben")]
    );
    assert_eq!(one.letters().expect("letters").len(), 2);
}
