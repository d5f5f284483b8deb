//! `send`: one message, done when the server has it on disk, and honest about it when that is not known.

use chat_proto::action::Publish;
use chat_proto::api::Sent;
use chat_proto::text::{self, TextError};
use chat_proto::{ErrorCode, MessageId, Name, Refusal, Seq, Time, Topic, limits};
use clap::builder::FalseyValueParser;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::queue::{self, Queue, queued};
use super::{Context, input};
use crate::client::Client;
use crate::client::cache::outbox::OutboxError;
use crate::client::error::ClientError;
use crate::client::http::HttpError;
use crate::client::outbox::Letter;
use crate::client::send::{Sending, Waiting};
use crate::clock;

/// What `send` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Send {
    /// A person or a group: ann, @ann, ops, '#ops'.
    topic: Topic,
    /// The words; without them, or with -, standard input if that is no terminal, less one trailing newline.
    /// Words that begin with - come after --.
    text: Vec<String>,
    /// The message's id: the same id is the same message for ever, so a repeat is harmless.
    #[arg(long, env = "CHAT_SEND_ID", value_name = "KEY")]
    id: Option<MessageId>,
    /// Where the server cannot be reached, or it is not known whether it has the message, leave it in the outbox
    /// and end with 8: the next chat-tui that reaches the server sends it. Not with a token.
    #[arg(long, env = "CHAT_SEND_QUEUE", value_parser = FalseyValueParser::new())]
    queue: bool,
}

const AFTER_HELP: &str = "\
A message does not overtake what is queued for the same conversation: that is sent first, and where it cannot be, \
the message is not sent either (with --queue it is queued behind it). What a message from the outbox was refused for \
is said by the command that took it along; chat-tui shows it, and `send` with the same --id tries it again. \
Interrupted or killed, `send --queue` leaves the message in the outbox.";

impl Send {
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        if self.queue && context.settings.token.is_some() {
            return Err(Failure::usage(
                "--queue needs the profile's log-in: a token says not whose outbox it is",
            ));
        }
        let id = self.id.clone().unwrap_or_else(MessageId::generate);
        let text = match text_to_send(&self.text, &context).await {
            Ok(text) => text,
            Err(Unfit::Text(error)) => {
                let report = Report::new(&id, &self.topic.name, Outcome::Unfit(&error));
                return finish(&context, &report, rejected(&error));
            }
            Err(Unfit::Input(failure)) => return Err(failure),
        };
        let publish = Publish::text(self.topic.clone(), text);
        let letter = Letter::new(id, publish, clock::wall());
        let outcome = match Client::open(&context.settings) {
            Ok(client) => self.send(&context, client, &letter).await,
            Err(error) => Went::of(Sending::Failed(error)),
        };
        tell_outcome(&context, &letter, &outcome)
    }

    /// Sends the message behind what is queued for the same conversation. With `--queue` it is in the outbox before
    /// its first byte leaves, and out of it as soon as it is known what became of it.
    async fn send(&self, context: &Context, mut client: Client, letter: &Letter) -> Went {
        let Some(mut queue) = self.open_queue(context, &client) else {
            return Went::of(send_now(context, &mut client, letter).await);
        };
        let new = match self.queue.then(|| queue.put(letter)).transpose() {
            Ok(new) => new,
            Err(error @ OutboxError::Conflict(_)) => {
                let refusal = Refusal::new(ErrorCode::Conflict, error.to_string());
                return Went::of(Sending::Failed(ClientError::Refused(refusal)));
            }
            // That it be sent is worth more than that it could have been kept.
            Err(error) => {
                context
                    .out
                    .complain(&format!("{error}; sending without it"));
                None
            }
        };
        let sending = match self
            .clear_way(context, &mut queue, &mut client, letter)
            .await
        {
            Ok(()) => send_now(context, &mut client, letter).await,
            Err(blocked) => blocked,
        };
        let went = Went {
            queued: new.is_some() && may_go_later(&sending),
            sending,
        };
        let stored = matches!(went.sending, Sending::Stored(_));
        if stored || (new == Some(true) && !went.queued) {
            // Where it fails, the next command sends it again with the same id, which is harmless.
            let _ = queue.remove(&letter.id);
        }
        went
    }

    /// The outbox, where there is one or one is asked for.
    fn open_queue(&self, context: &Context, client: &Client) -> Option<Queue> {
        let settings = &context.settings;
        if !self.queue && !queue::there_is_one(settings) {
            return None;
        }
        let opened = Queue::open(settings, context.out, client);
        opened.unwrap_or_else(|error| {
            context
                .out
                .complain(&format!("{error}; sending without it"));
            None
        })
    }

    /// Sends what goes first. What it gives otherwise is what became of the message.
    async fn clear_way(
        &self,
        context: &Context,
        queue: &mut Queue,
        client: &mut Client,
        letter: &Letter,
    ) -> Result<(), Sending> {
        let topic = letter.topic();
        let before = queue
            .deliver_before(&letter.id, topic, client, context.deadline)
            .await;
        match before {
            Ok(delivered) if delivered.queued == 0 => Ok(()),
            Ok(delivered) => {
                if !self.queue {
                    let first = queued(delivered.queued);
                    context
                        .out
                        .complain(&format!("{first} to {topic} must go first"));
                }
                Err(Sending::Failed(not_tried(delivered.stopped, client)))
            }
            // What cannot be read cannot be waited for.
            Err(error) => {
                context.out.complain(&error.to_string());
                Ok(())
            }
        }
    }
}

