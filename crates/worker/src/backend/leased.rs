//! A leased job on its way through apalis, and the run itself.

use std::{fmt, sync::Arc, time::Instant};

use apalis::prelude::BoxDynError;
use gangway_app::{
    App,
    queue::{Claimed, trace},
};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{Finish, JobError, Registry};

/// A claimed job with the slot it holds. The slot is free again once the result is written.
#[derive(Clone)]
pub(crate) struct Leased {
    pub(crate) job: Arc<Claimed>,
    pub(crate) slot: Arc<OwnedSemaphorePermit>,
}

impl fmt::Debug for Leased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the payload.
        f.debug_tuple("Leased").field(&self.job.fence).finish()
    }
}

impl Leased {
    /// Runs the job in the scope that its row gives.
    pub(crate) async fn run(
        self,
        app: App,
        registry: Registry,
        stop: CancellationToken,
    ) -> Result<Finish, BoxDynError> {
        let Claimed { scope, fence, kind, attempt, traceparent, .. } = &*self.job;
        let span = tracing::info_span!(
            "job.run",
            "job.id" = %fence.job,
            "job.kind" = kind.as_str(),
            "job.attempt" = attempt,
            "tenant.id" = %scope.tenant(),
        );
        trace::link(&span, traceparent.as_deref());
        let started = Instant::now();
        async {
            let result = registry.carry_out(app, &self.job, stop).await;
            let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::debug!(duration_ms = millis, "job ended");
            result.map_err(BoxDynError::from)
        }
        .instrument(span)
        .await
    }
}

/// What a job answers that still ran when the shutdown's time was over. Nobody hears it: its lease expires.
pub(crate) fn cut_off() -> Result<Finish, BoxDynError> {
    Err(JobError::retry("the process ended").into())
}
