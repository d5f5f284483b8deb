//! `groups`: the groups that one is in; and making one, its members, adding, removing, leaving.

use chat_proto::api::{Group, NewGroup};
use chat_proto::text;
use chat_proto::{MessageId, Role, Safe, Topic};
use clap::builder::FalseyValueParser;

use super::exit::{Exit, Failure};
use super::{Context, send};

/// What `groups` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Groups {
    #[command(subcommand)]
    command: Option<GroupCommand>,
}

#[derive(Debug, clap::Subcommand)]
enum GroupCommand {
    /// Make a group; it comes into being with its first message.
    Create(Create),
    /// Say who is in a group.
    Members {
        /// Which group.
        group: Topic,
    },
    /// Add people.
    Add {
        /// To which group.
        group: Topic,
        /// Who.
        #[arg(required = true)]
        users: Vec<Topic>,
    },
    /// Remove people.
    Remove {
        /// From which group.
        group: Topic,
        /// Who.
        #[arg(required = true)]
        users: Vec<Topic>,
    },
    /// Leave a group.
    Leave {
        /// Which group.
        group: Topic,
    },
}

/// What `groups create` takes.
#[derive(Debug, clap::Args)]
struct Create {
    /// Its name, in the same namespace as people.
    name: Topic,
    /// The first message; without it, or with -, standard input if that is no terminal.
    text: Vec<String>,
    /// The members beside oneself.
    #[arg(
        long,
        env = "CHAT_GROUP_USERS",
        value_delimiter = ',',
        value_name = "A,B"
    )]
    users: Vec<Topic>,
    /// What is shown; the users' names by default.
    #[arg(long, env = "CHAT_GROUP_TITLE")]
    title: Option<String>,
    /// Anyone may subscribe.
    #[arg(long, env = "CHAT_GROUP_PUBLIC", value_parser = FalseyValueParser::new())]
    public: bool,
    /// The first message's id: the same id is the same message for ever, so a repeat is harmless.
    #[arg(long, env = "CHAT_SEND_ID", value_name = "KEY")]
    id: Option<MessageId>,
}

impl Groups {
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        match self.command {
            None => list(&context).await,
            Some(GroupCommand::Create(create)) => create.run(&context).await,
            Some(GroupCommand::Members { group }) => members(&context, &group).await,
            Some(GroupCommand::Add { group, users }) => {
                let mut client = context.client()?;
                for user in &users {
                    client
                        .add_member(&group.name, &user.name, context.deadline)
                        .await?;
                }
                Ok(())
            }
            Some(GroupCommand::Remove { group, users }) => {
                let mut client = context.client()?;
                for user in &users {
                    client
                        .remove_member(&group.name, &user.name, context.deadline)
                        .await?;
                }
                Ok(())
            }
            Some(GroupCommand::Leave { group }) => {
                let mut client = context.client()?;
                let me = client.own_name(context.deadline).await?;
                Ok(client
                    .remove_member(&group.name, &me, context.deadline)
                    .await?)
            }
        }
    }
}

impl Create {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let words = match self.text.as_slice() {
            [] => send::from_stdin(context).await?,
            [dash] if dash == "-" => send::from_stdin(context).await?,
            words => words.join(" "),
        };
        let clean = text::clean_text(&words);
        let text = text::check_text(&clean)
            .map_err(|error| Failure::new(Exit::Rejected, error.to_string()))?;
        let group = NewGroup {
            name: Some(self.name.name.to_string()),
            title: self.title,
            users: self.users,
            text: text.into_owned(),
            public: self.public,
            id: Some(self.id.unwrap_or_else(MessageId::generate)),
        };
        let created = context
            .client()?
            .create_group(&group, context.deadline)
            .await?;
        match context.out.json {
            true => context.out.value(&created),
            false => context.out.line(&format!("#{}", created.topic)),
        }
    }
}

async fn list(context: &Context) -> Result<(), Failure> {
    for group in context.client()?.groups(context.deadline).await? {
        match context.out.json {
            true => context.out.value(&group)?,
            false => context.out.line(&line(&group))?,
        }
    }
    Ok(())
}

async fn members(context: &Context, group: &Topic) -> Result<(), Failure> {
    let members = context
        .client()?
        .members(&group.name, context.deadline)
        .await?;
    for member in members {
        match context.out.json {
            true => context.out.value(&member)?,
            false => context
                .out
                .line(&format!("@{:<32} {}", member.name, role(member.role)))?,
        }
    }
    Ok(())
}

fn line(group: &Group) -> String {
    let topic = format!("#{}", group.topic);
    let members = match group.members {
        1 => "1 member".to_owned(),
        more => format!("{more} members"),
    };
    let kind = if group.public { "public" } else { "private" };
    let role = group.role.map_or("", role);
    format!(
        "{topic:<33} {kind:<7} {members:<12} {role:<9} {}",
        Safe::line(&group.title)
    )
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Member => "member",
        Role::ReadOnly => "read-only",
    }
}
