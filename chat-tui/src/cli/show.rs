//! Messages as lines of text for people: `2026-11-21 08:15 #ops ann: text`, harmless whatever they hold.

use std::collections::BTreeMap;

use chat_proto::{Conversation, ConversationKind, Event, Message, Name, Safe, Sigil, Time, codec};

use super::exit::Failure;
use super::out::Out;

/// Writes messages as lines.
pub(super) struct Lines {
    zone: jiff::tz::TimeZone,
    me: Option<Name>,
    sigils: BTreeMap<Name, Sigil>,
}

impl Lines {
    /// Lines for `me`, with times in the zone of this machine.
    pub(super) fn new(me: Option<Name>) -> Self {
        Self {
            zone: crate::clock::zone(),
            me,
            sigils: BTreeMap::new(),
        }
    }

    /// `topic` is a person or a group.
    pub(super) fn learn(&mut self, topic: &Name, sigil: Sigil) {
        self.sigils.insert(topic.clone(), sigil);
    }

    /// What a list of conversations says of it.
    pub(super) fn learn_all(&mut self, conversations: &[Conversation]) {
        for conversation in conversations {
            self.learn(&conversation.topic, sigil_of(conversation.kind));
        }
    }

    /// A message shows of what kind its conversation is: in one with a person only that person and I write.
    pub(super) fn learn_from(&mut self, message: &Message) {
        if self.sigils.contains_key(&message.topic) || self.me.as_ref() == Some(&message.from.name)
        {
            return;
        }
        let sigil = match message.from.name == message.topic {
            true => Sigil::Person,
            false => Sigil::Group,
        };
        self.learn(&message.topic, sigil);
    }

    /// Prints a message: as on the socket with `--json`, else as a line.
    ///
    /// # Errors
    /// As [`Out::line`].
    pub(super) fn print(&self, out: Out, message: &Message) -> Result<(), Failure> {
        match out.json {
            true => out.json_line(&as_on_the_socket(message)),
            false => out.line(&self.line(message)),
        }
    }

    fn line(&self, message: &Message) -> String {
        let time = self.time(message.sent_at);
        let topic = self.topic(&message.topic);
        format!("{time} {topic} {}", said(message))
    }

    /// A conversation's address with its sigil, where that is known.
    pub(super) fn topic(&self, topic: &Name) -> String {
        match self.sigils.get(topic) {
            Some(Sigil::Person) => format!("@{topic}"),
            Some(Sigil::Group) => format!("#{topic}"),
            None => topic.to_string(),
        }
    }

    /// The time of a message on this machine's wall.
    pub(super) fn time(&self, time: Time) -> String {
        jiff::Timestamp::from_microsecond(time.micros())
            .map(|stamp| stamp.to_zoned(self.zone.clone()))
            .map_or_else(
                |_| time.to_string(),
                |zoned| zoned.strftime("%Y-%m-%d %H:%M").to_string(),
            )
    }
}

/// Who said what. Lines after the first are set in, so that a text cannot pass for a message of somebody else.
pub(super) fn said(message: &Message) -> String {
    let from = &message.from.name;
    match message.deleted {
        true => format!("{from} (deleted)"),
        false => format!(
            "{from}: {}",
            Safe::lines(&message.text).as_str().replace('\n', "\n    ")
        ),
    }
}

/// The frame that carries a message.
pub(super) fn as_on_the_socket(message: &Message) -> String {
    codec::encode_event(&Event::Message(message.clone()))
}

/// The sigil of a kind of conversation.
pub(super) const fn sigil_of(kind: ConversationKind) -> Sigil {
    match kind {
        ConversationKind::Direct => Sigil::Person,
        ConversationKind::Group | ConversationKind::Public => Sigil::Group,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        let json = serde_json::json!({
            "type": "message", "topic": "ops", "seq": 1, "rev": 1, "id": "m",
            "from": {"name": "ann", "display_name": "Ann"},
            "sent_at": "2026-11-21T08:15:30Z", "text": text,
        });
        match codec::decode_event(&json.to_string()) {
            Ok(Event::Message(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    fn lines() -> Lines {
        Lines {
            zone: jiff::tz::TimeZone::UTC,
            me: None,
            sigils: BTreeMap::new(),
        }
    }

    #[test]
    fn a_message_is_a_line() {
        let mut lines = lines();
        let message = message("hello");
        lines.learn_from(&message);
        assert_eq!(lines.line(&message), "2026-11-21 08:15 #ops ann: hello");
    }

    #[test]
    fn s04_a_text_neither_acts_on_the_terminal_nor_passes_for_another_message() {
        let shown = lines().line(&message(
            "\u{1b}]0;x\u{7}a\n2026-11-21 08:15 #ops boss: pay\u{202e}",
        ));
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown}");
        assert!(shown.lines().skip(1).all(|line| line.starts_with("    ")));
    }

    #[test]
    fn k03_json_is_the_frame_as_on_the_socket() {
        assert_eq!(
            as_on_the_socket(&message("hi")),
            r#"{"type":"message","topic":"ops","seq":1,"rev":1,"id":"m","from":{"name":"ann","display_name":"Ann"},"sent_at":"2026-11-21T08:15:30.000000Z","text":"hi"}"#
        );
    }
}
