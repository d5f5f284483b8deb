//! An unkind bus: stands before a NATS server and loses, doubles and reorders what it delivers, and nothing else.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

/// How long a delivery is held back at most when no others come that could overtake it.
const HELD: Duration = Duration::from_millis(50);
/// How many others may overtake a delivery.
const OVERTAKEN: u64 = 4;

/// How unkind it is; by default one delivery in ten is lost, one doubled and one overtaken by others.
#[derive(Debug, Clone)]
pub struct Setup {
    seed: u64,
    lost: u64,
    doubled: u64,
    moved: u64,
    spared: &'static [&'static str],
}

impl Setup {
    /// Repeats the choices of another run as far as the order of the deliveries is the same.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Of a hundred deliveries, how many are lost, doubled and overtaken.
    #[must_use]
    pub fn rates(mut self, lost: u64, doubled: u64, moved: u64) -> Self {
        (self.lost, self.doubled, self.moved) = (lost, doubled, moved);
        self
    }

    /// Loses nothing that contains one of these words, in its subject or its payload: what nobody promises to repair.
    #[must_use]
    pub fn sparing(mut self, words: &'static [&'static str]) -> Self {
        self.spared = words;
        self
    }

    /// Stands before the server at `nats`.
    ///
    /// # Panics
    /// When there is no port for it.
    pub async fn before(self, nats: SocketAddr) -> Lossy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let shared = Arc::new(Shared::default());
        Lossy {
            address: listener.local_addr().expect("its address"),
            task: tokio::spawn(accept(listener, nats, self, Arc::clone(&shared))).abort_handle(),
            shared,
        }
    }
}

/// What it has done to deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    /// Never came.
    pub lost: u64,
    /// Came twice.
    pub doubled: u64,
    /// Came after others that were later.
    pub moved: u64,
}

/// A running one.
#[derive(Debug)]
pub struct Lossy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

/// What all connections and the test see.
#[derive(Debug, Default)]
struct Shared {
    kind: AtomicBool,
    lost: AtomicU64,
    doubled: AtomicU64,
    moved: AtomicU64,
}

impl Lossy {
    /// One that is yet to be placed before a server.
    #[must_use]
    pub fn setup() -> Setup {
        Setup {
            seed: fastrand::u64(..),
            lost: 10,
            doubled: 10,
            moved: 10,
            spared: &[],
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets everything pass from here on.
    pub fn be_kind(&self) {
        self.shared.kind.store(true, Ordering::Relaxed);
    }

    /// What it has done so far.
    #[must_use]
    pub fn faults(&self) -> Faults {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Faults {
            lost: count(&self.shared.lost),
            doubled: count(&self.shared.doubled),
            moved: count(&self.shared.moved),
        }
    }
}

impl Drop for Lossy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, nats: SocketAddr, setup: Setup, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    let mut random = fastrand::Rng::with_seed(setup.seed);
    while let Ok((near, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let fate = Fate::new(setup.clone(), random.fork(), Arc::clone(&shared));
        connections.spawn(async move {
            // However it ended, both sides see an end.
            let _ = pass(near, nats, fate).await;
        });
    }
}

/// One connection, until either side ends it.
async fn pass(near: TcpStream, nats: SocketAddr, fate: Fate) -> io::Result<()> {
    let far = TcpStream::connect(nats).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ((mut near_reader, near_writer), (far_reader, mut far_writer)) =
        (near.into_split(), far.into_split());
    tokio::select! {
        said = tokio::io::copy(&mut near_reader, &mut far_writer) => said.map(|_| ()),
        answered = deliver(far_reader, near_writer, fate) => answered,
    }
}

/// Carries what the server says, each delivery as its fate is.
async fn deliver(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut fate: Fate,
) -> io::Result<()> {
    let mut frames = Frames::default();
    loop {
        let due = fate.due();
        let wait = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            count = from.read_buf(&mut frames.bytes) => if count? == 0 {
                return to.shutdown().await;
            },
            () = wait => {}
        }
        let now = Instant::now();
        let mut out = Vec::new();
        while let Some(frame) = frames.next() {
            fate.handle(frame, now, &mut out);
        }
        fate.overdue(now, &mut out);
        for bytes in out {
            to.write_all(&bytes).await?;
        }
    }
}

/// What becomes of the deliveries of one connection.
#[derive(Debug)]
struct Fate {
    setup: Setup,
    random: fastrand::Rng,
    shared: Arc<Shared>,
    held: Vec<Held>,
}

/// A delivery that waits to be overtaken.
#[derive(Debug)]
struct Held {
    bytes: Bytes,
    others: u64,
    due: Instant,
}

impl Fate {
    fn new(setup: Setup, random: fastrand::Rng, shared: Arc<Shared>) -> Self {
        Self {
            setup,
            random,
            shared,
            held: Vec::new(),
        }
    }

