//! Core logic of a connection: what it owes its client, independent of sockets, stores and clocks.
//!
//! Frames, notices and answers go in by `handle_*`; what is to be sent, asked or closed comes out by
//! [`Session::poll_output`]. It never waits and never fails; every queue in it is bounded.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use chat_proto::action::Publish;
use chat_proto::event::{Ack, ErrorFrame, GoingAway, Pong};
use chat_proto::{Action, ErrorCode, Event, MessageId, Name, Refusal, Request, Rev, codec};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use self::cursor::{Cursor, Step};
use crate::bus::ConnectionTag;
use crate::change::{Change, ConversationId, UserId, What};
use crate::clock::Millis;
use crate::limits;
use crate::mailbox::{Ending, Inbox};
use crate::mutant::mutant;
use crate::store::{Head, Membership, Published, Slice, Subscribed};

mod cursor;
mod notices;
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
    pub places: Vec<(ConversationId, Rev)>,
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

/// What a connection owes its client.
#[derive(Debug)]
pub struct Session {
    viewer: UserId,
    tag: ConnectionTag,
    /// Every conversation of the user, and those that are being found.
    cursors: HashMap<ConversationId, Cursor>,
    /// Conversations heard of whose beginning is being asked for.
    finding: BTreeSet<ConversationId>,
    /// Conversations that are behind: they are read one at a time.
    behind: BTreeSet<ConversationId>,
    loading: Option<ConversationId>,
    /// Requests that wait for their turn, at most [`limits::REQUESTS_WAITING_MAX`].
    waiting: VecDeque<Request>,
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
            finding: BTreeSet::new(),
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
        !self.sends.is_empty() || self.asking.is_some() || !self.waiting.is_empty()
    }

    /// The peer gave a sign of life.
    pub fn handle_heard(&mut self, now: Millis) {
        self.timers.heard(now);
    }

    /// A text frame came. What cannot be read is answered by exactly one error, and changes nothing.
    pub fn handle_frame(&mut self, frame: &str) {
        match codec::decode_request(frame) {
            Ok(Request {
                id,
                action: Action::Authenticate(_),
            }) => {
                self.send_error(
                    id,
                    Refusal::new(
                        ErrorCode::Invalid,
                        "authenticate: this connection is authenticated",
                    ),
                );
            }
            Ok(request) => {
                self.waiting.push_back(request);
                self.start_waiting();
            }
            Err(error) => self.send_error(error.id, error.refusal),
        }
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
            self.cursor(conversation, || Begin::Unknown).raise(head);
            self.advance(conversation);
        }
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
        self.close_if_stopped();
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Millis) {
        if matches!(self.hold, Hold::FirstAction(until) if until <= now) {
            self.release();
        }
        if self.timers.take_retry(now) {
            self.start_loading();
            let finding: Vec<_> = self.finding.iter().copied().collect();
            self.outputs.extend(
                finding
                    .into_iter()
                    .map(|conversation| Output::Perform(Job::Find(conversation))),
            );
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
        for request in std::mem::take(&mut self.waiting) {
            self.send_error(request.id, Refusal::unavailable());
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

    /// Starts what may start: messages follow each other into the store, anything else waits until it is alone, so
    /// that the requests of a connection take effect in their order.
    fn start_waiting(&mut self) {
        while self.asking.is_none()
            && let Some(request) = self.waiting.front()
        {
            let alone = self.sends.is_empty();
            let may_start = match request.action {
                Action::Publish(_) => self.sends.len() < limits::SENDS_IN_FLIGHT_MAX,
                _ => alone,
            };
            if !may_start {
                break;
            }
            if let Some(request) = self.waiting.pop_front() {
                self.start(request);
            }
        }
    }

    fn start(&mut self, request: Request) {
        let first_action = matches!(self.hold, Hold::FirstAction(_));
        if matches!(request.action, Action::Sync(_)) {
            self.hold = Hold::Sync;
        } else if first_action {
            self.release();
        }
        match request {
            Request {
                id,
                action: Action::Publish(publish),
            } => {
                let id = id.unwrap_or_else(MessageId::generate);
                self.sends.push(id.clone());
                self.outputs
                    .push_back(Output::Perform(Job::Send(id, Box::new(publish))));
            }
            Request {
                id,
                action: Action::Ping,
            } => self.send(&Event::Pong(Pong { id })),
            request => {
                self.asking = Some(match &request.action {
                    Action::Subscribe(on) | Action::Unsubscribe(on) => {
                        Asking::Membership(on.topic.name.clone())
                    }
                    Action::Sync(_) => Asking::Sync,
                    _ => Asking::Other,
                });
                self.outputs
                    .push_back(Output::Perform(Job::Ask(Box::new(request))));
            }
        }
    }

    fn handle_sent(&mut self, id: MessageId, outcome: Result<Published, Refusal>) {
        if let Some(at) = self.sends.iter().position(|send| *send == id) {
            self.sends.remove(at);
        }
        match outcome {
            Ok(Published {
                conversation,
                topic,
                seq,
                rev,
                sent_at,
                dup,
            }) => {
                let ack = Ack {
                    id: Some(id),
                    topic: Some(topic),
                    seq: Some(seq),
                    rev: Some(rev),
                    sent_at: Some(sent_at),
                    dup,
                };
                let frame = encode(&Event::Ack(ack));
                if dup {
                    self.outputs.push_back(Output::Send(frame));
                    self.advance(conversation);
                } else {
                    self.answer_in_place(conversation, rev, frame);
                }
            }
            Err(refusal) => {
                self.send_error(Some(id), refusal);
                // A change that waited for this ack is told as anybody's, if it was stored after all.
                self.advance_all();
            }
        }
    }

    fn handle_subscribed(&mut self, id: Option<MessageId>, outcome: Result<Subscribed, Refusal>) {
        self.asking = None;
        match outcome {
            Ok(Subscribed {
                conversation,
                topic,
                seq,
                rev,
                changed,
            }) => {
                let ack = Ack {
                    id,
                    topic: Some(topic),
                    seq: Some(seq),
                    rev: Some(rev),
                    ..Ack::default()
                };
                let frame = encode(&Event::Ack(ack));
                match conversation {
                    Some(conversation) if changed => self.answer_in_place(conversation, rev, frame),
                    Some(conversation) => {
                        self.outputs.push_back(Output::Send(frame));
                        // Another connection may have subscribed, and this one not have heard of it.
                        self.cursor(conversation, || Begin::Unknown);
                        self.advance(conversation);
                    }
                    None => self.outputs.push_back(Output::Send(frame)),
                }
            }
            Err(refusal) => {
                self.send_error(id, refusal);
                self.advance_all();
            }
        }
    }

    fn answer_in_place(&mut self, conversation: ConversationId, rev: Rev, frame: Utf8Bytes) {
        let begin = || {
            if rev == Rev(1) {
                Begin::After(Rev(0))
            } else {
                Begin::Unknown
            }
        };
        if mutant("ack_out_of_place") {
            return self.outputs.push_back(Output::Send(frame));
        }
        if let Some(frame) = self.cursor(conversation, begin).answer(rev, frame) {
            self.outputs.push_back(Output::Send(frame));
        }
        self.advance(conversation);
    }

    fn handle_synced(&mut self, outcome: Result<SyncAnswer, ErrorFrame>) {
        self.asking = None;
        match outcome {
            Ok(SyncAnswer { frames, places }) => {
                self.outputs.extend(frames.into_iter().map(Output::Send));
                for (conversation, rev) in places {
                    self.finding.remove(&conversation);
                    let answers = self.cursor(conversation, || Begin::After(rev)).place(rev);
                    self.outputs.extend(answers.into_iter().map(Output::Send));
                }
            }
            Err(error) => self.send(&Event::Error(error)),
        }
        self.release();
    }

    fn handle_change(&mut self, change: Arc<Change>) {
        let conversation = change.conversation;
        let begin = || match &change.what {
            _ if change.rev == Rev(1) => Begin::After(Rev(0)),
            What::Join { user, .. } if *user == self.viewer => Begin::After(change.rev.prev()),
            _ => Begin::Unknown,
        };
        let begin = begin();
        self.cursor(conversation, || begin).offer(change);
        self.advance(conversation);
    }

    /// The cursor of a conversation; of one that was not heard of before, where to begin must be known or be found out.
    fn cursor(
        &mut self,
        conversation: ConversationId,
        begin: impl FnOnce() -> Begin,
    ) -> &mut Cursor {
        let (finding, outputs) = (&mut self.finding, &mut self.outputs);
        self.cursors
            .entry(conversation)
            .or_insert_with(|| match begin() {
                Begin::After(rev) => Cursor::at(rev),
                Begin::Unknown => {
                    finding.insert(conversation);
                    outputs.push_back(Output::Perform(Job::Find(conversation)));
                    Cursor::at(Rev(0))
                }
            })
    }

    fn handle_found(
        &mut self,
        conversation: ConversationId,
        outcome: Result<Option<Membership>, Refusal>,
        now: Millis,
    ) {
        match outcome {
            Ok(Some(membership)) if self.finding.remove(&conversation) => {
                let cursor = self.cursor(conversation, || Begin::After(Rev(0)));
                cursor.raise(membership.rev);
                let answers = cursor.place(membership.joined_rev.prev());
                self.outputs.extend(answers.into_iter().map(Output::Send));
                self.advance(conversation);
            }
            Ok(None) if self.finding.remove(&conversation) => {
                self.cursors.remove(&conversation);
            }
            Ok(_) => {}
            Err(_) => self.timers.retry(now),
        }
    }

    fn handle_loaded(
        &mut self,
        conversation: ConversationId,
        outcome: Result<Slice, Refusal>,
        now: Millis,
    ) {
        match outcome {
            Ok(slice) => self.tell_loaded(conversation, slice),
            Err(_) => self.timers.retry(now),
        }
        self.loading = None;
    }

    /// Until it is over the load counts as under way, so that the first of its changes does not start the next.
    fn tell_loaded(&mut self, conversation: ConversationId, slice: Slice) {
        self.behind.remove(&conversation);
        let Some(cursor) = self.cursors.get_mut(&conversation) else {
            return;
        };
        if slice.changes.is_empty() {
            cursor.skip_what_is_not_there();
        }
        for change in slice.changes {
            if let Some(cursor) = self.cursors.get_mut(&conversation) {
                cursor.skip_to(change.rev);
                cursor.offer(Arc::new(change));
            }
            self.advance(conversation);
        }
        self.advance(conversation);
    }

    fn release(&mut self) {
        self.hold = Hold::Off;
        self.advance_all();
    }

    fn advance_all(&mut self) {
        let mut conversations: Vec<_> = self.cursors.keys().copied().collect();
        conversations.sort_unstable();
        for conversation in conversations {
            self.advance(conversation);
        }
    }

    /// Sends what is next in a conversation, as far as it is here.
    fn advance(&mut self, conversation: ConversationId) {
        if self.hold != Hold::Off || self.finding.contains(&conversation) {
            return;
        }
        loop {
            let Some(cursor) = self.cursors.get_mut(&conversation) else {
                return;
            };
            let (viewer, sends, asking) = (self.viewer, &self.sends, &self.asking);
            match cursor.step(|change| caused_here(change, viewer, sends, asking.as_ref())) {
                Step::Tell(change) => {
                    self.outputs.push_back(Output::Send(change.frame(viewer)));
                    if matches!(&change.what, What::Leave { user, .. } if *user == viewer) {
                        // An answer that has its place after the leaving is owed all the same.
                        let left = self.cursors.remove(&conversation);
                        let owed = left.map(Cursor::into_answers).unwrap_or_default();
                        self.outputs.extend(owed.into_iter().map(Output::Send));
                        self.behind.remove(&conversation);
                    }
                }
                Step::Answer(frame) => self.outputs.push_back(Output::Send(frame)),
                Step::AwaitAnswer | Step::Even => return,
                Step::Behind => {
                    if mutant("skip_what_was_lost") {
                        cursor.skip_what_is_not_there();
                        continue;
                    }
                    self.behind.insert(conversation);
                    return self.start_loading();
                }
            }
        }
    }

    fn start_loading(&mut self) {
        if self.loading.is_some() || self.timers.retrying() {
            return;
        }
        let Some(conversation) = self.behind.first().copied() else {
            return;
        };
        let Some(cursor) = self.cursors.get(&conversation) else {
            self.behind.remove(&conversation);
            return;
        };
        self.loading = Some(conversation);
        self.outputs
            .push_back(Output::Perform(Job::Load(conversation, cursor.sent())));
    }

    fn send_error(&mut self, id: Option<MessageId>, refusal: Refusal) {
        self.send(&Event::Error(ErrorFrame::new(id, refusal)));
    }

    fn send(&mut self, event: &Event) {
        self.outputs.push_back(Output::Send(encode(event)));
    }
}

/// Where to begin with a conversation that was not heard of before.
#[derive(Debug, Clone, Copy)]
enum Begin {
    After(Rev),
    Unknown,
}

/// Whether a change was caused by this connection, which is about to be answered for it.
fn caused_here(
    change: &Change,
    viewer: UserId,
    sends: &[MessageId],
    asking: Option<&Asking>,
) -> bool {
    if mutant("echo_ones_own") {
        return false;
    }
    match &change.what {
        What::Message { sender, id, .. } => *sender == viewer && sends.contains(id),
        What::Join { user, .. } | What::Leave { user, .. } => {
            *user == viewer
                && matches!(asking, Some(Asking::Membership(name)) if change.address.seen_by(viewer) == name)
        }
        What::Role { .. } => false,
    }
}

fn encode(event: &Event) -> Utf8Bytes {
    Utf8Bytes::from(codec::encode_event(event))
}
