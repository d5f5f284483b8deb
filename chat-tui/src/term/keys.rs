//! Bytes from the terminal become keys, pastes and answers; pure. What it does not know it drops whole.
//!
//! Crossterm's types without its reader: that one takes the answer to a question for keys, and waits for ever inside
//! a sequence that it does not know.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::event::{Answer, Event};

mod kitty;

/// No sequence that we know is longer.
const SEQUENCE_BYTES_MAX: usize = 1024;
/// A paste that is longer comes in pieces.
const PASTE_BYTES_MAX: usize = 4 << 20;
const PASTE_END: &[u8] = b"\x1b[201~";

/// Keeps what is not complete yet.
#[derive(Debug, Default)]
pub(super) struct Parser {
    bytes: Vec<u8>,
    /// Inside of a paste: its text up to here.
    paste: Option<Vec<u8>>,
}

/// How the bytes begin.
enum Token {
    /// So many bytes are this event, or nothing that we know.
    Whole(usize, Option<Event>),
    /// So many bytes begin a paste.
    Paste(usize),
    /// More must come.
    Torn,
}

impl Parser {
    /// Takes bytes, and gives what they complete.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.bytes.extend_from_slice(bytes);
        let mut events = Vec::new();
        while !self.bytes.is_empty() {
            if self.paste.is_some() {
                if !self.paste_on(&mut events) {
                    break;
                }
                continue;
            }
            match token(&self.bytes) {
                Token::Whole(used, event) => {
                    self.bytes.drain(..used);
                    events.extend(event);
                }
                Token::Paste(used) => {
                    self.bytes.drain(..used);
                    self.paste = Some(Vec::new());
                }
                Token::Torn if self.bytes.len() > SEQUENCE_BYTES_MAX => self.bytes.clear(),
                Token::Torn => break,
            }
        }
        events
    }

    /// Whether bytes wait that may be complete as they are, if no more come.
    pub(super) fn unfinished(&self) -> bool {
        self.paste.is_none() && !self.bytes.is_empty()
    }

    /// No more came: a lone Esc is the key, a torn sequence is nothing.
    pub(super) fn settle(&mut self) -> Vec<Event> {
        if !self.unfinished() {
            return Vec::new();
        }
        match std::mem::take(&mut self.bytes).as_slice() {
            [0x1b] => vec![key(KeyCode::Esc, KeyModifiers::NONE)],
            [0x1b, 0x1b] => vec![key(KeyCode::Esc, KeyModifiers::NONE); 2],
            [0x1b, letter] => vec![alt(plain(*letter))],
            _ => Vec::new(),
        }
    }

    /// Goes on with a paste; false when more must come.
    fn paste_on(&mut self, events: &mut Vec<Event>) -> bool {
        let end = find(&self.bytes, PASTE_END);
        // The last bytes may be the beginning of the end.
        let safe = end.unwrap_or_else(|| self.bytes.len().saturating_sub(PASTE_END.len() - 1));
        let Some(paste) = &mut self.paste else {
            return false;
        };
        paste.extend(self.bytes.drain(..safe));
        if end.is_some() {
            self.bytes.drain(..PASTE_END.len());
            events.push(pasted(&self.paste.take().unwrap_or_default()));
            return true;
        }
        if paste.len() > PASTE_BYTES_MAX {
            let cut = whole_chars(paste);
            let piece: Vec<u8> = paste.drain(..cut).collect();
            events.push(pasted(&piece));
        }
        false
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|part| part == what)
}

/// Where the last character begins, so that none is cut, nor a line end of two.
fn whole_chars(bytes: &[u8]) -> usize {
    let begins = |byte: &u8| byte & 0xc0 != 0x80;
    bytes.iter().rposition(begins).unwrap_or(bytes.len())
}

