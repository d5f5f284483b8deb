//! The client gives the terminal back however it ends, stops and comes back, and follows every size.

use chat_tests::pty::Launch;
use chat_tests::{Pty, eventually};
use nix::sys::signal::Signal;

use crate::desk::{Desk, quit, rows_with, wait_row, world};

/// The screens as a shell with jobs runs them: it says when they stopped, and brings them back after a line.
fn under_a_shell(desk: &Desk) -> Pty {
    let script = r#""$0"; echo it stopped; read line; fg > /dev/null; echo it ended with $?"#;
    let program = chat_tests::program("chat-tui");
    let shell: Launch = Pty::of("/bin/sh").args([
        "-m".into(),
        "-c".into(),
        script.into(),
        program.into_os_string(),
    ]);
    let pty = shell.home(desk.cli.home()).size(120, 36).start();
    pty.wait_for("connected");
    pty
}

#[tokio::test]
async fn x08p_every_size_is_followed_and_nothing_is_lost_on_the_way() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect()
        .await
        .send("ann", "words 漢字 👩\u{200d}💻 e\u{301} שלום")
        .await;
    let mut pty = desk.open();
    pty.wait_for("words 漢字");
    pty.press("a draft");
    for (columns, rows) in [(40, 10), (60, 20), (80, 24)] {
        pty.resize(columns, rows);
        pty.wait_until("the smaller screen", |screen| {
            let contents = screen.contents();
            contents.contains("› a draft") && contents.contains("words 漢字")
        });
    }
    pty.resize(1, 1);
    pty.wait_until("one cell", |screen| screen.contents().trim().len() <= 1);
    pty.resize(2000, 300);
    pty.wait_for("words 漢字");
    pty.wait_for("› a draft");
    pty.resize(120, 36);
    pty.wait_for("› a draft");
    pty.wait_for("connected");
    // The column between the list and the words is straight, whatever is in them.
    let straight = pty.look(|screen| {
        let cells = (0..30).filter_map(|row| screen.cell(row, 29));
        cells.filter(|cell| cell.contents() == "│").count()
    });
    assert_eq!(straight, 30, "{}", pty.screen_text());
    pty.press("!");
    pty.wait_for("› a draft!");
    quit(pty);
}

#[tokio::test]
async fn x08p_a_signal_ends_it_with_its_code_and_the_terminal_is_given_back() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    for (signal, code) in [
        (Signal::SIGTERM, 143),
        (Signal::SIGHUP, 129),
        (Signal::SIGINT, 130),
        (Signal::SIGQUIT, 131),
    ] {
        let mut pty = desk.open();
        pty.press("draft");
        pty.wait_for("› draft");
        pty.kill(signal);
        assert_eq!(pty.exit_code(), code, "{signal}");
        pty.assert_restored();
        // And no draft is lost.
        let mut pty = desk.open();
        pty.wait_for("› draft");
        pty.press("<c-u>");
        pty.wait_for("write to ben");
        quit(pty);
    }
}

#[tokio::test]
async fn x08p_a_window_that_is_closed_ends_it_and_loses_no_draft() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let mut pty = desk.open();
    pty.press("draft");
    pty.wait_for("› draft");
    pty.close();
    assert_eq!(pty.exit_code(), 129);
    let pty = desk.open();
    pty.wait_for("› draft");
    quit(pty);
}

#[tokio::test]
async fn x08p_it_stops_by_its_key_and_comes_back_with_what_was_said_meanwhile() {
    let (_server, [_ann, ben], desk) = world().await;
    let mut bens = ben.connect().await;
    bens.send("ann", "before").await;
    let mut pty = under_a_shell(&desk);
    pty.wait_for("before");
    pty.press("a draft<c-z>");
    pty.wait_for("it stopped");
    assert!(!pty.look(vt100::Screen::alternate_screen));
    bens.send("ann", "meanwhile").await;
    pty.resize(100, 30);
    pty.press("<enter>");
    pty.wait_for("› a draft");
    pty.wait_for("meanwhile");
    assert!(rows_with(&pty, "it stopped").is_empty());
    pty.press("<c-q>");
    pty.wait_for("it ended with 0");
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}

