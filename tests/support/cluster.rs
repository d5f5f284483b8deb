//! Several nodes on one database and one bus, behind a load balancer: everything of it real, and of this test alone.

use std::ffi::OsString;
use std::net::SocketAddr;

use futures_util::future::join_all;
use nix::sys::signal::Signal;

use crate::server::{self, TestServer};
use crate::{Balancer, Lossy, Nats, Node, Person, Postgres, Proxy, Redis};

/// What the nodes tell each other by.
#[derive(Debug, Clone)]
enum Carrier {
    Nats,
    Unkind(Box<crate::lossy::Setup>),
    Redis,
}

/// How a cluster is to be started; by default on NATS, without wires that can be cut.
#[derive(Debug)]
pub struct Setup {
    nodes: usize,
    carrier: Carrier,
    wires: bool,
    durable: bool,
    server: server::Setup,
}

impl Setup {
    /// Puts Redis in the place of NATS.
    #[must_use]
    pub fn redis(mut self) -> Self {
        self.carrier = Carrier::Redis;
        self
    }

    /// Makes the bus lose, double and reorder.
    #[must_use]
    pub fn lossy(mut self, lossy: crate::lossy::Setup) -> Self {
        self.carrier = Carrier::Unkind(Box::new(lossy));
        self
    }

    /// Gives each node wires of its own to the database and to the bus, which a test can cut.
    #[must_use]
    pub fn wires(mut self) -> Self {
        self.wires = true;
        self
    }

    /// Has the database write through to the disk.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Starts each node as this says.
    #[must_use]
    pub fn server(mut self, server: server::Setup) -> Self {
        self.server = server;
        self
    }

    /// Adds an argument of each node.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.server = self.server.arg(arg);
        self
    }

    /// Starts it; nothing where a program is not installed.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(self) -> Option<Cluster> {
        let postgres = Postgres::setup();
        let postgres = if self.durable {
            postgres.durable()
        } else {
            postgres
        };
        let postgres = postgres.start().await?;
        let bus = Bus::start(self.carrier).await?;
        let balancer = Balancer::start([]).await;
        let public = format!("http://{}", balancer.address());
        let args = self.server.arg("--public-url").arg(public).into_args();
        let mut nodes = Vec::with_capacity(self.nodes);
        // The first one makes the tables, and the others find them.
        let mut wires = Wires::lay(self.wires, &postgres, &bus).await;
        nodes.push(Node::start_to_return(wires.args(&args, &postgres, &bus)).await);
        let mut all = vec![wires];
        let mut others = Vec::new();
        for _ in 1..self.nodes {
            wires = Wires::lay(self.wires, &postgres, &bus).await;
            others.push(Node::start_to_return(wires.args(&args, &postgres, &bus)));
            all.push(wires);
        }
        nodes.extend(join_all(others).await);
        balancer.serve(nodes.iter().map(|node| node.address));
        Some(Cluster {
            nodes,
            balancer,
            bus,
            postgres,
            wires: all,
        })
    }
}

/// The bus of a cluster.
#[derive(Debug)]
pub enum Bus {
    /// NATS, perhaps with something unkind before it.
    Nats(Nats, Option<Lossy>),
    /// Redis.
    Redis(Redis),
}

impl Bus {
    async fn start(carrier: Carrier) -> Option<Self> {
        match carrier {
            Carrier::Nats => Some(Self::Nats(Nats::start().await?, None)),
            Carrier::Redis => Some(Self::Redis(Redis::start().await?)),
            Carrier::Unkind(setup) => {
                let nats = Nats::start().await?;
                let lossy = setup.before(nats.address()).await;
                Some(Self::Nats(nats, Some(lossy)))
            }
        }
    }

