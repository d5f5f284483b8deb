//! Keys with modifiers: the parameters that xterm began and kitty's keyboard protocol went on with.

use crossterm::event::{KeyCode, KeyModifiers};

use super::super::event::Event;
use super::{key, letter_code, number_code};

/// One parameter with what stands behind its colons.
#[derive(Debug, Clone, Copy, Default)]
struct Parameter {
    first: Option<u32>,
    second: Option<u32>,
}

fn parameter(text: &str) -> Parameter {
    let mut parts = text.split(':').map(|part| part.parse().ok());
    Parameter {
        first: parts.next().flatten(),
        second: parts.next().flatten(),
    }
}

/// The event of `CSI parameters last`, if it is a key that goes down.
pub(super) fn event(parameters: &str, last: u8) -> Option<Event> {
    let mut all = parameters.split(';').map(parameter);
    let what = all.next().unwrap_or_default();
    let held = all.next().unwrap_or_default();
    // The third kind is a key that comes up.
    if held.second == Some(3) {
        return None;
    }
    let held = modifiers(held.first.unwrap_or(1));
    match last {
        b'u' => by_unicode(what, held),
        b'~' if what.first == Some(27) => {
            let code = all.next().and_then(|code| code.first);
            by_unicode(
                Parameter {
                    first: code,
                    second: None,
                },
                held,
            )
        }
        b'~' => number_code(what.first?).map(|code| key(code, held)),
        // With another number in front it is the place of the cursor.
        b'R' if what.first != Some(1) => None,
        _ => letter_code(last).map(|code| key(code, held)),
    }
}

fn modifiers(number: u32) -> KeyModifiers {
    let bits = number.saturating_sub(1);
    let mut held = KeyModifiers::NONE;
    for (bit, modifier) in [
        (1, KeyModifiers::SHIFT),
        (2, KeyModifiers::ALT),
        (4, KeyModifiers::CONTROL),
        (8, KeyModifiers::SUPER),
        (16, KeyModifiers::HYPER),
        (32, KeyModifiers::META),
    ] {
        if bits & bit != 0 {
            held |= modifier;
        }
    }
    held
}

fn by_unicode(what: Parameter, held: KeyModifiers) -> Option<Event> {
    let number = what.first?;
    let code = match number {
        9 if held.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
        9 => KeyCode::Tab,
        13 => KeyCode::Enter,
        27 => KeyCode::Esc,
        8 | 127 => KeyCode::Backspace,
        57_344..=63_743 => functional(number)?,
        _ => return letter(char::from_u32(number)?, what.second, held),
    };
    Some(key(code, held))
}

/// A letter as it is typed with Shift, and Shift held only for letters, as without the protocol.
fn letter(base: char, shifted: Option<u32>, held: KeyModifiers) -> Option<Event> {
    if base.is_control() {
        return None;
    }
    if !held.contains(KeyModifiers::SHIFT) {
        return Some(key(KeyCode::Char(base), held));
    }
    let upper = || base.to_uppercase().next();
    let letter = shifted.and_then(char::from_u32).or_else(upper)?;
    if letter.is_uppercase() || letter == base {
        return Some(key(KeyCode::Char(letter), held));
    }
    Some(key(KeyCode::Char(letter), held - KeyModifiers::SHIFT))
}

/// The keys that have no character: those of the keypad mean what they say.
fn functional(number: u32) -> Option<KeyCode> {
    let at = |from: u32| u8::try_from(number - from).unwrap_or_default();
    Some(match number {
        57_376..=57_398 => KeyCode::F(13 + at(57_376)),
        57_399..=57_408 => KeyCode::Char(char::from(b'0' + at(57_399))),
        57_409 => KeyCode::Char('.'),
        57_410 => KeyCode::Char('/'),
        57_411 => KeyCode::Char('*'),
        57_412 => KeyCode::Char('-'),
        57_413 => KeyCode::Char('+'),
        57_414 => KeyCode::Enter,
        57_415 => KeyCode::Char('='),
        57_416 => KeyCode::Char(','),
        57_417 => KeyCode::Left,
        57_418 => KeyCode::Right,
        57_419 => KeyCode::Up,
        57_420 => KeyCode::Down,
        57_421 => KeyCode::PageUp,
        57_422 => KeyCode::PageDown,
        57_423 => KeyCode::Home,
        57_424 => KeyCode::End,
        57_425 => KeyCode::Insert,
        57_426 => KeyCode::Delete,
        57_427 => KeyCode::KeypadBegin,
        _ => return None,
    })
}
