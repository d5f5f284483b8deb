//! Where things are and how one likes them: the profile, the server, the token, the folders, the keys, from flags, the
//! environment and one TOML file.
//!
//! Flags win over the environment, the environment over the file, the file over what the last log-in saved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chat_proto::Name;
use chat_proto::api::Secret;
use serde::Deserialize;
use toml::Spanned;

use crate::app::model::Preferences;
use crate::client::address::ServerUrl;
use crate::keymap::{Keymap, KeymapError};

/// Narrower texts than this are a column of syllables.
const TEXT_WIDTH_MIN: u16 = 20;

/// What the command line and the environment say; empty where they say nothing.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// `--profile`, `CHAT_PROFILE`.
    pub profile: Option<String>,
    /// `--server`, `CHAT_SERVER`.
    pub server: Option<String>,
    /// `CHAT_TOKEN`.
    pub token: Option<Secret>,
    /// `CHAT_TOKEN_FILE`.
    pub token_file: Option<PathBuf>,
    /// `CHAT_HOME`.
    pub home: Option<PathBuf>,
    /// `LC_ALL`, `LC_CTYPE` or `LANG`, the first that is set: which characters the terminal knows.
    pub locale: Option<String>,
}

/// What holds for this run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The profile.
    pub profile: Name,
    /// The server, where one was named.
    pub server: Option<ServerUrl>,
    /// A token that was handed in; it is used as it is and never renewed.
    pub token: Option<Secret>,
    /// Where files are.
    pub folders: Folders,
    /// How the screens should be.
    pub preferences: Preferences,
    /// Whether the file leaves the choice of glyphs to what the terminal can show.
    pub glyphs: Glyphs,
    /// Which key does what.
    pub keymap: Keymap,
}

/// With which characters the screens draw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Glyphs {
    /// As the terminal can: by the locale, unless a probe knows better.
    #[default]
    Auto,
    /// All of them.
    Unicode,
    /// Those of ASCII alone.
    Ascii,
}

/// Where files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// Holds `config.toml`.
    pub config: PathBuf,
    /// Holds a file for each profile's log-in.
    pub profiles: PathBuf,
}

/// What is wrong with the settings, as a sentence that names the place.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// `config.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    /// The profile when none is named.
    profile: Option<String>,
    /// The server of profiles that name none.
    server: Option<String>,
    /// Whether the mouse is listened to.
    mouse: Option<bool>,
    /// Whether authors have colours of their own.
    author_colors: Option<bool>,
    #[serde(default)]
    glyphs: Glyphs,
    /// Cells of a text's line at the most.
    text_width: Option<Spanned<u16>>,
    /// The keys of a command, by its name.
    #[serde(default)]
    keys: BTreeMap<String, Spanned<Keys>>,
    #[serde(default)]
    profiles: BTreeMap<String, ProfileConfig>,
    /// The text, for the lines of what is wrong with it.
    #[serde(skip)]
    text: String,
}

