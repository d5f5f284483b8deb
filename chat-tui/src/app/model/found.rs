//! What the switcher finds for what was typed: conversations, people, groups, commands, and a name that is still free.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use chat_proto::{ConversationKind, Name, Safe};

use super::Model;
use super::picker::{Choice, Only, Picker};
use crate::app::fuzzy::{Fuzzy, Letters};
use crate::client::copy::Line;
use crate::keymap::{Binding, Command, Mode};

/// Conversations that are offered before anything is typed.
pub const RECENT: usize = 8;
/// Rows at the most; nobody reads on, they type on.
const FOUND_MAX: usize = 50;

/// The rows of the list of conversations: in their rank, those that hold what was typed.
#[must_use]
pub fn listed<'a>(model: &'a Model, picker: &Picker) -> Vec<&'a Line> {
    let mut fuzzy = Fuzzy::new(picker.query.trim(), Letters::Scattered);
    let mut found = |line: &&Line| fuzzy.find(&label(&line.topic, &line.title)).is_some();
    let ranked = model.contacts.ranked().iter();
    ranked.filter(|line| found(line)).collect()
}

/// A row of the switcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub what: What,
    /// How it is called, safe to show.
    pub label: String,
    /// Which graphemes of the label match what was typed.
    pub matched: Vec<usize>,
}

/// What a row of the switcher stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A conversation of the list.
    Conversation(Name),
    /// A person with whom there is none.
    Person(Name),
    /// A group that one is in and that is not in the list.
    Group(Name),
    /// A public topic that one is not in.
    Public(Name),
    /// A name that nothing known has.
    Free(Name),
    /// Something that a key does too.
    Command(Command),
}

impl What {
    /// What taking it means.
    #[must_use]
    pub fn choice(&self) -> Choice {
        match self {
            Self::Conversation(name) | Self::Person(name) | Self::Group(name) => {
                Choice::Open(name.clone())
            }
            Self::Public(name) | Self::Free(name) => Choice::Join(name.clone()),
            Self::Command(command) => Choice::Run(*command),
        }
    }

    const fn person(&self, of: &Line) -> bool {
        matches!(
            (self, of.kind),
            (Self::Conversation(_), ConversationKind::Direct)
        )
    }
}

/// What there is for `picker`, the best first.
#[must_use]
pub fn found(model: &Model, picker: &Picker) -> Vec<Found> {
    let (only, query) = picker.narrowed();
    let mut rows = match only {
        Only::Commands => Vec::new(),
        _ => places(model, picker, only),
    };
    if query.is_empty() {
        let shown_anyway = |row: &Found| match &row.what {
            What::Conversation(name) => Some(name) != model.contacts.open.as_ref(),
            _ => true,
        };
        rows.retain(shown_anyway);
        if only == Only::Everything {
            rows.truncate(RECENT);
        }
    } else {
        rows = best(rows, query, &by_server(picker, query));
        rows.extend(free(model, only, picker));
    }
    rows.extend(commands(model, only, query));
    rows.truncate(FOUND_MAX);
    rows
}

/// How a name and what it is called are shown together: the name alone where that says it all.
#[must_use]
pub fn label(name: &Name, title: &str) -> String {
    match title.trim().eq_ignore_ascii_case(name.as_str()) || title.trim().is_empty() {
        true => name.to_string(),
        false => format!("{name}  {}", Safe::line(title.trim())),
    }
}

fn row(what: What, label: String) -> Found {
    Found {
        what,
        label,
        matched: Vec::new(),
    }
}

