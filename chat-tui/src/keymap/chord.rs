//! A key with its modifiers, perhaps after Ctrl-X: as it is pressed, as the user's file writes it, as the help shows it.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// One key, or Ctrl-X and one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chord {
    after_ctrl_x: bool,
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl Chord {
    /// What was pressed.
    #[must_use]
    pub fn of(after_ctrl_x: bool, key: KeyEvent) -> Self {
        let (code, mut modifiers) = match key.code {
            // Terminals tell Shift-Tab in two ways, and a capital with or without its Shift.
            KeyCode::BackTab => (KeyCode::Tab, key.modifiers | KeyModifiers::SHIFT),
            KeyCode::Char(c) if c.is_uppercase() => {
                (KeyCode::Char(c), key.modifiers - KeyModifiers::SHIFT)
            }
            KeyCode::Char(c) if key.modifiers.contains(KeyModifiers::SHIFT) && c.is_lowercase() => {
                let capital = c.to_uppercase().next().unwrap_or(c);
                (KeyCode::Char(capital), key.modifiers - KeyModifiers::SHIFT)
            }
            KeyCode::Char(c) if !c.is_alphanumeric() => {
                (KeyCode::Char(c), key.modifiers - KeyModifiers::SHIFT)
            }
            code => (code, key.modifiers),
        };
        modifiers &= KeyModifiers::SHIFT | KeyModifiers::CONTROL | KeyModifiers::ALT;
        // The byte of Ctrl-_ is also that of Ctrl-/ and Ctrl-7.
        let undo =
            matches!(code, KeyCode::Char('7' | '/' | '_')) && modifiers == KeyModifiers::CONTROL;
        Self {
            after_ctrl_x,
            code: if undo { KeyCode::Char('_') } else { code },
            modifiers,
        }
    }

    /// The beginning of every chord.
    #[must_use]
    pub const fn ctrl_x() -> Self {
        Self {
            after_ctrl_x: false,
            code: KeyCode::Char('x'),
            modifiers: KeyModifiers::CONTROL,
        }
    }

    /// Whether it types a character where one writes.
    #[must_use]
    pub fn types(self) -> bool {
        let other = KeyModifiers::CONTROL | KeyModifiers::ALT;
        let character = matches!(self.code, KeyCode::Char(_));
        character && !self.after_ctrl_x && !self.modifiers.intersects(other)
    }

    /// The event that a terminal sends for it, for tests.
    #[must_use]
    pub const fn event(self) -> KeyEvent {
        KeyEvent::new(self.code, self.modifiers)
    }

    /// Reads `ctrl-k`, `alt-/`, `f1`, `pageup`, `G`, `ctrl-x e`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(second) = text.trim().to_lowercase().strip_prefix("ctrl-x ") {
            return Self::parse_one(second).map(|chord| Self {
                after_ctrl_x: true,
                ..chord
            });
        }
        Self::parse_one(text.trim())
    }

    fn parse_one(text: &str) -> Option<Self> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = text;
        loop {
            let lower = rest.to_lowercase();
            let (modifier, length) = if lower.starts_with("ctrl-") {
                (KeyModifiers::CONTROL, 5)
            } else if lower.starts_with("alt-") {
                (KeyModifiers::ALT, 4)
            } else if lower.starts_with("shift-") {
                (KeyModifiers::SHIFT, 6)
            } else {
                break;
            };
            modifiers |= modifier;
            rest = rest.get(length..)?;
        }
        let code = code_of(rest)?;
        let code = match code {
            // People write Alt-G and mean the key; with a modifier a capital needs its Shift.
            KeyCode::Char(c) if modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
                KeyCode::Char(c.to_ascii_lowercase())
            }
            code => code,
        };
        Some(Self::of(false, KeyEvent::new(code, modifiers)))
    }
}

const NAMES: [(&str, KeyCode); 14] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
];

fn code_of(text: &str) -> Option<KeyCode> {
    let lower = text.to_lowercase();
    if let Some((_, code)) = NAMES.iter().find(|(name, _)| *name == lower) {
        return Some(*code);
    }
    if let Some(number) = lower.strip_prefix('f').and_then(|n| n.parse().ok()) {
        return (1..=24).contains(&number).then_some(KeyCode::F(number));
    }
    let mut characters = text.chars();
    let one = characters.next().filter(|c| !c.is_control())?;
    characters.next().is_none().then_some(KeyCode::Char(one))
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.after_ctrl_x {
            f.write_str("Ctrl-X ")?;
        }
        for (modifier, word) in [
            (KeyModifiers::CONTROL, "Ctrl-"),
            (KeyModifiers::ALT, "Alt-"),
            (KeyModifiers::SHIFT, "Shift-"),
        ] {
            if self.modifiers.contains(modifier) {
                f.write_str(word)?;
            }
        }
        match self.code {
            KeyCode::F(number) => write!(f, "F{number}"),
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::PageUp => f.write_str("PageUp"),
            KeyCode::PageDown => f.write_str("PageDown"),
            KeyCode::Char(c)
                if self
                    .modifiers
                    .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) =>
            {
                // Alt-G is not Alt-g to a terminal, but to people: a capital of its own shows its Shift.
                if c.is_uppercase() {
                    f.write_str("Shift-")?;
                }
                write!(f, "{}", c.to_uppercase())
            }
            KeyCode::Char(c) => write!(f, "{c}"),
            code => {
                let name = NAMES
                    .iter()
                    .find(|(_, named)| *named == code)
                    .map_or("?", |(n, _)| n);
                let mut letters = name.chars();
                let first = letters.next().unwrap_or('?').to_ascii_uppercase();
                write!(f, "{first}{}", letters.as_str())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x06_a_key_is_read_as_it_is_shown() {
        for text in [
            "Alt-G",
            "Alt-Shift-G",
            "Ctrl-K",
            "G",
            "g",
            "Ctrl-X e",
            "Shift-Tab",
            "Alt-/",
            "F12",
        ] {
            let chord = Chord::parse(text).expect(text);
            assert_eq!(chord.to_string(), text);
        }
        assert_eq!(Chord::parse("Alt-G"), Chord::parse("alt-g"));
        assert_ne!(Chord::parse("Alt-Shift-G"), Chord::parse("alt-g"));
    }
}
