//! People, the invites by which they come, their sessions, and the keys of the server.

use std::sync::Arc;

use chat_proto::{ErrorCode, PresenceState, SessionId};
use chat_server::change::UserId;
use chat_server::limits;
use chat_server::store::{Invite, InviteHash, NewTicket, SigningKey, Standing, TicketHash};

use crate::world::{World, account, at, code, name, new_account};

pub(crate) async fn a02_an_account_is_found_by_its_handle(w: &World) {
    assert!(!w.store.people_exist().await.unwrap());
    let mut new = new_account("ann");
    new.email = Some("ann@example.org".to_owned());
    let ann = w.store.create_account(new).await.unwrap();
    assert!(w.store.people_exist().await.unwrap());
    assert_eq!(
        w.store.account_named(&name("ann")).await.unwrap(),
        Some(ann.clone())
    );
    assert_eq!(w.store.account_named(&name("ben")).await.unwrap(), None);
    let hash = w.store.password_hash(ann.id).await.unwrap();
    assert_eq!(hash.as_deref(), Some("hash of ann"));
    assert_eq!(w.store.password_hash(UserId(99)).await.unwrap(), None);
}

pub(crate) async fn a02_a_name_is_given_once(w: &World) {
    let ann = w.person("ann").await;
    assert_eq!(
        code(w.store.create_account(new_account("ann")).await),
        ErrorCode::Conflict
    );
    assert_eq!(
        code(w.store.create_account(new_account("here")).await),
        ErrorCode::Rejected
    );
    w.subscribe(ann, "world").await.unwrap();
    assert_eq!(
        code(w.store.create_account(new_account("world")).await),
        ErrorCode::Conflict
    );
    let mut lobby = new_account("lobby");
    lobby.lobby = Some(name("lobby"));
    assert_eq!(
        code(w.store.create_account(lobby).await),
        ErrorCode::Conflict
    );
}

pub(crate) async fn a02_refresh_tokens_rotate_and_theft_ends_the_session(w: &World) {
    let ann = w.person("ann").await;
    let id = SessionId::generate();
    let begun = w
        .store
        .create_session(id.clone(), ann, "laptop", at(0))
        .await
        .unwrap();
    assert_eq!((begun.generation, begun.rotated_at), (1, at(0)));
    let rotated = async |presented, seconds| {
        let rotated = w
            .store
            .rotate_session(&id, presented, at(seconds))
            .await
            .unwrap();
        rotated.map(|(session, account)| {
            assert_eq!(account.id, ann);
            session.generation
        })
    };
    assert_eq!(
        rotated(1, 100).await,
        Some(2),
        "the good one makes the next"
    );
    assert_eq!(
        rotated(1, 160).await,
        Some(2),
        "a lost answer is given again"
    );
    assert_eq!(rotated(2, 170).await, Some(3));
    assert_eq!(rotated(2, 230).await, Some(3));
    assert_eq!(
        rotated(2, 231).await,
        None,
        "too late: somebody else has it"
    );
    assert_eq!(w.store.session(&id).await.unwrap(), None);
    assert_eq!(rotated(3, 231).await, None, "for the thief too");

    for (presented, why) in [(0, "never given"), (7, "not yet given")] {
        let id = SessionId::generate();
        w.store
            .create_session(id.clone(), ann, "", at(0))
            .await
            .unwrap();
        let none = w.store.rotate_session(&id, presented, at(1)).await.unwrap();
        assert_eq!(
            (none, w.store.session(&id).await.unwrap()),
            (None, None),
            "{why}"
        );
    }
}

pub(crate) async fn a03_keys_rotate_and_the_newest_of_the_old_stays(w: &World) {
    let key = |kid: &str, seconds| SigningKey {
        kid: kid.to_owned(),
        secret: [7; 32],
        created_at: at(seconds),
    };
    w.store.add_signing_key(key("a", 1), at(0)).await.unwrap();
    w.store.add_signing_key(key("b", 2), at(0)).await.unwrap();
    w.store.add_signing_key(key("c", 3), at(0)).await.unwrap();
    let kids = async || -> Vec<String> {
        let keys = w.store.signing_keys().await.unwrap();
        keys.into_iter().map(|key| key.kid).collect()
    };
    assert_eq!(kids().await, ["c", "b", "a"]);
    w.store.add_signing_key(key("d", 4), at(3)).await.unwrap();
    assert_eq!(kids().await, ["d", "c", "b"]);
    assert_eq!(w.store.signing_keys().await.unwrap()[0], key("d", 4));
}