/// Why a message did not go, that what goes first kept back: it is known not to be stored, whatever became of that.
fn not_tried(stopped: Option<ClientError>, client: &Client) -> ClientError {
    match stopped {
        Some(ClientError::Http(HttpError::TimedOut(_))) | None => {
            let sentence = format!("{} did not answer in time", client.server());
            ClientError::Refused(Refusal::new(ErrorCode::Unavailable, sentence))
        }
        Some(error) => error,
    }
}

/// What became of a message, and whether it is in the outbox.
struct Went {
    sending: Sending,
    queued: bool,
}

impl Went {
    const fn of(sending: Sending) -> Self {
        Self {
            sending,
            queued: false,
        }
    }
}

/// Whether the same message may well be stored by a later try.
fn may_go_later(sending: &Sending) -> bool {
    match sending {
        Sending::Stored(_) => false,
        Sending::Unknown(_) => true,
        Sending::Failed(error) => matches!(
            Exit::from(error),
            Exit::Unreachable | Exit::RateLimited | Exit::TimedOut
        ),
    }
}

async fn send_now(context: &Context, client: &mut Client, letter: &Letter) -> Sending {
    let tell = |wait: Waiting<'_>| tell(context, &wait);
    let message = letter.to_message();
    client.send(message, context.deadline, tell).await
}

fn tell_outcome(context: &Context, letter: &Letter, went: &Went) -> Result<(), Failure> {
    let id = &letter.id;
    let report = |outcome| Report::new(id, letter.topic(), outcome);
    match &went.sending {
        Sending::Stored(sent) => finish(context, &report(Outcome::Stored(sent)), None),
        Sending::Failed(error) | Sending::Unknown(error) if went.queued => {
            let sentence = format!("queued; the next chat-tui sends it: {error}");
            let failure = Failure::new(Exit::Queued, sentence);
            finish(context, &report(Outcome::Queued(error)), Some(failure))
        }
        Sending::Failed(error) => {
            let failure = Failure::new(Exit::from(error), format!("not sent: {error}"));
            finish(context, &report(Outcome::Failed(error)), Some(failure))
        }
        Sending::Unknown(error) => {
            let sentence = format!(
                "it is not known whether the message was stored; repeat it with --id '{id}': {error}"
            );
            let failure = Failure::new(Exit::TimedOut, sentence);
            finish(context, &report(Outcome::Unknown(error)), Some(failure))
        }
    }
}

