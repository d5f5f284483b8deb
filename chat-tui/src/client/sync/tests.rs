//! The machine against a small model of a server, in worlds where connections break and frames get lost.

use std::collections::{BTreeMap, VecDeque};

use chat_proto::event::{GoingAway, Pong, Welcome};
use chat_proto::{
    Action, Conversation, ConversationKind, Message, Refusal, Seq, Time, UserRef, codec,
};
use proptest::prelude::*;

use super::*;

const SYNC_MESSAGES: u64 = 3;

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn message(topic: &Name, rev: u64) -> Event {
    Event::Message(Message {
        topic: topic.clone(),
        seq: Seq(rev),
        rev: Rev(rev),
        id: MessageId::parse(&format!("m{rev}")).expect("an id"),
        from: UserRef {
            name: name("ann"),
            display_name: "Ann".to_owned(),
        },
        sent_at: Time::default(),
        kind: chat_proto::Kind::Text,
        text: format!("text {rev}"),
        lang: None,
        reply_to: None,
        thread: None,
        file: None,
        meta: None,
        edited_at: None,
        deleted: false,
        reactions: Vec::new(),
    })
}

fn ack(topic: &Name, rev: u64) -> Event {
    Event::Ack(Ack {
        id: Some(MessageId::parse(&format!("m{rev}")).expect("an id")),
        topic: Some(topic.clone()),
        seq: Some(Seq(rev)),
        rev: Some(Rev(rev)),
        sent_at: Some(Time::default()),
        dup: false,
    })
}

fn welcome(epoch: &str) -> Event {
    let frame = format!(
        r#"{{"type":"welcome","connection":"c","session":"s","user":{{"name":"me1","display_name":"Me"}},"protocol":1,
        "epoch":"{epoch}","limits":{{"text_bytes":65536,"send_rate":1,"send_burst":20,"sync_messages":3,"receipt_members":32}},"heartbeat_s":30}}"#
    );
    let event = codec::decode_event(&frame).expect("a welcome");
    assert!(matches!(event, Event::Welcome(Welcome { .. })));
    event
}

/// What a server does with the requests of this machine, with all frames being messages.
#[derive(Default)]
struct Server {
    heads: BTreeMap<Name, u64>,
    line: VecDeque<Event>,
    refuse_next_page: bool,
}

impl Server {
    fn publish(&mut self, topic: &Name) -> u64 {
        let head = self.heads.entry(topic.clone()).or_default();
        *head += 1;
        *head
    }

    fn answer(&mut self, request: Request) {
        let id = request.id;
        match request.action {
            Action::Sync(sync) => self.sync(id, &sync),
            Action::Changes(changes) => self.changes(id, &changes),
            other => panic!("the machine asked {other:?}"),
        }
    }

    fn sync(&mut self, id: Option<MessageId>, sync: &SyncAction) {
        let mut conversations = Vec::new();
        for (topic, head) in &self.heads {
            let after = sync.topics.get(topic).map_or(0, |rev| rev.0);
            let from = after.max(head.saturating_sub(SYNC_MESSAGES));
            if from > after {
                self.line.push_back(Event::Gap(Gap {
                    topic: topic.clone(),
                    from_rev: Rev(after + 1),
                    to_rev: Rev(from),
                    from: Seq(after + 1),
                    to: Seq(from),
                }));
            }
            self.line
                .extend((from + 1..=*head).map(|rev| message(topic, rev)));
            conversations.push(conversation(topic, *head));
        }
        self.line.push_back(Event::Synced(Synced {
            id,
            conversations,
            more: false,
            reset: false,
        }));
    }

    fn changes(&mut self, id: Option<MessageId>, changes: &Changes) {
        if std::mem::take(&mut self.refuse_next_page) {
            let error = ErrorFrame::new(id, Refusal::unavailable());
            self.line.push_back(Event::Error(error));
            return;
        }
        let topic = &changes.topic.name;
        let head = self.heads.get(topic).copied().unwrap_or_default();
        let last = head.min(changes.after.0 + 2);
        let frames = (changes.after.0 + 1..=last).map(|rev| message(topic, rev));
        self.line.push_back(Event::Changes(ChangesPage {
            id,
            topic: topic.clone(),
            frames: frames.collect(),
            more: last < head,
        }));
    }
}

