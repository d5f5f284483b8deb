//! What others wrote drives no terminal: neither through the screens nor through the commands, in a real one.

use std::path::Path;
use std::process::Command;

use chat_tests::{TestServer, eventually, program, skip};
use tempfile::TempDir;

use crate::desk::{Desk, quit, world};

/// A terminal multiplexer with a server of its own: it knows whether somebody set its clipboard or a title.
struct Tmux {
    socket: std::path::PathBuf,
    _folder: TempDir,
}

impl Tmux {
    /// One that runs `command` in a shell; none where there is no tmux.
    fn start(test: &str, home: &Path, command: &str) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            skip(test, "tmux is missing");
            return None;
        }
        let folder = TempDir::new().expect("a folder for the test");
        let socket = folder.path().join("tmux");
        let tmux = Self {
            socket,
            _folder: folder,
        };
        let home = format!("CHAT_HOME={}", home.display());
        // What sets the clipboard or the title would reach it here.
        let mut start = vec!["-f", "/dev/null", "start-server", ";"];
        for option in ["set-clipboard", "allow-passthrough", "allow-rename"] {
            start.extend(["set-option", "-g", option, "on", ";"]);
        }
        start.extend([
            "new-session",
            "-d",
            "-x",
            "120",
            "-y",
            "40",
            "-e",
            &home,
            command,
        ]);
        tmux.run(&start);
        Some(tmux)
    }

    fn run(&self, args: &[&str]) -> String {
        let output = Command::new("tmux")
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("TERM", "xterm-256color")
            .args(["-u", "-S"])
            .arg(&self.socket)
            .args(args)
            .output()
            .expect("tmux runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn screen(&self) -> String {
        self.run(&["capture-pane", "-p"])
    }

    /// What is on the screen with all that came before it.
    fn history(&self) -> String {
        self.run(&["capture-pane", "-p", "-S", "-2000"])
    }

    fn clipboard(&self) -> String {
        self.run(&["show-buffer"])
    }

    fn titles(&self) -> String {
        self.run(&[
            "display-message",
            "-p",
            "#{pane_title} #{window_name} #{session_name}",
        ])
    }

    async fn shows(&self, words: &str) -> String {
        let found = eventually(words, async || {
            let history = self.history();
            history.contains(words).then_some(history)
        });
        found.await
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

/// Texts that would act, were they written as they are; each ends with a word by which it is found.
fn corpus() -> Vec<String> {
    let mut texts: Vec<String> = [
        "\x1b]52;c;c3RvbGVu\x07",
        "\x1b]52;c;c3RvbGVu\x1b\\",
        "\u{9d}52;c;c3RvbGVu\u{9c}",
        "\x1b]0;stolen\x07",
        "\x1b]2;stolen\x1b\\",
        "\x1bkstolen\x1b\\",
        "\x1b]8;;http://stolen.example\x1b\\here\x1b]8;;\x1b\\",
        "\x1bPtmux;\x1b\x1b]52;c;c3RvbGVu\x07\x1b\\",
        "\x1bP+q544e\x1b\\",
        "\x1b_stolen\x1b\\",
        "\x1b[2J\x1b[H\x1b[31mstolen",
        "\x1b[6n\x1b[c\x1b[21t",
        "\u{9b}2J\u{9b}6n",
        "\x07\x07\x7f\x08\x08\r\x0b\x0c",
        "\rstolen line",
        "\x0e\x0f\x1bc\x1b7\x1b8",
        "a\u{202e}b\u{2066}c\u{2069}d\u{200f}",
        "a\u{200b}b\u{feff}c\u{2060}d\u{ad}",
        "a\u{e0041}\u{e0042}b",
        "\u{fff9}x\u{fffb}\u{2028}y\u{2029}z",
    ]
    .map(str::to_owned)
    .into();
    texts.push(format!("e{}", "\u{301}".repeat(3_000)));
    for (at, text) in texts.iter_mut().enumerate() {
        text.push_str(&format!(" case{at:02}."));
    }
    texts
}

/// A server whose store holds what no server would take, and ann's desk.
async fn hostile_world() -> (TestServer, Desk) {
    let (mut server, [ann, ben], desk) = world().await;
    let mut bens = ben.connect().await;
    let texts = corpus();
    for at in 0..texts.len() {
        bens.send("ann", &format!("placeholder {at}")).await;
    }
    ben.make_group("ops", &[&ann]).await;
    server.terminate().await;
    let connection = rusqlite::Connection::open(server.data.join("chat.db")).expect("the store");
    for (at, text) in texts.iter().enumerate() {
        let changed = connection
            .execute(
                "UPDATE log SET text = ?1 WHERE text = ?2",
                [text, &format!("placeholder {at}")],
            )
            .expect("another text");
        assert_eq!(changed, 1);
    }
    let title = "\x1b]0;stolen\x07\u{202e}\u{9b}2J ops";
    for sql in [
        "UPDATE conversations SET title = ?1 WHERE name = 'ops'",
        "UPDATE users SET display_name = ?1 WHERE name = 'ben'",
        "UPDATE users SET status_text = ?1 WHERE name = 'ben'",
    ] {
        connection.execute(sql, [title]).expect("another name");
    }
    drop(connection);
    server.restart().await;
    (server, desk)
}

/// Whether a text has nothing in it that a terminal would do something about, or that would not be seen.
fn harmless(text: &str) -> bool {
    text.chars().all(|c| {
        let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}' | '\u{e0000}'..='\u{e007f}' | '\u{fff9}'..='\u{fffb}' | '\u{2028}' | '\u{2029}');
        c == '\n' || !(c.is_control() || hidden)
    })
}

#[tokio::test]
async fn s04_the_oracle_notices_what_reaches_the_terminal() {
    let home = TempDir::new().expect("a folder");
    let command = r"printf '\033]52;c;c3RvbGVu\007\033]2;stolen\033\\it is done\n'; sleep 60";
    let name = "s04_the_oracle_notices_what_reaches_the_terminal";
    let Some(tmux) = Tmux::start(name, home.path(), command) else {
        return;
    };
    tmux.shows("it is done").await;
    assert_eq!(tmux.clipboard(), "stolen");
    assert!(tmux.titles().contains("stolen"), "{}", tmux.titles());
}

#[tokio::test]
async fn s04_the_screens_show_hostile_texts_and_obey_none() {
    let (_server, desk) = hostile_world().await;
    let client = program("chat-tui").display().to_string();
    let name = "s04_the_screens_show_hostile_texts_and_obey_none";
    let Some(tmux) = Tmux::start(name, desk.cli.home(), &client) else {
        return;
    };
    tmux.shows("connected").await;
    let titles = tmux.titles();
    assert!(!titles.contains("stolen"), "{titles}");
    let mut seen = String::new();
    // The group with its hostile title, then the conversation with the texts from end to end.
    for (key, words) in [
        ("M-1", "write to #ops"),
        ("M-2", "write to ben"),
        ("C-Home", "case00."),
        ("C-End", "case20."),
        ("C-k", "go to"),
    ] {
        tmux.run(&["send-keys", key]);
        let screen = eventually(words, async || {
            let screen = tmux.screen();
            screen.contains(words).then_some(screen)
        });
        seen.push_str(&screen.await);
    }
    assert!(harmless(&seen), "{}", seen.escape_debug());
    assert!(
        seen.contains("case00.") && seen.contains("case20."),
        "{seen}"
    );
    assert!(
        !seen.lines().any(|line| line.starts_with("stolen")),
        "{seen}"
    );
    assert_eq!(tmux.clipboard(), "", "the clipboard");
    assert_eq!(tmux.titles(), titles, "the titles");
    tmux.run(&["send-keys", "Escape"]);
    tmux.run(&["send-keys", "C-q"]);
}

#[tokio::test]
async fn s04_commands_on_a_terminal_show_hostile_texts_and_obey_none() {
    let (_server, desk) = hostile_world().await;
    let client = program("chat-tui").display().to_string();
    let log =
        format!("{client} log ben; {client} contacts; {client} groups; echo all said; sleep 60");
    let tail = format!("{client} tail --since all & sleep 60");
    let name = "s04_commands_on_a_terminal_show_hostile_texts_and_obey_none";
    for (command, last) in [(log, "all said"), (tail, "case20.")] {
        let Some(tmux) = Tmux::start(name, desk.cli.home(), &command) else {
            return;
        };
        let titles = tmux.titles();
        let said = tmux.shows(last).await;
        assert!(
            said.contains("case00.") && said.contains("case20."),
            "{said}"
        );
        assert!(harmless(&said), "{}", said.escape_debug());
        assert!(
            said.contains("\\x1b") || said.contains("\\u{1b}") || said.contains('␛'),
            "{said}"
        );
        assert!(
            !said.lines().any(|line| line.starts_with("stolen")),
            "{said}"
        );
        assert_eq!(tmux.clipboard(), "", "the clipboard");
        assert!(
            !titles.contains("stolen") && tmux.titles() == titles,
            "the titles"
        );
    }
}

/// The bytes themselves, whatever a terminal would make of them.
#[tokio::test]
async fn s04_no_byte_of_a_hostile_text_is_written_to_the_terminal() {
    let (server, desk) = hostile_world().await;
    let mut pty = desk.open();
    pty.press("<a-2>");
    pty.wait_for("write to ben");
    pty.press("<c-home>");
    pty.wait_for("case00.");
    pty.press("<c-end>");
    pty.wait_for("case20.");
    let raw = pty.raw();
    for forbidden in [
        "\x1b]52;",
        "\x1b]0;",
        "\x1b]2;",
        "\x1b]8;",
        "\x1bP",
        "\x1b_",
        "\x1b[6n",
        "\x1b[2J\x1b[H\x1b[31m",
        "\x07",
        "\x7f",
        "\u{202e}",
        "\u{200b}",
        "\u{e0041}",
        "\u{9b}",
        "\u{9d}",
    ] {
        let bytes = forbidden.as_bytes();
        let found = raw.windows(bytes.len()).any(|part| part == bytes);
        assert!(!found, "{} was written", forbidden.escape_debug());
    }
    let bombs = String::from_utf8_lossy(&raw).matches('\u{301}').count();
    assert!(bombs < 200, "{bombs} combining marks were written");
    quit(pty);
    // What is kept on this machine is as hostile, and nothing better without a server.
    drop(server);
    let pty = desk.launch().start();
    pty.wait_for("offline");
    let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
    assert!(
        !raw.contains("\x1b]0;") && !raw.contains('\u{202e}'),
        "a title was written"
    );
    quit(pty);
}
