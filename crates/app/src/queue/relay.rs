//! Telling other processes that jobs wait, and hearing it from them. On SQLite there is only this process.
//!
//! A hint beside the fetchers' poll: it is sent after the commit, on a connection of its own, once for however many commits
//! came meanwhile. When it cannot be sent or heard, jobs wait for one poll, no longer.

use std::time::Duration;

use gangway_storage::queue as stored;
use tokio_util::sync::CancellationToken;

use crate::{App, Result};

/// A busy process tells the others at most this often.
const QUIET: Duration = Duration::from_millis(20);

const RECONNECT: Duration = Duration::from_secs(5);

/// Runs until `stop`. Every process that enqueues or runs jobs needs one.
pub async fn relay(app: App, stop: CancellationToken) {
    if !app.db.is_postgres() {
        return;
    }
    stop.run_until_cancelled(async { tokio::join!(tell(&app), hear(&app)) }).await;
}

async fn tell(app: &App) {
    let mut enqueued = stored::enqueued();
    while enqueued.changed().await.is_ok() {
        if let Err(error) = app.db.notify_queue().await {
            tracing::debug!(%error, "other workers are not told of new jobs; they find them by polling");
        }
        tokio::time::sleep(QUIET).await;
    }
}

async fn hear(app: &App) {
    loop {
        if let Err(error) = listen(app).await {
            tracing::debug!(%error, "cannot listen for jobs of other processes; they are found by polling");
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

async fn listen(app: &App) -> Result<()> {
    let Some(mut listener) = app.db.listen_queue().await? else { return Ok(()) };
    loop {
        listener.wake_on_notice().await?;
    }
}
