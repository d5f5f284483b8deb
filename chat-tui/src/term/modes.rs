//! The bytes that turn a terminal into a full screen, and those that turn it back.

use super::guard::{Ask, Options};

/// Alternate screen; no wrap at the right edge, so that a glyph wider than we count never breaks the next row;
/// bracketed paste; reports of focus.
const ENTER: &str = "\x1b[?1049h\x1b[?7l\x1b[?2004h\x1b[?1004h";
/// Everything back, also what only [`super::Screen`] sets: a frame that was cut short, margins, attributes, cursor.
const LEAVE: &str =
    "\x1b[?2026l\x1b[?69l\x1b[r\x1b[m\x1b[?1004l\x1b[?2004l\x1b[?7h\x1b[ q\x1b[?25h\x1b[?1049l";
/// Clicks and wheel, with numbers that do not end at column 223.
const MOUSE: &str = "\x1b[?1000h\x1b[?1006h";
const NO_MOUSE: &str = "\x1b[?1006l\x1b[?1000l";
/// Keys that the old codes cannot tell apart (Shift-Enter) are told apart; terminals that cannot, ignore it.
const KEYBOARD: &str = "\x1b[>5u";
const NO_KEYBOARD: &str = "\x1b[<u";

/// What is written to enter.
pub(super) fn enter(options: &Options) -> String {
    let mut bytes = ENTER.to_owned();
    if options.mouse {
        bytes.push_str(MOUSE);
    }
    if options.keyboard {
        bytes.push_str(KEYBOARD);
    }
    bytes
}

/// What is written to enter where we may be already: the keyboard's modes are a pile, and must not grow.
pub(super) fn enter_again(options: &Options) -> String {
    let before = if options.keyboard { NO_KEYBOARD } else { "" };
    before.to_owned() + &enter(options)
}

/// What is written to leave.
pub(super) fn leave(options: &Options) -> String {
    let mut bytes = String::new();
    if options.keyboard {
        bytes.push_str(NO_KEYBOARD);
    }
    if options.mouse {
        bytes.push_str(NO_MOUSE);
    }
    bytes + LEAVE
}

/// A question to the terminal.
pub(super) fn ask(ask: Ask) -> &'static str {
    match ask {
        Ask::Margins => "\x1b[?69$p",
        Ask::Background => "\x1b]11;?\x1b\\",
    }
}
