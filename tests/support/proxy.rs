//! A wire between two programs that a test can cut, silence, slow down and mend.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::eventually;

/// What a wire does with what is put on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// Everything passes, so much later.
    Fair(Duration),
    /// Connections are there, and nothing passes: neither bytes nor the end of a connection.
    Silent,
    /// What is said arrives, and no answer comes back.
    Deaf,
    /// Every connection is reset.
    Cut,
}

impl Weather {
    /// How much later something passes that way; nothing when it does not.
    fn delay(self, way: Way) -> Option<Duration> {
        match (self, way) {
            (Self::Fair(delay), _) => Some(delay),
            (Self::Deaf, Way::There) => Some(Duration::ZERO),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Way {
    There,
    Back,
}

/// A wire to one address.
///
/// What could not pass waits, as in the buffers of a network, and passes when the wire is mended.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    open: Arc<AtomicUsize>,
    opened: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Proxy {
    /// A wire to `target`, which need not be there yet.
    ///
    /// # Panics
    /// When there is no port for it.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let weather = watch::Sender::new(Weather::Fair(Duration::ZERO));
        let open = Arc::new(AtomicUsize::new(0));
        let opened = Arc::new(AtomicUsize::new(0));
        let wires = accept(
            listener,
            target,
            weather.clone(),
            Arc::clone(&open),
            Arc::clone(&opened),
        );
        Self {
            address,
            weather,
            open,
            opened,
            task: tokio::spawn(wires).abort_handle(),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resets all connections, and every new one.
    pub fn cut(&self) {
        self.weather.send_replace(Weather::Cut);
    }

    /// Lets nothing pass any more, either way: the other end is not there, and nobody says so.
    pub fn silence(&self) {
        self.weather.send_replace(Weather::Silent);
    }

    /// Lets pass what is said, and no answer: half of the wire is gone.
    pub fn deafen(&self) {
        self.weather.send_replace(Weather::Deaf);
    }

    /// Lets everything pass so much later, each way.
    pub fn delay(&self, delay: Duration) {
        self.weather.send_replace(Weather::Fair(delay));
    }

    /// Mends the wire: what waits passes.
    pub fn heal(&self) {
        self.delay(Duration::ZERO);
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Connections that were ever opened.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// Waits until a connection has been opened after `before` others.
    ///
    /// # Panics
    /// When none is.
    pub async fn opens_after(&self, before: usize) {
        eventually("a connection through the proxy", async || {
            (self.opened() > before).then_some(())
        })
        .await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes connections until it is dropped, and all of them with it.
async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    weather: watch::Sender<Weather>,
    open: Arc<AtomicUsize>,
    opened: Arc<AtomicUsize>,
) {
    let mut wires = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        while wires.try_join_next().is_some() {}
        opened.fetch_add(1, Ordering::SeqCst);
        let counted = Counted::new(&open);
        let weather = weather.subscribe();
        wires.spawn(async move {
            let _counted = counted;
            // However it ended, both sides see an end.
            let _ = wire(near, target, weather).await;
        });
    }
}

/// Counts a connection for as long as it is there.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(open))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One connection, until one side ends it or it is cut.
async fn wire(
    mut near: TcpStream,
    target: SocketAddr,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let mut cut = weather.clone();
    // One that comes while nothing passes is taken, as by a system whose program does not look at it.
    let far = tokio::select! {
        far = reach(target, &mut weather) => far,
        _ = cut.wait_for(|weather| *weather == Weather::Cut) => Err(io::ErrorKind::ConnectionReset.into()),
    };
    let mut far = match far {
        Ok(far) => far,
        Err(error) => {
            near.set_zero_linger()?;
            return Err(error);
        }
    };
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let was_cut = {
        let ((near_reader, near_writer), (far_reader, far_writer)) = (near.split(), far.split());
        let there = pump(near_reader, far_writer, Way::There, weather.clone());
        let back = pump(far_reader, near_writer, Way::Back, weather);
        tokio::select! {
            ended = async { tokio::try_join!(there, back) } => ended.is_err(),
            _ = cut.wait_for(|weather| *weather == Weather::Cut) => true,
        }
    };
    if was_cut {
        near.set_zero_linger()?;
        far.set_zero_linger()?;
    }
    Ok(())
}

async fn reach(
    target: SocketAddr,
    weather: &mut watch::Receiver<Weather>,
) -> io::Result<TcpStream> {
    passes(weather, Way::There).await?;
    TcpStream::connect(target).await
}

/// Carries bytes one way until their end.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    way: Way,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut bytes).await?;
        let delay = passes(&mut weather, way).await?;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
            passes(&mut weather, way).await?;
        }
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(&bytes[..count]).await?;
    }
}

/// Waits until something may pass that way, and says how much later.
async fn passes(weather: &mut watch::Receiver<Weather>, way: Way) -> io::Result<Duration> {
    let fair = weather
        .wait_for(|weather| weather.delay(way).is_some())
        .await;
    let fair = fair.map_err(|_| io::Error::from(io::ErrorKind::ConnectionReset))?;
    Ok(fair.delay(way).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::Proxy;
    use crate::{eventually, soon};

    /// Long enough for what passes to have passed; what must not pass has no event.
    const A_WHILE: Duration = Duration::from_millis(100);

    /// Gives back what it is told.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut reader, mut writer) = stream.split();
                    let _ = tokio::io::copy(&mut reader, &mut writer).await;
                });
            }
        });
        address
    }

    async fn connected() -> (Proxy, TcpStream) {
        let proxy = Proxy::to(echo().await).await;
        let stream = TcpStream::connect(proxy.address()).await.expect("it opens");
        (proxy, stream)
    }

    async fn says(stream: &mut TcpStream, word: &[u8; 4]) {
        stream.write_all(word).await.expect("it is written");
    }

    async fn hears(stream: &mut TcpStream) -> std::io::Result<[u8; 4]> {
        let mut word = [0; 4];
        soon("an echo", stream.read_exact(&mut word)).await?;
        Ok(word)
    }

    async fn hears_nothing(stream: &mut TcpStream) {
        let mut word = [0; 4];
        let heard = tokio::time::timeout(A_WHILE, stream.read(&mut word)).await;
        assert!(heard.is_err(), "{heard:?} came through");
    }

    #[tokio::test]
    async fn what_could_not_pass_passes_when_the_wire_is_mended() {
        let (proxy, mut stream) = connected().await;
        says(&mut stream, b"one.").await;
        assert_eq!(&hears(&mut stream).await.expect("an echo"), b"one.");
        for half in [false, true] {
            if half {
                proxy.deafen();
            } else {
                proxy.silence();
            }
            says(&mut stream, b"two.").await;
            hears_nothing(&mut stream).await;
            proxy.heal();
            assert_eq!(&hears(&mut stream).await.expect("an echo"), b"two.");
        }
    }

    #[tokio::test]
    async fn a_cut_resets_what_is_there_and_what_comes() {
        let (proxy, mut stream) = connected().await;
        says(&mut stream, b"one.").await;
        hears(&mut stream).await.expect("an echo");
        proxy.cut();
        assert!(hears(&mut stream).await.is_err());
        let mut next = TcpStream::connect(proxy.address()).await.expect("it opens");
        assert!(hears(&mut next).await.is_err());
        eventually("both are gone", async || {
            (proxy.connections() == 0).then_some(())
        })
        .await;
        assert_eq!(proxy.opened(), 2);
        proxy.heal();
        let mut next = TcpStream::connect(proxy.address()).await.expect("it opens");
        says(&mut next, b"two.").await;
        assert_eq!(&hears(&mut next).await.expect("an echo"), b"two.");
        proxy.opens_after(2).await;
    }

    #[tokio::test]
    async fn a_slow_wire_is_slow_both_ways() {
        let (proxy, mut stream) = connected().await;
        proxy.delay(A_WHILE);
        let start = tokio::time::Instant::now();
        says(&mut stream, b"one.").await;
        hears(&mut stream).await.expect("an echo");
        assert!(start.elapsed() >= 2 * A_WHILE);
    }

    #[tokio::test]
    async fn one_that_comes_while_nothing_passes_is_served_later() {
        let proxy = Proxy::to(echo().await).await;
        proxy.silence();
        let mut stream = TcpStream::connect(proxy.address()).await.expect("it opens");
        says(&mut stream, b"one.").await;
        hears_nothing(&mut stream).await;
        proxy.heal();
        assert_eq!(&hears(&mut stream).await.expect("an echo"), b"one.");
    }

    #[tokio::test]
    async fn the_end_of_one_side_is_the_end_of_the_other() {
        let (_proxy, mut stream) = connected().await;
        says(&mut stream, b"one.").await;
        stream.shutdown().await.expect("it is shut");
        let mut rest = Vec::new();
        soon("the end", stream.read_to_end(&mut rest))
            .await
            .expect("an end");
        assert_eq!(rest, b"one.");
    }
}
