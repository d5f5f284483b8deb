//! The keys: one table in the help, changed by the user's file; the mouse beside them.

use chat_tests::{Pty, TestServer};
use chat_tui::keymap::{Command, TABLE};

use crate::desk::{Desk, quit, wait_row, world};

#[tokio::test]
async fn x06_the_help_has_every_command_of_the_table_and_narrows() {
    let (_server, _people, desk) = world().await;
    let mut pty = desk.launch().size(200, 100).start();
    pty.wait_for("connected");
    pty.press("<f1>");
    pty.wait_for("type to filter");
    let one_for_all = Command::Chat2..=Command::Chat9;
    for row in TABLE
        .iter()
        .filter(|row| !one_for_all.contains(&row.command))
    {
        pty.wait_for(row.doc);
    }
    pty.press("suspend");
    pty.wait_gone("scroll up");
    wait_row(&pty, &["^Z", "suspend"]);
    pty.press("<esc>");
    pty.wait_gone("type to filter");
    quit(pty);
}

#[tokio::test]
async fn x06_the_users_file_changes_the_keys_and_the_help_says_so() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let file = desk.cli.home().join("config.toml");
    let text = "[keys]\nswitcher = 'f9'\nswitcher-or-kill = []\nquit = ['f10', 'ctrl-q']\n";
    std::fs::write(file, text).expect("a file of the user");
    let mut pty = desk.open();
    pty.wait_for("F9 switch");
    pty.press("<c-k>");
    pty.press("<f9>");
    pty.wait_for("go to");
    pty.press("<esc>");
    pty.wait_gone("go to");
    pty.press("<f1>quit");
    wait_row(&pty, &["F10", "quit"]);
    pty.press("<esc>");
    pty.wait_gone("type to filter");
    pty.press("<f10>");
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}

#[tokio::test]
async fn x06_what_is_wrong_with_the_users_keys_is_said_with_file_and_line() {
    let server = TestServer::start().await;
    let _ann = server.person("ann").await;
    let desk = Desk::of(&server, "ann").await;
    let file = desk.cli.home().join("config.toml");
    for (text, line, word) in [
        ("mouse = true\n[keys]\nquit = 'ctrl-'\n", "line 3", "ctrl-"),
        ("[keys]\nfly = 'f9'\n", "line 2", "fly"),
        ("mouse = 3\n", "line 1", "config.toml"),
    ] {
        std::fs::write(&file, text).expect("a file of the user");
        let pty: Pty = desk.launch().size(200, 24).start();
        assert_eq!(pty.exit_code(), 2);
        let said = pty.screen_text();
        for words in ["config.toml", line, word] {
            assert!(said.contains(words), "{words} is not in: {said}");
        }
        assert!(!String::from_utf8_lossy(&pty.raw()).contains("\x1b[?1049h"));
    }
}

#[tokio::test]
async fn x06_the_wheel_scrolls_and_a_click_opens() {
    let (server, [_ann, ben], desk) = world().await;
    let carl = server.person("carl").await;
    let mut bens = ben.connect().await;
    for line in 1..=60 {
        bens.send("ann", &format!("line {line}.")).await;
    }
    carl.connect().await.send("ann", "of carl").await;
    let mut pty = desk.open();
    pty.wait_for("write to carl");
    // The second row of the list, or the third where the last words stand between.
    let row = pty.look(|screen| {
        let mut rows = screen.rows(0, 29);
        rows.position(|row| row.contains(" ben "))
            .expect("ben is in the list")
    });
    pty.send(format!("\x1b[<0;6;{}M\x1b[<0;6;{}m", row + 1, row + 1).as_bytes());
    pty.wait_for("write to ben");
    // It opens at what is unread; only then there is an end to go to.
    pty.wait_for("^End");
    pty.press("<c-end>");
    pty.wait_gone("^End");
    pty.send(b"\x1b[<64;60;10M");
    pty.wait_for("^End");
    pty.send(b"\x1b[<65;60;10M");
    pty.wait_gone("^End");
    quit(pty);
}

#[tokio::test]
async fn x06_without_the_mouse_the_terminal_keeps_it() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    std::fs::write(desk.cli.home().join("config.toml"), "mouse = false\n").expect("a file");
    let pty = desk.open();
    quit_without_mouse(pty);
    std::fs::write(desk.cli.home().join("config.toml"), "mouse = true\n").expect("a file");
    let pty = desk.open();
    let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
    assert!(raw.contains("\x1b[?1006h"), "with it, it is asked for");
    quit(pty);
}

fn quit_without_mouse(mut pty: Pty) {
    pty.press("<c-q>");
    assert_eq!(pty.exit_code(), 0);
    let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
    for mode in ["1000", "1002", "1003", "1005", "1006", "1015"] {
        let on = format!("\x1b[?{mode}h");
        assert!(!raw.contains(&on), "mode {mode} was asked for");
    }
    pty.assert_restored();
}
