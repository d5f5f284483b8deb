//! An ordinary load balancer: one port, and behind it nodes that take turns.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::{eventually, port};

/// Gives each connection to the next node that takes it; knows nothing of what goes through.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    nodes: Arc<Mutex<Turns>>,
    door: Option<JoinHandle<()>>,
}

/// Who is next.
#[derive(Debug)]
struct Turns {
    nodes: Vec<SocketAddr>,
    next: usize,
}

impl Turns {
    /// All nodes in the order in which a new connection tries them.
    fn take(&mut self) -> Vec<SocketAddr> {
        let mut order = self.nodes.clone();
        if !order.is_empty() {
            let first = self.next % order.len();
            order.rotate_left(first);
        }
        self.next = self.next.wrapping_add(1);
        order
    }
}

impl Balancer {
    /// A balancer before these nodes.
    ///
    /// # Panics
    /// When there is no port for it.
    pub async fn start(nodes: impl IntoIterator<Item = SocketAddr>) -> Self {
        let nodes = nodes.into_iter().collect();
        let nodes = Arc::new(Mutex::new(Turns { nodes, next: 0 }));
        let listener = eventually("a port for the balancer", async || {
            let address = (Ipv4Addr::LOCALHOST, port::free());
            TcpListener::bind(address).await.ok()
        });
        let listener = listener.await;
        Self {
            address: listener.local_addr().expect("its address"),
            door: Some(tokio::spawn(accept(listener, Arc::clone(&nodes)))),
            nodes,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives new connections to these nodes from here on; those that are there stay.
    ///
    /// # Panics
    /// When a task failed over its list.
    pub fn serve(&self, nodes: impl IntoIterator<Item = SocketAddr>) {
        self.nodes.lock().expect("nobody fails over it").nodes = nodes.into_iter().collect();
    }

    /// Refuses connections, as one does that knows all of its nodes to be away; those that are there stay.
    pub async fn close(&mut self) {
        if let Some(door) = self.door.take() {
            door.abort();
            // It was aborted, and says so.
            let _ = door.await;
        }
    }

    /// Takes connections again.
    ///
    /// # Panics
    /// When its port is gone.
    pub async fn open(&mut self) {
        if self.door.is_none() {
            let listener = eventually("the port of the balancer", async || {
                TcpListener::bind(self.address).await.ok()
            });
            self.door = Some(tokio::spawn(accept(
                listener.await,
                Arc::clone(&self.nodes),
            )));
        }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        if let Some(door) = &self.door {
            door.abort();
        }
    }
}

async fn accept(listener: TcpListener, nodes: Arc<Mutex<Turns>>) {
    while let Ok((near, _)) = listener.accept().await {
        let order = nodes.lock().expect("nobody fails over it").take();
        // It ends with either side. However that was, both see an end.
        tokio::spawn(async move {
            let _ = pass(near, order).await;
        });
    }
}

/// One connection, to the first node that takes it.
async fn pass(mut near: TcpStream, nodes: Vec<SocketAddr>) -> std::io::Result<()> {
    for node in nodes {
        let Ok(mut far) = TcpStream::connect(node).await else {
            continue;
        };
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let ended = tokio::io::copy_bidirectional(&mut near, &mut far).await;
        if ended.is_err() {
            // One side's end by force is the other's too.
            near.set_zero_linger()?;
            far.set_zero_linger()?;
        }
        return Ok(());
    }
    near.set_zero_linger()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::Balancer;
    use crate::soon;

    /// A node that says its letter to everybody.
    async fn node(letter: u8) -> (std::net::SocketAddr, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(&[letter]).await;
            }
        });
        (address, task)
    }

    /// What the next connections are told, one letter each; a dot where nobody takes one.
    async fn told(balancer: &Balancer, connections: usize) -> String {
        let mut letters = String::new();
        for _ in 0..connections {
            let mut stream = TcpStream::connect(balancer.address())
                .await
                .expect("it opens");
            let letter = soon("a letter", stream.read_u8()).await;
            letters.push(letter.map_or('.', char::from));
        }
        letters
    }

    #[tokio::test]
    async fn nodes_take_turns_and_those_that_are_away_are_skipped() {
        let ((a, first), (b, second)) = (node(b'a').await, node(b'b').await);
        let mut balancer = Balancer::start([a, b]).await;
        assert_eq!(told(&balancer, 4).await, "abab");
        first.abort();
        let _ = first.await;
        assert_eq!(told(&balancer, 4).await, "bbbb");
        second.abort();
        let _ = second.await;
        assert_eq!(told(&balancer, 2).await, "..");
        let (c, _third) = node(b'c').await;
        balancer.serve([a, c]);
        assert_eq!(told(&balancer, 2).await, "cc");
        balancer.close().await;
        assert!(TcpStream::connect(balancer.address()).await.is_err());
        balancer.open().await;
        assert_eq!(told(&balancer, 1).await, "c");
    }
}
