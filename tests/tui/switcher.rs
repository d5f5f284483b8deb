//! Going: to people, topics and commands by the switcher, to what is unread, to mentions.

use chat_tests::{Pty, eventually};

use crate::desk::{quit, wait_row, world};

/// Waits until the chosen row of the switcher holds `words`.
#[track_caller]
fn wait_chosen(pty: &Pty, words: &str) {
    pty.wait_until(&format!("{words} is chosen"), |screen| {
        let rows = screen.rows(20, 100).collect::<Vec<_>>();
        rows.iter()
            .any(|row| row.contains('▌') && row.contains(words))
    });
}

#[tokio::test]
async fn x05p_the_switcher_finds_somebody_new_and_the_first_message_makes_the_conversation() {
    let (server, [_ann, ben], desk) = world().await;
    let gus = server.person("gus").await;
    ben.connect().await.send("ann", "hello").await;
    let mut pty = desk.open();
    pty.press("<c-k>gu");
    wait_chosen(&pty, "gus");
    pty.press("<enter>");
    pty.wait_for("write to gus");
    pty.wait_for("no messages yet");
    pty.press("nice to meet you<enter>");
    wait_row(&pty, &["nice to meet you", " ✓"]);
    assert_eq!(gus.texts("ann").await, ["nice to meet you"]);
    quit(pty);
}

#[tokio::test]
async fn x05p_the_switcher_joins_a_topic_and_makes_one() {
    let (_server, [ann, ben], desk) = world().await;
    let mut bens = ben.connect().await;
    bens.subscribe("deploys").await;
    bens.send("deploys", "the train leaves").await;
    bens.send("ann", "hello").await;
    let mut pty = desk.open();
    pty.press("<c-k>depl");
    wait_chosen(&pty, "deploys");
    pty.wait_for("not joined");
    pty.press("<enter>");
    pty.wait_for("write to #deploys");
    pty.wait_for("the train leaves");
    pty.press("aboard<enter>");
    wait_row(&pty, &["aboard", " ✓"]);
    pty.press("<c-k>gardening");
    wait_chosen(&pty, "join or make");
    pty.press("<enter>");
    pty.wait_for("write to #gardening");
    pty.press("first seed<enter>");
    wait_row(&pty, &["first seed", " ✓"]);
    assert_eq!(ann.texts("gardening").await, ["first seed"]);
    // Out again, by a command.
    pty.press("/leave<enter>");
    pty.wait_gone("gardening");
    quit(pty);
}

#[tokio::test]
async fn x05p_the_switcher_runs_commands_and_narrows_by_kind() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let mut pty = desk.open();
    pty.press("<a-g>sidebar");
    wait_chosen(&pty, "join or make");
    pty.press("<down>");
    wait_chosen(&pty, "the list of chats");
    pty.press("<enter>");
    pty.wait_gone("│ ");
    pty.press("<f2>");
    pty.wait_for("│ ");
    // Within a line Ctrl-K cuts, as in a shell.
    pty.press("one two<c-a><c-k>");
    pty.wait_gone("one two");
    pty.press("<c-y>");
    pty.wait_for("one two");
    quit(pty);
}

#[tokio::test]
async fn x05p_one_key_goes_through_what_is_unread_mentions_first_and_back() {
    let (server, [ann, ben], desk) = world().await;
    let [carl, dana] = server.people(["carl", "dana"]).await;
    carl.make_group("ops", &[&ann, &ben]).await;
    ben.connect().await.send("ann", "of ben").await;
    let mut pty = desk.open();
    pty.wait_for("of ben");
    carl.connect().await.send("ops", "please look, @ann").await;
    dana.connect().await.send("ann", "of dana").await;
    wait_row(&pty, &["3 unread", "1 mention"]);
    pty.press("<a-a>");
    pty.wait_for("write to #ops");
    // It is unread until it was shown.
    pty.wait_gone("1 mention");
    pty.press("<a-a>");
    pty.wait_for("write to dana");
    pty.wait_gone("1 unread");
    pty.press("<a-a>");
    pty.wait_for("write to ben");
    pty.press("<a-a>");
    pty.wait_for("nothing unread");
    // And back to the one before.
    pty.press("<a-/>");
    pty.wait_for("write to dana");
    quit(pty);
}

#[tokio::test]
async fn x05p_mentions_are_gone_to_one_by_one() {
    let (_server, [_ann, ben], desk) = world().await;
    let mut bens = ben.connect().await;
    for line in 1..=90 {
        let words = match line {
            10 => "tenth for @ann".to_owned(),
            50 => "fiftieth for @ann".to_owned(),
            _ => format!("line {line}."),
        };
        bens.send("ann", &words).await;
    }
    let mut pty = desk.open();
    pty.press("<c-end>");
    pty.wait_for("line 90.");
    pty.press("<a-p>");
    pty.wait_for("fiftieth for @ann");
    pty.press("<a-p>");
    pty.wait_for("tenth for @ann");
    pty.press("<a-n>");
    pty.wait_for("fiftieth for @ann");
    pty.press("<c-end>");
    pty.wait_for("line 90.");
    quit(pty);
}

#[tokio::test]
async fn x05p_a_name_is_completed_in_the_draft() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let mut pty = desk.open();
    pty.press("ask @be<tab>");
    pty.wait_for("› ask @ben");
    pty.press("<enter>");
    let said = eventually("it is sent", async || {
        ben.texts("ann").await.get(1).cloned()
    })
    .await;
    assert_eq!(said.trim_end(), "ask @ben");
    quit(pty);
}
