//! The server's side of a connection: the real session and the real use cases, with the world in place of the driver.

use std::collections::VecDeque;
use std::sync::Arc;

use chat_server::router::Guard;
use chat_server::service::{self, App, Identity, Origin};
use chat_server::session::{Job, Output, Reply, Session};
use futures_util::FutureExt;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// The server's side of a connection.
pub(crate) struct Serving {
    app: Arc<App>,
    who: Identity,
    session: Session,
    guard: Guard,
    jobs: VecDeque<Job>,
    replies: Vec<Reply>,
}

/// Resolves a use case over the memory store, which never waits.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    future
        .now_or_never()
        .expect("the memory store answers without waiting")
}

impl Serving {
    pub(crate) fn open(app: &Arc<App>, who: &Identity) -> Self {
        let guard = app
            .router
            .join(who.user, who.session.clone())
            .expect("fewer connections than allowed");
        let heads = at_once(app.store.heads(who.user)).expect("the store answers");
        let session = Session::new(who.user, guard.tag, &heads, app.clock.monotonic());
        Self {
            app: app.clone(),
            who: who.clone(),
            session,
            guard,
            jobs: VecDeque::new(),
            replies: Vec::new(),
        }
    }

    /// A frame of the client arrives.
    pub(crate) fn hear(&mut self, frame: &str) {
        self.session.handle_heard(self.app.clock.monotonic());
        self.session.handle_frame(frame);
    }

    pub(crate) fn wants_frames(&self) -> bool {
        self.session.wants_frames()
    }

    /// Notices are taken from the mailbox.
    pub(crate) fn take_mail(&mut self) {
        self.session.handle_inbox(self.guard.mailbox.take());
    }

    /// Any job is done, and its answer waits; messages are stored in the order in which they came.
    pub(crate) fn work(&mut self, rng: &mut fastrand::Rng) {
        let any = if self.jobs.is_empty() {
            0
        } else {
            rng.usize(..self.jobs.len())
        };
        let sends = |job: &Job| matches!(job, Job::Send(..));
        let first_send = self.jobs.iter().position(sends);
        let at = if self.jobs.get(any).is_some_and(sends) {
            first_send.unwrap_or(any)
        } else {
            any
        };
        if let Some(job) = self.jobs.remove(at) {
            let origin = Origin {
                connection: Some(self.guard.tag),
                background: false,
            };
            self.replies
                .push(at_once(service::perform(&self.app, &self.who, origin, job)));
        }
    }

    /// Any answer that waits is handed in; as the driver does, after the mail.
    pub(crate) fn reply(&mut self, rng: &mut fastrand::Rng) {
        if !self.replies.is_empty() {
            let reply = self.replies.swap_remove(rng.usize(..self.replies.len()));
            self.take_mail();
            self.session.handle_reply(reply, self.app.clock.monotonic());
        }
    }

    pub(crate) fn tick(&mut self) {
        if self.session.poll_timeout() <= self.app.clock.monotonic() {
            self.session.handle_timeout(self.app.clock.monotonic());
        }
    }

    /// What goes out, and whether the server closes after it.
    pub(crate) fn frames(&mut self) -> (Vec<Utf8Bytes>, bool) {
        let mut frames = Vec::new();
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(frame) => frames.push(frame),
                Output::Perform(job) => self.jobs.push_back(job),
                Output::Ping => self.session.handle_heard(self.app.clock.monotonic()),
                Output::Close(_) => return (frames, true),
            }
        }
        (frames, false)
    }
}
