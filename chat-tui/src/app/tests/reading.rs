//! Reading: which conversation is shown, what counts as read, and how one gets to what waits.

use chat_proto::{Name, Seq};

use super::{Screens, line, message, topics};
use crate::app::msg::Msg;
use crate::client::agent::{Ask, LinkState, Near, News};
use crate::client::copy::{Entry, Line};
use crate::view::tests::name;

fn came(line: &Line) -> News {
    let last = message(line.topic.as_str(), line.last_seq.0);
    News::Came {
        line: Line {
            last_message: Some(last.clone()),
            ..line.clone()
        },
        entries: vec![Entry::Message(last)],
    }
}

fn reads(asks: &[Ask]) -> Vec<(Name, Seq)> {
    let reads = asks.iter().filter_map(|ask| match ask {
        Ask::Read(topic, seq) => Some((topic.clone(), *seq)),
        _ => None,
    });
    reads.collect()
}

#[test]
fn u03_what_is_shown_to_somebody_is_read() {
    let mut screens = Screens::of_ann();
    let ben = screens.knows("ben", 3, 1);
    assert_eq!(reads(&screens.asks()), [], "nothing is shown yet");
    screens.opened(&ben, 1, 3);
    assert_eq!(reads(&screens.asks()), [(name("ben"), Seq(3))]);
    screens.drawn();
    assert_eq!(reads(&screens.asks()), [], "once is enough");
}

#[test]
fn u03_nothing_is_read_while_nobody_looks() {
    let mut screens = Screens::of_ann();
    let ben = screens.knows("ben", 3, 3);
    screens.opened(&ben, 1, 3);
    screens.happens(Msg::Focus(false));
    screens.news(came(&line("ben", 4, 3)));
    assert_eq!(reads(&screens.asks()), []);
    screens.happens(Msg::Focus(true));
    screens.drawn();
    assert_eq!(reads(&screens.asks()), [(name("ben"), Seq(4))]);
}

#[test]
fn u03_nothing_is_read_under_a_list_or_in_another_conversation() {
    let mut screens = Screens::of_ann();
    let ben = screens.knows("ben", 3, 3);
    screens.opened(&ben, 1, 3);
    screens.keys("<f1>");
    screens.news(came(&line("ben", 4, 3)));
    assert_eq!(reads(&screens.asks()), []);
    screens.keys("<esc>");
    assert_eq!(reads(&screens.asks()), [(name("ben"), Seq(4))]);
    screens.news(came(&line("dana", 1, 0)));
    assert_eq!(reads(&screens.asks()), []);
}

#[test]
fn u03_what_lies_below_the_screen_is_not_read() {
    let mut screens = Screens::of_ann();
    let ben = screens.knows("ben", 200, 100);
    screens.opened(&ben, 50, 200);
    let (_, first) = reads(&screens.asks()).pop().expect("what is shown");
    assert!((101..150).contains(&first.0), "{first:?}");
    screens.shows("100 new");
    screens.keys("<pagedown>");
    let (_, second) = reads(&screens.asks()).pop().expect("what is shown now");
    assert!(first < second && second < Seq(200), "{second:?}");
    screens.keys("<ctrl-end>");
    assert_eq!(reads(&screens.asks()), [(name("ben"), Seq(200))]);
}

#[test]
fn x02p_the_latest_chat_is_first_and_says_what_waits() {
    let mut screens = Screens::of_ann();
    let ben = screens.knows("ben", 10, 10);
    screens.opened(&ben, 1, 10);
    screens.news(came(&line("dana", 20, 17)));
    let ranked: Vec<_> = screens
        .model
        .contacts
        .ranked()
        .iter()
        .map(|l| l.topic.to_string())
        .collect();
    assert_eq!(ranked, ["dana", "ben"]);
    let row = screens.row("dana");
    assert!(row.contains("59m   3"), "{row}");
    screens.shows("message 20.");
}

