//! Groups and public topics: how they come, who is in them, and how they go.

use chat_proto::{ConversationKind, ErrorCode, Rev, Role, Seq, limits};
use chat_server::change::What;
use chat_server::store::{Range, Subscribed};

use crate::world::{World, at, code, name, new_account, new_group, topic};

pub(crate) async fn t02_a_free_name_becomes_a_public_topic(w: &World) {
    let [ann, ben, eve] = w.people(["ann", "ben", "eve"]).await;
    assert_eq!(code(w.say(ann, "world", "hi").await), ErrorCode::NotFound);
    let made = w.subscribe(ann, "World").await.unwrap();
    assert_eq!(
        (made.topic.as_str(), made.seq.0, made.rev.0),
        ("world", 0, 0)
    );
    let joined = w.subscribe(ben, "#world").await.unwrap();
    assert_eq!((joined.seq.0, joined.rev.0), (0, 1));
    assert!(joined.changed && !made.changed);
    let again = w.subscribe(ben, "world").await.unwrap();
    let changed = false;
    assert_eq!(
        again,
        Subscribed { changed, ..joined },
        "twice changes nothing"
    );

    w.said(ann, "world", "Hello world!").await;
    assert_eq!(
        w.heard.last().members.as_ref(),
        [ann, ben],
        "no one else gets it"
    );
    assert_eq!(code(w.say(eve, "world", "hi").await), ErrorCode::Forbidden);
    assert_eq!(code(w.subscribe(eve, "@world").await), ErrorCode::NotFound);
    assert_eq!(
        code(w.subscribe(eve, "everyone").await),
        ErrorCode::Rejected
    );

    let left = w.unsubscribe(ben, "world").await.unwrap();
    assert_eq!((left.seq.0, left.rev.0), (1, 3));
    let again = w.unsubscribe(ben, "world").await.unwrap();
    assert_eq!(
        again,
        Subscribed { changed, ..left },
        "twice changes nothing"
    );
    let seen = w.store.group(eve, &name("world")).await.unwrap();
    assert_eq!((seen.members, seen.public, seen.role), (1, true, None));
    let found = w.store.public_topics(eve, "orl", 5).await.unwrap();
    assert_eq!(found, [seen]);
}

pub(crate) async fn t02_at_most_twenty_topics_go_without_messages(w: &World) {
    let [ann] = w.people(["ann"]).await;
    for number in 0..limits::EMPTY_TOPICS_MAX {
        w.subscribe(ann, &format!("t{number}")).await.unwrap();
    }
    assert_eq!(code(w.subscribe(ann, "more").await), ErrorCode::Rejected);
    w.said(ann, "t3", "not without").await;
    w.subscribe(ann, "more").await.unwrap();
    assert_eq!(code(w.subscribe(ann, "most").await), ErrorCode::Rejected);
    w.unsubscribe(ann, "more").await.unwrap();
    w.subscribe(ann, "most").await.unwrap();
}

pub(crate) async fn t03_nobody_subscribes_to_another_users_topic(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    assert_eq!(code(w.subscribe(ann, "ben").await), ErrorCode::Forbidden);
    assert_eq!(code(w.unsubscribe(ann, "@ben").await), ErrorCode::Forbidden);
    assert_eq!(code(w.subscribe(ann, "#ben").await), ErrorCode::NotFound);
    w.said(ben, "ben", "note").await;
    let own = w.subscribe(ben, "ben").await.unwrap();
    assert_eq!((own.seq.0, own.rev.0), (1, 1));
}

