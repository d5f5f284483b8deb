//! What two stores promise that share one database, as two nodes do: each is a PostgreSQL engine of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use chat_proto::{ErrorCode, Role, SessionId};
use chat_server::change::{Change, Place, What};
use chat_server::store::{NewTicket, Published, Range, StoreError, TicketHash};
use chat_tests::postgres::Postgres;
use tokio::task::JoinSet;

use crate::world::{World, at, code, message, name, start_postgres, topic};

/// Two nodes, and the server of both.
pub(crate) async fn nodes(test: &str) -> Option<([World; 2], Postgres)> {
    let postgres = start_postgres(test).await?;
    let nodes = [
        World::at(&postgres.url()).await,
        World::at(&postgres.url()).await,
    ];
    Some((nodes, postgres))
}

/// A connection beside the stores, for what a test does by hand.
pub(crate) async fn by_hand(postgres: &Postgres) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&postgres.url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

/// Every number of a conversation, as its log holds them.
async fn numbers(w: &World, user: chat_server::change::UserId, to: &str) -> Vec<u64> {
    let to = topic(to);
    let slice = w.store.history(user, &to, Range::Latest, 9_999);
    let slice = slice.await.unwrap();
    let seqs = slice.changes.iter().filter_map(Change::seq);
    seqs.map(|seq| seq.0).collect()
}

#[tokio::test]
async fn d08_numbers_are_dense_under_senders_on_two_nodes() {
    let Some((nodes, _postgres)) = nodes("store nodes d08").await else {
        return;
    };
    let people = nodes[0].people(["ann", "ben", "cid"]).await;
    nodes[0].make_group(people[0], "ops", &["ben", "cid"]).await;
    let mut sends = JoinSet::new();
    for number in 0..300_usize {
        let store = Arc::clone(&nodes[number % 2].store);
        let sender = people[number % 3];
        // Some to the group of all, some between two, both ways.
        let to = ["ops", "ann", "ops", "ben"][number % 4];
        let new = message(sender, to, "hi", &format!("m{number}"));
        sends.spawn(async move { (to, sender, store.publish(new).await.unwrap()) });
    }
    let sent = sends.join_all().await;
    let conversations: BTreeSet<_> = sent.iter().map(|(_, _, sent)| sent.conversation).collect();
    for conversation in conversations {
        let (to, sender, _) = sent
            .iter()
            .find(|(_, _, sent)| sent.conversation == conversation)
            .unwrap();
        let of = sent
            .iter()
            .filter(|(_, _, sent)| sent.conversation == conversation);
        let mut answered: Vec<u64> = of.map(|(_, _, sent)| sent.seq.0).collect();
        answered.sort_unstable();
        let group = *to == "ops";
        let first = if group { 2 } else { 1 };
        let last = answered.len() as u64 + first - 1;
        assert_eq!(answered, (first..=last).collect::<Vec<_>>(), "{to}");
        for node in &nodes {
            assert_eq!(
                numbers(node, *sender, to).await,
                (1..=last).collect::<Vec<_>>()
            );
        }
    }
    let told = nodes
        .iter()
        .map(|node| node.heard.all().len())
        .sum::<usize>();
    assert_eq!(
        told, 301,
        "each change is told once, by the node that stored it"
    );
    nodes[0].settled().await;
    let feed = nodes[1].store.since(Place::default(), 999).await.unwrap();
    assert_eq!(feed.len(), 301);
    let places: Vec<Place> = feed.iter().map(|told| told.change.place).collect();
    assert!(places.is_sorted() && places.first() > Some(&Place::default()));
}

/// Both nodes do the same at the same moment.
async fn at_once<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> [T; 2] {
    let (one, other) = tokio::join!(one, other);
    [one, other]
}

