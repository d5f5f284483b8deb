//! Changes that came too early, in order, with their weight.

use std::collections::BTreeMap;

use chat_proto::{Event, Rev};

/// What a change weighs besides its text.
const FRAME_BYTES: usize = 256;

/// Changes by their place in the log.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    frames: BTreeMap<Rev, Event>,
    bytes: usize,
}

impl Held {
    /// About how many bytes of memory this is.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The lowest one.
    pub(super) fn first(&self) -> Option<Rev> {
        self.frames.first_key_value().map(|(rev, _)| *rev)
    }

    /// Keeps a change; the first of two with the same number stays.
    pub(super) fn put(&mut self, rev: Rev, event: Event) {
        let bytes = weight(&event);
        let before = self.frames.len();
        self.frames.entry(rev).or_insert(event);
        if self.frames.len() > before {
            self.bytes += bytes;
        }
    }

    /// Hands a change out.
    pub(super) fn take(&mut self, rev: Rev) -> Option<Event> {
        let event = self.frames.remove(&rev)?;
        self.bytes -= weight(&event);
        Some(event)
    }
}

fn weight(event: &Event) -> usize {
    FRAME_BYTES
        + match event {
            Event::Message(message) => message.text.len(),
            Event::Unknown(unknown) => unknown.json.len(),
            Event::Group(group) => group.description.as_ref().map_or(0, String::len),
            _ => 0,
        }
}
