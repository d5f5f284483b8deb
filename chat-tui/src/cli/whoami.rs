//! `whoami`: asks the server who the tokens stand for.

use chat_proto::Safe;
use chat_proto::api::Me;

use super::Context;
use super::exit::Failure;
use crate::client::http::Call;

/// What `whoami` takes: nothing of its own.
#[derive(Debug, clap::Args)]
pub(super) struct Whoami {}

impl Whoami {
    pub(super) async fn run(self, context: Context) -> Result<(), Failure> {
        let mut client = context.client()?;
        let me: Me = client.ask(&Call::get("/v1/me"), context.deadline).await?;
        if context.out.json {
            return context.out.value(&me);
        }
        context.out.line(Safe::line(me.name.as_str()).as_str())
    }
}
