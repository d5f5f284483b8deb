//! The first run: keys in, questions and sentences out.

use super::*;
use crate::app::model::entrance::{Entrance, Question};
use crate::app::msg::{Credentials, Effect, Refused};
use crate::app::update::entrance::{handle_entered, handle_paste};
use crate::client::address::ServerUrl;

fn first_run() -> Model {
    let mut model = model();
    model.me = None;
    model.entrance = Some(Entrance::new(None));
    model
}

fn entrance(model: &Model) -> &Entrance {
    model.entrance.as_ref().expect("the form")
}

/// What an answer that is given leads to.
fn answer(model: &mut Model, text: &str) -> Vec<Effect> {
    type_text(model, text);
    let steps = press(model, &["enter"]);
    steps.into_iter().flat_map(|step| step.effects).collect()
}

fn credentials(effects: Vec<Effect>) -> Credentials {
    match effects.into_iter().next() {
        Some(Effect::Enter(credentials)) => *credentials,
        other => panic!("no credentials but {other:?}"),
    }
}

fn complaint(model: &Model) -> &str {
    entrance(model).complaint.as_deref().unwrap_or_default()
}

fn refuse(model: &mut Model, why: &str, unreachable: bool) {
    let why = why.to_owned();
    handle_entered(model, Err(Refused { why, unreachable }));
}

#[test]
fn x03p_the_first_question_is_the_server_and_says_how_to_get_one() {
    let (picture, cursor) = screen(&mut first_run(), (80, 24));
    let expected = [
        "        Which server do you chat on?",
        "        Its address, as https://chat.example.org, or an invite link. The",
        "        command chat-server starts one of your own, at",
        "        http://127.0.0.1:8080.",
        "",
        "        ›",
    ];
    assert_eq!(rows(&picture)[4..10], expected);
    assert_eq!(rows(&picture)[23], "        Enter goes on · ^Q quits");
    assert_eq!(cursor, Some(Position::new(10, 9)));
}

#[test]
fn x03p_another_server_begins_anew() {
    let mut model = first_run();
    answer(&mut model, "https://one.example");
    answer(&mut model, "l");
    answer(&mut model, "ann");
    answer(&mut model, "a secret of mine");
    refuse(&mut model, "connection refused (os error 111)", true);
    assert_eq!(complaint(&model), "connection refused");
    press(&mut model, &["ctrl-u"]);
    answer(&mut model, "https://two.example");
    assert!(entrance(&model).password.is_empty(), "it was the other's");

    let mut model = first_run();
    answer(&mut model, "https://one.example/join/abcdef");
    assert!(entrance(&model).new);
    press(&mut model, &["esc", "ctrl-u"]);
    answer(&mut model, "https://one.example");
    assert_eq!(entrance(&model).question, Question::Account);
    assert!(!entrance(&model).new, "the invite chose, not the person");
}

#[test]
fn x03p_one_logs_in_with_four_answers() {
    let mut model = first_run();
    assert!(answer(&mut model, "127.0.0.1:8080").is_empty());
    assert_eq!(entrance(&model).question, Question::Account);
    assert!(answer(&mut model, "").is_empty());
    assert!(answer(&mut model, "@Ann").is_empty());
    let (picture, _) = screen(&mut model, (60, 20));
    assert!(
        picture.contains("server    http://127.0.0.1:8080"),
        "{picture}"
    );
    assert!(picture.contains("name      @Ann"), "{picture}");
    let credentials = credentials(answer(&mut model, "correct horse"));
    assert_eq!(credentials.server, "http://127.0.0.1:8080");
    assert_eq!((credentials.name.as_str(), credentials.new), ("ann", false));
    assert_eq!(credentials.password.expose(), "correct horse");
    assert_eq!(credentials.invite, None);
    assert!(entrance(&model).waiting);
    let (picture, cursor) = screen(&mut model, (60, 20));
    assert!(
        picture.contains("asking http://127.0.0.1:8080…"),
        "{picture}"
    );
    assert_eq!(cursor, None);
    handle_entered(&mut model, Ok(()));
    assert!(model.entrance.is_none());
}

#[test]
fn x03p_an_invite_link_leads_straight_to_a_new_account() {
    let mut model = first_run();
    let link = "https://chat.example.org/join/Ab-12";
    handle_paste(&mut model, &format!("{link}\n"));
    press(&mut model, &["enter"]);
    assert_eq!(entrance(&model).question, Question::Name);
    let (picture, _) = screen(&mut model, (60, 20));
    assert!(
        picture.contains("https://chat.example.org, by invite"),
        "{picture}"
    );
    assert!(!picture.contains("Ab-12"), "an invite is a secret");
    answer(&mut model, "ann");
    answer(&mut model, "ten or more");
    let effects = answer(&mut model, "ten or more");
    assert!(!format!("{effects:?}").contains("Ab-12"));
    assert!(!format!("{effects:?}").contains("ten or"));
    let credentials = credentials(effects);
    assert_eq!(credentials.invite.as_deref(), Some(link));
    assert_eq!(credentials.server, "https://chat.example.org");
    assert!(credentials.new);
    press(&mut model, &["esc", "esc", "esc", "esc"]);
    assert_eq!(
        entrance(&model).question,
        Question::Server,
        "no question of an account"
    );
}

