//! Where things are: the profile, the server, the token and the folders, from flags, the environment and one TOML file.
//!
//! Flags win over the environment, the environment over the file, the file over what the last log-in saved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chat_proto::Name;
use chat_proto::api::Secret;
use serde::Deserialize;

use crate::client::address::ServerUrl;

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
    #[serde(default)]
    profiles: BTreeMap<String, ProfileConfig>,
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
        let file = ConfigFile::load(&folders.config.join("config.toml"))?;
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
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            format!("line {line}: {}", error.message())
        })
    }
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

    #[test]
    fn a_wrong_key_is_named_with_its_line() {
        let error = ConfigFile::parse("profile = 'work'\nservre = 'x'\n").expect_err("no such key");
        assert!(error.starts_with("line 2: "), "{error}");
        assert!(error.contains("servre"), "{error}");
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