fn conversation(topic: &Name, head: u64) -> Conversation {
    Conversation {
        topic: topic.clone(),
        title: topic.to_string(),
        kind: ConversationKind::Direct,
        first_seq: Seq(1),
        last_seq: Seq(head),
        read_seq: Seq(0),
        rev: Rev(head),
        unread: head,
        mentions: 0,
        last_message: None,
        presence: None,
        request: false,
    }
}

/// A machine, a server and what was shown.
struct World {
    sync: Sync,
    server: Server,
    connected: bool,
    shown: BTreeMap<Name, u64>,
}

#[derive(Debug, Clone)]
enum Move {
    /// Somebody writes; the frame goes out live, or gets lost.
    Publish {
        topic: u8,
        lost: bool,
    },
    /// This client writes.
    PublishOwn {
        topic: u8,
    },
    Connect,
    Cut,
    /// So many frames arrive, and requests go out after each.
    Step(u8),
    RefusePage,
    Tick,
}

impl World {
    fn new(stranger: Stranger) -> Self {
        Self {
            sync: Sync::new(stranger),
            server: Server::default(),
            connected: false,
            shown: BTreeMap::new(),
        }
    }

    fn make(&mut self, a_move: &Move) {
        match a_move {
            Move::Publish { topic, lost } => {
                let topic = name(&format!("t{topic}"));
                let rev = self.server.publish(&topic);
                if self.connected && !lost {
                    self.server.line.push_back(message(&topic, rev));
                }
            }
            Move::PublishOwn { topic } if self.connected => {
                let topic = name(&format!("t{topic}"));
                let rev = self.server.publish(&topic);
                self.server.line.push_back(ack(&topic, rev));
            }
            Move::PublishOwn { .. } => {}
            Move::Connect => {
                self.make(&Move::Cut);
                self.connected = true;
                self.sync.handle_connected();
                self.server.line.push_back(welcome("e"));
            }
            Move::Cut => {
                self.connected = false;
                self.server.line.clear();
            }
            Move::Step(frames) => (0..*frames).for_each(|_| self.step()),
            Move::RefusePage => self.server.refuse_next_page = true,
            Move::Tick => self.sync.handle_tick(),
        }
        self.show();
    }

    fn step(&mut self) {
        if !self.connected {
            return;
        }
        if let Some(event) = self.server.line.pop_front() {
            self.sync.handle_event(event);
        }
        while let Some(request) = self.sync.poll_request() {
            self.server.answer(request);
        }
        self.show();
    }

    /// A person sees what comes out: every log from its first change on, one after the other.
    fn show(&mut self) {
        while let Some(delivery) = self.sync.poll_delivery() {
            let (topic, rev) = match delivery {
                Delivery::Log(Event::Ack(ack)) => {
                    (ack.topic.expect("a topic"), ack.rev.expect("a rev"))
                }
                Delivery::Log(event) => {
                    let (topic, rev) = event.log_place().expect("a place");
                    (topic.clone(), rev)
                }
                Delivery::Missing { topic, from, to } => panic!("{topic} misses {from} to {to}"),
                Delivery::Other(_) | Delivery::Live(_) | Delivery::Reset => continue,
            };
            let last = self.shown.entry(topic.clone()).or_default();
            assert_eq!(
                rev.0,
                *last + 1,
                "{topic} comes in order, without hole or double"
            );
            *last = rev.0;
        }
    }

    fn settle(&mut self) {
        self.make(&Move::Connect);
        for _ in 0..10_000 {
            self.step();
            self.make(&Move::Tick);
            if self.server.line.is_empty() && self.sync.whole() {
                return;
            }
        }
        panic!("it never becomes whole: {:?}", self.sync);
    }
}

