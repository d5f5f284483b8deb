//! `send`: one message, done when the server has it on disk, and honest about it when that is not known.

use chat_proto::api::{NewMessage, Sent};
use chat_proto::text::{self, TextError};
use chat_proto::{ErrorCode, Kind, MessageId, Name, Seq, Time, Topic, limits};
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::{Context, input};
use crate::client::Client;
use crate::client::error::ClientError;
use crate::client::send::{Sending, Waiting};

/// What `send` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Send {
    /// A person or a group: ann, @ann, ops, '#ops'.
    topic: Topic,
    /// The words; without them, or with -, standard input if that is no terminal, less one trailing newline.
    /// Words that begin with - come after --.
    text: Vec<String>,
    /// The message's id: the same id is the same message for ever, so a repeat is harmless.
    #[arg(long, env = "CHAT_SEND_ID", value_name = "KEY")]
    id: Option<MessageId>,
}

impl Send {
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        let id = self.id.unwrap_or_else(MessageId::generate);
        let report = |outcome| Report::new(&id, &self.topic.name, outcome);
        let text = match text_to_send(&self.text, &context).await {
            Ok(text) => text,
            Err(Unfit::Text(error)) => {
                return finish(&context, &report(Outcome::Unfit(&error)), rejected(&error));
            }
            Err(Unfit::Input(failure)) => return Err(failure),
        };
        let message = NewMessage {
            topic: self.topic.clone(),
            text,
            id: Some(id.clone()),
            kind: Kind::Text,
            lang: None,
            reply_to: None,
            thread: None,
            file: None,
            meta: None,
        };
        let sending = match Client::open(&context.settings) {
            Ok(mut client) => {
                let tell = |wait: Waiting<'_>| tell(&context, &wait);
                client.send(message, context.deadline, tell).await
            }
            Err(error) => Sending::Failed(error),
        };
        match sending {
            Sending::Stored(sent) => finish(&context, &report(Outcome::Stored(&sent)), None),
            Sending::Failed(error) => {
                let failure = Failure::new(Exit::from(&error), format!("not sent: {error}"));
                finish(&context, &report(Outcome::Failed(&error)), Some(failure))
            }
            Sending::Unknown(error) => {
                let sentence = format!(
                    "it is not known whether the message was stored; repeat it with --id '{id}': {error}"
                );
                let failure = Failure::new(Exit::TimedOut, sentence);
                finish(&context, &report(Outcome::Unknown(&error)), Some(failure))
            }
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