fn pasted(bytes: &[u8]) -> Event {
    let text = String::from_utf8_lossy(bytes);
    Event::Paste(text.replace("\r\n", "\n").replace('\r', "\n"))
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

/// The same event with Alt held.
fn alt(event: Event) -> Event {
    match event {
        Event::Key(mut key) => {
            key.modifiers |= KeyModifiers::ALT;
            Event::Key(key)
        }
        other => other,
    }
}

fn token(bytes: &[u8]) -> Token {
    match bytes {
        [] => Token::Torn,
        [0x1b] => Token::Torn,
        [0x1b, b'[', rest @ ..] => csi(rest),
        [0x1b, b'O', rest @ ..] => ss3(rest),
        // Only answers are strings; without a digit it is Alt with that key.
        [0x1b, b']' | b'P', b'0'..=b'9' | b'>' | b'!', ..] => string(bytes),
        [0x1b, b']' | b'P'] => Token::Torn,
        [0x1b, 0x1b] => Token::Torn,
        [0x1b, 0x1b, b'[' | b'O', ..] => after_esc(&bytes[1..]),
        [0x1b, 0x1b, ..] => Token::Whole(1, Some(key(KeyCode::Esc, KeyModifiers::NONE))),
        [0x1b, rest @ ..] => after_esc(rest),
        [first, ..] if first.is_ascii() => Token::Whole(1, Some(plain(*first))),
        _ => character(bytes),
    }
}

/// Esc before a key says that Alt is held.
fn after_esc(rest: &[u8]) -> Token {
    match token(rest) {
        Token::Whole(used, event) => Token::Whole(used + 1, event.map(alt)),
        Token::Paste(used) => Token::Paste(used + 1),
        Token::Torn => Token::Torn,
    }
}

/// The key behind one byte of ASCII.
fn plain(byte: u8) -> Event {
    let control = |letter: u8| key(KeyCode::Char(char::from(letter)), KeyModifiers::CONTROL);
    match byte {
        b'\r' => key(KeyCode::Enter, KeyModifiers::NONE),
        b'\t' => key(KeyCode::Tab, KeyModifiers::NONE),
        0x7f => key(KeyCode::Backspace, KeyModifiers::NONE),
        0x1b => key(KeyCode::Esc, KeyModifiers::NONE),
        0 => control(b' '),
        1..=0x1a => control(byte - 1 + b'a'),
        0x1c..=0x1f => control(byte + 0x40),
        _ => typed(char::from(byte)),
    }
}

fn typed(letter: char) -> Event {
    let shift = if letter.is_uppercase() {
        KeyModifiers::SHIFT
    } else {
        KeyModifiers::NONE
    };
    key(KeyCode::Char(letter), shift)
}

/// One character beyond ASCII; bytes that are none are dropped.
fn character(bytes: &[u8]) -> Token {
    let length = match bytes[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Token::Whole(1, None),
    };
    let Some(whole) = bytes.get(..length) else {
        return match std::str::from_utf8(bytes) {
            Err(error) if error.error_len().is_some() => Token::Whole(1, None),
            _ => Token::Torn,
        };
    };
    let letter = std::str::from_utf8(whole)
        .ok()
        .and_then(|text| text.chars().next());
    match letter {
        Some(letter) => Token::Whole(length, Some(typed(letter))),
        None => Token::Whole(1, None),
    }
}

fn ss3(rest: &[u8]) -> Token {
    let Some(&last) = rest.first() else {
        return Token::Torn;
    };
    let code = match last {
        b'M' => Some(KeyCode::Enter),
        other => letter_code(other),
    };
    Token::Whole(3, code.map(|code| key(code, KeyModifiers::NONE)))
}

/// The keys whose codes end with a letter.
fn letter_code(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'E' => KeyCode::KeypadBegin,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P'..=b'S' => KeyCode::F(last - b'P' + 1),
        _ => return None,
    })
}

/// The keys whose codes are numbers before a tilde.
fn number_code(number: u32) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(function(number, 10)),
        17..=21 => KeyCode::F(function(number, 11)),
        23..=26 => KeyCode::F(function(number, 12)),
        28 | 29 => KeyCode::F(function(number, 13)),
        31..=34 => KeyCode::F(function(number, 14)),
        _ => return None,
    })
}

fn function(number: u32, less: u32) -> u8 {
    u8::try_from(number.saturating_sub(less)).unwrap_or_default()
}

/// What follows `ESC [`.
fn csi(rest: &[u8]) -> Token {
    match rest {
        // The console of Linux: F1 to F5.
        [b'[', last, ..] => {
            let code = matches!(last, b'A'..=b'E').then(|| KeyCode::F(last - b'A' + 1));
            return Token::Whole(4, code.map(|code| key(code, KeyModifiers::NONE)));
        }
        [b'['] => return Token::Torn,
        // The mouse of old, three bytes that may be anything: never asked for.
        [b'M', _, _, _, ..] => return Token::Whole(6, None),
        [b'M', ..] => return Token::Torn,
        _ => {}
    }
    let inside = |byte: &u8| (0x20..=0x3f).contains(byte);
    let Some(end) = rest.iter().position(|byte| !inside(byte)) else {
        return Token::Torn;
    };
    let (parameters, last) = (&rest[..end], rest[end]);
    if !(0x40..=0x7e).contains(&last) {
        // Another sequence begins inside of this one: this one is nothing.
        return Token::Whole(2 + end, None);
    }
    if (parameters, last) == (b"200", b'~') {
        return Token::Paste(2 + end + 1);
    }
    let parameters = std::str::from_utf8(parameters).unwrap_or_default();
    Token::Whole(2 + end + 1, command(parameters, last))
}

