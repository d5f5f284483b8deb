//! What the terminal says: keys, pastes, sizes, answers, and that it is over.

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::Size;
use rustix::io::Errno;

/// One thing that came from the terminal or from who started the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A key went down, or repeats while it is held; one that comes up says nothing.
    Key(KeyEvent),
    /// A text was pasted; its lines end with `\n`. It is as it came otherwise, controls included.
    Paste(String),
    /// The mouse, when its capture was asked for.
    Mouse(MouseEvent),
    /// The window of the terminal has the focus, or not.
    Focus(bool),
    /// The terminal has another size than was last said.
    Resize(Size),
    /// Somebody outside asks the program to stop for a while: [`super::Guard::suspend`] does it.
    Suspend,
    /// The program was stopped and goes on: [`super::Guard::reenter`], then everything is drawn again.
    Continued,
    /// The terminal answered a question.
    Answer(Answer),
    /// The last event: the program must end.
    Ended(Ended),
}

/// What a terminal answers to [`super::guard::Ask`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Whether it can scroll a part of its columns.
    Margins(bool),
    /// The colour behind the text: red, green, blue.
    Background(u8, u8, u8),
}

/// Why the program must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// A signal asked for it; its number.
    Signal(i32),
    /// The terminal is gone.
    Gone,
    /// Another thread panicked; the terminal is left already and the message is on it.
    Panicked,
}

impl Ended {
    /// What a failed write to the terminal means: it is gone, which the reader may not have noticed yet; nothing where
    /// it is another fault.
    #[must_use]
    pub fn of(error: &std::io::Error) -> Option<Self> {
        let errno = Errno::from_io_error(error)?;
        matches!(errno, Errno::IO | Errno::NXIO | Errno::PIPE).then_some(Self::Gone)
    }

    /// The exit code that says so, as shells count.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Signal(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
            Self::Gone => 129,
            Self::Panicked => 101,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x08p_a_write_to_a_terminal_that_is_gone_ends_as_a_hang_up_does() {
        let of = |errno: Errno| Ended::of(&errno.into());
        assert_eq!(of(Errno::IO), Some(Ended::Gone));
        assert_eq!(of(Errno::NOSPC), None);
        assert_eq!(Ended::of(&std::io::Error::other("no errno")), None);
        assert_eq!(Ended::Gone.exit_code(), 129);
    }
}
