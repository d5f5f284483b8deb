//! The driver of the agent: waits for whatever comes first, hands it on, and says what is to be said.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chat_proto::action::Request;
use chat_proto::{Mark, Name, Seq, UserRef};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::asks::LinesAsked;
use super::errands::{self, ERRANDS_MAX, Errand, Found};
use super::keep::{Keep, NoCopy};
use super::marks::Marks;
use super::unkept::Unkept;
use super::{Ask, LINES_FIRST, LinkState, News};
use crate::client::Client;
use crate::client::cache::Owner;
use crate::client::copy::Line;
use crate::client::error::ClientError;
use crate::client::link::{EVENTS_MAX, Link, LinkEvent, LinkOptions, Nudge};
use crate::client::moment::Moment;
use crate::client::outbox::{Letter, Outbox};
use crate::client::sync::{Stranger, Sync};
use crate::clock::{self, Stopwatch};
use crate::config::Settings;

/// What was shown is written so much later at the most.
const SAVE_AFTER: Duration = Duration::from_millis(50);
/// What the disk did not take is tried again after so long.
const SAVE_AGAIN: Duration = Duration::from_secs(1);
/// How often the outbox is looked at for what other processes put there; a heartbeat's time.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// After so long a link that had no room is tried again.
const CROWDED_WAIT: Duration = Duration::from_millis(20);
/// Requests on their way to the link.
const REQUESTS_MAX: usize = 256;

/// Where the news goes; says whether anybody still listens.
pub type Tell = Box<dyn FnMut(News) -> bool + Send>;

/// The agent of one user.
pub struct Agent {
    pub(super) settings: Settings,
    pub(super) me: UserRef,
    pub(super) keep: Keep,
    pub(super) outbox: Outbox,
    pub(super) marks: Marks,
    /// Up to where messages came that the disk may not have yet; the server is told when it has.
    pub(super) had: BTreeMap<Name, Seq>,
    pub(super) connected: bool,
    /// What the disk did not take.
    pub(super) unkept: Unkept,
    /// The conversations that were told, as they are.
    pub(super) lines: BTreeMap<Name, Line>,
    pub(super) lines_asked: LinesAsked,
    /// Conversations whose line is not the server's word, or that changed in what only the server knows.
    pub(super) made_up: BTreeSet<Name>,
    /// The list of this connection has come.
    pub(super) synced: bool,
    /// What is being written and is not on disk yet.
    pub(super) drafts: BTreeMap<Name, String>,
    /// Conversations whose unread messages are to be counted with the next writing.
    pub(super) recount: BTreeSet<Name>,
    /// Until when what was shown is to be written.
    pub(super) save_at: Option<Moment>,
    look_at: Moment,
    /// The link had no room for all that is to be said.
    crowded: bool,
    pub(super) watch: Stopwatch,
    link: Live,
    pub(super) errands: mpsc::Sender<Errand>,
    found: mpsc::Receiver<Found>,
    tell: Tell,
    listening: bool,
}

/// The link and the agent's ends of it.
struct Live {
    requests: mpsc::Sender<Request>,
    events: mpsc::Receiver<LinkEvent>,
    nudge: Nudge,
    task: JoinHandle<Result<(), ClientError>>,
    /// It has ended for good.
    ended: bool,
}

impl Agent {
    /// Opens what is on disk and tells it, then begins to connect as `client`, who is `me`.
    ///
    /// # Errors
    /// [`NoCopy`] when there is no memory for a copy.
    pub fn start(
        settings: &Settings,
        clients: (Client, Client),
        me: Name,
        tell: Tell,
    ) -> Result<Self, NoCopy> {
        let (for_link, for_errands) = clients;
        let owner = Owner {
            server: for_link.server().to_string(),
            name: me.clone(),
        };
        let mut keep = Keep::open(settings, &owner)?;
        let (errands, errands_taken) = mpsc::channel(ERRANDS_MAX);
        let (found_put, found) = mpsc::channel(ERRANDS_MAX);
        let link = Live::start(for_link, &mut keep);
        tokio::spawn(errands::run(for_errands, errands_taken, found_put));
        let watch = Stopwatch::start();
        let mut agent = Self {
            settings: settings.clone(),
            me: UserRef {
                display_name: me.to_string(),
                name: me,
            },
            keep,
            outbox: Outbox::default(),
            marks: Marks::default(),
            had: BTreeMap::new(),
            connected: false,
            unkept: Unkept::new(),
            lines: BTreeMap::new(),
            lines_asked: LinesAsked::default(),
            made_up: BTreeSet::new(),
            synced: false,
            drafts: BTreeMap::new(),
            recount: BTreeSet::new(),
            save_at: None,
            look_at: watch.now().plus(LOOK_EVERY),
            crowded: false,
            watch,
            link,
            errands,
            found,
            tell,
            listening: true,
        };
        agent.tell_the_copy();
        Ok(agent)
    }

