//! Replaces data keys that are old or have sealed much.
//!
//! Idempotent: a key that is out of use is not replaced again. Needs no fence: each key is taken out of use and followed by
//! the next in one transaction that only one worker gets through.

use gangway_app::{Ctx, jobs::RotateKeys, seal};

use crate::{Finish, JobError, JobRun, Run};

impl Run for RotateKeys {
    async fn run(&self, ctx: &Ctx, run: &JobRun) -> Result<Finish, JobError> {
        let n_rotated = seal::rotate_due(ctx, self, &|| run.should_stop()).await?;
        if n_rotated > 0 {
            tracing::info!(n_rotated, "replaced data keys that were old or had sealed much");
        }
        Ok(if run.should_stop() { Finish::Again } else { Finish::Done })
    }
}
