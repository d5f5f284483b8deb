//! Any model at any size: nothing panics, nothing hangs over an edge, and the cursor is on the screen.

use proptest::prelude::*;

use super::*;
use crate::app::model::composer::Composer;
use crate::app::model::entrance::Entrance;
use crate::app::model::picker::Picker;

/// Words that have broken screens before, and any others.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\u{1b}[2J\u{202e}x".to_owned()),
        Just("漢字漢字漢字漢字漢字漢字漢字".to_owned()),
        Just("👩\u{200d}💻 👨\u{200d}👩\u{200d}👧\u{200d}👦 🇩🇪 ❤\u{fe0f}".to_owned()),
        Just("مرحبا بالعالم لا".to_owned()),
        Just(format!("a{}", "\u{301}".repeat(200))),
        Just("x".repeat(3_000)),
        Just("a\tb\n\n```\nc".to_owned()),
        any::<String>(),
        "[a-z ]{0,90}",
    ]
}

fn conversation() -> impl Strategy<Value = Line> {
    let kind = prop_oneof![
        Just(ConversationKind::Direct),
        Just(ConversationKind::Group),
        Just(ConversationKind::Public),
    ];
    (
        "[a-z0-9][a-z0-9._-]{0,31}",
        kind,
        -9i64..99_999_999,
        words(),
        words(),
        0u64..2_000,
        0u64..200,
    )
        .prop_map(|(topic, kind, age, text, title, unread, mentions)| Line {
            title,
            unread,
            mentions,
            ..line(&topic, kind, age, &text)
        })
}

fn link() -> impl Strategy<Value = LinkState> {
    prop_oneof![
        Just(LinkState::Live),
        (words(), 0u64..99_999).prop_map(|(why, wait)| LinkState::Down {
            why,
            retry_in: Duration::from_millis(wait),
        }),
        words().prop_map(|why| LinkState::Ended { why }),
    ]
}

/// What lies over it: nothing, a list, the first run.
#[derive(Debug, Clone, Copy)]
enum Over {
    Nothing,
    Switcher,
    List,
    Help,
    Entrance,
}

fn over() -> impl Strategy<Value = Over> {
    prop_oneof![
        Just(Over::Nothing),
        Just(Over::Switcher),
        Just(Over::List),
        Just(Over::Help),
        Just(Over::Entrance),
    ]
}

fn build(lines: Vec<Line>, link: LinkState, draft: &str, query: &str, over: Over) -> Model {
    let mut model = model();
    model.contacts.open = lines.first().map(|line| line.topic.clone());
    model.people = lines
        .iter()
        .map(|line| person(line.topic.as_str(), &line.title))
        .collect();
    model.groups = lines
        .iter()
        .map(|line| public(line.topic.as_str(), &line.title, 3))
        .collect();
    // Half of them are only known to the server.
    let half = lines.len() / 2;
    model.contacts.put(lines.into_iter().take(half));
    model.contacts.beyond = half;
    model.link.0 = link;
    model.composer = Composer::with(draft);
    model.server = query.to_owned();
    model.remark = draft
        .contains('a')
        .then(|| (draft.to_owned(), Moment(200_000)));
    model.preferences.ascii = draft.len() % 2 == 1;
    let picker = Picker {
        query: query.to_owned(),
        chosen: draft.len(),
        ..Picker::default()
    };
    match over {
        Over::Nothing => {}
        Over::Switcher => model.overlay = Some(Overlay::Switcher(picker)),
        Over::List => model.overlay = Some(Overlay::List(picker)),
        Over::Help => model.overlay = Some(Overlay::Help(picker)),
        Over::Entrance => {
            let mut entrance = Entrance::new(None);
            entrance.server.insert(draft);
            entrance.complaint = Some(query.to_owned());
            model.entrance = Some(entrance);
        }
    }
    model
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn x08p_any_model_fits_any_size(
        size in (1u16..200, 1u16..60),
        lines in prop::collection::vec(conversation(), 0..40),
        link in link(),
        draft in words(),
        query in words(),
        over in over(),
    ) {
        let mut model = build(lines, link, &draft, &query, over);
        // Both check what they draw: each row has the width of the screen, and the cursor is on it.
        let (picture, _) = screen(&mut model, size);
        let acts = picture.contains(['\u{1b}', '\u{202e}']);
        prop_assert!(!acts, "{}", picture);
        prop_assert_eq!(picture.lines().count(), usize::from(size.1));
        let _ = crate::view::frame::hit(&model, size.0 / 3, size.1 / 2);
    }
}