/// `"f9"`, or `["f9", "alt-g"]`; an empty list takes a command's keys away.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a key is a text, or a list of texts")]
enum Keys {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileConfig {
    server: Option<String>,
}

impl Folders {
    /// Everything in `home`, or the platform's folders without one.
    ///
    /// # Errors
    /// When there is neither: a user without a home folder.
    pub fn find(home: Option<&Path>) -> Result<Self, ConfigError> {
        if let Some(home) = home {
            return Ok(Self {
                config: home.to_owned(),
                profiles: home.join("profiles"),
            });
        }
        let found = directories::ProjectDirs::from("", "", "chat-tui").ok_or_else(|| {
            ConfigError("this user has no home folder: name a folder with CHAT_HOME".to_owned())
        })?;
        Ok(Self {
            config: found.config_dir().to_owned(),
            profiles: found.data_dir().join("profiles"),
        })
    }
}

impl Settings {
    /// Puts together what was given and what the file says.
    ///
    /// # Errors
    /// A sentence that names the flag, the variable or the line.
    pub fn load(given: Given) -> Result<Self, ConfigError> {
        let folders = Folders::find(given.home.as_deref())?;
        let path = folders.config.join("config.toml");
        let file = ConfigFile::load(&path)?;
        let of_file = |why| ConfigError(format!("{}: {why}", path.display()));
        let keymap = file.keymap().map_err(of_file)?;
        let preferences = file.preferences(given.locale.as_deref()).map_err(of_file)?;
        let profile = given
            .profile
            .or(file.profile)
            .unwrap_or_else(|| "default".to_owned());
        let profile = Name::parse(&profile)
            .map_err(|error| ConfigError(format!("'{profile}' is no profile: {error}")))?;
        let of_profile = file.profiles.get(profile.as_str());
        let server = given
            .server
            .or_else(|| of_profile.and_then(|profile| profile.server.clone()))
            .or(file.server);
        let server = server
            .map(|text| ServerUrl::parse(&text))
            .transpose()
            .map_err(|error| ConfigError(error.to_string()))?;
        let token = match (given.token, given.token_file) {
            (Some(token), _) => Some(token),
            (None, Some(path)) => Some(token_of(&path)?),
            (None, None) => None,
        };
        Ok(Self {
            profile,
            server,
            token,
            folders,
            preferences,
            glyphs: file.glyphs,
            keymap,
        })
    }
}

impl ConfigFile {
    fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                let path = path.display();
                return Err(ConfigError(format!("could not read {path}: {error}")));
            }
        };
        Self::parse(&text).map_err(|why| ConfigError(format!("{}: {why}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|error| {
            let line = line_of(text, error.span().map_or(0, |span| span.start));
            format!("line {line}: {}", error.message())
        })?;
        Ok(Self {
            text: text.to_owned(),
            ..file
        })
    }

    fn preferences(&self, locale: Option<&str>) -> Result<Preferences, String> {
        let by_default = Preferences::default();
        let text_width = match &self.text_width {
            Some(width) if *width.get_ref() < TEXT_WIDTH_MIN => {
                let line = line_of(&self.text, width.span().start);
                return Err(format!(
                    "line {line}: text_width is {TEXT_WIDTH_MIN} cells or more"
                ));
            }
            Some(width) => *width.get_ref(),
            None => by_default.text_width,
        };
        Ok(Preferences {
            ascii: match self.glyphs {
                Glyphs::Auto => !locale.is_some_and(knows_unicode),
                Glyphs::Unicode => false,
                Glyphs::Ascii => true,
            },
            author_colors: self.author_colors.unwrap_or(by_default.author_colors),
            mouse: self.mouse.unwrap_or(by_default.mouse),
            text_width,
            ..by_default
        })
    }

    fn keymap(&self) -> Result<Keymap, String> {
        let keys = |keys: &Spanned<Keys>| match keys.get_ref() {
            Keys::One(key) => vec![key.clone()],
            Keys::Many(keys) => keys.clone(),
        };
        let named = |(name, given): (&String, _)| (name.clone(), keys(given));
        let changes = self.keys.iter().map(named).collect();
        Keymap::with(&changes).map_err(|error| {
            let blamed = match &error {
                KeymapError::NoCommand(name)
                | KeymapError::NoKey { command: name, .. }
                | KeymapError::Writes { command: name, .. } => self.keys.get(name),
                KeymapError::Taken { first, second, .. } => {
                    self.keys.get(second).or_else(|| self.keys.get(first))
                }
            };
            match blamed {
                Some(keys) => format!("line {}: {error}", line_of(&self.text, keys.span().start)),
                None => error.to_string(),
            }
        })
    }
}

/// The number of the line in which the byte `at` stands.
fn line_of(text: &str, at: usize) -> usize {
    text.get(..at)
        .map_or(1, |before| before.matches('\n').count() + 1)
}

