//! What a client keeps of each conversation and how it finds out what is missing: the receiver's half of a resume.

use std::collections::BTreeMap;

use chat_proto::action::{Changes, Sync};
use chat_proto::event::ChangesPage;
use chat_proto::{Action, Event, Message, Name, Rev, Topic};

/// The largest page of changes.
const PAGE: u64 = 1000;

/// What is known of one conversation.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// The last change of those without a hole before them.
    have: Rev,
    /// The last change that anybody spoke of.
    head: Rev,
    /// Whether a page was asked for and has not come.
    asked: bool,
}

/// What to do after an event.
#[derive(Debug, Default)]
pub struct Steps {
    /// Messages to show, in this order.
    pub show: Vec<Message>,
    /// What to ask for.
    pub ask: Option<Action>,
}

/// The state of a receiver; it outlives its connections.
#[derive(Debug, Default)]
pub struct Receiver {
    places: BTreeMap<Name, Place>,
}

impl Receiver {
    /// A receiver that has nothing of these conversations.
    #[must_use]
    pub fn new(topics: impl IntoIterator<Item = Name>) -> Self {
        let places = topics.into_iter().map(|topic| (topic, Place::default()));
        Self {
            places: places.collect(),
        }
    }

    /// What to say on a new connection.
    pub fn resume(&mut self) -> Action {
        for place in self.places.values_mut() {
            place.asked = false;
        }
        let have = |(topic, place): (&Name, &Place)| (topic.clone(), place.have);
        Action::Sync(Sync {
            epoch: None,
            topics: self.places.iter().map(have).collect(),
        })
    }

    /// The last change without a hole before it.
    #[must_use]
    pub fn has(&self, topic: &Name) -> Rev {
        self.places
            .get(topic)
            .map(|place| place.have)
            .unwrap_or_default()
    }

    /// Takes an event in.
    pub fn handle(&mut self, event: Event) -> Steps {
        match event {
            Event::Changes(page) => self.handle_page(page),
            Event::Gap(gap) => {
                let place = self.places.entry(gap.topic.clone()).or_default();
                place.head = place.head.max(gap.to_rev);
                self.ask(&gap.topic)
            }
            event => self.handle_frame(event),
        }
    }

    fn handle_frame(&mut self, event: Event) -> Steps {
        let Some((topic, rev)) = event.log_place() else {
            return Steps::default();
        };
        let topic = topic.clone();
        let place = self.places.entry(topic.clone()).or_default();
        place.head = place.head.max(rev);
        if rev <= place.have {
            return Steps::default();
        }
        if rev != place.have.next() {
            // The page that is asked for brings this one too.
            return self.ask(&topic);
        }
        place.have = rev;
        let mut steps = Steps::default();
        if let Event::Message(message) = event {
            steps.show.push(message);
        }
        steps
    }

    fn handle_page(&mut self, page: ChangesPage) -> Steps {
        let mut steps = Steps::default();
        for frame in page.frames {
            steps.show.extend(self.handle_frame(frame).show);
        }
        let place = self.places.entry(page.topic.clone()).or_default();
        place.asked = false;
        if page.more || place.head > place.have {
            steps.ask = self.ask(&page.topic).ask;
        }
        steps
    }

    fn ask(&mut self, topic: &Name) -> Steps {
        let place = self.places.entry(topic.clone()).or_default();
        let ask = (!place.asked).then(|| {
            Action::Changes(Changes {
                topic: Topic::from(topic.clone()),
                after: place.have,
                limit: Some(PAGE),
            })
        });
        place.asked = true;
        Steps {
            show: Vec::new(),
            ask,
        }
    }
}

/// What one connection has told of each conversation: without holes, unless it says so by a `gap`.
#[derive(Debug, Default)]
pub struct Told {
    last: BTreeMap<Name, Rev>,
}

impl Told {
    /// Takes an event of the connection in, and says what is wrong with it, if anything is.
    pub fn handle(&mut self, event: &Event) -> Option<String> {
        let (topic, rev) = match event {
            Event::Gap(gap) => (&gap.topic, gap.to_rev),
            event => event.log_place()?,
        };
        let before = self.last.insert(topic.clone(), rev)?;
        let told = matches!(event, Event::Gap(_)) || rev == before.next();
        (!told).then(|| format!("{topic} goes from {before} to {rev}, and there is no gap"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_on_a_connection_is_seen() {
        let mut told = Told::default();
        for rev in [4, 5, 6] {
            assert_eq!(told.handle(&message(rev)), None);
        }
        assert!(told.handle(&message(8)).is_some());
        assert!(told.handle(&message(8)).is_some(), "twice");
    }

    fn message(rev: u64) -> Event {
        let json = format!(
            r#"{{"type":"message","topic":"ops","seq":{rev},"rev":{rev},"id":"{rev}","from":{{"name":"ann","display_name":"Ann"}},"sent_at":"2026-11-21T08:15:30Z","text":"{rev}"}}"#
        );
        chat_proto::codec::decode_event(&json).expect("a message")
    }

    fn page(revs: &[u64], more: bool) -> Event {
        Event::Changes(ChangesPage {
            id: None,
            topic: Name::parse("ops").expect("a name"),
            frames: revs.iter().map(|rev| message(*rev)).collect(),
            more,
        })
    }

    fn shown(steps: &Steps) -> Vec<u64> {
        steps.show.iter().map(|message| message.rev.0).collect()
    }

    #[test]
    fn what_is_next_is_shown_and_what_came_before_is_skipped() {
        let mut receiver = Receiver::default();
        assert_eq!(shown(&receiver.handle(message(1))), [1]);
        assert_eq!(shown(&receiver.handle(message(1))), [0; 0]);
        assert_eq!(shown(&receiver.handle(message(2))), [2]);
    }

    #[test]
    fn a_hole_is_asked_for_once_and_filled_page_by_page() {
        let mut receiver = Receiver::default();
        assert!(receiver.handle(message(4)).ask.is_some());
        assert!(receiver.handle(message(5)).ask.is_none());
        let steps = receiver.handle(page(&[1, 2, 3], true));
        assert_eq!(shown(&steps), [1, 2, 3]);
        assert!(steps.ask.is_some());
        let steps = receiver.handle(page(&[4, 5], false));
        assert_eq!(shown(&steps), [4, 5]);
        assert!(steps.ask.is_none());
    }

    #[test]
    fn what_came_while_a_page_was_under_way_is_asked_for_again() {
        let mut receiver = Receiver::default();
        receiver.handle(message(2));
        receiver.handle(message(3));
        assert!(receiver.handle(page(&[1, 2], false)).ask.is_some());
    }
}
