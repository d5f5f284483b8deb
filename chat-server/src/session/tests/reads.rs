//! What is read from the store beside what is heard: neither hides the other.

use super::*;
use crate::limits::{FINDING_MAX, FINDS_AT_ONCE};

#[test]
fn d12_a_read_of_the_store_says_nothing_of_what_was_heard_of_later() {
    let mut ann = Ann::live(2);
    let mut inbox = Inbox::default();
    inbox.heads.insert(OPS, Rev(3));
    ann.session.handle_inbox(inbox);
    assert_eq!(ann.sent(), [""; 0]);
    assert_eq!(ann.jobs(), ["load after 2"]);
    // While it is read, 3 and 4 are stored; the notice of 4 overtakes what the read finds.
    assert_eq!(ann.hears(&[said(4, BEN, "d")]), [""; 0]);
    assert_eq!(ann.loaded(&[]), [""; 0]);
    assert_eq!(ann.jobs(), ["load after 2"]);
    assert_eq!(
        ann.loaded(&[said(3, BEN, "c"), said(4, BEN, "d")]),
        ["message 3", "message 4"]
    );
    assert_eq!(ann.jobs(), [""; 0]);
}

#[test]
fn d11_what_was_read_before_a_sync_went_back_is_not_told_after_it() {
    for read in [vec![], vec![said(51, BEN, "a"), said(52, BEN, "b")]] {
        let mut ann = Ann::live(50);
        let mut inbox = Inbox::default();
        inbox.heads.insert(OPS, Rev(52));
        ann.session.handle_inbox(inbox);
        assert_eq!(ann.sent(), [""; 0]);
        assert_eq!(ann.jobs(), ["load after 50"]);
        ann.says(r#"{"action":"sync","topics":{"ops":10}}"#);
        let answer = SyncAnswer {
            frames: Vec::new(),
            places: vec![Placed {
                conversation: OPS,
                told: Rev(20),
                head: Rev(52),
            }],
            text_bytes: 0,
        };
        assert_eq!(ann.replied(Reply::Synced(Ok(answer))), [""; 0]);
        assert_eq!(ann.jobs(), ["sync"]);
        assert_eq!(ann.loaded(&read), [""; 0]);
        assert_eq!(ann.jobs(), ["load after 20"]);
        assert_eq!(ann.loaded(&[said(21, BEN, "c")]), ["message 21"]);
    }
}

#[test]
fn d12_what_waits_and_is_no_more_for_the_viewer_holds_up_nothing() {
    let mut ann = Ann::live(50);
    assert_eq!(ann.hears(&[said(53, BEN, "a")]), [""; 0]);
    assert_eq!(ann.jobs(), ["load after 50"]);
    // Before it was read ann was removed from a private group and added again.
    let join = change(
        60,
        What::Join {
            user: ANN,
            name: name("ann"),
        },
    );
    assert_eq!(ann.loaded(&[join]), ["join 60"]);
    assert_eq!(ann.jobs(), [""; 0]);
    assert_eq!(ann.hears(&[said(61, BEN, "b")]), ["message 61"]);
}

#[test]
fn d08_what_was_read_behind_ones_own_message_waits_for_its_ack() {
    let mut ann = Ann::live(3);
    ann.says(SEND);
    assert_eq!(ann.hears(&[said(6, BEN, "c")]), [""; 0]);
    assert_eq!(ann.jobs(), ["send mine", "load after 3"]);
    let slice = [said(4, BEN, "a"), said(5, ANN, "mine"), said(6, BEN, "c")];
    assert_eq!(ann.loaded(&slice), ["message 4"]);
    assert_eq!(ann.stored("mine", 5), ["ack mine", "message 6"]);
}

#[test]
fn d12_who_was_added_while_it_was_asked_whether_they_are_is_told() {
    let mut ann = Ann::live(0);
    let other = ConversationId(8);
    let mut inbox = Inbox::default();
    inbox.heads.insert(other, Rev(59));
    ann.session.handle_inbox(inbox);
    ann.sent();
    assert_eq!(ann.jobs(), ["find"]);
    let mut inbox = Inbox::default();
    inbox.heads.insert(other, Rev(60));
    ann.session.handle_inbox(inbox);
    assert_eq!(ann.replied(Reply::Found(other, Ok(None))), [""; 0]);
    assert_eq!(ann.jobs(), ["find"], "once more");
    ann.replied(Reply::Found(other, Ok(None)));
    assert_eq!(ann.jobs(), [""; 0]);
    assert_eq!(ann.session.cursors.len(), 1);
}

#[test]
fn d12_what_came_meanwhile_is_not_read_again() {
    let mut ann = Ann::live(0);
    ann.hears(&[said(3, BEN, "c")]);
    assert_eq!(ann.jobs(), ["load after 0"]);
    // Still behind after the first of them, and even after the second.
    let told = ann.loaded(&[said(1, BEN, "a"), said(2, BEN, "b")]);
    assert_eq!(told, ["message 1", "message 2", "message 3"]);
    assert_eq!(ann.jobs(), [""; 0]);
}

#[test]
fn d12_what_the_store_does_not_have_hides_nothing_that_it_has() {
    let mut ann = Ann::live(2);
    assert_eq!(ann.hears(&[said(50, BEN, "forged")]), [""; 0]);
    assert_eq!(ann.jobs(), ["load after 2"]);
    assert_eq!(ann.loaded(&[said(3, BEN, "c")]), ["message 3"]);
    assert_eq!(ann.jobs(), ["load after 3"]);
    assert_eq!(ann.loaded(&[]), [""; 0]);
    assert_eq!(ann.jobs(), [""; 0]);
    assert_eq!(
        ann.hears(&[said(4, BEN, "d"), said(5, BEN, "e")]),
        ["message 4", "message 5"]
    );
}

#[test]
fn very_many_conversations_that_are_not_known_are_asked_for_a_few_at_a_time() {
    let mut ann = Ann::live(0);
    let heads = |count| {
        let mut inbox = Inbox::default();
        for conversation in 1..=count {
            inbox
                .heads
                .insert(ConversationId(1_000 + conversation), Rev(9));
        }
        inbox
    };
    let many = i64::try_from(2 * FINDING_MAX).expect("a number");
    ann.session.handle_inbox(heads(many));
    assert_eq!(ann.sent(), [""; 0]);
    assert_eq!(ann.session.cursors.len(), 1 + FINDING_MAX);
    let mut asked = 0;
    while let Some(job) = ann.jobs.pop() {
        let Job::Find(conversation) = job else {
            panic!("instead of a question came {job:?}")
        };
        assert!(ann.jobs.len() < FINDS_AT_ONCE);
        asked += 1;
        ann.replied(Reply::Found(conversation, Ok(None)));
    }
    assert_eq!(asked, FINDING_MAX);
    assert_eq!(ann.session.cursors.len(), 1);
    // While the store is away each is asked once more when it is time, and not before.
    ann.session.handle_inbox(heads(3));
    ann.sent();
    for job in std::mem::take(&mut ann.jobs) {
        if let Job::Find(conversation) = job {
            let away = chat_proto::Refusal::unavailable();
            ann.replied(Reply::Found(conversation, Err(away)));
        }
    }
    assert_eq!(ann.jobs(), [""; 0]);
    ann.session.handle_timeout(Millis(4_000));
    ann.sent();
    assert_eq!(ann.jobs(), ["find", "find", "find"]);
}

/// Every fault that these tests claim to notice, they do.
#[cfg(feature = "mutants")]
#[test]
fn mutants_are_noticed_by_the_session() {
    let table = [
        (
            "an_old_read_is_believed",
            "reads::d12_a_read_of_the_store_says_nothing_of_what_was_heard_of_later",
        ),
        (
            "an_old_read_is_believed",
            "reads::d12_what_the_store_does_not_have_hides_nothing_that_it_has",
        ),
        (
            "what_came_is_read_again",
            "reads::d12_what_came_meanwhile_is_not_read_again",
        ),
        (
            "a_read_of_elsewhere_is_told",
            "reads::d11_what_was_read_before_a_sync_went_back_is_not_told_after_it",
        ),
        (
            "ack_out_of_place",
            "d08_an_ack_comes_after_everything_with_a_smaller_number",
        ),
        (
            "echo_ones_own",
            "d04_the_ack_stands_for_ones_own_message_whichever_comes_first",
        ),
    ];
    crate::mutant::noticed("session::tests", &table);
}
