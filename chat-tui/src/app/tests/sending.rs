//! From the key to the mark: what becomes of what one writes, and where it says so.

use chat_proto::{Mark, Message, Rev, Seq};

use super::{Screens, message};
use crate::app::msg::{Effect, Msg};
use crate::client::agent::{Ask, LinkState, News};
use crate::client::copy::Entry;
use crate::client::outbox::{Letter, LetterState};
use crate::view::tests::name;

/// Ann writes in the open conversation with ben; gives the letter that the agent is asked to send.
fn sent(screens: &mut Screens, words: &str) -> Letter {
    let _ = screens.asks();
    screens.keys(&format!("{words}<enter>"));
    let asks = screens.asks();
    let sent = asks.iter().find_map(|ask| match ask {
        Ask::Send(letter) => Some(letter.as_ref().clone()),
        _ => None,
    });
    sent.unwrap_or_else(|| panic!("nothing is sent: {asks:?}"))
}

fn with_ben() -> Screens {
    let mut screens = Screens::of_ann();
    let line = screens.knows("ben", 2, 2);
    screens.opened(&line, 1, 2);
    screens
}

fn in_state(letter: &Letter, state: LetterState) -> News {
    News::Letters(vec![Letter {
        state,
        ..letter.clone()
    }])
}

/// The letter as the message that it became.
fn stored(letter: &Letter, seq: u64) -> Message {
    let me = super::view::model().me.expect("ann");
    Message {
        id: letter.id.clone(),
        text: letter.publish.text.clone(),
        from: me,
        ..message("ben", seq)
    }
}

#[test]
fn thousands_of_letters_come_at_once_and_keep_their_order() {
    let mut screens = with_ben();
    let sample = sent(&mut screens, "hello ben");
    screens.news(News::Settled(sample.id.clone()));
    let letter = |at: usize, state| {
        let id = format!("{at:05}");
        Letter {
            id: chat_proto::MessageId::parse(&id).expect("an id"),
            state,
            ..sample.clone()
        }
    };
    let many = (0..10_000).map(|at| letter(at, LetterState::Queued));
    screens.news(News::Letters(many.collect()));
    screens.news(News::Letters(vec![
        letter(10_000, LetterState::Queued),
        letter(7, LetterState::Sending),
    ]));
    let letters = &screens.model.letters;
    let ids = letters.iter().map(|letter| letter.id.to_string());
    assert!(ids.eq((0..=10_000).map(|at| format!("{at:05}"))));
    assert_eq!(letters[7].state, LetterState::Sending);
}

#[test]
fn x04_a_message_says_where_it_is_from_the_key_to_the_reader() {
    let mut screens = with_ben();
    let letter = sent(&mut screens, "hello ben");
    assert!(screens.row("hello ben").ends_with("◷ queued"));
    screens.news(in_state(&letter, LetterState::Sending));
    assert!(screens.row("hello ben").ends_with("↑ sending"));

    let mut line = super::line("ben", 3, 2);
    line.unread = 0;
    line.last_message = Some(stored(&letter, 3));
    let entries = vec![Entry::Message(stored(&letter, 3))];
    screens.news(News::Came {
        line: line.clone(),
        entries,
    });
    assert!(screens.row("       hello ben").ends_with('✓'));
    line.put_mark(&name("ben"), Mark::Delivered, Seq(3));
    screens.news(News::Lines(vec![line.clone()]));
    assert!(screens.row("       hello ben").ends_with("✓✓ delivered"));
    line.put_mark(&name("ben"), Mark::Read, Seq(3));
    screens.news(News::Lines(vec![line]));
    assert!(screens.row("       hello ben").ends_with("✓✓ read"));
}

#[test]
fn x04_a_refused_message_says_why_and_can_be_tried_again_changed_or_dropped() {
    let mut screens = with_ben();
    let letter = sent(&mut screens, "hello ben");
    let failed = LetterState::Failed {
        code: chat_proto::ErrorCode::Forbidden,
        sentence: "ben does not want this".to_owned(),
    };
    screens.news(in_state(&letter, failed));
    let row = screens.row("✗ not sent");
    assert!(row.contains("ben does not want this"), "{row}");
    assert!(row.contains("r retry"), "{row}");

    screens.keys("<up>r");
    assert!(screens.asks().contains(&Ask::Retry(letter.id.clone())));
    let dropped = Ask::Discard(letter.id.clone());
    screens.keys("dkjd");
    screens.shows("d again discards it");
    assert!(!screens.asks().contains(&dropped), "it asks each time");
    screens.keys("d");
    assert!(screens.asks().contains(&dropped));
    screens.keys("e");
    let mut asks = screens.asks();
    asks.retain(|ask| !matches!(ask, Ask::Typing(_)));
    // The words are a draft on disk before the letter is dropped.
    let draft = Ask::Draft(name("ben"), "hello ben".to_owned());
    assert_eq!(asks, [draft, Ask::Discard(letter.id)]);
    assert_eq!(screens.model.composer.text(), "hello ben");
}

