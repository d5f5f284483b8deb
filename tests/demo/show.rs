//! The full-screen client for a visitor, with the server and the sample people in a thread of their own beside it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use anyhow::anyhow;
use chat_proto::Safe;
use chat_server::clock::Clock as _;
use chat_tui::cli::exit::Exit;
use chat_tui::config::{Given, Settings};
use jiff::tz::TimeZone;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::actors::{Company, Pace};
use crate::history;
use crate::stage::Stage;

/// How a program ends that panicked.
const PANICKED: u8 = 101;

/// Shows it on this terminal.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    println!("setting the stage…");
    Ok(ExitCode::from(visit(screens)?))
}

/// Sets the stage, lets the client run, and clears everything away when it has ended, however that was. Gives the
/// code with which to end.
pub(crate) fn visit(client: impl FnOnce(&Settings) -> Exit) -> anyhow::Result<u8> {
    let folder = TempDir::new()?;
    let settings = settings(folder.path())?;
    let Some(house) = House::open(folder.path(), settings.clone())? else {
        return Ok(Exit::Interrupted.code());
    };
    // The panic has been told by its hook; here it only must not keep the house open.
    let ended = catch_unwind(AssertUnwindSafe(|| client(&settings)));
    house.close()?;
    Ok(ended.map_or(PANICKED, Exit::code))
}

/// The settings of somebody who has none: nothing of the machine's own profile is read or written.
pub(crate) fn settings(folder: &Path) -> anyhow::Result<Settings> {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    Ok(Settings::load(Given {
        home: Some(folder.join("home")),
        locale,
        ..Given::default()
    })?)
}

/// The screens, until they are left.
fn screens(settings: &Settings) -> Exit {
    match chat_tui::app::open(settings) {
        Ok(()) => Exit::Ok,
        Err(failure) => {
            if !failure.sentence.is_empty() {
                eprintln!("{}", Safe::line(&failure.sentence));
            }
            failure.exit
        }
    }
}

/// The thread in which everything but the client is.
struct House {
    over: CancellationToken,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl House {
    /// Returns when the stage is set; with nothing, when somebody did not wait for it.
    fn open(folder: &Path, settings: Settings) -> anyhow::Result<Option<Self>> {
        let (ready, is_ready) = sync_channel(1);
        let over = CancellationToken::new();
        let (folder, until) = (folder.to_owned(), over.clone());
        let thread = Builder::new().name("stage".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(evening(&folder, &settings, ready, &until))
        })?;
        let house = Self { over, thread };
        if is_ready.recv().is_ok() {
            return Ok(Some(house));
        }
        // Who does not say to be ready has ended, and says why.
        house.close().map(|()| None)
    }

    /// Sends everybody home and stops the server.
    fn close(self) -> anyhow::Result<()> {
        self.over.cancel();
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(anyhow!("the server of the demonstration panicked")))
    }
}

async fn evening(
    folder: &Path,
    settings: &Settings,
    ready: SyncSender<()>,
    over: &CancellationToken,
) -> anyhow::Result<()> {
    let stage = Stage::open(folder).await?;
    let set = tokio::select! {
        company = set(&stage, settings) => Some(company?),
        _ = tokio::signal::ctrl_c() => None,
    };
    if let Some(mut company) = set {
        company.begin();
        ready.send(())?;
        over.cancelled().await;
    }
    stage.close().await
}

/// Everybody in their place, with a past behind them.
async fn set(stage: &Stage, settings: &Settings) -> anyhow::Result<Company> {
    let cast = history::let_in(stage.address, settings).await?;
    let now = stage.clock.wall();
    history::write(stage, &cast, now, &TimeZone::system()).await;
    Ok(Company::enter(stage.address, &cast, Pace::LIFE).await)
}