#[test]
fn x05p_the_next_unread_is_a_mention_then_a_person_then_a_group_then_back() {
    let mut screens = Screens::of_ann();
    for (topic, count) in [("gus", 9), ("ops", 8), ("ben", 7), ("deploys", 6)] {
        let unread = u64::from(topic != "gus");
        let mut line = line(topic, count, count - unread);
        line.mentions = u64::from(topic == "deploys");
        screens.news(News::Lines(vec![line]));
    }
    assert_eq!(topics(&screens.asks()), [name("gus")]);
    let mut order = Vec::new();
    for _ in 0..4 {
        screens.keys("<alt-a>");
        let topic = topics(&screens.asks()).pop().expect("a conversation");
        screens
            .model
            .contacts
            .change(&topic, |line| (line.unread, line.mentions) = (0, 0));
        order.push(topic.to_string());
    }
    assert_eq!(order, ["deploys", "ben", "ops", "gus"]);
    screens.keys("<alt-a>");
    screens.shows("nothing unread");
}

#[test]
fn x05p_a_few_letters_and_enter_go_to_a_conversation() {
    let mut screens = Screens::of_ann();
    let ben = screens.knows("ben", 5, 5);
    screens.opened(&ben, 1, 5);
    screens.knows("dana", 1, 1);
    let _ = screens.asks();
    screens.keys("<ctrl-k>dn");
    screens.shows("go to");
    screens.keys("<enter>");
    assert_eq!(topics(&screens.asks()), [name("dana")]);
    screens.hides("go to");
}

#[test]
fn x05p_ctrl_k_within_a_line_cuts_as_a_shell_does() {
    let mut screens = Screens::of_ann();
    screens.knows("ben", 1, 1);
    screens.keys("keep this<ctrl-a><ctrl-right><ctrl-k>");
    assert!(screens.model.overlay.is_none());
    assert!("keep this".starts_with(&screens.model.composer.text()));
    screens.keys("<ctrl-k>");
    assert!(screens.model.overlay.is_some());
}

#[test]
fn d11_what_is_missing_is_a_row_and_is_asked_for_when_it_comes_near() {
    let mut screens = Screens::of_ann();
    let ben = screens.knows("ben", 200, 200);
    screens.opened(&ben, 190, 200);
    screens.shows("loading 189 messages");
    let fills: Vec<_> = screens
        .asks()
        .into_iter()
        .filter(|ask| matches!(ask, Ask::Fill { .. }))
        .collect();
    let fill = Ask::Fill {
        topic: name("ben"),
        from: Seq(1),
        to: Seq(189),
        near: Near::End,
    };
    assert_eq!(fills, [fill]);
    screens.news(News::Filled {
        topic: name("ben"),
        entries: Vec::new(),
        failed: Some("offline".to_owned()),
    });
    screens.shows("189 messages not loaded");
    assert!(
        !screens
            .asks()
            .iter()
            .any(|ask| matches!(ask, Ask::Fill { .. })),
        "not for ever"
    );
    screens.news(News::Link(LinkState::Syncing));
    screens.news(News::Link(LinkState::Live));
    assert!(
        screens
            .asks()
            .iter()
            .any(|ask| matches!(ask, Ask::Fill { .. })),
        "again when it may help"
    );
}

#[test]
fn x02p_reading_further_up_is_not_disturbed_by_what_comes() {
    let mut screens = Screens::of_ann();
    let ben = screens.knows("ben", 100, 100);
    screens.opened(&ben, 1, 100);
    screens.keys("<pageup><pageup>");
    let read = |screens: &mut Screens| {
        let picture = screens.picture();
        let rows = picture.lines().skip(3).take(20);
        let beside_the_list = rows.map(|row| row.chars().skip(30).collect::<String>());
        beside_the_list.collect::<Vec<_>>()
    };
    let before = read(&mut screens);
    screens.news(came(&line("ben", 101, 100)));
    assert_eq!(read(&mut screens), before);
    screens.shows("1 new");
    assert_eq!(reads(&screens.asks()), []);
    screens.keys("<ctrl-end>");
    screens.shows("message 101.");
}

