//! A server as a test meets it: one process, or, where the run says so, several nodes that look like one.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::cluster::Cluster;
use crate::dial::Dial;
use crate::http::{Answer, Call};
use crate::person::Person;
use crate::{Lossy, Node};

/// How a server is to be started; by default without limits, and open to everybody.
#[derive(Debug)]
pub struct Setup {
    rate: [String; 2],
    signup: &'static str,
    address_limits: &'static str,
    more: Vec<OsString>,
    data: Option<PathBuf>,
}

impl Setup {
    /// Limits what a user sends: so many a second, so many at once.
    #[must_use]
    pub fn rate(mut self, per_second: u32, burst: u32) -> Self {
        self.rate = [per_second.to_string(), burst.to_string()];
        self
    }

    /// Lets in who has an invite.
    #[must_use]
    pub fn signup_invite(mut self) -> Self {
        self.signup = "invite";
        self
    }

    /// Lets nobody sign up.
    #[must_use]
    pub fn signup_closed(mut self) -> Self {
        self.signup = "closed";
        self
    }

    /// Limits what comes from one address.
    #[must_use]
    pub fn address_limits(mut self) -> Self {
        self.address_limits = "on";
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.more.push(arg.into());
        self
    }

    /// Keeps the data in a folder that the test brought.
    #[must_use]
    pub fn data(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(self) -> TestServer {
        match nodes_of_this_run() {
            1 => self.start_one().await,
            nodes => self.start_several(nodes).await,
        }
    }

    /// Starts it as one process, whatever the run says.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start_one(mut self) -> TestServer {
        let data = self.data.take();
        let node = Node::start(self.into_args(), data).await;
        TestServer {
            address: node.address,
            data: node.data.clone(),
            inside: Inside::One(Box::new(node)),
        }
    }

    /// Nodes on a bus that is as bad as a bus may be, behind one address.
    async fn start_several(self, nodes: usize) -> TestServer {
        // Who is typing is told once or not at all, and a mark of others by the next one or at the next resume.
        let bus = Lossy::setup().sparing(&["{\"typing\"", "{\"mark\""]);
        let cluster = Cluster::setup(nodes).lossy(bus).server(self);
        let cluster = cluster.start().await;
        let cluster = cluster.expect("several nodes take PostgreSQL and NATS");
        TestServer {
            address: cluster.balancer.address(),
            data: cluster.nodes[0].data.clone(),
            inside: Inside::Several(Box::new(cluster)),
        }
    }

    /// The arguments of a process, without its port and its data folder.
    pub(crate) fn into_args(self) -> Vec<OsString> {
        let [rate, burst] = self.rate;
        let mut args: Vec<OsString> = vec!["--send-rate".into(), rate.into()];
        args.extend(["--send-burst".into(), burst.into()]);
        args.extend(["--signup".into(), self.signup.into()]);
        args.extend(["--address-limits".into(), self.address_limits.into()]);
        args.extend(self.more);
        args
    }
}

/// How many nodes a server has in this run: `CHAT_TESTS_NODES` says it.
///
/// # Panics
/// When it says no number.
#[must_use]
pub fn nodes_of_this_run() -> usize {
    let nodes = std::env::var("CHAT_TESTS_NODES").ok();
    nodes.map_or(1, |nodes| nodes.parse().expect("a number of nodes"))
}

/// Whether a test that is about one process has nothing to do in this run, whose servers are several nodes; says so
/// aloud, and why.
#[must_use]
pub fn about_one_process(why: &str) -> bool {
    let several = nodes_of_this_run() > 1;
    if several {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        crate::note("CHAT_TESTS_ONE_PROCESS", &format!("{test}: {why}"));
    }
    several
}

/// A running server.
#[derive(Debug)]
pub struct TestServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its data folder; of several nodes that of the first.
    pub data: PathBuf,
    inside: Inside,
}

#[derive(Debug)]
enum Inside {
    One(Box<Node>),
    Several(Box<Cluster>),
}

impl TestServer {
    /// Starts one that is open to everybody and limits nothing.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start() -> Self {
        Self::setup().start().await
    }

    /// One that is to be started otherwise.
    #[must_use]
    pub fn setup() -> Setup {
        Setup {
            rate: ["0".to_owned(), "20".to_owned()],
            signup: "open",
            address_limits: "off",
            more: Vec::new(),
            data: None,
        }
    }

    /// A new person, registered and logged in.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn person(&self, name: &str) -> Person {
        Person::register(self.address, name).await
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

    /// A request without a token.
    pub async fn call(&self, call: Call) -> Answer {
        call.send(self.address).await
    }

    /// A socket that is yet to be opened.
    #[must_use]
    pub fn dial(&self) -> Dial {
        Dial::new(self.address)
    }

    /// The URL that a client is given.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn nodes(&self) -> &[Node] {
        match &self.inside {
            Inside::One(node) => std::slice::from_ref(node),
            Inside::Several(cluster) => &cluster.nodes,
        }
    }

    fn nodes_mut(&mut self) -> &mut [Node] {
        match &mut self.inside {
            Inside::One(node) => std::slice::from_mut(node),
            Inside::Several(cluster) => &mut cluster.nodes,
        }
    }

    /// The next line that it prints; of several nodes the first.
    ///
    /// # Panics
    /// When there is none.
    pub async fn next_line(&mut self) -> String {
        self.nodes_mut()[0].next_line().await
    }

    /// What it has logged, all nodes one after the other.
    ///
    /// # Panics
    /// When the file is gone.
    #[must_use]
    pub fn log(&self) -> String {
        self.nodes().iter().map(Node::log).collect()
    }

    /// The number of its process; of several nodes that of the first.
    ///
    /// # Panics
    /// When it has ended.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.nodes()[0].pid()
    }

    /// Whether it still runs, with all of its nodes.
    #[must_use]
    pub fn runs(&mut self) -> bool {
        self.nodes_mut().iter_mut().all(Node::runs)
    }

    /// Gives it a signal, to all nodes.
    ///
    /// # Panics
    /// When it has ended.
    pub fn signal(&self, signal: Signal) {
        for node in self.nodes() {
            node.signal(signal);
        }
    }

    /// Kills it without a warning, all nodes at once.
    ///
    /// # Panics
    /// When it has ended before.
    pub async fn kill9(&mut self) {
        self.signal(Signal::SIGKILL);
        self.ended().await;
    }

    /// Asks it to stop, all nodes at once, and waits until it has.
    ///
    /// # Panics
    /// When it does not stop.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.ended().await
    }

    /// Waits for its end; of several nodes it gives the worst.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut worst = ExitStatus::default();
        for node in self.nodes_mut() {
            let status = node.ended().await;
            if !status.success() {
                worst = status;
            }
        }
        if let Inside::Several(cluster) = &mut self.inside {
            cluster.balancer.close().await;
        }
        worst
    }

    /// Starts it again with the same data, on the same port.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn restart(&mut self) {
        for node in self.nodes_mut() {
            node.restart().await;
        }
        if let Inside::Several(cluster) = &mut self.inside {
            cluster.balancer.open().await;
        }
    }
}
