//! `logout`: ends the session at the server and forgets its tokens, the latter also when the server is away.

use super::Context;
use super::exit::{Exit, Failure};
use super::queue::Courier;
use crate::client::account;
use crate::client::error::ClientError;

/// What `logout` takes: nothing of its own.
#[derive(Debug, clap::Args)]
pub(super) struct Logout {}

impl Logout {
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        // Without a log-in nothing goes any more.
        Courier::of(&context).deliver_all().await?;
        let fixed = context.settings.token.is_some();
        match account::log_out(&context.settings, context.deadline).await {
            Ok(()) => {
                context.out.remark("logged out");
                Ok(())
            }
            Err(error @ (ClientError::NoSession(_) | ClientError::Session(_))) => Err(error.into()),
            Err(error) if fixed => Err(error.into()),
            // The session has ended already: what was asked holds.
            Err(error) if Exit::from(&error) == Exit::Unauthenticated => Ok(()),
            Err(error) => Err(Failure::new(
                Exit::from(&error),
                format!(
                    "the tokens are removed, but the server could not be told to end the session: {error}"
                ),
            )),
        }
    }
}
