//! The list of conversations, the status and the composer.

use ratatui::style::{Color, Modifier};
use ratatui_textarea::CursorMove;

use super::*;
use crate::app::model::composer::Composer;
use crate::client::outbox::{Letter, LetterState};
use crate::view::frame::Hit;

#[test]
fn x02p_the_list_tells_presence_last_words_time_and_what_is_unread() {
    let (picture, cursor) = screen(&mut day(), (80, 24));
    let expected = "  acme.dev             ann ● │
                             │
  ● ben               2m  @2 │
    @ann can you review #43… │
 ▌# deploys           5m   3 │
    ben: fix/arm64-retry is… │
  ◐ dana             18m   1 │
    one check fails on arm64 │
  # backend           1h     │
    ben: the pool is full a… │
  ○ eli               3h     │
    thanks!                  │
  # oncall            3h  @1 │
    ben: @ann it is yours f… │
  ● farah             5h     │
    漢字 and 👩\u{200d}💻 in one line… │
  ○ gus               1d     │
    ok                       │
  # random            1d     │
    ben: cake in the kitchen │
  ⊖ hana              3d     │                                        connected
─────────────────────────────┴──────────────────────────────────────────────────
 › write to #deploys
 ^K switch   Alt-A next unread   Up select messages   F1 help
";
    assert_eq!(picture, expected);
    assert_eq!(cursor, Some(Position::new(3, 22)));
}

#[test]
fn x02p_a_large_screen_counts_what_is_unread() {
    let (picture, _) = screen(&mut day(), (120, 36));
    let rows = rows(&picture);
    assert_eq!(rows[20], "  ⊖ hana              3d     │");
    assert_eq!(rows[21], "    see you                  │");
    let hint = " ^K switch   Alt-A next unread   Up select messages   F1 help                                     7 unread · 3 mentions";
    assert_eq!(rows[35], hint);
}

#[test]
fn x02p_below_80_columns_the_header_tells_who_waits() {
    let (picture, cursor) = screen(&mut day(), (60, 20));
    let shown = rows(&picture);
    assert_eq!(
        shown[0],
        "                                  ben @2  oncall @1  dana 1"
    );
    assert_eq!(shown[17], format!("{} connected ─", "─".repeat(48)));
    assert_eq!(shown[18], " › write to #deploys");
    assert_eq!(shown[19], " ^K switch   Alt-A next unread   F1 help");
    assert_eq!(cursor, Some(Position::new(3, 18)));

    let (picture, _) = screen(&mut day(), (40, 10));
    let shown = rows(&picture);
    assert_eq!(shown[0], "                             ben @2  +2");
    assert_eq!(shown[9], " ^K switch   F1 help");
}

#[test]
fn p01p_a_list_that_is_too_long_keeps_the_open_one_in_sight_and_counts_the_others() {
    let mut model = model();
    for n in 0..30 {
        let topic = format!("person-{n:02}");
        let line = line(&topic, ConversationKind::Direct, n * 60, "hi");
        model.contacts.put([line]);
    }
    model.contacts.beyond = 21;
    model.contacts.open = Some(name("person-25"));
    let (picture, _) = screen(&mut model, (80, 24));
    let shown = rows(&picture);
    assert_eq!(shown[2], "  ○ person-09         9m     │");
    assert_eq!(shown[18], " ▌○ person-25        25m     │");
    assert_eq!(
        shown[20],
        "  34 more · ^K to search     │                                        connected"
    );
    let hit = |y| crate::view::frame::hit(&model, 5, y);
    assert_eq!(hit(18), Hit::Conversation(name("person-25")));
    assert_eq!(hit(20), Hit::More);
    assert_eq!(hit(0), Hit::Nothing);
}

#[test]
fn x02p_unread_names_are_bold_and_read_ones_are_not() {
    let mut model = day();
    model.size = (80, 24);
    let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
    crate::view::render(&model, &mut buffer);
    let bold = |x, y| buffer[(x, y)].modifier.contains(Modifier::BOLD);
    assert!(bold(4, 2), "ben has unread messages");
    assert!(!bold(4, 8), "backend has none");
    assert_eq!(buffer[(26, 2)].fg, Color::Yellow, "a mention");
}

#[test]
fn a_message_that_could_not_be_sent_is_marked_in_the_list() {
    let mut model = day();
    model.letters.push(letter(
        "eli",
        LetterState::Failed {
            code: chat_proto::ErrorCode::Blocked,
            sentence: "blocked".to_owned(),
        },
    ));
    let (picture, _) = screen(&mut model, (80, 24));
    assert_eq!(rows(&picture)[10], "  ○ eli               3h   ✗ │");
}

