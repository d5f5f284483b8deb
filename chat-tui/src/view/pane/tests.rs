//! Pictures of the pane.

use chat_proto::{ConversationKind, Presence, PresenceState, Seq};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::model::pane::Pane;
use crate::app::model::pane::sample_tests::*;
use crate::client::copy::{Entry, Line};
use crate::client::outbox::LetterState;
use crate::theme::Theme;

const CODE: &str = "one check fails on arm64, smallest repro:\n```rust\nfn retry(n: u32) -> Result<()> {\n    for _ in 0..n { if step().is_ok() { return Ok(()) } }\n    Err(Error::Exhausted(n))\n}\n// aarch64: step() never returns Ok on the 1st poll\n```\nsee https://ci.acme.dev/build/4312.";

/// A morning in a group, with all that a pane shows.
fn morning(width: u16, height: u16) -> Screen {
    let mut old = message(1, "eli", "16:58", "rollback of 1.7.9 finished");
    old.sent_at = time("2026-11-19T16:58:00Z");
    let mut reply = message(6, "ben", "09:31", "@ann can you review #4312 before noon?");
    reply.reply_to = Some(Seq(4));
    let mut line = group(9);
    line.read_seq = Seq(5);
    line.unread = 2;
    line.read = [(name("ben"), Seq(8)), (name("dana"), Seq(8))].into();
    let entries = vec![
        Entry::Message(old),
        entry(
            2,
            "ben",
            "09:12",
            "morning! staging is green, starting the 1.8 rollout",
        ),
        entry(3, "ben", "09:12", "canary at 5 %: p99 is flat"),
        entry(4, "dana", "09:14", CODE),
        entry(5, "ann", "09:20", "hm"),
        Entry::Message(reply),
        join(61, "farah"),
        entry(
            7,
            "ben",
            "09:31",
            "dana has a fix on branch fix/arm64-retry",
        ),
        entry(8, "ann", "09:40", "on it, looking now"),
        entry(9, "ann", "09:40", "approved, merging when the queue drains"),
    ];
    let mut screen = Screen::opened(width, height, line, entries);
    let why = "you are not a member of this group any more, sadly".to_owned();
    screen.model.letters = vec![
        letter("l1", "tagging 1.8.1 right after", LetterState::Sending),
        letter(
            "l2",
            "and off for lunch",
            LetterState::Failed {
                code: chat_proto::ErrorCode::Forbidden,
                sentence: why,
            },
        ),
        letter("l3", "old news", LetterState::Asks),
    ];
    screen
}

#[test]
fn x02p_x04p_a_wide_pane_has_its_times_in_a_column() {
    let expected = "
 ────────────────────────────────── Thursday 19 November ──────────────────────────────────
 16:58  eli
        rollback of 1.7.9 finished
 ───────────────────────────────────────── today ──────────────────────────────────────────
 09:12  ben
        morning! staging is green, starting the 1.8 rollout
        canary at 5 %: p99 is flat
 09:14  dana
        one check fails on arm64, smallest repro:
      ┃ rust · 5 lines
      ┃ fn retry(n: u32) -> Result<()> {
      ┃     for _ in 0..n { if step().is_ok() { return Ok(()) } }
      ┃     Err(Error::Exhausted(n))
      ┃ }
      ┃ // aarch64: step() never returns Ok on the 1st poll
        see https://ci.acme.dev/build/4312.
 09:20  ann
        hm
 ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ 2 new ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 09:31  ben
▎       ↳ dana: one check fails on arm64, smallest repro:
▎       @ann can you review #4312 before noon?
        farah joined
 09:31  ben
        dana has a fix on branch fix/arm64-retry
 09:40  ann
        on it, looking now                                                     ✓✓ ben, dana
        approved, merging when the queue drains                                           ✓
        tagging 1.8.1 right after                                                 ↑ sending
        and off for lunch
                   ✗ not sent: you are not a member of this group any more, sadly · r retry
        old news                                    ◷ older than a day · r send · d discard";
    assert_eq!(format!("\n{}", morning(92, 32).picture()), expected);
}

#[test]
fn x02p_x08p_a_narrow_pane_spends_little_on_margins() {
    let expected = "
  ┃ }
  ┃ // aarch64: step() never returns Ok on the 1st poll
  see https://ci.acme.dev/build/4312.
 ann 09:20
  hm
 ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ 2 new ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 ben 09:31
▎ ↳ dana: one check fails on arm64, smallest repro:
▎ @ann can you review #4312 before noon?
  farah joined
 ben 09:31
  dana has a fix on branch fix/arm64-retry
 ann 09:40
  on it, looking now                           ✓✓ ben, dana
  approved, merging when the queue drains                 ✓
  tagging 1.8.1 right after                       ↑ sending
  and off for lunch
  ✗ not sent: you are not a member of this group… · r retry
  old news          ◷ older than a day · r send · d discard";
    let mut screen = morning(60, 19);
    screen.pane.to_bottom();
    assert_eq!(format!("\n{}", screen.picture()), expected);
}

