//! Joining a public topic and leaving a group by one's own wish. The id of the request says by itself what was asked,
//! so nothing has to be kept until the answer comes.

use chat_proto::action::OnTopic;
use chat_proto::{Action, ConversationKind, MessageId, Name, Request};

use super::News;
use super::run::Agent;
use crate::client::copy::Line;

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    Join(Name),
    Leave(Name),
}

impl Wish {
    /// What the request with this id asked, if it was one of these.
    pub(super) fn of(id: &MessageId) -> Option<Self> {
        let (what, topic) = id.as_str().split_once('-')?;
        let topic = Name::parse(topic).ok()?;
        match what {
            "join" => Some(Self::Join(topic)),
            "leave" => Some(Self::Leave(topic)),
            _ => None,
        }
    }

    fn request(self) -> Request {
        let (what, topic) = match &self {
            Self::Join(topic) => ("join", topic),
            Self::Leave(topic) => ("leave", topic),
        };
        // A name is printable and short, so it parses.
        let id = MessageId::parse(&format!("{what}-{topic}"));
        let id = id.unwrap_or_else(|_| MessageId::generate());
        let on = |topic: Name| OnTopic {
            topic: topic.into(),
        };
        let action = match self {
            Self::Join(topic) => Action::Subscribe(on(topic)),
            Self::Leave(topic) => Action::Unsubscribe(on(topic)),
        };
        Request::new(id, action)
    }
}

impl Agent {
    /// Nobody wants to join something an hour later, when the link comes back.
    pub(super) fn wish(&mut self, wish: Wish) {
        match self.connected {
            true => self.request_now(wish.request()),
            false => self.tell(News::Remark("this needs a connection".to_owned())),
        }
    }

    /// One is a member: the list knows more of it than we do.
    pub(super) fn joined(&mut self, topic: &Name) {
        let line = self
            .lines
            .entry(topic.clone())
            .or_insert_with(|| Line::new(topic.clone(), ConversationKind::Public));
        line.kind = ConversationKind::Public;
        let line = line.clone();
        self.tell(News::Lines(vec![line]));
        self.tell(News::Joined(topic.clone()));
        self.ask_lines();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_wish_says_what_was_asked() {
        let topic = |text: &str| Name::parse(text).expect("a name");
        for wish in [Wish::Join(topic("rfc-0042")), Wish::Leave(topic("ops"))] {
            let id = wish.clone().request().id.expect("an id");
            assert_eq!(Wish::of(&id), Some(wish));
        }
        for other in ["mark-7", "sync-1", "0198f2c4-join-ops"] {
            let id = MessageId::parse(other).expect("an id");
            assert_eq!(Wish::of(&id), None, "{other}");
        }
    }
}
