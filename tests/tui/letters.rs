//! What becomes of one's own messages: their states on the screen, and what is left of them after a crash.

use chat_proto::{Action, Mark, Name};
use chat_tests::client::up_to;
use chat_tests::{Pty, TestServer, eventually};
use chat_tui::client::cache::Owner;
use chat_tui::client::cache::outbox::{OutboxFile, path};
use nix::sys::signal::Signal;

use crate::desk::{Desk, quit, wait_list, wait_row, world};

/// The outbox of ann on a desk.
fn outbox(desk: &Desk, server: &TestServer) -> OutboxFile {
    let profile = Name::parse("default").expect("a name");
    let owner = Owner {
        server: server.url(),
        name: Name::parse("ann").expect("a name"),
    };
    let file = path(&desk.cli.home().join("profiles"), &profile);
    OutboxFile::open(&file, &owner).expect("the outbox opens").0
}

fn crash(pty: &Pty) {
    pty.kill(Signal::SIGKILL);
    assert_eq!(pty.exit_code(), 137);
}

#[tokio::test]
async fn x04_a_message_is_queued_then_stored_then_delivered_then_read() {
    let (mut server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let mut pty = desk.open();
    server.kill9().await;
    pty.wait_for("offline");
    pty.press("my words<enter>");
    wait_row(&pty, &["my words", "queued"]);
    pty.wait_for("1 queued");
    server.restart().await;
    pty.press("<f5>");
    wait_row(&pty, &["my words", " ✓"]);
    pty.wait_gone("queued");
    assert_eq!(ben.texts("ann").await, ["hello", "my words"]);
    let mut bens = ben.connect().await;
    bens.ack(Action::Mark(Mark::Delivered, up_to("ann", 2)))
        .await;
    wait_row(&pty, &["my words", "✓✓ delivered"]);
    bens.read("ann", 2).await;
    wait_row(&pty, &["my words", "✓✓ read"]);
    quit(pty);
}

#[tokio::test]
async fn x04_a_refused_message_says_why_stays_over_a_crash_and_is_tried_again() {
    let (server, _people, desk) = world().await;
    let mut pty = desk.open();
    // A talk with somebody, so that there is a composer.
    write_to(&mut pty, "ben", "hello ben");
    pty.press("/msg nobody<enter>");
    pty.wait_for("write to nobody");
    pty.press("is anybody there<enter>");
    wait_row(&pty, &["is anybody there", "not sent", "r retry"]);
    crash(&pty);
    let mut pty = desk.open();
    // It is not lost with the conversation that never was, and the command is no draft.
    wait_list(&pty, &["nobody", "✗"]);
    pty.press("<a-2>");
    pty.wait_for("write to nobody");
    wait_row(&pty, &["is anybody there", "not sent", "r retry"]);
    let nobody = server.person("nobody").await;
    pty.press("<up>r");
    wait_row(&pty, &["is anybody there", " ✓"]);
    assert_eq!(nobody.texts("ann").await, ["is anybody there"]);
    quit(pty);
}

/// Opens a conversation by the switcher and says something.
fn write_to(pty: &mut Pty, name: &str, words: &str) {
    pty.press(&format!("<c-k>{name}"));
    pty.wait_for("go to");
    pty.wait_until("the person is found", |screen| {
        let contents = screen.contents();
        contents
            .lines()
            .any(|row| row.contains('▌') && row.contains(name))
    });
    pty.press("<enter>");
    pty.wait_for(&format!("write to {name}"));
    pty.press(&format!("{words}<enter>"));
    wait_row(pty, &[words, " ✓"]);
}

#[tokio::test]
async fn x04_a_refused_message_goes_back_into_the_draft_or_away() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let mut pty = desk.open();
    pty.press("/msg nobody<enter>");
    pty.wait_for("write to nobody");
    pty.press("first try<enter>");
    wait_row(&pty, &["first try", "not sent"]);
    pty.press("second try<enter>");
    wait_row(&pty, &["second try", "not sent"]);
    // Back into the draft.
    pty.press("<up>e");
    wait_row(&pty, &["›", "second try"]);
    pty.wait_until("one letter is left", |screen| {
        screen.contents().matches("second try").count() == 1
    });
    pty.press("<c-u>");
    pty.wait_gone("second try");
    // Away.
    pty.press("<up>dd");
    pty.wait_gone("first try");
    crash(&pty);
    let pty = desk.open();
    pty.wait_for("hello");
    assert!(!pty.screen_text().contains("not sent"));
    quit(pty);
}

