//! The room of the terminal by itself: what it is told and tells, and what no client can be made to do, a panic.

use chat_tests::Pty;
use chat_tests::pty::Launch;

fn screen() -> Launch {
    Pty::of(env!("CARGO_BIN_EXE_screen"))
}

fn started() -> Pty {
    let pty = screen().start();
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
fn x08p_a_panic_gives_the_terminal_back_before_it_speaks() {
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
fn x08p_a_panic_of_another_thread_ends_the_program_too() {
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
