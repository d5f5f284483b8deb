//! The driver of a connection: a socket on one side, the pure `Session` on the other. The only WebSocket of the server.

use std::sync::Arc;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;

use crate::service::{App, Identity};

/// How a connection was opened.
#[derive(Debug, Default)]
pub struct Opened {
    /// Who it is, where the upgrade said so; else the first frame must.
    pub identity: Option<Identity>,
    /// Whether it counts neither for presence nor for notices.
    pub background: bool,
}

/// Serves one connection until it ends. `stopping` is cancelled when the server stops: the client is told
/// `going_away`, what is in flight is answered, and the socket closes.
pub async fn serve(
    _app: Arc<App>,
    _socket: TokioIo<Upgraded>,
    _opened: Opened,
    _stopping: CancellationToken,
) {
}
