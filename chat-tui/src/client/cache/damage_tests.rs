//! The local copy's file, and what may happen to it: damage, other versions, rights.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::tests::{World, message, name, owner, seqs};
use super::*;
use crate::client::query::Range;

/// Whatever `harm` does to the file, the next opening begins a new one that works.
fn survives(what: &str, harm: impl Fn(&Path)) {
    let world = World::new();
    for round in 1..=5 {
        let (mut cache, _) = Cache::open(&world.path(), &owner("ann")).expect("it opens");
        let batch: Vec<_> = (1..=500)
            .map(|seq| Change::Message(message("ben", "ben", seq, "text")))
            .collect();
        cache.apply(&batch).expect("applied");
        drop(cache);
        harm(&world.path());
        let (mut cache, aside) =
            Cache::open(&world.path(), &owner("ann")).unwrap_or_else(|e| panic!("{what}: {e}"));
        let aside = aside.unwrap_or_else(|| panic!("{what}: nothing was set aside"));
        assert!(aside.path.exists(), "{what}");
        assert!(cache.conversations(9).expect("lines").is_empty(), "{what}");
        cache
            .apply(&[Change::Message(message("ben", "ben", 1, "x"))])
            .expect("applied");
        assert_eq!(world.aside(), round.min(ASIDE_MAX), "{what}");
    }
}

#[test]
fn x01p_a_damaged_copy_is_set_aside_and_begun_anew() {
    survives("garbage", |path| {
        fs::write(path, [7; 5000]).expect("written");
    });
    survives("half of it", |path| {
        let half = fs::metadata(path).expect("it is there").len() / 2;
        let file = fs::File::options()
            .write(true)
            .open(path)
            .expect("it opens");
        file.set_len(half).expect("cut");
    });
    survives("another program's tables", |path| {
        fs::remove_file(path).expect("removed");
        let other = Connection::open(path).expect("it opens");
        other
            .execute_batch("CREATE TABLE x (y); PRAGMA user_version = 1;")
            .expect("made");
    });
    survives("a later version", |path| {
        let later = Connection::open(path).expect("it opens");
        later
            .execute_batch("PRAGMA user_version = 99;")
            .expect("made");
    });
    survives("a folder", |path| {
        fs::remove_file(path).expect("removed");
        fs::create_dir(path).expect("made");
    });
}

#[test]
fn an_empty_file_is_an_empty_copy() {
    let world = World::new();
    fs::write(world.path(), b"").expect("written");
    assert!(world.open().conversations(9).expect("lines").is_empty());
}

#[test]
fn damage_that_shows_in_use_is_mended_by_one_process_and_seen_by_the_other() {
    let world = World::new();
    let (mut one, mut two) = (world.open(), world.open());
    one.apply(&[Change::Message(message("ben", "ben", 1, "x"))])
        .expect("applied");
    let error = DatabaseError::Damaged {
        path: world.path(),
        why: "a test says so".to_owned(),
    };
    let aside = one.mend(&error).expect("mended").expect("set aside");
    assert!(aside.path.exists());
    one.apply(&[Change::Message(message("ben", "ben", 2, "x"))])
        .expect("applied");
    // The second one finds the damage too, and does not set the new file aside.
    assert_eq!(two.mend(&error).expect("mended"), None);
    assert_eq!(
        seqs(&two.page(&name("ben"), Range::Latest, 9).expect("a page")),
        [2]
    );
}

#[test]
fn a_page_that_is_overwritten_is_found_out_and_mended() {
    let world = World::new();
    let mut cache = world.open();
    let batch: Vec<_> = (1..=2000)
        .map(|seq| Change::Message(message("ben", "ben", seq, "some text")))
        .collect();
    cache.apply(&batch).expect("applied");
    drop(cache);
    let mut bytes = fs::read(world.path()).expect("read");
    let (from, to) = (4096 * 12, bytes.len());
    bytes[from..to].fill(0xee);
    fs::write(world.path(), bytes).expect("written");
    let (mut cache, aside) = Cache::open(&world.path(), &owner("ann")).expect("it opens");
    if aside.is_none() {
        let read = cache.page(&name("ben"), Range::Latest, 2000);
        let Err(CacheError::File(error @ DatabaseError::Damaged { .. })) = read else {
            panic!("{read:?}");
        };
        assert!(cache.mend(&error).expect("mended").is_some());
    }
    assert!(
        cache
            .page(&name("ben"), Range::Latest, 9)
            .expect("a page")
            .is_empty()
    );
}

#[cfg(unix)]
#[test]
fn its_files_are_for_their_owner_alone_and_wider_rights_are_taken_away() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let folder = world.folder.path().join("profiles");
    let path = path(&folder, &name("default"));
    let modes = || {
        let entries = fs::read_dir(&folder).expect("a folder");
        let mode =
            |entry: fs::DirEntry| entry.metadata().expect("meta").permissions().mode() & 0o777;
        entries
            .map(|entry| mode(entry.expect("an entry")))
            .collect::<Vec<_>>()
    };
    let (mut cache, _) = Cache::open(&path, &owner("ann")).expect("it opens");
    cache
        .apply(&[Change::Message(message("ben", "ben", 1, "x"))])
        .expect("applied");
    assert!(
        modes().len() >= 3 && modes().iter().all(|mode| *mode == 0o600),
        "{:?}",
        modes()
    );
    drop(cache);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
    let _open = Cache::open(&path, &owner("ann")).expect("it opens");
    assert!(modes().iter().all(|mode| *mode == 0o600), "{:?}", modes());
}

#[test]
fn a_place_that_cannot_be_written_is_told_and_memory_serves() {
    let world = World::new();
    // A file where the folder should be; root may write anywhere, so rights alone would prove nothing.
    let file = world.folder.path().join("file");
    fs::write(&file, b"x").expect("written");
    let refused = Cache::open(&path(&file, &name("default")), &owner("ann"));
    assert!(matches!(
        refused,
        Err(CacheError::File(DatabaseError::Unusable { .. }))
    ));
    let mut cache = Cache::in_memory(&owner("ann")).expect("memory");
    cache
        .apply(&[Change::Message(message("ben", "ben", 1, "x"))])
        .expect("applied");
    assert_eq!(cache.conversations(9).expect("lines").len(), 1);
}
