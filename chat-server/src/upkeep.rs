//! What a server does by itself: says to other nodes who is here, tells who came and went, tells marks when their
//! second is over, writes what is written behind, and looks for what an unreliable bus or another node left untold.

use std::sync::Arc;
use std::time::Duration;

use chat_proto::Rev;
use tokio_util::sync::CancellationToken;

use crate::bus::Notice;
use crate::change::Place;
use crate::clock::Millis;
use crate::limits::{
    FEED_KEPT_BACK_MS, REPAIR_MS, REPAIR_PAGE, REPAIR_PATIENCE_MS, SESSIONS_ASKED_MS,
    TURNS_AGAIN_MS, WRITE_BEHIND_MS,
};
use crate::metrics;
use crate::nodes::Output;
use crate::service::{App, presence};
use crate::store::{HeadSeen, Look};

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

/// Tells who came, went and set a status. While the store is away nobody can be told, and who asks gets the truth; then it is tried again.
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

/// Looks over the log for how far conversations go, and tells the connections here: what they have, they pass over.
async fn repair(app: &App, place: Place) {
    let mut look = Look::from(place);
    let mut told = None;
    let mut kept_back = KeptBack::default();
    loop {
        match app.store.heads_since(&look, REPAIR_PAGE).await {
            Ok(page) => {
                told = None;
                metrics::hot().repaired.increment(page.changes as u64);
                if !page.more {
                    tokio::time::sleep(Duration::from_millis(REPAIR_PATIENCE_MS)).await;
                }
                offer_heads(app, &page.heads);
                look = page.next;
                kept_back.watch(look.waits_for(), app.clock.monotonic());
                if page.more {
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

/// Offers how far each conversation goes to whom it concerns. One number a conversation and not each change, as nearly
/// everybody has heard all of it.
pub fn offer_heads(app: &App, heads: &[HeadSeen]) {
    for HeadSeen { head, concerned } in heads {
        debug_assert!(head.rev > Rev(0), "changes are numbered from 1");
        app.bus
            .offer_here(concerned, &Notice::Head(head.conversation, head.rev));
    }
}

/// How long the feed has been kept back by the same transaction: the operator is told once of one that never ends.
#[derive(Debug, Default)]
struct KeptBack {
    by: Option<(i64, Millis)>,
    told: bool,
}

impl KeptBack {
    fn watch(&mut self, transaction: Option<i64>, now: Millis) {
        match (self.by, transaction) {
            (Some((before, since)), Some(transaction)) if before == transaction => {
                if !self.told && now.since(since) > FEED_KEPT_BACK_MS {
                    self.told = true;
                    tracing::warn!(
                        transaction,
                        "a transaction on the database server has been open for a minute: it keeps the feed back, whoever it belongs to"
                    );
                }
            }
            (_, transaction) => {
                self.by = transaction.map(|transaction| (transaction, now));
                self.told = false;
            }
        }
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
