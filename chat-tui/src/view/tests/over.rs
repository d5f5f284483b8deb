//! What lies over the conversation: the switcher, the list, the help; and what stands there without a conversation.

use ratatui::style::{Color, Modifier};

use super::*;
use crate::app::model::picker::{Choice, Only};
use crate::app::msg::Effect;
use crate::app::update::{help, list, switcher};
use crate::client::agent::Ask;
use crate::keymap::Command;

fn ask_people(query: &str) -> Effect {
    Effect::Ask(Ask::People(query.to_owned()))
}

fn choices(steps: Vec<Step>) -> Vec<Choice> {
    steps.into_iter().filter_map(|step| step.choice).collect()
}

#[test]
fn x05p_the_switcher_begins_with_the_latest_eight_and_dims_what_is_below() {
    let mut model = day();
    switcher::open(&mut model);
    let (picture, cursor) = screen(&mut model, (80, 24));
    let expected = [
        "    ╭─ go to ──────────────────────────────────────────────────────────────╮",
        " ▌# │ ›                                                                    │",
        "    │                                                                      │",
        "  ◐ │ ▌● ben                                               2 mentions   2m │",
        "    │  ◐ dana                                                1 unread  18m │",
        "  # │  # backend                                                        1h │",
        "    │  ○ eli                                                            3h │",
        "  ○ │  # oncall                                             1 mention   3h │",
        "    │  ● farah                                                          5h │",
        "  # │  ○ gus                                                            1d │",
        "    │  # random                                                         1d │",
        "  ● ╰─ Enter open · Tab people/#/commands · Esc close ─────────────────────╯",
    ];
    assert_eq!(rows(&picture)[3..15], expected);
    assert_eq!(cursor, Some(Position::new(8, 4)));
    let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
    crate::view::render(&model, &mut buffer);
    assert_eq!(buffer[(2, 1)].fg, Color::DarkGray, "below it is quiet");
    assert_eq!(buffer[(9, 6)].fg, Color::Reset, "the switcher is not");
}

#[test]
fn x05p_matched_letters_are_reversed_and_the_best_match_is_first() {
    let mut model = day();
    switcher::open(&mut model);
    type_text(&mut model, "dps");
    let (picture, _) = screen(&mut model, (60, 20));
    let shown = rows(&picture);
    assert_eq!(
        shown[5],
        "│ ▌# deploys                                 3 unread   5m │"
    );
    assert_eq!(
        shown[6],
        "│  # dps                                      join or make │"
    );
    model.size = (60, 20);
    let mut buffer = Buffer::empty(Rect::new(0, 0, 60, 20));
    crate::view::render(&model, &mut buffer);
    let reversed: String = (0..60)
        .map(|x| &buffer[(x, 5)])
        .filter(|cell| cell.modifier.contains(Modifier::REVERSED))
        .map(ratatui::buffer::Cell::symbol)
        .collect();
    assert_eq!(reversed, "dps");
}

#[test]
fn x05p_people_that_the_server_finds_join_what_is_known() {
    let mut model = day();
    let asked = switcher::open(&mut model);
    assert_eq!(asked, [Effect::Ask(Ask::Groups), ask_people("")]);
    let steps = type_text(&mut model, "le");
    let effects: Vec<Effect> = steps.into_iter().flat_map(|step| step.effects).collect();
    assert_eq!(effects, [ask_people("l"), ask_people("le")]);
    let found = vec![person("dana", "Dana"), person("lessing", "Doris Lessing")];
    switcher::handle_people(&mut model, "l".to_owned(), found.clone());
    assert!(
        !screen(&mut model, (80, 24)).0.contains("Doris"),
        "an old answer is none"
    );
    switcher::handle_people(&mut model, "le".to_owned(), found);
    let (picture, _) = screen(&mut model, (80, 24));
    assert!(picture.contains("▌○ lessing  Doris Lessing"), "{picture}");
    assert_eq!(
        choices(press(&mut model, &["enter"])),
        [Choice::Open(name("lessing"))]
    );
    assert!(model.overlay.is_none());
}