/// Why there is nothing to send.
enum Unfit {
    Text(TextError),
    Input(Failure),
}

/// The words of the command line, or those of standard input where none are, or a single `-`.
async fn text_to_send(words: &[String], context: &Context) -> Result<String, Unfit> {
    let text = match words {
        [] => from_stdin(context).await.map_err(Unfit::Input)?,
        [dash] if dash == "-" => from_stdin(context).await.map_err(Unfit::Input)?,
        words => words.join(" "),
    };
    let clean = text::clean_text(&text);
    text::check_text(&clean)
        .map(std::borrow::Cow::into_owned)
        .map_err(Unfit::Text)
}

pub(super) async fn from_stdin(context: &Context) -> Result<String, Failure> {
    if input::from_terminal() {
        return Err(Failure::usage("say what to send, or pipe it in"));
    }
    // Cleaning may shorten a text, so more than a text's size is read before it is judged.
    input::read_text(limits::FRAME_BYTES_MAX, context.deadline).await
}

fn rejected(error: &TextError) -> Option<Failure> {
    Some(Failure::new(Exit::Rejected, format!("not sent: {error}")))
}

fn tell(context: &Context, wait: &Waiting<'_>) {
    let out = context.out;
    match wait {
        Waiting::RateLimited(delay) => {
            out.remark(&format!(
                "rate-limited: sending in {:.1} s",
                delay.as_secs_f64()
            ));
        }
        Waiting::Retry(error, delay) => {
            out.remark(&format!(
                "{error}; trying again in {:.1} s",
                delay.as_secs_f64()
            ));
        }
    }
}

fn finish(context: &Context, report: &Report<'_>, failure: Option<Failure>) -> Result<(), Failure> {
    if context.out.json {
        context.out.value(report)?;
    }
    failure.map_or(Ok(()), Err)
}

#[derive(Clone, Copy)]
enum Outcome<'a> {
    Stored(&'a Sent),
    Failed(&'a ClientError),
    Unknown(&'a ClientError),
    Queued(&'a ClientError),
    Unfit(&'a TextError),
}

/// What `--json` prints; every key is always there.
#[derive(Debug, Serialize)]
struct Report<'a> {
    id: &'a MessageId,
    topic: &'a Name,
    seq: Option<Seq>,
    sent_at: Option<Time>,
    dup: bool,
    state: &'static str,
    code: Option<ErrorCode>,
}

impl<'a> Report<'a> {
    fn new(id: &'a MessageId, topic: &'a Name, outcome: Outcome<'a>) -> Self {
        let mut report = Report {
            id,
            topic,
            seq: None,
            sent_at: None,
            dup: false,
            state: "failed",
            code: None,
        };
        match outcome {
            Outcome::Stored(sent) => {
                report.topic = &sent.topic;
                report.seq = Some(sent.seq);
                report.sent_at = Some(sent.sent_at);
                report.dup = sent.dup;
                report.state = "stored";
            }
            Outcome::Failed(error) => report.code = code_of(error),
            Outcome::Unknown(error) => {
                report.state = "unknown";
                report.code = code_of(error);
            }
            Outcome::Queued(error) => {
                report.state = "queued";
                report.code = code_of(error);
            }
            Outcome::Unfit(TextError::TooLarge { .. }) => report.code = Some(ErrorCode::TooLarge),
            Outcome::Unfit(_) => report.code = Some(ErrorCode::Rejected),
        }
        report
    }
}

const fn code_of(error: &ClientError) -> Option<ErrorCode> {
    match error {
        ClientError::Refused(refusal) => Some(refusal.code),
        ClientError::NoSession(_) => Some(ErrorCode::Unauthorized),
        _ => None,
    }
}