/// Everyone and everything that is known, the latest chat first, then people, then groups.
fn places(model: &Model, picker: &Picker, only: Only) -> Vec<Found> {
    let mut known: BTreeSet<&Name> = BTreeSet::new();
    let mut rows = Vec::new();
    known.extend(model.my_name());
    for line in model.contacts.ranked() {
        known.insert(&line.topic);
        let what = What::Conversation(line.topic.clone());
        let person = what.person(line);
        if only == Only::Everything || person == (only == Only::People) {
            rows.push(row(what, label(&line.topic, &line.title)));
        }
    }
    if only != Only::Groups {
        for person in picker.people.iter().chain(&model.people) {
            if known.insert(&person.name) {
                let what = What::Person(person.name.clone());
                rows.push(row(what, label(&person.name, &person.display_name)));
            }
        }
    }
    if only != Only::People {
        for group in &model.groups {
            if known.insert(&group.topic) {
                let what = match group.role {
                    Some(_) => What::Group(group.topic.clone()),
                    None => What::Public(group.topic.clone()),
                };
                rows.push(row(what, label(&group.topic, &group.title)));
            }
        }
    }
    rows
}

/// Whom the server found for this very query.
fn by_server<'a>(picker: &'a Picker, query: &str) -> BTreeSet<&'a Name> {
    let current = picker.people_for.as_deref() == Some(query);
    let people = picker.people.iter().filter(|_| current);
    people.map(|person| &person.name).collect()
}

/// Those that hold `query`, the best match first, then in the order in which they came. Whom the server found for
/// it stays behind them in any case: the server may know more of a person than the name.
fn best(rows: Vec<Found>, query: &str, by_server: &BTreeSet<&Name>) -> Vec<Found> {
    let mut fuzzy = Fuzzy::new(query, Letters::Scattered);
    let mut hits = Vec::new();
    for mut row in rows {
        let score = match (fuzzy.find(&row.label), &row.what) {
            (Some(hit), _) => {
                row.matched = hit.graphemes;
                Some(hit.score)
            }
            (None, What::Person(name)) if by_server.contains(name) => None,
            (None, _) => continue,
        };
        let exact = row
            .label
            .split(' ')
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(query));
        hits.push((exact, score, row));
    }
    // Without a score one comes behind every score.
    hits.sort_by_key(|(exact, score, _)| Reverse((*exact, *score)));
    hits.into_iter().map(|(_, _, row)| row).collect()
}

/// A name that could be joined or made, if nobody known has it. What was typed must be that name to the letter: a
/// greeting typed into the wrong field must not make a topic.
fn free(model: &Model, only: Only, picker: &Picker) -> Option<Found> {
    if matches!(only, Only::People | Only::Commands) {
        return None;
    }
    let typed = picker.query.strip_prefix('#').unwrap_or(&picker.query);
    let name = Name::parse(typed).ok().filter(|name| !name.reserved())?;
    let taken = model.contacts.line(&name).is_some()
        || model.my_name() == Some(&name)
        || model.people.iter().any(|person| person.name == name)
        || model.groups.iter().any(|group| group.topic == name);
    let meant = typed == name.as_str() && !taken;
    let label = name.to_string();
    meant.then(|| row(What::Free(name), label))
}

fn commands(model: &Model, only: Only, query: &str) -> Vec<Found> {
    let wanted = match only {
        Only::Everything => query.chars().count() > 1,
        Only::Commands => true,
        Only::People | Only::Groups => false,
    };
    if !wanted {
        return Vec::new();
    }
    let mut fuzzy = Fuzzy::new(query, Letters::Together);
    let mut rows = Vec::new();
    for bound in model.keymap.all().filter(|bound| runs(bound.binding)) {
        let label = format!("{}  {}", bound.binding.name, bound.binding.doc);
        if let Some(hit) = fuzzy.find(&label) {
            rows.push(Found {
                what: What::Command(bound.binding.command),
                label,
                matched: hit.graphemes,
            });
        }
    }
    rows
}

/// Whether a command makes sense without its key: one that moves a cursor by a character does not.
fn runs(binding: &Binding) -> bool {
    use Command::{ClearDraft, Editor, NextChat, PreviousChat, Select, Switcher};
    match binding.mode {
        Mode::Anywhere => binding.command != Switcher,
        _ => matches!(
            binding.command,
            Editor | Select | ClearDraft | PreviousChat | NextChat
        ),
    }
}
