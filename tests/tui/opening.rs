//! Opening: on the local copy, with and without a server, with a server that is another one, and with two accounts.

use chat_tests::{Person, TestServer};

use crate::desk::{Desk, quit, world};

#[tokio::test]
async fn x01_it_opens_on_its_copy_without_a_server_and_syncs_when_there_is_one() {
    let (mut server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "kept in the copy").await;
    let pty = desk.open();
    pty.wait_for("kept in the copy");
    quit(pty);
    server.kill9().await;

    let mut pty = desk.launch().start();
    pty.wait_for("kept in the copy");
    pty.wait_for("offline");
    server.restart().await;
    ben.connect().await.send("ann", "said meanwhile").await;
    pty.press("<f5>");
    pty.wait_for("said meanwhile");
    pty.wait_for("connected");
    quit(pty);
}

#[tokio::test]
async fn x01_the_link_is_shown_as_it_goes_and_comes() {
    let (mut server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let mut pty = desk.open();
    server.kill9().await;
    pty.wait_for("offline");
    pty.wait_for("retry in");
    pty.wait_for("F5 connect");
    server.restart().await;
    pty.press("<f5>");
    pty.wait_for("connected");
    pty.wait_gone("offline");
    // Live again, not only connected.
    ben.connect().await.send("ann", "back again").await;
    pty.wait_for("back again");
    quit(pty);
}

#[tokio::test]
async fn x01_a_server_that_is_another_one_is_told_and_leaves_no_foreign_rows() {
    let (mut server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "of the first server").await;
    let mut pty = desk.open();
    pty.wait_for("of the first server");
    server.kill9().await;
    pty.wait_for("offline");
    std::fs::remove_dir_all(&server.data).expect("the data of the first server");
    server.restart().await;
    let [_ann, eve] = server.people(["ann", "eve"]).await;
    pty.press("<f5>");
    pty.wait_for("logged out: ");
    quit(pty);
    // The same name, another account: nothing of the one before is hers.
    desk.log_in(&server, "ann", &[]).await;
    eve.connect()
        .await
        .send("ann", "of the second server")
        .await;
    let pty = desk.open();
    pty.wait_for("of the second server");
    pty.wait_gone("of the first server");
    pty.wait_gone(" ben");
    quit(pty);
}

/// As after a backup was restored: accounts and log-ins hold, the numbers of the messages do not.
#[tokio::test]
async fn x01_a_server_in_another_epoch_is_read_anew_while_the_screens_are_open() {
    let (mut server, [_ann, ben], desk) = world().await;
    let carl = server.person("carl").await;
    let mut carls = carl.connect().await;
    carls.send("ann", "before the epoch").await;
    ben.connect().await.send("ann", "kept by both").await;
    let mut pty = desk.open();
    pty.wait_for("kept by both");
    pty.wait_for("before the epoch");
    server.terminate().await;
    pty.wait_for("offline");
    another_epoch(&server, "carl");
    server.restart().await;
    pty.press("<f5>");
    pty.wait_for("connected");
    pty.wait_gone("before the epoch");
    pty.wait_for("kept by both");
    ben.connect().await.send("ann", "said after it").await;
    pty.wait_for("said after it");
    quit(pty);
}

/// Makes the store of a stopped server another one, in which somebody never wrote to anyone.
fn another_epoch(server: &TestServer, without: &str) {
    let file = server.data.join("chat.db");
    let connection = rusqlite::Connection::open(file).expect("the store");
    let statements = format!(
        "PRAGMA foreign_keys = OFF;
         UPDATE meta SET value = 'another' WHERE key = 'epoch';
         CREATE TEMP TABLE gone AS SELECT c.id FROM conversations c JOIN users u ON u.id IN (c.a, c.b)
             WHERE u.name = '{without}';
         DELETE FROM log WHERE conversation IN gone;
         DELETE FROM members WHERE conversation IN gone;
         DELETE FROM conversations WHERE id IN gone;"
    );
    connection
        .execute_batch(&statements)
        .expect("another store");
}

#[tokio::test]
async fn x10_two_profiles_have_accounts_and_copies_of_their_own() {
    let (server, [_ann, ben], desk) = world().await;
    let other = TestServer::start().await;
    let zoe = other.person("zoe").await;
    let yan = other.person("yan").await;
    desk.log_in(&other, "zoe", &["--profile", "work"]).await;
    ben.connect().await.send("ann", "of the first life").await;
    yan.connect().await.send("zoe", "of the second life").await;
    let first = desk.open();
    let second = desk.launch().args(["--profile", "work"]).start();
    second.wait_for("connected");
    first.wait_for("of the first life");
    second.wait_for("of the second life");
    second.wait_for("work");
    assert!(!first.screen_text().contains("second life"));
    assert!(!second.screen_text().contains("first life"));
    quit(first);
    // Each on its own copy, also without a server.
    quit(second);
    drop((server, other, zoe));
    let first = desk.launch().start();
    let second = desk.launch().env("CHAT_PROFILE", "work").start();
    first.wait_for("of the first life");
    second.wait_for("of the second life");
    assert!(!second.screen_text().contains("first life"));
}

#[tokio::test]
async fn t14_the_first_screen_of_a_newcomer_has_people_and_how_to_find_more() {
    let server = TestServer::start().await;
    let [_ann, ben] = server.people(["ann", "ben"]).await;
    let topic = "announcements";
    ben.connect().await.subscribe(topic).await;
    ben.connect().await.send(topic, "all of you").await;
    let desk = Desk::of(&server, "ann").await;
    let pty = desk.open();
    pty.wait_for("people of this server");
    pty.wait_for("ben");
    pty.wait_for("finds anyone");
    pty.wait_for("F1");
    quit(pty);
}

#[tokio::test]
async fn p06_without_conversations_one_who_is_alone_is_told_how_others_come() {
    let server = TestServer::start().await;
    let _ann: Person = server.person("ann").await;
    let desk = Desk::of(&server, "ann").await;
    let pty = desk.open();
    pty.wait_for("you are the first one here");
    pty.wait_for("chat-server invite");
    quit(pty);
}

#[tokio::test]
async fn t14_the_lobby_is_there_from_the_start() {
    let server = TestServer::setup()
        .arg("--lobby")
        .arg("square")
        .start()
        .await;
    let [_ann, ben] = server.people(["ann", "ben"]).await;
    ben.connect()
        .await
        .send("square", "welcome to the square")
        .await;
    let desk = Desk::of(&server, "ann").await;
    let mut pty = desk.open();
    pty.wait_for("welcome to the square");
    pty.press("thank you<enter>");
    pty.wait_for("thank you");
    chat_tests::eventually("the words", async || {
        ben.texts("square")
            .await
            .iter()
            .any(|t| t == "thank you")
            .then_some(())
    })
    .await;
    quit(pty);
}
