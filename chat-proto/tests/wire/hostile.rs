//! Frames that somebody made to hurt: each is read as harmless or refused with one sentence.

use chat_proto::{Action, ErrorCode, Event, Meta, codec, limits};

/// The frame is refused as invalid, and the sentence has `words` in it.
fn refused(frame: &str, words: &str) {
    let error = match codec::decode_request(frame) {
        Err(error) => error,
        Ok(request) => panic!("{frame} was read as {request:?}"),
    };
    assert_eq!(error.refusal.code, ErrorCode::Invalid, "{frame}");
    assert!(
        error.refusal.message.contains(words),
        "{frame} gave: {}",
        error.refusal.message
    );
    assert!(error.refusal.message.len() <= 600, "{frame}");
}

fn publish(field: &str) -> String {
    format!(r#"{{"action":"publish","topic":"ben","text":"hi",{field}}}"#)
}

#[test]
fn d19_what_is_no_object_is_refused() {
    for frame in [
        "",
        "  ",
        "\u{feff}{}",
        "null",
        "true",
        "1",
        "NaN",
        "\"ping\"",
        "[\"ping\"]",
        "[]",
        "hi",
    ] {
        refused(frame, "JSON object");
    }
    for frame in [
        "{",
        "{\"action\"",
        "{\"action\":\"ping\"",
        "{\"action\":\"ping\",}",
        "{} {}",
        "{action:1}",
        "{'action':'ping'}",
    ] {
        refused(frame, "line 1 column");
    }
}

#[test]
fn d19_an_action_is_a_known_word() {
    refused("{}", "'action' is missing");
    refused(r#"{"action":null}"#, "'action' is missing");
    refused(r#"{"action":5}"#, "'action' must be a string");
    refused(r#"{"action":["ping"]}"#, "'action' must be a string");
    refused(r#"{"action":"Ping"}"#, "unknown action 'Ping'");
    refused(r#"{"action":"\u001b[2J"}"#, r"unknown action '\u{1b}[2J'");
    refused(
        &format!(r#"{{"action":"{}"}}"#, "x".repeat(10_000)),
        "unknown action 'xxx",
    );
}

#[test]
fn d19_a_field_twice_is_refused() {
    refused(
        r#"{"action":"ping","action":"ping"}"#,
        "duplicate field `action`",
    );
    refused(&publish(r#""topic":"cy""#), "duplicate field `topic`");
    refused(&publish(r#""message":"ho""#), "duplicate field `text`");
    refused(&publish(r#""id":"a","id":"b""#), "duplicate field `id`");
}

#[test]
fn d19_numbers_that_are_no_counts_are_refused() {
    for number in [
        "-1",
        "1.5",
        "1e3",
        "18446744073709551616",
        "1e400",
        "-0.0",
        "\"1\"",
        "[1]",
        "true",
    ] {
        refused(&publish(&format!(r#""reply_to":{number}"#)), "'reply_to'");
    }
    for number in ["NaN", "Infinity", "0x10", "01", "+1", "1.", ".5"] {
        refused(
            &publish(&format!(r#""reply_to":{number}"#)),
            "line 1 column",
        );
    }
}

#[test]
fn d19_half_a_surrogate_pair_is_refused() {
    for half in [r"\ud800", r"\udc00", r"\ud800\ud800", r"\ud83dx"] {
        let frame = format!(r#"{{"action":"publish","topic":"ben","text":"{half}","id":"a"}}"#);
        refused(&frame, "'text'");
        let error = codec::decode_request(&frame).expect_err("refused above");
        assert_eq!(error.id.expect("the id is told").as_str(), "a");
        assert!(Meta::parse(&format!(r#"{{"a":"{half}"}}"#)).is_err());
    }
}

#[test]
fn d19_raw_control_characters_in_a_string_are_refused() {
    refused(
        "{\"action\":\"publish\",\"topic\":\"ben\",\"text\":\"a\u{0}b\"}",
        "line 1 column",
    );
    refused(
        "{\"action\":\"publish\",\"topic\":\"ben\",\"text\":\"a\nb\"}",
        "line 1 column",
    );
}

#[test]
fn a_secret_of_a_wrong_type_is_not_repeated_in_the_error() {
    for wrong in ["20261121", "-20261121", "2026112.1", "[20261121]"] {
        let body = format!(r#"{{"name":"ann","password":{wrong}}}"#);
        let error = codec::decode_body::<chat_proto::api::LogIn>(body.as_bytes());
        let sentence = error.expect_err(&body).refusal.message;
        assert!(sentence.starts_with("'password'"), "{sentence}");
        assert!(!sentence.contains("2026"), "{sentence}");
        let frame = format!(r#"{{"action":"authenticate","token":{wrong}}}"#);
        let sentence = codec::decode_request(&frame)
            .expect_err(&frame)
            .refusal
            .message;
        assert!(
            sentence.contains("'token'") && !sentence.contains("2026"),
            "{sentence}"
        );
    }
}

#[test]
fn d19_depth_neither_overflows_the_stack_nor_is_carried_on() {
    let lists = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(60_000), "}".repeat(60_000));
    // Nobody looks into a field that nobody knows.
    for deep in [&lists, &objects] {
        assert!(codec::decode_request(&publish(&format!(r#""x":{deep}"#))).is_ok());
    }
    let nested = format!("{}{}", "[".repeat(100), "]".repeat(100));
    refused(&publish(&format!(r#""meta":{{"a":{nested}}}"#)), "'meta'");
    for deep in [&lists, &objects] {
        let error = codec::decode_request(&publish(&format!(r#""meta":{{"a":{deep}}}"#)));
        let code = error.map_err(|error| error.refusal.code);
        assert_eq!(code, Err(ErrorCode::TooLarge));
    }
    refused(&publish(&format!(r#""lang":{lists}"#)), "'lang'");
    refused(
        &format!(r#"{{"action":{lists}}}"#),
        "'action' must be a string",
    );
    refused(
        &format!(r#"{{"action":"presence","names":{lists}}}"#),
        "'names'",
    );
    refused(&"{\"a\":".repeat(100_000), "line 1 column");
}

#[test]
fn a_page_of_changes_inside_pages_of_changes_is_refused() {
    let open = r#"{"type":"changes","topic":"ann","more":false,"frames":["#;
    let frame = format!("{}{}", open.repeat(50_000), "]}".repeat(50_000));
    let error = codec::decode_event(&frame).expect_err("pages hold no pages");
    assert!(
        error.refusal.message.contains("no page of changes"),
        "{error}"
    );
}

#[test]
fn d19_an_id_that_could_be_read_comes_back_with_the_error() {
    let error = codec::decode_request(r#"{"action":"publish","id":"a 1"}"#).expect_err("no topic");
    assert_eq!(error.id.expect("an id").as_str(), "a 1");
    for id in ["\"\"", "5", "\"\\u0000\"", "\"é\"", "[]", "\"\\n\""] {
        refused(&publish(&format!(r#""id":{id}"#)), "'id'");
    }
    refused(&publish(&format!(r#""id":"{}""#, "i".repeat(65))), "'id'");
    assert_eq!(
        codec::decode_request(&publish(r#""id":null"#))
            .expect("as without")
            .id,
        None
    );
}

#[test]
fn d19_a_frame_above_the_limit_is_too_large_before_it_is_read() {
    let frame = format!("{{{}", "x".repeat(limits::FRAME_BYTES_MAX));
    let error = codec::decode_request(&frame).expect_err("too large");
    assert_eq!(error.refusal.code, ErrorCode::TooLarge);
    assert!(
        error
            .refusal
            .message
            .contains("524289 bytes, 524288 are allowed"),
        "{error}"
    );
}

#[test]
fn a10_a_forged_sender_has_no_effect() {
    let honest = codec::decode_request(&publish(r#""id":"a""#));
    for forged in [
        r#""from":"eve""#,
        r#""from":{"name":"eve"}"#,
        r#""seq":1,"rev":[],"sent_at":0"#,
    ] {
        assert_eq!(
            codec::decode_request(&publish(&format!(r#""id":"a",{forged}"#))),
            honest
        );
    }
}

#[test]
fn t01_frames_typed_by_hand_are_read() {
    for (frame, action) in [
        (r#"{"action":"subscribe","topic":"world"}"#, "subscribe"),
        (
            r#"{"action":"publish","topic":"world","message":"Hello world!"}"#,
            "publish",
        ),
        (
            " {\"topic\" : \"#World\",\n\t\"action\":\"unsubscribe\"}\n",
            "unsubscribe",
        ),
    ] {
        assert_eq!(
            codec::decode_request(frame).expect(frame).action.name(),
            action
        );
    }
    let typed = r#"{"action":"publish","topic":"world","message":"Hello world!"}"#;
    match codec::decode_request(typed).expect("a publish").action {
        Action::Publish(publish) => assert_eq!(publish.text, "Hello world!"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn d19_a_bad_word_is_told_with_its_field_and_its_rule() {
    for (frame, words) in [
        (
            r#"{"action":"typing","topic":"a b"}"#,
            "typing: 'topic': a name consists of a-z",
        ),
        (
            r#"{"action":"typing","topic":""}"#,
            "'topic': a name must not be empty",
        ),
        (
            "{\"topic\":\n \"_x\",\"action\":\"typing\"}",
            "'topic': a name begins with",
        ),
        (
            r#"{"action":"sync","topics":{"a b":1}}"#,
            "'topics': a name consists of",
        ),
        (
            r#"{"action":"presence","names":["ann",""]}"#,
            "'names': a name must not be empty",
        ),
        (
            r#"{"action":"status","state":"away","until":"soon"}"#,
            "'until': a time is written",
        ),
        (r#"{"action":"status","state":5}"#, "'state'"),
    ] {
        refused(frame, words);
    }
    refused(&publish(r#""kind":"A b""#), "'kind': a kind is 1 to 32");
    refused(&publish(r#""meta":[1]"#), "'meta' must be a JSON object");
}

#[test]
fn sigils_are_taken_wherever_names_are() {
    let frame = r##"{"action":"sync","topics":{"@ann":3,"ann":2,"#ops":7}}"##;
    match codec::decode_request(frame).expect("a sync").action {
        Action::Sync(sync) => {
            let revs: Vec<_> = sync
                .topics
                .iter()
                .map(|(name, rev)| (name.as_str(), rev.0))
                .collect();
            assert_eq!(revs, [("ann", 2), ("ops", 7)]);
        }
        other => panic!("{other:?}"),
    }
    assert!(codec::decode_request(r#"{"action":"presence","names":["@ann","ben"]}"#).is_ok());
    refused(r##"{"action":"presence","names":["#ops"]}"##, "'names'");
    refused(r#"{"action":"presence","names":["@@ann"]}"#, "'names'");
}

#[test]
fn an_event_that_is_none_is_refused() {
    for frame in [
        "",
        "[]",
        "{}",
        r#"{"type":5}"#,
        r#"{"type":"message"}"#,
        r#"{"type":"ack","seq":-1}"#,
    ] {
        let error = codec::decode_event(frame).expect_err(frame);
        assert!(!error.refusal.message.is_empty());
    }
}

#[test]
fn an_event_of_a_later_version_with_odd_fields_is_still_one() {
    for frame in [
        r#"{"type":"x","topic":5,"rev":"y"}"#,
        r#"{"type":"x","topic":"§","rev":-1}"#,
    ] {
        let event = codec::decode_event(frame).expect(frame);
        assert_eq!(event.log_place(), None);
        assert!(matches!(event, Event::Unknown(_)));
    }
}

#[test]
fn an_error_code_of_a_later_version_is_internal() {
    let event = codec::decode_event(r#"{"type":"error","code":"teapot","message":"m"}"#);
    match event.expect("an error") {
        Event::Error(error) => assert_eq!(error.code, ErrorCode::Internal),
        other => panic!("{other:?}"),
    }
}
