//! Which runner a kind has. The list is [`Registry::standard`].

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use futures::future::BoxFuture;
use gangway_app::{
    App, Ctx,
    jobs::{ApplyChoice, ChainAudit, PruneJobs, ReleaseHeld, RemapRecords, ResumeJobs, RotateKeys, RunSync},
    queue::{Claimed, Outcome},
};
use gangway_domain::principal::{Principal, Scope};
use tokio_util::sync::CancellationToken;

use crate::{Finish, JobError, JobRun, Run};

type Runner = for<'a> fn(&'a Ctx, &'a str, &'a JobRun) -> BoxFuture<'a, Result<Finish, JobError>>;

/// Runners by kind, and the queues they are served from.
#[derive(Clone, Default)]
pub struct Registry {
    runners: BTreeMap<&'static str, Runner>,
    queues: BTreeSet<&'static str>,
}

impl Registry {
    /// Every job of the platform.
    pub fn standard() -> Self {
        Self::default()
            .with::<ApplyChoice>()
            .with::<ChainAudit>()
            .with::<PruneJobs>()
            .with::<ReleaseHeld>()
            .with::<RemapRecords>()
            .with::<ResumeJobs>()
            .with::<RotateKeys>()
            .with::<RunSync>()
    }

    /// Adds a runner.
    #[must_use]
    pub fn with<J: Run>(mut self) -> Self {
        self.runners.insert(J::KIND, run_erased::<J>);
        self.queues.insert(J::QUEUE);
        self
    }

    /// The kinds that have a runner.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.runners.keys().copied()
    }

    pub(crate) fn queues(&self) -> impl Iterator<Item = &'static str> {
        self.queues.iter().copied()
    }

    /// Runs a leased job in the scope that its row gives.
    pub(crate) async fn carry_out(&self, app: App, job: &Claimed, stop: CancellationToken) -> Result<Finish, JobError> {
        let Claimed { scope, fence, kind, payload, attempt, max_attempts, .. } = job;
        let run = JobRun { fence: *fence, attempt: *attempt, max_attempts: *max_attempts, stop };
        let ctx = Ctx::new(app, Principal::Job(fence.job), *scope, Scope::ALL.to_vec());
        self.run(&ctx, kind, payload, &run).await
    }

    /// Runs a leased job once, outside of the workers, and answers what to acknowledge: for those who decide themselves when
    /// time passes.
    pub async fn attempt(&self, app: &App, job: &Claimed, stop: &CancellationToken) -> Outcome {
        match self.carry_out(app.clone(), job, stop.clone()).await {
            Ok(Finish::Done) => Outcome::Done,
            Ok(Finish::Again) => Outcome::Again,
            Err(error) => error.outcome(),
        }
    }

    /// Decodes and runs. What cannot be decoded or is not known fails for good: it stays visible, and the worker lives.
    pub(crate) async fn run(&self, ctx: &Ctx, kind: &str, payload: &str, run: &JobRun) -> Result<Finish, JobError> {
        match self.runners.get(kind) {
            Some(runner) => runner(ctx, payload, run).await,
            None => Err(JobError::fail(format!("this version has no runner for jobs of kind {kind}"))),
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("kinds", &self.runners.keys()).field("queues", &self.queues).finish()
    }
}

fn run_erased<'a, J: Run>(ctx: &'a Ctx, payload: &'a str, run: &'a JobRun) -> BoxFuture<'a, Result<Finish, JobError>> {
    Box::pin(async move {
        // Where, not what: the payload may be anything.
        let job: J = serde_json::from_str(payload).map_err(|error| {
            let kind = J::KIND;
            JobError::fail(format!("the payload of this {kind} job cannot be read (column {})", error.column()))
        })?;
        job.run(ctx, run).await
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_has_a_runner_and_every_runner_a_job() {
        let runners: BTreeSet<_> = Registry::standard().kinds().collect();
        let jobs: BTreeSet<_> = gangway_app::jobs::KINDS.iter().copied().collect();
        assert_eq!(runners, jobs);
        assert!(Registry::standard().queues().eq(gangway_app::jobs::QUEUES.iter().copied()), "counted are all queues");
    }

    #[test]
    fn kinds_are_kebab_case() {
        for kind in gangway_app::jobs::KINDS {
            assert!(kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{kind}");
        }
    }
}