#[test]
fn p02p_whom_the_server_found_by_more_than_the_name_stays() {
    let mut model = day();
    switcher::open(&mut model);
    type_text(&mut model, "@zq");
    switcher::handle_people(&mut model, "zq".to_owned(), vec![person("xena", "Xena")]);
    let (picture, _) = screen(&mut model, (60, 20));
    assert!(picture.contains("▌○ xena"), "{picture}");
    assert!(picture.contains("go to: people"), "{picture}");
    assert!(!picture.contains("join or make"), "a person is no topic");
}

#[test]
fn p02p_people_of_the_server_must_match_what_is_typed_like_everybody() {
    let mut model = model();
    model.people = vec![person("dana", "Dana"), person("eli", "Eli")];
    for words in ["zq!", "hello?", "hello there", "Hello", "hello "] {
        switcher::open(&mut model);
        type_text(&mut model, words);
        let query = words.trim().to_owned();
        switcher::handle_people(&mut model, query, Vec::new());
        let (picture, _) = screen(&mut model, (60, 20));
        assert!(!picture.contains("○ dana"), "{picture}");
        assert_eq!(choices(press(&mut model, &["enter"])), [], "{words:?}");
    }
    // Whom the server alone finds comes behind whose name matches.
    switcher::open(&mut model);
    type_text(&mut model, "el");
    let found = vec![person("adam", "Adam"), person("eli", "Eli")];
    switcher::handle_people(&mut model, "el".to_owned(), found);
    let (picture, _) = screen(&mut model, (60, 20));
    assert!(picture.contains("▌○ eli"), "{picture}");
    assert!(picture.contains(" ○ adam"), "{picture}");
}

#[test]
fn x05p_topics_and_commands_are_taken_and_a_free_name_is_joined() {
    let mut model = day();
    model.groups = vec![public("design", "Design", 4)];
    switcher::open(&mut model);
    type_text(&mut model, "desi");
    let (picture, _) = screen(&mut model, (60, 20));
    let row = rows(&picture)[5];
    assert!(
        row.starts_with("│ ▌# design") && row.ends_with("not joined │"),
        "{row}"
    );
    assert_eq!(
        choices(press(&mut model, &["enter"])),
        [Choice::Join(name("design"))]
    );
    switcher::open(&mut model);
    type_text(&mut model, "#brand-new");
    assert_eq!(
        choices(press(&mut model, &["enter"])),
        [Choice::Join(name("brand-new"))]
    );
    switcher::open(&mut model);
    type_text(&mut model, "quit");
    let (picture, _) = screen(&mut model, (60, 20));
    assert!(picture.contains("commands"), "{picture}");
    assert!(
        picture.contains("quit  quit; drafts and unsent words are kept"),
        "{picture}"
    );
    assert_eq!(
        choices(press(&mut model, &["down", "enter"])),
        [Choice::Run(Command::Quit)]
    );
}

#[test]
fn x05p_tab_shows_one_kind_after_the_other() {
    let mut model = day();
    switcher::open(&mut model);
    let kinds = ["tab", "tab", "tab", "tab"].map(|key| {
        press(&mut model, &[key]);
        match &model.overlay {
            Some(Overlay::Switcher(picker)) => picker.only,
            _ => panic!("it is open"),
        }
    });
    assert_eq!(
        kinds,
        [Only::People, Only::Groups, Only::Commands, Only::Everything]
    );
    press(&mut model, &["tab", "tab"]);
    let (picture, _) = screen(&mut model, (60, 20));
    assert!(
        picture.contains("# backend") && !picture.contains("● ben "),
        "{picture}"
    );
}

