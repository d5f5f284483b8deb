//! Scrolling, gaps, the unread line and the selection, as one sees them on a screen.

use proptest::prelude::*;

use super::row::{Rule, Shape};
use super::sample_tests::*;
use super::*;
use crate::client::agent::{Ask, Near};
use crate::client::copy::Entry;
use crate::client::outbox::LetterState;

/// The first row of the screen and its number.
fn row(screen: &Screen, at: usize) -> String {
    let picture = screen.picture();
    picture
        .lines()
        .nth(at)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn row_of(screen: &Screen, words: &str) -> Option<usize> {
    screen.picture().lines().position(|row| row.trim() == words)
}

/// A group with so many messages of which those are loaded.
fn loaded(seqs: std::ops::RangeInclusive<u64>, last: u64) -> Screen {
    Screen::opened(60, 10, group(last), chatter(seqs))
}

fn wants(screen: &mut Screen) -> Option<(u64, u64, Near)> {
    match screen.with(Pane::wants)? {
        Ask::Fill { from, to, near, .. } => Some((from.0, to.0, near)),
        other => panic!("{other:?}"),
    }
}

fn unread(last: u64, read: u64) -> Line {
    let mut line = group(last);
    line.read_seq = Seq(read);
    line.unread = last - read;
    line
}

#[test]
fn x02p_it_opens_at_the_bottom_if_what_is_unread_fits() {
    let screen = Screen::opened(60, 12, unread(100, 98), chatter(1..=100));
    assert!(screen.pane.at_bottom());
    assert_eq!(row(&screen, 11), "words 100");
    let line = row_of(&screen, &format!("{0} 2 new {0}╌", "╌".repeat(25)));
    assert!(line.is_some(), "{}", screen.picture());
}

#[test]
fn x02p_it_opens_at_the_unread_line_if_that_would_be_off_the_screen() {
    let mut screen = Screen::opened(60, 12, unread(100, 40), chatter(1..=100));
    assert!(row(&screen, 1).contains(" 60 new "), "{}", screen.picture());
    assert_eq!(row(&screen, 3), "words 41");
    assert!(!screen.pane.at_bottom());
    // What is new is below: the pill says how much.
    assert!(screen.with(|pane, g| pane.away_count(g)) > 50);
    assert!(screen.with(Pane::to_unread));
}

#[test]
fn the_unread_line_stays_until_one_writes_or_opens_again() {
    let mut screen = Screen::opened(60, 30, unread(10, 8), chatter(1..=10));
    let has_line = |screen: &mut Screen| {
        let view = screen.with(|pane, g| pane.view(g));
        let unread = |row: &row::Row| matches!(row.shape, Shape::Rule(Rule::Unread, _));
        view.rows.iter().any(unread)
    };
    screen.came(chatter(11..=11));
    let line = screen.pane.line().clone();
    assert!(has_line(&mut screen));
    assert!(screen.picture().contains(" 3 new "), "{}", screen.picture());
    screen.came(vec![entry(12, "ann", "10:00", "thanks")]);
    assert!(!has_line(&mut screen));
    screen.with(|pane, g| pane.handle_opened(line, chatter(1..=11), g));
    assert!(has_line(&mut screen));
    screen.with(Pane::sent);
    assert!(!has_line(&mut screen));
}

#[test]
fn what_comes_is_shown_at_the_bottom_and_moves_nothing_further_up() {
    let mut screen = loaded(1..=100, 100);
    screen.came(chatter(101..=101));
    assert_eq!(row(&screen, 9), "words 101");
    screen.with(Pane::page_up);
    let before = screen.with(|pane, g| pane.view(g).rows);
    screen.came(chatter(102..=140));
    assert_eq!(screen.with(|pane, g| pane.view(g).rows), before);
    assert_eq!(screen.with(|pane, g| pane.away_count(g)), 39);
    screen.with(|pane, _| pane.to_bottom());
    assert_eq!(screen.with(|pane, g| pane.away_count(g)), 0);
    assert_eq!(row(&screen, 9), "words 140");
}

#[test]
fn a_page_keeps_two_rows_and_the_end_is_followed_again() {
    let mut screen = loaded(1..=100, 100);
    let top = row(&screen, 1);
    screen.with(Pane::page_up);
    screen.with(Pane::page_up);
    assert!(!screen.pane.at_bottom());
    screen.with(Pane::page_down);
    assert_eq!(
        row(&screen, 9).split(' ').next(),
        top.split(' ').next(),
        "{}",
        screen.picture()
    );
    screen.with(Pane::page_down);
    assert!(screen.pane.at_bottom());
    screen.with(Pane::to_top);
    assert!(row(&screen, 0).contains("today"));
    assert!(screen.with(|pane, g| pane.view(g).at_top));
}

#[test]
fn d11p_what_is_missing_is_a_row_and_is_asked_for_once() {
    let mut entries = chatter(50..=60);
    entries.extend(chatter(71..=100));
    let mut screen = Screen::opened(60, 10, group(120), entries);
    assert!(
        row(&screen, 9).contains("20 messages not loaded · Enter"),
        "{}",
        screen.picture()
    );
    assert_eq!(wants(&mut screen), Some((101, 120, Near::End)));
    assert!(
        row(&screen, 9).contains("loading 20 messages…"),
        "{}",
        screen.picture()
    );
    assert_eq!(wants(&mut screen), None);
    screen.filled(chatter(101..=120));
    assert_eq!(row(&screen, 9), "words 120");
    // The gap further up is asked for when it is near, from its lower end.
    assert_eq!(wants(&mut screen), None);
    screen.with(|pane, g| pane.scroll_rows(-85, g));
    assert_eq!(wants(&mut screen), Some((61, 70, Near::End)));
    let topic = name("deploys");
    screen.with(|pane, g| pane.handle_filled(&topic, vec![], Some("offline"), g));
    assert_eq!(wants(&mut screen), None);
    screen.with(|pane, _| pane.retry_fill());
    assert_eq!(wants(&mut screen), Some((61, 70, Near::End)));
    // An answer without anything new is not asked for again and again either.
    screen.filled(chatter(71..=72));
    assert_eq!(wants(&mut screen), None);
}

#[test]
fn a_gap_below_is_filled_from_its_start() {
    let mut entries = chatter(1..=30);
    entries.extend(chatter(300..=400));
    let mut screen = Screen::opened(60, 10, group(400), entries);
    screen.with(|pane, g| pane.to_seq(Seq(25), g));
    assert_eq!(wants(&mut screen), Some((31, 299, Near::Start)));
    let before = row_of(&screen, "words 25");
    screen.filled(chatter(31..=200));
    assert_eq!(row_of(&screen, "words 25"), before);
}

#[test]
fn d11p_what_fills_a_gap_does_not_move_what_is_read() {
    let mut screen = loaded(50..=100, 100);
    screen.with(|pane, g| pane.scroll_rows(-1_000, g));
    assert!(
        row(&screen, 0).contains("49 messages not loaded"),
        "{}",
        screen.picture()
    );
    let at = row_of(&screen, "words 52");
    assert!(at.is_some());
    assert_eq!(wants(&mut screen), Some((1, 49, Near::End)));
    screen.filled(chatter(1..=49));
    assert_eq!(row_of(&screen, "words 52"), at, "{}", screen.picture());
}

#[test]
fn d11p_a_gap_that_is_selected_and_filled_moves_nothing() {
    let mut screen = loaded(50..=100, 100);
    screen.with(Pane::select_first);
    let at = row_of(&screen, "words 52");
    assert!(at.is_some(), "{}", screen.picture());
    screen.with(Pane::act);
    assert_eq!(wants(&mut screen), Some((1, 49, Near::End)));
    screen.filled(chatter(1..=49));
    assert_eq!(row_of(&screen, "words 52"), at, "{}", screen.picture());
}

#[test]
fn the_top_is_reached_also_when_it_is_not_loaded() {
    let mut screen = loaded(9_900..=10_000, 10_000);
    screen.with(Pane::to_top);
    assert_eq!(wants(&mut screen), Some((1, 9_899, Near::Start)));
    screen.filled(chatter(1..=200));
    assert!(row(&screen, 0).contains("today"), "{}", screen.picture());
    assert_eq!(row(&screen, 2), "words 1");
    // A page on, and the rest is far away.
    screen.with(Pane::page_down);
    assert_eq!(wants(&mut screen), None);
}

#[test]
fn a_message_that_is_not_loaded_is_loaded_and_gone_to() {
    let mut screen = loaded(900..=1_000, 1_000);
    screen.with(|pane, g| pane.to_seq(Seq(500), g));
    assert_eq!(wants(&mut screen), Some((400, 899, Near::Start)));
    screen.filled(chatter(400..=599));
    assert_eq!(
        row_of(&screen, "words 500"),
        Some(3),
        "{}",
        screen.picture()
    );
}

#[test]
fn u03p_only_what_was_on_the_screen_to_its_last_row_was_shown() {
    let long = "long ".repeat(100);
    let mut entries = chatter(1..=20);
    entries.push(entry(21, "eli", "11:00", &long));
    let mut screen = Screen::opened(60, 6, group(21), entries);
    assert_eq!(screen.with(|pane, g| pane.shown_up_to(g)), Some(Seq(21)));
    screen.with(|pane, g| pane.scroll_rows(-2, g));
    assert_eq!(screen.with(|pane, g| pane.shown_up_to(g)), None);
    screen.with(|pane, g| pane.scroll_rows(-7, g));
    assert_eq!(screen.with(|pane, g| pane.shown_up_to(g)), Some(Seq(20)));
}

#[test]
fn messages_are_selected_one_by_one_and_come_into_view() {
    let mut screen = loaded(1..=100, 100);
    let selected = |screen: &mut Screen| {
        screen.with(|pane, g| match pane.selected(g) {
            Some(Selected::Entry(entry)) => entry.seq().map(|seq| seq.0),
            _ => None,
        })
    };
    screen.with(Pane::select);
    assert_eq!(selected(&mut screen), Some(100));
    for _ in 0..30 {
        screen.with(Pane::select_up);
    }
    assert_eq!(selected(&mut screen), Some(70));
    assert!(
        screen.picture().contains("▌ words 70"),
        "{}",
        screen.picture()
    );
    screen.came(chatter(101..=110));
    assert!(screen.picture().contains("▌ words 70"));
    screen.with(Pane::select_down);
    assert_eq!(selected(&mut screen), Some(71));
    screen.with(Pane::select_first);
    assert_eq!(selected(&mut screen), Some(1));
    assert!(
        screen.picture().contains("▌ words 1\n"),
        "{}",
        screen.picture()
    );
    screen.with(Pane::select_up);
    assert_eq!(selected(&mut screen), Some(1));
    screen.with(Pane::select_last);
    assert_eq!(selected(&mut screen), Some(110));
    screen.with(Pane::leave);
    assert_eq!(selected(&mut screen), None);
    assert!(screen.pane.at_bottom());
}

#[test]
fn letters_and_gaps_are_selected_too_and_changes_are_not() {
    let mut entries = chatter(5..=6);
    entries.push(join(61, "farah"));
    let mut screen = Screen::opened(60, 20, group(6), entries);
    screen.model.letters = vec![letter("l1", "hi", LetterState::Queued)];
    screen.with(Pane::select_last);
    assert!(screen.with(
        |pane, g| matches!(pane.selected(g), Some(Selected::Letter(l)) if l.publish.text == "hi")
    ));
    screen.with(Pane::select_up);
    assert!(screen.with(
        |pane, g| matches!(pane.selected(g), Some(Selected::Entry(e)) if e.seq() == Some(Seq(6)))
    ));
    screen.with(Pane::select_first);
    let gap = Gap {
        from: Seq(1),
        to: Seq(4),
    };
    assert!(screen.with(|pane, g| pane.selected(g) == Some(Selected::Gap(gap))));
}

#[test]
fn a_letter_that_was_stored_is_shown_once_and_stays_selected() {
    let mut screen = Screen::opened(60, 20, group(2), chatter(1..=2));
    screen.model.letters = vec![letter("m3", "words mine", LetterState::Sending)];
    screen.with(Pane::select_last);
    screen.came(vec![entry(3, "ann", "09:41", "words mine")]);
    assert_eq!(screen.picture().matches("words mine").count(), 1);
    screen.model.letters.clear();
    assert!(screen.with(|pane, g| matches!(pane.selected(g), Some(Selected::Entry(_)))));
}

#[test]
fn x05p_mentions_are_gone_to_up_and_down() {
    let mut entries = chatter(1..=100);
    entries[19] = entry(20, "ben", "00:01", "@ann first");
    entries[59] = entry(60, "ben", "00:03", "see @ann.");
    entries[69] = entry(70, "ben", "00:03", "see @anna");
    let mut screen = Screen::opened(60, 10, group(100), entries);
    assert!(screen.with(Pane::to_previous_mention));
    assert_eq!(
        row_of(&screen, "▎ see @ann."),
        Some(3),
        "{}",
        screen.picture()
    );
    assert!(screen.with(Pane::to_previous_mention));
    assert_eq!(row_of(&screen, "▎ @ann first"), Some(3));
    assert!(!screen.with(Pane::to_previous_mention));
    assert!(screen.with(Pane::to_next_mention));
    assert_eq!(row_of(&screen, "▎ see @ann."), Some(3));
    assert!(!screen.with(Pane::to_next_mention));
}

#[test]
fn however_much_comes_what_is_held_is_bounded() {
    let mut screen = loaded(1..=100, 100);
    for start in (101..20_000).step_by(100) {
        screen.came(chatter(start..=start + 99));
    }
    assert!(screen.pane.window.len() <= 3_200);
    assert_eq!(row(&screen, 9), "words 20000");
    screen.with(Pane::to_top);
    assert!(
        row(&screen, 0).contains("messages not loaded"),
        "{}",
        screen.picture()
    );
}

#[test]
fn a_changed_message_keeps_its_place() {
    let mut screen = Screen::opened(60, 20, group(3), chatter(1..=3));
    let mut edited = message(2, "ben", "00:00", "new words");
    edited.rev = Rev(99);
    edited.edited_at = Some(time("2026-11-21T10:00:00Z"));
    screen.came(vec![Entry::Message(edited)]);
    let (at, third) = (
        row_of(&screen, "new words (edited)"),
        row_of(&screen, "words 3"),
    );
    assert!(at.is_some() && at < third, "{}", screen.picture());
}

fn steps() -> impl Strategy<Value = Vec<i16>> {
    prop::collection::vec(-40..40_i16, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn scrolling_down_and_up_again_ends_where_it_began(
        height in 1..30_u16, width in 1..100_u16, from in 40..60_isize, by in 1..40_isize,
    ) {
        let mut screen = Screen::opened(width, height, group(200), chatter(1..=200));
        screen.with(|pane, g| pane.scroll_rows(-from - by, g));
        let before = screen.with(|pane, g| pane.view(g));
        screen.with(|pane, g| pane.scroll_rows(by, g));
        screen.with(|pane, g| pane.scroll_rows(-by, g));
        prop_assert_eq!(screen.with(|pane, g| pane.view(g)), before);
    }

    #[test]
    fn what_is_read_holds_its_row_whatever_comes_or_loads(
        height in 4..30_u16, from in 1..400_isize, news in 1..60_u64, older in 1..60_u64,
    ) {
        let mut screen = Screen::opened(60, height, group(300), chatter(100..=300));
        screen.with(|pane, g| pane.scroll_rows(-from, g));
        let words = |screen: &Screen| {
            let picture = screen.picture();
            let rows = picture.lines().enumerate();
            let rows = rows.filter(|(at, row)| row.starts_with("  words") && *at + 1 < usize::from(height));
            rows.map(|(at, row)| (at, row.to_owned())).collect::<Vec<_>>()
        };
        let before = words(&screen);
        let followed = screen.pane.at_bottom();
        if !followed {
            screen.came(chatter(301..=300 + news));
        }
        screen.filled(chatter(100 - older..=99));
        let after = words(&screen);
        for (at, row) in before {
            prop_assert!(after.contains(&(at, row.clone())), "{} {} {}", at, row, screen.picture());
        }
    }

    #[test]
    fn any_keys_in_any_size_keep_the_screen_full_and_calm(
        steps in steps(), height in 0..20_u16, width in 0..80_u16, keys in prop::collection::vec(0..9_u8, 0..20),
    ) {
        let mut screen = Screen::opened(width, height, unread(120, 100), chatter(60..=110));
        screen.model.letters = vec![letter("l1", "hi", LetterState::Asks)];
        for (key, step) in keys.iter().zip(steps.iter().cycle()) {
            screen.with(|pane, g| match key {
                0 => pane.select(g),
                1 => pane.select_up(g),
                2 => pane.select_down(g),
                3 => pane.select_first(g),
                4 => pane.act(g),
                5 => pane.leave(g),
                6 => pane.to_top(g),
                7 => { let _ = pane.wants(g); }
                _ => pane.scroll_rows(isize::from(*step), g),
            });
            let view = screen.with(|pane, g| pane.view(g));
            prop_assert!(view.rows.len() <= usize::from(height));
            prop_assert!(view.rows.len() == usize::from(height) || (view.at_top && view.at_end));
            screen.picture();
        }
    }
}
