//! What the agent says, put where it is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chat_proto::api::Member;
use chat_proto::event::Membership;
use chat_proto::{ConversationKind, Event, Message, MessageId, Name, PresenceState, Role};

use super::{go, switcher};
use crate::app::model::Model;
use crate::app::model::contacts::Contacts;
use crate::app::model::pane::Watched;
use crate::app::msg::Effect;
use crate::client::agent::{Ask, LinkState, News};
use crate::client::copy::{Entry, Line};
use crate::client::outbox::Letter;

/// People of whom it is known that they write, at once; nobody can read more names.
const TYPISTS_MAX: usize = 64;
/// People of whom it is known whether they are there; of the others it is asked when a conversation is opened.
const PRESENCES_MAX: usize = 20_000;
/// That somebody is writing is believed for so long.
const TYPING_LASTS: Duration = Duration::from_secs(6);

pub(super) fn handle(model: &mut Model, news: News) -> Vec<Effect> {
    // These take nothing out of the list, and they come in floods.
    let flood = matches!(
        news,
        News::Came { .. } | News::Presence(_) | News::Typing { .. }
    );
    let effects = take(model, news);
    if !flood {
        keep_in_sight(model);
    }
    effects
}

/// What was written and not sent stays in the list, also where there is no conversation: none yet, or none any more.
fn keep_in_sight(model: &mut Model) {
    let drafts = model.drafts.iter().filter(|(_, text)| !text.is_empty());
    let written = drafts.map(|(topic, _)| topic);
    let written = written.chain(model.letters.iter().map(Letter::topic));
    // Each once: thousands of letters go to a few conversations.
    let written: BTreeSet<&Name> = written.collect();
    let lost: Vec<Line> = written
        .into_iter()
        .filter(|topic| model.contacts.line(topic).is_none())
        .map(|topic| Line::new(topic.clone(), ConversationKind::Direct))
        .collect();
    if !lost.is_empty() {
        model.contacts.put(lost);
    }
}

fn take(model: &mut Model, news: News) -> Vec<Effect> {
    match news {
        News::Me(me) => model.me = Some(me),
        News::Link(link) => return handle_link(model, link),
        News::Lines(lines) => return handle_lines(model, lines),
        News::Beyond(count) => model.contacts.beyond = count,
        News::Reset => handle_reset(model),
        News::Gone(topic) => return handle_gone(model, &topic),
        News::Opened { line, entries } => handle_opened(model, line, entries),
        News::Filled {
            topic,
            entries,
            failed,
        } => handle_filled(model, &topic, entries, failed),
        News::Came { line, entries } => handle_came(model, line, entries),
        News::Letters(letters) => put_letters(model, letters),
        News::Settled(id) => forget_letter(model, &id),
        News::Drafts(drafts) => model.drafts = drafts,
        News::Presence(people) => {
            for presence in people {
                let known = model.presence.contains_key(&presence.name);
                if known || model.presence.len() < PRESENCES_MAX {
                    model.presence.insert(presence.name.clone(), presence);
                }
            }
        }
        News::Typing { topic, by } => {
            let until = model.now.moment.plus(TYPING_LASTS);
            if model.typing.len() < TYPISTS_MAX {
                model.typing.insert((topic, by), until);
            }
        }
        News::People { query, people } => switcher::handle_people(model, query, people),
        News::Members(topic, members) => {
            model.members.insert(topic, members);
        }
        News::Groups(groups) => model.groups = groups,
        News::Joined(topic) => return go::open(model, &topic),
        News::Slowed(wait) => model.slowed_until = Some(model.now.moment.plus(wait)),
        News::Remark(sentence) => model.say(sentence),
    }
    Vec::new()
}

/// Whether the model is as the news say already.
pub(super) fn known(model: &Model, news: &News) -> bool {
    let known = |line: &Line| model.contacts.line(&line.topic) == Some(line);
    match news {
        News::Lines(lines) => !lines.is_empty() && lines.iter().all(known),
        _ => false,
    }
}

fn handle_link(model: &mut Model, link: LinkState) -> Vec<Effect> {
    let came_up = link == LinkState::Live && model.link.0 != LinkState::Live;
    model.offline_since = match link {
        LinkState::Syncing | LinkState::Live => None,
        _ => model.offline_since.or(Some(model.now.moment)),
    };
    model.link = (link, model.now.moment);
    if !came_up {
        if let LinkState::Down { .. } | LinkState::Ended { .. } = model.link.0 {
            // Nobody tells any more who comes and goes.
            model.typing.clear();
            model
                .presence
                .values_mut()
                .for_each(|p| p.state = PresenceState::Offline);
        }
        return Vec::new();
    }
    if let Some(pane) = &mut model.pane {
        pane.retry_fill();
    }
    first_screen(model)
}

