//! What is written is read as the same, whatever is in it; and what is damaged is refused with a sentence.

use std::collections::BTreeMap;

use chat_proto::event::{ChangesPage, Event};
use chat_proto::{ErrorCode, codec};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::arbitrary::{events, names, requests, revs, words};
use crate::samples;

/// A field that nobody knows, put first into an object.
fn with_a_stranger(frame: &str) -> String {
    frame.replacen('{', r#"{"x-later":{"deep":[1,{"topic":7}]},"#, 1)
}

proptest! {
    #[test]
    fn a_request_is_read_as_it_was_written(request in requests()) {
        let frame = codec::encode_request(&request);
        prop_assert!(!frame.contains('\n'));
        prop_assert_eq!(codec::decode_request(&frame), Ok(request));
    }

    #[test]
    fn an_event_is_read_as_it_was_written(event in events()) {
        let frame = codec::encode_event(&event);
        prop_assert!(!frame.contains('\n'));
        prop_assert_eq!(codec::decode_event(&frame), Ok(event));
    }

    #[test]
    fn a_field_that_is_not_known_is_passed_over(request in requests(), event in events()) {
        let frame = with_a_stranger(&codec::encode_request(&request));
        prop_assert_eq!(codec::decode_request(&frame), Ok(request));
        let frame = with_a_stranger(&codec::encode_event(&event));
        prop_assert_eq!(codec::decode_event(&frame), Ok(event));
    }

    #[test]
    fn an_event_of_a_later_version_keeps_its_place_and_its_words(
        kind in "x[a-z]{1,10}", topic in names(), rev in revs(), text in words(),
    ) {
        let frame = serde_json::json!({"type": kind, "topic": topic, "rev": rev, "text": text}).to_string();
        let event = codec::decode_event(&frame).expect("an unknown type is an event");
        prop_assert_eq!(event.log_place(), Some((&topic, rev)));
        prop_assert_eq!(codec::encode_event(&event), frame.clone());
        let page = Event::Changes(ChangesPage { id: None, topic, frames: vec![event], more: false });
        prop_assert!(codec::encode_event(&page).contains(&frame));
        prop_assert_eq!(codec::decode_event(&codec::encode_event(&page)), Ok(page));
    }

    #[test]
    fn d19_no_text_makes_the_reader_panic(text in any::<String>()) {
        for frame in [text.clone(), format!("{{{text}}}"), format!("{{\"action\":{text}}}")] {
            let _ = codec::decode_request(&frame);
            let _ = codec::decode_event(&frame);
        }
    }

    #[test]
    fn d19_no_bytes_make_the_reader_of_bodies_panic(body in vec(any::<u8>(), 0..200)) {
        let _ = codec::decode_body::<chat_proto::api::NewMessage>(&body);
    }

    #[test]
    fn d19_a_frame_cut_short_is_refused_with_a_sentence(request in requests(), at in any::<prop::sample::Index>()) {
        let frame = codec::encode_request(&request);
        let mut cut = at.index(frame.len());
        while !frame.is_char_boundary(cut) {
            cut -= 1;
        }
        let error = codec::decode_request(&frame[..cut]).expect_err("it is no object any more");
        prop_assert_eq!(error.refusal.code, ErrorCode::Invalid);
        prop_assert!(error.refusal.message.contains("line 1") || error.refusal.message.contains("nothing"));
    }

    #[test]
    fn d19_a_frame_with_a_damaged_byte_is_read_or_refused_with_a_printable_sentence(
        request in requests(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = codec::encode_request(&request).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Err(error) = codec::decode_request(&String::from_utf8_lossy(&bytes)) {
            prop_assert!(error.refusal.message.len() > 10);
            prop_assert!(error.refusal.message.bytes().all(|b| (b' '..=b'~').contains(&b)));
        }
    }
}

/// Values of a wrong type for any field.
fn wrong_values() -> Vec<serde_json::Value> {
    vec![
        serde_json::json!([[]]),
        serde_json::json!({"a": {"b": []}}),
        serde_json::json!(-1.5),
    ]
}

#[test]
fn d19_a_wrong_or_missing_field_is_named() {
    for (name, request) in samples::requests() {
        let frame: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(&codec::encode_request(&request)).expect("an object");
        // `meta` may hold any object, so its values say nothing here.
        for field in frame.keys().filter(|field| *field != "meta") {
            for wrong in wrong_values() {
                let mut frame = frame.clone();
                frame.insert(field.clone(), wrong);
                refused_naming(field, &serde_json::to_string(&frame).expect("JSON"), name);
            }
            let mut frame = frame.clone();
            frame.remove(field);
            let text = serde_json::to_string(&frame).expect("JSON");
            if codec::decode_request(&text).is_err() {
                refused_naming(field, &text, name);
            }
        }
    }
}

fn refused_naming(field: &str, frame: &str, name: &str) {
    let error = codec::decode_request(frame).expect_err(frame);
    assert_eq!(error.refusal.code, ErrorCode::Invalid, "{name}");
    let sentence = &error.refusal.message;
    assert!(
        sentence.contains(&format!("'{field}'")) || sentence.contains(&format!("`{field}`")),
        "{name}: {frame} gave: {sentence}"
    );
}
