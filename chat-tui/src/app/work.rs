//! What is done beside the loop: the agent on a thread of its own, getting in, and the user's editor.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use chat_proto::Name;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::editor;
use super::msg::{Credentials, Msg, Refused};
use super::run::{INBOX_MAX, Input};
use crate::client::Client;
use crate::client::account::{self, Entry};
use crate::client::address::ServerUrl;
use crate::client::agent::{Agent, Ask, News};
use crate::client::error::ClientError;
use crate::client::outbox::{Letter, LetterState};
use crate::clock;
use crate::config::Settings;

/// Questions on their way to the agent.
const ASKS_MAX: usize = 256;
/// Getting in takes no longer: a password costs the server a moment.
const ENTER_TIME: Duration = Duration::from_secs(20);
/// The agent writes what is open and says goodbye; it is not waited for longer.
const FINISH_TIME: Duration = Duration::from_secs(8);
/// While it does, what it says is taken, and what it has no room for is offered, so often.
const FINISH_STEP: Duration = Duration::from_millis(5);

/// What runs beside the loop.
pub(crate) struct Work {
    settings: Settings,
    put: SyncSender<Input>,
    agent: Option<Running>,
    /// What the agent had no room for, in order. It grows no faster than a person types, and drafts replace each other.
    backlog: VecDeque<Ask>,
}

/// Messages that are neither on the server nor on the disk when the program ends.
#[derive(Debug)]
pub(crate) struct Lost {
    /// Whether that is known; where the disk did not answer in time, they may be on it all the same.
    known: bool,
    /// Their words.
    texts: Vec<String>,
}

impl Lost {
    fn of<'a>(known: bool, letters: impl IntoIterator<Item = &'a Letter>) -> Self {
        let texts = letters
            .into_iter()
            .map(|letter| letter.publish.text.clone());
        Self {
            known,
            texts: texts.collect(),
        }
    }
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.known {
            true => "not sent, and no room to keep it:",
            false => {
                "the disk did not answer, so what was written last may be neither sent nor kept:"
            }
        })?;
        // On one line: what prints it shows line ends of a text as such.
        self.texts
            .iter()
            .try_for_each(|text| write!(f, " \"{text}\""))
    }
}

/// The agent's thread and the way to it.
struct Running {
    asks: mpsc::Sender<Ask>,
    thread: JoinHandle<()>,
    /// The letters that it could not keep, at its end.
    done: Receiver<Vec<Letter>>,
}

impl Work {
    pub(crate) const fn new(settings: Settings, put: SyncSender<Input>) -> Self {
        Self {
            settings,
            put,
            agent: None,
            backlog: VecDeque::new(),
        }
    }

    /// Starts the agent of the profile's log-in.
    ///
    /// # Errors
    /// When nobody is logged in, or the system gives no thread.
    pub(crate) fn begin(&mut self, me: Name) -> Result<(), ClientError> {
        let clients = (Client::open(&self.settings)?, Client::open(&self.settings)?);
        let (asks, asked) = mpsc::channel(ASKS_MAX);
        let (settings, put, failed) = (self.settings.clone(), self.put.clone(), self.put.clone());
        let (done_put, done) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::spawn(move || {
            let told = put.clone();
            let tell = Box::new(move |news| told.send(Input::News(news)).is_ok());
            let ran = on_a_runtime(async move {
                let unkept = match Agent::start(&settings, clients, me, tell) {
                    Ok(agent) => agent.run(asked).await,
                    Err(error) => {
                        let _ = put.send(Input::News(News::Remark(error.to_string())));
                        Vec::new()
                    }
                };
                crate::client::renewals_done().await;
                unkept
            });
            let unkept = ran.unwrap_or_else(|error| {
                let _ = failed.send(Input::News(News::Remark(error.to_string())));
                Vec::new()
            });
            // The loop may be gone already; then nobody waits.
            let _ = done_put.send(unkept);
        });
        self.agent = Some(Running { asks, thread, done });
        Ok(())
    }

    /// Starts the agent of the log-in that was just made.
    ///
    /// # Errors
    /// As [`Work::begin`].
    pub(crate) fn begin_saved(&mut self) -> Result<ServerUrl, ClientError> {
        let client = Client::open(&self.settings)?;
        let ended = || ClientError::NoSession("nobody is logged in".to_owned());
        let name = client.name().cloned().ok_or_else(ended)?;
        self.begin(name)?;
        Ok(client.server().clone())
    }

    /// Asks the agent, without waiting for it.
    pub(crate) fn ask(&mut self, ask: Ask) {
        if let Ask::Draft(topic, _) = &ask {
            let replaced = |waiting: &Ask| matches!(waiting, Ask::Draft(of, _) if of == topic);
            self.backlog.retain(|waiting| !replaced(waiting));
        }
        self.backlog.push_back(ask);
        self.push();
    }

    /// Whether something waits for room at the agent.
    pub(crate) fn crowded(&self) -> bool {
        self.agent.is_some() && !self.backlog.is_empty()
    }

    /// Hands the agent what it has room for.
    pub(crate) fn push(&mut self) {
        if let Some(agent) = &self.agent {
            offer(&agent.asks, &mut self.backlog);
        }
    }

    /// Gets in, and answers with [`Msg::Entered`].
    pub(crate) fn enter(&self, credentials: Credentials) {
        let (settings, put) = (self.settings.clone(), self.put.clone());
        std::thread::spawn(move || {
            let result = on_a_runtime(get_in(&settings, credentials));
            let result = result.unwrap_or_else(|error| {
                Err(Refused {
                    why: error.to_string(),
                    unreachable: true,
                })
            });
            let _ = put.send(Input::Done(Msg::Entered(result)));
        });
    }

