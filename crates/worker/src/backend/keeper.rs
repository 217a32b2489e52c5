//! Keeps leases, and takes back those of dead workers. Independent of the worker's poll loop: it goes on while draining.

use std::sync::Arc;

use gangway_app::queue;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::error::Chain;

/// Renews and reaps thrice per lease, until `ended`.
pub(super) async fn keep(shared: Arc<Shared>, ended: CancellationToken) {
    let mut interval = tokio::time::interval(shared.config.lease / 3);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while ended.run_until_cancelled(interval.tick()).await.is_some() {
        let held: Vec<_> = shared.held().keys().copied().collect();
        if let Err(error) = queue::renew(&shared.app, &held, shared.config.lease).await {
            tracing::warn!(error = %Chain(&error), queue = shared.queue, "leases cannot be renewed");
            // Who cannot renew must not judge others: their renewals may just have failed too.
            continue;
        }
        match queue::reap(&shared.app).await {
            Ok(reaped) if reaped.n_returned + reaped.n_failed > 0 => tracing::warn!(
                n_returned = reaped.n_returned,
                n_failed = reaped.n_failed,
                "leases had expired: a worker died or was cut off"
            ),
            Ok(_) => {}
            Err(error) => tracing::warn!(error = %Chain(&error), "expired leases cannot be taken back"),
        }
    }
}
