//! The terminal is given back however the program ends, and follows every size.

use chat_tests::Pty;
use chat_tests::pty::Launch;
use nix::sys::signal::Signal;

fn screen() -> Launch {
    Pty::of(env!("CARGO_BIN_EXE_screen"))
}

fn started() -> Pty {
    let pty = screen().start();
    pty.wait_for("said nothing");
    pty
}

/// Under a shell with jobs, which says when the program stopped and brings it back after a line.
fn under_a_shell() -> Pty {
    let script = r#""$0"; echo it stopped; read line; fg > /dev/null; echo it ended with $?"#;
    let program = env!("CARGO_BIN_EXE_screen");
    let pty = Pty::of("/bin/sh")
        .args(["-m", "-c", script, program])
        .start();
    pty.wait_for("said nothing");
    pty
}

#[test]
fn what_is_typed_is_shown_at_the_cursor() {
    let mut pty = started();
    pty.press("hello");
    pty.wait_for("typed hello");
    assert_eq!(pty.cursor(), Some((11, 1)));
    pty.press("<a-a>");
    pty.wait_for("said Char('a')");
    pty.press("<esc>");
    pty.wait_for("said Esc");
    pty.press("<s-enter>");
    pty.wait_for("said Enter KeyModifiers(SHIFT)");
    pty.press("<pgup><f1>");
    pty.wait_for("said F(1)");
    let before = pty.written();
    pty.press("!");
    pty.wait_for("typed hello!");
    assert!(pty.written() - before <= 20);
}