    /// Writes `text` in the user's editor, and answers with [`Msg::Edited`].
    pub(crate) fn edit_beside(&self, text: &str) {
        let (folder, text) = (self.settings.folders.profiles.clone(), text.to_owned());
        let put = self.put.clone();
        std::thread::spawn(move || {
            let edited = editor::edit(&folder, &text);
            let _ = put.send(Input::Done(Msg::Edited(edited)));
        });
    }

    /// Ends the agent: when this returns, what was typed is on disk. Nobody else takes what it says any more, so
    /// `inbox` is emptied here: it would wait for room in it, and take nothing itself.
    ///
    /// # Errors
    /// [`Lost`], with what could not be written; of `shown` what waits, where nobody knows.
    pub(crate) fn finish(&mut self, inbox: &Receiver<Input>, shown: &[Letter]) -> Result<(), Lost> {
        let deadline = clock::deadline_in(FINISH_TIME);
        let Some(Running { asks, thread, done }) = self.agent.take() else {
            return Ok(());
        };
        let mut asks = Some(asks);
        while !clock::time_left(deadline).is_zero() {
            // Once it is asked no more, it comes to its end.
            asks.take_if(|asks| offer(asks, &mut self.backlog));
            match done.recv_timeout(FINISH_STEP) {
                Err(RecvTimeoutError::Timeout) => {
                    inbox.try_iter().take(INBOX_MAX).for_each(drop);
                }
                Ok(letters) if !letters.is_empty() => return Err(Lost::of(true, &letters)),
                Ok(_) | Err(RecvTimeoutError::Disconnected) => {
                    let _ = thread.join();
                    return Ok(());
                }
            }
        }
        let waits = |letter: &&Letter| letter.state == LetterState::Queued;
        Err(Lost::of(false, shown.iter().filter(waits)))
    }
}

/// Hands over what there is room for; says whether nothing is left to be handed over.
fn offer(asks: &mpsc::Sender<Ask>, backlog: &mut VecDeque<Ask>) -> bool {
    while let Some(ask) = backlog.pop_front() {
        match asks.try_send(ask) {
            Ok(()) => {}
            Err(TrySendError::Full(ask)) => {
                backlog.push_front(ask);
                return false;
            }
            // It ended by itself and has said why.
            Err(TrySendError::Closed(_)) => return true,
        }
    }
    true
}

async fn get_in(settings: &Settings, credentials: Credentials) -> Result<(), Refused> {
    let refused = |why: String, unreachable| Refused { why, unreachable };
    let server =
        ServerUrl::parse(&credentials.server).map_err(|error| refused(error.to_string(), true))?;
    let device = Some(account::device_name());
    let entry = match credentials.new {
        true => Entry::Register(chat_proto::api::NewAccount {
            name: credentials.name,
            password: credentials.password,
            display_name: None,
            email: None,
            invite: credentials.invite,
            device,
        }),
        false => Entry::LogIn(chat_proto::api::LogIn {
            name: credentials.name,
            password: credentials.password,
            device,
        }),
    };
    let deadline = clock::deadline_in(ENTER_TIME);
    match account::enter(settings, server, &entry, deadline).await {
        Ok(_) => Ok(()),
        Err(ClientError::Refused(refusal)) => Err(refused(refusal.message, false)),
        Err(error @ ClientError::Session(_)) => Err(refused(error.to_string(), false)),
        Err(error) => Err(refused(error.to_string(), true)),
    }
}

/// Runs a future on a runtime of this thread.
pub(super) fn on_a_runtime<T>(future: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let value = runtime.block_on(future);
    // A name that is still being looked up must not hold up the end.
    runtime.shutdown_background();
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::run::inbox;
    use crate::client::address::ServerUrl;
    use crate::client::scripted_tests::settings;

    fn draft(at: usize) -> Ask {
        let topic = Name::parse(&format!("topic-{at}")).expect("a name");
        Ask::Draft(topic, "half a".to_owned())
    }

    #[test]
    fn d16p_what_was_typed_reaches_an_agent_that_has_much_to_say_at_the_end() {
        let server = ServerUrl::parse("http://127.0.0.1:9").expect("a url");
        let (put, inbox) = inbox();
        let home = std::path::Path::new("/nowhere");
        let mut work = Work::new(settings(server, Some("T"), home), put.clone());
        let (asks, mut asked) = mpsc::channel(4);
        let (done_put, done) = std::sync::mpsc::sync_channel(1);
        let (got_put, got) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::spawn(move || {
            let mut got = Vec::new();
            while let Some(ask) = asked.blocking_recv() {
                got.push(ask);
                // More than the inbox holds by far, and it waits for room as the real one does.
                for _ in 0..INBOX_MAX {
                    put.send(Input::News(News::Beyond(1))).expect("heard");
                }
            }
            got_put.send(got).expect("wanted");
            done_put.send(Vec::new()).expect("awaited");
        });
        work.agent = Some(Running { asks, thread, done });
        (0..20).for_each(|at| work.ask(draft(at)));
        work.finish(&inbox, &[]).expect("all is kept");
        let got = got.try_recv().expect("it came to its end");
        assert_eq!(got, (0..20).map(draft).collect::<Vec<_>>());
    }
}
