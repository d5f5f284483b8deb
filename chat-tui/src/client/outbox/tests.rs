//! The outbox against a server that loses, repeats and refuses.

use std::collections::BTreeMap;

use chat_proto::Topic;
use chat_proto::action::Publish;
use proptest::prelude::*;

use super::*;

fn id(number: usize) -> MessageId {
    MessageId::parse(&format!("{number:04}")).expect("an id")
}

fn letter(number: usize, topic: &str) -> Letter {
    let topic = Topic::parse(topic).expect("a topic");
    Letter::new(id(number), Publish::text(topic, "x"), Time::from_micros(0))
}

fn wall(seconds: i64) -> Time {
    Time::from_micros(0).plus_seconds(seconds)
}

fn refusal(code: ErrorCode) -> Refusal {
    Refusal::new(code, "why")
}

/// An outbox with these letters that is connected.
fn connected(letters: impl IntoIterator<Item = Letter>) -> Outbox {
    let mut outbox = Outbox::default();
    letters
        .into_iter()
        .for_each(|letter| outbox.handle_queued(letter));
    outbox.handle_connected();
    outbox
}

/// The ids of everything that goes at `now`.
fn sent(outbox: &mut Outbox, now: u64) -> Vec<String> {
    std::iter::from_fn(|| outbox.poll_publish(Moment(now), wall(0)))
        .map(|request| request.id.expect("an id").to_string())
        .collect()
}

fn states(outbox: &Outbox) -> Vec<LetterState> {
    outbox
        .letters()
        .map(|letter| letter.state.clone())
        .collect()
}

#[test]
fn d16p_one_of_a_conversation_is_on_its_way_and_conversations_run_side_by_side() {
    let topics = ["ben", "ben", "ops", "eva", "ops"];
    let mut outbox = connected(
        topics
            .iter()
            .enumerate()
            .map(|(at, topic)| letter(at, topic)),
    );
    assert_eq!(sent(&mut outbox, 0), ["0000", "0002", "0003"]);
    assert_eq!(states(&outbox)[0], LetterState::Sending);
    assert!(outbox.handle_ack(&id(0)).is_some());
    assert!(outbox.handle_ack(&id(0)).is_none());
    assert_eq!(sent(&mut outbox, 0), ["0001"]);
    assert!(outbox.handle_ack(&id(2)).is_some());
    assert_eq!(sent(&mut outbox, 0), ["0004"]);
    assert_eq!(outbox.queued(), 3);
}

#[test]
fn so_many_conversations_at_once_and_no_more() {
    let letters = (0..20).map(|at| letter(at, &format!("topic-{at:02}")));
    let mut outbox = connected(letters);
    assert_eq!(sent(&mut outbox, 0).len(), WINDOW);
    outbox.handle_ack(&id(3));
    assert_eq!(sent(&mut outbox, 0), ["0008"]);
}

#[test]
fn d16p_a_lost_connection_means_queued() {
    let mut outbox = connected([letter(0, "ben"), letter(1, "ben")]);
    assert_eq!(sent(&mut outbox, 0), ["0000"]);
    outbox.handle_disconnected();
    assert_eq!(states(&outbox), [LetterState::Queued, LetterState::Queued]);
    assert!(sent(&mut outbox, 0).is_empty());
    assert_eq!(outbox.deadline(), None);
    outbox.handle_connected();
    assert_eq!(sent(&mut outbox, 0), ["0000"]);
}

#[test]
fn d16p_what_is_not_known_to_be_stored_stays_queued_and_goes_after_a_backoff() {
    for code in [
        ErrorCode::Unavailable,
        ErrorCode::Internal,
        ErrorCode::Unauthorized,
    ] {
        let mut outbox = connected([letter(0, "ben"), letter(1, "ben"), letter(2, "ops")]);
        assert_eq!(sent(&mut outbox, 0), ["0000", "0002"]);
        let verdict = outbox.handle_refused(&id(0), &refusal(code), Moment(0), 1.0);
        assert_eq!(verdict, Some(Verdict::Again));
        assert_eq!(states(&outbox)[0], LetterState::Queued);
        assert!(
            sent(&mut outbox, 499).is_empty(),
            "the second one must not overtake"
        );
        assert_eq!(outbox.deadline(), Some(Moment(500)));
        assert_eq!(sent(&mut outbox, 500), ["0000"]);
        outbox.handle_refused(&id(0), &refusal(code), Moment(500), 1.0);
        assert!(sent(&mut outbox, 1_499).is_empty());
        // A new connection is worth a try at once.
        outbox.handle_connected();
        assert_eq!(sent(&mut outbox, 1_499), ["0000", "0002"]);
    }
}

