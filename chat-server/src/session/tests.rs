//! The session alone, in virtual time: what goes in, and what comes out.

use std::sync::Arc;

use chat_proto::{
    Body, ConversationKind, Event, MessageId, Name, Rev, Role, Seq, Time, UserRef, codec,
};

use super::{Closing, Job, Output, Placed, Reply, Session, SyncAnswer};
use crate::bus::{ConnectionTag, Notice};
use crate::change::{Address, Change, ConversationId, Place, UserId, What};
use crate::clock::Millis;
use crate::mailbox::{Ending, Inbox, Mailbox};
use crate::store::{Head, Membership, Published, Slice};

mod reads;

const ANN: UserId = UserId(1);
const BEN: UserId = UserId(2);
const OPS: ConversationId = ConversationId(7);

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn change(rev: u64, what: What) -> Arc<Change> {
    Arc::new(Change::new(
        Place::default(),
        OPS,
        Address::Group(name("ops")),
        Rev(rev),
        Time::default(),
        what,
    ))
}

fn said(rev: u64, sender: UserId, id: &str) -> Arc<Change> {
    let who = if sender == ANN { "ann" } else { "ben" };
    let from = UserRef {
        name: name(who),
        display_name: who.to_owned(),
    };
    let id = MessageId::parse(id).expect("an id");
    change(
        rev,
        What::Message {
            seq: Seq(rev),
            id,
            sender,
            from,
            body: Box::new(Body::text("hi")),
        },
    )
}

/// A connection of ann's, who is in `ops` up to a change.
struct Ann {
    session: Session,
    jobs: Vec<Job>,
    closed: Option<Closing>,
    pings: usize,
}

impl Ann {
    fn connected(rev: u64) -> Self {
        let heads = [Head {
            conversation: OPS,
            rev: Rev(rev),
        }];
        let session = Session::new(ANN, ConnectionTag(1), &heads, Millis(0));
        Self {
            session,
            jobs: Vec::new(),
            closed: None,
            pings: 0,
        }
    }

    /// Connected, and past the moment in which nothing live is told.
    fn live(rev: u64) -> Self {
        let mut ann = Self::connected(rev);
        ann.session.handle_timeout(Millis(1_000));
        ann
    }

    /// What was sent since the last look, in words.
    fn sent(&mut self) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(frame) => sent.push(words(&frame)),
                Output::Perform(job) => self.jobs.push(job),
                Output::Close(closing) => self.closed = Some(closing),
                Output::Ping => self.pings += 1,
            }
        }
        sent
    }

    fn hears(&mut self, changes: &[Arc<Change>]) -> Vec<String> {
        let mailbox = Mailbox::default();
        changes
            .iter()
            .for_each(|change| mailbox.offer(&Notice::Change(change.clone())));
        self.session.handle_inbox(mailbox.take());
        self.sent()
    }

    fn says(&mut self, frame: &str) -> Vec<String> {
        self.session.handle_frame(frame);
        self.sent()
    }

    fn stored(&mut self, id: &str, rev: u64) -> Vec<String> {
        let id = MessageId::parse(id).expect("an id");
        let (seq, rev, sent_at) = (Seq(rev), Rev(rev), Time::default());
        let published = Published {
            conversation: OPS,
            topic: name("ops"),
            seq,
            rev,
            sent_at,
            dup: false,
        };
        self.replied(Reply::Sent(id, Ok(published)))
    }

    fn loaded(&mut self, changes: &[Arc<Change>]) -> Vec<String> {
        let again = |c: &Arc<Change>| {
            Change::new(
                c.place,
                c.conversation,
                c.address.clone(),
                c.rev,
                c.at,
                c.what.clone(),
            )
        };
        let slice = Slice {
            changes: changes.iter().map(again).collect(),
            more: false,
        };
        self.replied(Reply::Loaded(OPS, Ok(slice)))
    }

    fn replied(&mut self, reply: Reply) -> Vec<String> {
        self.session.handle_reply(reply, Millis(2_000));
        self.sent()
    }

    fn jobs(&mut self) -> Vec<String> {
        let word = |job: Job| match job {
            Job::Send(id, _) => format!("send {id}"),
            Job::Ask(request) => request.action.name().to_owned(),
            Job::Load(_, after) => format!("load after {after}"),
            Job::Find(_) => "find".to_owned(),
        };
        self.jobs.drain(..).map(word).collect()
    }
}