#[tokio::test]
async fn x04_words_to_a_group_that_one_is_out_of_are_not_lost() {
    let (mut server, [ann, ben], desk) = world().await;
    ben.make_group("ops", &[&ann]).await;
    let mut pty = desk.open();
    pty.wait_for("welcome all");
    server.kill9().await;
    pty.wait_for("offline");
    pty.press("too late for this<enter>");
    wait_row(&pty, &["too late for this", "queued"]);
    crash(&pty);
    server.restart().await;
    ben.delete("/v1/groups/ops/users/ann").await.expect(204);
    let pty = desk.open();
    wait_row(&pty, &["too late for this", "not sent"]);
    quit(pty);
}

#[tokio::test]
async fn d15_the_sender_learns_delivered_and_read_also_what_came_while_away() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let mut pty = desk.open();
    pty.press("first<enter>");
    wait_row(&pty, &["first", " ✓"]);
    quit(pty);
    let mut bens = ben.connect().await;
    bens.ack(Action::Mark(Mark::Delivered, up_to("ann", 2)))
        .await;
    let pty = desk.open();
    wait_row(&pty, &["first", "✓✓ delivered"]);
    quit(pty);
    bens.read("ann", 2).await;
    bens.roundtrip().await;
    let pty = desk.open();
    wait_row(&pty, &["first", "✓✓ read"]);
    quit(pty);
}