#[test]
fn a_paste_comes_whole() {
    let mut pty = started();
    pty.paste("one\ntwo<enter>\x1b[31m");
    pty.wait_for(r#"said paste "one\ntwo<enter>\u{1b}[31m""#);
}

#[test]
fn the_mouse_the_focus_and_answers_are_told() {
    let mut pty = started();
    pty.send(b"\x1b[<0;7;9M");
    pty.wait_for("said mouse 6,8");
    pty.send(b"\x1b[O");
    pty.wait_for("said focus false");
    pty.send(b"\x1b[?69;2$y");
    pty.wait_for("said Margins(true)");
    pty.wait_for("typed");
}

#[test]
fn it_ends_by_its_key_and_leaves_the_terminal_as_it_was() {
    let mut pty = started();
    pty.press("<c-q>");
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}

#[test]
fn every_size_is_followed_from_one_cell_to_two_thousand_columns() {
    let mut pty = started();
    pty.resize(40, 10);
    pty.wait_for("size 40x10");
    pty.resize(1, 1);
    pty.wait_until("one cell", |screen| screen.contents() == "s");
    pty.resize(2000, 300);
    pty.wait_for("size 2000x300");
    for columns in 2..40 {
        pty.resize(columns, 60 - columns);
    }
    pty.wait_for("size 39x21");
    pty.press("x");
    pty.wait_for("typed x");
    pty.press("<c-q>");
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_speaks() {
    let mut pty = started();
    pty.press("<c-p>");
    assert_eq!(pty.exit_code(), 101);
    pty.assert_restored();
    assert!(
        pty.screen_text().contains("the screen panicked"),
        "{}",
        pty.screen_text()
    );
    assert!(!pty.screen_text().contains("typed"));
}

#[test]
fn a_panic_of_another_thread_ends_the_program_too() {
    let mut pty = started();
    pty.press("<c-t>");
    assert_eq!(pty.exit_code(), 101);
    pty.assert_restored();
    assert!(
        pty.screen_text().contains("a thread panicked"),
        "{}",
        pty.screen_text()
    );
}

#[test]
fn a_signal_ends_it_and_the_terminal_is_given_back() {
    for (signal, code) in [
        (Signal::SIGTERM, 143),
        (Signal::SIGHUP, 129),
        (Signal::SIGINT, 130),
        (Signal::SIGQUIT, 131),
    ] {
        let pty = started();
        pty.kill(signal);
        assert_eq!(pty.exit_code(), code, "{signal}");
        pty.assert_restored();
    }
}

#[test]
fn a_terminal_that_is_closed_ends_it() {
    let mut pty = started();
    pty.close();
    assert_eq!(pty.exit_code(), 129);
}

/// In a session of its own no signal says that the terminal is gone: the end of its input must.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_terminal_that_is_closed_without_a_signal_ends_it() {
    let home = tempfile::TempDir::new().expect("a folder for the test");
    let script = r#"trap "" HUP; setsid -w "$0"; echo $? > ended"#;
    let program = env!("CARGO_BIN_EXE_screen");
    let shell = Pty::of("/bin/sh").args(["-c", script, program]);
    let mut pty = shell.home(home.path()).start();
    pty.wait_for("said nothing");
    pty.press("x");
    pty.wait_for("typed x");
    pty.close_after_key("y");
    let code = chat_tests::eventually("the end of the program", async || {
        let code = std::fs::read_to_string(home.path().join("ended")).ok();
        code.filter(|code| code.ends_with('\n'))
    });
    assert_eq!(code.await, "129\n");
}

#[test]
fn it_stops_by_its_key_and_comes_back_with_the_whole_screen() {
    let mut pty = under_a_shell();
    pty.press("some words");
    pty.wait_for("typed some words");
    pty.press("<c-z>");
    pty.wait_for("it stopped");
    assert!(!pty.look(vt100::Screen::alternate_screen));
    pty.resize(60, 20);
    pty.press("<enter>");
    pty.wait_for("said back");
    pty.wait_for("size 60x20");
    pty.wait_for("typed some words");
    pty.press("<c-q>");
    pty.wait_for("it ended with 0");
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}

#[test]
fn it_stops_when_told_from_outside() {
    let mut pty = under_a_shell();
    pty.kill_foreground(Signal::SIGTSTP);
    pty.wait_for("it stopped");
    pty.press("<enter>");
    pty.wait_for("said back");
    pty.kill_foreground(Signal::SIGTERM);
    pty.wait_for("it ended with 143");
    pty.exit_code();
    pty.assert_restored();
}

#[test]
fn it_draws_all_again_after_a_stop_that_nobody_announced() {
    let mut pty = under_a_shell();
    pty.kill_foreground(Signal::SIGSTOP);
    // The shell writes over the screen that was not left.
    pty.wait_for("it stopped");
    // Nobody has told the terminal to make a line end of Enter again.
    pty.send(b"\n");
    pty.wait_for("said continued");
    pty.wait_gone("it stopped");
    pty.press("<c-q>");
    pty.wait_for("it ended with 0");
    pty.exit_code();
    pty.assert_restored();
}

#[test]
fn without_a_shell_it_does_not_stop() {
    let mut pty = started();
    pty.press("<c-z>");
    pty.wait_for("said alone");
    pty.press("a");
    pty.wait_for("typed a");
}

#[test]
fn an_editor_has_the_terminal_for_itself() {
    let mut pty = started();
    pty.press("<c-e>");
    pty.wait_for("in the editor");
    assert!(pty.cooked());
    assert!(!pty.look(vt100::Screen::alternate_screen));
    pty.resize(50, 12);
    pty.press("words<enter>");
    pty.wait_for("said edited");
    pty.wait_for("size 50x12");
    assert!(
        !pty.screen_text().contains("words"),
        "{}",
        pty.screen_text()
    );
    pty.press("back");
    pty.wait_for("typed back");
    pty.press("<c-q>");
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}

#[test]
fn an_interrupt_of_the_editor_is_not_for_us() {
    let mut pty = started();
    pty.press("<c-e>");
    pty.wait_for("in the editor");
    pty.press("<c-c>");
    pty.wait_for("said edited");
    pty.press("alive");
    pty.wait_for("typed alive");
}

#[test]
fn without_a_terminal_it_says_so() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_screen"))
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stderr, b"the output is no terminal\n");
}
