//! Core logic of a connection: what it owes its client, independent of sockets, stores and clocks.
//!
//! Frames, notices and answers go in by `handle_*`; what is to be sent, asked or closed comes out by
//! [`Session::poll_output`]. It never waits and never fails; every queue in it is bounded.

use std::collections::{BTreeSet, HashMap, VecDeque};

use chat_proto::action::Publish;
use chat_proto::event::{ErrorFrame, GoingAway};
use chat_proto::{Action, ErrorCode, Event, MessageId, Name, Refusal, Request, Rev, codec};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use self::cursor::Cursor;
use self::finding::Finding;
use crate::bus::ConnectionTag;
use crate::change::{ConversationId, UserId};
use crate::clock::Millis;
use crate::limits;
use crate::mailbox::{Ending, Inbox};
use crate::store::{Head, Membership, Published, Slice, Subscribed};

mod cursor;
mod finding;
mod log;
mod notices;
mod requests;
#[cfg(test)]
mod tests;
mod timers;

use timers::Timers;

/// What the driver is to do, in this order.
#[derive(Debug)]
pub enum Output {
    /// Send a text frame.
    Send(Utf8Bytes),
    /// Send a ping.
    Ping,
    /// Do something that takes time, and bring its [`Reply`].
    Perform(Job),
    /// Send a close frame and end.
    Close(Closing),
}

/// Why a connection is closed by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Its session ended.
    SessionEnded,
    /// It was silent for too long.
    Silent,
    /// The server stops.
    GoingAway,
}

/// What takes time.
#[derive(Debug)]
pub enum Job {
    /// Store a message; answered by [`Reply::Sent`], in the order of the jobs.
    Send(MessageId, Box<Publish>),
    /// Anything else that a client asks; one at a time.
    Ask(Box<Request>),
    /// Read the changes of a conversation above a number; answered by [`Reply::Loaded`].
    Load(ConversationId, Rev),
    /// Find out from where on a conversation is told; answered by [`Reply::Found`].
    Find(ConversationId),
}

/// What came of a job.
#[derive(Debug)]
pub enum Reply {
    /// Of [`Job::Send`].
    Sent(MessageId, Result<Published, Refusal>),
    /// Of a subscription, or its end.
    Subscribed(Option<MessageId>, Result<Subscribed, Refusal>),
    /// Of a `sync`.
    Synced(Result<SyncAnswer, ErrorFrame>),
    /// Of anything else that is answered.
    Answer(Box<Event>),
    /// Of what is not answered.
    Nothing,
    /// Of [`Job::Load`]; an error is tried again.
    Loaded(ConversationId, Result<Slice, Refusal>),
    /// Of [`Job::Find`]; `None`: no member.
    Found(ConversationId, Result<Option<Membership>, Refusal>),
}

/// The answer to a `sync`.
#[derive(Debug, Default)]
pub struct SyncAnswer {
    /// What is sent, in this order.
    pub frames: Vec<Utf8Bytes>,
    /// Up to where the frames tell each conversation.
    pub places: Vec<Placed>,
    /// Bytes of text in the frames.
    pub text_bytes: usize,
}

/// Where a `sync` leaves a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Which.
    pub conversation: ConversationId,
    /// The last change that its frames tell.
    pub told: Rev,
    /// The last change that there is, as far as the `sync` knows.
    pub head: Rev,
}

/// What waits for its turn.
#[derive(Debug)]
enum Asked {
    Request(Request),
    /// A frame that could not be read: its error keeps its place among the answers.
    Refused(Option<MessageId>, Refusal),
}

/// The request that is being answered; the next waits for it.
#[derive(Debug)]
enum Asking {
    /// A subscription to this name, or its end: its change is one's own.
    Membership(Name),
    /// A `sync`: nothing of a log is told meanwhile.
    Sync,
    /// Anything else.
    Other,
}

/// Whether changes are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Not before the first action or this moment, to spare a client that is about to `sync` what it would get twice.
    FirstAction(Millis),
    /// Not before the `sync` is answered.
    Sync,
    /// Yes.
    Off,
}

/// A read of the store that is under way.
#[derive(Debug, Clone, Copy)]
struct Loading {
    conversation: ConversationId,
    /// What follows this is read.
    after: Rev,
    /// How far the conversation went, as far as was known then: what was heard of later the read need not know.
    known: Rev,
}

/// What a connection owes its client.
#[derive(Debug)]
pub struct Session {
    viewer: UserId,
    tag: ConnectionTag,
    /// Every conversation of the user, and those that are being found.
    cursors: HashMap<ConversationId, Cursor>,
    finding: Finding,
    /// Conversations that are behind: they are read one at a time.
    behind: BTreeSet<ConversationId>,
    loading: Option<Loading>,
    /// Requests that wait for their turn, at most [`limits::REQUESTS_WAITING_MAX`].
    waiting: VecDeque<Asked>,
    /// Messages whose ack is under way, at most [`limits::SENDS_IN_FLIGHT_MAX`].
    sends: Vec<MessageId>,
    asking: Option<Asking>,
    hold: Hold,
    timers: Timers,
    stopping: bool,
    outputs: VecDeque<Output>,
}

