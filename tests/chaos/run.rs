//! One run: people, groups, load, records, and the judgement at the end.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chat_proto::Name;
use chat_proto::api::Page;
use chat_tests::checker::{self, Members, Report};
use chat_tests::recorder::{self, Entry, Recorder, Seen};
use chat_tests::{Person, TestServer};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::participants::{Common, Progress, Session, conversation, seen, send_all};

const PEOPLE: [&str; 4] = ["ann", "ben", "cat", "dan"];
/// Groups and who is in them.
const GROUPS: [(&str, &[&str]); 2] = [("team", &PEOPLE), ("some", &["ann", "ben", "cat"])];
/// Direct conversations in which both write.
const PAIRS: [[&str; 2]; 2] = [["ann", "ben"], ["cat", "dan"]];
/// Sessions of each person.
const SESSIONS: usize = 2;
/// How long the world has to come to rest after the last fault.
const REST: Duration = Duration::from_secs(60);

/// What a run is about: one server, or several nodes.
pub(crate) trait World {
    /// Where people go.
    fn address(&self) -> SocketAddr;
    /// Where the histories are read again, one after the other.
    fn doors(&self) -> Vec<SocketAddr>;
    /// Undoes all faults and starts everything again.
    async fn heal(&mut self);
    /// Members of the first group who are never there: nodes tell each other of large groups in another way.
    fn silent(&self) -> usize {
        0
    }
}

impl World for TestServer {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn doors(&self) -> Vec<SocketAddr> {
        vec![self.address]
    }

    async fn heal(&mut self) {
        self.kill9().await;
        self.restart().await;
    }
}

/// A run that is under way.
pub(crate) struct Run<W> {
    pub(crate) world: W,
    people: Vec<Person>,
    common: Arc<Common>,
    stop: watch::Sender<bool>,
    senders: JoinSet<()>,
    sessions: JoinSet<()>,
    random: fastrand::Rng,
    records: TempDir,
}

impl<W: World> Run<W> {
    /// Starts the people and the load.
    pub(crate) async fn start(name: &str, world: W) -> Self {
        Self::new(name, world, false).await
    }

    /// One in which a session loses a message on purpose.
    pub(crate) async fn forgetful(name: &str, world: W) -> Self {
        Self::new(name, world, true).await
    }

    async fn new(name: &str, world: W, forgetful: bool) -> Self {
        let seed = std::env::var("CHAT_CHAOS_SEED").ok();
        let seed = seed
            .and_then(|seed| seed.parse().ok())
            .unwrap_or_else(|| fastrand::u64(..));
        println!("{name}: CHAT_CHAOS_SEED={seed}");
        let mut people = Vec::new();
        for name in PEOPLE {
            people.push(Person::register(world.address(), name).await);
        }
        let mut silent = Vec::new();
        for number in 0..world.silent() {
            silent.push(format!("silent{number}"));
            Person::register(world.address(), &silent[number]).await;
        }
        let records = TempDir::new().expect("a folder for the records");
        make_groups(
            &people,
            &silent,
            &mut Recorder::new(records.path(), "groups"),
        )
        .await;
        let (stop, stopped) = watch::channel(false);
        let groups = GROUPS.iter().map(|(group, _)| (*group).to_owned());
        let mut run = Self {
            world,
            people,
            common: Arc::new(Common {
                folder: records.path().to_owned(),
                groups: groups.collect(),
                acks: watch::Sender::new(0),
                progress: watch::Sender::new(Progress::new()),
                over: AtomicBool::new(false),
                stop: stopped,
            }),
            stop,
            senders: JoinSet::new(),
            sessions: JoinSet::new(),
            random: fastrand::Rng::with_seed(seed),
            records,
        };
        run.load(forgetful);
        run
    }

    fn load(&mut self, forgetful: bool) {
        for person in &self.people {
            let topics = topics_of(&person.name);
            for topic in &topics {
                let topic = topic.to_string();
                self.senders
                    .spawn(send_all(person.clone(), topic, Arc::clone(&self.common)));
            }
            for at in 0..SESSIONS {
                let session = Session {
                    person: person.clone(),
                    name: format!("{}-{at}", person.name),
                    topics: topics.clone(),
                    forgetful: forgetful && person.name == "ann" && at == 0,
                    common: Arc::clone(&self.common),
                };
                self.sessions.spawn(session.show_all());
            }
        }
    }

    /// A number by the seed of the run.
    pub(crate) fn random(&mut self, range: Range<u64>) -> u64 {
        self.random.u64(range)
    }

    /// Waits until so many more messages were acked.
    pub(crate) async fn more_acks(&self, more: u64) {
        let mut acks = self.common.acks.subscribe();
        let enough = *acks.borrow() + more;
        let acked = tokio::time::timeout(REST, acks.wait_for(|acks| *acks >= enough)).await;
        assert!(acked.is_ok(), "messages are no more acked");
    }

    /// Ends the load, lets everybody catch up, reads everything again and judges; gives the records too.
    pub(crate) async fn finish(mut self) -> (Report, TempDir) {
        self.common.over.store(true, Ordering::Relaxed);
        let sent = tokio::time::timeout(REST, async {
            while let Some(sender) = self.senders.join_next().await {
                sender.expect("a sender does not fail");
            }
        });
        if sent.await.is_err() {
            println!("not everything that was sent was answered: it stays unknown");
            self.senders.shutdown().await;
        }
        self.world.heal().await;
        let rested = tokio::time::timeout(REST, self.everybody_has_all()).await;
        if rested.is_err() {
            println!("not everybody caught up: the checker will say who");
        }
        // The sessions listen to it; without any it is the same.
        let _ = self.stop.send(true);
        while let Some(session) = self.sessions.join_next().await {
            session.expect("a session does not fail");
        }
        self.read_histories().await;
        let report = checker::check(&members(), &recorder::read_all(self.records.path()));
        (report, self.records)
    }

