//! `tail`: follows conversations as lines or JSON lines, over any number of connections, each message once and in order.

use std::collections::BTreeSet;
use std::time::Duration;

use chat_proto::{Conversation, Event, Message, Name, Rev, Seq, Topic};
use clap::builder::FalseyValueParser;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Context;
use super::exec::Program;
use super::exit::{Exit, Failure};
use super::out;
use super::queue::Courier;
use super::show::{Lines, as_on_the_socket, sigil_of};
use super::since::Since;
use crate::client::Client;
use crate::client::link::{EVENTS_MAX, Link, LinkEvent, LinkOptions};
use crate::client::query::{PAGE_MESSAGES, Range};
use crate::client::sync::{Delivery, Stranger, Sync};
use crate::clock::{self, Deadline};

/// Time to say goodbye to the server.
const FAREWELL: Duration = Duration::from_millis(500);

/// What `tail` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Tail {
    /// Only these conversations: ann, @ann, ops, '#ops'.
    topics: Vec<Topic>,
    /// Begin with the messages above a number (of one conversation), from a time on, of the last 10m, or with all;
    /// by default from now on.
    #[arg(long, env = "CHAT_TAIL_SINCE", value_name = "SEQ|TIME|10m|all", value_parser = Since::parse)]
    since: Option<Since>,
    /// Leave out one's own messages, sent by other sessions.
    #[arg(long, env = "CHAT_TAIL_NO_SELF", value_parser = FalseyValueParser::new())]
    no_self: bool,
    /// End well after so many messages. With --timeout it is 7 if they do not come; without this --timeout ends it well.
    #[arg(long, env = "CHAT_TAIL_EXIT_AFTER", value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..))]
    exit_after: Option<u64>,
    /// Run this program for each message, in order, with the message as JSON on its standard input, instead of
    /// printing it. It is started as it is, never through a shell.
    #[arg(long, env = "CHAT_TAIL_EXEC", value_name = "PROGRAM")]
    exec: Option<Program>,
}

impl Tail {
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        if matches!(self.since, Some(Since::Seq(_))) && self.topics.len() != 1 {
            return Err(Failure::usage("--since SEQ needs exactly one conversation"));
        }
        let mut client = context.client()?;
        let conversations = client.all_conversations(context.deadline).await?;
        self.check_topics(&context, &mut client, &conversations)
            .await?;
        // It may go on for ever, so what is queued does not wait for its end.
        Courier::of(&context).deliver_all().await?;
        let me = client.own_name(context.deadline).await?;
        let mut lines = Lines::new(Some(me.clone()));
        lines.learn_all(&conversations);
        let since = self.since.map(|since| since.at(clock::wall()));
        let mut follower = Follower {
            chosen: self.topics.iter().map(|topic| topic.name.clone()).collect(),
            me,
            since,
            lines,
            context: &context,
            left: self.exit_after,
            tail: &self,
        };
        let sync = follower.begin(&mut client, &conversations).await?;
        let end = context.timeout.map(clock::deadline_in);
        follower.follow(client, sync, end).await
    }

    /// A conversation that is not there yet may come; one that may not be read is told at once.
    async fn check_topics(
        &self,
        context: &Context,
        client: &mut Client,
        conversations: &[Conversation],
    ) -> Result<(), Failure> {
        for topic in &self.topics {
            let known = conversations
                .iter()
                .find(|conversation| conversation.topic == topic.name);
            let Some(known) = known else {
                let range = Range::Latest;
                client.page(topic, range, 1, context.deadline).await?;
                continue;
            };
            if topic
                .sigil
                .is_some_and(|sigil| sigil != sigil_of(known.kind))
            {
                let why = format!("{topic} is of the other kind: a person is @name, a group #name");
                return Err(Failure::new(Exit::Refused, why));
            }
        }
        Ok(())
    }
}

/// One run of `tail`.
struct Follower<'a> {
    /// Empty for all.
    chosen: BTreeSet<Name>,
    me: Name,
    since: Option<Since>,
    lines: Lines,
    context: &'a Context,
    /// How many messages are still to come, where there is an end.
    left: Option<u64>,
    tail: &'a Tail,
}

/// Whether there is more to do.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Done,
}