fn moves(lossy: bool) -> impl Strategy<Value = Vec<Move>> {
    let lost = if lossy {
        any::<bool>().boxed()
    } else {
        Just(false).boxed()
    };
    let a_move = prop_oneof![
        6 => (0..3_u8, lost).prop_map(|(topic, lost)| Move::Publish { topic, lost }),
        2 => (0..3_u8).prop_map(|topic| Move::PublishOwn { topic }),
        2 => Just(Move::Connect),
        1 => Just(Move::Cut),
        6 => (0..6_u8).prop_map(Move::Step),
        1 => Just(Move::RefusePage),
        1 => Just(Move::Tick),
    ];
    prop::collection::vec(a_move, 0..80)
}

fn holds(stranger: Stranger, moves: &[Move]) {
    let mut world = World::new(stranger);
    moves.iter().for_each(|a_move| world.make(a_move));
    world.settle();
    assert_eq!(world.shown, world.server.heads, "everything was shown");
}

proptest! {
    #[test]
    fn d10_d12_everything_comes_once_and_in_order_over_broken_connections(moves in moves(false)) {
        holds(Stranger::BeginsHere, &moves);
    }

    #[test]
    fn d11_lost_frames_are_fetched_again(moves in moves(true)) {
        holds(Stranger::IsNew, &moves);
    }

    #[test]
    fn frames_in_any_order_with_any_numbers_never_make_it_stumble(
        frames in prop::collection::vec((0..2_u8, 0..6_u8, any::<bool>(), 0..40_u64), 0..60)
    ) {
        let mut sync = Sync::default();
        sync.handle_connected();
        let mut asked = Vec::new();
        let mut last: BTreeMap<Name, Rev> = BTreeMap::new();
        for (topic, kind, odd, number) in frames {
            let topic = name(&format!("t{topic}"));
            let number = if odd { u64::MAX - number } else { number };
            sync.handle_event(hostile(&topic, kind, odd, number, asked.pop()));
            while let Some(request) = sync.poll_request() {
                asked.extend(request.id);
            }
            while let Some(delivery) = sync.poll_delivery() {
                if let Delivery::Log(event) = delivery && let Some((topic, rev)) = event.log_place() {
                    let before = last.insert(topic.clone(), rev);
                    prop_assert!(before.is_none_or(|before| before < rev));
                }
            }
        }
    }
}

fn hostile(topic: &Name, kind: u8, odd: bool, number: u64, id: Option<MessageId>) -> Event {
    match kind {
        0 => message(topic, number),
        1 => ack(topic, number),
        2 => Event::Gap(Gap {
            topic: topic.clone(),
            from_rev: Rev(number),
            to_rev: Rev(number / 2),
            from: Seq(0),
            to: Seq(u64::MAX),
        }),
        3 => Event::Changes(ChangesPage {
            id,
            topic: topic.clone(),
            frames: vec![
                message(topic, number),
                message(topic, number / 3),
                Event::Pong(Pong { id: None }),
            ],
            more: odd,
        }),
        4 => Event::Synced(Synced {
            id,
            conversations: vec![conversation(topic, number)],
            more: odd,
            reset: false,
        }),
        _ => Event::Error(ErrorFrame::new(id, Refusal::unavailable())),
    }
}

fn drained(sync: &mut Sync) -> Vec<Delivery> {
    std::iter::from_fn(|| sync.poll_delivery()).collect()
}

/// Connected, and the first `sync` is through with nothing in it.
fn live() -> Sync {
    let mut sync = Sync::default();
    sync.handle_connected();
    let request = sync.poll_request().expect("a sync");
    sync.handle_event(Event::Synced(Synced {
        id: request.id,
        conversations: Vec::new(),
        more: false,
        reset: false,
    }));
    assert!(sync.whole());
    drained(&mut sync);
    sync
}

#[test]
fn d11_the_next_sync_names_what_one_has() {
    let mut sync = live();
    sync.handle_event(welcome("e"));
    sync.handle_event(message(&name("ops"), 7));
    sync.handle_connected();
    let Some(Action::Sync(action)) = sync.poll_request().map(|request| request.action) else {
        panic!("a sync")
    };
    assert_eq!(action.topics, BTreeMap::from([(name("ops"), Rev(7))]));
    assert_eq!(action.epoch, Some(Epoch("e".to_owned())));
}