fn words(frame: &str) -> String {
    match codec::decode_event(frame).expect("what we send can be read") {
        Event::Message(message) => format!("message {}", message.rev),
        Event::Ack(ack) => format!(
            "ack {}",
            ack.id.map_or_else(String::new, |id| id.to_string())
        ),
        Event::Join(join) => format!("join {}", join.rev),
        Event::Leave(leave) => format!("leave {}", leave.rev),
        Event::Error(error) => format!(
            "error {} {}",
            error.code,
            error.id.map_or_else(String::new, |id| id.to_string())
        ),
        Event::Pong(_) => "pong".to_owned(),
        Event::GoingAway(_) => "going_away".to_owned(),
        other => format!("{other:?}"),
    }
}

const SEND: &str = r#"{"action":"publish","topic":"ops","text":"hi","id":"mine"}"#;

#[test]
fn d04_the_ack_stands_for_ones_own_message_whichever_comes_first() {
    let mut notice_first = Ann::live(3);
    assert_eq!(notice_first.says(SEND), [""; 0]);
    assert_eq!(
        notice_first.hears(&[said(4, ANN, "mine"), said(5, BEN, "b")]),
        [""; 0]
    );
    assert_eq!(notice_first.stored("mine", 4), ["ack mine", "message 5"]);

    let mut ack_first = Ann::live(3);
    ack_first.says(SEND);
    assert_eq!(ack_first.stored("mine", 4), ["ack mine"]);
    assert_eq!(
        ack_first.hears(&[said(4, ANN, "mine"), said(5, BEN, "b")]),
        ["message 5"]
    );
}

#[test]
fn d08_an_ack_comes_after_everything_with_a_smaller_number() {
    let mut ann = Ann::live(3);
    ann.says(SEND);
    assert_eq!(ann.stored("mine", 6), [""; 0]);
    assert_eq!(ann.jobs(), ["send mine", "load after 3"]);
    assert_eq!(
        ann.loaded(&[said(4, BEN, "a"), said(5, BEN, "b"), said(6, ANN, "mine")]),
        ["message 4", "message 5", "ack mine"]
    );
}

#[test]
fn a_message_of_ones_other_connection_is_told() {
    let mut ann = Ann::live(0);
    assert_eq!(ann.hears(&[said(1, ANN, "elsewhere")]), ["message 1"]);
}

#[test]
fn a_send_that_failed_and_was_stored_after_all_is_told_as_a_message() {
    let mut ann = Ann::live(0);
    ann.says(SEND);
    assert_eq!(ann.hears(&[said(1, ANN, "mine")]), [""; 0]);
    let unknown = Reply::Sent(
        MessageId::parse("mine").expect("an id"),
        Err(chat_proto::Refusal::unavailable()),
    );
    assert_eq!(
        ann.replied(unknown),
        ["error unavailable mine", "message 1"]
    );
}

#[test]
fn d12_lost_doubled_and_reordered_notices_leave_no_hole_and_no_double() {
    let mut ann = Ann::live(0);
    assert_eq!(ann.hears(&[said(2, BEN, "b")]), [""; 0]);
    assert_eq!(
        ann.hears(&[said(1, BEN, "a"), said(2, BEN, "b"), said(1, BEN, "a")]),
        ["message 1", "message 2"]
    );
    assert_eq!(ann.jobs(), ["load after 0"]);
    assert_eq!(
        ann.loaded(&[said(1, BEN, "a"), said(2, BEN, "b"), said(3, BEN, "c")]),
        ["message 3"]
    );
    assert_eq!(
        ann.hears(&[said(3, BEN, "c"), said(4, BEN, "d")]),
        ["message 4"]
    );
}

