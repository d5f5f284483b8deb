//! `register`: a new account, and a log-in with it.

use chat_proto::api::NewAccount;

use super::Context;
use super::exit::Failure;
use super::login::{self, Typing, Who};
use crate::client::account::Entry;

/// What `register` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Register {
    #[command(flatten)]
    who: Who,
    /// The code or the link of an invite.
    #[arg(long, env = "CHAT_INVITE", value_name = "CODE", hide_env_values = true)]
    invite: Option<String>,
    /// The name that others are shown.
    #[arg(long, env = "CHAT_DISPLAY_NAME", value_name = "NAME")]
    display_name: Option<String>,
    /// An address for the operator; no other user ever sees it.
    #[arg(long, env = "CHAT_EMAIL", value_name = "ADDRESS")]
    email: Option<String>,
}

impl Register {
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        let server = login::server(&context, self.invite.as_deref()).await?;
        let name = self.who.name(&context).await?;
        let password = self.who.password(&context, Typing::Twice).await?;
        let device = self.who.device();
        let entry = Entry::Register(NewAccount {
            name,
            password,
            display_name: self.display_name,
            email: self.email,
            invite: self.invite,
            device: Some(device),
        });
        login::enter(&context, server, &entry).await
    }
}
