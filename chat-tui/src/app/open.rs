//! Opens the screens for a profile: who one is, what is kept, and the terminal; and gives the terminal back.

use std::time::Duration;

use chat_proto::Name;

use super::model::Model;
use super::model::entrance::Entrance;
use super::msg::Now;
use super::run::{self, Over, Run};
use super::work::{self, Work};
use crate::cli::exit::{Exit, Failure};
use crate::client::Client;
use crate::client::address::ServerUrl;
use crate::client::error::ClientError;
use crate::client::session::SessionFile;
use crate::clock::{self, Stopwatch};
use crate::config::{Glyphs, Settings};
use crate::term::{self, Caps, Depth};

/// How long a server may take to say whose a token is.
const ASK_TIME: Duration = Duration::from_secs(15);

/// Runs the screens on the terminal of this process until they are left.
///
/// # Errors
/// [`Failure`] with a sentence: there is no terminal, or the log-in on disk is unusable.
pub fn open(settings: &Settings) -> Result<(), Failure> {
    let watch = Stopwatch::start();
    let inbox = run::inbox();
    let mut work = Work::new(settings.clone(), inbox.0.clone());
    let model = model(settings, &mut work, &watch)?;
    let run = Run::enter(model, work, inbox, watch).map_err(|error| {
        Failure::usage(format!(
            "the screens need a terminal: {error}; see chat-tui --help"
        ))
    })?;
    match run.run() {
        Over::Quit => Ok(()),
        Over::Ended(ended) => Err(Failure::new(ended.into(), "")),
        Over::Lost(lost) => Err(Failure::new(Exit::Unexpected, lost.to_string())),
        Over::Failed(error) => Err(Failure::new(
            Exit::Unexpected,
            format!("the terminal: {error}"),
        )),
    }
}

fn model(settings: &Settings, work: &mut Work, watch: &Stopwatch) -> Result<Model, Failure> {
    let now = Now {
        wall: clock::wall(),
        moment: watch.now(),
    };
    let caps = Caps::of_process();
    let mut preferences = settings.preferences.clone();
    preferences.colors &= caps.depth != Depth::None;
    let ascii = caps.glyphs == term::Glyphs::Ascii;
    preferences.ascii |= ascii && settings.glyphs == Glyphs::Auto;
    let mut model = Model::new(preferences, settings.keymap.clone(), (0, 0), now);
    model.profile = Some(settings.profile.clone()).filter(|name| name.as_str() != "default");
    match someone(settings)? {
        Some((server, name)) => {
            server.host().clone_into(&mut model.server);
            work.begin(name)?;
        }
        None => model.entrance = Some(Entrance::new(server_before(settings))),
    }
    // The agent reads the copy meanwhile.
    model.preferences.zone = clock::zone();
    Ok(model)
}

/// The server that was named, or the one that the profile was logged in at.
fn server_before(settings: &Settings) -> Option<ServerUrl> {
    let file = SessionFile::new(&settings.folders.profiles, &settings.profile);
    let before = || ServerUrl::parse(&file.load().ok()??.server).ok();
    settings.server.clone().or_else(before)
}

/// Who is logged in, and where; nobody on a first run, and after a log-out.
fn someone(settings: &Settings) -> Result<Option<(ServerUrl, Name)>, Failure> {
    let mut client = match Client::open(settings) {
        Ok(client) => client,
        Err(ClientError::NoSession(_)) if settings.token.is_none() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let server = client.server().clone();
    if let Some(name) = client.name() {
        return Ok(Some((server, name.clone())));
    }
    // A token does not say whose it is.
    let asked = work::on_a_runtime(client.own_name(clock::deadline_in(ASK_TIME)));
    let name = asked.map_err(|error| Failure::new(Exit::Unexpected, error.to_string()))??;
    Ok(Some((server, name)))
}