#[test]
fn d12_nothing_live_is_told_while_a_sync_is_answered_and_nothing_is_lost() {
    let mut ann = Ann::connected(5);
    assert_eq!(ann.hears(&[said(6, BEN, "f")]), [""; 0]);
    ann.says(r#"{"action":"sync","topics":{"ops":3}}"#);
    assert_eq!(ann.hears(&[said(7, BEN, "g"), said(8, BEN, "h")]), [""; 0]);
    let frames = [4, 5, 6, 7]
        .map(|rev| said(rev, BEN, "x").frame(ANN))
        .to_vec();
    let answer = SyncAnswer {
        frames,
        places: vec![Placed {
            conversation: OPS,
            told: Rev(7),
            head: Rev(7),
        }],
        text_bytes: 0,
    };
    let told = ann.replied(Reply::Synced(Ok(answer)));
    assert_eq!(
        told,
        [
            "message 4",
            "message 5",
            "message 6",
            "message 7",
            "message 8"
        ]
    );
}

#[test]
fn live_frames_flow_a_second_after_welcome_without_any_action() {
    let mut ann = Ann::connected(5);
    assert_eq!(ann.hears(&[said(6, BEN, "f")]), [""; 0]);
    assert_eq!(ann.session.poll_timeout(), Millis(1_000));
    ann.session.handle_timeout(Millis(1_000));
    assert_eq!(ann.sent(), ["message 6"]);
}

#[test]
fn d13_what_did_not_fit_is_read_from_the_store_in_order() {
    let mut ann = Ann::live(0);
    let mut inbox = Inbox::default();
    inbox.heads.insert(OPS, Rev(3));
    ann.session.handle_inbox(inbox);
    assert_eq!(ann.sent(), [""; 0]);
    assert_eq!(ann.jobs(), ["load after 0"]);
    assert_eq!(
        ann.loaded(&[said(1, BEN, "a"), said(2, BEN, "b")]),
        ["message 1", "message 2"]
    );
    assert_eq!(ann.jobs(), ["load after 2"]);
    assert_eq!(ann.loaded(&[said(3, BEN, "c")]), ["message 3"]);
}

#[test]
fn d13_a_full_mailbox_keeps_numbers_only() {
    let mailbox = Mailbox::default();
    for rev in 1..=1_000 {
        mailbox.offer(&Notice::Change(said(rev, BEN, &rev.to_string())));
    }
    let inbox = mailbox.take();
    assert_eq!(inbox.changes.len(), 256);
    assert_eq!(inbox.heads.get(&OPS), Some(&Rev(1_000)));
}

#[test]
fn who_was_removed_and_added_again_goes_on_at_the_joining() {
    let mut ann = Ann::live(3);
    // The leaving at 4 and what followed is not for ann; the notice of it was lost.
    let join = change(
        9,
        What::Join {
            user: ANN,
            name: name("ann"),
        },
    );
    assert_eq!(ann.hears(std::slice::from_ref(&join)), [""; 0]);
    assert_eq!(ann.jobs(), ["load after 3"]);
    assert_eq!(
        ann.loaded(&[join, said(10, BEN, "j")]),
        ["join 9", "message 10"]
    );
}

#[test]
fn t07_after_the_leaving_nothing_is_told() {
    let mut ann = Ann::live(3);
    let leave = change(
        4,
        What::Leave {
            user: ANN,
            name: name("ann"),
        },
    );
    assert_eq!(ann.hears(&[leave]), ["leave 4"]);
    assert_eq!(ann.hears(&[said(5, BEN, "e")]), [""; 0]);
    assert_eq!(ann.jobs(), ["find"]);
    assert_eq!(ann.replied(Reply::Found(OPS, Ok(None))), [""; 0]);
}

fn member_since(joined: u64, rev: u64) -> Membership {
    Membership {
        conversation: Some(OPS),
        address: Address::Group(name("ops")),
        kind: ConversationKind::Group,
        title: "ops".to_owned(),
        role: Role::Member,
        first_seq: Seq(1),
        first_rev: Rev(joined),
        joined_rev: Rev(joined),
        last_seq: Seq(rev),
        rev: Rev(rev),
        read_seq: Seq(0),
        delivered_seq: Seq(0),
        own_last: 0,
        own_read: 0,
        members: 2,
    }
}

#[test]
fn d12_who_left_and_is_back_misses_nothing_since_the_joining() {
    let mut ann = Ann::connected(3);
    let leave = change(
        4,
        What::Leave {
            user: ANN,
            name: name("ann"),
        },
    );
    let join = change(
        6,
        What::Join {
            user: ANN,
            name: name("ann"),
        },
    );
    assert_eq!(ann.hears(&[leave, join, said(7, BEN, "g")]), [""; 0]);
    ann.session.handle_timeout(Millis(1_000));
    assert_eq!(ann.sent(), ["leave 4"]);
    assert_eq!(ann.jobs(), ["find"]);
    let found = Reply::Found(OPS, Ok(Some(member_since(6, 7))));
    assert_eq!(ann.replied(found), ["join 6", "message 7"]);
}

#[test]
fn d04_an_ack_is_owed_also_where_one_is_no_member_any_more() {
    let mut ann = Ann::live(0);
    ann.says(SEND);
    let other = ConversationId(8);
    let id = MessageId::parse("mine").expect("an id");
    let published = Published {
        conversation: other,
        topic: name("other"),
        seq: Seq(5),
        rev: Rev(5),
        sent_at: Time::default(),
        dup: false,
    };
    assert_eq!(ann.replied(Reply::Sent(id, Ok(published))), [""; 0]);
    assert_eq!(ann.jobs(), ["send mine", "find"]);
    assert_eq!(ann.replied(Reply::Found(other, Ok(None))), ["ack mine"]);
}

#[test]
fn the_requests_of_a_connection_take_effect_in_their_order() {
    let mut ann = Ann::live(0);
    ann.says(r#"{"action":"subscribe","topic":"world"}"#);
    ann.says(SEND);
    ann.says(r#"{"action":"ping"}"#);
    assert_eq!(ann.jobs(), ["subscribe"]);
    ann.replied(Reply::Nothing);
    assert_eq!(ann.jobs(), ["send mine"]);
    assert_eq!(ann.stored("mine", 1), ["ack mine", "pong"]);
}

#[test]
fn d19_a_bad_frame_gets_exactly_one_error_and_nothing_else_happens() {
    let mut ann = Ann::live(0);
    for bad in [
        "",
        "{",
        "[]",
        "null",
        r#"{"action":"dance"}"#,
        r#"{"action":"publish","topic":"ops"}"#,
        r#"{"topic":"ops"}"#,
    ] {
        assert_eq!(ann.says(bad), ["error invalid "], "{bad}");
    }
    assert_eq!(
        ann.says(r#"{"action":"publish","topic":7,"text":"x","id":"k"}"#),
        ["error invalid k"]
    );
    assert!(ann.jobs().is_empty());
    assert_eq!(ann.says(r#"{"action":"ping"}"#), ["pong"]);
}

#[test]
fn d19_an_error_keeps_its_place_among_the_answers() {
    let mut ann = Ann::live(0);
    ann.says(SEND);
    assert_eq!(ann.says(r#"{"action":"dance","id":"n"}"#), [""; 0]);
    assert_eq!(ann.stored("mine", 1), ["ack mine", "error invalid n"]);
}

#[test]
fn d20_a_silent_peer_is_pinged_and_then_closed() {
    let mut ann = Ann::live(0);
    ann.session.handle_timeout(Millis(30_000));
    ann.sent();
    assert_eq!((ann.pings, ann.closed), (1, None));
    ann.session.handle_heard(Millis(30_001));
    ann.session.handle_timeout(Millis(60_001));
    ann.sent();
    assert_eq!(ann.closed, None);
    ann.session.handle_timeout(Millis(90_001));
    ann.sent();
    assert_eq!(ann.closed, Some(Closing::Silent));
}

#[test]
fn d21_what_is_in_flight_is_answered_before_the_connection_closes() {
    let mut ann = Ann::live(0);
    ann.says(SEND);
    ann.says(r#"{"action":"history","topic":"ops","id":"later"}"#);
    ann.session.handle_inbox(Inbox {
        ending: Some(Ending::Stopping),
        ..Inbox::default()
    });
    assert_eq!(ann.sent(), ["error unavailable later", "going_away"]);
    assert_eq!(ann.closed, None);
    assert!(!ann.session.wants_frames());
    assert_eq!(ann.stored("mine", 1), ["ack mine"]);
    assert_eq!(ann.closed, Some(Closing::GoingAway));
}