#[test]
fn enter_on_nothing_leaves_what_is_typed() {
    let mut model = day();
    switcher::open(&mut model);
    switcher::handle_paste(&mut model, "no such! thing\nat all");
    let (picture, _) = screen(&mut model, (60, 20));
    assert!(picture.contains("› no such! thing"), "{picture}");
    assert!(
        picture.contains("nothing that is known is called so"),
        "{picture}"
    );
    assert_eq!(choices(press(&mut model, &["enter"])), []);
    assert!(model.overlay.is_some());
    press(&mut model, &["ctrl-w", "ctrl-u"]);
    assert!(screen(&mut model, (60, 20)).0.contains("ben"));
    press(&mut model, &["esc"]);
    assert!(model.overlay.is_none());
}

#[test]
fn x05p_the_choice_goes_round_and_stays_in_sight_at_40x10() {
    let mut model = day();
    switcher::open(&mut model);
    press(&mut model, &["up"]);
    let (picture, _) = screen(&mut model, (40, 10));
    let expected = [
        "╭─ go to ──────────────────────────────╮",
        "│ ›                                    │",
        "│                                      │",
        "│  ○ eli                            3h │",
        "│  # oncall             1 mention   3h │",
        "│  ● farah                          5h │",
        "│  ○ gus                            1d │",
        "│ ▌# random                         1d │",
        "╰─ Enter open · Tab people/#/comman… ─╯",
    ];
    assert_eq!(rows(&picture)[1..9], expected[..8]);
    assert_eq!(
        choices(press(&mut model, &["enter"])),
        [Choice::Open(name("random"))]
    );
}

#[test]
fn x02p_below_80_columns_the_list_is_an_overlay() {
    let mut model = day();
    list::open(&mut model);
    let (picture, _) = screen(&mut model, (60, 20));
    let shown = rows(&picture);
    assert_eq!(
        shown[2],
        "╭─ ann at acme.dev ────────────────────────────────────────╮"
    );
    assert_eq!(
        shown[5],
        "│  ● ben  @ann can you review #4312 before noon?    2m  @2 │"
    );
    assert_eq!(
        shown[6],
        "│ ▌# deploys  ben: fix/arm64-retry is merged        5m   3 │"
    );
    type_text(&mut model, "on");
    assert_eq!(
        choices(press(&mut model, &["enter"])),
        [Choice::Open(name("oncall"))]
    );
    list::open(&mut model);
    press(&mut model, &["f2"]);
    assert!(model.overlay.is_none(), "the key that opened it closes it");
}

#[test]
fn p01p_the_end_of_the_list_asks_for_more() {
    let mut model = day();
    model.contacts.beyond = 3;
    list::open(&mut model);
    let steps = press(&mut model, &["ctrl-end"]);
    assert_eq!(steps[0].effects, [Effect::Ask(Ask::MoreLines)]);
}

#[test]
fn x06_the_help_shows_the_table_with_the_users_keys() {
    let mut model = day();
    let changes = [("switcher".to_owned(), vec!["f9".to_owned()])].into();
    model.keymap = Keymap::with(&changes).expect("keys");
    help::open(&mut model);
    let (picture, cursor) = screen(&mut model, (60, 20));
    let shown = rows(&picture);
    assert_eq!(
        shown[2],
        "╭─ keys (F1) · type to filter ─────────────────────────────╮"
    );
    assert_eq!(
        shown[4],
        "│ GO                                                       │"
    );
    assert_eq!(
        shown[5],
        "│ ^K              go to anyone; in a line: cut to its end  │"
    );
    assert_eq!(
        shown[6],
        "│ F9              go to anyone, anything                   │"
    );
    assert_eq!(cursor, Some(Position::new(4, 3)));
    type_text(&mut model, "unread");
    let (picture, _) = screen(&mut model, (60, 20));
    let expected = [
        "╭─ keys (F1) · type to filter ─────────────────────────────╮",
        "│ › unread                                                 │",
        "│ GO                                                       │",
        "│ Alt-A, ^X a     next unread, mentions first; then back   │",
        "│ Alt-U, ^X u     first unread line                        │",
        "╰─ Esc close · to change them: chat-tui keys ──────────────╯",
    ];
    assert_eq!(rows(&picture)[2..8], expected);
}

