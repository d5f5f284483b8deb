//! The history checker: holds what was promised to senders against what everybody saw. One pass, no search.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use chat_proto::ErrorCode;

use crate::recorder::{Entry, Seen};

/// What is wrong with a run, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// A session never showed a message that is in the history.
    Lost,
    /// Somebody saw a message that nobody sent like this.
    Unexpected,
    /// A session showed a message twice.
    DuplicateShown,
    /// A session showed a message after a later one.
    Reorder,
    /// Two saw different messages under the same number.
    Divergent,
    /// The history has a message under another number than its ack.
    SeqDiffersFromAck,
    /// Two messages were acked with the same number.
    TwoMessagesOneSeq,
    /// Two acks of a message name different numbers.
    RetryGotAnotherSeq,
    /// A message that was refused for good is there.
    RefusedButDelivered,
    /// Somebody saw a conversation that they are not in.
    LeakedToNonMember,
    /// A message was acked, and is not in the history.
    AckedNotInHistory,
    /// The history has a message twice.
    HistoryDuplicate,
    /// The numbers of the history are not 1, 2, 3 ...
    HistoryNotIncreasing,
    /// A sender's message has a larger number than a later one of theirs.
    SenderOrder,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub verdict: Verdict,
    /// Where, for a person.
    pub place: String,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Everything wrong, in no order that matters.
    pub findings: Vec<Finding>,
    /// Messages that were sent.
    pub sent: usize,
    /// Messages that were acked.
    pub acked: usize,
    /// Messages of which the sender never learned the outcome.
    pub unknown: usize,
    /// Sends that were cut off: the faults that hit one in flight.
    pub cut_off: usize,
    /// Sends that were answered by a refusal after which nothing is known: the store was away.
    pub put_off: usize,
    /// Messages that sessions showed.
    pub shown: usize,
}

impl Report {
    /// The kinds of what is wrong.
    #[must_use]
    pub fn verdicts(&self) -> BTreeSet<Verdict> {
        self.findings
            .iter()
            .map(|finding| finding.verdict)
            .collect()
    }

    fn find(&mut self, verdict: Verdict, place: impl Into<String>) {
        let place = place.into();
        self.findings.push(Finding { verdict, place });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sent, {} cut off, {} put off, {} acked, {} unknown, {} shown, {} findings",
            self.sent,
            self.cut_off,
            self.put_off,
            self.acked,
            self.unknown,
            self.shown,
            self.findings.len()
        )?;
        for finding in self.findings.iter().take(20) {
            write!(f, "\n  {:?}: {}", finding.verdict, finding.place)?;
        }
        Ok(())
    }
}

/// What is known of a message from its sender.
#[derive(Debug)]
struct Sent<'a> {
    conversation: &'a str,
    sender: &'a str,
    text: &'a str,
    acked: Option<u64>,
    refused: bool,
}

/// Who is in which conversation.
pub type Members = BTreeMap<String, BTreeSet<String>>;

/// Judges the records of a run; each is in the order in which its participant wrote it.
#[must_use]
pub fn check(members: &Members, records: &[Vec<Entry>]) -> Report {
    let mut report = Report::default();
    let sent = promises(records, &mut report);
    let mut seen = Sightings::new(members, &sent);
    for entry in records.iter().flatten() {
        seen.entry(entry, &mut report);
    }
    seen.losses(&mut report);
    for (id, message) in &sent {
        report.acked += usize::from(message.acked.is_some());
        report.unknown += usize::from(message.acked.is_none() && !message.refused);
        if message.acked.is_some() && !seen.in_history.contains_key(id) {
            report.find(
                Verdict::AckedNotInHistory,
                format!("{id} in {}", message.conversation),
            );
        }
    }
    report.sent = sent.len();
    report
}

/// What senders were told, and whether it agrees with itself.
fn promises<'a>(records: &'a [Vec<Entry>], report: &mut Report) -> HashMap<&'a str, Sent<'a>> {
    let mut sent: HashMap<&str, Sent<'_>> = HashMap::new();
    let mut by_seq: HashMap<(&str, u64), &str> = HashMap::new();
    for record in records {
        // A sender waits for an answer before the next message, so the acks of a record ascend.
        let mut last: HashMap<(&str, &str), u64> = HashMap::new();
        for entry in record {
            match entry {
                Entry::Sending {
                    conversation,
                    sender,
                    id,
                    text,
                } => {
                    sent.entry(id).or_insert(Sent {
                        conversation,
                        sender,
                        text,
                        acked: None,
                        refused: false,
                    });
                }
                Entry::Acked { id, seq } => {
                    let Some(message) = sent.get_mut(id.as_str()) else {
                        report.find(Verdict::Unexpected, format!("an ack of {id}"));
                        continue;
                    };
                    if let Some(first) = message.acked {
                        if first != *seq {
                            let place = format!("{id}: {first}, then {seq}");
                            report.find(Verdict::RetryGotAnotherSeq, place);
                        }
                        continue;
                    }
                    message.acked = Some(*seq);
                    let place = (message.conversation, *seq);
                    if let Some(other) = by_seq.insert(place, id) {
                        report.find(Verdict::TwoMessagesOneSeq, format!("{other}, {id}: {seq}"));
                    }
                    let before = last.insert((message.sender, message.conversation), *seq);
                    if before.is_some_and(|before| before > *seq) {
                        report.find(Verdict::SenderOrder, format!("{id}: {seq}"));
                    }
                }
                Entry::Refused { id, code } => {
                    let unknown = ErrorCode::from_wire(code).outcome_unknown();
                    report.put_off += usize::from(unknown);
                    if let Some(message) = sent.get_mut(id.as_str()) {
                        message.refused |= !unknown;
                    }
                }
                Entry::Unanswered { .. } => report.cut_off += 1,
                _ => {}
            }
        }
    }
    sent
}