#[test]
fn t14_who_has_nobody_yet_is_shown_the_people_of_the_server() {
    let mut screens = Screens::of_ann();
    screens.news(News::Link(LinkState::Syncing));
    screens.news(News::Link(LinkState::Live));
    assert!(screens.asks().contains(&Ask::People(String::new())));
    screens.news(News::People {
        query: String::new(),
        people: vec![crate::view::tests::person("ben", "Ben Bauer")],
    });
    screens.shows("Ben Bauer");
}

#[test]
fn d10_a_server_that_begins_anew_takes_its_conversations_along_and_no_draft() {
    let mut screens = Screens::of_ann();
    let ben = screens.knows("ben", 3, 3);
    screens.opened(&ben, 1, 3);
    screens.keys("half a thought");
    screens.news(News::Reset);
    screens.hides("message 3.");
    screens.knows("ben", 0, 0);
    screens.knows("dana", 0, 0);
    assert_eq!(screens.model.contacts.open, None, "nobody chose one");
    screens.keys("<alt-1>");
    assert_eq!(screens.model.composer.text(), "half a thought");
}

/// `count` messages of ben come at once, behind the first `from`; the first ten of all are read.
fn missed(from: u64, count: u64) -> News {
    let line = line("ben", from + count, 10);
    let entries = (from + 1..=from + count).map(|seq| Entry::Message(message("ben", seq)));
    News::Came {
        line,
        entries: entries.collect(),
    }
}

#[test]
fn u03_what_comes_while_nobody_looks_is_new_when_somebody_does() {
    let mut screens = Screens::of_ann();
    let ben = screens.knows("ben", 10, 10);
    screens.opened(&ben, 1, 10);
    screens.happens(Msg::Focus(false));
    screens.news(missed(10, 60));
    screens.happens(Msg::Focus(true));
    screens.drawn();
    screens.shows("60 new");
    screens.shows("message 11.");
    let read = reads(&screens.asks());
    let (_, seq) = read.last().expect("what is shown");
    assert!(Seq(11) < *seq && *seq < Seq(70), "{seq:?}");
}

#[test]
fn u03_what_was_missed_is_new_and_not_read_for_coming_while_one_looks() {
    let mut screens = Screens::of_ann();
    let ben = screens.knows("ben", 10, 10);
    screens.opened(&ben, 1, 10);
    screens.news(News::Link(LinkState::Syncing));
    screens.news(missed(10, 100));
    screens.news(missed(110, 20));
    screens.news(News::Link(LinkState::Live));
    screens.shows("120 new");
    let read = reads(&screens.asks());
    let (_, seq) = read.last().expect("what is shown");
    assert!(*seq < Seq(60), "{seq:?}");
}

#[test]
fn a_group_that_one_is_removed_from_takes_no_words_along_and_opens_no_other() {
    let mut screens = Screens::of_ann();
    let ops = screens.knows("ops", 3, 3);
    screens.opened(&ops, 1, 3);
    screens.knows("dana", 1, 0);
    screens.keys("half a thought");
    let _ = screens.asks();
    screens.news(News::Gone(name("ops")));
    screens.knows("dana", 1, 0);
    assert_eq!(screens.model.contacts.open, None);
    let asks = screens.asks();
    assert!(asks.contains(&Ask::Draft(name("ops"), "half a thought".to_owned())));
    assert_eq!(reads(&asks), []);
}

#[test]
fn u03_what_comes_while_one_looks_is_read_and_followed() {
    let mut screens = Screens::of_ann();
    let ben = screens.knows("ben", 10, 10);
    screens.opened(&ben, 1, 10);
    screens.news(missed(10, 1));
    screens.hides("1 new");
    screens.shows("       message 11.");
    assert_eq!(reads(&screens.asks()), [(name("ben"), Seq(11))]);
}