    /// Runs until nobody asks any more; everything is on disk then, but for the letters that it gives back.
    pub async fn run(mut self, mut asks: mpsc::Receiver<Ask>) -> Vec<Letter> {
        while self.listening {
            self.say_what_is_due();
            let due = self.deadline();
            tokio::select! {
                ask = asks.recv() => match ask {
                    Some(ask) => self.handle_ask(ask),
                    None => break,
                },
                event = self.link.events.recv(), if !self.link.ended => match event {
                    Some(event) => self.handle_events(event),
                    None => self.handle_end().await,
                },
                Some(found) = self.found.recv() => self.handle_found(found),
                () = tokio::time::sleep_until(self.watch.deadline(due)) => self.handle_time(),
            }
            if self.keep.take_begun_anew() {
                self.begin_anew();
            }
            self.say_remarks();
        }
        // What was typed last may wait here still, also where nobody listens to the answers.
        asks.close();
        while let Some(ask) = asks.recv().await {
            self.handle_ask(ask);
        }
        self.save_drafts();
        self.keep_unsent();
        self.keep.flush();
        self.link.stop().await;
        self.unkept.into_values().collect()
    }

    /// What the copy has: the first screen needs no network.
    fn tell_the_copy(&mut self) {
        self.tell(News::Me(self.me.clone()));
        let drafts = self.keep.drafts().into_iter().collect();
        self.tell(News::Drafts(drafts));
        self.look_for_letters();
        let lines = self.keep.lines(LINES_FIRST * 4);
        for line in &lines {
            self.lines.insert(line.topic.clone(), line.clone());
        }
        self.tell(News::Lines(lines));
        self.say_remarks();
    }

    /// Everything that came by now in one go, so that a flood is written and told in batches.
    fn handle_events(&mut self, first: LinkEvent) {
        let mut deliveries = Vec::new();
        let mut next = Some(first);
        while let Some(event) = next {
            match event {
                LinkEvent::Came(delivery) => deliveries.push(delivery),
                LinkEvent::Down { why, retry_in } => {
                    self.handle_deliveries(std::mem::take(&mut deliveries));
                    self.handle_down(why, retry_in);
                }
            }
            next = match deliveries.len() < EVENTS_MAX {
                true => self.link.events.try_recv().ok(),
                false => None,
            };
        }
        self.handle_deliveries(deliveries);
    }

    fn handle_down(&mut self, why: String, retry_in: Duration) {
        self.disconnected();
        self.tell_letters();
        self.tell(News::Link(LinkState::Down { why, retry_in }));
    }

    /// The link gave up: one is logged out, or the log-in is unusable.
    async fn handle_end(&mut self) {
        self.link.ended = true;
        let why = match (&mut self.link.task).await {
            Ok(Err(error)) => error.to_string(),
            Ok(Ok(())) | Err(_) => "the link stopped".to_owned(),
        };
        self.disconnected();
        self.tell(News::Link(LinkState::Ended { why }));
    }

    fn disconnected(&mut self) {
        self.connected = false;
        self.synced = false;
        self.outbox.handle_disconnected();
        self.marks.handle_disconnected();
    }

    /// The copy is another one now: what the link takes to be here is not.
    pub(super) fn begin_anew(&mut self) {
        // Not all of it is on disk, and all of it comes again.
        self.had.clear();
        if self.keep.take_other_numbers() {
            self.forget_everything();
        }
        self.disconnected();
        self.tell_letters();
        self.tell(News::Link(LinkState::Connecting));
        match Client::open(&self.settings) {
            Ok(client) => self.link = Live::start(client, &mut self.keep),
            Err(error) => self.tell(News::Remark(error.to_string())),
        }
    }

