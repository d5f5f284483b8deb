//! What a message changes: [`update`] takes the model from one state to the next and says what is to be done. It
//! never waits and never fails.

pub mod commands;
mod complete;
pub mod entrance;
mod go;
pub mod help;
mod keys;
pub mod list;
mod mouse;
mod news;
mod pick;
mod program;
mod select;
pub mod switcher;
mod write;

use std::time::Duration;

use super::model::Model;
use super::model::pane::{Geometry, Pane};
use super::model::picker::{Choice, Step};
use super::msg::{Effect, Msg, Now};
use crate::client::agent::{Ask, LinkState};
use crate::client::moment::Moment;
use crate::view::frame;

/// Something happened at `now`.
pub fn update(model: &mut Model, msg: Msg, now: Now) -> Vec<Effect> {
    model.now = now;
    forget_what_is_over(model);
    match msg {
        Msg::Key(key) => keys::handle(model, key),
        Msg::Paste(text) => write::handle_paste(model, &text),
        Msg::Mouse(event) => mouse::handle(model, event),
        Msg::Resize(columns, rows) => {
            model.size = (columns, rows);
            Vec::new()
        }
        Msg::Focus(focused) => {
            model.focused = focused;
            Vec::new()
        }
        Msg::News(news) => news::handle(model, news),
        Msg::Entered(result) => {
            entrance::handle_entered(model, result);
            Vec::new()
        }
        Msg::Tick => Vec::new(),
        Msg::Edited(result) => write::handle_edited(model, result),
    }
}

/// Whether [`update`] with this may change what is shown. What the server says of one's own marks is nearly always known.
#[must_use]
pub fn draws(model: &Model, msg: &Msg, now: Now) -> bool {
    let over = deadline(model).is_some_and(|due| due <= now.moment);
    over || !matches!(msg, Msg::News(news) if news::known(model, news))
}

/// The model is about to be drawn: what a person will see is read then, and what is missing on the screen is asked
/// for. The effects are for when it is drawn; the frame shows no message as unread that is itself on the screen.
pub fn before_draw(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    effects.extend(with_pane(model, Pane::wants).flatten().map(Effect::Ask));
    effects.extend(read(model));
    effects
}

/// A message counts as read when it is on the screen of a terminal that somebody looked at.
fn read(model: &mut Model) -> Option<Effect> {
    if !model.watched() {
        return None;
    }
    let pane = model.pane.as_ref().filter(|pane| pane.opened())?;
    let topic = pane.topic().clone();
    // One's own words are never unread, so a mark that passes only them is worth no frame.
    let line = model.contacts.line(&topic).filter(|line| line.unread > 0)?;
    let seq = pane.shown_up_to(&geometry(model))?;
    let told = model
        .read_told
        .as_ref()
        .filter(|(of, _)| *of == topic)
        .map(|(_, seq)| *seq);
    if seq <= line.read_seq.max(told.unwrap_or_default()) {
        return None;
    }
    model.read_told = Some((topic.clone(), seq));
    model.contacts.change(&topic, |line| {
        if seq >= line.last_seq {
            (line.read_seq, line.unread, line.mentions) = (seq, 0, 0);
        }
    });
    Some(Effect::Ask(Ask::Read(topic, seq)))
}

/// When something changes by itself: a remark that goes, a countdown, the minute of the relative times.
#[must_use]
pub fn deadline(model: &Model) -> Option<Moment> {
    let now = model.now.moment;
    let second = Moment(now.0 - now.0 % 1_000).plus(Duration::from_secs(1));
    let ticking = matches!(model.link.0, LinkState::Down { .. }) || model.slowed_until.is_some();
    let minute = || {
        let into_minute = model.wall().micros().rem_euclid(60_000_000) / 1_000;
        let left_ms = 60_000 - u64::try_from(into_minute).unwrap_or(0);
        now.plus(Duration::from_millis(left_ms))
    };
    // Without a conversation no time is shown.
    let shows_times = !model.contacts.ranked().is_empty() && model.focused;
    [
        model.remark.as_ref().map(|(_, until)| *until),
        model.typing.values().min().copied(),
        ticking.then_some(second),
        shows_times.then(minute),
    ]
    .into_iter()
    .flatten()
    .min()
}

fn forget_what_is_over(model: &mut Model) {
    let now = model.now.moment;
    model.remark.take_if(|(_, until)| *until <= now);
    model.slowed_until.take_if(|until| *until <= now);
    model.typing.retain(|_, until| *until > now);
}

/// What the open conversation is laid out with.
fn geometry(model: &Model) -> Geometry<'_> {
    let body = frame::places(model).map(|places| (places.body.width, places.body.height));
    Geometry::of(model, body.unwrap_or_default())
}

/// Does something with the open conversation, as it is laid out.
fn with_pane<T>(model: &mut Model, act: impl FnOnce(&mut Pane, &Geometry<'_>) -> T) -> Option<T> {
    let mut pane = model.pane.take()?;
    let result = act(&mut pane, &geometry(model));
    model.pane = Some(pane);
    Some(result)
}

/// Does what was taken from a list.
fn step(model: &mut Model, step: Step) -> Vec<Effect> {
    let mut effects = step.effects;
    effects.extend(match step.choice {
        Some(Choice::Open(topic)) => go::open(model, &topic),
        Some(Choice::Join(topic)) => vec![Effect::Ask(Ask::Join(topic))],
        Some(Choice::Run(command)) => keys::run(model, command),
        None => Vec::new(),
    });
    effects
}
