//! Arithmetic against a recount, over random lives of a group; and the engines against each other.

use chat_proto::{Mark, Rev, Seq};
use chat_server::change::{UserId, What};
use proptest::prelude::*;

use crate::world::{World, code, start_postgres, topic};

/// What may happen in a group of four.
#[derive(Debug, Clone)]
enum Move {
    Say(usize),
    Read(usize, u64),
    Deliver(usize, u64),
    Add(usize, usize),
    Remove(usize, usize),
}

const HANDLES: [&str; 4] = ["ann", "ben", "cid", "dora"];

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let user = 0..HANDLES.len();
    let one = prop_oneof![
        4 => user.clone().prop_map(Move::Say),
        3 => (user.clone(), 0..20_u64).prop_map(|(user, seq)| Move::Read(user, seq)),
        1 => (user.clone(), 0..20_u64).prop_map(|(user, seq)| Move::Deliver(user, seq)),
        1 => (user.clone(), user.clone()).prop_map(|(by, user)| Move::Add(by, user)),
        1 => (user.clone(), user).prop_map(|(by, user)| Move::Remove(by, user)),
    ];
    proptest::collection::vec(one, 1..40)
}

/// Does a move, and says how it went in words that do not depend on the engine.
async fn perform(w: &World, people: &[UserId], step: &Move) -> String {
    let mark = async |user: usize, mark, seq| {
        w.store
            .advance_mark(people[user], &topic("ops"), mark, Seq(seq))
            .await
    };
    let group = "ops";
    let gone = match *step {
        Move::Say(user) => w
            .say(people[user], group, "hi")
            .await
            .map(|p| format!("{} {}", p.seq, p.rev)),
        Move::Read(user, seq) => mark(user, Mark::Read, seq).await.map(|m| format!("{m:?}")),
        Move::Deliver(user, seq) => mark(user, Mark::Delivered, seq)
            .await
            .map(|m| format!("{m:?}")),
        Move::Add(by, user) => w
            .add(people[by], group, HANDLES[user])
            .await
            .map(|new| new.to_string()),
        Move::Remove(by, user) => w
            .remove(people[by], group, HANDLES[user])
            .await
            .map(|was| was.to_string()),
    };
    match gone {
        Ok(words) => words,
        refused => code(refused).to_string(),
    }
}

/// What each sees, after checking it against the log itself.
async fn seen(w: &World, people: &[UserId]) -> String {
    let log = w.heard.all();
    let revs: Vec<u64> = log.iter().map(|committed| committed.change.rev.0).collect();
    assert_eq!(revs, (1..=revs.len() as u64).collect::<Vec<_>>(), "dense");
    let mut words = String::new();
    for (user, handle) in people.iter().zip(HANDLES) {
        let Ok(membership) = w.membership(*user, "ops").await else {
            words += &format!("{handle} is out\n");
            continue;
        };
        let unread = log.iter().filter(|committed| {
            let above = committed
                .change
                .seq()
                .is_some_and(|seq| seq > membership.read_seq);
            above
                && !matches!(&committed.change.what, What::Message { sender, .. } if sender == user)
        });
        assert_eq!(
            membership.unread(),
            unread.count() as u64,
            "{handle}: {membership:?}"
        );
        let id = membership.conversation.unwrap();
        let slice = w.store.changes(*user, id, Rev(0), 1000).await.unwrap();
        let read = slice.changes.iter().map(|change| change.rev.0);
        assert!(
            read.eq(membership.first_rev.0..=membership.rev.0),
            "no hole"
        );
        words += &format!("{handle} {membership:?}\n");
    }
    words
}

/// What happened and what was seen after each step, and that no recount differs.
async fn story(w: &World, moves: &[Move]) -> Vec<String> {
    let people = w.people(HANDLES).await;
    w.make_group(people[0], "ops", &["ben"]).await;
    let mut story = Vec::new();
    for step in moves {
        story.push(perform(w, &people, step).await);
        story.push(seen(w, &people).await);
    }
    w.store.close().await;
    story
}

#[test]
fn u01_unread_is_what_a_recount_gives_and_all_engines_agree() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // One server for all cases, each of which has a database of its own.
    let server = runtime.block_on(start_postgres("store unread"));
    let case = std::cell::Cell::new(0);
    let judged = |moves: Vec<Move>| {
        runtime.block_on(async {
            let memory = story(&World::memory(), &moves).await;
            assert_eq!(memory, story(&World::sqlite(), &moves).await);
            if let Some(server) = &server {
                case.set(case.get() + 1);
                let database = server.database(&format!("story{}", case.get())).await;
                let postgres = World::at(&database).await;
                assert_eq!(memory, story(&postgres, &moves).await);
            }
        });
        Ok(())
    };
    let config = ProptestConfig {
        cases: 48,
        ..ProptestConfig::default()
    };
    let outcome = proptest::test_runner::TestRunner::new(config).run(&moves(), judged);
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
}