    async fn everybody_has_all(&self) {
        let mut progress = self.common.progress.subscribe();
        for person in &self.people {
            for topic in topics_of(&person.name) {
                let head = person.conversation(topic.as_str()).await.rev;
                for at in 0..SESSIONS {
                    let key = (format!("{}-{at}", person.name), topic.clone());
                    let there =
                        progress.wait_for(|all| all.get(&key).is_some_and(|has| *has >= head));
                    there.await.expect("the run goes on");
                }
            }
        }
    }

    async fn read_histories(&self) {
        let mut record = Recorder::new(self.records.path(), "histories");
        for door in self.world.doors() {
            for person in &self.people {
                for topic in topics_of(&person.name) {
                    let topic = topic.as_str();
                    let messages = whole_history(&person.on(door), topic).await;
                    counted(&person.on(door), topic, &messages).await;
                    record.record(Entry::History {
                        reader: person.name.clone(),
                        conversation: conversation(&person.name, topic, &self.common.groups),
                        messages,
                    });
                }
            }
        }
    }
}

/// A conversation from its first message to its last.
async fn whole_history(person: &Person, topic: &str) -> Vec<Seen> {
    let mut messages = Vec::new();
    let mut after = 0;
    loop {
        let path = format!("/v1/messages?topic={topic}&after={after}&limit=1000");
        let page: Page = person.get(&path).await.read(200);
        messages.extend(page.messages.iter().map(seen));
        after = page.messages.last().map_or(after, |message| message.seq.0);
        if !page.more {
            return messages;
        }
    }
}

/// How long a run goes on.
fn budget() -> Duration {
    let seconds = std::env::var("CHAT_CHAOS_SECONDS").ok();
    let seconds = seconds.and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(10))
}

/// Does `fault` again and again under load until the time is over, at least so often, and judges; gives the judgement
/// for what else there is to ask of it.
pub(crate) async fn under_faults<W: World>(
    name: &str,
    world: W,
    least: u32,
    mut fault: impl AsyncFnMut(&mut Run<W>),
) -> Report {
    let mut run = Run::start(name, world).await;
    let end = Instant::now() + budget();
    let mut faults = 0;
    while Instant::now() < end || faults < least {
        // So much has to happen before the next fault that each hits a server at work.
        let acks = run.random(20..200);
        run.more_acks(acks).await;
        fault(&mut run).await;
        faults += 1;
    }
    let (report, records) = run.finish().await;
    println!("{name}: {faults} faults, {report}");
    if !report.findings.is_empty() {
        println!("the records are in {}", records.keep().display());
    }
    assert!(
        report.acked > 100,
        "too little happened to prove anything: {report}"
    );
    assert_eq!(
        report.unknown, 0,
        "sends that never came to an end: {report}"
    );
    assert!(report.findings.is_empty(), "{report}");
    report
}

/// Asserts that what the server counted is what a recount gives.
async fn counted(person: &Person, topic: &str, messages: &[Seen]) {
    let line = person.conversation(topic).await;
    let unread = |message: &&Seen| message.from != person.name && message.seq > line.read_seq.0;
    let unread = messages.iter().filter(unread).count() as u64;
    let counted = (line.last_seq.0, line.unread);
    let recounted = (messages.len() as u64, unread);
    assert_eq!(counted, recounted, "{} at {topic}", person.name);
}

/// The groups come into being with a message each, which is part of the record.
async fn make_groups(people: &[Person], silent: &[String], record: &mut Recorder) {
    let named = |name: &str| people.iter().find(|person| person.name == name);
    for (group, members) in GROUPS {
        let id = format!("first-{group}");
        let (sender, text) = (members[0].to_owned(), "welcome all".to_owned());
        let mut users = members[1..].to_vec();
        if group == GROUPS[0].0 {
            users.extend(silent.iter().map(String::as_str));
        }
        let body = serde_json::json!({"name": group, "users": users, "text": text, "id": id});
        let owner = named(members[0]).expect("the owner is one of the people");
        record.record(Entry::Sending {
            conversation: group.to_owned(),
            sender,
            id: id.clone(),
            text,
        });
        let made = owner.post("/v1/groups", &body).await.expect(201);
        let seq = made["seq"].as_u64().expect("a number");
        record.record(Entry::Acked { id, seq });
    }
}

/// The topics that a person writes to and reads.
fn topics_of(person: &str) -> Vec<Name> {
    let groups = GROUPS
        .iter()
        .filter(|(_, members)| members.contains(&person));
    let others = PAIRS.iter().filter(|pair| pair.contains(&person));
    let others = others.filter_map(|pair| pair.iter().find(|one| **one != person));
    groups
        .map(|(group, _)| *group)
        .chain(others.copied())
        .map(|topic| Name::parse(topic).expect("a name"))
        .collect()
}

fn members() -> Members {
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    let groups = GROUPS
        .iter()
        .map(|(group, members)| ((*group).to_owned(), set(members)));
    let pairs = PAIRS
        .iter()
        .map(|pair| (conversation(pair[0], pair[1], &[]), set(pair)));
    groups.chain(pairs).collect()
}
