//! What was said before the visitor came: conversations, their lines, and when each of them was said.

use chat_proto::Time;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

mod groups;
mod talks;

pub(crate) use groups::GROUPS;
pub(crate) use talks::TALKS;

/// When something was, as seen from the moment at which the visitor comes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    /// So many days ago, at an hour and a minute of the visitor's clock. Of yesterday nothing is told that was after
    /// half past five, as the earliest `Ago` may be yesterday evening.
    Day(i64, i8, i8),
    /// So many minutes ago, of which there are five hours at the most.
    Ago(i64),
}

impl When {
    /// The time, for a visitor who comes at `now` in `zone`.
    pub(crate) fn at(self, now: Time, zone: &TimeZone) -> Time {
        match self {
            Self::Ago(minutes) => now.plus_seconds(-60 * minutes),
            Self::Day(days, hour, minute) => {
                let today = Timestamp::from_microsecond(now.micros()).unwrap_or_default();
                let today = today.to_zoned(zone.clone()).datetime();
                let day = today.checked_sub(Span::new().days(days)).unwrap_or(today);
                let then = day.date().at(hour, minute, 0, 0).to_zoned(zone.clone());
                let micros = then.map(|then| then.timestamp().as_microsecond());
                micros.map_or(now, Time::from_micros)
            }
        }
    }
}

/// Something that somebody said.
#[derive(Debug)]
pub(crate) struct Line(
    pub(crate) When,
    pub(crate) &'static str,
    pub(crate) &'static str,
);

/// Who a conversation is with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum With {
    /// One other, whose name is the topic.
    One,
    /// These and the visitor; whoever says the first line makes the group.
    Many {
        title: &'static str,
        members: &'static [&'static str],
        public: bool,
    },
}

/// A conversation.
#[derive(Debug)]
pub(crate) struct Talk {
    /// As the visitor addresses it.
    pub(crate) topic: &'static str,
    pub(crate) with: With,
    /// How many of the last lines the visitor has not read; all of them are others'.
    pub(crate) unread: usize,
    /// In the order in which they were said.
    pub(crate) lines: &'static [Line],
}

impl Talk {
    /// Everybody in it but the visitor.
    pub(crate) fn others(&self) -> &[&'static str] {
        match &self.with {
            With::One => std::slice::from_ref(&self.topic),
            With::Many { members, .. } => members,
        }
    }
}

/// All conversations.
pub(crate) fn everything() -> impl Iterator<Item = &'static Talk> {
    GROUPS.iter().chain(TALKS)
}

/// One line at its time.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) at: Time,
    pub(crate) talk: &'static Talk,
    /// Whether the conversation begins with it.
    pub(crate) first: bool,
    pub(crate) from: &'static str,
    pub(crate) text: &'static str,
}

/// Everything that was said, the earliest first.
pub(crate) fn said(now: Time, zone: &TimeZone) -> Vec<Said> {
    let mut said: Vec<Said> = everything()
        .flat_map(|talk| {
            talk.lines.iter().enumerate().map(move |(n, line)| Said {
                at: line.0.at(now, zone),
                talk,
                first: n == 0,
                from: line.1,
                text: line.2,
            })
        })
        .collect();
    // Stable, so that lines of the same minute stay as they are written.
    said.sort_by_key(|line| line.at);
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::{PEOPLE, VISITOR};

    fn known(name: &str) -> bool {
        name == VISITOR || PEOPLE.iter().any(|role| role.name == name)
    }

    #[test]
    fn every_line_follows_the_one_before_it_whenever_the_visitor_comes() {
        for hours in [-11, 0, 13] {
            let zone = TimeZone::fixed(jiff::tz::offset(hours));
            for quarter in 0..96 {
                let now = Time::from_micros(1_795_248_000_000_000).plus_seconds(900 * quarter);
                for talk in everything() {
                    let times: Vec<Time> = talk
                        .lines
                        .iter()
                        .map(|line| line.0.at(now, &zone))
                        .collect();
                    assert!(times.is_sorted(), "{}: {times:?}", talk.topic);
                    assert!(times.iter().all(|time| *time <= now), "{}", talk.topic);
                }
            }
        }
    }

    #[test]
    fn who_speaks_is_there_and_what_is_unread_is_by_others() {
        for talk in everything() {
            assert!(
                talk.others().iter().all(|name| known(name)),
                "{}",
                talk.topic
            );
            for line in talk.lines {
                let inside = line.1 == VISITOR || talk.others().contains(&line.1);
                assert!(inside, "{} in {}", line.1, talk.topic);
            }
            let unread = talk.lines.iter().rev().take(talk.unread);
            assert_eq!(unread.len(), talk.unread, "{}", talk.topic);
            let mut unread = unread;
            assert!(unread.all(|line| line.1 != VISITOR), "{}", talk.topic);
        }
    }
}
