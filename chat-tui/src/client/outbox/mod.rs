//! What is to be sent, in which order and when: takes letters and the answers to them, and gives what to publish
//! next. Pure: no socket, no disk, no clock.
//!
//! Of each conversation at most one letter is on its way, in the order in which they were queued; conversations
//! run side by side, [`WINDOW`] at the most. What is not known to be stored stays queued and goes again with the
//! same id; only a refusal makes a letter fail, and a failed one does not hold up the next.
//!
//! The driver puts a letter on the disk ([`OutboxFile`](super::cache::outbox::OutboxFile)), then hands it in by
//! [`Outbox::handle_queued`]; tells of every answer, of every connection and its end; and after each of these, and
//! at [`Outbox::deadline`], calls [`Outbox::poll_publish`] until it gives nothing more.

mod letter;
mod line;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chat_proto::{Action, ErrorCode, MessageId, Name, Refusal, Request, Time};

pub use self::letter::{Letter, LetterState};
use self::line::Line;
use super::moment::Moment;

/// Conversations that have a letter on its way at once.
pub const WINDOW: usize = 8;
/// An answer that stays out for so long is not waited for: the letter goes again.
pub const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// A letter that waited for longer may not be meant any more.
pub const ASKS_AFTER_S: i64 = 24 * 3600;
/// The wait after a limit that names none, and the shortest and the longest one that a server may ask for.
const LIMIT_WAIT: Duration = Duration::from_secs(1);
const LIMIT_WAIT_MIN: Duration = Duration::from_millis(10);
const LIMIT_WAIT_MAX: Duration = Duration::from_secs(300);

/// What a refusal means for its letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It will not be sent by itself: to be marked on the disk and shown.
    Failed(Box<Letter>),
    /// Too many at once: nothing goes before `until`, and then in the same order.
    Waits {
        /// When the next one goes.
        until: Moment,
    },
    /// It is not known to be stored, so it stays queued, and goes again after a while or on the next connection.
    Again,
}

/// Its place among all letters; the lower one was queued first.
type Place = u64;

/// The machine.
#[derive(Debug, Default)]
pub struct Outbox {
    letters: BTreeMap<Place, Letter>,
    /// Where each letter is; as many as there are letters.
    places: BTreeMap<MessageId, Place>,
    /// What is to go, by conversation; every letter that is queued or on its way is in one, and no other.
    lines: BTreeMap<Name, Line>,
    /// The letters that are not as they were last polled; all of them are in `letters`.
    changed: BTreeSet<Place>,
    next_place: Place,
    connected: bool,
    /// The server's limit: nothing new goes before.
    limited_until: Option<Moment>,
}

impl Outbox {
    /// A letter that is on the disk. One that is known already stays as it is.
    pub fn handle_queued(&mut self, letter: Letter) {
        if !self.places.contains_key(&letter.id) {
            self.insert(letter);
        }
    }

    /// All letters as they are on the disk, read after the last that was handed in was put there: other processes
    /// queue, deliver and drop them too. What is on its way stays so. Says which are no more.
    pub fn handle_known(&mut self, letters: Vec<Letter>) -> Vec<MessageId> {
        let mut before = std::mem::take(self);
        self.connected = before.connected;
        self.limited_until = before.limited_until;
        let in_flight: Vec<Letter> = before.take_in_flight();
        // They were ahead of everything else in their conversations.
        for letter in &in_flight {
            self.insert(letter.clone());
        }
        for letter in letters {
            let asked = before.state(&letter.id) == Some(&LetterState::Asks);
            let same =
                before.letter(&letter.id).map(|ours| ours.queued_at) == Some(letter.queued_at);
            let state = match letter.state {
                LetterState::Queued if asked && same => LetterState::Asks,
                state => state,
            };
            self.handle_queued(Letter { state, ..letter });
        }
        for (topic, line) in &mut self.lines {
            if let Some(old) = before.lines.remove(topic)
                && let Some(place) = line.resume(old)
                && let Some(letter) = self.letters.get_mut(&place)
            {
                letter.state = LetterState::Sending;
            }
        }
        let told = |letter: &Letter| {
            let place = before.places.get(&letter.id);
            place.is_some_and(|place| {
                !before.changed.contains(place) && before.letters.get(place) == Some(letter)
            })
        };
        let letters = &self.letters;
        self.changed
            .retain(|place| !letters.get(place).is_some_and(told));
        before.places.retain(|id, _| !self.places.contains_key(id));
        before.places.into_keys().collect()
    }