#[test]
fn d16p_a_refusal_is_shown_and_does_not_hold_up_the_next() {
    for code in ErrorCode::ALL {
        let passing = code.outcome_unknown()
            || matches!(code, ErrorCode::Unauthorized | ErrorCode::RateLimited);
        let mut outbox = connected([letter(0, "ben"), letter(1, "ben")]);
        assert_eq!(sent(&mut outbox, 0), ["0000"]);
        let verdict = outbox.handle_refused(&id(0), &refusal(code), Moment(0), 0.5);
        let failed = matches!(verdict, Some(Verdict::Failed(_)));
        assert_eq!(failed, !passing, "{code}");
        if failed {
            assert_eq!(states(&outbox)[0], LetterState::from(&refusal(code)));
            assert_eq!(sent(&mut outbox, 0), ["0001"]);
            assert_eq!(outbox.queued(), 1);
        }
    }
}

#[test]
fn a_limit_holds_up_everything_and_keeps_the_order() {
    let mut outbox = connected([letter(0, "ben"), letter(1, "ops"), letter(2, "ben")]);
    assert_eq!(sent(&mut outbox, 0), ["0000", "0001"]);
    let limited = Refusal::rate_limited(400);
    let until = Moment(500);
    let verdict = outbox.handle_refused(&id(0), &limited, Moment(100), 0.0);
    assert_eq!(verdict, Some(Verdict::Waits { until }));
    outbox.handle_ack(&id(1));
    outbox.handle_queued(letter(3, "eva"));
    assert!(sent(&mut outbox, 499).is_empty());
    assert_eq!(outbox.deadline(), Some(until));
    assert_eq!(sent(&mut outbox, 500), ["0000", "0003"]);
    let forever = Refusal::rate_limited(u64::MAX);
    let Some(Verdict::Waits { until }) = outbox.handle_refused(&id(0), &forever, Moment(500), 0.0)
    else {
        panic!("it is a limit");
    };
    assert!(until <= Moment(500).plus(LIMIT_WAIT_MAX));
}

#[test]
fn an_answer_that_stays_out_is_not_waited_for() {
    let mut outbox = connected([letter(0, "ben"), letter(1, "ben")]);
    assert_eq!(sent(&mut outbox, 0), ["0000"]);
    assert_eq!(outbox.deadline(), Some(Moment(30_000)));
    assert!(sent(&mut outbox, 29_999).is_empty());
    assert_eq!(sent(&mut outbox, 30_000), ["0000"]);
    assert_eq!(outbox.deadline(), Some(Moment(60_000)));
    assert!(outbox.handle_ack(&id(0)).is_some());
}

#[test]
fn d16p_a_letter_older_than_a_day_asks_and_holds_up_nobody() {
    let young = Letter {
        queued_at: wall(10),
        ..letter(1, "ben")
    };
    let mut outbox = connected([letter(0, "ben"), young]);
    let now = wall(ASKS_AFTER_S + 1);
    let request = outbox.poll_publish(Moment(0), now).expect("the young one");
    assert_eq!(request.id, Some(id(1)));
    assert_eq!(states(&outbox), [LetterState::Asks, LetterState::Sending]);
    // What the disk says of it leaves it asking; its writer does not.
    outbox.handle_known(
        outbox
            .letters()
            .cloned()
            .map(|l| Letter {
                state: LetterState::Queued,
                ..l
            })
            .collect(),
    );
    outbox.handle_ack(&id(1));
    assert_eq!(outbox.poll_publish(Moment(0), now), None);
    assert_eq!(outbox.queued(), 0);
    let letter = outbox.handle_retry(&id(0), now).expect("it asked");
    assert_eq!((letter.queued_at, letter.state), (now, LetterState::Queued));
    assert_eq!(
        outbox.poll_publish(Moment(0), now).and_then(|r| r.id),
        Some(id(0))
    );
    assert!(outbox.handle_retry(&id(0), now).is_none());
}