impl Session {
    /// A connection that was just greeted; `heads` is where the user's conversations stand.
    #[must_use]
    pub fn new(viewer: UserId, tag: ConnectionTag, heads: &[Head], now: Millis) -> Self {
        Self {
            viewer,
            tag,
            cursors: heads
                .iter()
                .map(|head| (head.conversation, Cursor::at(head.rev)))
                .collect(),
            finding: Finding::default(),
            behind: BTreeSet::new(),
            loading: None,
            waiting: VecDeque::new(),
            sends: Vec::new(),
            asking: None,
            hold: Hold::FirstAction(now.plus(limits::FIRST_ACTION_MS)),
            timers: Timers::new(now),
            stopping: false,
            outputs: VecDeque::new(),
        }
    }

    /// What the driver is to do next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Session::handle_timeout`] wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Millis {
        let hold = if let Hold::FirstAction(until) = self.hold {
            Some(until)
        } else {
            None
        };
        hold.into_iter().fold(self.timers.next(), Ord::min)
    }

    /// Whether another frame may be handed in. If not, the driver stops reading, and the client's own socket tells it.
    #[must_use]
    pub fn wants_frames(&self) -> bool {
        !self.stopping && self.waiting.len() < limits::REQUESTS_WAITING_MAX
    }

    /// Whether a request is being answered or waits to be.
    fn busy(&self) -> bool {
        !self.sends.is_empty()
            || self.asking.is_some()
            || !self.waiting.is_empty()
            || self.cursors.values().any(Cursor::owes_answer)
    }

    /// The peer gave a sign of life.
    pub fn handle_heard(&mut self, now: Millis) {
        self.timers.heard(now);
    }

    /// A text frame came. What cannot be read is answered by exactly one error, and changes nothing.
    pub fn handle_frame(&mut self, frame: &str) {
        self.waiting.push_back(match codec::decode_request(frame) {
            Ok(Request {
                id,
                action: Action::Authenticate(_),
            }) => {
                let why = "authenticate: this connection is authenticated";
                Asked::Refused(id, Refusal::new(ErrorCode::Invalid, why))
            }
            Ok(request) => Asked::Request(request),
            Err(error) => Asked::Refused(error.id, error.refusal),
        });
        self.start_waiting();
    }

    /// Notices came.
    pub fn handle_inbox(&mut self, inbox: Inbox) {
        match inbox.ending {
            Some(Ending::SessionEnded) => {
                return self.outputs.push_back(Output::Close(Closing::SessionEnded));
            }
            Some(Ending::Stopping) => self.stop(),
            None => {}
        }
        for change in inbox.changes {
            self.handle_change(change);
        }
        for (conversation, head) in inbox.heads {
            self.handle_head(conversation, head);
        }
        self.start_finding();
        self.tell_notices(inbox.marks, inbox.presence, inbox.typing);
    }

    /// A job is done.
    pub fn handle_reply(&mut self, reply: Reply, now: Millis) {
        match reply {
            Reply::Sent(id, outcome) => self.handle_sent(id, outcome),
            Reply::Subscribed(id, outcome) => self.handle_subscribed(id, outcome),
            Reply::Synced(outcome) => self.handle_synced(outcome),
            Reply::Answer(event) => {
                self.asking = None;
                self.send(&event);
            }
            Reply::Nothing => self.asking = None,
            Reply::Loaded(conversation, outcome) => self.handle_loaded(conversation, outcome, now),
            Reply::Found(conversation, outcome) => self.handle_found(conversation, outcome, now),
        }
        self.start_waiting();
        self.start_loading();
        self.start_finding();
        self.close_if_stopped();
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Millis) {
        if matches!(self.hold, Hold::FirstAction(until) if until <= now) {
            self.release();
        }
        if self.timers.take_retry(now) {
            self.start_loading();
        }
        self.start_finding();
        if !self.wants_frames() {
            // Who is not listened to is not silent.
            self.timers.heard(now);
        }
        if self.timers.silent(now) {
            self.outputs.push_back(Output::Close(Closing::Silent));
        } else if self.timers.take_ping(now) {
            self.outputs.push_back(Output::Ping);
        }
    }

    /// The server stops: the client is told, what did not start is refused, and the connection closes when what is
    /// in flight is answered.
    fn stop(&mut self) {
        self.stopping = true;
        for asked in std::mem::take(&mut self.waiting) {
            match asked {
                Asked::Request(request) => self.send_error(request.id, Refusal::unavailable()),
                Asked::Refused(id, refusal) => self.send_error(id, refusal),
            }
        }
        self.send(&Event::GoingAway(GoingAway {
            reason: "restart".to_owned(),
            retry_after_ms: None,
        }));
        self.close_if_stopped();
    }

    fn close_if_stopped(&mut self) {
        if self.stopping && !self.busy() {
            self.outputs.push_back(Output::Close(Closing::GoingAway));
        }
    }

    fn send_error(&mut self, id: Option<MessageId>, refusal: Refusal) {
        self.send(&Event::Error(ErrorFrame::new(id, refusal)));
    }

    fn send(&mut self, event: &Event) {
        self.outputs.push_back(Output::Send(encode(event)));
    }
}

fn encode(event: &Event) -> Utf8Bytes {
    Utf8Bytes::from(codec::encode_event(event))
}