#[test]
fn x04_an_old_message_asks_before_it_goes() {
    let mut screens = with_ben();
    let letter = sent(&mut screens, "good morning");
    screens.news(in_state(&letter, LetterState::Asks));
    assert!(screens.row("good morning").contains("older than a day"));
    screens.keys("<up>r");
    assert!(screens.asks().contains(&Ask::Retry(letter.id)));
}

#[test]
fn x06_a_command_that_cannot_be_done_stays_in_the_draft() {
    let mut screens = with_ben();
    screens.keys("/join<enter>");
    screens.shows("use: /join NAME");
    screens.shows("› /join");
    // The same remark once more is still one.
    screens.keys("<enter>");
    screens.shows("› /join");
    let line = screens.knows("ops", 1, 1);
    screens.keys("<ctrl-u>");
    let why = "connection refused".to_owned();
    let retry_in = std::time::Duration::from_secs(3);
    screens.news(News::Link(LinkState::Down { why, retry_in }));
    let _ = screens.asks();
    screens.keys("/join ops<enter>");
    assert_eq!(screens.model.composer.text(), "/join ops");
    assert!(!screens.asks().contains(&Ask::Join(line.topic.clone())));
    screens.shows("not connected");
    screens.news(News::Link(LinkState::Live));
    screens.keys("<enter>");
    assert!(screens.asks().contains(&Ask::Join(line.topic)));
}

#[test]
fn x02p_a_remark_goes_with_the_next_command_and_not_with_words() {
    let mut screens = with_ben();
    screens.keys("/fly<enter>");
    screens.shows("there is no command /fly");
    screens.keys("x");
    screens.shows("there is no command /fly");
    screens.keys("<backspace>");
    screens.hides("there is no command /fly");
}

#[test]
fn x06_a_message_command_takes_its_words_along() {
    let mut screens = with_ben();
    screens.keys("/ms<tab>dana see you at ten<enter>");
    assert_eq!(screens.model.contacts.open, Some(name("dana")));
    assert_eq!(screens.model.composer.text(), "see you at ten");
    let asks = screens.asks();
    let of_dana = Ask::Draft(name("dana"), "see you at ten".to_owned());
    assert!(asks.contains(&of_dana), "{asks:?}");
    screens.keys("<f1>/");
    screens.shows("/leave");
    screens.shows("join a public topic");
}

#[test]
fn x06_words_typed_while_a_message_is_selected_are_a_draft() {
    let mut screens = with_ben();
    screens.keys("<up>hello");
    assert_eq!(screens.model.composer.text(), "hello");
    screens.keys("<ctrl-u><up><ctrl-t>");
    assert_eq!(screens.model.composer.text(), "");
    assert!(screens.row("copy").contains("y copy   q quote   r reply"));
}

#[test]
fn x06_the_hints_say_what_the_keys_do_with_what_is_selected() {
    let mut screens = with_ben();
    let letter = sent(&mut screens, "hello ben");
    screens.news(in_state(&letter, LetterState::Asks));
    screens.keys("<up>");
    screens.shows("r try again   e edit   d discard");
    screens.keys("k");
    screens.shows("y copy   q quote   r reply");
    screens.hides("discard   ");
}

#[test]
fn d16_what_is_on_its_way_cannot_be_dropped() {
    let mut screens = with_ben();
    let letter = sent(&mut screens, "hello");
    screens.news(in_state(&letter, LetterState::Sending));
    screens.keys("<up>dd");
    assert!(!screens.asks().contains(&Ask::Discard(letter.id)));
    screens.shows("it is on its way");
}

#[test]
fn enter_within_a_code_block_is_a_new_line_and_behind_it_sends() {
    let mut screens = with_ben();
    screens.keys("```rust<enter>fn main() {}<enter>");
    assert_eq!(screens.model.composer.lines().len(), 3);
    let letter = sent(&mut screens, "```");
    assert_eq!(letter.publish.text, "```rust\nfn main() {}\n```");
    assert!(screens.model.composer.is_empty());
}

#[test]
fn x07p_a_paste_of_many_lines_is_one_message() {
    let mut screens = with_ben();
    screens.happens(Msg::Paste("one\r\ntwo\nthree\u{1b}[2J".to_owned()));
    assert!(!screens.asks().iter().any(|ask| matches!(ask, Ask::Send(_))));
    let letter = sent(&mut screens, "");
    assert_eq!(letter.publish.text, "one\ntwo\nthree[2J");
}

