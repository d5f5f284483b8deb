//! The bus of a node among others: into the mailboxes here at once, and to other nodes through a carrier.
//!
//! It keeps no promise beyond that of [`Bus`]. What does not fit, or finds no connection, is dropped: a change is found
//! in the store by the next look for lost ones, a mark is told by the next one, presence is made good by the next beat.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use chat_proto::{Epoch, SessionId};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::carrier::{Audience, Carrier, Ears};
use super::inquiry::Inquiries;
use super::recent::{Recent, To};
use super::wire::{self, Saying, SayingId};
use super::{Bus, BusError, Interest, Notice, Reach};
use crate::attendance::Attendance;
use crate::change::UserId;
use crate::limits;
use crate::metrics::hot;
use crate::mutant::mutant;
use crate::nodes::{NodeId, Word};
use crate::router::Router;

/// What waits to be said.
type Waiting = (Audience, Saying);

/// The bus of a node among others.
pub struct RemoteBus {
    router: Arc<Router>,
    attendance: Attendance,
    carrier: Arc<dyn Carrier>,
    queue: mpsc::Sender<Waiting>,
    /// Taken at the start.
    waiting: Mutex<Option<mpsc::Receiver<Waiting>>>,
    interests: Arc<Interests>,
    inquiries: Arc<Inquiries>,
    up: watch::Receiver<bool>,
    ears_up: Mutex<Option<watch::Sender<bool>>>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl RemoteBus {
    pub(super) fn new(
        router: Arc<Router>,
        attendance: Attendance,
        carrier: Arc<dyn Carrier>,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(limits::BUS_QUEUE);
        let (ears_up, up) = watch::channel(false);
        Self {
            router,
            attendance,
            carrier,
            queue,
            waiting: Mutex::new(Some(waiting)),
            interests: Arc::new(Interests::default()),
            inquiries: Arc::new(Inquiries::default()),
            up,
            ears_up: Mutex::new(Some(ears_up)),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    fn put(&self, audience: Audience, saying: Saying) {
        if !*self.up.borrow() || self.queue.try_send((audience, saying)).is_err() {
            hot().bus_lost.increment(1);
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.stopping.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = task => {}
                () = stopping.cancelled() => {}
            }
        });
    }
}

#[async_trait]
impl Bus for RemoteBus {
    async fn start(&self, life: &Epoch) -> Result<(), BusError> {
        let waiting = take(&self.waiting);
        let up = take(&self.ears_up);
        let (Some(waiting), Some(up)) = (waiting, up) else {
            return Err(BusError("it was started before".to_owned()));
        };
        let (inbox, came) = mpsc::channel(limits::BUS_INBOX);
        self.carrier.start(life, Ears { inbox, up }).await?;
        let own = self.attendance.own();
        self.tasks.spawn(carry_out(
            waiting,
            Arc::clone(&self.carrier),
            own,
            self.stopping.clone(),
        ));
        let ear = Ear {
            router: Arc::clone(&self.router),
            attendance: self.attendance.clone(),
            inquiries: Arc::clone(&self.inquiries),
            queue: self.queue.clone(),
            own,
        };
        self.spawn(ear.listen(came));
        self.spawn(watch_link(self.up.clone(), self.attendance.clone()));
        self.spawn(subscribe(
            Arc::clone(&self.interests),
            Arc::clone(&self.carrier),
        ));
        Ok(())
    }

    fn publish(&self, to: Arc<[UserId]>, notice: &Notice) {
        self.router.offer(&to, notice);
        if mutant("notices_stay_here") {
            return;
        }
        self.put(Audience::Users(to), Saying::Notice(notice.clone()));
    }

    fn say(&self, word: &Word) {
        self.put(Audience::Nodes, Saying::Word(word.clone()));
    }