#[test]
fn a_code_block_is_told_by_its_first_line() {
    let mut model = day();
    let code = "```rust\n\nfn main() {\n}\n```";
    let line = line("ben", ConversationKind::Direct, 120, code);
    model.contacts.put([line]);
    let (picture, _) = screen(&mut model, (80, 24));
    assert_eq!(rows(&picture)[3], "    code: fn main() {        │");
}

#[test]
fn a_draft_left_elsewhere_is_told_in_its_row() {
    let mut model = day();
    model.drafts.insert(name("ben"), "yes, at\nten".to_owned());
    let (picture, _) = screen(&mut model, (80, 24));
    assert_eq!(rows(&picture)[3], "    draft: yes, at ten       │");
}

#[test]
fn x02p_the_status_tells_how_the_link_is_and_what_waits() {
    let mut model = day();
    let status = |model: &mut Model| {
        let (picture, _) = screen(model, (60, 20));
        rows(&picture)[17].trim_matches(['─', ' ']).to_owned()
    };
    assert_eq!(status(&mut model), "connected");
    model.link.0 = LinkState::Connecting;
    assert_eq!(status(&mut model), "connecting…");
    model.link.0 = LinkState::Syncing;
    assert_eq!(status(&mut model), "catching up…");
    model.letters.push(letter("ben", LetterState::Queued));
    down(
        &mut model,
        Duration::from_secs(12),
        Duration::from_millis(3_100),
    );
    let offline = "offline 12 s · 1 queued · retry in 4 s";
    assert!(status(&mut model).ends_with(offline));
    down(&mut model, Duration::from_secs(90), Duration::ZERO);
    assert!(status(&mut model).ends_with("offline 1 min · 1 queued · trying…"));
    model.slowed_until = Some(Moment(102_500));
    assert!(status(&mut model).ends_with("sending again in 3 s"));
    model.remark = Some(("copied".to_owned(), Moment(100_001)));
    let row = status(&mut model);
    assert!(row.starts_with("copied") && row.ends_with("sending again in 3 s"));
    model.remark = Some(("copied".to_owned(), Moment(100_000)));
    model.slowed_until = None;
    let why = "log in again with chat-tui login".to_owned();
    model.link.0 = LinkState::Ended { why };
    assert_eq!(
        status(&mut model),
        "logged out: log in again with chat-tui login"
    );
}

#[test]
fn x02p_a_remark_leaves_the_links_state_where_it_is() {
    let mut model = day();
    model.say("not connected: this needs the server".to_owned());
    for (size, state) in [((80, 24), "offline 12 s"), ((60, 20), "offline 12 s")] {
        let (gone, retry_in) = (Duration::from_secs(12), Duration::from_secs(3));
        down(&mut model, gone, retry_in);
        let (picture, _) = screen(&mut model, size);
        let row = picture.lines().find(|row| row.contains("not connected"));
        let row = row.expect("the remark");
        assert!(row.contains(state), "{row}");
    }
    let why = "log in again".to_owned();
    model.link.0 = LinkState::Ended { why };
    let (picture, _) = screen(&mut model, (80, 24));
    let row = picture.lines().find(|row| row.contains("not connected"));
    assert!(row.expect("the remark").ends_with("logged out"), "{row:?}");
    model.remark = None;
    down(&mut model, Duration::from_secs(2), Duration::from_secs(3));
    if let LinkState::Down { why, .. } = &mut model.link.0 {
        *why = "connection refused (os error 111)".to_owned();
    }
    let (picture, _) = screen(&mut model, (120, 36));
    assert!(picture.contains("connection refused"), "{picture}");
    assert!(!picture.contains("os error"), "{picture}");
}

#[test]
fn x02p_who_types_is_told_as_long_as_it_is_believed() {
    let mut model = day();
    let left = |model: &mut Model| {
        let (picture, _) = screen(model, (60, 20));
        let row = rows(&picture)[17].to_owned();
        row.split("──")
            .next()
            .unwrap_or_default()
            .trim_matches(['─', ' '])
            .to_owned()
    };
    let types = |model: &mut Model, topic: &str, who: &str| {
        model
            .typing
            .insert((name(topic), name(who)), Moment(101_000));
    };
    types(&mut model, "backend", "gus");
    assert_eq!(left(&mut model), "");
    types(&mut model, "deploys", "dana");
    assert_eq!(left(&mut model), "dana is typing");
    types(&mut model, "deploys", "eli");
    assert_eq!(left(&mut model), "dana and eli are typing");
    types(&mut model, "deploys", "gus");
    assert_eq!(left(&mut model), "3 people are typing");
    model.now.moment = Moment(101_000);
    assert_eq!(left(&mut model), "");
}

