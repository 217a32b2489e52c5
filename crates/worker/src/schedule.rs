//! The clockwork: starts due syncs every second, enqueues the platform's own jobs every hour, and every minute the chaining of
//! audit logs; then it also stores how often this process sealed with each data key.
//!
//! Every process ticks; the database decides who wins. A due sync is claimed by moving its next time on, and a platform job
//! has an id made from its period, so that a second enqueue changes nothing. Nothing is computed here that a job could do.

use std::time::Duration;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use gangway_app::{App, audit, jobs, seal, syncs};
use gangway_domain::id::JobId;
use gangway_metrics::jobs::TICKS;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{WorkerConfig, error::Chain};

const TICK: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// Ticks until `stop`.
pub(crate) async fn tick(app: App, config: WorkerConfig, stop: CancellationToken) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut enqueued_for, mut counted_for) = (None, None);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        let started = syncs::start_due(&app).await;
        TICKS.add(1, [if started.is_ok() { "done" } else { "failed" }]);
        if let Err(error) = started {
            tracing::warn!(error = %Chain(&error), "due syncs were not started; the next tick tries again");
        }
        let minute = begin_of(app.now(), TimeDelta::minutes(1));
        if counted_for != Some(minute) {
            counted_for = Some(minute);
            store_counts(&app).await;
            if let Err(error) = audit::start_chaining(&app).await {
                tracing::warn!(error = %Chain(&error), "audit logs were not chained; the next minute tries again");
            }
        }
        let hour = begin_of(app.now(), TimeDelta::hours(1));
        if enqueued_for == Some(hour) {
            continue;
        }
        match enqueue_all(&app, &config, hour).await {
            Ok(()) => enqueued_for = Some(hour),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the platform's jobs were not enqueued; the next tick tries again");
            }
        }
    }
}

/// Stores every minute how often this process sealed, where nothing else ticks.
pub(crate) async fn store_counts_each_minute(app: &App, stop: CancellationToken) {
    let mut interval = tokio::time::interval(MINUTE);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        store_counts(app).await;
    }
}

/// Stores how often this process sealed. Also the last thing a process does.
pub(crate) async fn store_counts(app: &App) {
    if let Err(error) = seal::store_counts(app).await {
        tracing::warn!(error = %Chain(&error), "how often data keys sealed was not stored; it is kept for the next time");
    }
}

async fn enqueue_all(app: &App, config: &WorkerConfig, hour: DateTime<Utc>) -> gangway_app::Result<()> {
    jobs::enqueue_platform_once(app, id_of(hour, *b"prune-jobs"), &config.prune).await?;
    jobs::enqueue_platform_once(app, id_of(hour, *b"rotatekeys"), &config.rotate).await
}

fn begin_of(now: DateTime<Utc>, period: TimeDelta) -> DateTime<Utc> {
    now.duration_trunc(period).unwrap_or(now)
}

/// The same in every process for the whole hour.
fn id_of(hour: DateTime<Utc>, job: [u8; 10]) -> JobId {
    JobId::new(hour, job)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_agree_on_the_id_within_an_hour_only() {
        let at = |text: &str| id_of(begin_of(text.parse().unwrap(), TimeDelta::hours(1)), *b"prune-jobs");
        assert_eq!(at("2026-01-01T10:00:00Z"), at("2026-01-01T10:59:59.999999Z"));
        assert_ne!(at("2026-01-01T10:00:00Z"), at("2026-01-01T11:00:00Z"));
    }
}