pub(crate) async fn a03_a_key_signs_whose_maker_has_a_clock_that_is_behind(w: &World) {
    for (kid, seconds) in [("m", 100), ("a", 40), ("z", 40), ("b", 100)] {
        let key = SigningKey {
            kid: kid.to_owned(),
            secret: [7; 32],
            created_at: at(seconds),
        };
        w.store.add_signing_key(key, at(0)).await.unwrap();
        let keys = w.store.signing_keys().await.unwrap();
        assert_eq!(keys[0].kid, kid, "the newest signs");
    }
    let keys = w.store.signing_keys().await.unwrap();
    let made: Vec<_> = keys.iter().rev().map(|key| key.created_at).collect();
    assert!(made.is_sorted_by(|a, b| a < b), "{made:?}");
    assert_eq!(made[0], at(100));
    assert!(made[3] < at(101));
}

fn invite(code: u8, uses: u32, groups: &[&str]) -> Invite {
    Invite {
        hash: InviteHash([code; 32]),
        groups: groups.iter().map(|group| name(group)).collect(),
        uses_left: uses,
        admin: false,
        expires_at: at(100),
    }
}

pub(crate) async fn a04_an_invite_is_used_up_exactly_once(w: &World) {
    let mut first = invite(1, 3, &[]);
    first.admin = true;
    w.store.add_invite(first.clone()).await.unwrap();
    assert_eq!(
        w.store.invite(first.hash, at(0)).await.unwrap(),
        Some(first.clone())
    );
    let mut arrivals = tokio::task::JoinSet::new();
    for number in 0..10 {
        let store = Arc::clone(&w.store);
        let mut new = new_account(&format!("user{number}"));
        new.invite = Some(first.hash);
        arrivals.spawn(async move { store.create_account(new).await });
    }
    let arrivals = arrivals.join_all().await;
    let (came, refused): (Vec<_>, Vec<_>) = arrivals.into_iter().partition(Result::is_ok);
    assert_eq!(came.len(), 3);
    assert!(came.into_iter().all(|account| account.unwrap().admin));
    assert!(
        refused
            .into_iter()
            .all(|refusal| code(refusal) == ErrorCode::Forbidden)
    );
    assert_eq!(w.store.invite(first.hash, at(0)).await.unwrap(), None);
}

pub(crate) async fn a04_an_invite_ends_and_a_refusal_leaves_nothing(w: &World) {
    w.store.add_invite(invite(1, 1, &[])).await.unwrap();
    let hash = InviteHash([1; 32]);
    let mut late = new_account("late");
    (late.invite, late.now) = (Some(hash), at(100));
    assert_eq!(
        code(w.store.create_account(late).await),
        ErrorCode::Forbidden
    );
    let mut unknown = new_account("late");
    unknown.invite = Some(InviteHash([9; 32]));
    assert_eq!(
        code(w.store.create_account(unknown).await),
        ErrorCode::Forbidden
    );
    assert!(!w.store.people_exist().await.unwrap());
    w.person("ann").await;
    let mut taken = new_account("ann");
    taken.invite = Some(hash);
    assert_eq!(
        code(w.store.create_account(taken).await),
        ErrorCode::Conflict
    );
    assert!(
        w.store.invite(hash, at(0)).await.unwrap().is_some(),
        "the invite is not used up"
    );
}