#[tokio::test]
async fn d07_one_id_on_two_nodes_at_once_is_one_message() {
    let Some((nodes, postgres)) = nodes("store nodes d07").await else {
        return;
    };
    let [ann, _ben] = nodes[0].people(["ann", "ben"]).await;
    for number in 1..=40_u64 {
        let new = message(ann, "ben", "hi", &format!("m{number}"));
        let sent = at_once(
            nodes[0].store.publish(new.clone()),
            nodes[1].store.publish(new),
        );
        let [one, other] = sent.await.map(Result::unwrap);
        assert_eq!((one.seq.0, other.seq.0), (number, number));
        assert_ne!(one.dup, other.dup, "one of them stored it");
        assert_eq!(one.sent_at, other.sent_at);
    }
    for number in 1..=20 {
        let id = format!("n{number}");
        for to in ["cid", "dora"] {
            nodes[0].person(&format!("{to}{number}")).await;
        }
        let to = |to: &str| message(ann, &format!("{to}{number}"), "hi", &id);
        let sent = at_once(
            nodes[0].store.publish(to("cid")),
            nodes[1].store.publish(to("dora")),
        );
        let (stored, refused): (Vec<_>, Vec<_>) = sent.await.into_iter().partition(Result::is_ok);
        assert_eq!(stored.len(), 1);
        for refused in refused {
            assert_eq!(code(refused), ErrorCode::Conflict);
        }
    }
    let empty = "SELECT count(*) FROM conversations WHERE last_seq = 0";
    assert_eq!(postgres.sql(empty).await, "0", "none was begun for nothing");
}

#[tokio::test]
async fn t06_two_first_messages_on_two_nodes_begin_one_conversation() {
    let Some((nodes, postgres)) = nodes("store nodes t06").await else {
        return;
    };
    let ann = nodes[0].person("ann").await;
    for number in 1..=30 {
        let handle = format!("ben{number}");
        let ben = nodes[0].person(&handle).await;
        let sent = at_once(
            nodes[0].say(ann, &handle, "you first"),
            nodes[1].say(ben, "ann", "no, you"),
        );
        let [one, other] = sent.await.map(Result::unwrap);
        assert_eq!(one.conversation, other.conversation);
        let numbers: BTreeSet<u64> = [one, other].map(|sent: Published| sent.seq.0).into();
        assert_eq!(numbers, [1, 2].into());
        let seen = nodes[1].membership(ben, "ann").await.unwrap();
        assert_eq!((seen.members, seen.unread()), (2, 1));
    }
    let directs = "SELECT count(*) FROM conversations";
    assert_eq!(postgres.sql(directs).await, "30");
}

#[tokio::test]
async fn t02_a_free_name_becomes_one_topic_on_two_nodes_at_once() {
    let Some((nodes, _postgres)) = nodes("store nodes t02").await else {
        return;
    };
    for number in 1..=15 {
        let world = format!("world{number}");
        let handles = [format!("ann{number}"), format!("ben{number}")];
        let ann = nodes[0].person(&handles[0]).await;
        let ben = nodes[0].person(&handles[1]).await;
        let made = at_once(
            nodes[0].subscribe(ann, &world),
            nodes[1].subscribe(ben, &world),
        );
        let [one, other] = made.await.map(Result::unwrap);
        assert_eq!(one.conversation, other.conversation);
        assert_ne!(one.changed, other.changed, "one made it, the other joined");
        let members = nodes[0].store.members(one.conversation.unwrap()).await;
        let roles: Vec<Role> = members.unwrap().iter().map(|member| member.role).collect();
        assert_eq!(roles, [Role::Owner, Role::Member]);
        // And back: the last one frees the name, whoever that is.
        let left = at_once(
            nodes[0].unsubscribe(ann, &world),
            nodes[1].unsubscribe(ben, &world),
        );
        assert!(left.await.into_iter().all(|left| left.unwrap().changed));
    }
}