/// The event of a whole `CSI` sequence.
fn command(parameters: &str, last: u8) -> Option<Event> {
    if let Some(mouse) = parameters.strip_prefix('<') {
        return self::mouse(mouse, last);
    }
    if let Some(mode) = parameters.strip_prefix('?') {
        return answer_of_mode(mode, last);
    }
    match (parameters, last) {
        ("", b'I') => return Some(Event::Focus(true)),
        ("", b'O') => return Some(Event::Focus(false)),
        ("", b'Z') => return Some(key(KeyCode::BackTab, KeyModifiers::SHIFT)),
        _ => {}
    }
    kitty::event(parameters, last)
}

/// `CSI ? 69 ; 1 or 2 $ y`: the mode is known and can be changed.
fn answer_of_mode(parameters: &str, last: u8) -> Option<Event> {
    let state = parameters.strip_prefix("69;")?.strip_suffix('$')?;
    let can = matches!(state, "1" | "2" | "3");
    (last == b'y').then_some(Event::Answer(Answer::Margins(can)))
}

/// `OSC ... BEL` or `... ST`, and `DCS ... ST`.
fn string(bytes: &[u8]) -> Token {
    let bell = (bytes[1] == b']')
        .then(|| bytes.iter().position(|byte| *byte == 7))
        .flatten();
    let terminator = find(bytes, b"\x1b\\");
    let (text, used) = match (bell, terminator) {
        (Some(bell), Some(st)) if st < bell => (st, st + 2),
        (Some(bell), _) => (bell, bell + 1),
        (None, Some(st)) => (st, st + 2),
        (None, None) => return Token::Torn,
    };
    let text = std::str::from_utf8(&bytes[2..text]).unwrap_or_default();
    let colour = text.strip_prefix("11;rgb:").filter(|_| bytes[1] == b']');
    let event = colour.and_then(background).map(Event::Answer);
    Token::Whole(used, event)
}

/// `rrrr/gggg/bbbb`, one to four digits each, of which the first two count.
fn background(text: &str) -> Option<Answer> {
    let mut parts = text.split('/').map(|part| {
        let byte = |digits: &str| u8::from_str_radix(digits, 16).ok();
        match part.len() {
            1 => byte(part).map(|value| value * 17),
            2..=4 => part.get(..2).and_then(byte),
            _ => None,
        }
    });
    let (red, green, blue) = (parts.next()??, parts.next()??, parts.next()??);
    Some(Answer::Background(red, green, blue))
}

/// `button ; column ; row`, and `M` for down, `m` for up.
fn mouse(parameters: &str, last: u8) -> Option<Event> {
    let mut numbers = parameters.split(';').map(|part| part.parse::<u16>().ok());
    let (code, column, row) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let button = match code & 0b11 {
        0 => MouseButton::Left,
        1 => MouseButton::Middle,
        _ => MouseButton::Right,
    };
    let kind = match (code & 0b1110_0011, last) {
        (64, b'M') => MouseEventKind::ScrollUp,
        (65, b'M') => MouseEventKind::ScrollDown,
        (66, b'M') => MouseEventKind::ScrollLeft,
        (67, b'M') => MouseEventKind::ScrollRight,
        (35, _) => MouseEventKind::Moved,
        (32..=34, b'M') => MouseEventKind::Drag(button),
        (0..=2, b'M') => MouseEventKind::Down(button),
        (0..=2, b'm') => MouseEventKind::Up(button),
        _ => return None,
    };
    let held = |bit: u16, modifier| {
        if code & bit == 0 {
            KeyModifiers::NONE
        } else {
            modifier
        }
    };
    Some(Event::Mouse(MouseEvent {
        kind,
        column: column.saturating_sub(1),
        row: row.saturating_sub(1),
        modifiers: held(4, KeyModifiers::SHIFT)
            | held(8, KeyModifiers::ALT)
            | held(16, KeyModifiers::CONTROL),
    }))
}

#[cfg(test)]
mod tests;
