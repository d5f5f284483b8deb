//! Writing: pastes, code, the user's editor, and drafts that are there again.

use std::os::unix::fs::PermissionsExt as _;

use chat_tests::{Person, eventually};

use crate::desk::{quit, wait_list, wait_row, world};

/// What ann said to ben, once she did.
async fn said(ben: &Person) -> String {
    eventually("it is sent", async || {
        ben.texts("ann").await.get(1).cloned()
    })
    .await
}

#[tokio::test]
async fn a_paste_of_many_lines_is_one_draft_and_one_message() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let mut pty = desk.open();
    pty.paste("one\n\ttwo\nthree\x1b[31m\x07 red\n");
    pty.wait_for("draft · ");
    pty.press("<enter>");
    let text = said(&ben).await;
    assert!(text.starts_with("one\n\ttwo\nthree"), "{text:?}");
    assert!(!text.contains(['\x1b', '\x07', '\r']), "{text:?}");
    assert_eq!(ben.texts("ann").await.len(), 2);
    quit(pty);
}

#[tokio::test]
async fn within_a_piece_of_code_enter_is_a_new_line() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let mut pty = desk.open();
    pty.press("```rust<enter>let a = 1;<enter>```<enter>");
    assert_eq!(said(&ben).await, "```rust\nlet a = 1;\n```");
    pty.wait_for("rust · 1 line");
    pty.press("one<a-enter>two<c-j>three<s-enter>four<enter>");
    let text = eventually("it is sent", async || {
        ben.texts("ann").await.get(2).cloned()
    })
    .await;
    assert_eq!(text, "one\ntwo\nthree\nfour");
    quit(pty);
}

#[tokio::test]
async fn the_users_editor_writes_the_draft() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let editor = desk.cli.home().join("editor");
    let script = "#!/bin/sh\nprintf 'and from the editor\\nsecond line\\n' >> \"$1\"\n";
    std::fs::write(&editor, script).expect("an editor");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&editor, mode).expect("it can be run");
    let mut pty = desk.launch().env("EDITOR", editor).start();
    pty.wait_for("connected");
    pty.press("typed <a-e>");
    wait_row(&pty, &["›", "typed and from the editor"]);
    pty.wait_for("second line");
    pty.press("<enter>");
    assert_eq!(said(&ben).await, "typed and from the editor\nsecond line");
    // One that fails leaves the draft as it was, and says so.
    quit(pty);
    let mut pty = desk.launch().env("EDITOR", "false").start();
    pty.wait_for("connected");
    pty.press("kept<c-x><c-e>");
    pty.wait_for("the draft is as it was");
    wait_row(&pty, &["›", "kept"]);
    pty.press("<c-c>");
    pty.wait_gone("kept");
    pty.press("<c-_>");
    wait_row(&pty, &["›", "kept"]);
    quit(pty);
}

#[tokio::test]
async fn drafts_are_kept_for_each_conversation_and_over_a_quit() {
    let (server, [_ann, ben], desk) = world().await;
    let carl = server.person("carl").await;
    ben.connect().await.send("ann", "of ben").await;
    carl.connect().await.send("ann", "of carl").await;
    let mut pty = desk.open();
    pty.wait_for("write to carl");
    pty.press("words for carl<a-2>");
    pty.wait_for("write to ben");
    wait_list(&pty, &["draft: words for carl"]);
    pty.press("words for ben");
    pty.wait_for("› words for ben");
    quit(pty);
    let mut pty = desk.open();
    pty.wait_for("› words for carl");
    wait_list(&pty, &["draft: words for ben"]);
    pty.press("<a-2>");
    pty.wait_for("› words for ben");
    assert_eq!(ben.texts("ann").await.len(), 1, "none of it was sent");
    quit(pty);
}

#[tokio::test]
async fn slashes_are_commands_and_two_send_one() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let mut pty = desk.open();
    pty.press("/fly<enter>");
    pty.wait_for("there is no command /fly");
    wait_row(&pty, &["›", "/fly"]);
    pty.press("<c-u>//fly<enter>");
    assert_eq!(said(&ben).await, "/fly");
    pty.press("/quit<enter>");
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
}
