//! The clockwork: starts due syncs every second, and enqueues the platform's own jobs.
//!
//! Every process ticks; the database decides who wins. A due sync is claimed by moving its next time on, and a platform job
//! has an id made from its period, so that a second enqueue changes nothing. Nothing is computed here that a job could do.

use std::time::Duration;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use gangway_app::{App, jobs, syncs};
use gangway_domain::id::JobId;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{WorkerConfig, error::Chain};

const TICK: Duration = Duration::from_secs(1);

/// Ticks until `stop`.
pub(crate) async fn tick(app: App, config: WorkerConfig, stop: CancellationToken) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut pruned_for = None;
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if let Err(error) = syncs::start_due(&app).await {
            tracing::warn!(error = %Chain(&error), "due syncs were not started; the next tick tries again");
        }
        let hour = hour_of(app.now());
        if pruned_for == Some(hour) {
            continue;
        }
        match jobs::enqueue_platform_once(&app, prune_id(hour), &config.prune).await {
            Ok(()) => pruned_for = Some(hour),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "pruning was not enqueued; the next tick tries again");
            }
        }
    }
}

fn hour_of(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now)
}

/// The same in every process for the whole hour.
fn prune_id(hour: DateTime<Utc>) -> JobId {
    JobId::new(hour, *b"prune-jobs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_agree_on_the_id_within_an_hour_only() {
        let at = |text: &str| prune_id(hour_of(text.parse().unwrap()));
        assert_eq!(at("2026-01-01T10:00:00Z"), at("2026-01-01T10:59:59.999999Z"));
        assert_ne!(at("2026-01-01T10:00:00Z"), at("2026-01-01T11:00:00Z"));
    }
}
