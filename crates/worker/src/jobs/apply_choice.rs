//! Applies a connection's choice of attributes to its stored records, batch after batch, each in a transaction of its own that is fenced with
//! this job's lease.
//!
//! Idempotent: each record says which choice it is kept by, and one that is kept by the present one is left alone.

use std::time::{Duration, Instant};

use gangway_app::{Ctx, jobs::ApplyChoice, syncs};

use crate::{Finish, JobError, JobRun, Run};

/// After so long a large account makes room for others.
const TURN: Duration = Duration::from_secs(20);

impl Run for ApplyChoice {
    async fn run(&self, ctx: &Ctx, run: &JobRun) -> Result<Finish, JobError> {
        let started = Instant::now();
        let should_stop = || run.should_stop() || started.elapsed() >= TURN;
        Ok(match syncs::apply_choice(ctx, self.connection, &run.fence, &should_stop).await? {
            syncs::Progress::Yield => Finish::Again,
            syncs::Progress::Done => Finish::Done,
        })
    }
}
