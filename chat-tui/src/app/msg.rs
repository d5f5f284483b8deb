//! Everything that can happen to the screens, and everything that they can ask for.

use chat_proto::Time;
use crossterm::event::{KeyEvent, MouseEvent};

use crate::client::agent::{Ask, News};
use crate::client::moment::Moment;

/// When something happens: by the wall clock, for people, and by the monotonic one, for waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// What a clock on the wall says.
    pub wall: Time,
    /// Since the start of the program.
    pub moment: Moment,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, and moved only from its channel"
)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// A text was pasted, as one.
    Paste(String),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// The terminal has another size: columns and rows.
    Resize(u16, u16),
    /// The terminal has the focus, or lost it.
    Focus(bool),
    /// The agent says something.
    News(News),
    /// The first run's attempt to get in ended.
    Entered(Result<(), Refused>),
    /// Time passed, and something was due.
    Tick,
    /// The editor is closed: the text, or why there is none.
    Edited(Result<String, String>),
}

/// Why one did not get in, and which answer of the form is to blame, where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// A sentence.
    pub why: String,
    /// Whether the server could not be reached at all.
    pub unreachable: bool,
}

/// Something that the update wants done by somebody who may wait.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Asks the agent.
    Ask(Ask),
    /// Gets in: answered by [`Msg::Entered`], and if it went well the agent starts.
    Enter(Box<Credentials>),
    /// Writes this text in the user's editor: answered by [`Msg::Edited`].
    Edit(String),
    /// Puts a text into the clipboard.
    Copy(String),
    /// Paints everything anew.
    Redraw,
    /// Gives the terminal back to the shell for a while.
    Suspend,
    /// Ends the program.
    Quit,
}

/// What the first run asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The server's address.
    pub server: String,
    /// The link of an invite, for a new account.
    pub invite: Option<String>,
    /// The handle.
    pub name: String,
    /// The password.
    pub password: chat_proto::api::Secret,
    /// A new account, or one that exists.
    pub new: bool,
}

impl std::fmt::Debug for Credentials {
    // An invite is a secret too.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("server", &self.server)
            .field("name", &self.name)
            .field("new", &self.new)
            .finish_non_exhaustive()
    }
}
