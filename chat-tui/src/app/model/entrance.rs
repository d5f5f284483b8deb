//! The first run: asks for a server or an invite link, then for an account, and says what is wrong with an answer.

use crate::client::address::ServerUrl;

/// One line that is typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    /// What was typed.
    pub text: String,
    /// Where the cursor is, in characters.
    pub cursor: usize,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The server's address, or an invite link.
    Server,
    /// Log in, or make an account.
    Account,
    /// The handle.
    Name,
    /// The password.
    Password,
    /// The password of a new account once more.
    Again,
}

/// The form, as far as it is filled.
#[derive(Clone, PartialEq, Eq)]
pub struct Entrance {
    /// What is asked now.
    pub question: Question,
    /// The answer to [`Question::Server`].
    pub server: Field,
    /// The server, once the answer makes sense.
    pub url: Option<ServerUrl>,
    /// The code of an invite, if the answer was an invite link.
    pub invite: Option<String>,
    /// Whether an account is to be made.
    pub new: bool,
    /// The answer to [`Question::Name`].
    pub name: Field,
    /// The answer to [`Question::Password`].
    pub password: Field,
    /// The answer to [`Question::Again`].
    pub again: Field,
    /// What is wrong with an answer.
    pub complaint: Option<String>,
    /// The server was asked, and has not answered yet.
    pub waiting: bool,
}

impl std::fmt::Debug for Entrance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entrance")
            .field("question", &self.question)
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}
