//! The list of conversations, ranked by last chat.

use chat_proto::Name;

use crate::client::copy::Line;

/// Conversations, the latest chat first.
#[derive(Debug, Clone, Default)]
pub struct Contacts {
    lines: Vec<Line>,
    /// How many there are beyond those that are known.
    pub beyond: usize,
    /// The one that is shown.
    pub open: Option<Name>,
    /// The one that was shown before.
    pub before: Option<Name>,
}

impl Contacts {
    /// All that are known, ranked by last chat; those without one last, by name.
    #[must_use]
    pub fn ranked(&self) -> &[Line] {
        &self.lines
    }

    /// The conversation with `topic`.
    #[must_use]
    pub fn line(&self, topic: &Name) -> Option<&Line> {
        self.lines.iter().find(|line| line.topic == *topic)
    }

    /// The one that is shown.
    #[must_use]
    pub fn open_line(&self) -> Option<&Line> {
        self.open.as_ref().and_then(|topic| self.line(topic))
    }

    /// These are so.
    pub fn put(&mut self, lines: impl IntoIterator<Item = Line>) {
        for line in lines {
            match self
                .lines
                .iter_mut()
                .find(|known| known.topic == line.topic)
            {
                Some(known) => *known = line,
                None => self.lines.push(line),
            }
        }
        // Stable and nearly sorted already, so this is cheap for every message.
        self.lines.sort_by(|a, b| {
            b.chatted_at()
                .cmp(&a.chatted_at())
                .then_with(|| a.topic.cmp(&b.topic))
        });
    }

    /// One is in it no more.
    pub fn remove(&mut self, topic: &Name) {
        self.lines.retain(|line| line.topic != *topic);
        if self.open.as_ref() == Some(topic) {
            self.open = None;
        }
    }

    /// Changes the one with `topic`, if it is known; its rank stays.
    pub fn change(&mut self, topic: &Name, change: impl FnOnce(&mut Line)) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.topic == *topic) {
            change(line);
        }
    }

    /// The next one to read: with a mention first, then direct ones, then groups, each by rank.
    #[must_use]
    pub fn next_unread(&self) -> Option<&Line> {
        let urgency = |line: &Line| match (line.mentions, line.sigil()) {
            (1.., _) => 0,
            (0, '@') => 1,
            (0, _) => 2,
        };
        let other = |line: &&Line| line.unread > 0 && Some(&line.topic) != self.open.as_ref();
        self.lines
            .iter()
            .filter(other)
            .min_by_key(|line| urgency(line))
    }

    /// Unread messages of all, and mentions among them.
    #[must_use]
    pub fn unread(&self) -> (u64, u64) {
        // A server may lie about its numbers.
        let sum = |(unread, mentions): (u64, u64), line: &Line| {
            let unread = unread.saturating_add(line.unread);
            (unread, mentions.saturating_add(line.mentions))
        };
        self.lines.iter().fold((0, 0), sum)
    }
}