#[test]
fn x02p_a_draft_of_several_lines_grows_up_to_six_rows() {
    let mut model = day();
    let code = "```rust\nlet backoff = Duration::from_millis(50 << attempt);\n```";
    model.composer = Composer::with(code);
    let (picture, cursor) = screen(&mut model, (80, 24));
    let shown = rows(&picture);
    assert_eq!(
        shown[20..],
        [
            " › ```rust                     draft · 3 lines · Alt-Enter newline · Enter send",
            "   let backoff = Duration::from_millis(50 << attempt);",
            "   ```",
            " ^K switch   Alt-A next unread   Up select messages   F1 help",
        ]
    );
    assert_eq!(cursor, Some(Position::new(6, 22)));

    let (picture, _) = screen(&mut model, (40, 18));
    let row = picture.lines().find(|row| row.contains("```rust"));
    assert!(row.expect("the draft").ends_with("draft · 3 lines"));

    model.composer = Composer::with(&"line\n".repeat(40));
    let (picture, cursor) = screen(&mut model, (80, 24));
    assert_eq!(rows(&picture)[16], "─".repeat(29) + "┴" + &"─".repeat(50));
    assert_eq!(cursor, Some(Position::new(3, 22)));
}

#[test]
fn x02p_the_cursor_stands_behind_what_is_seen_also_with_wide_letters() {
    let mut model = day();
    for (text, x) in [
        ("hi", 5),
        ("漢字", 7),
        ("👩\u{200d}💻!", 6),
        ("e\u{301}e", 5),
        ("\tx", 8),
        ("a\u{202e}b", 5),
    ] {
        model.composer = Composer::with(text);
        let (_, cursor) = screen(&mut model, (80, 24));
        assert_eq!(cursor, Some(Position::new(x, 22)), "{text:?}");
    }
}

#[test]
fn x02p_a_long_line_breaks_at_words_and_the_cursor_goes_along() {
    let mut model = day();
    model.composer = Composer::with("this line is longer than forty cells and goes on");
    let (picture, cursor) = screen(&mut model, (40, 12));
    let shown = rows(&picture);
    assert_eq!(shown[9], " › this line is longer than forty cells");
    assert_eq!(shown[10].trim(), "and goes on");
    assert_eq!(cursor.map(|cursor| cursor.y), Some(10));
    // The row that one sees above is the one that the cursor goes to.
    model.composer.area_mut().move_cursor(CursorMove::Up);
    let (_, cursor) = screen(&mut model, (40, 12));
    assert_eq!(cursor.map(|cursor| cursor.y), Some(9));
}

#[test]
fn x08p_hostile_names_stand_in_their_cells() {
    let mut model = day();
    let evil = "\u{1b}[2J\u{202e}evil\u{7}";
    let title = line("evil", ConversationKind::Group, 1, evil);
    model.contacts.put([Line {
        title: evil.to_owned(),
        ..title
    }]);
    model.server = evil.to_owned();
    model.remark = Some((evil.to_owned(), Moment(200_000)));
    for size in [(120, 36), (80, 24), (60, 20), (40, 10)] {
        let (picture, _) = screen(&mut model, size);
        assert!(
            !picture.contains(['\u{1b}', '\u{202e}', '\u{7}']),
            "{picture}"
        );
        assert!(
            picture.contains("\\u{1b}"),
            "it shows that something was there"
        );
    }
}

#[test]
fn a_terminal_that_is_too_small_says_so() {
    let (picture, cursor) = screen(&mut day(), (19, 10));
    assert_eq!(rows(&picture)[0], "a larger terminal,");
    assert_eq!(cursor, None);
}

#[test]
fn x08p_ascii_signs_and_no_colours_say_the_same() {
    let mut model = day();
    model.preferences.ascii = true;
    model.preferences.colors = false;
    model.drafts.clear();
    let mut lines: Vec<Line> = model.contacts.ranked().to_vec();
    for line in &mut lines {
        line.last_message.as_mut().expect("a message").text = "plain".to_owned();
    }
    model.contacts.put(lines);
    let (picture, _) = screen(&mut model, (80, 24));
    assert!(picture.is_ascii(), "{picture}");
    assert_eq!(rows(&picture)[4], " ># deploys           5m   3 |");
    let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
    crate::view::render(&model, &mut buffer);
    assert!(
        buffer
            .content
            .iter()
            .all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset))
    );
}

fn letter(topic: &str, state: LetterState) -> Letter {
    Letter {
        state,
        ..Letter::new(
            MessageId::parse("l1").expect("an id"),
            chat_proto::action::Publish::text(name(topic).into(), "hi"),
            noon(),
        )
    }
}

#[test]
fn x06_the_first_half_of_a_chord_shows_the_second_ones() {
    let mut model = day();
    model.chord = true;
    let (picture, _) = screen(&mut model, (120, 36));
    let hint = rows(&picture)[35].to_owned();
    assert!(
        hint.starts_with(" ^X   g switcher   a next-unread"),
        "{hint}"
    );
    assert!(hint.contains("^E editor"), "{hint}");
}