    /// There is a connection: what waited for one need not wait any longer.
    pub fn handle_connected(&mut self) {
        self.handle_disconnected();
        self.connected = true;
        self.lines.values_mut().for_each(Line::handle_connected);
    }

    /// The connection is gone, and with it the answers: what was on its way is queued again.
    pub fn handle_disconnected(&mut self) {
        self.connected = false;
        for line in self.lines.values_mut() {
            if let Some(place) = line.land()
                && let Some(letter) = self.letters.get_mut(&place)
            {
                letter.state = LetterState::Queued;
                self.changed.insert(place);
            }
        }
    }

    /// The server has a letter, which is to be removed from the disk; none if it was known to, or is nobody's.
    pub fn handle_ack(&mut self, id: &MessageId) -> Option<Letter> {
        self.remove(id)
    }

    /// The server refused a letter that is on its way; none if it is not. `chance` is from 0 up to 1.
    pub fn handle_refused(
        &mut self,
        id: &MessageId,
        refusal: &Refusal,
        now: Moment,
        chance: f64,
    ) -> Option<Verdict> {
        let place = *self.places.get(id)?;
        let letter = self.letters.get_mut(&place)?;
        let line = self.lines.get_mut(letter.topic())?;
        if !line.flies(place) {
            return None;
        }
        line.land();
        letter.state = LetterState::Queued;
        self.changed.insert(place);
        Some(match refusal.code {
            ErrorCode::RateLimited => {
                let asked = refusal.retry_after_ms.map(Duration::from_millis);
                let wait = asked.unwrap_or(LIMIT_WAIT);
                let until = now.plus(wait.clamp(LIMIT_WAIT_MIN, LIMIT_WAIT_MAX));
                let until = self.limited_until.map_or(until, |other| other.max(until));
                self.limited_until = Some(until);
                Verdict::Waits { until }
            }
            ErrorCode::Unavailable | ErrorCode::Internal | ErrorCode::Unauthorized => {
                line.wait(now, chance);
                Verdict::Again
            }
            _ => {
                letter.state = LetterState::from(refusal);
                let failed = letter.clone();
                self.leave_line(failed.topic(), place);
                Verdict::Failed(Box::new(failed))
            }
        })
    }

    /// Its writer wants a letter that failed or asks to go, as one that was queued at `wall`. The letter as it is to
    /// be on the disk; none where it is not waiting for that.
    pub fn handle_retry(&mut self, id: &MessageId, wall: Time) -> Option<Letter> {
        let place = *self.places.get(id)?;
        let letter = self.letters.get_mut(&place)?;
        if matches!(letter.state, LetterState::Queued | LetterState::Sending) {
            return None;
        }
        letter.state = LetterState::Queued;
        letter.queued_at = wall;
        let letter = letter.clone();
        self.changed.insert(place);
        self.line_up(letter.topic(), place);
        Some(letter)
    }

    /// Its writer drops a letter, which is to be removed from the disk; none if it is on its way, and so may be
    /// stored already.
    pub fn handle_discard(&mut self, id: &MessageId) -> Option<Letter> {
        match self.state(id)? {
            LetterState::Sending => None,
            _ => self.remove(id),
        }
    }

    /// What to send next. `wall` judges the age of letters.
    pub fn poll_publish(&mut self, now: Moment, wall: Time) -> Option<Request> {
        self.let_old_ones_ask(wall);
        if !self.connected {
            return None;
        }
        let place = self.overdue(now).or_else(|| self.next(now))?;
        let letter = self.letters.get_mut(&place)?;
        letter.state = LetterState::Sending;
        self.changed.insert(place);
        let line = self.lines.get_mut(&letter.publish.topic.name)?;
        line.fly(place, now.plus(ANSWER_WAIT));
        let action = Action::Publish(letter.publish.clone());
        Some(Request::new(letter.id.clone(), action))
    }