pub(crate) async fn a04_newcomers_join_the_lobby_and_the_groups_of_their_invite(w: &World) {
    let mut ann = new_account("ann");
    ann.lobby = Some(name("lobby"));
    let ann = w.store.create_account(ann).await.unwrap().id;
    assert_eq!(
        w.membership(ann, "lobby").await.unwrap().rev.0,
        0,
        "made by the first"
    );
    w.make_group(ann, "ops", &[]).await;
    w.make_group(ann, "old", &[]).await;
    w.remove(ann, "old", "ann").await.unwrap();
    w.store
        .add_invite(invite(1, 1, &["ops", "gone", "old", "lobby"]))
        .await
        .unwrap();
    let mut ben = new_account("ben");
    (ben.invite, ben.lobby) = (Some(InviteHash([1; 32])), Some(name("lobby")));
    let ben = w.store.create_account(ben).await.unwrap().id;
    let groups = w.store.groups(ben).await.unwrap();
    let groups: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(groups, ["lobby", "ops"]);
    let lobby = w.membership(ben, "lobby").await.unwrap();
    assert_eq!((lobby.members, lobby.rev.0, lobby.first_seq.0), (2, 1, 1));
    let ops = w.membership(ben, "ops").await.unwrap();
    assert_eq!(
        (ops.members, ops.rev.0, ops.first_seq.0, ops.unread()),
        (2, 2, 2, 0)
    );

    let mut cid = new_account("cid");
    cid.lobby = Some(name("ops"));
    let cid = w.store.create_account(cid).await.unwrap().id;
    assert!(
        w.store.groups(cid).await.unwrap().is_empty(),
        "a private group is no lobby"
    );
}

pub(crate) async fn a05_a_user_has_several_sessions_and_ends_them_one_by_one(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    let ids = [SessionId::generate(), SessionId::generate()];
    for (id, device) in ids.iter().zip(["laptop", "phone"]) {
        w.store
            .create_session(id.clone(), ann, device, at(0))
            .await
            .unwrap();
    }
    let seen = [
        (ids[0].clone(), at(5)),
        (ids[1].clone(), at(9)),
        (SessionId::generate(), at(1)),
    ];
    w.store.touch_sessions(&seen).await.unwrap();
    w.store
        .touch_sessions(&[(ids[1].clone(), at(3))])
        .await
        .unwrap();
    let sessions = w.store.sessions(ann).await.unwrap();
    let listed: Vec<_> = sessions
        .iter()
        .map(|s| (s.device.as_str(), s.last_seen))
        .collect();
    assert_eq!(listed, [("phone", at(9)), ("laptop", at(5))]);
    assert!(
        !w.store.end_session(ben, &ids[0]).await.unwrap(),
        "not one's own"
    );
    assert!(w.store.end_session(ann, &ids[0]).await.unwrap());
    assert!(!w.store.end_session(ann, &ids[0]).await.unwrap());
    assert_eq!(w.store.session(&ids[0]).await.unwrap(), None);
    let (left, account) = w.store.session(&ids[1]).await.unwrap().unwrap();
    assert_eq!(
        (left.device.as_str(), account.name.as_str()),
        ("phone", "ann")
    );
}

pub(crate) async fn a05_sessions_that_ended_are_told_from_those_that_hold(w: &World) {
    let ann = w.person("ann").await;
    let ids: [SessionId; 4] = std::array::from_fn(|_| SessionId::generate());
    for id in &ids[..3] {
        w.store
            .create_session(id.clone(), ann, "", at(0))
            .await
            .unwrap();
    }
    assert_eq!(w.store.sessions_gone(&ids[..3]).await.unwrap(), []);
    w.store.end_session(ann, &ids[1]).await.unwrap();
    let gone = w.store.sessions_gone(&ids).await.unwrap();
    assert_eq!(gone, [ids[1].clone(), ids[3].clone()]);
    assert_eq!(w.store.sessions_gone(&[]).await.unwrap(), []);
}

fn ticket(number: usize, session: &SessionId, seconds: i64) -> NewTicket {
    let mut hash = [7; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    NewTicket {
        hash: TicketHash(hash),
        session: session.clone(),
        now: at(seconds),
        ends_at: at(seconds + 30),
    }
}

pub(crate) async fn a08_a_ticket_is_taken_once_and_before_its_end(w: &World) {
    let session = SessionId::generate();
    let [first, late] = [ticket(1, &session, 0), ticket(2, &session, 0)];
    for ticket in [&first, &late] {
        w.store.add_ticket(ticket.clone()).await.unwrap();
    }
    let taken = async |ticket: &NewTicket, seconds| {
        let taken = w.store.take_ticket(ticket.hash, at(seconds)).await;
        taken.unwrap()
    };
    let mut takers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (store, hash) = (Arc::clone(&w.store), first.hash);
        takers.spawn(async move { store.take_ticket(hash, at(29)).await.unwrap() });
    }
    let takers: Vec<_> = takers.join_all().await.into_iter().flatten().collect();
    assert_eq!(takers.len(), 1, "one of them has it: {takers:?}");
    assert_eq!(taken(&late, 30).await, None);
    assert_eq!(taken(&late, 0).await, None, "forgotten");
    assert_eq!(taken(&ticket(3, &session, 0), 0).await, None);
}