/// Whether a locale, such as `de_DE.UTF-8`, writes in Unicode.
fn knows_unicode(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

fn token_of(path: &Path) -> Result<Secret, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        ConfigError(format!(
            "could not read the token in {}: {error}",
            path.display()
        ))
    })?;
    match text.trim() {
        "" => Err(ConfigError(format!("{} holds no token", path.display()))),
        token => Ok(Secret(token.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keymap::Command;

    #[test]
    fn a_wrong_key_is_named_with_its_line() {
        let error = ConfigFile::parse("profile = 'work'\nservre = 'x'\n").expect_err("no such key");
        assert!(error.starts_with("line 2: "), "{error}");
        assert!(error.contains("servre"), "{error}");
    }

    #[test]
    fn x06_what_is_wrong_with_the_users_keys_is_named_with_its_line() {
        for (text, line, word) in [
            ("[keys]\n\nfly = 'f9'\n", "line 3: ", "'fly'"),
            (
                "[keys]\nswitcher = ['f9', 'ctrl-']\n",
                "line 2: ",
                "'ctrl-'",
            ),
            ("[keys]\nswitcher = 'f1'\n", "line 2: ", "help"),
        ] {
            let file = ConfigFile::parse(text).expect("TOML");
            let error = file.keymap().expect_err(text);
            assert!(error.starts_with(line) && error.contains(word), "{error}");
        }
        let error = ConfigFile::parse("[keys]\nswitcher = 7\n").expect_err("no text");
        assert!(error.contains("a key is a text"), "{error}");
    }

    #[test]
    fn x06_the_users_file_has_one_key_or_several_for_a_command() {
        let text = "mouse = false\n[keys]\nswitcher = ['f9', 'alt-s']\nquit = 'f10'\nhelp = []\n";
        let file = ConfigFile::parse(text).expect("TOML");
        let keymap = file.keymap().expect("keys");
        assert_eq!(keymap.key_of(Command::Switcher).as_deref(), Some("F9"));
        assert_eq!(keymap.key_of(Command::Quit).as_deref(), Some("F10"));
        assert_eq!(keymap.key_of(Command::Help), None);
        assert!(!file.preferences(None).expect("preferences").mouse);
    }

    #[test]
    fn glyphs_are_those_of_the_locale_unless_the_file_says_so() {
        let ascii = |text: &str, locale| {
            let file = ConfigFile::parse(text).expect("TOML");
            file.preferences(locale).expect("preferences").ascii
        };
        assert!(!ascii("", Some("en_GB.UTF-8")));
        assert!(ascii("", Some("C")));
        assert!(ascii("", None));
        assert!(!ascii("glyphs = 'unicode'", Some("C")));
        assert!(ascii("glyphs = 'ascii'", Some("C.utf8")));
        assert!(ConfigFile::parse("glyphs = 'fancy'").is_err());
    }

    #[test]
    fn a_column_that_is_too_narrow_is_named_with_its_line() {
        let file = ConfigFile::parse("mouse = true\ntext_width = 3\n").expect("TOML");
        let error = file.preferences(None).expect_err("too narrow");
        assert_eq!(error, "line 2: text_width is 20 cells or more");
    }

    #[test]
    fn one_folder_holds_everything_when_asked() {
        let folders = Folders::find(Some(Path::new("/x"))).expect("folders");
        assert_eq!(folders.config, Path::new("/x"));
        assert_eq!(folders.profiles, Path::new("/x/profiles"));
    }

    #[test]
    fn a_profiles_name_is_no_path() {
        let given = Given {
            profile: Some("../../etc".to_owned()),
            home: Some(PathBuf::from("/nowhere")),
            ..Given::default()
        };
        assert!(Settings::load(given).is_err());
    }

    #[test]
    fn a_profile_has_a_server_of_its_own() {
        let file = ConfigFile::parse("[profiles.work]\nserver = 'https://chat.example.org'\n");
        assert_eq!(
            file.expect("a file").profiles["work"].server.as_deref(),
            Some("https://chat.example.org")
        );
    }
}
