//! Which key does what: one table of named commands with their words, which the keys, the help and the user's file
//! all read.

mod chord;
mod table;
mod typed;

use std::collections::{BTreeMap, HashMap};

use crossterm::event::KeyEvent;

pub use self::chord::Chord;
pub use self::table::{Binding, Command, Mode, Section, TABLE};
pub use self::typed::{TYPED, Typed};

/// The table with the user's changes.
#[derive(Debug, Clone)]
pub struct Keymap {
    bindings: Vec<Bound>,
}

/// A command with the keys that it has here.
#[derive(Debug, Clone)]
pub struct Bound {
    /// What the table says of it.
    pub binding: &'static Binding,
    /// Its keys.
    pub keys: Vec<Chord>,
}

/// What is wrong with the user's keys.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// There is no such command.
    #[error("[keys] names no command: '{0}' (chat-tui keys lists them)")]
    NoCommand(String),
    /// That is no key.
    #[error(
        "[keys] {command}: '{key}' is no key; keys are written as 'ctrl-k', 'alt-a', 'f1', 'ctrl-x e'"
    )]
    NoKey {
        /// Of which command.
        command: String,
        /// What was written.
        key: String,
    },
    /// It would be pressed by everybody who writes.
    #[error("[keys] {command}: '{key}' is what one writes with; put 'alt-' or 'ctrl-' in front")]
    Writes {
        /// Of which command.
        command: String,
        /// Which.
        key: String,
    },
    /// Two commands want the same key in the same place.
    #[error("[keys] '{key}' is taken by {first} and {second}")]
    Taken {
        /// Which.
        key: String,
        /// By whom.
        first: String,
        /// And by whom.
        second: String,
    },
}

impl Default for Keymap {
    fn default() -> Self {
        let bound = |binding: &'static Binding| Bound {
            binding,
            keys: binding
                .keys
                .iter()
                .filter_map(|key| Chord::parse(key))
                .collect(),
        };
        Self {
            bindings: TABLE.iter().map(bound).collect(),
        }
    }
}

impl Keymap {
    /// The table, changed by what the user's file says: the keys of a command, by its name.
    ///
    /// # Errors
    /// [`KeymapError`], by the first thing that is wrong.
    pub fn with(changes: &BTreeMap<String, Vec<String>>) -> Result<Self, KeymapError> {
        let mut keymap = Self::default();
        for (name, keys) in changes {
            let mut known = false;
            let keys = parse(name, keys)?;
            for bound in keymap
                .bindings
                .iter_mut()
                .filter(|b| b.binding.name == name)
            {
                known = true;
                bound.keys.clone_from(&keys);
            }
            if !known {
                return Err(KeymapError::NoCommand(name.clone()));
            }
        }
        keymap.check()?;
        Ok(keymap)
    }

    fn check(&self) -> Result<(), KeymapError> {
        let mut taken: HashMap<(Mode, &Chord), &str> = HashMap::new();
        for bound in &self.bindings {
            for key in &bound.keys {
                let writes = matches!(bound.binding.mode, Mode::Anywhere | Mode::Write);
                if writes && key.types() {
                    return Err(KeymapError::Writes {
                        command: bound.binding.name.to_owned(),
                        key: key.to_string(),
                    });
                }
                if let Some(first) = taken.insert((bound.binding.mode, key), bound.binding.name) {
                    return Err(KeymapError::Taken {
                        key: key.to_string(),
                        first: first.to_owned(),
                        second: bound.binding.name.to_owned(),
                    });
                }
            }
        }
        Ok(())
    }

    /// The command of `key` in `mode`, after Ctrl-X if `chord` says so; what holds everywhere is looked at last.
    #[must_use]
    pub fn command(&self, mode: Mode, chord: bool, key: KeyEvent) -> Option<Command> {
        let pressed = Chord::of(chord, key);
        let find = |mode: Mode| {
            let here = self.bindings.iter().filter(move |b| b.binding.mode == mode);
            here.clone()
                .find(|bound| bound.keys.contains(&pressed))
                .map(|bound| bound.binding.command)
        };
        find(mode).or_else(|| find(Mode::Anywhere))
    }

