//! The outbox as commands use it: what is queued goes with the next command that reaches the server, and
//! `send --queue` leaves there what did not go.

use std::time::Duration;

use chat_proto::{MessageId, Name};

use super::Context;
use super::exit::Failure;
use super::out::Out;
use crate::client::Client;
use crate::client::cache::SetAside;
use crate::client::cache::outbox::{self, OutboxError, OutboxFile};
use crate::client::deliver::Delivered;
use crate::client::outbox::{Letter, LetterState};
use crate::clock::{self, Deadline};
use crate::config::Settings;

/// What was asked is done: nobody waits longer than this for what was queued before.
const COURIER_TIME: Duration = Duration::from_secs(4);

/// Takes along what is queued.
pub(super) struct Courier {
    settings: Settings,
    out: Out,
    /// Where the user set a time for the command.
    deadline: Option<Deadline>,
}

impl Courier {
    pub(super) fn of(context: &Context) -> Self {
        Self {
            settings: context.settings.clone(),
            out: context.out,
            deadline: context.timeout.map(|_| context.deadline),
        }
    }

    /// Sends what is queued, for a short time, and remarks on it. It never fails: the next command is another try.
    pub(super) async fn deliver_all(&self) -> Result<(), Failure> {
        if let Err(error) = self.try_deliver().await {
            self.out.remark(&format!("queued messages wait: {error}"));
        }
        Ok(())
    }

    async fn try_deliver(&self) -> Result<(), OutboxError> {
        // Most have no outbox, and most outboxes are empty: that costs no round trip.
        if self.settings.token.is_some() || !outbox_path(&self.settings).exists() {
            return Ok(());
        }
        let Ok(mut client) = Client::open(&self.settings) else {
            return Ok(());
        };
        let Some(mut queue) = Queue::open(&self.settings, self.out, &client)? else {
            return Ok(());
        };
        let mut letters = queue.file.letters()?;
        letters.retain(|letter| letter.state == LetterState::Queued);
        if letters.is_empty() {
            return Ok(());
        }
        let deadline = clock::deadline_in(COURIER_TIME);
        let deadline = self.deadline.map_or(deadline, |asked| asked.min(deadline));
        let delivered = client.deliver(letters, &mut queue.file, deadline).await?;
        queue.remark(&delivered);
        queue.remark_old(&delivered);
        Ok(())
    }
}

/// The outbox of the account that a command works with.
pub(super) struct Queue {
    file: OutboxFile,
    out: Out,
}

impl Queue {
    /// Opens it, and makes it if there is none; none for a token, of which no account is known.
    pub(super) fn open(
        settings: &Settings,
        out: Out,
        client: &Client,
    ) -> Result<Option<Self>, OutboxError> {
        let Some(owner) = client.owner() else {
            return Ok(None);
        };
        let (file, aside) = OutboxFile::open(&outbox_path(settings), &owner)?;
        if let Some(aside) = aside {
            tell_aside(out, &aside);
        }
        Ok(Some(Self { file, out }))
    }

    /// Puts a letter in, to go as one that was queued now. Says whether it was not there before.
    pub(super) fn put(&mut self, letter: &Letter) -> Result<bool, OutboxError> {
        let there = self.file.letters()?.iter().any(|old| old.id == letter.id);
        self.file.put(letter)?;
        if there {
            self.file.retry(&letter.id, letter.queued_at)?;
        }
        Ok(!there)
    }

    /// Takes a letter out.
    pub(super) fn remove(&mut self, id: &MessageId) -> Result<(), OutboxError> {
        self.file.remove(id)
    }

    /// Sends what was queued for `topic` before the message `id`, which must not overtake it.
    pub(super) async fn deliver_before(
        &mut self,
        id: &MessageId,
        topic: &Name,
        client: &mut Client,
        deadline: Deadline,
    ) -> Result<Delivered, OutboxError> {
        let letters = self.file.letters()?.into_iter();
        let earlier = letters.take_while(|letter| letter.id != *id);
        let earlier: Vec<Letter> = earlier
            .filter(|letter| letter.topic() == topic && letter.state == LetterState::Queued)
            .collect();
        if earlier.is_empty() {
            return Ok(Delivered::default());
        }
        let delivered = client.deliver(earlier, &mut self.file, deadline).await?;
        self.remark(&delivered);
        Ok(delivered)
    }

    fn remark(&self, delivered: &Delivered) {
        let out = self.out;
        match (delivered.sent, delivered.queued) {
            (0, _) => {}
            (sent, 0) => out.remark(&format!("{} sent", queued(sent))),
            (sent, left) => out.remark(&format!("{} sent, {left} still waiting", queued(sent))),
        }
        for letter in &delivered.failed {
            if let LetterState::Failed { sentence, .. } = &letter.state {
                let topic = letter.topic();
                out.remark(&format!(
                    "a queued message to {topic} was refused: {sentence}"
                ));
            }
        }
    }

    fn remark_old(&self, delivered: &Delivered) {
        if delivered.asks > 0 {
            self.out.remark(&format!(
                "{} waited for more than a day: chat-tui asks whether to send, or send it again with the same --id",
                queued(delivered.asks)
            ));
        }
    }
}

/// Whether the profile has an outbox.
pub(super) fn there_is_one(settings: &Settings) -> bool {
    outbox_path(settings).exists()
}

fn outbox_path(settings: &Settings) -> std::path::PathBuf {
    outbox::path(&settings.folders.profiles, &settings.profile)
}

fn tell_aside(out: Out, aside: &SetAside) {
    let (path, why, saved) = (aside.path.display(), &aside.why, aside.saved);
    out.complain(&format!(
        "the outbox was damaged ({why}): it is kept as {path}, and {saved} messages and drafts of it were saved"
    ));
}

/// So many queued messages, in words.
pub(super) fn queued(count: usize) -> String {
    match count {
        1 => "1 queued message".to_owned(),
        count => format!("{count} queued messages"),
    }
}