#[tokio::test]
async fn a02_a_name_is_given_once_on_two_nodes_at_once() {
    let Some((nodes, _postgres)) = nodes("store nodes a02").await else {
        return;
    };
    let ann = nodes[0].person("ann").await;
    for number in 1..=15 {
        let both = format!("both{number}");
        let account = crate::world::new_account(&both);
        let (person, topic) = tokio::join!(
            nodes[0].store.create_account(account.clone()),
            nodes[1].subscribe(ann, &both)
        );
        match (person, topic) {
            (Ok(_), refused) => assert_eq!(code(refused), ErrorCode::Forbidden),
            (refused, Ok(_)) => {
                assert_eq!(code(refused), ErrorCode::Conflict);
                // Without a message it goes with its last member, and a person may take the name.
                nodes[0].unsubscribe(ann, &both).await.unwrap();
                let taken = at_once(
                    nodes[0].store.create_account(account.clone()),
                    nodes[1].store.create_account(account),
                );
                let came = taken.await.into_iter().filter(Result::is_ok);
                assert_eq!(came.count(), 1);
            }
            (person, topic) => panic!("{person:?} {topic:?}"),
        }
    }
}

/// Waits until so many transactions wait for the rows that another holds.
pub(crate) async fn wait_for_waiters(client: &tokio_postgres::Transaction<'_>, count: i64) {
    let sql = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    chat_tests::eventually("transactions that wait", async || {
        let waiting: i64 = client.query_one(sql, &[]).await.unwrap().get(0);
        (waiting == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn t08_a_topic_that_its_last_member_leaves_while_another_comes_keeps_its_name() {
    let Some((nodes, postgres)) = nodes("store nodes t08").await else {
        return;
    };
    let [ann, ben] = nodes[0].people(["ann", "ben"]).await;
    let made = nodes[0].subscribe(ann, "world").await.unwrap();
    let mut client = by_hand(&postgres).await;
    let holding = client.transaction().await.unwrap();
    let held = made.conversation.unwrap().0;
    let lock = "SELECT 1 FROM conversations WHERE id = $1 FOR UPDATE";
    holding.execute(lock, &[&held]).await.unwrap();
    let left = {
        let store = Arc::clone(&nodes[0].store);
        tokio::spawn(async move { store.unsubscribe(ann, &topic("world"), at(0)).await })
    };
    wait_for_waiters(&holding, 1).await;
    let joined = {
        let store = Arc::clone(&nodes[1].store);
        tokio::spawn(async move { store.subscribe(ben, &topic("world"), at(0)).await })
    };
    wait_for_waiters(&holding, 2).await;
    holding.rollback().await.unwrap();
    assert!(left.await.unwrap().unwrap().changed);
    joined.await.unwrap().unwrap();
    let group = nodes[0].store.group(ann, &name("world")).await.unwrap();
    assert_eq!((group.members, group.role), (1, None));
    let bens = nodes[1].membership(ben, "world").await.unwrap();
    assert_eq!(bens.role, Role::Owner);
}

#[tokio::test]
async fn a04_newcomers_on_two_nodes_meet_in_the_lobby() {
    let Some((nodes, _postgres)) = nodes("store nodes a04").await else {
        return;
    };
    let mut arrivals = JoinSet::new();
    for number in 0..24 {
        let store = Arc::clone(&nodes[number % 2].store);
        let mut new = crate::world::new_account(&format!("user{number}"));
        new.lobby = Some(name("lobby"));
        arrivals.spawn(async move { store.create_account(new).await.unwrap().id });
    }
    let people = arrivals.join_all().await;
    let lobby = nodes[0].membership(people[0], "lobby").await.unwrap();
    assert_eq!((lobby.members, lobby.rev.0), (24, 23), "one made it");
    let members = nodes[1].store.members(lobby.conversation.unwrap()).await;
    let owners = members.unwrap().into_iter();
    assert_eq!(
        owners.filter(|member| member.role == Role::Owner).count(),
        1
    );
}

#[tokio::test]
async fn t07_who_was_removed_on_one_node_gets_nothing_in_on_the_other() {
    let Some((nodes, _postgres)) = nodes("store nodes t07").await else {
        return;
    };
    let [ann, ben, _cid] = nodes[0].people(["ann", "ben", "cid"]).await;
    nodes[0].make_group(ann, "ops", &["ben"]).await;
    // Both nodes know the members by heart from here on.
    nodes[0].said(ben, "ops", "hi").await;
    nodes[1].said(ben, "ops", "hi").await;
    nodes[0].remove(ann, "ops", "ben").await.unwrap();
    assert_eq!(
        code(nodes[1].say(ben, "ops", "still here?").await),
        ErrorCode::NotFound
    );
    nodes[1].add(ann, "ops", "cid").await.unwrap();
    nodes[0].said(ann, "ops", "welcome").await;
    assert_eq!(nodes[0].heard.last().members.len(), 2);
    nodes[0].add(ann, "ops", "ben").await.unwrap();
    nodes[1].said(ben, "ops", "again").await;

    // At once: what he got in stands before the leaving.
    for round in 0..15 {
        let sends = async {
            let mut stored = 0;
            for number in 0..20 {
                let new = message(ben, "ops", "hi", &format!("r{round}n{number}"));
                match nodes[1].store.publish(new).await {
                    Ok(_) => stored += 1,
                    Err(StoreError::Refused(refusal)) => {
                        assert_eq!(refusal.code, ErrorCode::NotFound);
                    }
                    Err(other) => panic!("{other}"),
                }
            }
            stored
        };
        let (stored, removed) = tokio::join!(sends, nodes[0].remove(ann, "ops", "ben"));
        assert!(removed.unwrap());
        let seen = nodes[0].membership(ann, "ops").await.unwrap();
        let last = nodes[0].store.changes(
            ann,
            seen.conversation.unwrap(),
            chat_proto::Rev(seen.rev.0 - 1),
            9,
        );
        let last = last.await.unwrap().changes;
        assert!(
            matches!(last[0].what, What::Leave { .. }),
            "round {round}, {stored} stored: {last:?}"
        );
        nodes[0].add(ann, "ops", "ben").await.unwrap();
    }
}

#[tokio::test]
async fn c03_nothing_commits_behind_a_reader_of_the_feed() {
    let Some((nodes, postgres)) = nodes("store nodes c03").await else {
        return;
    };
    let [ann, ben] = nodes[0].people(["ann", "ben"]).await;
    let first = nodes[0].said(ann, "ann", "first").await;
    nodes[0].settled().await;
    let before = nodes[1].store.last_place().await.unwrap();

    // A transaction that takes its number now, writes, and does not commit.
    let mut client = by_hand(&postgres).await;
    let slow = client.transaction().await.unwrap();
    slow.execute(
        "INSERT INTO log (conversation, rev, what, who, at) VALUES ($1, 2, 2, $2, 0)",
        &[&first.conversation.0, &ann.0],
    )
    .await
    .unwrap();
    for number in 0..5 {
        nodes[number % 2].said(ben, "ben", "meanwhile").await;
    }
    let feed = nodes[1].store.since(before, 99).await.unwrap();
    assert!(
        feed.is_empty(),
        "what follows may yet be overtaken: {feed:?}"
    );
    assert_eq!(nodes[0].store.last_place().await.unwrap(), before);
    slow.commit().await.unwrap();
    nodes[0].settled().await;
    let feed = nodes[1].store.since(before, 99).await.unwrap();
    let conversations: Vec<bool> = feed
        .iter()
        .map(|told| told.change.conversation == first.conversation)
        .collect();
    assert_eq!(conversations, [true, false, false, false, false, false]);
}

#[tokio::test]
async fn a_conversation_that_somebody_holds_does_not_hold_up_the_others() {
    let Some((nodes, postgres)) = nodes("store nodes lanes").await else {
        return;
    };
    let people = nodes[0].people(["ann", "ben", "cid", "dora", "eve"]).await;
    let ops = nodes[0].make_group(people[0], "ops", &["ben"]).await;
    let mut client = by_hand(&postgres).await;
    let holding = client.transaction().await.unwrap();
    let lock = "SELECT 1 FROM conversations WHERE id = $1 FOR UPDATE";
    let held = ops.published.conversation.0;
    holding.execute(lock, &[&held]).await.unwrap();
    let waiting = {
        let store = Arc::clone(&nodes[0].store);
        let new = message(people[1], "ops", "hi", "1");
        tokio::spawn(async move { store.publish(new).await })
    };
    let mut sends = JoinSet::new();
    for to in ["ann", "ben", "cid", "dora", "eve"] {
        let store = Arc::clone(&nodes[0].store);
        let new = message(people[2], to, "hi", to);
        sends.spawn(async move { store.publish(new).await.unwrap() });
    }
    let passed = chat_tests::soon("a message in another lane", sends.join_next()).await;
    passed.unwrap().unwrap();
    assert!(!waiting.is_finished());
    holding.rollback().await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().seq.0, 2);
    sends.join_all().await;
}

#[tokio::test]
async fn a06_a_session_and_its_ticket_are_good_on_every_node() {
    let Some((nodes, _postgres)) = nodes("store nodes a06").await else {
        return;
    };
    let ann = nodes[0].person("ann").await;
    let id = SessionId::generate();
    let begun = nodes[0]
        .store
        .create_session(id.clone(), ann, "laptop", at(0));
    begun.await.unwrap();
    let (session, account) = nodes[1].store.session(&id).await.unwrap().unwrap();
    assert_eq!((session.device.as_str(), account.id), ("laptop", ann));
    let ticket = NewTicket {
        hash: TicketHash([3; 32]),
        session: id.clone(),
        now: at(0),
        ends_at: at(30),
    };
    nodes[0].store.add_ticket(ticket).await.unwrap();
    let taken = at_once(
        nodes[0].store.take_ticket(TicketHash([3; 32]), at(1)),
        nodes[1].store.take_ticket(TicketHash([3; 32]), at(1)),
    );
    let taken: Vec<_> = taken.await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, std::slice::from_ref(&id));
    // The same refresh token on both nodes at once: one makes the next, and the other gives it again.
    for presented in 1..=9 {
        let seconds = 10 * i64::try_from(presented).unwrap();
        let rotated = at_once(
            nodes[0].store.rotate_session(&id, presented, at(seconds)),
            nodes[1]
                .store
                .rotate_session(&id, presented, at(seconds + 1)),
        );
        let [one, other] = rotated.await.map(|rotated| rotated.unwrap().unwrap().0);
        assert_eq!(one.generation, presented + 1);
        assert_eq!(one, other);
    }
    nodes[1].store.end_session(ann, &id).await.unwrap();
    let gone = nodes[0]
        .store
        .sessions_gone(std::slice::from_ref(&id))
        .await;
    assert_eq!(gone.unwrap(), [id]);
}

#[tokio::test]
async fn u02_marks_of_two_devices_on_two_nodes_only_grow() {
    let Some((nodes, _postgres)) = nodes("store nodes u02").await else {
        return;
    };
    let [ann, ben] = nodes[0].people(["ann", "ben"]).await;
    for number in 0..20 {
        let sender = if number % 3 == 0 { ben } else { ann };
        let to = if number % 3 == 0 { "ann" } else { "ben" };
        nodes[0].said(sender, to, "hi").await;
    }
    for seq in 1..10_u64 {
        let _ = at_once(
            nodes[0].read(ben, "ann", 2 * seq),
            nodes[1].read(ben, "ann", 2 * seq + 1),
        )
        .await;
        let seen = nodes[0].membership(ben, "ann").await.unwrap();
        assert_eq!(seen.read_seq.0, 2 * seq + 1);
        let unread = (2 * seq + 2..=20).filter(|seq| (seq - 1) % 3 != 0).count();
        assert_eq!(seen.unread(), unread as u64);
    }
}