#[test]
fn x03p_every_answer_is_judged_at_its_question() {
    let mut model = first_run();
    answer(&mut model, "");
    assert!(complaint(&model).contains("paste an invite link"));
    answer(&mut model, "ftp://x");
    assert!(complaint(&model).contains("http://"));
    press(&mut model, &["ctrl-u"]);
    assert_eq!(complaint(&model), "", "a new answer is not the old one");
    answer(&mut model, "http://x/join/");
    assert!(complaint(&model).contains("/join/CODE"));
    press(&mut model, &["ctrl-u"]);
    answer(&mut model, "x.example.org");
    press(&mut model, &["down", "enter"]);
    type_text(&mut model, "ann!");
    assert!(
        complaint(&model).contains("a-z"),
        "at once, while it is typed"
    );
    press(&mut model, &["ctrl-u"]);
    answer(&mut model, "here");
    assert!(complaint(&model).contains("take another"));
    press(&mut model, &["ctrl-u"]);
    answer(&mut model, "ann");
    answer(&mut model, "short");
    assert!(complaint(&model).contains("10 characters"));
    answer(&mut model, "er and longer");
    assert_eq!(entrance(&model).question, Question::Again);
    answer(&mut model, "another");
    assert!(complaint(&model).contains("differ"));
    assert_eq!(entrance(&model).question, Question::Password);
    assert!(entrance(&model).password.is_empty());
}

#[test]
fn x03p_a_password_is_never_on_the_screen_nor_in_a_log() {
    let mut model = first_run();
    for text in ["x.example.org", "", "ann"] {
        answer(&mut model, text);
    }
    type_text(&mut model, "hunter2hunter2");
    let (picture, cursor) = screen(&mut model, (60, 20));
    assert!(!picture.contains("hunter"), "{picture}");
    assert!(picture.contains("› ••••••••••••••\n"), "{picture}");
    assert_eq!(cursor.map(|cursor| cursor.x), Some(3 + 14));
    assert!(!format!("{model:?}").contains("hunter"));
    assert!(!format!("{:?}", entrance(&model).password).contains("hunter"));
}

#[test]
fn x03p_a_refusal_stands_at_the_question_that_it_is_about() {
    let at_the_end = || {
        let mut model = first_run();
        answer(&mut model, "x.example.org");
        press(&mut model, &["n", "enter"]);
        answer(&mut model, "ann");
        answer(&mut model, "ten or more");
        answer(&mut model, "ten or more");
        model
    };
    for (why, unreachable, question) in [
        ("could not connect to x.example.org", true, Question::Server),
        ("the name 'ann' is taken", false, Question::Name),
        (
            "this password is among the first that are tried: take another",
            false,
            Question::Password,
        ),
        (
            "the password must not be made from the name",
            false,
            Question::Password,
        ),
        (
            "this server takes no new accounts",
            false,
            Question::Account,
        ),
        (
            "this server takes new accounts by invite alone: ask for one",
            false,
            Question::Server,
        ),
        (
            "too many attempts: try again in 30 s",
            false,
            Question::Again,
        ),
    ] {
        let mut model = at_the_end();
        refuse(&mut model, why, unreachable);
        assert_eq!(entrance(&model).question, question, "{why}");
        assert!(!entrance(&model).waiting);
        let (picture, _) = screen(&mut model, (120, 36));
        assert!(picture.contains(&format!("✗ {why}")), "{picture}");
    }
    let mut model = at_the_end();
    press(&mut model, &["esc"]);
    refuse(&mut model, "too late", true);
    assert_eq!(
        complaint(&model),
        "",
        "an attempt that was given up says nothing"
    );
}

#[test]
fn x03p_a_server_that_is_known_is_not_asked_for() {
    let mut model = first_run();
    let url = ServerUrl::parse("http://127.0.0.1:8080").expect("a server");
    model.entrance = Some(Entrance::new(Some(url)));
    assert_eq!(entrance(&model).question, Question::Account);
    press(&mut model, &["esc"]);
    assert_eq!(entrance(&model).server.text(), "http://127.0.0.1:8080");
}

#[test]
fn the_form_ends_and_redraws_the_program_with_the_same_keys_as_everywhere() {
    let mut model = first_run();
    let effects = |model: &mut Model, key| press(model, &[key]).remove(0).effects;
    assert_eq!(effects(&mut model, "ctrl-q"), [Effect::Quit]);
    assert_eq!(effects(&mut model, "ctrl-l"), [Effect::Redraw]);
    assert_eq!(effects(&mut model, "ctrl-z"), [Effect::Suspend]);
}

#[test]
fn an_answer_is_edited_as_a_line_of_a_shell() {
    let mut model = first_run();
    type_text(&mut model, "one two");
    press(&mut model, &["ctrl-w"]);
    type_text(&mut model, "漢!");
    press(
        &mut model,
        &["ctrl-a", "right", "backspace", "ctrl-e", "left", "delete"],
    );
    assert_eq!(entrance(&model).server.text(), "ne 漢");
    let (_, cursor) = screen(&mut model, (60, 20));
    assert_eq!(cursor.map(|cursor| cursor.x), Some(3 + 5));
    press(&mut model, &["ctrl-c"]);
    assert!(entrance(&model).server.is_empty());
}
