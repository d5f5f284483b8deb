//! What the server does when asked: one use case, one file; socket and HTTP call the same functions.

use std::sync::Arc;

use chat_proto::event::Limits;
use chat_proto::{
    Action, ErrorCode, Event, Mark, Name, Refusal, Request, SessionId, UserRef, event::ErrorFrame,
    limits as wire,
};

use crate::attendance::Attendance;
use crate::auth::Auth;
use crate::away;
use crate::bus::{Bus, ConnectionTag};
use crate::change::{ConversationId, UserId};
use crate::clock::Clock;
use crate::config::Config;
use crate::limit::{Buckets, Rate};
use crate::marks::Marks;
use crate::router::Router;
use crate::session::{Job, Reply};
use crate::store::{Store, StoreError};

pub mod conversations;
pub mod groups;
pub mod history;
pub mod mark;
pub mod people;
pub mod presence;
pub mod send;
pub mod sessions;
pub mod subscribe;
pub mod sync;
pub mod typing;

/// Who asks: minted by `auth` alone, from a token that it checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Inside the server.
    pub user: UserId,
    /// The handle.
    pub name: Name,
    /// What is shown.
    pub display_name: String,
    /// Whether they administer the server.
    pub admin: bool,
    /// The log-in that the token belongs to.
    pub session: SessionId,
}

impl Identity {
    /// The user as others see them.
    #[must_use]
    pub fn user_ref(&self) -> UserRef {
        UserRef {
            name: self.name.clone(),
            display_name: self.display_name.clone(),
        }
    }
}

/// From where somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The connection, which is not told what it caused; none by HTTP.
    pub connection: Option<ConnectionTag>,
    /// Whether it is a script, whose having a message does not count as delivered.
    pub background: bool,
}

impl Origin {
    /// By HTTP.
    pub const HTTP: Self = Self {
        connection: None,
        background: true,
    };
}

/// What every use case needs.
pub struct App {
    /// The truth.
    pub store: Arc<dyn Store>,
    /// Tells the connections of users, wherever they are.
    pub bus: Arc<dyn Bus>,
    /// Who is connected here.
    pub router: Arc<Router>,
    /// Who is online.
    pub attendance: Attendance,
    /// Marks that are told and written behind.
    pub marks: Marks,
    /// How fast each user sends.
    pub sends: Buckets<UserId>,
    /// How often each user is told to be typing.
    pub typing: Buckets<(UserId, ConversationId)>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The numbers that hold here, as told in `welcome`.
    pub limits: Limits,
    /// Who somebody is.
    pub auth: Auth,
    /// What the operator chose.
    pub config: Config,
}

impl App {
    /// Everything in its place.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        router: Arc<Router>,
        attendance: Attendance,
        clock: Arc<dyn Clock>,
        auth: Auth,
        config: Config,
    ) -> Self {
        let limits = Limits {
            text_bytes: wire::TEXT_BYTES_MAX,
            send_rate: config.send_rate,
            send_burst: config.send_burst,
            sync_messages: wire::SYNC_MESSAGES,
            receipt_members: wire::RECEIPT_MEMBERS,
        };
        let send_rate = Rate {
            per_second: limits.send_rate,
            burst: limits.send_burst,
        };
        #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
        let typing_rate = Rate {
            per_second: 1.0 / wire::TYPING_S as f64,
            burst: 1,
        };
        Self {
            store,
            bus,
            router,
            attendance,
            marks: Marks::default(),
            sends: Buckets::new(send_rate),
            typing: Buckets::new(typing_rate),
            clock,
            limits,
            auth,
            config,
        }
    }
}

/// Does what a connection asks. One line for each request; the work is in the file of the use case.
pub async fn perform(app: &App, who: &Identity, origin: Origin, job: Job) -> Reply {
    match job {
        Job::Send(id, publish) => Reply::Sent(id.clone(), send::send(app, who, id, *publish).await),
        Job::Load(conversation, after) => Reply::Loaded(
            conversation,
            history::load(app, who, conversation, after).await,
        ),
        Job::Find(conversation) => Reply::Found(
            conversation,
            app.store
                .membership_in(who.user, conversation)
                .await
                .map_err(Into::into),
        ),
        Job::Ask(request) => answer(app, who, origin, *request).await,
    }
}

async fn answer(
    app: &App,
    who: &Identity,
    origin: Origin,
    Request { id, action }: Request,
) -> Reply {
    let event = match action {
        Action::Subscribe(on) => {
            return Reply::Subscribed(id, subscribe::subscribe(app, who, &on.topic).await);
        }
        Action::Unsubscribe(on) => {
            return Reply::Subscribed(id, subscribe::unsubscribe(app, who, &on.topic).await);
        }
        Action::Sync(sync) => {
            return Reply::Synced(
                sync::sync(app, who, id.clone(), sync)
                    .await
                    .map_err(|refusal| ErrorFrame::new(id, refusal)),
            );
        }
        Action::Typing(on) => return typing::typing(app, who, id, &on.topic).await,
        Action::Mark(Mark::Read, up_to) => mark::read(app, who, origin, &up_to.topic, up_to.seq)
            .await
            .map(|at| mark::ack(id.clone(), who, &at)),
        Action::Mark(Mark::Delivered, up_to) => {
            mark::delivered(app, who, origin, &up_to.topic, up_to.seq)
                .await
                .map(|at| mark::ack(id.clone(), who, &at))
        }
        Action::History(asked) => history::history_event(app, who, id.clone(), asked).await,
        Action::Changes(asked) => history::changes_event(app, who, id.clone(), asked).await,
        Action::Status(status) => presence::set_status(app, who, id.clone(), status).await,
        Action::Presence(of) => presence::presence_event(app, who, id.clone(), of).await,
        // The session answers these by itself, and never asks for them.
        Action::Publish(_) | Action::Authenticate(_) | Action::Ping => {
            Err(Refusal::new(ErrorCode::Invalid, "not possible here"))
        }
    };
    Reply::Answer(Box::new(
        event.unwrap_or_else(|refusal| Event::Error(ErrorFrame::new(id, refusal))),
    ))
}

/// What a peer is told of a failure of the store: internals go to the log, never to the peer.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => refusal,
            StoreError::Unavailable(why) => {
                away::away(&why);
                Self::unavailable()
            }
            StoreError::Internal(why) => {
                tracing::error!(why, "the store failed");
                Self::new(
                    ErrorCode::Internal,
                    "something went wrong here and was logged: repeat it with the same id",
                )
            }
        }
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::Invalid, message)
}

/// What somebody looks for: it holds what a name may hold, and no engine meets a character that it cannot take.
fn check_query(query: &str) -> Result<(), Refusal> {
    match query.chars().any(char::is_control) {
        true => Err(invalid("'query' holds a control character")),
        false => Ok(()),
    }
}

/// The number of rows of a page: `1..=max`, or the default where none is named.
fn page_size(limit: Option<u64>, default: u64, max: u64) -> Result<usize, Refusal> {
    let limit = limit.unwrap_or(default);
    if !(1..=max).contains(&limit) {
        return Err(invalid(format!("'limit' must be 1 to {max}")));
    }
    usize::try_from(limit).map_err(|_| invalid("'limit' is too large"))
}