    async fn attend(&self, user: UserId) -> Interest {
        let generation = self.interests.come(user);
        let interests = Arc::clone(&self.interests);
        let interest = Interest::until(move || interests.go(user));
        if *self.up.borrow() {
            let known = self.interests.known(generation);
            // Too late is no harm: what is missed meanwhile is found in the store.
            let _ = tokio::time::timeout(limits::BUS_ATTEND_WAIT, known).await;
        }
        interest
    }

    async fn elsewhere(&self, user: UserId) -> HashSet<SessionId> {
        let others = self.attendance.others();
        if others.is_empty() || !*self.up.borrow() {
            return HashSet::new();
        }
        let inquiry = self.inquiries.open(others);
        let number = inquiry.number;
        self.say(&Word::Where { user, number });
        inquiry.answers().await
    }

    fn reliable(&self) -> bool {
        false
    }

    fn reach(&self) -> Reach {
        if *self.up.borrow() {
            Reach::Up
        } else {
            Reach::Away
        }
    }

    async fn stop(&self) {
        if !mutant("farewell_is_forgotten") {
            self.say(&Word::Farewell);
        }
        self.stopping.cancel();
        self.tasks.close();
        let ended = async {
            self.tasks.wait().await;
            self.carrier.stop().await;
        };
        if tokio::time::timeout(limits::BUS_PUBLISH_WAIT, ended)
            .await
            .is_err()
        {
            tracing::debug!("the bus did not take a farewell in time");
        }
    }
}

fn take<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Takes what waits and hands it to the carrier: each saying is encoded once, whatever the number of receivers. When it
/// is to stop, what waits still leaves.
async fn carry_out(
    mut waiting: mpsc::Receiver<Waiting>,
    carrier: Arc<dyn Carrier>,
    own: NodeId,
    stopping: CancellationToken,
) {
    for number in 0.. {
        let next = tokio::select! {
            biased;
            next = waiting.recv() => next,
            () = stopping.cancelled() => waiting.try_recv().ok(),
        };
        let Some((audience, saying)) = next else {
            return;
        };
        let id = SayingId { from: own, number };
        let Some(payload) = encoded(id, &audience, &saying) else {
            tracing::error!("a notice could not be written");
            continue;
        };
        let left = carrier.publish(&audience, payload);
        match tokio::time::timeout(limits::BUS_PUBLISH_WAIT, left).await {
            Ok(Ok(())) => hot().bus_said.increment(1),
            Ok(Err(_)) | Err(_) => hot().bus_lost.increment(1),
        }
    }
}

/// The payload of a saying. Where it would be too much for so many, they are told only that there is something, and read
/// it from the store: one long message to a large group must not hold up everybody's notices.
fn encoded(id: SayingId, audience: &Audience, saying: &Saying) -> Option<Bytes> {
    let payload = wire::encode(id, saying)?;
    match (audience, saying) {
        (Audience::Users(users), Saying::Notice(Notice::Change(change)))
            if users.len().saturating_mul(payload.len()) > limits::BUS_FAN_OUT_BYTES_MAX =>
        {
            let head = Notice::Head(change.conversation, change.rev);
            wire::encode(id, &Saying::Notice(head))
        }
        _ => Some(payload),
    }
}

/// Tells the attendance when other nodes can be heard.
async fn watch_link(mut up: watch::Receiver<bool>, attendance: Attendance) {
    loop {
        let now = *up.borrow_and_update();
        attendance.bus(now);
        if up.changed().await.is_err() {
            return;
        }
    }
}

/// What hears other nodes.
struct Ear {
    router: Arc<Router>,
    attendance: Attendance,
    inquiries: Arc<Inquiries>,
    /// For answers.
    queue: mpsc::Sender<Waiting>,
    own: NodeId,
}

impl Ear {
    async fn listen(self, mut came: mpsc::Receiver<(To, Bytes)>) {
        let mut recent = Recent::default();
        while let Some((to, payload)) = came.recv().await {
            self.hear(&mut recent, to, &payload);
        }
    }

