//! The loop of an authenticated connection: waits for whatever comes first, hands it to the session, performs what
//! the session wants, and writes all that is ready in one go.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Bytes, Message};

use super::writer::{End, Writer};
use super::{ready_frame, refused_message};
use crate::clock::Millis;
use crate::router::Guard;
use crate::service::{self, App, Identity, Origin};
use crate::session::{Closing, Job, Output, Reply, Session};

/// Frames that are taken from a socket before anything is written: what waits together is answered together.
const FRAMES_AT_ONCE: usize = 64;

/// An authenticated connection.
pub(super) struct Connection {
    app: Arc<App>,
    who: Arc<Identity>,
    origin: Origin,
    session: Session,
    guard: Guard,
    jobs: FuturesUnordered<BoxFuture<'static, Reply>>,
}

/// What came first.
enum Came {
    Inbox,
    Reply(Reply),
    Frame(Option<Result<Message, tungstenite::Error>>),
    Deadline,
}

impl Connection {
    pub(super) fn new(
        app: Arc<App>,
        who: Identity,
        origin: Origin,
        session: Session,
        guard: Guard,
    ) -> Self {
        Self {
            app,
            who: Arc::new(who),
            origin,
            session,
            guard,
            jobs: FuturesUnordered::new(),
        }
    }

    pub(super) async fn run<S>(&mut self, writer: &mut Writer<S>) -> End
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let mut armed = self.session.poll_timeout();
        let sleep = tokio::time::sleep(self.until(armed));
        tokio::pin!(sleep);
        loop {
            if let Err(end) = self.perform_outputs(writer).await {
                return end;
            }
            self.rearm(&mut armed, sleep.as_mut());
            let came = tokio::select! {
                biased;
                () = self.guard.mailbox.filled() => Came::Inbox,
                Some(reply) = self.jobs.next(), if !self.jobs.is_empty() => Came::Reply(reply),
                frame = writer.socket.next(), if self.session.wants_frames() => Came::Frame(frame),
                () = sleep.as_mut() => Came::Deadline,
            };
            if let Err(end) = self.handle(came, writer) {
                self.carry_out().await;
                return end;
            }
        }
    }

    /// Hands in what came, and whatever else is there without waiting.
    fn handle<S>(&mut self, came: Came, writer: &mut Writer<S>) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match came {
            Came::Inbox => self.session.handle_inbox(self.guard.mailbox.take()),
            Came::Reply(reply) => self.handle_replies(reply),
            Came::Frame(frame) => self.handle_frames(frame, writer)?,
            Came::Deadline => self.session.handle_timeout(self.app.clock.monotonic()),
        }
        Ok(())
    }

    fn handle_replies(&mut self, first: Reply) {
        // What was stored before is in the mailbox already, and goes out before the answer. (Where another node wrote into a
        // large conversation it may still wait for its place; then so does the answer.)
        self.session.handle_inbox(self.guard.mailbox.take());
        let now = self.app.clock.monotonic();
        self.session.handle_reply(first, now);
        while let Some(Some(reply)) = self.jobs.next().now_or_never() {
            self.session.handle_reply(reply, now);
        }
    }

    fn handle_frames<S>(
        &mut self,
        first: Option<Result<Message, tungstenite::Error>>,
        writer: &mut Writer<S>,
    ) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.session.handle_heard(self.app.clock.monotonic());
        self.handle_frame(first)?;
        for _ in 1..FRAMES_AT_ONCE {
            if !self.session.wants_frames() {
                break;
            }
            match ready_frame(&mut writer.socket) {
                Some(frame) => self.handle_frame(frame)?,
                None => break,
            }
        }
        Ok(())
    }

    fn handle_frame(
        &mut self,
        frame: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<(), End> {
        match frame {
            None => return Err(End::Gone),
            Some(Err(error)) => return Err(End::from(&error)),
            Some(Ok(Message::Text(text))) => self.session.handle_frame(&text),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(other)) => return Err(refused_message(&other)),
        }
        Ok(())
    }

    /// Carries out what a peer asked before it went: who says something and hangs up has said it. Each job has the
    /// store's deadline, and there are as many as a connection may have in flight.
    async fn carry_out(&mut self) {
        loop {
            while let Some(output) = self.session.poll_output() {
                if let Output::Perform(job @ (Job::Send(..) | Job::Ask(_))) = output {
                    self.start(job);
                }
            }
            let Some(reply) = self.jobs.next().await else {
                return;
            };
            self.session.handle_reply(reply, self.app.clock.monotonic());
        }
    }

    /// Does what the session wants, then writes what was gathered.
    async fn perform_outputs<S>(&mut self, writer: &mut Writer<S>) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        loop {
            while let Some(output) = self.session.poll_output() {
                match output {
                    Output::Send(frame) => {
                        writer
                            .put(Message::Text(frame), Some(&self.guard.mailbox))
                            .await?;
                    }
                    Output::Ping => {
                        writer
                            .put(Message::Ping(Bytes::new()), Some(&self.guard.mailbox))
                            .await?;
                    }
                    Output::Perform(job) => self.start(job),
                    Output::Close(closing) => return Err(end_of(closing)),
                }
            }
            // What is done at once needs no second write.
            match self.jobs.next().now_or_never() {
                Some(Some(reply)) => self.handle_replies(reply),
                _ => break,
            }
        }
        writer.flush(Some(&self.guard.mailbox)).await
    }

    fn start(&mut self, job: Job) {
        let (app, who, origin) = (self.app.clone(), self.who.clone(), self.origin);
        self.jobs
            .push(async move { service::perform(&app, &who, origin, job).await }.boxed());
    }

    fn rearm(&self, armed: &mut Millis, mut sleep: std::pin::Pin<&mut Sleep>) {
        let deadline = self.session.poll_timeout();
        // A deadline that moved back is looked at again when the earlier one comes: sockets that talk set no timers.
        if deadline < *armed || sleep.is_elapsed() {
            *armed = deadline;
            sleep.set(tokio::time::sleep(self.until(deadline)));
        }
    }

    fn until(&self, deadline: Millis) -> Duration {
        Duration::from_millis(deadline.since(self.app.clock.monotonic()))
    }
}

fn end_of(closing: Closing) -> End {
    match closing {
        Closing::SessionEnded => End::SessionEnded,
        Closing::Silent => End::close(CloseCode::Policy, "silent for too long"),
        Closing::GoingAway => End::close(CloseCode::Restart, "the server stops"),
    }
}