pub(crate) async fn t03_a_private_group_is_nothing_to_those_outside(w: &World) {
    let [ann, eve] = w.people(["ann", "eve"]).await;
    w.make_group(ann, "ops", &[]).await;
    let nothing = code(w.say(eve, "nothing", "hi").await);
    assert_eq!(nothing, ErrorCode::NotFound);
    assert_eq!(code(w.say(eve, "ops", "hi").await), nothing);
    assert_eq!(code(w.subscribe(eve, "ops").await), nothing);
    assert_eq!(code(w.unsubscribe(eve, "ops").await), nothing);
    assert_eq!(code(w.membership(eve, "ops").await), nothing);
    assert_eq!(code(w.add(eve, "ops", "eve").await), nothing);
    assert_eq!(code(w.remove(eve, "ops", "ann").await), nothing);
    assert_eq!(code(w.store.group(eve, &name("ops")).await), nothing);
    assert_eq!(
        code(w.store.history(eve, &topic("ops"), Range::Latest, 9).await),
        nothing
    );
    assert_eq!(
        w.store.membership_or_left(eve, &name("ops")).await.unwrap(),
        None
    );
    assert!(w.store.public_topics(eve, "", 9).await.unwrap().is_empty());
    assert_eq!(
        code(w.unsubscribe(ann, "ops").await),
        ErrorCode::Forbidden,
        "it is left instead"
    );
}

pub(crate) async fn t04_a_group_comes_with_its_first_message(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    let unknown = w
        .store
        .create_group(new_group(ann, Some("ops"), &["nobody"]))
        .await;
    assert_eq!(code(unknown), ErrorCode::NotFound);
    let group = new_group(ann, Some("ops"), &["ben", "ann", "ben"]);
    let made = w.store.create_group(group.clone()).await.unwrap();
    assert_eq!(made.title, "ann, ben");
    let published = &made.published;
    assert_eq!(
        (published.seq.0, published.rev.0, published.dup),
        (1, 1, false)
    );
    assert_eq!(published.topic.as_str(), "ops");
    assert_eq!(w.heard.last().members.as_ref(), [ann, ben]);
    let members = w.store.members(published.conversation).await.unwrap();
    let roles: Vec<_> = members.iter().map(|m| (m.user, m.role)).collect();
    assert_eq!(roles, [(ann, Role::Owner), (ben, Role::Member)]);

    let again = w.store.create_group(group).await.unwrap();
    assert!(again.published.dup);
    assert_eq!(
        (again.title, again.published.topic),
        (made.title, name("ops"))
    );
    let other = w.store.create_group(new_group(ben, Some("ops"), &[])).await;
    assert_eq!(code(other), ErrorCode::Conflict);
    let person = w.store.create_group(new_group(ben, Some("ann"), &[])).await;
    assert_eq!(code(person), ErrorCode::Conflict);
    let reserved = w.store.create_group(new_group(ben, Some("all"), &[])).await;
    assert_eq!(code(reserved), ErrorCode::Rejected);
    assert_eq!(w.store.groups(ben).await.unwrap().len(), 1);
}

pub(crate) async fn t04_a_group_without_a_name_gets_a_free_one(w: &World) {
    let [ann, _ben] = w.people(["ann", "ben"]).await;
    let mut titled = new_group(ann, None, &["ben"]);
    titled.title = Some("Release Crew!".to_owned());
    let made = w.store.create_group(titled.clone()).await.unwrap();
    assert_eq!(
        (made.title.as_str(), made.published.topic.as_str()),
        ("Release Crew!", "release-crew")
    );
    titled.first = new_group(ann, None, &[]).first;
    let second = w.store.create_group(titled).await.unwrap();
    assert_eq!(second.published.topic.as_str(), "release-crew-2");
    let plain = w
        .store
        .create_group(new_group(ann, None, &["ben"]))
        .await
        .unwrap();
    assert_eq!(
        (plain.title.as_str(), plain.published.topic.as_str()),
        ("ann, ben", "ann-ben")
    );
}