    fn handle_time(&mut self) {
        let now = self.watch.now();
        if self.save_at.is_some_and(|at| at <= now) {
            self.save_at = None;
            self.save_drafts();
            self.keep.flush();
            self.recount();
            if self.keep.unsaved() || !self.drafts.is_empty() {
                self.save_at = Some(now.plus(SAVE_AGAIN));
            }
        }
        if self.look_at <= now {
            self.look_at = now.plus(LOOK_EVERY);
            self.look_for_letters();
        }
    }

    /// Other processes queue, deliver and drop letters too.
    pub(super) fn look_for_letters(&mut self) {
        if let Some(letters) = self.keep.letters() {
            for gone in self.outbox.handle_known(letters) {
                self.tell(News::Settled(gone));
            }
        }
        self.tell_letters();
    }

    fn deadline(&self) -> Moment {
        if self.crowded {
            return self.watch.now().plus(CROWDED_WAIT);
        }
        [self.save_at, self.outbox.deadline(), self.marks.deadline()]
            .into_iter()
            .flatten()
            .fold(self.look_at, Moment::min)
    }

    /// What the machines want to say, as far as the link takes it: to wait for it here would stop the reading of
    /// what it brings, which it may be waiting for itself.
    pub(super) fn say_what_is_due(&mut self) {
        let (now, wall) = (self.watch.now(), clock::wall());
        self.crowded = false;
        if !self.keep.unsaved() {
            for (topic, seq) in std::mem::take(&mut self.had) {
                self.marks.handle_wanted(&topic, Mark::Delivered, seq);
            }
        }
        loop {
            let Ok(room) = self.link.requests.try_reserve() else {
                // A link that has ended takes nothing; what matters is said again on the next.
                self.crowded = !self.link.requests.is_closed();
                break;
            };
            if let Some(request) = self.outbox.poll_publish(now, wall) {
                room.send(request);
            } else if let Some(request) = self.marks.poll_request(now) {
                room.send(request);
            } else {
                break;
            }
        }
        // What is on its way now, and what asks.
        self.tell_letters();
    }

    /// To the server, if there is room: for what is worth nothing later.
    pub(super) fn request_now(&mut self, request: Request) {
        let _ = self.link.requests.try_send(request);
    }

    /// A question for HTTP; where too many wait it is not asked.
    pub(super) fn errand(&mut self, errand: Errand) -> bool {
        self.errands.try_send(errand).is_ok()
    }

    pub(super) fn reconnect(&mut self) {
        self.link.nudge.now();
    }

    pub(super) fn tell(&mut self, news: News) {
        self.listening &= (self.tell)(news);
    }

    /// Those that changed: who queues thousands is not told all of them for each.
    pub(super) fn tell_letters(&mut self) {
        let letters = self.outbox.poll_changed();
        if !letters.is_empty() {
            self.tell(News::Letters(letters));
        }
    }

    fn say_remarks(&mut self) {
        for remark in self.keep.take_remarks() {
            self.tell(News::Remark(remark));
        }
    }

    /// To be written in a moment.
    pub(super) fn save_soon(&mut self) {
        let soon = self.watch.now().plus(SAVE_AFTER);
        self.save_at.get_or_insert(soon);
    }

    pub(super) fn save_drafts(&mut self) {
        let Self { drafts, keep, .. } = self;
        drafts.retain(|topic, text| !keep.save_draft(topic, text));
    }
}

impl Live {
    fn start(client: Client, keep: &mut Keep) -> Self {
        let mut sync = Sync::new(Stranger::BeginsHere);
        if let Some(epoch) = keep.epoch() {
            sync.begin_in(epoch);
            for (topic, rev) in keep.places() {
                sync.begin(topic, rev);
            }
        }
        let (events_put, events) = mpsc::channel(EVENTS_MAX);
        let (requests, requests_taken) = mpsc::channel(REQUESTS_MAX);
        let link = Link::new(client, sync, LinkOptions::default());
        let nudge = link.nudge();
        let task = tokio::spawn(link.run(events_put, requests_taken));
        Self {
            requests,
            events,
            nudge,
            task,
            ended: false,
        }
    }

    async fn stop(self) {
        drop(self.requests);
        drop(self.events);
        // A goodbye is polite; the server finds out without one too.
        let _ = tokio::time::timeout(Duration::from_millis(300), self.task).await;
    }
}