    /// When [`Outbox::poll_publish`] may have something, if nothing else happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        if !self.connected {
            return None;
        }
        let answers = self.lines.values().filter_map(Line::answer_until);
        let room = self.flying() < WINDOW;
        let turns = self
            .lines
            .values()
            .filter(|line| room && line.ready().is_some())
            .filter_map(|line| line.waits_until().max(self.limited_until));
        answers.chain(turns).min()
    }

    /// The letters that are new or have another state since this was last asked, in the order in which they were
    /// queued.
    pub fn poll_changed(&mut self) -> Vec<Letter> {
        let changed = std::mem::take(&mut self.changed);
        let letters = changed.iter().filter_map(|place| self.letters.get(place));
        letters.cloned().collect()
    }

    /// All letters in the order in which they were queued, each with its state.
    pub fn letters(&self) -> impl Iterator<Item = &Letter> {
        self.letters.values()
    }

    /// How many go by themselves: queued or on their way.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.lines.values().map(Line::len).sum()
    }

    /// Whether something is on its way.
    #[must_use]
    pub fn sending(&self) -> bool {
        self.flying() > 0
    }

    /// A letter, if it is here.
    #[must_use]
    pub fn letter(&self, id: &MessageId) -> Option<&Letter> {
        self.letters.get(self.places.get(id)?)
    }

    fn state(&self, id: &MessageId) -> Option<&LetterState> {
        self.letter(id).map(|letter| &letter.state)
    }

    fn flying(&self) -> usize {
        let flying = |line: &&Line| line.answer_until().is_some();
        self.lines.values().filter(flying).count()
    }

    /// The letter whose answer has stayed out too long.
    fn overdue(&self, now: Moment) -> Option<Place> {
        self.lines.values().find_map(|line| line.overdue(now))
    }

    /// The letter whose turn it is: the first queued of those that head a line and need not wait.
    fn next(&self, now: Moment) -> Option<Place> {
        let limited = self.limited_until.is_some_and(|until| now < until);
        if limited || self.flying() >= WINDOW {
            return None;
        }
        self.lines
            .values()
            .filter(|line| line.waits_until().is_none_or(|until| until <= now))
            .filter_map(Line::ready)
            .min()
    }

    /// What heads a line and is too old leaves it, so that it holds up nobody.
    fn let_old_ones_ask(&mut self, wall: Time) {
        let Self {
            letters,
            lines,
            changed,
            ..
        } = self;
        for line in lines.values_mut() {
            while let Some(place) = line.ready()
                && let Some(letter) = letters.get_mut(&place)
                && letter.queued_at.plus_seconds(ASKS_AFTER_S) < wall
            {
                letter.state = LetterState::Asks;
                changed.insert(place);
                line.leave(place);
            }
        }
        lines.retain(|_, line| line.len() > 0);
    }

    fn insert(&mut self, mut letter: Letter) {
        if letter.state == LetterState::Sending {
            letter.state = LetterState::Queued;
        }
        let place = self.next_place;
        self.next_place += 1;
        self.places.insert(letter.id.clone(), place);
        if letter.state == LetterState::Queued {
            self.line_up(&letter.publish.topic.name.clone(), place);
        }
        self.letters.insert(place, letter);
        self.changed.insert(place);
    }

    fn remove(&mut self, id: &MessageId) -> Option<Letter> {
        let place = self.places.remove(id)?;
        let letter = self.letters.remove(&place)?;
        self.changed.remove(&place);
        self.leave_line(letter.topic(), place);
        Some(letter)
    }

    fn line_up(&mut self, topic: &Name, place: Place) {
        self.lines.entry(topic.clone()).or_default().join(place);
    }

    fn leave_line(&mut self, topic: &Name, place: Place) {
        if let Some(line) = self.lines.get_mut(topic) {
            line.leave(place);
            if line.len() == 0 {
                self.lines.remove(topic);
            }
        }
    }

    fn take_in_flight(&mut self) -> Vec<Letter> {
        let flying = self.lines.values().filter_map(Line::flying);
        flying
            .filter_map(|place| self.letters.get(&place).cloned())
            .collect()
    }
}
