//! Every frame frozen as a file in `tests/golden`: a change of the wire is a visible diff.
//!
//! `UPDATE_GOLDEN=1` writes the files anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use chat_proto::codec;

use crate::samples;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The line in the file; it is written first if that was asked for.
fn frozen(name: &str, line: &str) -> String {
    let path = folder().join(format!("{name}.json"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, format!("{line}\n")).expect("the folder can be written");
    }
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_GOLDEN=1 makes it", path.display()));
    text.trim_end().to_owned()
}

#[test]
fn every_action_is_written_and_read_as_its_golden_file_says() {
    for (name, request) in samples::requests() {
        let line = frozen(&format!("action_{name}"), &codec::encode_request(&request));
        assert_eq!(codec::encode_request(&request), line, "{name}");
        assert_eq!(
            codec::decode_request(&line).as_ref(),
            Ok(&request),
            "{name}"
        );
    }
}

#[test]
fn every_event_is_written_and_read_as_its_golden_file_says() {
    for (name, event) in samples::events() {
        let line = frozen(&format!("event_{name}"), &codec::encode_event(&event));
        assert_eq!(codec::encode_event(&event), line, "{name}");
        assert_eq!(codec::decode_event(&line).as_ref(), Ok(&event), "{name}");
    }
}

#[test]
fn no_golden_file_is_left_without_its_frame() {
    let actions = samples::requests()
        .into_iter()
        .map(|(name, _)| format!("action_{name}.json"));
    let events = samples::events()
        .into_iter()
        .map(|(name, _)| format!("event_{name}.json"));
    let known: BTreeSet<String> = actions.chain(events).collect();
    let found: BTreeSet<String> = fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let strangers: Vec<_> = found.difference(&known).collect();
    assert!(
        strangers.is_empty(),
        "no frame has the name of {strangers:?}"
    );
}

#[test]
fn every_action_and_every_event_has_a_golden_file() {
    let actions: BTreeSet<&str> = samples::requests()
        .iter()
        .map(|(_, request)| request.action.name())
        .collect();
    assert_eq!(actions.len(), 13, "{actions:?}");
    let types: BTreeSet<String> = samples::events()
        .iter()
        .map(|(_, event)| {
            let json: serde_json::Value =
                serde_json::from_str(&codec::encode_event(event)).expect("JSON");
            json["type"].as_str().expect("a type").to_owned()
        })
        .collect();
    // The types known, and `poll`, which is of a later version.
    assert_eq!(types.len(), 18 + 1, "{types:?}");
}