#[test]
fn x07p_a_draft_waits_where_it_was_written() {
    let mut screens = with_ben();
    screens.knows("dana", 1, 1);
    screens.keys("half a thought");
    assert!(
        screens
            .asks()
            .contains(&Ask::Draft(name("ben"), "half a thought".to_owned()))
    );
    let dana = screens
        .model
        .contacts
        .ranked()
        .iter()
        .position(|line| line.topic == name("dana"));
    screens.keys(&format!("<alt-{}>", dana.expect("dana") + 1));
    assert!(screens.model.composer.is_empty());
    screens.keys("<alt-/>");
    assert_eq!(screens.model.composer.text(), "half a thought");
}

#[test]
fn x07p_the_editor_writes_the_draft() {
    let mut screens = with_ben();
    screens.keys("begun<alt-e>");
    let edits = screens.effects();
    assert!(
        edits.contains(&Effect::Edit("begun".to_owned())),
        "{edits:?}"
    );
    screens.happens(Msg::Edited(Ok("begun\nand done\n".to_owned())));
    assert_eq!(screens.model.composer.text(), "begun\nand done");
    screens.happens(Msg::Edited(Err("vi ended with 1".to_owned())));
    assert_eq!(screens.model.composer.text(), "begun\nand done");
}

#[test]
fn a_cleared_draft_comes_back_and_an_empty_one_does_not_quit() {
    let mut screens = with_ben();
    screens.keys("some words<ctrl-c>");
    assert!(screens.model.composer.is_empty());
    screens.keys("<ctrl-_>");
    assert_eq!(screens.model.composer.text(), "some words");
    screens.keys("<ctrl-c><ctrl-c>");
    assert!(!screens.effects().contains(&Effect::Quit));
    screens.shows("Ctrl-Q quits");
    screens.keys("<ctrl-q>");
    assert!(screens.effects().contains(&Effect::Quit));
}

#[test]
fn an_unknown_command_is_not_sent() {
    let mut screens = with_ben();
    let _ = screens.asks();
    screens.keys("/etc<enter>");
    assert!(!screens.asks().iter().any(|ask| matches!(ask, Ask::Send(_))));
    assert_eq!(screens.model.composer.text(), "/etc");
    screens.shows("there is no command /etc");
    screens.keys("<ctrl-u>");
    assert_eq!(sent(&mut screens, "//etc").publish.text, "/etc");
}

#[test]
fn s01p_a_limit_is_told_with_the_time_that_is_left() {
    let mut screens = with_ben();
    let _ = sent(&mut screens, "too fast");
    screens.news(News::Slowed(std::time::Duration::from_secs(3)));
    screens.shows("sending again in 3 s");
    screens.after(std::time::Duration::from_secs(4));
    screens.hides("sending again");
}

#[test]
fn x01_the_link_says_when_it_is_tried_again_and_what_waits() {
    let mut screens = with_ben();
    screens.shows("connected");
    screens.news(News::Link(LinkState::Down {
        why: "the server fell silent".to_owned(),
        retry_in: std::time::Duration::from_secs(4),
    }));
    let _ = sent(&mut screens, "into the void");
    screens.after(std::time::Duration::from_secs(1));
    let row = screens.row("offline");
    assert!(row.contains("1 queued"), "{row}");
    assert!(row.contains("retry in 3 s"), "{row}");
}

#[test]
fn a_reply_names_the_message_that_it_answers() {
    let mut screens = with_ben();
    screens.keys("<up>r");
    let letter = sent(&mut screens, "I agree");
    assert_eq!(letter.publish.reply_to, Some(Seq(2)));
    assert_eq!(screens.model.composer.reply_to, None);
    let reply = Message {
        reply_to: Some(Seq(2)),
        rev: Rev(3),
        ..stored(&letter, 3)
    };
    let line = super::line("ben", 3, 2);
    screens.news(News::Came {
        line,
        entries: vec![Entry::Message(reply)],
    });
    assert!(screens.row("↳").contains("message 2."));
}

#[test]
fn x07p_what_comes_back_from_the_editor_goes_where_it_was_begun() {
    let mut screens = with_ben();
    screens.knows("dana", 1, 1);
    screens.keys("begun<alt-e>");
    screens.news(News::Joined(name("dana")));
    screens.happens(Msg::Edited(Ok("begun and done".to_owned())));
    assert!(screens.model.composer.is_empty());
    assert!(
        screens
            .asks()
            .contains(&Ask::Draft(name("ben"), "begun and done".to_owned()))
    );
    screens.keys("<alt-/>");
    assert_eq!(screens.model.composer.text(), "begun and done");
}

#[test]
fn a_reply_stays_one_while_one_is_elsewhere() {
    let mut screens = with_ben();
    screens.knows("dana", 1, 1);
    screens.keys("<up>r");
    screens.keys("I agree<alt-1><alt-2><alt-1><alt-2>");
    if screens.model.contacts.open != Some(name("ben")) {
        screens.keys("<alt-/>");
    }
    assert_eq!(sent(&mut screens, "").publish.reply_to, Some(Seq(2)));
}
