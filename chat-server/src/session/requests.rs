//! What a client asks of its connection, one after the other, and what it is answered.

use chat_proto::event::{Ack, ErrorFrame, Pong};
use chat_proto::{Action, Event, MessageId, Refusal, Request};

use super::log::Begin;
use super::{Asked, Asking, Hold, Job, Output, Session, SyncAnswer, encode};
use crate::limits;
use crate::store::{Published, Subscribed};

impl Session {
    /// Starts what may start: messages follow each other into the store, anything else waits until it is alone, so
    /// that the requests of a connection take effect in their order.
    pub(super) fn start_waiting(&mut self) {
        while self.asking.is_none()
            && let Some(asked) = self.waiting.front()
        {
            let may_start = match asked {
                Asked::Request(Request {
                    action: Action::Publish(_),
                    ..
                }) => self.sends.len() < limits::SENDS_IN_FLIGHT_MAX,
                Asked::Request(_) | Asked::Refused(..) => self.sends.is_empty(),
            };
            if !may_start {
                break;
            }
            match self.waiting.pop_front() {
                Some(Asked::Request(request)) => self.start(request),
                Some(Asked::Refused(id, refusal)) => self.send_error(id, refusal),
                None => break,
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

    pub(super) fn handle_sent(&mut self, id: MessageId, outcome: Result<Published, Refusal>) {
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

    pub(super) fn handle_subscribed(
        &mut self,
        id: Option<MessageId>,
        outcome: Result<Subscribed, Refusal>,
    ) {
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

    pub(super) fn handle_synced(&mut self, outcome: Result<SyncAnswer, ErrorFrame>) {
        self.asking = None;
        match outcome {
            Ok(SyncAnswer { frames, places, .. }) => {
                self.outputs.extend(frames.into_iter().map(Output::Send));
                for placed in places {
                    self.finding.settle(placed.conversation);
                    let begin = || Begin::After(placed.told);
                    let cursor = self.cursor(placed.conversation, begin);
                    let answers = cursor.place(placed.told);
                    cursor.raise(placed.head);
                    self.outputs.extend(answers.into_iter().map(Output::Send));
                }
            }
            Err(error) => self.send(&Event::Error(error)),
        }
        self.release();
    }
}
