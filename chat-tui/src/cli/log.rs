//! `log`: messages of one conversation, oldest first.

use chat_proto::{Message, Seq, Topic};

use super::Context;
use super::exit::Failure;
use super::show::Lines;
use crate::client::Client;
use crate::client::query::{PAGE_MESSAGES, Range};

/// What `log` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Log {
    /// A person or a group: ann, @ann, ops, '#ops'.
    topic: Topic,
    /// So many messages at the most.
    #[arg(long, env = "CHAT_LOG_LIMIT", default_value_t = 50, value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..=100_000))]
    limit: u64,
    /// The last ones below this number.
    #[arg(long, env = "CHAT_LOG_BEFORE", value_name = "SEQ", value_parser = seq)]
    before: Option<Seq>,
    /// The first ones above this number.
    #[arg(long, env = "CHAT_LOG_AFTER", value_name = "SEQ", value_parser = seq, conflicts_with = "before")]
    after: Option<Seq>,
    /// Those around this number.
    #[arg(long, env = "CHAT_LOG_AROUND", value_name = "SEQ", value_parser = seq, conflicts_with_all = ["before", "after"])]
    around: Option<Seq>,
}

fn seq(text: &str) -> Result<Seq, String> {
    text.parse()
        .map(Seq)
        .map_err(|_| "the number of a message is a whole number".to_owned())
}

impl Log {
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        let mut client = context.client()?;
        let messages = match (self.before, self.after, self.around) {
            (_, Some(after), _) => self.forward(&context, &mut client, after).await?,
            (_, _, Some(around)) => {
                let range = Range::Around(around);
                let limit = self.limit.min(PAGE_MESSAGES);
                let page = client
                    .page(&self.topic, range, limit, context.deadline)
                    .await?;
                page.messages
            }
            (before, None, None) => self.backward(&context, &mut client, before).await?,
        };
        let mut lines = Lines::new(client.name().cloned());
        if let Some(sigil) = self.topic.sigil {
            lines.learn(&self.topic.name, sigil);
        }
        for message in &messages {
            lines.learn_from(message);
        }
        for message in &messages {
            lines.print(context.out, message)?;
        }
        Ok(())
    }

    /// From a number on upwards, page by page.
    async fn forward(
        &self,
        context: &Context,
        client: &mut Client,
        after: Seq,
    ) -> Result<Vec<Message>, Failure> {
        let mut messages: Vec<Message> = Vec::new();
        let mut at = after;
        while let Some(limit) = self.still_wanted(messages.len()) {
            let range = Range::After(at);
            let page = client
                .page(&self.topic, range, limit, context.deadline)
                .await?;
            // Numbers that do not grow would keep us here for ever.
            let Some(last) = page
                .messages
                .last()
                .map(|last| last.seq)
                .filter(|seq| *seq > at)
            else {
                break;
            };
            at = last;
            messages.extend(page.messages);
            if !page.more {
                break;
            }
        }
        messages.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        Ok(messages)
    }

    /// From a number, or the end, downwards, page by page.
    async fn backward(
        &self,
        context: &Context,
        client: &mut Client,
        before: Option<Seq>,
    ) -> Result<Vec<Message>, Failure> {
        let mut pages: Vec<Vec<Message>> = Vec::new();
        let mut count = 0;
        let mut at = before;
        while let Some(limit) = self.still_wanted(count) {
            let range = at.map_or(Range::Latest, Range::Before);
            let page = client
                .page(&self.topic, range, limit, context.deadline)
                .await?;
            let lower = |seq: &Seq| at.is_none_or(|at| *seq < at);
            let Some(first) = page.messages.first().map(|first| first.seq).filter(lower) else {
                break;
            };
            at = Some(first);
            count += page.messages.len();
            pages.push(page.messages);
            if !page.more {
                break;
            }
        }
        Ok(pages.into_iter().rev().flatten().collect())
    }

    /// How many the next page may have, if any are still wanted.
    fn still_wanted(&self, have: usize) -> Option<u64> {
        let have = u64::try_from(have).unwrap_or(u64::MAX);
        let left = self.limit.checked_sub(have).filter(|left| *left > 0)?;
        Some(left.min(PAGE_MESSAGES))
    }
}