    /// When the first of those that are held back must go.
    fn due(&self) -> Option<Instant> {
        self.held.iter().map(|held| held.due).min()
    }

    /// Takes a frame of the server, and puts out what is to be written instead.
    fn handle(&mut self, frame: Frame, now: Instant, out: &mut Vec<Bytes>) {
        let bytes = match frame {
            Frame::Other(bytes) => return out.push(bytes),
            Frame::Delivery(bytes) => bytes,
        };
        if self.shared.kind.load(Ordering::Relaxed) {
            return out.push(bytes);
        }
        let Setup {
            lost,
            doubled,
            moved,
            ..
        } = self.setup;
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        match self.random.u64(0..100) {
            dice if dice < lost && !self.spares(&bytes) => {
                count(&self.shared.lost);
            }
            dice if dice < lost => self.put(bytes, out),
            dice if dice < lost + doubled => {
                count(&self.shared.doubled);
                self.put(bytes.clone(), out);
                self.put(bytes, out);
            }
            dice if dice < lost + doubled + moved => {
                count(&self.shared.moved);
                let others = self.random.u64(1..=OVERTAKEN);
                let due = now + HELD;
                self.held.push(Held { bytes, others, due });
            }
            _ => self.put(bytes, out),
        }
    }

    fn spares(&self, bytes: &[u8]) -> bool {
        let holds = |word: &str| {
            bytes
                .windows(word.len())
                .any(|part| part == word.as_bytes())
        };
        self.setup.spared.iter().any(|word| holds(word))
    }

    /// Puts a delivery out, and behind it those that enough others have overtaken.
    fn put(&mut self, bytes: Bytes, out: &mut Vec<Bytes>) {
        out.push(bytes);
        for held in &mut self.held {
            held.others = held.others.saturating_sub(1);
        }
        self.release(|held| held.others == 0, out);
    }

    /// Puts out what was held back long enough.
    fn overdue(&mut self, now: Instant, out: &mut Vec<Bytes>) {
        self.release(|held| held.due <= now, out);
    }

