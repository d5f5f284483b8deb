//! What texts of all scripts, and of none, look like in cells.

use chat_proto::{Safe, Time};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::*;

fn rows(text: &str, cells: usize) -> Vec<String> {
    let shown = Shown::line(text);
    let rows = shown.wrap(cells);
    rows.map(|row| shown.as_str()[row].to_owned()).collect()
}

#[test]
fn words_move_to_the_next_row_whole() {
    assert_eq!(rows("one two three", 8), ["one two", "three"]);
    assert_eq!(rows("one two three", 7), ["one two", "three"]);
    assert_eq!(rows("one  two", 4), ["one", "two"]);
    assert_eq!(rows("", 4), [""]);
    assert_eq!(rows("    fn x", 9), ["    fn x"]);
    assert_eq!(rows("a    ", 2), ["a"]);
}

#[test]
fn a_word_that_is_too_long_breaks_where_it_must() {
    assert_eq!(rows("abcdefgh", 3), ["abc", "def", "gh"]);
    assert_eq!(rows("x abcdefgh", 3), ["x", "abc", "def", "gh"]);
    assert_eq!(rows("     x", 3), ["", "x"]);
}

#[test]
fn x08p_wide_graphemes_are_never_torn() {
    assert_eq!(rows("漢字漢字", 3), ["漢", "字", "漢", "字"]);
    assert_eq!(rows("漢字、漢字", 4), ["漢", "字、", "漢字"]);
    assert_eq!(rows("ab👩\u{200d}💻cd", 3), ["ab", "👩\u{200d}💻", "cd"]);
    assert_eq!(rows("漢", 1), ["漢"]);
}

#[test]
fn s04_a_grapheme_of_absurd_length_is_shown_cut() {
    let bomb = format!("a{}b", "\u{301}".repeat(5_000));
    let shown = Shown::line(&bomb);
    assert!(shown.as_str().len() < 40, "{}", shown.as_str().len());
    assert_eq!(shown.width(), 3);
    // Leading jamo never break: one grapheme as wide as it likes.
    let jamo = "\u{1100}".repeat(2_000);
    assert!(Shown::line(&jamo).width() <= GRAPHEME_CELLS_MAX + 1);
}

#[test]
fn s04_what_drives_a_terminal_is_shown_as_an_escape() {
    let shown = Shown::line("a\u{1b}[2Jb\u{202e}c");
    assert_eq!(shown.as_str(), "a\\u{1b}[2Jb\\u{202e}c");
    assert_eq!(Shown::preview(" a \n\t b\u{7} ").as_str(), "a b\\u{7}");
}

#[test]
fn tabs_are_four_cells() {
    let safe = Safe::lines("\tx\ny\tz");
    let lines: Vec<String> = Shown::lines(&safe).map(String::from).collect();
    assert_eq!(lines, ["    x", "y    z"]);
}

#[test]
fn what_does_not_fit_ends_in_an_ellipsis() {
    let cut = |text: &str, cells| String::from(Shown::line(text).truncate(cells, "…"));
    assert_eq!(cut("hello", 5), "hello");
    assert_eq!(cut("hello", 4), "hel…");
    assert_eq!(cut("hello", 0), "");
    assert_eq!(cut("漢字漢", 5), "漢字…");
    assert_eq!(cut("漢字漢", 4), "漢…");
    assert_eq!(cut("漢字漢", 6), "漢字漢");
}

#[test]
fn times_are_in_the_words_of_people() {
    let at = |text: &str| Time::parse(text).expect("a time");
    let now = at("2026-11-21T12:00:00Z");
    for (seconds, words) in [
        (-5, "now"),
        (59, "now"),
        (60, "1m"),
        (3_599, "59m"),
        (3_600, "1h"),
        (86_400, "1d"),
        (8 * 86_400, "8d"),
        (35 * 86_400, "5w"),
        (800 * 86_400, "2y"),
    ] {
        assert_eq!(ago(now.plus_seconds(-seconds), now), words);
    }
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    let late = at("2026-11-20T23:30:00Z");
    assert_eq!(clock(late, &zone), "01:30");
    let today = day(now, &zone);
    let label = |time| day_label(day(time, &zone), today);
    assert_eq!(label(late), "today");
    assert_eq!(label(at("2026-11-20T12:00:00Z")), "yesterday");
    assert_eq!(label(at("2026-11-19T12:00:00Z")), "Thursday 19 November");
    assert_eq!(label(at("2024-03-01T12:00:00Z")), "Friday 1 March 2024");
    assert_eq!(
        (count(1, "message"), count(3, "message")),
        ("1 message".into(), "3 messages".into())
    );
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => any::<char>().prop_map(String::from),
        2 => "[a-z ]{1,9}",
        1 => "[\u{600}-\u{6ff}\u{1100}-\u{11ff}\u{900}-\u{97f}]{1,6}",
        1 => "[\u{1f1e6}-\u{1f1ff}👩🏿🔥❤\u{fe0f}\u{200d}]{1,6}",
        1 => (1..40_usize).prop_map(|n| "\u{301}".repeat(n)),
        1 => (1..40_usize).prop_map(|n| "ｶﾞ".repeat(n)),
        1 => (1..40_usize).prop_map(|n| "\u{ff9e}".repeat(n)),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn x08p_what_is_measured_is_what_is_drawn(text in hostile(), cells in 1..60_usize) {
        let shown = Shown::line(&text);
        let area = Rect::new(0, 0, 200, 1);
        for row in shown.wrap(cells) {
            let part = shown.part(row);
            let mut buffer = Buffer::empty(area);
            let behind = draw(&mut buffer, area, (0, 0), part.as_str(), Style::new());
            prop_assert_eq!(usize::from(behind), part.width());
            let alone = part.as_str().graphemes(true).filter(|g| cells_of(g) > 0).count() == 1;
            prop_assert!(part.width() <= cells || alone, "{:?}", part);
        }
        prop_assert!(shown.truncate(cells, "…").width() <= cells);
    }

    #[test]
    fn wrapping_loses_nothing_but_spaces(text in hostile(), cells in 1..60_usize) {
        let shown = Shown::line(&text);
        let rows: String = shown.wrap(cells).map(|row| shown.as_str()[row].replace(' ', "")).collect();
        prop_assert_eq!(rows, shown.as_str().replace(' ', ""));
    }
}
