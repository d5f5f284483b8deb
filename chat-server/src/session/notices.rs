//! Notices that are no part of a log, as frames: marks, presence, typing. Losing one is harmless.

use std::collections::BTreeMap;

use chat_proto::event::{MarkMoved, PresenceChanged, Typing};
use chat_proto::{Event, Mark};

use super::Session;
use crate::bus::{MarkNotice, PresenceNotice, TypingNotice};
use crate::change::{ConversationId, UserId};
use crate::mailbox::MarkOrder;

impl Session {
    pub(super) fn tell_notices(
        &mut self,
        marks: BTreeMap<(ConversationId, UserId, MarkOrder), MarkNotice>,
        presence: BTreeMap<UserId, PresenceNotice>,
        typing: Vec<TypingNotice>,
    ) {
        let (viewer, tag) = (self.viewer, self.tag);
        for moved in marks
            .into_values()
            .filter(|moved| moved.caused_by != Some(tag))
        {
            let topic = moved.address.seen_by(viewer).clone();
            let fields = MarkMoved {
                topic,
                seq: moved.seq,
                by: moved.name,
            };
            self.send(&match moved.mark {
                Mark::Read => Event::Read(fields),
                Mark::Delivered => Event::Delivered(fields),
            });
        }
        for PresenceNotice {
            name,
            state,
            last_seen,
            ..
        } in presence.into_values()
        {
            self.send(&Event::Presence(PresenceChanged {
                name,
                state,
                last_seen,
            }));
        }
        for notice in typing.into_iter().filter(|notice| notice.by != viewer) {
            let topic = notice.address.seen_by(viewer).clone();
            self.send(&Event::Typing(Typing {
                topic,
                by: notice.name,
            }));
        }
    }
}
