//! The sample people at play: they come and go, read what the visitor writes, type, and answer.
//!
//! Nothing in here panics when the server or a connection goes: a panic would take the visitor's screen away.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use chat_proto::action::{MarkUpTo, OnTopic, Publish, SetStatus};
use chat_proto::{
    Action, Event, Mark, Message, MessageId, Name, PresenceState, Request, Topic, codec,
};
use chat_tests::{Call, Person, TestClient};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_util::task::AbortOnDropHandle;

use crate::history::Cast;
use crate::past;
use crate::people::{Habit, PEOPLE, Role, VISITOR, answerer};
use crate::scenes::{Act, BUILD_EVERY, SCENES, Scene, build};

/// How long the server may take for a connection or a frame.
const PATIENCE: Duration = Duration::from_secs(5);
/// Acts that wait for somebody who is busy; one more is left out.
const ORDERS: usize = 8;

/// How long a moment of the play is: a second, unless somebody cannot wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace(pub(crate) Duration);

impl Pace {
    /// As people are.
    pub(crate) const LIFE: Self = Self(Duration::from_secs(1));

    fn moments(self, between: &Range<f64>) -> Duration {
        let moments = between.start + (between.end - between.start) * fastrand::f64();
        self.0.mul_f64(moments)
    }
}

/// All who play; they stop when it is dropped.
#[derive(Debug)]
pub(crate) struct Company {
    pace: Pace,
    orders: BTreeMap<&'static str, mpsc::Sender<Act>>,
    playing: JoinSet<()>,
}

impl Company {
    /// Everybody takes their place.
    pub(crate) async fn enter(server: SocketAddr, cast: &Cast, pace: Pace) -> Self {
        let mut orders = BTreeMap::new();
        let mut actors = Vec::new();
        for role in &PEOPLE {
            let (sender, receiver) = mpsc::channel(ORDERS);
            orders.insert(role.name, sender);
            actors.push(Actor::enter(server, role, &cast[role.name], receiver, pace));
        }
        let mut playing = JoinSet::new();
        for actor in join_all(actors).await.into_iter().flatten() {
            playing.spawn(actor.play());
        }
        Self {
            pace,
            orders,
            playing,
        }
    }

    /// Has things happen by themselves from here on.
    pub(crate) fn begin(&mut self) {
        self.playing.spawn(direct(self.orders.clone(), self.pace));
    }
}

async fn direct(orders: BTreeMap<&'static str, mpsc::Sender<Act>>, pace: Pace) {
    let tell = |who: &str, act: Act| {
        if let Some(actor) = orders.get(who) {
            // Who has no ear for it is busy with the visitor, which is better to look at.
            let _ = actor.try_send(act);
        }
    };
    for Scene(after, who, part) in SCENES {
        sleep(pace.0.mul_f64(*after)).await;
        tell(who, Act::from(*part));
    }
    for number in 4315.. {
        sleep(pace.0.mul_f64(BUILD_EVERY)).await;
        tell("ci-bot", build(number));
    }
}

/// What somebody does about a message; more is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cue {
    Read,
    Answer,
}

/// Only the visitor is listened to: people who answer each other would never end.
fn cue(me: &Role, message: &Message) -> Option<Cue> {
    if message.from.name.as_str() != VISITOR {
        return None;
    }
    let topic = message.topic.as_str();
    if topic == VISITOR {
        return Some(Cue::Answer);
    }
    // A group of the visitor's own making: who is called answers there too.
    let just_me = [me.name];
    let talk = past::everything().find(|talk| talk.topic == topic);
    let members = talk.map_or(&just_me[..], past::Talk::others);
    let answers = answerer(members, &message.text, message.seq.0) == Some(me.name);
    Some(if answers { Cue::Answer } else { Cue::Read })
}

struct Actor {
    server: SocketAddr,
    role: &'static Role,
    person: Person,
    pace: Pace,
    orders: mpsc::Receiver<Act>,
    /// A background connection to hear and to speak: presence has nothing to do with it.
    ear: TestClient,
    /// The foreground connection, as long as one is there.
    here: Option<AbortOnDropHandle<()>>,
    /// When who only looked in goes again.
    leaves: Option<Instant>,
    /// The last message of each conversation that is to be read or answered.
    heard: BTreeMap<Name, (Cue, Message)>,
    answered: usize,
}

impl Actor {
    async fn enter(
        server: SocketAddr,
        role: &'static Role,
        person: &Person,
        orders: mpsc::Receiver<Act>,
        pace: Pace,
    ) -> Option<Self> {
        let mut person = person.clone();
        let ear = dial(server, &mut person, "background=1").await?;
        let mut actor = Self {
            server,
            role,
            person,
            pace,
            orders,
            ear,
            here: None,
            leaves: None,
            heard: BTreeMap::new(),
            answered: 0,
        };
        // The first action: what is said from here on is told at once.
        actor.tell(Action::Ping).await;
        match role.habit {
            Habit::Gone(_) => {}
            Habit::Here => actor.come().await,
            Habit::Away(why) => {
                actor.status(PresenceState::Away, Some(why)).await;
                actor.come().await;
            }
        }
        Some(actor)
    }

    async fn play(mut self) {
        loop {
            if let Some((_, (cue, message))) = self.heard.pop_first() {
                self.react(cue, message).await;
                continue;
            }
            let leaves = self.leaves.unwrap_or_else(Instant::now);
            tokio::select! {
                event = self.ear.next_or_end() => match event {
                    Some(event) => self.hear(&event),
                    None => self.listen_again().await,
                },
                Some(act) = self.orders.recv() => self.perform(act).await,
                () = sleep_until(leaves), if self.leaves.is_some() => self.go(),
            }
        }
    }