pub(crate) async fn t04_members_add_and_the_owner_removes(w: &World) {
    let [ann, ben, cid] = w.people(["ann", "ben", "cid"]).await;
    w.make_group(ann, "ops", &["ben"]).await;
    assert!(w.add(ben, "ops", "cid").await.unwrap(), "members add");
    let told = w.heard.last();
    assert!(matches!(&told.change.what, What::Join { user, .. } if *user == cid));
    assert_eq!(told.members.as_ref(), [ann, ben, cid]);
    assert!(
        !w.add(ben, "ops", "cid").await.unwrap(),
        "twice changes nothing"
    );
    assert_eq!(code(w.add(ben, "ops", "nobody").await), ErrorCode::NotFound);
    assert_eq!(
        code(w.remove(ben, "ops", "cid").await),
        ErrorCode::Forbidden
    );
    assert_eq!(
        code(w.remove(ben, "ops", "ann").await),
        ErrorCode::Forbidden
    );
    assert!(w.remove(ann, "ops", "cid").await.unwrap());
    let told = w.heard.last();
    assert!(matches!(&told.change.what, What::Leave { user, .. } if *user == cid));
    assert_eq!(told.members.as_ref(), [ann, ben, cid], "who leaves is told");
    assert!(!w.remove(ann, "ops", "cid").await.unwrap(), "was no member");
    assert!(w.remove(ben, "ops", "ben").await.unwrap(), "anyone leaves");
    assert_eq!(w.membership(ann, "ops").await.unwrap().rev, Rev(4));
}

pub(crate) async fn t08_the_oldest_inherits_a_group(w: &World) {
    let [ann, ben, cid] = w.people(["ann", "ben", "cid"]).await;
    w.make_group(ann, "ops", &["cid", "ben"]).await;
    w.remove(ann, "ops", "ann").await.unwrap();
    let heard = w.heard.all();
    let [.., leave, role] = heard.as_slice() else {
        panic!("two changes")
    };
    assert!(matches!(&leave.change.what, What::Leave { user, .. } if *user == ann));
    let heir = What::Role {
        name: name("cid"),
        role: Role::Owner,
    };
    assert_eq!((&role.change.what, role.change.rev), (&heir, Rev(3)));
    assert_eq!(
        role.members.as_ref(),
        [ben, cid],
        "who left is told no more"
    );
    assert_eq!(w.membership(cid, "ops").await.unwrap().role, Role::Owner);

    w.subscribe(ben, "world").await.unwrap();
    w.subscribe(cid, "world").await.unwrap();
    w.unsubscribe(ben, "world").await.unwrap();
    assert_eq!(w.membership(cid, "world").await.unwrap().role, Role::Owner);
}

pub(crate) async fn t08_a_name_that_held_a_message_is_never_given_again(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    w.make_group(ann, "ops", &[]).await;
    w.remove(ann, "ops", "ann").await.unwrap();
    assert_eq!(
        code(w.subscribe(ann, "ops").await),
        ErrorCode::NotFound,
        "archived"
    );
    let again = w.store.create_group(new_group(ben, Some("ops"), &[])).await;
    assert_eq!(code(again), ErrorCode::Conflict);
    assert_eq!(
        code(w.store.create_account(new_account("ops")).await),
        ErrorCode::Conflict
    );

    w.subscribe(ann, "world").await.unwrap();
    w.said(ann, "world", "hi").await;
    w.unsubscribe(ann, "world").await.unwrap();
    assert_eq!(
        code(w.store.create_account(new_account("world")).await),
        ErrorCode::Conflict
    );
    let back = w.subscribe(ben, "world").await.unwrap();
    assert_eq!(
        (back.seq.0, back.rev.0),
        (1, 3),
        "it is the topic that it was"
    );
    assert_eq!(w.membership(ben, "world").await.unwrap().role, Role::Owner);

    w.subscribe(ann, "empty").await.unwrap();
    w.unsubscribe(ann, "empty").await.unwrap();
    assert_eq!(
        code(w.store.group(ann, &name("empty")).await),
        ErrorCode::NotFound
    );
    assert!(
        w.store
            .public_topics(ann, "empty", 9)
            .await
            .unwrap()
            .is_empty()
    );
    w.store
        .create_account(new_account("empty"))
        .await
        .expect("nothing was said in it");
}

