//! A device of a user: the client's real sync machine, an outbox that repeats by id, and a screen that remembers all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chat_proto::action::{MarkUpTo, OnTopic, Publish};
use chat_proto::event::Ack;
use chat_proto::{Action, ErrorCode, Event, Mark, MessageId, Name, Request, Rev, Seq, codec};
use chat_tui::client::sync::{Delivery, Stranger, Sync};

use crate::serving::Serving;

/// A message that is not acked yet.
#[derive(Debug, Clone)]
pub(crate) struct Unsent {
    pub(crate) id: MessageId,
    pub(crate) topic: Name,
    pub(crate) text: String,
}

/// A live connection: the server's side, and the frames under way in both directions.
pub(crate) struct Link {
    pub(crate) serving: Serving,
    pub(crate) up: VecDeque<String>,
    pub(crate) down: VecDeque<String>,
    pub(crate) closing: bool,
    wire: Wire,
}

/// What this connection told of each log: consecutive changes, but for what a `sync` begins anew and a `gap` leaves out.
#[derive(Default)]
struct Wire {
    last: BTreeMap<Name, Rev>,
    /// A `sync` is under way: each log may begin anew once.
    anew: BTreeSet<Name>,
    syncing: bool,
    /// The latest subscription, which may stand for a joining.
    joined: BTreeMap<Name, Rev>,
}

impl Wire {
    fn hear(&mut self, event: &Event, me: &Name) {
        match event {
            Event::Ack(Ack {
                topic: Some(topic),
                rev: Some(rev),
                sent_at: Some(_),
                dup: false,
                ..
            }) => self.next(topic, *rev),
            // Of a subscription: it stands for the joining, if there was one; the frame does not say.
            Event::Ack(Ack {
                topic: Some(topic),
                rev: Some(rev),
                sent_at: None,
                ..
            }) => {
                self.joined.insert(topic.clone(), *rev);
            }
            Event::Gap(gap) => {
                self.last.insert(gap.topic.clone(), gap.to_rev);
                self.anew.insert(gap.topic.clone());
            }
            // Who was away and is back begins with the joining.
            Event::Join(join) if join.name == *me => {
                self.last.insert(join.topic.clone(), join.rev);
            }
            Event::Leave(leave) if leave.name == *me => {
                self.last.remove(&leave.topic);
            }
            Event::Synced(_) => self.syncing = false,
            event => {
                if let Some((topic, rev)) = event.log_place() {
                    self.next(topic, rev);
                }
            }
        }
    }

    fn next(&mut self, topic: &Name, rev: Rev) {
        let joined = self.joined.remove(topic);
        let last = self.last.insert(topic.clone(), rev);
        let follows = last.is_none_or(|last| rev == last.next());
        let after_joining = joined.is_some_and(|joined| rev == joined.next());
        // Looked at last: it can be had once for each `sync`.
        let anew = follows || after_joining || self.syncing && self.anew.insert(topic.clone());
        assert!(anew, "the wire told {topic} {rev} after {last:?}");
    }
}

/// A device of a user.
pub(crate) struct Device {
    number: usize,
    pub(crate) user: usize,
    pub(crate) link: Option<Link>,
    pub(crate) sync: Sync,
    pub(crate) unsent: Vec<Unsent>,
    /// What the screen showed, in the order in which it did.
    pub(crate) shown: BTreeMap<Name, Vec<(Seq, MessageId)>>,
    /// What this device was told to be on disk.
    pub(crate) acked: BTreeMap<MessageId, (Name, Seq)>,
    /// What this device was told to be refused.
    pub(crate) refused: Vec<MessageId>,
    /// The user's own read marks, as this device knows them.
    pub(crate) read: BTreeMap<Name, Seq>,
    me: Name,
}

impl Device {
    pub(crate) fn new(number: usize, user: usize, me: Name) -> Self {
        Self {
            number,
            user,
            link: None,
            sync: Sync::new(Stranger::IsNew),
            unsent: Vec::new(),
            shown: BTreeMap::new(),
            acked: BTreeMap::new(),
            refused: Vec::new(),
            read: BTreeMap::new(),
            me,
        }
    }

    /// The socket is open: what one has is said first, then everything not acked is sent again.
    pub(crate) fn connected(&mut self, serving: Serving) {
        self.link = Some(Link {
            serving,
            up: VecDeque::new(),
            down: VecDeque::new(),
            closing: false,
            wire: Wire::default(),
        });
        self.sync.handle_connected();
        self.ask();
        let topics: BTreeSet<Name> = self
            .unsent
            .iter()
            .map(|unsent| unsent.topic.clone())
            .collect();
        for topic in topics {
            self.send_next(&topic);
        }
    }

    /// The link is cut; frames under way are lost.
    pub(crate) fn cut(&mut self) {
        trace(self.number, "is cut", "");
        self.link = None;
    }

    pub(crate) fn send(&mut self, topic: Name, text: String) -> MessageId {
        let unsent = Unsent {
            id: MessageId::parse(&text).expect("an id"),
            topic,
            text,
        };
        let id = unsent.id.clone();
        let first = self.unsent.iter().all(|other| other.topic != unsent.topic);
        self.unsent.push(unsent.clone());
        if first {
            self.publish(&unsent);
        }
        id
    }