    fn hear(&mut self, event: &Event) {
        let Event::Message(message) = event else {
            return;
        };
        if let Some(cue) = cue(self.role, message) {
            let before = self.heard.get(&message.topic).map(|(cue, _)| *cue);
            let cue = before.map_or(cue, |before| before.max(cue));
            self.heard
                .insert(message.topic.clone(), (cue, message.clone()));
        }
    }

    /// Connects again after the server has let go; what was said meanwhile stays unanswered.
    async fn listen_again(&mut self) {
        self.here = None;
        for failed in 1..=u32::MAX {
            sleep(PATIENCE.min(Duration::from_millis(500) * failed)).await;
            if let Some(ear) = dial(self.server, &mut self.person, "background=1").await {
                self.ear = ear;
                break;
            }
        }
        self.tell(Action::Ping).await;
        if !matches!(self.role.habit, Habit::Gone(_)) {
            self.come().await;
        }
    }

    async fn react(&mut self, cue: Cue, message: Message) {
        if self.here.is_none() {
            if cue == Cue::Read {
                return;
            }
            self.pause(1.0..2.5).await;
            self.look_in().await;
        }
        let reading = if cue == Cue::Read { 1.0..4.0 } else { 0.8..1.6 };
        self.pause(reading).await;
        // Who writes several lines in a row gets one answer.
        let (cue, message) = match self.heard.remove(&message.topic) {
            Some((later, last)) => (cue.max(later), last),
            None => (cue, message),
        };
        let topic = Topic::from(message.topic);
        let up_to = MarkUpTo {
            topic: topic.clone(),
            seq: message.seq,
        };
        self.tell(Action::Mark(Mark::Read, up_to)).await;
        if cue == Cue::Answer {
            let text = self.role.answers[self.answered % self.role.answers.len()];
            self.answered += 1;
            self.write(topic, text).await;
        }
    }

    async fn perform(&mut self, act: Act) {
        match act {
            Act::Come => self.come().await,
            Act::Go => self.go(),
            Act::Away(why) => self.status(PresenceState::Away, Some(why)).await,
            Act::Back => self.status(PresenceState::Online, None).await,
            Act::Say(topic, text) => {
                if let Ok(topic) = Topic::parse(topic) {
                    self.come().await;
                    self.write(topic, &text).await;
                }
            }
        }
    }

    /// Types for as long as the text takes, and sends it.
    async fn write(&mut self, topic: Topic, text: &str) {
        self.pause(0.3..0.8).await;
        let on = OnTopic {
            topic: topic.clone(),
        };
        self.tell(Action::Typing(on)).await;
        let letters = f64::from(u8::try_from(text.chars().count()).unwrap_or(u8::MAX));
        let fast = 1.2 + letters / 80.0;
        self.pause(fast..fast + 0.8).await;
        self.tell(Action::Publish(Publish::text(topic, text))).await;
    }

    async fn status(&mut self, state: PresenceState, text: Option<&str>) {
        let status = SetStatus {
            state,
            text: text.map(ToOwned::to_owned),
            until: None,
        };
        self.tell(Action::Status(status)).await;
    }

    async fn come(&mut self) {
        self.leaves = None;
        if self.here.as_ref().is_some_and(|here| !here.is_finished()) {
            return;
        }
        let screen = dial(self.server, &mut self.person, "").await;
        self.here = screen.map(|mut screen| {
            AbortOnDropHandle::new(tokio::spawn(async move {
                while screen.next_or_end().await.is_some() {}
            }))
        });
    }

    fn go(&mut self) {
        self.leaves = None;
        self.here = None;
    }

    /// Comes for a minute.
    async fn look_in(&mut self) {
        self.come().await;
        self.leaves = Some(Instant::now() + self.pace.moments(&(45.0..75.0)));
    }

    /// Lets time pass, and hears what is said meanwhile.
    async fn pause(&mut self, moments: Range<f64>) {
        let over = sleep(self.pace.moments(&moments));
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return,
                event = self.ear.next_or_end() => match event {
                    Some(event) => self.hear(&event),
                    None => return over.await,
                },
            }
        }
    }

    /// Says a frame. The answer has no reader, and an end of the connection is noticed where it is listened to.
    async fn tell(&mut self, action: Action) {
        let request = Request::new(MessageId::generate(), action);
        let frame = Frame::text(codec::encode_request(&request));
        let _ = timeout(PATIENCE, self.ear.frame(frame)).await;
    }
}

/// A socket of somebody, whose token may have ended since the last one.
async fn dial(server: SocketAddr, person: &mut Person, query: &str) -> Option<TestClient> {
    match timeout(PATIENCE, person.dial().query(query).open()).await {
        Ok(Ok(client)) => return Some(client),
        Ok(Err(401)) => *person = renewed(server, person).await?,
        _ => return None,
    }
    let opened = timeout(PATIENCE, person.dial().query(query).open()).await;
    opened.ok()?.ok()
}

async fn renewed(server: SocketAddr, person: &Person) -> Option<Person> {
    let ask = json!({"refresh_token": person.refresh_token});
    let call = Call::post("/v1/sessions/refresh", &ask);
    let answer = timeout(PATIENCE, call.try_send(server)).await.ok()?.ok()?;
    let entered: Value = serde_json::from_str(&answer.text).ok()?;
    (answer.status == 201).then(|| Person::entered(server, &entered))
}