#[test]
fn x06_every_key_can_be_reached_in_the_help_at_any_size() {
    for size in [(120, 36), (80, 24), (60, 20), (40, 10)] {
        let mut model = day();
        model.size = size;
        help::open(&mut model);
        let mut seen = String::new();
        for _ in 0..40 {
            seen.push_str(&screen(&mut model, size).0);
            press(&mut model, &["pagedown"]);
        }
        for bound in model.keymap.all() {
            let words: String = bound.binding.doc.chars().take(16).collect();
            let folded = bound.binding.name.starts_with("chat-");
            assert!(
                folded || seen.contains(&words),
                "{} at {size:?}",
                bound.binding.name
            );
        }
        press(&mut model, &["ctrl-home", "f1"]);
        assert!(model.overlay.is_none());
    }
}

#[test]
fn x06_the_help_says_that_there_is_more_only_where_there_is() {
    let mut model = day();
    model.size = (80, 24);
    help::open(&mut model);
    assert!(screen(&mut model, (80, 24)).0.contains("for more"));
    press(&mut model, &["ctrl-end"]);
    assert!(!screen(&mut model, (80, 24)).0.contains("for more"));
}

#[test]
fn x06_the_words_of_every_key_fit_80_columns() {
    let mut model = day();
    help::open(&mut model);
    for _ in 0..10 {
        let (picture, _) = screen(&mut model, (80, 24));
        let cut: Vec<&str> = picture.lines().filter(|row| row.contains("…  │")).collect();
        assert!(cut.is_empty(), "{cut:#?}");
        press(&mut model, &["pagedown"]);
    }
}

#[test]
fn t14_p06_without_conversations_the_people_and_topics_of_the_server_are_shown() {
    let mut model = model();
    model.people = vec![
        person("ann", "Ann"),
        person("ben", "Ben Bauer"),
        person("dana", "dana"),
    ];
    model.groups = vec![public("lounge", "The Lounge", 12)];
    be(&mut model, "dana", PresenceState::Online);
    let (picture, _) = screen(&mut model, (60, 20));
    let expected = [
        "",
        "",
        "   welcome, ann: nobody has written yet",
        "",
        "   topics for everyone",
        "    # lounge  The Lounge · 12 members",
        "",
        "   people of this server",
        "    ● dana",
        "    ○ ben  Ben Bauer",
        "",
        "   ^K finds anyone, joins and makes topics",
        "   F1 shows all keys",
    ];
    assert_eq!(rows(&picture)[..13], expected);
    assert_eq!(rows(&picture)[18], " › ^K chooses whom to write to");

    let (picture, _) = screen(&mut model, (40, 10));
    let expected = [
        "",
        " welcome, ann: nobody has written yet",
        " topics for everyone",
        " people of this server",
    ];
    assert_eq!(rows(&picture)[..2], expected[..2]);
    assert!(picture.contains("● dana"), "{picture}");
    assert!(picture.contains("^K finds anyone"), "{picture}");
    // The switcher offers them before anything is typed.
    switcher::open(&mut model);
    assert_eq!(
        choices(press(&mut model, &["enter"])),
        [Choice::Open(name("ben"))]
    );
}

#[test]
fn p06_who_is_alone_is_told_how_to_invite() {
    let mut model = model();
    let (picture, _) = screen(&mut model, (60, 20));
    assert!(picture.contains("you are the first one here"), "{picture}");
    assert!(picture.contains("chat-server invite"), "{picture}");
    model.link.0 = LinkState::Connecting;
    let (picture, _) = screen(&mut model, (60, 20));
    assert!(
        picture.contains("your conversations are on their way"),
        "{picture}"
    );
    assert!(!picture.contains("first one"), "nobody knows yet");
}
