//! When a message counts as read: when it was really shown to somebody who looked.

use chat_tests::{Person, Pty, eventually};

use crate::desk::{Desk, quit, wait_list, wait_row, world};

async fn all_read(ann: &Person, topic: &str) {
    eventually("it is read", async || {
        (ann.conversation(topic).await.unread == 0).then_some(())
    })
    .await;
}

/// What the client wanted to say of what it showed, it has said when this is stored.
fn barrier(pty: &mut Pty) {
    for words in ["barrier one", "barrier two"] {
        pty.press(&format!("{words}<enter>"));
        wait_row(pty, &[words, "✓"]);
    }
}

#[tokio::test]
async fn u03_what_is_shown_is_read() {
    let (_server, [ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "look").await;
    let pty = desk.open();
    pty.wait_for("look");
    all_read(&ann, "ben").await;
    quit(pty);
}

#[tokio::test]
async fn u03_nothing_is_read_while_the_terminal_has_no_focus() {
    let (_server, [ann, ben], desk) = world().await;
    let mut bens = ben.connect().await;
    bens.send("ann", "look").await;
    let mut pty = desk.open();
    all_read(&ann, "ben").await;
    pty.send(b"\x1b[O");
    // What is typed comes behind it.
    pty.press("x");
    pty.wait_for("› x");
    pty.press("<bs>");
    bens.send("ann", "look again").await;
    pty.wait_for("look again");
    barrier(&mut pty);
    assert_eq!(ann.conversation("ben").await.unread, 1);
    pty.send(b"\x1b[I");
    all_read(&ann, "ben").await;
    quit(pty);
}

#[tokio::test]
async fn u03_nothing_is_read_of_a_conversation_that_is_not_open() {
    let (server, [ann, ben], desk) = world().await;
    let carl = server.person("carl").await;
    ben.connect().await.send("ann", "of ben").await;
    let mut pty = desk.open();
    pty.wait_for("of ben");
    carl.connect().await.send("ann", "of carl").await;
    wait_list(&pty, &["carl", "1"]);
    barrier(&mut pty);
    assert_eq!(ann.conversation("carl").await.unread, 1);
    pty.press("<a-a>");
    pty.wait_for("write to carl");
    all_read(&ann, "carl").await;
    quit(pty);
}

#[tokio::test]
async fn u03_nothing_is_read_below_what_one_has_scrolled_to() {
    let (_server, [ann, ben], desk) = world().await;
    let mut bens = ben.connect().await;
    for line in 1..=60 {
        bens.send("ann", &format!("line {line}.")).await;
    }
    let mut pty = desk.open();
    pty.press("<c-end>");
    pty.wait_for("line 60.");
    all_read(&ann, "ben").await;
    pty.press("<pgup>");
    pty.wait_for("^End");
    bens.send("ann", "below the screen").await;
    pty.wait_for("1 new");
    wait_list(&pty, &["below the screen"]);
    // A draft goes to the disk and to nobody else, so a second message is the barrier here.
    bens.send("ann", "and another one").await;
    pty.wait_for("2 new");
    assert_eq!(ann.conversation("ben").await.unread, 2);
    pty.press("<c-end>");
    pty.wait_for("and another one");
    all_read(&ann, "ben").await;
    quit(pty);
}

#[tokio::test]
async fn u03_nothing_is_read_behind_the_switcher() {
    let (_server, [ann, ben], desk) = world().await;
    let mut bens = ben.connect().await;
    bens.send("ann", "one").await;
    let mut pty = desk.open();
    all_read(&ann, "ben").await;
    pty.press("<c-k>");
    pty.wait_for("go to");
    bens.send("ann", "two").await;
    wait_list(&pty, &["two"]);
    bens.send("ann", "three").await;
    wait_list(&pty, &["three"]);
    assert_eq!(ann.conversation("ben").await.unread, 2);
    pty.press("<esc>");
    all_read(&ann, "ben").await;
    quit(pty);
}

#[tokio::test]
async fn u03_what_was_read_without_a_connection_is_told_with_the_next() {
    let (mut server, [ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "one").await;
    let carl = server.person("carl").await;
    carl.connect().await.send("ann", "other").await;
    let mut pty = desk.open();
    pty.wait_for("write to carl");
    server.kill9().await;
    pty.wait_for("offline");
    pty.press("<a-a>");
    pty.wait_for("write to ben");
    pty.wait_for("one");
    server.restart().await;
    pty.press("<f5>");
    pty.wait_for("connected");
    all_read(&ann, "ben").await;
    quit(pty);
}

/// Read on one machine is read on the other.
#[tokio::test]
async fn u03_read_elsewhere_is_read_here() {
    let (server, [ann, ben], desk) = world().await;
    let carl = server.person("carl").await;
    let other = Desk::of(&server, "ann").await;
    ben.connect().await.send("ann", "one").await;
    carl.connect().await.send("ann", "two").await;
    let here = desk.open();
    wait_list(&here, &["ben", "1"]);
    let mut there = other.open();
    there.wait_for("write to carl");
    there.press("<a-a>");
    there.wait_for("write to ben");
    all_read(&ann, "ben").await;
    here.wait_gone("1 unread");
    quit(there);
    quit(here);
}