#[test]
fn d12_a_live_frame_that_overtakes_unread_ones_hides_none() {
    let mut sync = Sync::default();
    sync.handle_connected();
    let request = sync.poll_request().expect("a sync");
    let ops = name("ops");
    for rev in [8, 5, 6, 7, 8, 9] {
        sync.handle_event(message(&ops, rev));
    }
    sync.handle_event(Event::Synced(Synced {
        id: request.id,
        conversations: Vec::new(),
        more: false,
        reset: false,
    }));
    let mut logs = drained(&mut sync);
    assert!(matches!(logs.pop(), Some(Delivery::Live(_))));
    let revs: Vec<Rev> = logs
        .iter()
        .filter_map(|delivery| match delivery {
            Delivery::Log(event) => event.log_place().map(|(_, rev)| rev),
            _ => None,
        })
        .collect();
    assert_eq!(revs, [5, 6, 7, 8, 9].map(Rev));
}

#[test]
fn d11_what_a_page_leaves_out_is_told_as_missing_and_not_asked_for_again() {
    let mut sync = live();
    let ops = name("ops");
    for rev in [1, 5] {
        sync.handle_event(message(&ops, rev));
    }
    let request = sync.poll_request().expect("a request");
    sync.handle_event(Event::Changes(ChangesPage {
        id: request.id,
        topic: ops.clone(),
        frames: vec![message(&ops, 2), message(&ops, 5)],
        more: false,
    }));
    assert_eq!(
        drained(&mut sync),
        [
            Delivery::Log(message(&ops, 1)),
            Delivery::Log(message(&ops, 2)),
            Delivery::Missing {
                topic: ops.clone(),
                from: Rev(3),
                to: Rev(4)
            },
            Delivery::Log(message(&ops, 5)),
        ]
    );
    assert!(sync.poll_request().is_none());
    assert!(sync.whole());
}

#[test]
fn a_conversation_that_may_be_read_no_more_is_given_up() {
    let mut sync = live();
    let ops = name("ops");
    for rev in [1, 5] {
        sync.handle_event(message(&ops, rev));
    }
    let request = sync.poll_request().expect("a request");
    let refusal = Refusal::new(ErrorCode::NotFound, "no such topic");
    sync.handle_event(Event::Error(ErrorFrame::new(request.id, refusal)));
    assert!(sync.whole());
    assert_eq!(sync.have(&ops), Some(Rev(5)));
}

#[test]
fn another_store_makes_it_begin_anew() {
    let mut sync = live();
    let ops = name("ops");
    sync.handle_event(welcome("first"));
    sync.handle_event(message(&ops, 9));
    drained(&mut sync);
    sync.handle_connected();
    let request = sync.poll_request().expect("a sync");
    sync.handle_event(welcome("second"));
    sync.handle_event(message(&ops, 4));
    sync.handle_event(Event::Synced(Synced {
        id: request.id,
        conversations: Vec::new(),
        more: false,
        reset: true,
    }));
    let deliveries = drained(&mut sync);
    assert_eq!(deliveries.first(), Some(&Delivery::Reset));
    assert!(deliveries.contains(&Delivery::Log(message(&ops, 4))));
    assert_eq!(sync.have(&ops), Some(Rev(4)));
}

#[test]
fn a_repeats_ack_takes_no_place_and_a_publishs_does() {
    let mut sync = live();
    let ops = name("ops");
    sync.handle_event(message(&ops, 1));
    let Event::Ack(mut repeat) = ack(&ops, 2) else {
        unreachable!()
    };
    repeat.dup = true;
    sync.handle_event(Event::Ack(repeat));
    assert_eq!(sync.have(&ops), Some(Rev(1)));
    sync.handle_event(ack(&ops, 2));
    assert_eq!(sync.have(&ops), Some(Rev(2)));
    sync.handle_event(message(&ops, 2));
    assert_eq!(
        drained(&mut sync)
            .iter()
            .filter(|delivery| matches!(delivery, Delivery::Log(_)))
            .count(),
        2
    );
}

#[test]
fn what_is_no_part_of_a_log_goes_through_at_once() {
    let mut sync = live();
    let going = Event::GoingAway(GoingAway::default());
    sync.handle_event(going.clone());
    assert_eq!(drained(&mut sync), [Delivery::Other(going)]);
}