#[test]
fn exactly_a_day_does_not_ask_yet_and_offline_ones_ask_too() {
    let mut outbox = Outbox::default();
    outbox.handle_queued(letter(0, "ben"));
    outbox.poll_publish(Moment(0), wall(ASKS_AFTER_S));
    assert_eq!(states(&outbox), [LetterState::Queued]);
    outbox.poll_publish(Moment(0), wall(ASKS_AFTER_S + 1));
    assert_eq!(states(&outbox), [LetterState::Asks]);
}

#[test]
fn a_letter_is_dropped_unless_it_is_on_its_way() {
    let mut outbox = connected([letter(0, "ben"), letter(1, "ben")]);
    assert_eq!(sent(&mut outbox, 0), ["0000"]);
    assert_eq!(outbox.handle_discard(&id(0)), None);
    assert!(outbox.handle_discard(&id(1)).is_some());
    outbox.handle_disconnected();
    assert!(outbox.handle_discard(&id(0)).is_some());
    assert_eq!((outbox.letters().count(), outbox.queued()), (0, 0));
}

#[test]
fn what_other_processes_did_is_taken_over_and_what_is_on_its_way_stays() {
    let mut outbox = connected([
        letter(0, "ben"),
        letter(1, "ben"),
        letter(2, "ops"),
        letter(3, "eva"),
    ]);
    assert_eq!(sent(&mut outbox, 0), ["0000", "0002", "0003"]);
    // Another one delivered 0, 1 and 2, queued 9, and 3 failed there, which the answer to come may say otherwise.
    let failed = Letter {
        state: LetterState::from(&refusal(ErrorCode::Blocked)),
        ..letter(3, "eva")
    };
    outbox.handle_known(vec![failed, letter(9, "ben")]);
    let ids: Vec<_> = outbox
        .letters()
        .map(|letter| letter.id.to_string())
        .collect();
    assert_eq!(ids.len(), 4);
    assert!(!ids.contains(&"0001".to_owned()));
    assert!(sent(&mut outbox, 0).is_empty(), "ben's line is busy");
    assert!(outbox.handle_ack(&id(0)).is_some());
    assert_eq!(sent(&mut outbox, 0), ["0009"]);
}

/// What may happen.
#[derive(Debug, Clone, Copy)]
enum Move {
    Queue(u8),
    Connect,
    Disconnect,
    /// The server takes note of a request that is on its way, and its answer arrives or is lost.
    Serve {
        at: u8,
        answer: Answer,
    },
    Wait(u16),
    Restart,
    Retry(u8),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    Ack,
    Lost,
    Unavailable { stored: bool },
    Limited,
    Refused,
}

fn moves() -> impl Strategy<Value = Move> {
    let answer = prop_oneof![
        4 => Just(Answer::Ack),
        1 => Just(Answer::Lost),
        1 => any::<bool>().prop_map(|stored| Answer::Unavailable { stored }),
        1 => Just(Answer::Limited),
        1 => Just(Answer::Refused),
    ];
    prop_oneof![
        4 => (0..3_u8).prop_map(Move::Queue),
        2 => Just(Move::Connect),
        1 => Just(Move::Disconnect),
        6 => (any::<u8>(), answer).prop_map(|(at, answer)| Move::Serve { at, answer }),
        2 => any::<u16>().prop_map(Move::Wait),
        1 => Just(Move::Restart),
        1 => any::<u8>().prop_map(Move::Retry),
    ]
}

/// The outbox, its disk and the server.
#[derive(Default)]
struct World {
    outbox: Outbox,
    disk: Vec<Letter>,
    /// What was said on this connection and is not answered.
    wire: Vec<(MessageId, Name)>,
    /// What the server stored, in order.
    stored: BTreeMap<Name, Vec<MessageId>>,
    connected: bool,
    now: u64,
    queued: usize,
}