pub(crate) async fn t08_a_topic_made_again_continues_its_numbers(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    w.subscribe(ann, "world").await.unwrap();
    w.subscribe(ben, "world").await.unwrap();
    w.unsubscribe(ben, "world").await.unwrap();
    let last = w.unsubscribe(ann, "world").await.unwrap();
    let told = w
        .store
        .membership_or_left(ann, &name("world"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(told.rev, last.rev, "another device hears of the leaving");
    let made = w.subscribe(ben, "world").await.unwrap();
    assert_eq!(
        made.rev, last.rev,
        "a device that knows rev 4 misses nothing"
    );
    let said = w.said(ben, "world", "first").await;
    assert_eq!((said.seq.0, said.rev), (1, last.rev.next()));
    assert_eq!(w.heard.last().members.as_ref(), [ben]);
    w.settled().await;
    let feed = w
        .store
        .since(chat_server::change::Place::default(), 99)
        .await
        .unwrap();
    assert_eq!(feed.last().unwrap().members.as_ref(), [ben]);
}

pub(crate) async fn t10_who_is_added_again_starts_at_the_last_joining(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    w.make_group(ann, "ops", &["ben"]).await;
    w.said(ben, "ops", "two").await;
    w.remove(ann, "ops", "ben").await.unwrap();
    w.said(ann, "ops", "three, unseen").await;
    w.add(ann, "ops", "ben").await.unwrap();
    w.said(ann, "ops", "four").await;
    let bens = w.membership(ben, "ops").await.unwrap();
    assert_eq!(
        (bens.first_seq, bens.first_rev, bens.joined_rev),
        (Seq(4), Rev(5), Rev(5))
    );
    assert_eq!((bens.unread(), bens.own_last, bens.own_read), (1, 1, 1));
    assert_eq!(
        w.texts(ben, "ops", Range::Before(Seq(9)), 9).await,
        (vec!["four".to_owned()], false)
    );
    assert_eq!(
        w.texts(ben, "ops", Range::Before(Seq(4)), 9).await,
        (vec![], false)
    );
    let slice = w
        .store
        .changes(ben, bens.conversation.unwrap(), Rev(0), 99)
        .await
        .unwrap();
    let revs: Vec<u64> = slice.changes.iter().map(|change| change.rev.0).collect();
    assert_eq!((revs, slice.more), (vec![5, 6], false));

    w.subscribe(ann, "world").await.unwrap();
    w.said(ann, "world", "old").await;
    w.subscribe(ben, "world").await.unwrap();
    let public = w.membership(ben, "world").await.unwrap();
    assert_eq!(public.kind, ConversationKind::Public);
    assert_eq!(
        (public.first_seq, public.first_rev, public.joined_rev),
        (Seq(1), Rev(1), Rev(2))
    );
    assert_eq!(w.texts(ben, "world", Range::Latest, 9).await.0, ["old"]);
}

pub(crate) async fn d10_who_left_is_told_up_to_the_leaving(w: &World) {
    let [ann, ben] = w.people(["ann", "ben"]).await;
    w.make_group(ann, "ops", &["ben"]).await;
    w.store
        .remove_member(ann, &name("ops"), &name("ben"), at(1))
        .await
        .unwrap();
    w.said(ann, "ops", "unseen").await;
    let left = w
        .store
        .membership_or_left(ben, &name("ops"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((left.rev, left.last_seq), (Rev(2), Seq(1)));
    let conversation = left.conversation.unwrap();
    assert_eq!(
        w.store.membership_in(ben, conversation).await.unwrap(),
        None
    );
    let slice = w.store.changes(ben, conversation, Rev(0), 1).await.unwrap();
    assert!(slice.more);
    let slice = w.store.changes(ben, conversation, Rev(1), 9).await.unwrap();
    assert_eq!((slice.changes.len(), slice.more), (1, false));
    assert!(matches!(&slice.changes[0].what, What::Leave { user, .. } if *user == ben));
    assert!(w.store.heads(ben).await.unwrap().is_empty());
    assert!(
        w.store
            .conversations(ben, None, 9)
            .await
            .unwrap()
            .is_empty()
    );
}