/// What everybody saw, as it is looked through.
struct Sightings<'a> {
    members: &'a Members,
    sent: &'a HashMap<&'a str, Sent<'a>>,
    /// Which message holds a number, by who saw it first.
    by_seq: HashMap<(&'a str, u64), &'a str>,
    /// Of each session and conversation: the last number shown, and all ids shown.
    sessions: BTreeMap<(&'a str, &'a str), (u64, HashSet<&'a str>)>,
    users: BTreeMap<&'a str, &'a str>,
    /// The ids of the histories, and where each is.
    in_history: HashMap<&'a str, (&'a str, u64)>,
}

impl<'a> Sightings<'a> {
    fn new(members: &'a Members, sent: &'a HashMap<&'a str, Sent<'a>>) -> Self {
        Self {
            members,
            sent,
            by_seq: HashMap::new(),
            sessions: BTreeMap::new(),
            users: BTreeMap::new(),
            in_history: HashMap::new(),
        }
    }

    fn entry(&mut self, entry: &'a Entry, report: &mut Report) {
        match entry {
            Entry::Session { session, user } => {
                self.users.insert(session, user);
            }
            Entry::Shown {
                session,
                user,
                conversation,
                message,
            } => {
                report.shown += 1;
                self.seen(user, conversation, message, report);
                self.shown(session, conversation, message, report);
            }
            Entry::History {
                reader,
                conversation,
                messages,
            } => self.history(reader, conversation, messages, report),
            _ => {}
        }
    }

    /// What holds however a message was seen.
    fn seen(&mut self, by: &str, conversation: &'a str, message: &'a Seen, report: &mut Report) {
        let place = || format!("{} at {conversation}/{} by {by}", message.id, message.seq);
        let members = self.members.get(conversation);
        if !members.is_some_and(|members| members.contains(by)) {
            report.find(Verdict::LeakedToNonMember, place());
        }
        let key = (conversation, message.seq);
        let first = *self.by_seq.entry(key).or_insert(&message.id);
        if first != message.id {
            report.find(Verdict::Divergent, format!("{}, before {first}", place()));
        }
        let Some(sent) = self.sent.get(message.id.as_str()) else {
            report.find(Verdict::Unexpected, place());
            return;
        };
        if (sent.conversation, sent.sender, sent.text)
            != (conversation, message.from.as_str(), message.text.as_str())
        {
            report.find(Verdict::Unexpected, format!("{}, sent otherwise", place()));
        }
        if sent.acked.is_some_and(|seq| seq != message.seq) {
            report.find(Verdict::SeqDiffersFromAck, place());
        }
        if sent.refused {
            report.find(Verdict::RefusedButDelivered, place());
        }
    }

    fn shown(
        &mut self,
        session: &'a str,
        conversation: &'a str,
        message: &'a Seen,
        report: &mut Report,
    ) {
        let place = || {
            format!(
                "{} at {conversation}/{} in {session}",
                message.id, message.seq
            )
        };
        let (last, ids) = self.sessions.entry((session, conversation)).or_default();
        if !ids.insert(&message.id) {
            report.find(Verdict::DuplicateShown, place());
        } else if message.seq <= *last {
            report.find(Verdict::Reorder, format!("{}, after {last}", place()));
        }
        *last = (*last).max(message.seq);
    }

    fn history(
        &mut self,
        reader: &'a str,
        conversation: &'a str,
        messages: &'a [Seen],
        report: &mut Report,
    ) {
        let mut ids = HashSet::new();
        for (message, seq) in messages.iter().zip(1..) {
            self.seen(reader, conversation, message, report);
            let place = || {
                format!(
                    "{} at {conversation}/{} for {reader}",
                    message.id, message.seq
                )
            };
            if message.seq != seq {
                report.find(Verdict::HistoryNotIncreasing, place());
            }
            if !ids.insert(message.id.as_str()) {
                report.find(Verdict::HistoryDuplicate, place());
            }
            self.in_history
                .insert(&message.id, (conversation, message.seq));
        }
    }

    /// Every session shows everything of the conversations that its user is in.
    fn losses(&self, report: &mut Report) {
        let mut whole: BTreeMap<&str, BTreeMap<u64, &str>> = BTreeMap::new();
        for (id, (conversation, seq)) in &self.in_history {
            whole.entry(conversation).or_default().insert(*seq, id);
        }
        for (session, user) in &self.users {
            for (conversation, members) in self.members {
                if !members.contains(*user) {
                    continue;
                }
                let shown = self.sessions.get(&(*session, conversation.as_str()));
                for (seq, id) in whole.get(conversation.as_str()).into_iter().flatten() {
                    if !shown.is_some_and(|(_, ids)| ids.contains(id)) {
                        let place = format!("{id} at {conversation}/{seq} in {session}");
                        report.find(Verdict::Lost, place);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "checker_tests.rs"]
mod tests;