impl World {
    fn make(&mut self, what: Move) {
        match what {
            Move::Queue(topic) => self.queue(topic),
            Move::Connect => {
                self.wire.clear();
                self.connected = true;
                self.outbox.handle_connected();
            }
            Move::Disconnect => {
                self.wire.clear();
                self.connected = false;
                self.outbox.handle_disconnected();
            }
            Move::Serve { at, answer } if !self.wire.is_empty() => {
                let at = usize::from(at) % self.wire.len();
                let (id, topic) = self.wire.remove(at);
                self.serve(&id, &topic, answer);
            }
            Move::Serve { .. } => {}
            Move::Wait(ms) => self.now += u64::from(ms),
            Move::Restart => {
                self.wire.clear();
                self.outbox = Outbox::default();
                self.outbox.handle_known(self.disk.clone());
                if self.connected {
                    self.outbox.handle_connected();
                }
            }
            Move::Retry(at) if !self.disk.is_empty() => {
                let id = self.disk[usize::from(at) % self.disk.len()].id.clone();
                if let Some(letter) = self.outbox.handle_retry(&id, wall(0)) {
                    self.note(letter);
                }
            }
            Move::Retry(_) => {}
        }
        self.poll();
    }

    fn queue(&mut self, topic: u8) {
        let letter = letter(self.queued, &format!("topic-{topic}"));
        self.queued += 1;
        self.disk.push(letter.clone());
        self.outbox.handle_queued(letter);
    }

    fn poll(&mut self) {
        while let Some(request) = self.outbox.poll_publish(Moment(self.now), wall(0)) {
            assert!(self.connected, "nothing goes without a connection");
            let id = request.id.expect("an id");
            let Action::Publish(publish) = request.action else {
                panic!("a publish");
            };
            let topic = publish.topic.name;
            assert!(
                self.disk.iter().any(|letter| letter.id == id),
                "on the disk before the wire"
            );
            let others = |(other, at): &&(MessageId, Name)| *at == topic && *other != id;
            assert_eq!(
                self.wire.iter().filter(others).count(),
                0,
                "one of a conversation at a time"
            );
            // A request that is repeated while the first one is still to be served gets the same answer.
            if !self.wire.contains(&(id.clone(), topic.clone())) {
                self.wire.push((id, topic));
            }
        }
    }

    fn serve(&mut self, id: &MessageId, topic: &Name, answer: Answer) {
        let known = self.stored.entry(topic.clone()).or_default().contains(id);
        // An id that it knows is acked before anything else is looked at.
        let answer = match answer {
            Answer::Limited | Answer::Refused if known => Answer::Ack,
            answer => answer,
        };
        let stores = matches!(
            answer,
            Answer::Ack | Answer::Lost | Answer::Unavailable { stored: true }
        );
        if stores && !known {
            self.stored
                .entry(topic.clone())
                .or_default()
                .push(id.clone());
        }
        match answer {
            Answer::Lost => {}
            Answer::Ack => {
                if let Some(letter) = self.outbox.handle_ack(id) {
                    self.disk.retain(|other| other.id != letter.id);
                }
            }
            Answer::Unavailable { .. } => self.refuse(id, &refusal(ErrorCode::Unavailable)),
            Answer::Limited => self.refuse(id, &Refusal::rate_limited(50)),
            Answer::Refused => self.refuse(id, &refusal(ErrorCode::Blocked)),
        }
    }

    fn refuse(&mut self, id: &MessageId, refusal: &Refusal) {
        let verdict = self
            .outbox
            .handle_refused(id, refusal, Moment(self.now), 0.5);
        if let Some(Verdict::Failed(letter)) = verdict {
            self.note(*letter);
        }
    }

    fn note(&mut self, letter: Letter) {
        if let Some(row) = self.disk.iter_mut().find(|row| row.id == letter.id) {
            *row = letter;
        }
    }

    /// From here on the server is good, and time passes: everything comes to its end.
    fn settle(&mut self) {
        self.make(Move::Connect);
        for _ in 0..10_000 {
            if self.outbox.queued() == 0 {
                return;
            }
            if self.wire.is_empty() {
                let next = self.outbox.deadline().expect("something is to happen");
                self.now = self.now.max(next.0);
                self.poll();
            } else {
                self.make(Move::Serve {
                    at: 0,
                    answer: Answer::Ack,
                });
            }
        }
        panic!("it does not come to an end");
    }

