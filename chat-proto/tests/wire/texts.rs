//! What a text may hold, and that what is shown is harmless, whatever came.

use chat_proto::text::{Safe, TextError, check_text, clean_text, valid_display_name};
use proptest::prelude::*;

/// Format characters (Cf) of Unicode 16, without the two joiners: written down apart from the code under test.
const FORMAT: [(u32, u32); 19] = [
    (0xad, 0xad),
    (0x600, 0x605),
    (0x61c, 0x61c),
    (0x6dd, 0x6dd),
    (0x70f, 0x70f),
    (0x890, 0x891),
    (0x8e2, 0x8e2),
    (0x180e, 0x180e),
    (0x200b, 0x200b),
    (0x200e, 0x200f),
    (0x202a, 0x202e),
    (0x2060, 0x206f),
    (0xfeff, 0xfeff),
    (0xfff9, 0xfffb),
    (0x110bd, 0x110cd),
    (0x13430, 0x1343f),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0001, 0xe007f),
];

fn format_character(c: char) -> bool {
    // U+110BE to U+110CC lie between two of them and are letters and signs.
    let c = u32::from(c);
    !(0x110be..=0x110cc).contains(&c) && FORMAT.iter().any(|&(low, high)| (low..=high).contains(&c))
}

fn joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

fn control_but(c: char, allowed: &[char]) -> bool {
    c.is_control() && !allowed.contains(&c)
}

/// Joiners stand between two characters that are neither ASCII nor white space nor joiners.
fn joiners_join(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let joinable = |c: &char| !c.is_ascii() && !c.is_whitespace() && !joiner(*c);
    chars
        .iter()
        .enumerate()
        .filter(|(_, c)| joiner(**c))
        .all(|(at, _)| {
            at > 0 && joinable(&chars[at - 1]) && chars.get(at + 1).is_some_and(joinable)
        })
}

/// Text with many of the characters that matter.
fn texts() -> impl Strategy<Value = String> {
    let odd = prop_oneof![
        proptest::char::range('\0', '\u{9f}'),
        Just('\u{200d}'),
        Just('\u{200c}'),
        proptest::char::range('\u{2000}', '\u{206f}'),
        proptest::char::range('\u{600}', '\u{6ff}'),
        proptest::char::range('\u{e0000}', '\u{e007f}'),
        proptest::sample::select(vec![
            '👩', '💻', '🏽', '\u{fe0f}', '❤', 'ක', '්', '\r', '\n', 'é', 'a', ' '
        ]),
        any::<char>(),
    ];
    proptest::collection::vec(odd, 0..40).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn s04_what_is_shown_holds_nothing_that_acts(text in texts()) {
        let lines = Safe::lines(&text).as_str().to_owned();
        let line = Safe::line(&text).as_str().to_owned();
        for (shown, allowed) in [(&lines, &['\n', '\t'][..]), (&line, &[][..])] {
            prop_assert!(!shown.chars().any(|c| control_but(c, allowed)), "{:?}", shown);
            prop_assert!(!shown.chars().any(format_character), "{:?}", shown);
            prop_assert!(joiners_join(shown), "{:?}", shown);
        }
    }

    #[test]
    fn s04_what_is_shown_is_shown_again_as_it_is(text in texts()) {
        let lines = Safe::lines(&text).as_str().to_owned();
        prop_assert_eq!(Safe::lines(&lines).to_string(), lines);
        let line = Safe::line(&text).as_str().to_owned();
        prop_assert_eq!(Safe::line(&line).to_string(), line);
    }

    #[test]
    fn a_cleaned_text_is_accepted_and_stays(text in texts()) {
        let clean = clean_text(&text).into_owned();
        match check_text(&clean) {
            Ok(checked) => prop_assert_eq!(&*checked, &clean),
            Err(error) => prop_assert_eq!(error, TextError::Empty),
        }
        prop_assert_eq!(&*clean_text(&clean), &clean);
    }

    #[test]
    fn an_accepted_text_is_shown_as_it_is(text in texts()) {
        if let Ok(checked) = check_text(&text) {
            let shown = Safe::lines(&checked);
            prop_assert_eq!(shown.as_str(), &*checked);
            prop_assert_eq!(&*clean_text(&text), &*checked);
        }
    }

    #[test]
    fn an_accepted_display_name_is_one_line_of_visible_characters(name in texts()) {
        if valid_display_name(&name) {
            prop_assert!(!name.chars().any(|c| c.is_control() || format_character(c) || joiner(c)));
            prop_assert!((1..=64).contains(&name.chars().count()));
        }
    }
}

#[test]
fn every_control_and_format_character_is_refused_and_shown_as_an_escape() {
    for c in ('\0'..=char::MAX).filter(|&c| control_but(c, &['\n', '\t']) || format_character(c)) {
        let text = format!("a{c}b");
        assert_eq!(
            check_text(&text),
            Err(TextError::Forbidden {
                character: c,
                at: 1
            }),
            "{text:?}"
        );
        assert_eq!(clean_text(&text), if c == '\r' { "a\nb" } else { "ab" });
        assert_eq!(
            Safe::lines(&text).as_str(),
            format!("a{}b", c.escape_default())
        );
    }
}

#[test]
fn a_text_is_measured_in_bytes_of_utf_8() {
    let most = "é".repeat(32_768);
    assert!(check_text(&most).is_ok());
    let bytes = 65_537;
    assert_eq!(
        check_text(&format!("{most}x")),
        Err(TextError::TooLarge {
            bytes,
            bytes_max: 65_536
        })
    );
}