impl Follower<'_> {
    /// Where each conversation begins. All are named, so that what is not named is known to be new.
    async fn begin(
        &self,
        client: &mut Client,
        conversations: &[Conversation],
    ) -> Result<Sync, Failure> {
        let mut sync = Sync::new(Stranger::IsNew);
        for conversation in conversations {
            let rev = match self.since {
                Some(since) if self.chooses(&conversation.topic) => {
                    self.begin_since(client, conversation, since).await?
                }
                _ => conversation.rev,
            };
            sync.begin(conversation.topic.clone(), rev);
        }
        Ok(sync)
    }

    /// A change not above the first message that is wanted. A message's `rev` is never below its `seq`, so what
    /// is above a message is above the change that has its number; what comes too early is left out.
    async fn begin_since(
        &self,
        client: &mut Client,
        conversation: &Conversation,
        since: Since,
    ) -> Result<Rev, Failure> {
        let seq = match since {
            Since::All => Seq(0),
            Since::Seq(seq) => seq,
            Since::Time(_) | Since::Ago(_) => self.last_before(client, conversation, since).await?,
        };
        Ok(Rev(seq.0).min(conversation.rev))
    }

    /// The last message that is not wanted, looked for from the end.
    async fn last_before(
        &self,
        client: &mut Client,
        conversation: &Conversation,
        since: Since,
    ) -> Result<Seq, Failure> {
        let Some(last) = &conversation.last_message else {
            return Ok(Seq(conversation.rev.0));
        };
        if !since.wants(last) {
            return Ok(Seq(conversation.rev.0));
        }
        let topic = Topic::from(conversation.topic.clone());
        let mut at = last.seq;
        loop {
            let range = Range::Before(at);
            let deadline = self.context.deadline;
            let page = client.page(&topic, range, PAGE_MESSAGES, deadline).await?;
            let older = page
                .messages
                .iter()
                .rev()
                .find(|message| !since.wants(message));
            if let Some(older) = older {
                return Ok(older.seq);
            }
            match page.messages.first() {
                Some(first) if page.more && first.seq < at => at = first.seq,
                _ => return Ok(Seq(0)),
            }
        }
    }

    async fn follow(
        &mut self,
        client: Client,
        sync: Sync,
        end: Option<Deadline>,
    ) -> Result<(), Failure> {
        let (tell, mut events) = mpsc::channel(EVENTS_MAX);
        // Nothing is sent by this end; it is held as long as the link is wanted.
        let (requests, heard) = mpsc::channel(1);
        let options = LinkOptions {
            background: true,
            ..LinkOptions::default()
        };
        let link = tokio::spawn(Link::new(client, sync, options).run(tell, heard));
        let result = self.watch(&mut events, end).await;
        drop(events);
        drop(requests);
        match timeout(FAREWELL, link).await {
            // The link gave up; that is why nothing comes any more.
            Ok(Ok(Err(error))) => Err(error.into()),
            _ => result,
        }
    }

    async fn watch(
        &mut self,
        events: &mut mpsc::Receiver<LinkEvent>,
        end: Option<Deadline>,
    ) -> Result<(), Failure> {
        let over = async {
            match end {
                Some(end) => tokio::time::sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(over);
        let gone = out::reader_gone();
        tokio::pin!(gone);
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                () = &mut over => return self.time_is_over(),
                () = &mut gone => return Ok(()),
            };
            let next = match event {
                Some(event) => tokio::select! {
                    next = self.handle(event) => next?,
                    () = &mut over => return self.time_is_over(),
                },
                None => return Err(Failure::new(Exit::Unexpected, "the connection ended")),
            };
            if next == Next::Done {
                return Ok(());
            }
        }
    }

    fn time_is_over(&self) -> Result<(), Failure> {
        match self.left {
            None => Ok(()),
            Some(left) => Err(Failure::new(
                Exit::TimedOut,
                format!("{left} of the messages did not come in time"),
            )),
        }
    }

    async fn handle(&mut self, event: LinkEvent) -> Result<Next, Failure> {
        let out = self.context.out;
        match event {
            LinkEvent::Came(Delivery::Log(Event::Message(message))) => {
                return self.handle_message(&message).await;
            }
            LinkEvent::Came(Delivery::Live(_)) => out.remark("connected"),
            LinkEvent::Came(Delivery::Missing { topic, from, to }) if self.chooses(&topic) => {
                let topic = self.lines.topic(&topic);
                out.complain(&format!(
                    "{topic}: the changes {from} to {to} cannot be had"
                ));
            }
            LinkEvent::Came(Delivery::Reset) => {
                out.complain("the server's store was replaced by another; it begins anew");
            }
            LinkEvent::Came(_) => {}
            LinkEvent::Down { why, retry_in } => {
                let seconds = retry_in.as_secs_f64();
                out.remark(&format!("{why}; trying again in {seconds:.1} s"));
            }
        }
        Ok(Next::GoOn)
    }

    async fn handle_message(&mut self, message: &Message) -> Result<Next, Failure> {
        let own = self.tail.no_self && message.from.name == self.me;
        let early = self.since.is_some_and(|since| !since.wants(message));
        if own || early || !self.chooses(&message.topic) {
            return Ok(Next::GoOn);
        }
        self.lines.learn_from(message);
        match &self.tail.exec {
            None => self.lines.print(self.context.out, message)?,
            Some(program) => {
                let json = as_on_the_socket(message);
                if let Some(complaint) = program.run(&json).await? {
                    self.context.out.complain(&complaint);
                }
            }
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        Ok(match self.left {
            Some(0) => Next::Done,
            _ => Next::GoOn,
        })
    }

    fn chooses(&self, topic: &Name) -> bool {
        self.chosen.is_empty() || self.chosen.contains(topic)
    }
}