    /// Whether `key` begins a chord.
    #[must_use]
    pub fn begins_chord(&self, key: KeyEvent) -> bool {
        Chord::of(false, key) == Chord::ctrl_x()
    }

    /// Every command, in the table's order.
    pub fn all(&self) -> impl Iterator<Item = &Bound> {
        self.bindings.iter()
    }

    /// The first key of a command, as people write it, for hints.
    #[must_use]
    pub fn key_of(&self, command: Command) -> Option<String> {
        let bound = self
            .bindings
            .iter()
            .find(|b| b.binding.command == command)?;
        bound.keys.first().map(ToString::to_string)
    }
}

fn parse(command: &str, keys: &[String]) -> Result<Vec<Chord>, KeymapError> {
    let parse = |key: &String| {
        Chord::parse(key).ok_or_else(|| KeymapError::NoKey {
            command: command.to_owned(),
            key: key.clone(),
        })
    };
    keys.iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::{KeyCode, KeyModifiers};

    fn key(text: &str) -> KeyEvent {
        Chord::parse(text).expect("a key").event()
    }

    #[test]
    fn the_table_is_well_formed() {
        for binding in TABLE {
            assert!(!binding.doc.is_empty(), "{}", binding.name);
            for key in binding.keys {
                let chord =
                    Chord::parse(key).unwrap_or_else(|| panic!("{key} of {}", binding.name));
                assert_eq!(Chord::parse(&chord.to_string()), Some(chord), "{key}");
            }
        }
        assert_eq!(Keymap::default().check(), Ok(()));
    }

    #[test]
    fn x06_a_key_names_a_command_by_the_table() {
        let keymap = Keymap::default();
        assert_eq!(
            keymap.command(Mode::Write, false, key("alt-g")),
            Some(Command::Switcher)
        );
        assert_eq!(
            keymap.command(Mode::Select, false, key("j")),
            Some(Command::SelectDown)
        );
        assert_eq!(keymap.command(Mode::Write, false, key("j")), None);
        assert_eq!(
            keymap.command(Mode::Select, false, key("f1")),
            Some(Command::Help)
        );
        assert_eq!(
            keymap.command(Mode::Write, true, key("ctrl-e")),
            Some(Command::Editor)
        );
    }

    #[test]
    fn x06_the_users_file_changes_the_table() {
        let changes = BTreeMap::from([("switcher".to_owned(), vec!["f9".to_owned()])]);
        let keymap = Keymap::with(&changes).expect("good keys");
        assert_eq!(
            keymap.command(Mode::Write, false, key("f9")),
            Some(Command::Switcher)
        );
        assert_eq!(keymap.command(Mode::Write, false, key("alt-g")), None);
        assert_eq!(keymap.key_of(Command::Switcher).as_deref(), Some("F9"));
    }

    #[test]
    fn x06_what_is_wrong_with_the_users_keys_is_named() {
        let with = |command: &str, keys: &[&str]| {
            let keys = keys.iter().map(|key| (*key).to_owned()).collect();
            Keymap::with(&BTreeMap::from([(command.to_owned(), keys)]))
                .expect_err("bad keys")
                .to_string()
        };
        assert!(with("fly", &["f9"]).contains("'fly'"));
        assert!(with("switcher", &["ctrl-"]).contains("'ctrl-'"));
        assert!(with("switcher", &["f1"]).contains("help"));
        for key in ["a", "G", "space", "?", "shift-a"] {
            assert!(with("switcher", &[key]).contains("is what one writes with"));
            assert!(with("send", &[key]).starts_with("[keys] send: '"));
        }
        let keys = BTreeMap::from([("copy".to_owned(), vec!["c".to_owned()])]);
        assert!(Keymap::with(&keys).is_ok(), "single letters select");
        let keys = BTreeMap::from([("switcher".to_owned(), vec!["ctrl-x s".to_owned()])]);
        assert!(Keymap::with(&keys).is_ok(), "a chord types nothing");
    }

    #[test]
    fn shift_of_a_letter_is_its_capital() {
        let pressed = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(
            Keymap::default().command(Mode::Select, false, pressed),
            Some(Command::SelectLast)
        );
    }
}
