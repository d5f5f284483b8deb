//! The bus of a node among others: into the mailboxes here at once, and to other nodes through a carrier.
//!
//! It keeps no promise beyond that of [`Bus`]. What does not fit, or finds no connection, is dropped: a change is found
//! in the store by the next look for lost ones, a mark is told by the next one or, if nodes were cut off, again; presence is made good by the next beat.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use chat_proto::{Epoch, SessionId};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::again::Again;
use super::carrier::{Audience, Carrier, Ears};
use super::fanout::{Fanout, is_crowd};
use super::inquiry::Inquiries;
use super::interests::Interests;
use super::recent::{Recent, To};
use super::wire::{self, Saying, SayingId};
use super::{Bus, BusError, Interest, Notice, Reach};
use crate::attendance::Attendance;
use crate::change::{Change, UserId};
use crate::clock::Clock;
use crate::limits;
use crate::metrics::hot;
use crate::mutant::mutant;
use crate::nodes::{NodeId, Word};
use crate::router::Router;

/// What waits to be said.
type Waiting = (Audience, Saying);

/// The bus of a node among others.
pub struct RemoteBus {
    clock: Arc<dyn Clock>,
    router: Arc<Router>,
    fanout: Arc<Fanout>,
    attendance: Attendance,
    carrier: Arc<dyn Carrier>,
    queue: mpsc::Sender<Waiting>,
    /// Taken at the start.
    waiting: Mutex<Option<mpsc::Receiver<Waiting>>>,
    interests: Arc<Interests>,
    inquiries: Arc<Inquiries>,
    again: Arc<Again>,
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
            fanout: Arc::new(Fanout::new(
                Arc::clone(&router),
                attendance.clock(),
                up.clone(),
            )),
            router,
            clock: attendance.clock(),
            attendance,
            carrier,
            queue,
            waiting: Mutex::new(Some(waiting)),
            interests: Arc::new(Interests::default()),
            inquiries: Arc::new(Inquiries::default()),
            again: Arc::new(Again::default()),
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
            clock: Arc::clone(&self.clock),
            router: Arc::clone(&self.router),
            fanout: Arc::clone(&self.fanout),
            attendance: self.attendance.clone(),
            inquiries: Arc::clone(&self.inquiries),
            again: Arc::clone(&self.again),
            queue: self.queue.clone(),
            own,
        };
        self.spawn(ear.listen(came));
        self.spawn(Arc::clone(&self.fanout).keep_time());
        let link = Link {
            clock: Arc::clone(&self.clock),
            router: Arc::clone(&self.router),
            up: self.up.clone(),
            attendance: self.attendance.clone(),
            again: Arc::clone(&self.again),
            queue: self.queue.clone(),
        };
        self.spawn(link.watch());
        self.spawn(say_again(Arc::clone(&self.again), self.queue.clone()));
        let interests = Arc::clone(&self.interests);
        self.spawn(interests.follow(Arc::clone(&self.carrier)));
        Ok(())
    }

    fn publish(&self, to: Arc<[UserId]>, notice: &Notice) {
        let crowd = is_crowd(&to);
        match crowd {
            true => self.fanout.offer_crowd(&to, notice),
            false => self.fanout.offer(&to, notice),
        }
        if mutant("notices_stay_here") {
            return;
        }
        if let Notice::Mark(mark) = notice {
            self.again.keep(mark, &to, self.clock.monotonic());
        }
        if !crowd {
            return self.put(Audience::Users(to), Saying::Notice(notice.clone()));
        }
        // One copy a node is less than one for each of so many, and they are nearly everywhere.
        if to.len() <= limits::CROWD_MAX {
            return self.put(Audience::Crowd, Saying::Crowd(to, notice.clone()));
        }
        for some in to.chunks(limits::CROWD_MAX) {
            let saying = Saying::Crowd(some.into(), notice.clone());
            self.put(Audience::Crowd, saying);
        }
    }

    fn offer_here(&self, to: &[UserId], notice: &Notice) {
        self.fanout.offer(to, notice);
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

/// The payload of a saying. Of a change that would be too much for the bus it is told only that there is one, and it is
/// read from the store: one long message must not hold up everybody's notices.
fn encoded(id: SayingId, audience: &Audience, saying: &Saying) -> Option<Bytes> {
    let payload = wire::encode(id, saying)?;
    let copies = audience.addresses().count();
    let all = payload.len().saturating_mul(copies);
    if payload.len() <= limits::BUS_SAYING_BYTES_MAX && all <= limits::BUS_FAN_OUT_BYTES_MAX {
        return Some(payload);
    }
    let head = |change: &Change| Notice::Head(change.conversation, change.rev);
    match saying {
        Saying::Notice(Notice::Change(change)) => wire::encode(id, &Saying::Notice(head(change))),
        Saying::Crowd(to, Notice::Change(change)) => {
            wire::encode(id, &Saying::Crowd(Arc::clone(to), head(change)))
        }
        _ => Some(payload),
    }
}

/// What comes and goes with the link to other nodes.
struct Link {
    clock: Arc<dyn Clock>,
    router: Arc<Router>,
    up: watch::Receiver<bool>,
    attendance: Attendance,
    again: Arc<Again>,
    queue: mpsc::Sender<Waiting>,
}

impl Link {
    /// Tells the attendance when other nodes can be heard, and makes good what was not heard while they could not.
    async fn watch(mut self) {
        let mut down = Some(self.clock.monotonic());
        loop {
            let now = *self.up.borrow_and_update();
            self.attendance.bus(now);
            match (now, down) {
                (false, None) => down = Some(self.clock.monotonic()),
                (true, Some(since)) => {
                    down = None;
                    self.heard_again(self.clock.monotonic().since(since));
                }
                // It came back before it was seen to be away.
                (true, None) => self.heard_again(0),
                (false, Some(_)) => {}
            }
            if self.up.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Link {
    /// Other nodes are there again, and were not for so many milliseconds.
    fn heard_again(&self, ms: u64) {
        self.again.ask(ms, self.clock.monotonic());
        if self.router.connections() == 0 {
            // Nobody here missed anything.
            return;
        }
        let deaf = Saying::Word(Word::Deaf { ms });
        // If there is no room, the marks are told by the next ones.
        let _ = self.queue.try_send((Audience::Nodes, deaf));
    }
}

/// Says the latest marks again, whenever some node missed them. Here they were told.
async fn say_again(again: Arc<Again>, queue: mpsc::Sender<Waiting>) {
    loop {
        for (mark, to) in again.due().await {
            let saying = Saying::Notice(Notice::Mark(mark));
            // What is said for the first time goes before.
            while queue.capacity() < limits::BUS_QUEUE / 2 {
                tokio::time::sleep(limits::BUS_AGAIN_PAUSE).await;
            }
            if queue.send((Audience::Users(to), saying)).await.is_err() {
                return;
            }
        }
    }
}

/// What hears other nodes.
struct Ear {
    clock: Arc<dyn Clock>,
    router: Arc<Router>,
    fanout: Arc<Fanout>,
    attendance: Attendance,
    inquiries: Arc<Inquiries>,
    again: Arc<Again>,
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
            (Some(Saying::Notice(notice)), To::User(user)) => self.fanout.offer(&[user], &notice),
            (Some(Saying::Crowd(to, notice)), To::Crowd) => self.fanout.offer_crowd(&to, &notice),
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
            Word::Deaf { ms } if !mutant("marks_are_said_once") => {
                self.again.ask(ms, self.clock.monotonic());
            }
            word => self.attendance.hear(from, word),
        }
    }
}
