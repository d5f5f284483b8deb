//! What a server does by itself: tells who came and went, tells marks when their second is over, writes what is
//! written behind, and looks for notices that an unreliable bus lost.

use std::sync::Arc;
use std::time::Duration;

use chat_proto::{Refusal, Rev};
use tokio_util::sync::CancellationToken;

use crate::bus::Notice;
use crate::change::Place;
use crate::clock::Millis;
use crate::limits::{REPAIR_MS, REPAIR_PAGE, WRITE_BEHIND_MS};
use crate::presence::Turn;
use crate::service::{App, presence};

/// Runs until `stopping`, then writes what is still behind.
pub async fn run(app: Arc<App>, stopping: CancellationToken) {
    tokio::select! {
        () = attend(&app) => {}
        () = tell_marks(&app) => {}
        () = write_behind(&app) => {}
        () = repair(&app), if !app.bus.reliable() => {}
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

/// Tells who came and went.
async fn attend(app: &App) {
    loop {
        let (turns, next) = app.attendance.turns(app.clock.monotonic());
        for (turn, name) in turns {
            // While the store is away nobody can be told; who asks gets the truth.
            if let Err(refusal) = tell_turn(app, turn, &name).await {
                tracing::debug!(code = %refusal.code, "presence could not be told");
            }
        }
        wait(app, next, &app.attendance.wake).await;
    }
}

async fn tell_turn(app: &App, turn: Turn, name: &chat_proto::Name) -> Result<(), Refusal> {
    let user = match turn {
        Turn::Came(user) => user,
        Turn::Went(user) => {
            app.store.set_last_seen(&[(user, app.clock.wall())]).await?;
            user
        }
    };
    presence::tell(app, user, name).await
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
        crate::metrics::upkeep();
        app.marks.flush(app.store.as_ref()).await;
    }
}

/// Reads the feed over all conversations and offers it to the connections here: what they have, they pass over.
async fn repair(app: &App) {
    let mut place = loop {
        match app.store.last_place().await {
            Ok(place) => break place,
            Err(_) => tokio::time::sleep(Duration::from_millis(REPAIR_MS)).await,
        }
    };
    loop {
        match repair_page(app, place).await {
            Some(next) => place = next,
            None => tokio::time::sleep(Duration::from_millis(REPAIR_MS)).await,
        }
    }
}

/// Offers one page; the place up to which it went, if there was anything.
async fn repair_page(app: &App, place: Place) -> Option<Place> {
    let page = app.store.since(place, REPAIR_PAGE).await.ok()?;
    for committed in &page {
        debug_assert!(committed.change.rev > Rev(0), "changes are numbered from 1");
        app.router.offer(
            &committed.members,
            &Notice::Change(committed.change.clone()),
        );
    }
    page.last().map(|committed| committed.change.place)
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