    fn hear(&self, recent: &mut Recent, to: To, payload: &[u8]) {
        let id = match wire::id_of(payload) {
            Ok(id) if id.from == self.own => return,
            Ok(id) => id,
            Err(error) => {
                tracing::debug!(%error, "something that is none of ours came over the bus");
                return;
            }
        };
        hot().bus_heard.increment(1);
        match (recent.take(to, id, payload), to) {
            (Some(Saying::Notice(notice)), To::User(user)) => self.router.offer(&[user], &notice),
            (Some(Saying::Word(word)), To::Nodes) => self.hear_word(id.from, word),
            // Said to the wrong ear, or heard before.
            _ => {}
        }
    }

    fn hear_word(&self, from: NodeId, word: Word) {
        match word {
            Word::Where { user, number } => {
                let here = Word::Here {
                    asked: from,
                    number,
                    sessions: self.router.sessions_of(user),
                };
                // If there is no room, who asked does without the answer.
                let _ = self.queue.try_send((Audience::Nodes, Saying::Word(here)));
            }
            Word::Here {
                asked,
                number,
                sessions,
            } if asked == self.own && !mutant("answers_are_not_heard") => {
                self.inquiries.answer(number, from, sessions);
            }
            word => self.attendance.hear(from, word),
        }
    }
}

/// Who is to be heard of here, as connections come and go.
#[derive(Default)]
struct Interests {
    /// Short sections, never across an await.
    counts: Mutex<Counts>,
    wake: Notify,
    /// The last generation that the carrier knows of.
    known: watch::Sender<u64>,
}

#[derive(Default)]
struct Counts {
    /// Connections of each user here; never 0.
    users: HashMap<UserId, usize>,
    /// Users whose first connection came or whose last one went, and who the carrier does not know about.
    changed: HashSet<UserId>,
    /// Counts the changes.
    generation: u64,
}

impl Interests {
    /// A connection of a user came; gives the generation that the carrier is to know.
    fn come(&self, user: UserId) -> u64 {
        let mut counts = self.counts();
        let connections = counts.users.entry(user).or_default();
        *connections += 1;
        if *connections == 1 {
            counts.changed.insert(user);
            counts.generation += 1;
            self.wake.notify_one();
        }
        counts.generation
    }

    fn go(&self, user: UserId) {
        if mutant("who_left_is_listened_for") {
            return;
        }
        let mut counts = self.counts();
        let Some(connections) = counts.users.get_mut(&user) else {
            return;
        };
        *connections -= 1;
        if *connections == 0 {
            counts.users.remove(&user);
            counts.changed.insert(user);
            counts.generation += 1;
            self.wake.notify_one();
        }
    }

    async fn known(&self, generation: u64) {
        let mut known = self.known.subscribe();
        // It ends when the bus stops, and then nobody needs to know.
        let _ = known.wait_for(|known| *known >= generation).await;
    }

    /// What the carrier is to be told: who is to be heard of, who no more, and the generation that this is.
    fn take(&self) -> (Vec<(UserId, bool)>, u64) {
        let mut counts = self.counts();
        let changed = std::mem::take(&mut counts.changed);
        let wanted = |user| (user, counts.users.contains_key(&user));
        (changed.into_iter().map(wanted).collect(), counts.generation)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the carrier who is to be heard of: many changes at once, after one look.
async fn subscribe(interests: Arc<Interests>, carrier: Arc<dyn Carrier>) {
    loop {
        interests.wake.notified().await;
        let (changes, generation) = interests.take();
        for (user, wanted) in changes {
            if wanted {
                carrier.subscribe(user).await;
            } else {
                carrier.unsubscribe(user).await;
            }
        }
        // While the bus is away nothing settles. Nobody waits longer for it than this: the next connection to it subscribes
        // anew, and what is missed meanwhile is found in the store.
        let _ = tokio::time::timeout(limits::BUS_ATTEND_WAIT, carrier.settle()).await;
        interests.known.send_replace(generation);
    }
}
