//! Nodes reduced to what a bus knows of them: who is connected, who is online, and the bus itself.

use std::sync::Arc;

use chat_proto::api::Secret;
use chat_proto::{Epoch, Name, SessionId};
use chat_server::attendance::Attendance;
use chat_server::bus::{Bus, BusError, Interest, nats, redis};
use chat_server::change::UserId;
use chat_server::clock::SystemClock;
use chat_server::config::BusSettings;
use chat_server::mailbox::Inbox;
use chat_server::nodes::NodeId;
use chat_server::router::{Guard, Router};
use chat_tests::{Nats, Redis, eventually, skip};
use tokio::task::AbortHandle;

/// What carries the notices.
pub(crate) enum Carrier {
    Nats(Nats),
    Redis(Redis),
}

/// A carrier, and how nodes find it.
pub(crate) struct World {
    pub(crate) carrier: Carrier,
    life: Epoch,
    numbers: u64,
}

/// A node.
pub(crate) struct Node {
    pub(crate) router: Arc<Router>,
    pub(crate) attendance: Attendance,
    pub(crate) bus: Arc<dyn Bus>,
    talking: AbortHandle,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.talking.abort();
    }
}

/// A connection to a node.
pub(crate) struct Connection {
    pub(crate) guard: Guard,
    _interest: Interest,
}

impl World {
    pub(crate) async fn nats(test: &str) -> Option<Self> {
        let nats = Nats::setup().user().start().await;
        Self::of(test, nats.map(Carrier::Nats))
    }

    pub(crate) async fn redis(test: &str) -> Option<Self> {
        let redis = Redis::guarded().await;
        Self::of(test, redis.map(Carrier::Redis))
    }

    pub(crate) fn of(test: &str, carrier: Option<Carrier>) -> Option<Self> {
        if carrier.is_none() {
            skip(test, "its bus is not installed");
        }
        Some(Self {
            carrier: carrier?,
            life: Epoch("life-1".to_owned()),
            numbers: 0,
        })
    }

    /// From here on nodes are of another cluster.
    pub(crate) fn another_cluster(&mut self) {
        self.life = Epoch("life-2".to_owned());
    }

    pub(crate) fn url(&self) -> String {
        match &self.carrier {
            Carrier::Nats(nats) => nats.url(),
            Carrier::Redis(redis) => redis.url(),
        }
    }

    pub(crate) async fn subscriptions(&self) -> Vec<String> {
        match &self.carrier {
            Carrier::Nats(nats) => nats.subscriptions().await,
            Carrier::Redis(redis) => redis.subscriptions().await,
        }
    }

    pub(crate) fn kill(&mut self) {
        match &mut self.carrier {
            Carrier::Nats(nats) => nats.kill9(),
            Carrier::Redis(redis) => redis.kill9(),
        }
    }

    pub(crate) async fn restart(&mut self) {
        match &mut self.carrier {
            Carrier::Nats(nats) => nats.restart().await,
            Carrier::Redis(redis) => redis.restart().await,
        }
    }

    /// Starts a node, whether or not its bus is there.
    pub(crate) async fn start(&mut self, url: &str) -> Result<Node, BusError> {
        let settings = BusSettings {
            url: Secret(url.to_owned()),
            credentials: None,
            ca: None,
        };
        self.start_with(settings).await
    }

    /// The same with everything that an operator may say.
    pub(crate) async fn start_with(&mut self, settings: BusSettings) -> Result<Node, BusError> {
        self.numbers += 1;
        let router = Arc::new(Router::default());
        let own = NodeId(self.numbers);
        let attendance = Attendance::new(0, own, Arc::new(SystemClock::new()));
        let bus = match &self.carrier {
            Carrier::Nats(_) => nats::open(&settings, router.clone(), attendance.clone())?,
            Carrier::Redis(_) => redis::open(&settings, router.clone(), attendance.clone())?,
        };
        bus.start(&self.life).await?;
        let talking = tokio::spawn(talk(attendance.clone(), bus.clone())).abort_handle();
        Ok(Node {
            router,
            attendance,
            bus,
            talking,
        })
    }

    /// Starts a node and waits until it is on the bus.
    pub(crate) async fn node(&mut self) -> Node {
        let node = self.start(&self.url()).await.unwrap();
        node.is_there(true).await;
        node
    }

    /// Two nodes that know of each other.
    pub(crate) async fn pair(&mut self) -> (Node, Node) {
        let (one, other) = (self.node().await, self.node().await);
        one.knows(&other).await;
        other.knows(&one).await;
        (one, other)
    }
}

/// Says what the attendance wants said, at its time, as a server does.
async fn talk(attendance: Attendance, bus: Arc<dyn Bus>) {
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(10));
    loop {
        ticks.tick().await;
        for word in attendance.tick().words {
            bus.say(&word);
        }
    }
}

impl Node {
    /// Waits until the bus is there, or away.
    pub(crate) async fn is_there(&self, there: bool) {
        use chat_server::bus::Reach;
        let wanted = if there { Reach::Up } else { Reach::Away };
        eventually("the bus comes or goes", async || {
            (self.bus.reach() == wanted).then_some(())
        })
        .await;
    }

    /// Waits until another node was heard.
    pub(crate) async fn knows(&self, other: &Self) {
        eventually("a node is heard", async || {
            let others = self.attendance.others();
            others.contains(&other.attendance.own()).then_some(())
        })
        .await;
    }

    /// A connection of a user, of the session `user-device`.
    pub(crate) async fn connect(&self, user: i64, device: &str) -> Connection {
        let user = UserId(user);
        let guard = self.router.join(user, session(user.0, device)).unwrap();
        let interest = self.bus.attend(user).await;
        Connection {
            guard,
            _interest: interest,
        }
    }
}

impl Connection {
    /// Waits until something came that `wanted` gives something for.
    pub(crate) async fn hears<T>(&self, wanted: impl Fn(Inbox) -> Option<T>) -> T {
        eventually("a notice", async || wanted(self.guard.mailbox.take())).await
    }
}

pub(crate) fn session(user: i64, device: &str) -> SessionId {
    SessionId(format!("{user}-{device}"))
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}