pub(crate) async fn a08_the_newest_tickets_of_a_session_stay(w: &World) {
    let [session, other] = [SessionId::generate(), SessionId::generate()];
    w.store.add_ticket(ticket(0, &other, 0)).await.unwrap();
    let count = limits::TICKETS_PER_SESSION_MAX + 2;
    for number in 1..=count {
        let ticket = ticket(number, &session, 0);
        w.store.add_ticket(ticket).await.unwrap();
    }
    let mut taken = Vec::new();
    for number in 0..=count {
        let hash = ticket(number, &session, 0).hash;
        if w.store.take_ticket(hash, at(1)).await.unwrap().is_some() {
            taken.push(number);
        }
    }
    let newest: Vec<usize> = std::iter::once(0).chain(3..=count).collect();
    assert_eq!(taken, newest);
}

pub(crate) async fn s02_tickets_are_bounded_in_all_until_they_end(w: &World) {
    let out = async |number, seconds| {
        let ticket = ticket(number, &SessionId::generate(), seconds);
        w.store.add_ticket(ticket).await
    };
    for first in (0..limits::TICKETS_MAX).step_by(64) {
        let several = (first..first + 64).map(|number| out(number, 0));
        futures_util::future::try_join_all(several).await.unwrap();
    }
    assert_eq!(code(out(9_999, 29).await), ErrorCode::RateLimited);
    out(9_999, 30).await.unwrap();
}

pub(crate) async fn p02_people_are_found_by_what_their_names_hold(w: &World) {
    for (handle, shown) in [
        ("ann", "Ann"),
        ("zoe", "Ärger"),
        ("joann", "Jo"),
        ("bob", "x anna"),
    ] {
        let user = account(&*w.store, handle).await.id;
        w.store.set_display_name(user, shown).await.unwrap();
    }
    let found = async |query: &str, after: Option<&str>, limit| -> String {
        let after = after.map(name);
        let found = w
            .store
            .search_people(query, after.as_ref(), limit)
            .await
            .unwrap();
        found
            .iter()
            .map(|account| account.name.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        found("ANN", None, 9).await,
        "ann bob joann",
        "who begins with it comes first"
    );
    assert_eq!(found("jo", None, 9).await, "joann");
    assert_eq!(found("äRG", None, 9).await, "zoe");
    assert_eq!(found("", None, 9).await, "ann bob joann zoe");
    assert_eq!(found("%", None, 9).await, "");
    assert_eq!(found("ann", None, 1).await, "ann");
    assert_eq!(found("ann", Some("ann"), 1).await, "bob");
    assert_eq!(found("ann", Some("bob"), 9).await, "joann");
    assert_eq!(found("", Some("bo"), 9).await, "bob joann zoe");
}

pub(crate) async fn r03_a_status_and_the_last_seen_are_kept(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    let status = Standing {
        state: Some(PresenceState::Dnd),
        text: Some("in a meeting".to_owned()),
        until: Some(at(60)),
        last_seen: Some(at(999)),
    };
    w.store.set_status(ann, status.clone()).await.unwrap();
    w.store
        .set_last_seen(&[(ann, at(5)), (ben, at(6)), (UserId(99), at(7))])
        .await
        .unwrap();
    w.store.set_last_seen(&[(ann, at(4))]).await.unwrap();
    let standings = w.store.standings(&[ben, UserId(99), ann]).await.unwrap();
    let expected = [
        Standing {
            last_seen: Some(at(6)),
            ..Standing::default()
        },
        Standing::default(),
        Standing {
            last_seen: Some(at(5)),
            ..status
        },
    ];
    assert_eq!(standings, expected);
}
