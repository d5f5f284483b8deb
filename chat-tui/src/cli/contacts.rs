//! `contacts`: the conversations ranked by last chat; with a QUERY those that match, and people found by name.

use chat_proto::{Conversation, PresenceState, Safe};

use super::Context;
use super::exit::Failure;
use super::show::{Lines, said};

/// What `contacts` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Contacts {
    /// Search names instead.
    query: Option<String>,
    /// So many conversations at the most.
    #[arg(long, env = "CHAT_CONTACTS_LIMIT", default_value_t = 15, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
}

impl Contacts {
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        let mut client = context.client()?;
        let limit = usize::from(self.limit);
        let conversations = match &self.query {
            None => client.conversations(limit, context.deadline).await?,
            Some(query) => {
                let mut all = client.all_conversations(context.deadline).await?;
                all.retain(|conversation| matches(conversation, query));
                all.truncate(limit);
                all
            }
        };
        let mut lines = Lines::new(client.name().cloned());
        lines.learn_all(&conversations);
        for conversation in &conversations {
            match context.out.json {
                true => context.out.value(conversation)?,
                false => context.out.line(&line(&lines, conversation))?,
            }
        }
        let Some(query) = &self.query else {
            return Ok(());
        };
        for person in client.people(query, context.deadline).await? {
            if conversations
                .iter()
                .any(|conversation| conversation.topic == person.name)
            {
                continue;
            }
            match context.out.json {
                true => context.out.value(&person)?,
                false => context.out.line(&format!(
                    "{:<33} {}",
                    format!("@{}", person.name),
                    Safe::line(&person.display_name)
                ))?,
            }
        }
        Ok(())
    }
}

fn matches(conversation: &Conversation, query: &str) -> bool {
    let query = query.trim_start_matches(['@', '#']).to_lowercase();
    conversation.topic.as_str().contains(&query)
        || conversation.title.to_lowercase().contains(&query)
}

/// Address, unread, presence, time and the last words, in columns.
fn line(lines: &Lines, conversation: &Conversation) -> String {
    let presence = conversation
        .presence
        .as_ref()
        .map(|presence| presence.state);
    let presence = match presence {
        Some(PresenceState::Online) => "online",
        Some(PresenceState::Away) => "away",
        Some(PresenceState::Dnd) => "dnd",
        Some(PresenceState::Offline) => "offline",
        None => "",
    };
    let last = conversation.last_message.as_ref();
    let (time, words) = last.map_or_else(Default::default, |message| {
        let words = said(message);
        let first = words.lines().next().unwrap_or_default().to_owned();
        (lines.time(message.sent_at), first)
    });
    let topic = lines.topic(&conversation.topic);
    let row = format!(
        "{topic:<33} {:>5} {presence:<7} {time:<16} {words}",
        conversation.unread
    );
    row.trim_end().to_owned()
}
