//! A person at a desk: a machine on which they are logged in, and the screens there.

use chat_tests::person::PASSWORD;
use chat_tests::pty::Launch;
use chat_tests::{Cli, Person, Pty, TestServer};

/// A machine where somebody is logged in.
pub(crate) struct Desk {
    pub(crate) cli: Cli,
}

impl Desk {
    /// Logs `name` in on a new machine.
    pub(crate) async fn of(server: &TestServer, name: &str) -> Self {
        let desk = Self { cli: Cli::new() };
        desk.log_in(server, name, &[]).await;
        desk
    }

    /// Logs `name` in here.
    pub(crate) async fn log_in(&self, server: &TestServer, name: &str, more: &[&str]) {
        let url = server.url();
        let mut args = vec!["login", "--server", &url, "--name", name];
        args.extend(["--password-stdin"]);
        args.extend(more);
        let password = format!("{PASSWORD}\n");
        self.cli.run_with(&args, password).await.expect(0);
    }

    /// The screens, yet to be started.
    pub(crate) fn launch(&self) -> Launch {
        Pty::of("chat-tui").home(self.cli.home()).size(120, 36)
    }

    /// The screens, when they are connected.
    pub(crate) fn open(&self) -> Pty {
        let pty = self.launch().start();
        pty.wait_for("connected");
        pty
    }
}

/// A server with ann and ben, and ann's desk.
pub(crate) async fn world() -> (TestServer, [Person; 2], Desk) {
    let server = TestServer::start().await;
    let people = server.people(["ann", "ben"]).await;
    let desk = Desk::of(&server, "ann").await;
    (server, people, desk)
}

/// Leaves the screens by their key.
#[track_caller]
pub(crate) fn quit(mut pty: Pty) {
    pty.press("<c-q>");
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}

/// The rows of the screen that hold `text`.
pub(crate) fn rows_with(pty: &Pty, text: &str) -> Vec<String> {
    let screen = pty.screen_text();
    let rows = screen.lines().filter(|row| row.contains(text));
    rows.map(str::to_owned).collect()
}

/// Waits for a row that holds all of `words`, in any order.
#[track_caller]
pub(crate) fn wait_row(pty: &Pty, words: &[&str]) {
    pty.wait_until(&format!("a row with {words:?}"), |screen| {
        let rows = screen.contents();
        rows.lines()
            .any(|row| words.iter().all(|word| row.contains(word)))
    });
}

/// The list beside the conversation, a string a row.
pub(crate) fn sidebar(screen: &vt100::Screen) -> Vec<String> {
    screen.rows(0, 29).collect()
}

/// Waits until the names stand in the list in this order.
#[track_caller]
pub(crate) fn wait_ranked(pty: &Pty, names: &[&str]) {
    pty.wait_until(&format!("the order {names:?}"), |screen| {
        let rows = sidebar(screen);
        let place = |name: &&str| rows.iter().position(|row| word(row) == Some(*name));
        let places: Option<Vec<usize>> = names.iter().map(place).collect();
        places.is_some_and(|places| places.is_sorted())
    });
}

/// The name in a row of the list.
fn word(row: &str) -> Option<&str> {
    row.trim_start_matches(['▌', ' ', '●', '◐', '○', '#'])
        .split_whitespace()
        .next()
}

/// Waits for a row of the list that holds all of `words`.
#[track_caller]
pub(crate) fn wait_list(pty: &Pty, words: &[&str]) {
    pty.wait_until(&format!("in the list {words:?}"), |screen| {
        let rows = sidebar(screen);
        rows.iter()
            .any(|row| words.iter().all(|word| row.contains(word)))
    });
}