    /// Where nodes connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Nats(_, Some(lossy)) => lossy.address(),
            Self::Nats(nats, None) => nats.address(),
            Self::Redis(redis) => redis.address(),
        }
    }

    /// The URL that a node is given, through another address such as that of a proxy.
    #[must_use]
    pub fn url_through(&self, address: SocketAddr) -> String {
        match self {
            Self::Nats(nats, _) => nats.url_through(address),
            Self::Redis(redis) => redis.url_through(address),
        }
    }

    /// The NATS that it is.
    ///
    /// # Panics
    /// When it is a Redis.
    #[must_use]
    pub fn nats(&self) -> &Nats {
        match self {
            Self::Nats(nats, _) => nats,
            Self::Redis(_) => panic!("the bus of this cluster is Redis"),
        }
    }

    /// What is unkind about it.
    ///
    /// # Panics
    /// When nothing is.
    #[must_use]
    pub fn unkind(&self) -> &Lossy {
        match self {
            Self::Nats(_, Some(lossy)) => lossy,
            _ => panic!("the bus of this cluster is a kind one"),
        }
    }

    /// Kills it without a warning.
    pub fn kill9(&mut self) {
        match self {
            Self::Nats(nats, _) => nats.kill9(),
            Self::Redis(redis) => redis.kill9(),
        }
    }

    /// Gives it a signal.
    ///
    /// # Panics
    /// When it has ended.
    pub fn signal(&self, signal: Signal) {
        match self {
            Self::Nats(nats, _) => nats.signal(signal),
            Self::Redis(redis) => redis.signal(signal),
        }
    }

    /// Starts it again on the same port; ends it before where it runs.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn restart(&mut self) {
        match self {
            Self::Nats(nats, _) => nats.restart().await,
            Self::Redis(redis) => redis.restart().await,
        }
    }
}

/// The wires of one node, where a test asked for them.
#[derive(Debug)]
struct Wires {
    store: Option<Proxy>,
    bus: Option<Proxy>,
}

impl Wires {
    async fn lay(wanted: bool, postgres: &Postgres, bus: &Bus) -> Self {
        if !wanted {
            return Self {
                store: None,
                bus: None,
            };
        }
        Self {
            store: Some(Proxy::to(postgres.address()).await),
            bus: Some(Proxy::to(bus.address()).await),
        }
    }

    /// The arguments of a node at these wires.
    fn args(&self, args: &[OsString], postgres: &Postgres, bus: &Bus) -> Vec<OsString> {
        let store = self
            .store
            .as_ref()
            .map_or(postgres.address(), Proxy::address);
        let to_bus = self.bus.as_ref().map_or(bus.address(), Proxy::address);
        let mut args = args.to_vec();
        args.extend(["--database".into(), postgres.url_through(store).into()]);
        args.extend(["--bus".into(), bus.url_through(to_bus).into()]);
        args
    }
}

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// What stands before them.
    pub balancer: Balancer,
    /// What they tell each other by.
    pub bus: Bus,
    /// What they keep everything in.
    pub postgres: Postgres,
    wires: Vec<Wires>,
}

impl Cluster {
    /// Starts one of so many nodes; nothing where a program is not installed.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(nodes: usize) -> Option<Self> {
        Self::setup(nodes).start().await
    }

    /// One that is to be started otherwise.
    ///
    /// # Panics
    /// Without a node.
    #[must_use]
    pub fn setup(nodes: usize) -> Setup {
        assert!(nodes > 0, "a cluster has a node");
        Setup {
            nodes,
            carrier: Carrier::Nats,
            wires: false,
            durable: false,
            server: TestServer::setup(),
        }
    }

    /// A new person, registered and logged in, who goes through the balancer.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn person(&self, name: &str) -> Person {
        Person::register(self.balancer.address(), name).await
    }

    /// Several of them.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn people<const N: usize>(&self, names: [&str; N]) -> [Person; N] {
        let mut people = Vec::with_capacity(N);
        for name in names {
            people.push(self.person(name).await);
        }
        people.try_into().expect("as many as there are names")
    }

    /// So many people: `one0`, `one1` and so on.
    pub async fn crowd(&self, count: usize) -> Vec<Person> {
        let mut people = Vec::with_capacity(count);
        for number in 0..count {
            people.push(self.person(&format!("one{number}")).await);
        }
        people
    }

    /// A person as they are when they go to one node.
    #[must_use]
    pub fn on(&self, node: usize, person: &Person) -> Person {
        person.on(self.nodes[node].address)
    }

    /// The wire between a node and the database.
    ///
    /// # Panics
    /// When the cluster was started without wires.
    #[must_use]
    pub fn store_wire(&self, node: usize) -> &Proxy {
        let wire = self.wires[node].store.as_ref();
        wire.expect("the cluster was started with wires")
    }

    /// The wire between a node and the bus.
    ///
    /// # Panics
    /// When the cluster was started without wires.
    #[must_use]
    pub fn bus_wire(&self, node: usize) -> &Proxy {
        let wire = self.wires[node].bus.as_ref();
        wire.expect("the cluster was started with wires")
    }
}
