//! The list of conversations and the conversation itself, as they change while one looks.

use std::collections::BTreeSet;

use chat_tests::{Pty, TestServer, eventually};
use serde_json::json;

use crate::desk::{Desk, quit, rows_with, wait_list, wait_ranked, wait_row, world};

#[tokio::test]
async fn x02p_the_list_is_ranked_by_last_chat_live_with_badge_last_line_and_time() {
    let (server, [_ann, ben], desk) = world().await;
    let [carl, dana] = server.people(["carl", "dana"]).await;
    let (mut bens, mut carls) = (ben.connect().await, carl.connect().await);
    bens.send("ann", "first of ben").await;
    carls.send("ann", "first of carl").await;
    let mut pty = desk.open();
    wait_ranked(&pty, &["carl", "ben"]);
    pty.press("<a-1>");
    pty.wait_for("carl");
    bens.send("ann", "a word more").await;
    wait_ranked(&pty, &["ben", "carl"]);
    wait_list(&pty, &["ben", "now", "2"]);
    wait_list(&pty, &["a word more"]);
    dana.connect().await.send("ann", "do look, @ann").await;
    wait_ranked(&pty, &["dana", "ben", "carl"]);
    wait_list(&pty, &["dana", "now", "@1"]);
    wait_row(&pty, &["3 unread", "1 mention"]);
    // One's own words count as chat too.
    pty.press("an answer<enter>");
    wait_ranked(&pty, &["carl", "dana", "ben"]);
    wait_list(&pty, &["you: an answer"]);
    quit(pty);
}

#[tokio::test]
async fn x02p_who_is_there_is_shown_by_a_sign_that_follows() {
    let server = TestServer::setup().arg("--presence-grace").arg("0");
    let server = server.start().await;
    let [_ann, ben] = server.people(["ann", "ben"]).await;
    let desk = Desk::of(&server, "ann").await;
    let mut bens = ben.connect().await;
    bens.send("ann", "hello").await;
    let pty = desk.open();
    wait_list(&pty, &["● ben"]);
    bens.close().await;
    wait_list(&pty, &["○ ben"]);
    let bens = ben.connect().await;
    wait_list(&pty, &["● ben"]);
    bens.close().await;
    quit(pty);
}

#[tokio::test]
async fn x02p_a_conversation_has_days_authors_and_where_the_unread_begins() {
    let (_server, [ann, ben], desk) = world().await;
    let mut bens = ben.connect().await;
    bens.send("ann", "read before").await;
    ann.connect().await.read("ben", 1).await;
    bens.send("ann", "second").await;
    bens.send("ann", "third").await;
    let pty = desk.open();
    for words in ["today", "read before", "2 new", "second", "third"] {
        pty.wait_for(words);
    }
    let screen = pty.screen_text();
    let at = |words: &str| {
        screen
            .find(words)
            .unwrap_or_else(|| panic!("{words}:\n{screen}"))
    };
    assert!(at("today") < at("read before"), "{screen}");
    assert!(at("read before") < at("2 new"), "{screen}");
    assert!(at("2 new") < at("second"), "{screen}");
    // A name stands once over what one wrote in a row; the unread line begins anew.
    let headed = screen.lines().filter(|row| {
        let body: String = row.chars().skip(31).collect();
        body.trim_end().ends_with("  ben")
    });
    assert_eq!(headed.count(), 2, "{screen}");
    quit(pty);
}

#[tokio::test]
async fn x02p_what_is_not_loaded_is_fetched_when_one_comes_to_it_and_leaves_no_hole() {
    let (_server, [ann, ben], desk) = world().await;
    long_talk(&ben, 400).await;
    ann.post("/v1/read", &json!({"topic": "ben", "seq": 400}))
        .await
        .expect(200);
    let mut pty = desk.open();
    pty.wait_for("line 400.");
    let mut seen = BTreeSet::new();
    for _ in 0..100 {
        pty.wait_until("lines and nothing to be loaded", |screen| {
            let missing = ["loading", "not loaded"];
            let missing = missing
                .iter()
                .any(|words| screen.contents().contains(words));
            !missing && !numbers(screen).is_empty()
        });
        let shown = pty.look(numbers);
        assert!(shown.is_sorted(), "{}", pty.screen_text());
        let hole = shown.windows(2).any(|pair| pair[1] != pair[0] + 1);
        assert!(!hole, "a hole on the screen:\n{}", pty.screen_text());
        let top = shown[0];
        seen.extend(shown);
        if top == 1 {
            break;
        }
        pty.press("<pgup>");
        pty.wait_until("the page above", |screen| {
            numbers(screen).first().is_some_and(|first| *first != top)
        });
    }
    let missed: Vec<u32> = (1..=400).filter(|line| !seen.contains(line)).collect();
    assert!(missed.is_empty(), "{missed:?} were passed by");
    pty.press("<c-end>");
    pty.wait_for("line 400.");
    quit(pty);
}

#[tokio::test]
async fn x02p_the_first_message_is_one_key_away_and_so_is_the_last() {
    let (_server, [ann, ben], desk) = world().await;
    long_talk(&ben, 400).await;
    ann.post("/v1/read", &json!({"topic": "ben", "seq": 400}))
        .await
        .expect(200);
    let mut pty = desk.open();
    pty.wait_for("line 400.");
    pty.press("<c-home>");
    pty.wait_for("line 1.");
    pty.press("<c-end>");
    pty.wait_for("line 400.");
    quit(pty);
}

#[tokio::test]
async fn x02p_much_that_is_unread_is_opened_where_it_begins() {
    let (_server, [ann, ben], desk) = world().await;
    long_talk(&ben, 300).await;
    ann.post("/v1/read", &json!({"topic": "ben", "seq": 20}))
        .await
        .expect(200);
    let mut pty = desk.open();
    pty.wait_for("280 new");
    pty.wait_for("line 21.");
    // Nothing below was shown, so nothing of it is read.
    assert!(ann.conversation("ben").await.unread > 200);
    pty.press("<c-end>");
    pty.wait_for("line 300.");
    eventually("all is read", async || {
        (ann.conversation("ben").await.unread == 0).then_some(())
    })
    .await;
    pty.press("<a-u>");
    pty.wait_for("line 21.");
    assert_eq!(rows_with(&pty, "280 new").len(), 1);
    quit(pty);
}

async fn long_talk(ben: &chat_tests::Person, lines: usize) {
    let mut bens = ben.connect().await;
    for line in 1..=lines {
        bens.send("ann", &format!("line {line}.")).await;
    }
}

/// The numbers of the lines in the conversation's part of the screen.
fn numbers(screen: &vt100::Screen) -> Vec<u32> {
    let rows = screen.rows(30, 90);
    let number = |row: String| {
        let (_, rest) = row.split_once("line ")?;
        rest.split_once('.')?.0.parse().ok()
    };
    rows.filter_map(number).collect()
}

/// Not a hole, and not the end either: what the tests above rely on.
#[tokio::test]
async fn x02p_pages_go_down_as_they_go_up() {
    let (_server, [_ann, ben], desk) = world().await;
    long_talk(&ben, 60).await;
    let mut pty: Pty = desk.open();
    pty.press("<c-home>");
    pty.wait_for("line 1.");
    pty.press("<pgdn><pgdn><pgdn>");
    pty.wait_for("line 60.");
    quit(pty);
}
