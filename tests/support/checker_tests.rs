//! The checker on histories that are broken on purpose: each has to go red, and with the right word.

use super::*;

/// Ann sends `a1` and `a2` to the group, ben has one session, and everything is as it should be.
struct Run {
    ann: Vec<Entry>,
    ben: Vec<Entry>,
    end: Vec<Entry>,
}

fn seen(seq: u64, id: &str) -> Seen {
    Seen {
        seq,
        id: id.to_owned(),
        from: "ann".to_owned(),
        text: format!("text of {id}"),
    }
}

fn sending(id: &str) -> Entry {
    Entry::Sending {
        conversation: "ops".to_owned(),
        sender: "ann".to_owned(),
        id: id.to_owned(),
        text: format!("text of {id}"),
    }
}

fn acked(id: &str, seq: u64) -> Entry {
    let id = id.to_owned();
    Entry::Acked { id, seq }
}

fn shown(user: &str, message: Seen) -> Entry {
    Entry::Shown {
        session: format!("{user} 1"),
        user: user.to_owned(),
        conversation: "ops".to_owned(),
        message,
    }
}

fn session(user: &str) -> Entry {
    Entry::Session {
        session: format!("{user} 1"),
        user: user.to_owned(),
    }
}

fn history(messages: &[Seen]) -> Entry {
    Entry::History {
        reader: "ann".to_owned(),
        conversation: "ops".to_owned(),
        messages: messages.to_vec(),
    }
}

fn good() -> Run {
    Run {
        ann: vec![sending("a1"), acked("a1", 1), sending("a2"), acked("a2", 2)],
        ben: vec![
            session("ben"),
            shown("ben", seen(1, "a1")),
            shown("ben", seen(2, "a2")),
        ],
        end: vec![history(&[seen(1, "a1"), seen(2, "a2")])],
    }
}

fn judge(run: Run) -> Report {
    let both = BTreeSet::from(["ann".to_owned(), "ben".to_owned()]);
    let members = Members::from([("ops".to_owned(), both)]);
    check(&members, &[run.ann, run.ben, run.end])
}

/// Breaks a good run and expects the checker to say so, with `verdict` among its words.
fn red(verdict: Verdict, spoil: impl FnOnce(&mut Run)) {
    let mut run = good();
    spoil(&mut run);
    let report = judge(run);
    assert!(
        report.verdicts().contains(&verdict),
        "{verdict:?}: {report}"
    );
}

#[test]
fn a_good_run_is_green() {
    let report = judge(good());
    assert!(report.findings.is_empty(), "{report}");
    assert_eq!(
        (report.sent, report.acked, report.unknown, report.shown),
        (2, 2, 0, 2)
    );
}

#[test]
fn a_send_without_an_answer_may_be_there_or_not() {
    for arrived in [true, false] {
        let mut run = good();
        run.ann.push(sending("a3"));
        run.ann.push(Entry::Unanswered {
            id: "a3".to_owned(),
        });
        if arrived {
            run.ben.push(shown("ben", seen(3, "a3")));
            run.end = vec![history(&[seen(1, "a1"), seen(2, "a2"), seen(3, "a3")])];
        }
        let report = judge(run);
        assert!(report.findings.is_empty(), "{report}");
        assert_eq!(report.unknown, 1);
    }
}

#[test]
fn a_message_that_a_session_never_showed_is_lost() {
    for at in [1, 2] {
        red(Verdict::Lost, |run| drop(run.ben.remove(at)));
    }
    red(Verdict::Lost, |run| run.ben.truncate(1));
}

#[test]
fn a_message_that_nobody_sent_is_unexpected() {
    red(Verdict::Unexpected, |run| {
        run.ben.push(shown("ben", seen(3, "x")));
    });
    red(Verdict::Unexpected, |run| {
        let mut forged = seen(2, "a2");
        forged.text = "something else".to_owned();
        run.ben[2] = shown("ben", forged);
    });
    red(Verdict::Unexpected, |run| {
        let mut forged = seen(2, "a2");
        forged.from = "ben".to_owned();
        run.end = vec![history(&[seen(1, "a1"), forged])];
    });
}

#[test]
fn a_message_shown_twice_is_found() {
    red(Verdict::DuplicateShown, |run| {
        run.ben.push(shown("ben", seen(2, "a2")));
    });
}

#[test]
fn a_message_shown_after_a_later_one_is_found() {
    red(Verdict::Reorder, |run| run.ben.reverse());
}

#[test]
fn two_who_see_different_messages_under_one_number_are_found() {
    red(Verdict::Divergent, |run| {
        run.ben = vec![shown("ben", seen(1, "a2")), shown("ben", seen(2, "a1"))];
    });
}

#[test]
fn a_number_that_differs_from_the_ack_is_found() {
    red(Verdict::SeqDiffersFromAck, |run| {
        run.end = vec![history(&[seen(1, "a2"), seen(2, "a1")])];
    });
}

#[test]
fn two_messages_with_one_number_are_found() {
    red(Verdict::TwoMessagesOneSeq, |run| {
        run.ann[3] = acked("a2", 1);
    });
}

#[test]
fn a_repeat_that_got_another_number_is_found() {
    red(Verdict::RetryGotAnotherSeq, |run| {
        run.ann.push(acked("a2", 3));
    });
}

#[test]
fn a_refused_message_that_is_there_is_found() {
    let refused = |code: &str| Entry::Refused {
        id: "a2".to_owned(),
        code: code.to_owned(),
    };
    red(Verdict::RefusedButDelivered, |run| {
        run.ann[3] = refused("forbidden");
    });
    let mut run = good();
    run.ann[3] = refused("unavailable");
    assert!(
        judge(run).findings.is_empty(),
        "after unavailable it may be there"
    );
}

#[test]
fn a_message_shown_to_a_stranger_is_found() {
    red(Verdict::LeakedToNonMember, |run| {
        run.ben.push(shown("eve", seen(1, "a1")));
    });
}

#[test]
fn an_acked_message_that_the_history_lacks_is_found() {
    red(Verdict::AckedNotInHistory, |run| {
        run.end = vec![history(&[seen(1, "a1")])];
    });
}

#[test]
fn a_history_with_a_message_twice_is_found() {
    red(Verdict::HistoryDuplicate, |run| {
        run.end = vec![history(&[seen(1, "a1"), seen(2, "a2"), seen(3, "a2")])];
    });
}

#[test]
fn a_history_with_a_hole_is_found() {
    red(Verdict::HistoryNotIncreasing, |run| {
        run.end = vec![history(&[seen(1, "a1"), seen(3, "a2")])];
    });
}

#[test]
fn a_sender_whose_messages_changed_places_is_found() {
    red(Verdict::SenderOrder, |run| {
        run.ann = vec![sending("a1"), acked("a1", 2), sending("a2"), acked("a2", 1)];
    });
}
