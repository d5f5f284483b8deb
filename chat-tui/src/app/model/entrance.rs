//! The first run: asks for a server or an invite link, then for an account, and says what is wrong with an answer.

use crate::client::address::ServerUrl;

/// Characters of an answer; no address and no password is longer.
const ANSWER_CHARS_MAX: usize = 1_024;

/// One line that is typed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Field {
    text: String,
    /// In characters, never behind the last one.
    cursor: usize,
}

impl std::fmt::Debug for Field {
    // It may be a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Field").finish_non_exhaustive()
    }
}

impl Field {
    /// A field that holds `text`, with the cursor behind it.
    #[must_use]
    pub fn with(text: &str) -> Self {
        let mut field = Self::default();
        field.insert(text);
        field
    }

    /// What was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the cursor is, in characters.
    #[must_use]
    pub const fn cursor(&self) -> usize {
        self.cursor
    }

    /// Whether nothing is typed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Puts in what of `text` can stand on one line.
    pub fn insert(&mut self, text: &str) {
        for character in text.chars().filter(|character| !character.is_control()) {
            if self.text.chars().count() >= ANSWER_CHARS_MAX {
                return;
            }
            self.text.insert(self.byte(self.cursor), character);
            self.cursor += 1;
        }
    }

    /// Takes out what lies between the cursor and `to`, and goes there.
    pub fn cut(&mut self, to: usize) {
        let (from, to) = (self.cursor.min(to), self.cursor.max(to));
        self.text.drain(self.byte(from)..self.byte(to));
        self.cursor = from;
    }

    /// Goes to a place, or as far as there is text.
    pub fn go(&mut self, to: usize) {
        self.cursor = to.min(self.text.chars().count());
    }

    /// The place where the word before the cursor begins.
    #[must_use]
    pub fn word_start(&self) -> usize {
        let before = &self.text[..self.byte(self.cursor)];
        let kept = before.trim_end_matches(|c: char| !c.is_alphanumeric());
        let kept = kept.trim_end_matches(char::is_alphanumeric);
        kept.chars().count()
    }

    /// Where a character begins, or the text ends.
    fn byte(&self, character: usize) -> usize {
        let mut starts = self.text.char_indices().map(|(at, _)| at);
        starts.nth(character).unwrap_or(self.text.len())
    }
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
    /// The link of an invite, if the answer was one.
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

impl Entrance {
    /// Asks for everything; not for the server, where it was named already.
    #[must_use]
    pub fn new(server: Option<ServerUrl>) -> Self {
        let named = server.as_ref().map(ToString::to_string);
        Self {
            question: match server {
                Some(_) => Question::Account,
                None => Question::Server,
            },
            server: Field::with(named.as_deref().unwrap_or_default()),
            url: server,
            invite: None,
            new: false,
            name: Field::default(),
            password: Field::default(),
            again: Field::default(),
            complaint: None,
            waiting: false,
        }
    }

    /// What is typed at the moment; a choice is not typed.
    #[must_use]
    pub const fn field(&self) -> Option<&Field> {
        match self.question {
            Question::Server => Some(&self.server),
            Question::Account => None,
            Question::Name => Some(&self.name),
            Question::Password => Some(&self.password),
            Question::Again => Some(&self.again),
        }
    }

    /// What is typed at the moment, to be changed.
    pub const fn field_mut(&mut self) -> Option<&mut Field> {
        match self.question {
            Question::Server => Some(&mut self.server),
            Question::Account => None,
            Question::Name => Some(&mut self.name),
            Question::Password => Some(&mut self.password),
            Question::Again => Some(&mut self.again),
        }
    }

    /// The question before this one.
    #[must_use]
    pub const fn before(&self) -> Option<Question> {
        match self.question {
            Question::Server => None,
            Question::Account => Some(Question::Server),
            // An invite is for a new account: that question is not asked.
            Question::Name if self.invite.is_some() => Some(Question::Server),
            Question::Name => Some(Question::Account),
            Question::Password => Some(Question::Name),
            Question::Again => Some(Question::Password),
        }
    }
}