/// Nobody's first screen is empty: without a conversation it shows the people of the server.
fn first_screen(model: &Model) -> Vec<Effect> {
    match model.contacts.ranked().is_empty() {
        true => vec![
            Effect::Ask(Ask::People(String::new())),
            Effect::Ask(Ask::Groups),
        ],
        false => Vec::new(),
    }
}

fn handle_lines(model: &mut Model, lines: Vec<Line>) -> Vec<Effect> {
    if let Some(pane) = &mut model.pane {
        lines.iter().for_each(|line| pane.handle_line(line));
    }
    model.contacts.put(lines);
    open_the_latest(model)
}

/// Who has conversations is shown one, once: that of the last chat. Later another one would take the words of
/// somebody who is writing, and be read by nobody's wish.
fn open_the_latest(model: &mut Model) -> Vec<Effect> {
    let latest = model
        .contacts
        .ranked()
        .first()
        .map(|line| line.topic.clone());
    match latest {
        Some(topic) if !model.welcomed && model.overlay.is_none() => go::open(model, &topic),
        _ => Vec::new(),
    }
}

/// Nothing of the store before is shown; what was being written stays.
fn handle_reset(model: &mut Model) {
    // They are on disk already; here they only leave the screen.
    let _ = go::put_draft_away(model);
    model.contacts = Contacts::default();
    model.pane = None;
    model.members.clear();
    model.presence.clear();
    model.typing.clear();
    model.read_told = None;
    model.say("the server begins anew: what it had before is gone".to_owned());
}

fn handle_gone(model: &mut Model, topic: &Name) -> Vec<Effect> {
    let mut effects = Vec::new();
    if model.contacts.open.as_ref() == Some(topic) {
        effects = go::put_draft_away(model);
        model.pane = None;
        model.say(format!("you are not in {topic} any more"));
    }
    model.contacts.remove(topic);
    effects
}

fn handle_opened(model: &mut Model, line: Line, entries: Vec<Entry>) {
    model.contacts.put([line.clone()]);
    if model.contacts.open.as_ref() == Some(&line.topic) {
        super::with_pane(model, |pane, geometry| {
            pane.handle_opened(line, entries, geometry);
        });
    }
}

fn handle_filled(model: &mut Model, topic: &Name, entries: Vec<Entry>, failed: Option<String>) {
    super::with_pane(model, |pane, geometry| {
        pane.handle_filled(topic, entries, failed.as_deref(), geometry);
    });
    if let Some(why) = failed {
        model.say(why);
    }
}

fn handle_came(model: &mut Model, line: Line, entries: Vec<Entry>) {
    for entry in &entries {
        match entry {
            Entry::Message(message) => handle_message(model, message),
            Entry::Change(Event::Join(member)) => handle_join(model, member),
            Entry::Change(Event::Leave(member)) => {
                if let Some(members) = model.members.get_mut(&member.topic) {
                    members.retain(|known| known.name != member.name);
                }
            }
            Entry::Change(_) => {}
        }
    }
    model.contacts.put([line.clone()]);
    // What was missed comes while the link is not live yet, faster than anybody reads.
    let watched = match model.watched() && model.link.0 == LinkState::Live {
        true => Watched::BySomebody,
        false => Watched::ByNobody,
    };
    super::with_pane(model, |pane, geometry| {
        pane.handle_came(line, entries, watched, geometry);
    });
}

fn handle_message(model: &mut Model, message: &Message) {
    let writer = (message.topic.clone(), message.from.name.clone());
    model.typing.remove(&writer);
    if model.my_name() == Some(&message.from.name) {
        forget_letter(model, &message.id);
    }
}

fn handle_join(model: &mut Model, joined: &Membership) {
    let Some(members) = model.members.get_mut(&joined.topic) else {
        return;
    };
    if !members.iter().any(|known| known.name == joined.name) {
        members.push(Member {
            name: joined.name.clone(),
            role: Role::Member,
            presence: None,
        });
    }
}

/// One look at those that are known, however many come.
fn put_letters(model: &mut Model, letters: Vec<Letter>) {
    let mut new: BTreeMap<MessageId, usize> = BTreeMap::new();
    let mut letters: Vec<Option<Letter>> = letters.into_iter().map(Some).collect();
    for (at, letter) in letters.iter().enumerate() {
        new.extend(letter.as_ref().map(|letter| (letter.id.clone(), at)));
    }
    for known in &mut model.letters {
        if new.is_empty() {
            break;
        }
        if let Some(letter) = new.remove(&known.id).and_then(|at| letters[at].take()) {
            *known = letter;
        }
    }
    let new: BTreeSet<usize> = new.into_values().collect();
    let new = new.into_iter().filter_map(|at| letters[at].take());
    model.letters.extend(new);
}

fn forget_letter(model: &mut Model, id: &MessageId) {
    // Most often it is the first: they go in order.
    if let Some(at) = model.letters.iter().position(|letter| letter.id == *id) {
        model.letters.remove(at);
    }
}
