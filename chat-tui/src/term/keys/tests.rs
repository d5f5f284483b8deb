//! What terminals send, and what it means.

use crossterm::event::{KeyCode, KeyModifiers, MouseEventKind};
use proptest::prelude::*;

use super::super::event::{Answer, Event};
use super::{Parser, key, pasted};

fn keys(bytes: &[u8]) -> Vec<Event> {
    let mut parser = Parser::default();
    let mut events = parser.feed(bytes);
    events.extend(parser.settle());
    events
}

#[track_caller]
fn one(bytes: &[u8], code: KeyCode, modifiers: KeyModifiers) {
    assert_eq!(keys(bytes), [key(code, modifiers)], "{bytes:?}");
}

#[test]
fn keys_are_what_terminals_send_for_them() {
    let (none, shift) = (KeyModifiers::NONE, KeyModifiers::SHIFT);
    let (control, alt) = (KeyModifiers::CONTROL, KeyModifiers::ALT);
    one(b"a", KeyCode::Char('a'), none);
    one(b"A", KeyCode::Char('A'), shift);
    one("é".as_bytes(), KeyCode::Char('é'), none);
    one("🙂".as_bytes(), KeyCode::Char('🙂'), none);
    one(b"\r", KeyCode::Enter, none);
    one(b"\n", KeyCode::Char('j'), control);
    one(b"\x1a", KeyCode::Char('z'), control);
    one(b"\x1f", KeyCode::Char('_'), control);
    one(b"\0", KeyCode::Char(' '), control);
    one(b"\x7f", KeyCode::Backspace, none);
    one(b"\x1b", KeyCode::Esc, none);
    one(b"\x1ba", KeyCode::Char('a'), alt);
    one(b"\x1bA", KeyCode::Char('A'), alt | shift);
    one(b"\x1b\r", KeyCode::Enter, alt);
    one(b"\x1b[", KeyCode::Char('['), alt);
    one(b"\x1b]", KeyCode::Char(']'), alt);
    one(b"\x1bO", KeyCode::Char('O'), alt | shift);
    one(b"\x1b[A", KeyCode::Up, none);
    one(b"\x1bOA", KeyCode::Up, none);
    one(b"\x1b[1;5D", KeyCode::Left, control);
    one(b"\x1b[1;3P", KeyCode::F(1), alt);
    one(b"\x1bOR", KeyCode::F(3), none);
    one(b"\x1b[[C", KeyCode::F(3), none);
    one(b"\x1b[24~", KeyCode::F(12), none);
    one(b"\x1b[5;5~", KeyCode::PageUp, control);
    one(b"\x1b[Z", KeyCode::BackTab, shift);
    one(b"\x1b\x1b[B", KeyCode::Down, alt);
}

#[test]
fn keys_of_the_newer_protocols_are_told_apart() {
    let (shift, control) = (KeyModifiers::SHIFT, KeyModifiers::CONTROL);
    one(b"\x1b[13;2u", KeyCode::Enter, shift);
    one(b"\x1b[27;2;13~", KeyCode::Enter, shift);
    one(b"\x1b[107;5u", KeyCode::Char('k'), control);
    one(b"\x1b[27u", KeyCode::Esc, KeyModifiers::NONE);
    one(b"\x1b[45:95;6u", KeyCode::Char('_'), control);
    one(
        b"\x1b[97:65;4u",
        KeyCode::Char('A'),
        shift | KeyModifiers::ALT,
    );
    one(b"\x1b[57404u", KeyCode::Char('5'), KeyModifiers::NONE);
    assert_eq!(keys(b"\x1b[97;1:3u\x1b[1;1:3A"), []);
    one(b"\x1b[97;1:2u", KeyCode::Char('a'), KeyModifiers::NONE);
}