#[test]
fn x08p_forty_columns_are_enough() {
    let expected = "
  hm
 ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ 2 new ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 ben 09:31
▎ ↳ dana: one check fails on arm64, sm…
▎ @ann can you review #4312 before
▎ noon?
  farah joined";
    assert_eq!(format!("\n{}", morning(40, 7).picture()), expected);
}

#[test]
fn x08p_s04_texts_of_all_scripts_and_of_none_keep_their_rows() {
    let bomb = format!("zal{}go", "\u{301}".repeat(500));
    let entries = vec![
        entry(
            1,
            "ben",
            "09:00",
            "漢字カタカナ、これは長い文章です。折り返し",
        ),
        entry(
            2,
            "ben",
            "09:00",
            "family 👨\u{200d}👩\u{200d}👧\u{200d}👦 flag 🇩🇪 ok",
        ),
        entry(3, "ben", "09:00", "مرحبا بالعالم"),
        entry(4, "ben", "09:00", &bomb),
        entry(5, "ben", "09:00", "\u{1b}[2J\u{202e}evil\ttab"),
    ];
    let expected = "
 ────────────── today ───────────────
 ben 09:00
  漢字カタカナ、これは長い文章です。
  折り返し
  family 👨\u{200d}👩\u{200d}👧\u{200d}👦 flag 🇩🇪 ok
  مرحبا بالعالم
  zal\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{fffd}go
  \\u{1b}[2J\\u{202e}evil    tab";
    let screen = Screen::opened(38, 8, group(5), entries.clone());
    assert_eq!(format!("\n{}", screen.picture()), expected);
    for (width, height) in [(120, 36), (80, 24), (60, 20), (40, 10), (3, 2)] {
        let mut entries = entries.clone();
        entries.push(entry(6, "ben", "09:00", &"x".repeat(3_000)));
        Screen::opened(width, height, group(6), entries).picture();
    }
}

#[test]
fn x02p_long_code_is_shown_as_a_beginning_until_it_is_expanded() {
    let lines: Vec<String> = (1..=20)
        .map(|n| format!("let x{n} = {};", "1 + ".repeat(8)))
        .collect();
    let text = format!("```\n{}\n```", lines.join("\n"));
    let mut screen = Screen::opened(40, 12, group(1), vec![entry(1, "ben", "09:00", &text)]);
    let folded = screen.picture();
    assert!(
        folded.contains("  ┃ let x6 = 1 + 1 + 1 + 1 + 1 + 1 + 1…\n"),
        "{folded}"
    );
    assert!(
        folded.ends_with("  ┃ +14 lines              Enter expand"),
        "{folded}"
    );
    screen.with(|pane, g| {
        pane.select(g);
        pane.act(g);
    });
    let expanded = screen.picture();
    assert!(expanded.contains("▌ ┃ + 1 + ;"), "{expanded}");
    screen.with(Pane::act);
    assert!(
        screen.picture().contains("▌ ┃ +14 lines"),
        "{}",
        screen.picture()
    );
}

#[test]
fn a_message_without_end_is_folded() {
    let text = "word ".repeat(5_000);
    let screen = Screen::opened(40, 8, group(1), vec![entry(1, "ben", "09:00", &text)]);
    assert!(
        screen
            .picture()
            .ends_with("  …                        Enter expand"),
        "{}",
        screen.picture()
    );
}

#[test]
fn x02p_what_is_deleted_answered_or_reacted_to_says_so() {
    let mut deleted = message(1, "ben", "09:00", "");
    deleted.deleted = true;
    let mut reply = message(2, "dana", "09:01", "why?");
    reply.reply_to = Some(Seq(1));
    let reactions = r#"[{"emoji":"👍","by":["ben"]}]"#;
    reply.reactions = serde_json::from_str(reactions).expect("reactions");
    let entries = vec![Entry::Message(deleted), Entry::Message(reply)];
    let expected = "
 ─────────────── today ────────────────
 ben 09:00
  message deleted
 dana 09:01
  ↳ ben: message deleted
  why?
  👍 ben";
    let screen = Screen::opened(40, 7, group(2), entries);
    assert_eq!(format!("\n{}", screen.picture()), expected);
}

#[test]
fn x04p_a_direct_message_says_what_became_of_it() {
    let direct = |read: u64, delivered: u64| {
        let mut line = Line::new(name("deploys"), ConversationKind::Direct);
        line.last_seq = Seq(3);
        line.read_seq = Seq(3);
        line.read.insert(name("deploys"), Seq(read));
        line.delivered.insert(name("deploys"), Seq(delivered));
        let said = |seq| entry(seq, "ann", "09:00", &format!("say {seq}"));
        Screen::opened(30, 5, line, (1..=3).map(said).collect()).picture()
    };
    let expected = "
 ────────── today ───────────
 ann 09:00
  say 1               ✓✓ read
  say 2          ✓✓ delivered
  say 3                     ✓";
    assert_eq!(format!("\n{}", direct(1, 2)), expected);
    assert!(direct(3, 3).ends_with("say 1\n  say 2\n  say 3               ✓✓ read"));
}

#[test]
fn an_empty_conversation_says_so_and_one_that_is_not_known_yet_says_nothing() {
    let screen = Screen::new(40, 3);
    assert_eq!(screen.picture().trim(), "");
    let screen = Screen::opened(40, 3, group(0), Vec::new());
    assert_eq!(screen.picture().trim(), "no messages yet: say hello");
    let screen = Screen::opened(10, 1, group(0), Vec::new());
    assert_eq!(screen.picture(), "no messag…");
}

#[test]
fn x08p_without_colours_nothing_is_coloured_and_with_ascii_all_is_ascii() {
    let mut screen = morning(92, 32);
    screen.model.preferences.colors = false;
    screen.model.preferences.ascii = true;
    screen.pane.to_bottom();
    let buffer = screen.buffer();
    let plain = |cell: &ratatui::buffer::Cell| cell.fg == ratatui::style::Color::Reset;
    assert!(buffer.content.iter().all(plain));
    assert!(screen.picture().is_ascii(), "{}", screen.picture());
    assert_eq!(super::theme(&screen.model.preferences), Theme::plain());
}

fn heading(screen: &Screen) -> String {
    let area = Rect::new(0, 0, screen.size.0, 1);
    let mut buffer = Buffer::empty(area);
    super::header(&screen.model, &screen.pane, area, &mut buffer);
    picture(&buffer)
}

#[test]
fn x02p_the_heading_says_who_it_is_and_who_is_there() {
    let mut line = group(0);
    line.title = "The \u{1b}Deploys".to_owned();
    let mut screen = Screen::opened(60, 3, line.clone(), Vec::new());
    assert_eq!(heading(&screen), " # deploys · The \\u{1b}Deploys");
    let member = |who: &str| chat_proto::api::Member {
        name: name(who),
        role: chat_proto::Role::Member,
        presence: None,
    };
    let members = vec![member("ann"), member("ben")];
    screen.model.members.insert(name("deploys"), members);
    assert_eq!(
        heading(&screen),
        " # deploys · The \\u{1b}Deploys · 2 members, 1 here"
    );
    line.kind = ConversationKind::Direct;
    line.title = "Ben Bauer".to_owned();
    let mut screen = Screen::opened(60, 3, line, Vec::new());
    let presence = Presence {
        name: name("deploys"),
        state: PresenceState::Offline,
        last_seen: Some(time("2026-11-21T09:00:00Z")),
        status: None,
    };
    screen.model.presence.insert(name("deploys"), presence);
    assert_eq!(
        heading(&screen),
        " ○ deploys · Ben Bauer · last seen 3h ago"
    );
    screen.size.0 = 20;
    assert_eq!(heading(&screen), " ○ deploys · Ben Ba…");
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        2 => "[a-z @:/.`\n]{1,12}",
        1 => Just("\n```rust\n".to_owned()),
        1 => Just("https://a.dev/".to_owned()),
        1 => Just("@ann".to_owned()),
        1 => "[\u{600}-\u{6ff}\u{1100}-\u{11ff}\u{900}-\u{97f}漢字👩🏿\u{fe0f}\u{200d}]{1,8}",
        1 => (1..60_usize).prop_map(|n| "\u{301}".repeat(n)),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn x08p_s04_no_text_breaks_a_row_in_any_size(
        texts in prop::collection::vec(hostile(), 1..6), width in 1..130_u16, height in 1..40_u16, up in 0..20_isize,
    ) {
        let entries = texts.iter().zip(1..).map(|(text, seq)| {
            let mut message = message(seq, if seq % 2 == 0 { "ann" } else { "ben" }, "09:00", text);
            message.reply_to = (seq > 1).then(|| Seq(seq - 1));
            Entry::Message(message)
        });
        let mut screen = Screen::opened(width, height, group(texts.len() as u64), entries.collect());
        let why = texts[0].clone();
        screen.model.letters = vec![letter("l1", &texts[0], LetterState::Failed { code: chat_proto::ErrorCode::Forbidden, sentence: why })];
        screen.with(|pane, g| {
            pane.select_first(g);
            pane.act(g);
            pane.scroll_rows(-up, g);
        });
        let picture = screen.picture();
        let harmless = !picture.contains(['\u{1b}', '\u{202e}', '\u{7}']);
        prop_assert!(harmless);
        heading(&screen);
    }
}