#[tokio::test]
async fn x08p_it_stops_when_told_from_outside_and_ends_when_told() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "before").await;
    let mut pty = under_a_shell(&desk);
    pty.kill_foreground(Signal::SIGTSTP);
    pty.wait_for("it stopped");
    pty.press("<enter>");
    pty.wait_for("before");
    pty.wait_for("connected");
    pty.kill_foreground(Signal::SIGTERM);
    pty.wait_for("it ended with 143");
    pty.exit_code();
    pty.assert_restored();
}

#[tokio::test]
async fn x08p_a_stop_that_nobody_announced_is_painted_over() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "before").await;
    let mut pty = under_a_shell(&desk);
    pty.kill_foreground(Signal::SIGSTOP);
    // The shell writes over the screen that was not left.
    pty.wait_for("it stopped");
    // Nobody has told the terminal to make a line end of Enter again.
    pty.send(b"\n");
    pty.wait_gone("it stopped");
    pty.wait_for("connected");
    pty.press("<c-q>");
    pty.wait_for("it ended with 0");
    pty.exit_code();
    pty.assert_restored();
}

/// The parameters of every change of the letters' look.
fn looks(raw: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(raw);
    let mut found = Vec::new();
    for part in text.split("\x1b[").skip(1) {
        let end = part.find(|c: char| !(c.is_ascii_digit() || c == ';' || c == ':'));
        if let Some(end) = end.filter(|end| part[*end..].starts_with('m')) {
            found.extend(
                part[..end]
                    .split([';', ':'])
                    .filter_map(|number| number.parse::<u16>().ok()),
            );
        }
    }
    found
}

fn colored(looks: &[u16]) -> bool {
    looks
        .iter()
        .any(|look| matches!(look, 30..=38 | 40..=48 | 90..=107))
}

#[tokio::test]
async fn x08p_without_colours_none_is_written() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect()
        .await
        .send("ann", "hello @ann https://example.org")
        .await;
    quit(desk.open());
    for (name, value) in [("NO_COLOR", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")] {
        let mut pty = desk.launch().env(name, value).start();
        pty.wait_for("connected");
        pty.press("<f1>");
        pty.wait_for("type to filter");
        pty.press("<esc>");
        pty.wait_gone("type to filter");
        let looks = looks(&pty.raw());
        assert!(!colored(&looks), "{name}={value}: {looks:?}");
        pty.press("<c-q>");
        assert_eq!(pty.exit_code(), 0);
        pty.assert_restored();
    }
    let pty = desk.open();
    assert!(colored(&looks(&pty.raw())), "by default there are some");
    quit(pty);
}

#[tokio::test]
async fn x08p_a_terminal_without_unicode_gets_letters_of_ascii() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let pty = desk.launch().env("LANG", "C").start();
    pty.wait_for("connected");
    pty.wait_for("hello");
    let screen = pty.screen_text();
    assert!(screen.is_ascii(), "{screen}");
    quit(pty);
}

#[tokio::test]
async fn without_a_terminal_it_says_so() {
    let (_server, _people, desk) = world().await;
    let ended = desk.cli.run(&[]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("terminal"), "{}", ended.stderr);
}

/// In a session of its own no signal says that the terminal is gone: the end of its input must.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn x08p_a_terminal_that_is_gone_without_a_signal_ends_it() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let script = r#"trap "" HUP; setsid -w "$0"; echo $? > ended"#;
    let program = chat_tests::program("chat-tui");
    let shell = Pty::of("/bin/sh").args(["-c".into(), script.into(), program.into_os_string()]);
    let mut pty = shell.home(desk.cli.home()).size(120, 36).start();
    pty.wait_for("connected");
    pty.press("x");
    wait_row(&pty, &["›", "x"]);
    pty.close_after_key("y");
    let code = eventually("the end of the program", async || {
        let code = std::fs::read_to_string(desk.cli.home().join("ended")).ok();
        code.filter(|code| code.ends_with('\n'))
    });
    assert_eq!(code.await, "129\n");
}