#[test]
fn a_paste_is_one_event_whatever_is_in_it() {
    let bytes = b"\x1b[200~one\rtwo\r\n\x1b[A\x1b]0;x\x07\x1b[20\x1b[201~z";
    let pasted = Event::Paste("one\ntwo\n\x1b[A\x1b]0;x\x07\x1b[20".into());
    let z = key(KeyCode::Char('z'), KeyModifiers::NONE);
    assert_eq!(keys(bytes), [pasted, z]);
}

#[test]
fn a_paste_that_is_too_long_comes_in_pieces_and_nothing_is_lost() {
    let text = "ü".repeat(super::PASTE_BYTES_MAX);
    let mut parser = Parser::default();
    let mut events = parser.feed(b"\x1b[200~");
    for part in text.as_bytes().chunks(4095) {
        events.extend(parser.feed(part));
    }
    events.extend(parser.feed(b"\x1b[201~"));
    assert!(events.len() > 1);
    let mut whole = String::new();
    for event in events {
        let Event::Paste(piece) = event else {
            panic!("{event:?}")
        };
        whole += &piece;
    }
    assert!(whole == text);
}

#[test]
fn answers_are_no_keys() {
    assert_eq!(
        keys(b"\x1b[?69;2$y"),
        [Event::Answer(Answer::Margins(true))]
    );
    assert_eq!(
        keys(b"\x1b[?69;0$y"),
        [Event::Answer(Answer::Margins(false))]
    );
    let white = || Event::Answer(Answer::Background(255, 255, 255));
    assert_eq!(keys(b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\"), [white()]);
    assert_eq!(keys(b"\x1b]11;rgb:ff/ff/ff\x07"), [white()]);
    // Never asked for, but somebody else may have.
    assert_eq!(
        keys(b"\x1b[?62;22c\x1b[12;40R\x1bP>|xterm(388)\x1b\\\x1b[?2026;2$y"),
        []
    );
}

#[test]
fn the_mouse_clicks_and_scrolls() {
    let kind = |bytes: &[u8]| match keys(bytes).as_slice() {
        [Event::Mouse(mouse)] => (mouse.kind, mouse.column, mouse.row),
        other => panic!("{other:?}"),
    };
    assert_eq!(kind(b"\x1b[<64;300;2M"), (MouseEventKind::ScrollUp, 299, 1));
    assert_eq!(keys(b"\x1b[M !!"), []);
    assert_eq!(
        keys(b"\x1b[I\x1b[O"),
        [Event::Focus(true), Event::Focus(false)]
    );
}

#[test]
fn a_sequence_inside_of_another_is_read() {
    one(b"\x1b[12\x1b[A", KeyCode::Up, KeyModifiers::NONE);
    assert_eq!(
        keys(&[b"\x1b[".as_slice(), &[b'1'; 5000], b"z"].concat()),
        []
    );
}

proptest! {
    #[test]
    fn bytes_torn_anywhere_mean_the_same(
        parts in prop::collection::vec(prop_oneof![
            Just(b"a".to_vec()),
            Just("é🙂".as_bytes().to_vec()),
            Just(b"\x1b[1;5D".to_vec()),
            Just(b"\x1bOP".to_vec()),
            Just(b"\x1b[200~x\x1b[Ay\x1b[201~".to_vec()),
            Just(b"\x1b]11;rgb:00/00/00\x1b\\".to_vec()),
            Just(b"\x1b[?69;2$y".to_vec()),
            Just(b"\x1b[<0;1;1M".to_vec()),
        ], 0..12),
        cut in 1..9_usize,
    ) {
        let bytes = parts.concat();
        let mut parser = Parser::default();
        let torn: Vec<Event> = bytes.chunks(cut).flat_map(|part| parser.feed(part)).collect();
        prop_assert_eq!(torn, keys(&bytes));
    }

    #[test]
    fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut parser = Parser::default();
        parser.feed(&bytes);
        parser.settle();
        prop_assert!(!parser.unfinished());
    }
}

#[test]
fn a_paste_keeps_what_no_character_is_as_a_mark() {
    assert_eq!(pasted(b"a\xffb"), Event::Paste("a\u{fffd}b".into()));
}