    fn release(&mut self, free: impl Fn(&Held) -> bool, out: &mut Vec<Bytes>) {
        let mut at = 0;
        while at < self.held.len() {
            if free(&self.held[at]) {
                out.push(self.held.remove(at).bytes);
            } else {
                at += 1;
            }
        }
    }
}

/// What a server says, cut into what belongs together.
#[derive(Debug, Default)]
struct Frames {
    bytes: BytesMut,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Frame {
    /// A message to a subscription: `MSG` or `HMSG` with all that follows.
    Delivery(Bytes),
    /// A line of anything else.
    Other(Bytes),
}

impl Frames {
    /// The next whole frame; nothing when there is only a part of one.
    fn next(&mut self) -> Option<Frame> {
        let end = self.bytes.windows(2).position(|two| two == b"\r\n")? + 2;
        let line = String::from_utf8_lossy(&self.bytes[..end]).into_owned();
        let mut words = line.split_ascii_whitespace();
        let verb = words.next().unwrap_or_default();
        if !["MSG", "HMSG"]
            .iter()
            .any(|known| verb.eq_ignore_ascii_case(known))
        {
            return Some(Frame::Other(self.bytes.split_to(end).freeze()));
        }
        // The last number is the size of all that follows, but for the end of the line behind it.
        let size: usize = words.last().and_then(|word| word.parse().ok())?;
        let end = end + size + 2;
        if self.bytes.len() < end {
            return None;
        }
        let bytes = self.bytes.split_to(end).freeze();
        Some(Frame::Delivery(bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use tokio::time::Instant;

    use super::{Fate, Frame, Frames, HELD, Lossy, Setup, Shared};

    /// What a server says in a minute: two messages, one of them with the end of a line and a verb in it.
    const SAID: &str = "INFO {\"server_id\":\"x\"} \r\nPING\r\n\
        MSG chat.ann 1 13\r\nMSG a 1 2\r\nhi\r\n\
        +OK\r\nHMSG chat.ben 9 _INBOX.7 12 17\r\nNATS/1.0\r\n\r\nhello\r\n\
        msg empty 2 0\r\n\r\nPONG\r\n-ERR 'x'\r\n";

    fn frames_of(pieces: &[&str]) -> Vec<Frame> {
        let mut frames = Frames::default();
        let mut found = Vec::new();
        for piece in pieces {
            frames.bytes.extend_from_slice(piece.as_bytes());
            found.extend(std::iter::from_fn(|| frames.next()));
        }
        assert!(frames.bytes.is_empty(), "nothing is left");
        found
    }

    fn delivery(bytes: &'static str) -> Frame {
        Frame::Delivery(Bytes::from(bytes))
    }

    #[test]
    fn what_a_server_says_is_cut_at_the_right_places_however_it_comes() {
        let whole = frames_of(&[SAID]);
        let other = |bytes: &'static str| Frame::Other(Bytes::from(bytes));
        assert_eq!(
            whole,
            [
                other("INFO {\"server_id\":\"x\"} \r\n"),
                other("PING\r\n"),
                delivery("MSG chat.ann 1 13\r\nMSG a 1 2\r\nhi\r\n"),
                other("+OK\r\n"),
                delivery("HMSG chat.ben 9 _INBOX.7 12 17\r\nNATS/1.0\r\n\r\nhello\r\n"),
                delivery("msg empty 2 0\r\n\r\n"),
                other("PONG\r\n"),
                other("-ERR 'x'\r\n"),
            ]
        );
        for at in 0..=SAID.len() {
            let (one, other) = SAID.split_at(at);
            assert_eq!(frames_of(&[one, other]), whole, "split at {at}");
        }
        let bytes: Vec<&str> = (0..SAID.len()).map(|at| &SAID[at..=at]).collect();
        assert_eq!(frames_of(&bytes), whole);
    }

    /// What becomes of `count` deliveries, each named by its number.
    fn fates(setup: Setup, count: u32) -> (Vec<String>, Arc<Shared>) {
        let shared = Arc::new(Shared::default());
        let random = fastrand::Rng::with_seed(setup.seed);
        let mut fate = Fate::new(setup, random, Arc::clone(&shared));
        let (now, mut out) = (Instant::now(), Vec::new());
        for n in 0..count {
            let bytes = Bytes::from(format!("number {n}"));
            fate.handle(Frame::Delivery(bytes), now, &mut out);
        }
        fate.overdue(now + HELD, &mut out);
        assert!(fate.due().is_none(), "nothing is held for ever");
        let out = out
            .iter()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        (out.collect(), shared)
    }

    #[test]
    fn each_unkindness_happens_as_often_as_it_should() {
        let (all, _) = fates(Lossy::setup().rates(0, 0, 0), 1000);
        let kind: Vec<String> = (0..1000).map(|n| format!("number {n}")).collect();
        assert_eq!(all, kind);

        let (left, _) = fates(Lossy::setup().seed(1).rates(10, 0, 0), 1000);
        assert!((850..950).contains(&left.len()), "{}", left.len());

        let (more, _) = fates(Lossy::setup().seed(1).rates(0, 10, 0), 1000);
        assert!((1050..1150).contains(&more.len()), "{}", more.len());

        let (mut moved, _) = fates(Lossy::setup().seed(1).rates(0, 0, 10), 1000);
        assert_ne!(moved, kind);
        moved.sort_by_key(|text| kind.iter().position(|other| other == text));
        assert_eq!(moved, kind, "nothing is lost or doubled by it");
    }

    #[test]
    fn the_same_seed_makes_the_same_choices_and_what_is_spared_passes() {
        let unkind = || Lossy::setup().seed(7).rates(30, 30, 30);
        assert_eq!(fates(unkind(), 500).0, fates(unkind(), 500).0);
        let (all, shared) = fates(Lossy::setup().rates(100, 0, 0).sparing(&["number 7"]), 100);
        assert_eq!(all.len(), 11);
        assert_eq!(shared.lost.load(std::sync::atomic::Ordering::Relaxed), 89);
    }
}
