//! Who may serve a database: one process that counts vendor budgets in its memory, or any number that count them in Redis together.
//! One of each kind would spend them twice.
//!
//! The right is a lease in the database, since sessions keep no state there. On the embedded database the lock file does it.

use std::time::Duration;

use anyhow::bail;
use gangway_app::{
    App,
    queue::{self, Alone},
};
use gangway_domain::id::JobId;
use tokio::{task::JoinHandle, time::MissedTickBehavior};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{assemble, telemetry::Chain};

/// A database that is away must not hold up the end for longer.
const GIVE_BACK: Duration = Duration::from_secs(5);

/// The right to serve, kept until [`Sole::leave`].
pub struct Sole {
    app: App,
    process: JobId,
    is_shared: bool,
    ended: CancellationToken,
    keeper: JoinHandle<bool>,
}

impl Sole {
    /// Takes the right and keeps it; when it is lost, `stop` is cancelled. None where the lock file stands for it.
    ///
    /// # Errors
    /// When another process has it, or the database does not answer.
    pub async fn take(
        app: &App,
        (place, redis): (&str, Option<&str>),
        lease: Duration,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> anyhow::Result<Option<Self>> {
        if !app.db.is_postgres() {
            return Ok(None);
        }
        let is_shared = redis.is_some();
        // All that count in the same place hold it as one.
        let process = match redis {
            Some(place) => JobId::from_uuid(assemble::deployment(app, place).await?),
            None => app.new_id(),
        };
        if let Alone::Taken { left_micros } = queue::be_alone(app, process, lease).await? {
            let seconds = left_micros.unsigned_abs().div_ceil(1_000_000);
            let cure = if is_shared {
                "this one would count them in Redis, the other does not or in another one; set the same redis.url for both, or stop the \
                 other"
            } else {
                "this one would count them in its memory; set redis.url, the same for all, or stop the other"
            };
            bail!(
                "another gangway runs on the database {place}, and both would spend the vendor budgets: {cure}, or if it crashed \
                 wait {seconds} s (docs/operations.md#several-processes)"
            );
        }
        let ended = CancellationToken::new();
        let keeper = tasks.spawn(keep(app.clone(), process, lease, ended.clone(), stop.clone()));
        Ok(Some(Self { app: app.clone(), process, is_shared, ended, keeper }))
    }

    /// Gives the right back, so that the next process need not wait; one that others may still hold runs out by itself.
    ///
    /// # Errors
    /// When it was lost meanwhile.
    pub async fn leave(self) -> anyhow::Result<()> {
        let Self { app, process, is_shared, ended, keeper } = self;
        ended.cancel();
        // It may be amid a statement that the database does not answer.
        if tokio::time::timeout(GIVE_BACK, keeper).await.is_ok_and(|is_lost| is_lost.unwrap_or(false)) {
            bail!("another gangway took over the database while this one could not reach it");
        }
        if is_shared {
            return Ok(());
        }
        match tokio::time::timeout(GIVE_BACK, queue::leave(&app, process)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = %Chain(&error), "the process's lease is not given back; it runs out by itself");
            }
            Err(_) => tracing::warn!("the process's lease is not given back in time; it runs out by itself"),
        }
        Ok(())
    }
}

/// Prolongs thrice per lease until `ended`; answers whether another process has it.
async fn keep(app: App, process: JobId, lease: Duration, ended: CancellationToken, stop: CancellationToken) -> bool {
    let mut interval = tokio::time::interval(lease / 3);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while ended.run_until_cancelled(interval.tick()).await.is_some() {
        match queue::be_alone(&app, process, lease).await {
            Ok(Alone::Ours) => {}
            Ok(Alone::Taken { .. }) => {
                stop.cancel();
                return true;
            }
            Err(error) => tracing::warn!(error = %Chain(&error), "the process's lease cannot be prolonged"),
        }
    }
    false
}
