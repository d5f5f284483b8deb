//! A seeded world: people with two devices each, a server, links that are cut, notices that get lost.
//!
//! Everything that is judged here is the real thing: the server's session, router, use cases and memory store, the
//! client's sync machine. Only sockets, threads and time are the world's.

use std::sync::Arc;

use chat_proto::{Body, MessageId, Name, SessionId};
use chat_server::Config;
use chat_server::attendance::Attendance;
use chat_server::auth::Auth;
use chat_server::bus::{Announcer, Bus};
use chat_server::clock::Clock;
use chat_server::nodes::NodeId;
use chat_server::router::Router;
use chat_server::service::{App, Identity};
use chat_server::store::memory::MemoryStore;
use chat_server::store::{
    Commits, Committed, Fingerprint, Look, NewAccount, NewGroup, NewMessage, Permit, Store,
};
use chat_server::upkeep;

use crate::bus::{SimBus, Weather};
use crate::clock::SimClock;
use crate::device::Device;
use crate::serving::{Serving, at_once};

/// People in the world.
pub(crate) const PEOPLE: [&str; 4] = ["ann", "ben", "cat", "dan"];
/// Groups and public topics in the world.
pub(crate) const GROUPS: [&str; 2] = ["ops", "world"];

/// Tells whichever server is there at the moment of a commit.
#[derive(Default)]
struct Hearing {
    announcer: std::sync::Mutex<Option<Announcer>>,
}

impl Commits for Hearing {
    fn committed(&self, batch: &[Committed]) {
        if let Some(announcer) = &*self.announcer.lock().expect("nobody panics under it") {
            announcer.committed(batch);
        }
    }
}

/// The world.
pub(crate) struct World {
    pub(crate) rng: fastrand::Rng,
    pub(crate) weather: Weather,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) people: Vec<Identity>,
    pub(crate) devices: Vec<Device>,
    pub(crate) app: Arc<App>,
    pub(crate) bus: Arc<SimBus>,
    hearing: Arc<Hearing>,
    repaired: Look,
    pub(crate) said: u64,
}

impl World {
    pub(crate) fn new(seed: u64, weather: Weather) -> Self {
        let clock = Arc::new(SimClock::default());
        let hearing = Arc::new(Hearing::default());
        let store = MemoryStore::new(hearing.clone());
        let (app, bus) = server(&store, &clock, &hearing, weather);
        let people: Vec<Identity> = PEOPLE
            .iter()
            .map(|name| settle(store.as_ref(), name, &clock))
            .collect();
        found_group(store.as_ref(), &people, &clock);
        let owners = people.iter().enumerate().flat_map(|owner| [owner, owner]);
        let devices = owners.enumerate();
        let devices = devices
            .map(|(number, (user, who))| Device::new(number, user, who.name.clone()))
            .collect();
        let rng = fastrand::Rng::with_seed(seed);
        Self {
            rng,
            weather,
            clock,
            store,
            people,
            devices,
            app,
            bus,
            hearing,
            repaired: Look::default(),
            said: 0,
        }
    }

    /// The server dies and another comes up on the same store: every link is cut, what it held in memory is gone.
    pub(crate) fn restart_server(&mut self) {
        self.devices.iter_mut().for_each(Device::cut);
        (self.app, self.bus) = server(&self.store, &self.clock, &self.hearing, self.weather);
    }

    pub(crate) fn connect(&mut self, device: usize) {
        let who = &self.people[self.devices[device].user];
        let serving = Serving::open(&self.app, who);
        self.devices[device].connected(serving);
    }

    /// The slow tick: the feed since the last look is offered to everybody here.
    pub(crate) fn repair(&mut self) {
        if self.bus.reliable() {
            return;
        }
        let page =
            at_once(self.store.heads_since(&self.repaired, 1_000)).expect("the store answers");
        upkeep::offer_heads(&self.app, &page.heads);
        self.repaired = page.next;
    }

    pub(crate) fn name(&self, user: usize) -> Name {
        self.people[user].name.clone()
    }
}

fn server(
    store: &Arc<MemoryStore>,
    clock: &Arc<SimClock>,
    hearing: &Hearing,
    weather: Weather,
) -> (Arc<App>, Arc<SimBus>) {
    let router = Arc::new(Router::default());
    let bus = Arc::new(SimBus::new(weather, router.clone()));
    *hearing.announcer.lock().expect("nobody panics under it") = Some(Announcer::new(bus.clone()));
    let config = Config {
        send_rate: 0.0,
        ..Config::default()
    };
    let auth =
        at_once(Auth::open(store.clone(), clock.clone(), &config)).expect("the store answers");
    let mut app = App::new(
        store.clone(),
        bus.clone(),
        router,
        Attendance::new(5_000, NodeId(1), clock.clone()),
        clock.clone(),
        auth,
        config,
    );
    // Small, so that worlds see gaps.
    app.limits.sync_messages = 10;
    (Arc::new(app), bus)
}

fn settle(store: &dyn Store, name: &str, clock: &SimClock) -> Identity {
    let name: Name = name.parse().expect("a name");
    let new = NewAccount {
        name: name.clone(),
        display_name: name.to_string(),
        email: None,
        password_hash: String::new(),
        invite: None,
        lobby: None,
        now: clock.wall(),
    };
    let account = at_once(store.create_account(new)).expect("a new account");
    let session = SessionId::generate();
    at_once(store.create_session(session.clone(), account.id, "sim", clock.wall()))
        .expect("a session");
    Identity {
        user: account.id,
        name,
        display_name: account.display_name,
        admin: false,
        session,
    }
}

/// `ops`, of ann and ben; others come and go.
fn found_group(store: &dyn Store, people: &[Identity], clock: &SimClock) {
    let ops: Name = GROUPS[0].parse().expect("a name");
    let first = NewMessage {
        sender: people[0].user,
        topic: ops.clone().into(),
        id: MessageId::parse("first").expect("an id"),
        body: Body::text("first"),
        fingerprint: Fingerprint([0; 32]),
        permit: Permit::Granted,
        now: clock.wall(),
    };
    let group = NewGroup {
        name: Some(ops),
        title: None,
        users: vec![people[1].name.clone()],
        public: false,
        first,
    };
    at_once(store.create_group(group)).expect("a new group");
}