    fn check(&self, retried: bool) {
        let failed: Vec<&MessageId> = self.disk.iter().map(|letter| &letter.id).collect();
        for letter in &self.disk {
            assert!(
                matches!(letter.state, LetterState::Failed { .. }),
                "{letter:?}"
            );
        }
        let shown: Vec<&MessageId> = self.outbox.letters().map(|letter| &letter.id).collect();
        assert_eq!(shown, failed, "what the disk has is shown, in its order");
        let mut stored = 0;
        for ids in self.stored.values() {
            stored += ids.len();
            let mut unique = ids.clone();
            unique.sort();
            unique.dedup();
            assert_eq!(unique.len(), ids.len(), "stored once");
            if !retried {
                assert_eq!(unique, *ids, "in the order in which they were queued");
            }
            assert!(
                ids.iter().all(|id| !failed.contains(&id)),
                "stored or failed"
            );
        }
        assert_eq!(stored + failed.len(), self.queued, "nothing is lost");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn d16p_every_letter_is_stored_once_in_order_or_failed_visibly(
        moves in prop::collection::vec(moves(), 0..120)
    ) {
        let retried = moves.iter().any(|what| matches!(what, Move::Retry(_)));
        let mut world = World::default();
        for what in moves {
            world.make(what);
        }
        world.settle();
        world.check(retried);
    }
}

/// What changed, as numbers of letters.
fn changed(outbox: &mut Outbox) -> Vec<String> {
    let letters = outbox.poll_changed();
    letters.iter().map(|letter| letter.id.to_string()).collect()
}

#[test]
fn of_ten_thousand_letters_only_those_that_changed_are_told() {
    let letters: Vec<_> = (0..10_000).map(|at| letter(at, "ben")).collect();
    let mut outbox = Outbox::default();
    assert!(outbox.handle_known(letters.clone()).is_empty());
    assert_eq!(changed(&mut outbox).len(), 10_000);
    outbox.handle_connected();
    assert_eq!(changed(&mut outbox), [""; 0]);
    assert_eq!(sent(&mut outbox, 0), ["0000"]);
    assert_eq!(changed(&mut outbox), ["0000"]);
    assert!(outbox.handle_ack(&id(0)).is_some());
    assert_eq!(sent(&mut outbox, 0), ["0001"]);
    assert_eq!(changed(&mut outbox), ["0001"]);
    // The disk tells what other processes did: one is gone, one is new, and the rest are as they were.
    let mut disk = letters[1..].to_vec();
    disk.remove(4);
    disk.push(letter(10_000, "ben"));
    assert_eq!(outbox.handle_known(disk), [id(5)]);
    assert_eq!(changed(&mut outbox), ["10000"]);
    outbox.handle_disconnected();
    assert_eq!(changed(&mut outbox), ["0001"]);
}

#[test]
fn every_change_of_a_letter_is_told_once() {
    let mut outbox = connected([letter(0, "ben"), letter(1, "eva")]);
    assert_eq!(changed(&mut outbox), ["0000", "0001"]);
    assert_eq!(sent(&mut outbox, 0), ["0000", "0001"]);
    assert_eq!(changed(&mut outbox), ["0000", "0001"]);
    let gone = refusal(ErrorCode::NotFound);
    assert!(
        outbox
            .handle_refused(&id(0), &gone, Moment(0), 0.5)
            .is_some()
    );
    assert_eq!(changed(&mut outbox), ["0000"]);
    // What was not polled before the disk was read is told after it.
    assert!(outbox.handle_retry(&id(0), wall(0)).is_some());
    let disk = vec![letter(0, "ben"), letter(1, "eva")];
    assert!(outbox.handle_known(disk).is_empty());
    assert_eq!(changed(&mut outbox), ["0000"]);
    outbox.handle_disconnected();
    assert_eq!(changed(&mut outbox), ["0001"]);
    assert!(
        outbox
            .poll_publish(Moment(0), wall(2 * ASKS_AFTER_S))
            .is_none()
    );
    // What was on its way when the disk was read is ahead.
    assert_eq!(changed(&mut outbox), ["0001", "0000"]);
    assert_eq!(changed(&mut outbox), [""; 0]);
}
