//! What a server does by itself: says to other nodes who is here, tells who came and went, tells marks when their
//! second is over, writes what is written behind, and looks for what an unreliable bus or another node left untold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chat_proto::Rev;
use tokio_util::sync::CancellationToken;

use crate::bus::Notice;
use crate::change::{ConversationId, Place, UserId};
use crate::clock::Millis;
use crate::limits::{REPAIR_MS, REPAIR_PAGE, SESSIONS_ASKED_MS, TURNS_AGAIN_MS, WRITE_BEHIND_MS};
use crate::metrics;
use crate::nodes::Output;
use crate::service::{App, presence};
use crate::store::Committed;

/// Runs until `stopping`, then writes what is still behind. What was stored after `place`, which was read before anybody
/// was served, and was not told is found.
pub async fn run(app: Arc<App>, place: Place, stopping: CancellationToken) {
    let untold = app.store.shared() || !app.bus.reliable();
    tokio::select! {
        () = converse(&app) => {}
        () = attend(&app) => {}
        () = tell_marks(&app) => {}
        () = write_behind(&app) => {}
        () = repair(&app, place), if untold => {}
        () = close_ended(&app), if app.store.shared() => {}
        () = stopping.cancelled() => {}
    }
    app.marks.flush(app.store.as_ref()).await;
    let now = app.clock.wall();
    let seen: Vec<_> = app
        .attendance
        .everybody()
        .into_iter()
        .map(|user| (user, now))
        .collect();
    if let Err(away) = app.store.set_last_seen(&seen).await {
        tracing::warn!(%away, "it could not be written when people were last seen");
    }
}

/// Says to other nodes what is to be said, at its time, whatever the store does.
async fn converse(app: &App) {
    loop {
        let tick = app.attendance.tick();
        for word in &tick.words {
            app.bus.say(word);
        }
        for news in &tick.news {
            log_news(news);
        }
        if !tick.news.is_empty() {
            #[expect(clippy::cast_precision_loss, reason = "a handful of nodes")]
            ::metrics::gauge!(metrics::NODES).set(app.attendance.others().len() as f64);
        }
        wait(app, tick.next, &app.attendance.moved).await;
    }
}

fn log_news(news: &Output) {
    match news {
        Output::NodeCame(node) => tracing::info!(%node, "another node is there"),
        Output::NodeWent(node) => tracing::info!(%node, "another node is there no more"),
        Output::ClocksApart(node, seconds) => tracing::warn!(
            %node,
            seconds,
            "the clocks of two nodes differ: set both by NTP, or tokens and tickets of one end early or late on the other"
        ),
        Output::Say(_) | Output::Turn(_) | Output::LastSeen(..) => {}
    }
}

/// Tells who came and went. While the store is away nobody can be told, and who asks gets the truth; then it is tried again.
async fn attend(app: &App) {
    loop {
        app.attendance.turned.notified().await;
        if let Err(untold) = presence::tell_turns(app, app.attendance.turns()).await {
            app.attendance.put_back(untold);
            tokio::time::sleep(Duration::from_millis(TURNS_AGAIN_MS)).await;
            app.attendance.turned.notify_one();
        }
    }
}

async fn tell_marks(app: &App) {
    loop {
        let next = app.marks.tell_due(app.bus.as_ref(), app.clock.monotonic());
        wait(app, next, &app.marks.wake).await;
    }
}

async fn write_behind(app: &App) {
    loop {
        tokio::time::sleep(Duration::from_millis(WRITE_BEHIND_MS)).await;
        metrics::upkeep();
        app.marks.flush(app.store.as_ref()).await;
    }
}

/// Closes the connections of sessions that ended elsewhere, and of which no notice came.
async fn close_ended(app: &App) {
    loop {
        tokio::time::sleep(Duration::from_millis(SESSIONS_ASKED_MS)).await;
        let here = app.router.sessions();
        if here.is_empty() {
            continue;
        }
        let ids: Vec<_> = here.keys().cloned().collect();
        // While the store is away nobody can have ended one.
        let gone = app.store.sessions_gone(&ids).await.unwrap_or_default();
        for session in gone {
            if let Some(user) = here.get(&session) {
                app.router.offer(&[*user], &Notice::SessionEnded(session));
            }
        }
    }
}

/// Reads the feed over all conversations, and tells the connections here how far these go: what they have, they pass over.
async fn repair(app: &App, mut place: Place) {
    let mut told = None;
    loop {
        match app.store.since(place, REPAIR_PAGE).await {
            Ok(page) => {
                told = None;
                metrics::hot().repaired.increment(page.len() as u64);
                offer_heads(app, &page);
                if let Some(last) = page.last() {
                    place = last.change.place;
                    continue;
                }
            }
            // Once for each reason: nothing that other nodes stored is found meanwhile, if the bus is away, too.
            Err(error) if told.as_ref() != Some(&error) => {
                tracing::warn!(%error, "it could not be looked for lost notices");
                told = Some(error);
            }
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(REPAIR_MS)).await;
    }
}

/// Offers how far each conversation goes to those who were members at any of its changes: who left is told up to the
/// leaving. One number a conversation and not each change, as nearly everybody has heard all of it.
pub fn offer_heads(app: &App, page: &[Committed]) {
    let mut heads: BTreeMap<ConversationId, (Rev, BTreeSet<UserId>)> = BTreeMap::new();
    for Committed { change, members } in page {
        debug_assert!(change.rev > Rev(0), "changes are numbered from 1");
        let (head, concerned) = heads.entry(change.conversation).or_default();
        *head = (*head).max(change.rev);
        concerned.extend(members.iter().copied());
    }
    for (conversation, (head, concerned)) in heads {
        let concerned: Vec<UserId> = concerned.into_iter().collect();
        app.router
            .offer(&concerned, &Notice::Head(conversation, head));
    }
}

async fn wait(app: &App, next: Option<Millis>, wake: &tokio::sync::Notify) {
    match next {
        Some(next) => {
            let ms = next.since(app.clock.monotonic());
            let _ = tokio::time::timeout(Duration::from_millis(ms.max(1)), wake.notified()).await;
        }
        None => wake.notified().await,
    }
}