#[tokio::test]
async fn d15_two_clients_tell_each_other_that_they_have_and_read_a_message() {
    let (server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let there = Desk::of(&server, "ben").await;
    let mut pty = desk.open();
    pty.press("are you there<enter>");
    wait_row(&pty, &["are you there", " ✓"]);
    let other = there.open();
    other.wait_for("are you there");
    wait_row(&pty, &["are you there", "✓✓ read"]);
    quit(other);
    quit(pty);
}

#[tokio::test]
async fn d16_a_burst_that_a_crash_interrupts_is_sent_once_and_in_order() {
    let server = TestServer::setup().rate(20, 3).start().await;
    let [_ann, ben] = server.people(["ann", "ben"]).await;
    let desk = Desk::of(&server, "ann").await;
    ben.connect().await.send("ann", "hello").await;
    let mut pty = desk.open();
    let lines: Vec<String> = (1..=20).map(|line| format!("burst {line:02}")).collect();
    for line in &lines {
        pty.press(&format!("{line}<enter>"));
    }
    // All are on the disk, most of them have not left: then the lights go out.
    let left = outbox(&desk, &server);
    eventually("the last line is on the disk", async || {
        let letters = left.letters().expect("letters");
        letters
            .iter()
            .any(|letter| letter.publish.text == lines[19])
            .then_some(())
    })
    .await;
    crash(&pty);
    let stored = ben.texts("ann").await.len() - 1;
    assert!(stored < 20, "the burst was over before the crash");
    let pty = desk.open();
    eventually("all lines are stored", async || {
        (ben.texts("ann").await.len() > 20).then_some(())
    })
    .await;
    wait_row(&pty, &["burst 20", " ✓"]);
    pty.wait_gone("queued");
    let mut expected = vec!["hello".to_owned()];
    expected.extend(lines);
    assert_eq!(ben.texts("ann").await, expected);
    assert_eq!(outbox(&desk, &server).letters().expect("letters").len(), 0);
    quit(pty);
}

#[tokio::test]
async fn d16_a_draft_is_back_after_a_crash() {
    let (server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let mut pty = desk.open();
    pty.press("words that were");
    let kept = outbox(&desk, &server);
    eventually("the draft is on the disk", async || {
        let drafts = kept.drafts().expect("drafts");
        drafts
            .iter()
            .any(|(_, text)| text == "words that were")
            .then_some(())
    })
    .await;
    pty.press(" written and more");
    pty.wait_for("words that were written and more");
    crash(&pty);
    let mut pty = desk.open();
    wait_row(&pty, &["›", "words that were"]);
    pty.press("<c-e>!<enter>");
    let said = eventually("it is sent", async || {
        ben.texts("ann").await.get(1).cloned()
    })
    .await;
    let whole = "words that were written and more";
    assert!(whole.starts_with(said.trim_end_matches('!')), "{said}");
    quit(pty);
}

#[tokio::test]
async fn d16_two_screens_of_one_profile_send_each_line_once_and_show_all() {
    let (_server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    let (mut first, mut second) = (desk.open(), desk.open());
    for line in 1..=10 {
        first.press(&format!("one {line:02}<enter>"));
        second.press(&format!("two {line:02}<enter>"));
    }
    eventually("all are stored", async || {
        (ben.texts("ann").await.len() >= 21).then_some(())
    })
    .await;
    for pty in [&first, &second] {
        for words in ["one 10", "two 10"] {
            pty.wait_for(words);
        }
        pty.wait_gone("queued");
        pty.wait_gone("sending");
    }
    let texts = ben.texts("ann").await;
    for who in ["one", "two"] {
        let said: Vec<&String> = texts.iter().filter(|text| text.starts_with(who)).collect();
        let expected: Vec<String> = (1..=10).map(|line| format!("{who} {line:02}")).collect();
        assert!(said.into_iter().eq(&expected), "{texts:?}");
    }
    assert_eq!(texts.len(), 21, "{texts:?}");
    quit(first);
    quit(second);
}

#[tokio::test]
async fn k07_what_a_command_queued_goes_with_the_screens() {
    let (mut server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    server.kill9().await;
    desk.cli
        .run(&["send", "ben", "--queue", "left in the outbox"])
        .await
        .expect(8);
    let mut pty = desk.launch().start();
    pty.wait_for("offline");
    // The copy is empty as yet, but what waits is shown.
    server.restart().await;
    pty.press("<f5>");
    pty.wait_for("connected");
    wait_row(&pty, &["left in the outbox", " ✓"]);
    assert_eq!(ben.texts("ann").await, ["hello", "left in the outbox"]);
    quit(pty);
}

#[tokio::test]
async fn d16_what_is_older_than_a_day_asks_first() {
    let (mut server, [_ann, ben], desk) = world().await;
    ben.connect().await.send("ann", "hello").await;
    quit(desk.open());
    server.kill9().await;
    desk.cli
        .run(&["send", "ben", "--queue", "good morning"])
        .await
        .expect(8);
    let file = desk.cli.home().join("profiles/default.outbox.db");
    let connection = rusqlite::Connection::open(file).expect("the outbox");
    let two_days = 2_i64 * 24 * 3_600 * 1_000_000;
    let changed = connection
        .execute("UPDATE letters SET queued_at = queued_at - ?1", [two_days])
        .expect("an older letter");
    assert_eq!(changed, 1);
    server.restart().await;
    let mut pty = desk.open();
    wait_row(&pty, &["good morning", "older than a day"]);
    assert_eq!(ben.texts("ann").await, ["hello"]);
    pty.press("<up>r");
    wait_row(&pty, &["good morning", " ✓"]);
    assert_eq!(ben.texts("ann").await, ["hello", "good morning"]);
    quit(pty);
}