    pub(crate) fn say(&mut self, action: Action) {
        self.put(&Request::from(action));
    }

    pub(crate) fn read_up_to(&mut self, topic: Name, seq: Seq) {
        self.say(Action::Mark(
            Mark::Read,
            MarkUpTo {
                topic: topic.into(),
                seq,
            },
        ));
    }

    pub(crate) fn subscribe(&mut self, topic: Name) {
        self.say(Action::Subscribe(OnTopic {
            topic: topic.into(),
        }));
    }

    /// At most one message of a topic is on its way, so that one that is refused and repeated is not overtaken.
    fn send_next(&mut self, topic: &Name) {
        if let Some(unsent) = self
            .unsent
            .iter()
            .find(|unsent| unsent.topic == *topic)
            .cloned()
        {
            self.publish(&unsent);
        }
    }

    fn publish(&mut self, unsent: &Unsent) {
        let publish = Publish::text(unsent.topic.clone().into(), unsent.text.clone());
        self.put(&Request::new(unsent.id.clone(), Action::Publish(publish)));
    }

    fn put(&mut self, request: &Request) {
        if let Some(link) = &mut self.link {
            if matches!(request.action, Action::Sync(_)) {
                (link.wire.syncing, link.wire.anew) = (true, BTreeSet::new());
            }
            let frame = codec::encode_request(request);
            trace(self.number, "says", &frame);
            link.up.push_back(frame);
        }
    }

    fn ask(&mut self) {
        while let Some(request) = self.sync.poll_request() {
            self.put(&request);
        }
    }

    /// A frame of the server arrives.
    pub(crate) fn hear(&mut self, frame: &str) {
        let event = codec::decode_event(frame).expect("the server's frames can be read");
        trace(self.number, "hears", frame);
        if let Some(link) = &mut self.link {
            link.wire.hear(&event, &self.me);
        }
        self.sync.handle_event(event);
        self.take_deliveries();
    }

    /// A second has passed.
    pub(crate) fn tick(&mut self) {
        self.sync.handle_tick();
        self.take_deliveries();
    }

    fn take_deliveries(&mut self) {
        while let Some(delivery) = self.sync.poll_delivery() {
            self.show(delivery);
        }
        self.ask();
    }

    fn acked(&mut self, ack: Ack) {
        match (ack.id, ack.topic, ack.seq) {
            (Some(id), Some(topic), Some(seq)) if ack.sent_at.is_some() => {
                self.unsent.retain(|unsent| unsent.id != id);
                self.send_next(&topic);
                let before = self.acked.insert(id.clone(), (topic.clone(), seq));
                assert!(
                    before.is_none_or(|before| before == (topic, seq)),
                    "{id} was acked with two numbers"
                );
            }
            (None, Some(topic), Some(seq)) if ack.rev.is_none() => self.own_mark(&topic, seq),
            _ => {}
        }
    }

    fn refused(&mut self, id: Option<&MessageId>, code: ErrorCode) {
        if let Some(id) = id
            && !code.outcome_unknown()
            && let Some(at) = self.unsent.iter().position(|unsent| unsent.id == *id)
        {
            let unsent = self.unsent.remove(at);
            self.refused.push(unsent.id);
            self.send_next(&unsent.topic);
        }
    }

    fn own_mark(&mut self, topic: &Name, seq: Seq) {
        let mark = self.read.entry(topic.clone()).or_default();
        *mark = (*mark).max(seq);
    }

    fn show(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Log(Event::Message(message)) => {
                self.shows(message.topic, message.seq, message.id);
            }
            // One's own message, in its place among the others.
            Delivery::Log(Event::Ack(Ack {
                id: Some(id),
                topic: Some(topic),
                seq: Some(seq),
                ..
            })) => self.shows(topic, seq, id),
            Delivery::Live(synced) => {
                for conversation in synced.conversations {
                    self.own_mark(&conversation.topic, conversation.read_seq);
                }
            }
            Delivery::Other(Event::Ack(ack)) => self.acked(ack),
            Delivery::Other(Event::Error(error)) => self.refused(error.id.as_ref(), error.code),
            Delivery::Other(Event::Read(read)) if read.by == self.me => {
                self.own_mark(&read.topic, read.seq);
            }
            Delivery::Other(Event::Marks(marks)) => self.own_mark(&marks.topic, marks.read_seq),
            _ => {}
        }
    }

    fn shows(&mut self, topic: Name, seq: Seq, id: MessageId) {
        self.shown.entry(topic).or_default().push((seq, id));
    }
}

/// With `CHAT_SIM_TRACE` set, every frame of a world is printed as a device says or hears it.
fn trace(device: usize, verb: &str, frame: &str) {
    static TRACED: std::sync::LazyLock<bool> =
        std::sync::LazyLock::new(|| std::env::var_os("CHAT_SIM_TRACE").is_some());
    if *TRACED {
        eprintln!("device {device} {verb} {frame}");
    }
}
