//! Writes to a socket that may be slow, stuck or gone, and ends it so that the peer learns why.

use std::future::poll_fn;
use std::time::Duration;

use futures_util::{FutureExt, SinkExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use crate::limits;
use crate::mailbox::{Ending, Mailbox};
use crate::metrics;

/// How a connection ends.
#[derive(Debug)]
pub(super) enum End {
    /// The peer is gone; nobody is there to be told.
    Gone,
    /// The peer closes: the close frame is answered.
    PeerCloses,
    /// Its session ended.
    SessionEnded,
    /// The server closes, with a code and a reason.
    Close(CloseCode, &'static str),
}

impl End {
    pub(super) const fn close(code: CloseCode, reason: &'static str) -> Self {
        Self::Close(code, reason)
    }
}

/// A socket, as one writes to it.
pub(super) struct Writer<S> {
    pub(super) socket: WebSocketStream<S>,
}

impl<S> Writer<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) const fn new(socket: WebSocketStream<S>) -> Self {
        Self { socket }
    }

    /// Sends one frame now.
    pub(super) async fn say(&mut self, frame: Utf8Bytes) -> Result<(), End> {
        self.put(Message::Text(frame), None).await?;
        self.flush(None).await
    }

    /// Gathers a frame; writes when enough is gathered. `mailbox` interrupts a write that is stuck.
    pub(super) async fn put(
        &mut self,
        message: Message,
        mailbox: Option<&Mailbox>,
    ) -> Result<(), End> {
        let ready = poll_fn(|cx| self.socket.poll_ready_unpin(cx));
        moving(ready, mailbox).await?;
        metrics::hot().frames.increment(1);
        self.socket.start_send_unpin(message).map_err(|_| End::Gone)
    }

    /// Writes what was gathered.
    pub(super) async fn flush(&mut self, mailbox: Option<&Mailbox>) -> Result<(), End> {
        let flushed = poll_fn(|cx| self.socket.poll_flush_unpin(cx));
        moving(flushed, mailbox).await
    }

    /// Tells the peer why, and lets it read that before the socket goes.
    pub(super) async fn end(mut self, end: End) {
        let linger_ms = match end {
            End::SessionEnded => limits::FAREWELL_MS,
            _ => limits::LINGER_MS,
        };
        let frame = match end {
            End::Gone => return,
            End::PeerCloses => None,
            End::SessionEnded => Some(CloseFrame {
                code: CloseCode::Policy,
                reason: "the session ended".into(),
            }),
            End::Close(code, reason) => Some(CloseFrame {
                code,
                reason: reason.into(),
            }),
        };
        let linger = async {
            if frame.is_some() {
                let _ = self.socket.send(Message::Close(frame)).await;
            } else {
                let _ = self.socket.flush().await;
            }
            self.drain().await;
        };
        // Who does not take it in time is cut.
        let _ = tokio::time::timeout(Duration::from_millis(linger_ms), linger).await;
    }

    /// Reads and forgets what the peer still sends: closing a socket with unread bytes resets it, and the peer would
    /// never see the close frame.
    async fn drain(&mut self) {
        let stream = self.socket.get_mut();
        // The peer sees the end behind the close frame, and need not wait for it.
        let _ = stream.shutdown().await;
        // On the heap: as part of the task it would cost every idle connection this much.
        let mut bytes = vec![0; 4096];
        let mut left = limits::LINGER_BYTES_MAX;
        while let Ok(read @ 1..) = stream.read(&mut bytes).await {
            left = left.saturating_sub(read);
            if left == 0 {
                return;
            }
        }
    }
}

/// Waits for a write as long as the peer may take, or until the connection is to end.
async fn moving<F>(mut write: F, mailbox: Option<&Mailbox>) -> Result<(), End>
where
    F: Future<Output = Result<(), Error>> + Unpin,
{
    // Nearly always the socket takes it at once, and no timer is needed.
    if let Some(written) = (&mut write).now_or_never() {
        return written.map_err(|_| End::Gone);
    }
    let stall = tokio::time::sleep(Duration::from_millis(limits::WRITE_STALL_MS));
    let outcome = tokio::select! {
        written = write => written.map_err(|_| End::Gone),
        () = stall => Err(End::close(CloseCode::Again, "the connection takes nothing")),
        () = session_ended(mailbox) => Err(End::SessionEnded),
    };
    if let Some(mailbox) = mailbox {
        mailbox.wake_again();
    }
    outcome
}

/// Waits until the session of the connection ended. Other notices that wake it stay in the mailbox, and a server that
/// stops has its own deadline for writes that do not move.
async fn session_ended(mailbox: Option<&Mailbox>) {
    let Some(mailbox) = mailbox else {
        return std::future::pending().await;
    };
    while mailbox.ending() != Some(Ending::SessionEnded) {
        mailbox.filled().await;
    }
}

#[cfg(test)]
mod tests {
    use chat_proto::PresenceState;

    use super::*;
    use crate::bus::{Notice, PresenceNotice};
    use crate::change::UserId;

    fn notice() -> Notice {
        Notice::Presence(PresenceNotice {
            user: UserId(1),
            name: "ann".parse().expect("a name"),
            state: PresenceState::Online,
            last_seen: None,
        })
    }

    #[tokio::test]
    async fn d12_what_comes_in_while_a_write_is_stuck_is_seen_after_it() {
        let mailbox = Mailbox::default();
        let (unstick, stuck) = tokio::sync::oneshot::channel();
        let write = Box::pin(async move {
            let _ = stuck.await;
            Ok(())
        });
        let writing = moving(write, Some(&mailbox));
        let meanwhile = async {
            mailbox.offer(&notice());
            // The write looks into the mailbox now, and finds nothing that concerns it.
            tokio::task::yield_now().await;
            unstick.send(()).expect("the write waits");
        };
        let (written, ()) = tokio::join!(writing, meanwhile);
        assert!(written.is_ok());
        let seen = tokio::time::timeout(Duration::from_secs(5), mailbox.filled()).await;
        assert!(seen.is_ok(), "the notice would wait for the next one");
    }
}
