//! Names, topics, ids, times and `meta`: what is one, what is none, and that text and value agree.

use chat_proto::id::RESERVED_NAMES;
use chat_proto::meta::MetaError;
use chat_proto::{MessageId, Meta, Name, SessionId, Sigil, Time, Topic};
use proptest::prelude::*;

/// The rule of names, written down apart from the code under test.
fn valid(name: &str) -> bool {
    let mut bytes = name.bytes();
    let letter = |b: u8| b.is_ascii_alphanumeric();
    bytes.next().is_some_and(letter)
        && bytes.all(|b| letter(b) || matches!(b, b'.' | b'_' | b'-'))
        && name.len() <= 32
}

proptest! {
    #[test]
    fn a_name_is_what_the_rule_says(text in prop_oneof![any::<String>(), "[@#]?[A-Za-z0-9._-]{0,40}"]) {
        prop_assert_eq!(Name::parse(&text).is_ok(), valid(&text));
        if let Ok(name) = Name::parse(&text) {
            prop_assert_eq!(name.as_str(), text.to_ascii_lowercase());
            prop_assert_eq!(Name::parse(name.as_str()), Ok(name));
        }
    }

    #[test]
    fn a_topic_is_a_name_with_or_without_a_sigil(text in prop_oneof![any::<String>(), "[@#]{0,2}[A-Za-z0-9._-]{0,40}"]) {
        let bare = text.strip_prefix(['@', '#']).unwrap_or(&text);
        match Topic::parse(&text) {
            Ok(topic) => {
                prop_assert_eq!(topic.sigil.is_some(), bare.len() < text.len());
                prop_assert_eq!(topic.to_string(), text.to_ascii_lowercase());
                prop_assert_eq!(Topic::parse(&topic.to_string()), Ok(topic));
            }
            Err(_) => prop_assert!(!valid(bare)),
        }
    }

    #[test]
    fn an_id_is_printable_ascii(text in prop_oneof![any::<String>(), "[ -~]{0,70}"]) {
        let fits = (1..=64).contains(&text.len()) && text.chars().all(|c| (' '..='~').contains(&c));
        prop_assert_eq!(MessageId::parse(&text).is_ok(), fits);
    }

    #[test]
    fn a_session_is_named_by_an_id_of_ours(text in any::<String>()) {
        let id = SessionId::generate();
        prop_assert_eq!(SessionId::parse(&format!("{id}{text}")).is_some(), text.is_empty());
        prop_assert_eq!(SessionId::parse(id.as_str()), Some(id));
    }

    #[test]
    fn d17_a_time_is_read_as_it_was_written(micros in any::<i64>()) {
        let time = Time::from_micros(micros);
        prop_assert_eq!(Time::parse(&time.to_string()), Ok(time));
        prop_assert!(time.to_string().ends_with('Z'));
    }

    #[test]
    fn times_are_written_in_their_order(a in any::<i64>(), b in any::<i64>()) {
        let (a, b) = (Time::from_micros(a), Time::from_micros(b));
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }

    #[test]
    fn meta_is_compact_json_with_the_same_meaning(text in any::<String>(), number in any::<f64>()) {
        let value = serde_json::json!({"a \t": text, "n": number, "l": [text, {}]});
        let pretty = format!("{value:#}");
        match Meta::parse(&pretty) {
            Ok(meta) => {
                prop_assert_eq!(meta.as_str(), value.to_string());
                prop_assert_eq!(Meta::parse(meta.as_str()), Ok(meta));
            }
            Err(error) => prop_assert_eq!(error, MetaError::TooLarge),
        }
    }

    #[test]
    fn no_text_makes_meta_panic_or_hold_what_is_no_object(text in prop_oneof![any::<String>(), "[\\{\\}\\[\\]\":, a1\\\\]{0,30}"]) {
        for json in [text.clone(), format!("{{\"a\":{text}}}")] {
            if let Ok(meta) = Meta::parse(&json) {
                let before: serde_json::Value = serde_json::from_str(&json).expect("it was JSON before");
                let after: serde_json::Value = serde_json::from_str(meta.as_str()).expect("and it is");
                prop_assert!(after.is_object());
                prop_assert_eq!(before, after);
            }
        }
    }
}

#[test]
fn sigils_say_the_kind() {
    for (text, sigil) in [
        ("ann", None),
        ("@ann", Some(Sigil::Person)),
        ("#Ann", Some(Sigil::Group)),
    ] {
        let topic = Topic::parse(text).expect(text);
        assert_eq!((topic.name.as_str(), topic.sigil), ("ann", sigil));
    }
}

#[test]
fn words_of_commands_are_reserved() {
    for word in RESERVED_NAMES {
        assert!(Name::parse(&word.to_uppercase()).expect(word).reserved());
    }
    assert!(!Name::parse("ann").expect("a name").reserved());
}

#[test]
fn a_made_id_is_a_uuid_and_never_the_same() {
    let (a, b) = (MessageId::generate(), MessageId::generate());
    assert_ne!(a, b);
    assert_eq!(a.as_str().len(), 36);
}

#[test]
fn meta_keeps_digits_and_the_order_of_keys() {
    let meta =
        Meta::parse("{ \"z\" : 1.50 , \"a\" : 12345678901234567890123 }").expect("an object");
    assert_eq!(meta.as_str(), r#"{"z":1.50,"a":12345678901234567890123}"#);
}

#[test]
fn meta_is_one_object_within_its_limits() {
    for none in [
        "",
        "[]",
        "1",
        "{} {}",
        "{\"a\":1 2}",
        "{\"a\":tr ue}",
        "{\"a\":1e999}",
        "{\"a\":NaN}",
    ] {
        assert_eq!(Meta::parse(none), Err(MetaError::NotAnObject), "{none}");
    }
    let of = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(Meta::parse(&of(31)).is_ok());
    assert_eq!(Meta::parse(&of(32)), Err(MetaError::TooDeep));
    let long = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    assert!(Meta::parse(&long(2048)).is_ok());
    assert_eq!(Meta::parse(&long(2049)), Err(MetaError::TooLarge));
}
