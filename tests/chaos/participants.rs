//! Who takes part in a run: senders that repeat with the same id until they know, receivers that resume until they have all.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chat_proto::{Action, Event, Message, MessageId, Name, Request, Rev, codec};
use chat_tests::client::publish;
use chat_tests::receiver::{Receiver, Told};
use chat_tests::recorder::{Entry, Recorder, Seen};
use chat_tests::{Person, TestClient};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message as Frame;

/// How long an answer may take before the connection is given up.
const ANSWER: Duration = Duration::from_secs(5);
/// The pause before the next try to connect, at first and at most.
const PAUSES_MS: (u64, u64) = (10, 320);

/// The name that everybody in a conversation gives it: of a group its own, of two people both.
pub(crate) fn conversation(one: &str, topic: &str, groups: &[String]) -> String {
    if groups.iter().any(|group| group == topic) {
        return topic.to_owned();
    }
    let mut both = [one, topic];
    both.sort_unstable();
    both.join("+")
}

/// A message as the record keeps it.
pub(crate) fn seen(message: &Message) -> Seen {
    Seen {
        seq: message.seq.0,
        id: message.id.to_string(),
        from: message.from.name.to_string(),
        text: message.text.clone(),
    }
}

/// Up to where each session has shown each topic.
pub(crate) type Progress = BTreeMap<(String, Name), Rev>;

/// What all participants of a run know.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) folder: PathBuf,
    pub(crate) groups: Vec<String>,
    /// Acks so far, for who waits for load.
    pub(crate) acks: watch::Sender<u64>,
    pub(crate) progress: watch::Sender<Progress>,
    /// Nothing new is begun when this is set.
    pub(crate) over: AtomicBool,
    /// The program of the run has come to its end.
    pub(crate) stop: watch::Receiver<bool>,
}

/// Opens a socket as soon as the server takes one; `None` when the run is over.
async fn connected(person: &Person, common: &Common) -> Option<TestClient> {
    let mut wait = PAUSES_MS.0;
    loop {
        if *common.stop.borrow() {
            return None;
        }
        if let Ok(Some(socket)) = tokio::time::timeout(ANSWER, welcomed(person)).await {
            return Some(socket);
        }
        pause(wait, common).await;
        wait = (wait * 2).min(PAUSES_MS.1);
    }
}

/// Waits so long with jitter, or until the run is over.
async fn pause(ms: u64, common: &Common) {
    let jitter = Duration::from_millis(fastrand::u64(ms / 2..=ms));
    let mut stop = common.stop.clone();
    let _ = tokio::time::timeout(jitter, stop.wait_for(|stop| *stop)).await;
}

/// A socket that was greeted; nothing when the server takes none.
async fn welcomed(person: &Person) -> Option<TestClient> {
    let mut socket = person.dial().open().await.ok()?;
    match socket.next_or_end().await? {
        Event::Welcome(_) => Some(socket),
        _ => None,
    }
}

/// Sends one message after another to `topic`, each until its outcome is known.
pub(crate) async fn send_all(person: Person, topic: String, common: Arc<Common>) {
    let mut record = Recorder::new(&common.folder, &format!("sender-{}-{topic}", person.name));
    let mut socket = None;
    let mut n = 0_u64;
    while !common.over.load(Ordering::Relaxed) {
        n += 1;
        let id = format!("{}-{topic}-{n}", person.name);
        let text = format!("{} to {topic}, number {n}", person.name);
        loop {
            if socket.is_none() {
                socket = connected(&person, &common).await;
            }
            let Some(live) = &mut socket else {
                return;
            };
            record.record(Entry::Sending {
                conversation: conversation(&person.name, &topic, &common.groups),
                sender: person.name.clone(),
                id: id.clone(),
                text: text.clone(),
            });
            match tokio::time::timeout(ANSWER, outcome(live, &id, &topic, &text)).await {
                Ok(Some(Event::Ack(ack))) => {
                    let seq = ack.seq.expect("the ack of a publish has a number").0;
                    record.record(Entry::Acked { id, seq });
                    common.acks.send_modify(|acks| *acks += 1);
                    break;
                }
                Ok(Some(Event::Error(error))) => {
                    let code = error.code.to_string();
                    record.record(Entry::Refused {
                        id: id.clone(),
                        code,
                    });
                    if !error.code.outcome_unknown() {
                        break;
                    }
                    socket = None;
                    // Whoever repeats at once makes it no better.
                    pause(PAUSES_MS.1, &common).await;
                }
                _ => {
                    record.record(Entry::Unanswered { id: id.clone() });
                    socket = None;
                }
            }
        }
    }
}

/// Publishes and gives the answer; `None` when the connection ended first.
async fn outcome(socket: &mut TestClient, id: &str, topic: &str, text: &str) -> Option<Event> {
    let id = MessageId::parse(id).expect("an id");
    say(socket, Some(id.clone()), publish(topic, text)).await?;
    loop {
        let event = socket.next_or_end().await?;
        if event.answers() == Some(&id) {
            return Some(event);
        }
    }
}

async fn say(socket: &mut TestClient, id: Option<MessageId>, action: Action) -> Option<()> {
    let frame = codec::encode_request(&Request { id, action });
    socket.frame(Frame::text(frame)).await.ok()
}

/// A session that shows everything, through any number of connections.
pub(crate) struct Session {
    pub(crate) person: Person,
    pub(crate) name: String,
    pub(crate) topics: Vec<Name>,
    /// Loses the tenth message on purpose.
    pub(crate) forgetful: bool,
    pub(crate) common: Arc<Common>,
}

impl Session {
    /// Shows what comes until the run is over.
    pub(crate) async fn show_all(self) {
        let mut record = Recorder::new(&self.common.folder, &format!("session-{}", self.name));
        record.record(Entry::Session {
            session: self.name.clone(),
            user: self.person.name.clone(),
        });
        let mut receiver = Receiver::new(self.topics.clone());
        let mut shown = 0;
        while let Some(mut socket) = connected(&self.person, &self.common).await {
            if say(&mut socket, None, receiver.resume()).await.is_none() {
                continue;
            }
            let mut stop = self.common.stop.clone();
            let mut told = Told::default();
            loop {
                let event = tokio::select! {
                    event = socket.next_or_end() => event,
                    _ = stop.wait_for(|stop| *stop) => return,
                };
                let Some(event) = event else { break };
                if let Some(wrong) = told.handle(&event) {
                    panic!("a connection of {}: {wrong}", self.name);
                }
                let steps = receiver.handle(event);
                for message in &steps.show {
                    shown += 1;
                    if !(self.forgetful && shown == 10) {
                        record.record(self.shown(message));
                    }
                }
                if let Some(ask) = steps.ask
                    && say(&mut socket, None, ask).await.is_none()
                {
                    break;
                }
                self.tell(&receiver);
            }
        }
    }

    fn shown(&self, message: &Message) -> Entry {
        let topic = message.topic.as_str();
        Entry::Shown {
            session: self.name.clone(),
            user: self.person.name.clone(),
            conversation: conversation(&self.person.name, topic, &self.common.groups),
            message: seen(message),
        }
    }

    fn tell(&self, receiver: &Receiver) {
        self.common.progress.send_modify(|progress| {
            for topic in &self.topics {
                progress.insert((self.name.clone(), topic.clone()), receiver.has(topic));
            }
        });
    }
}
