//! Fills free slots. Slots are taken before claiming, so that nothing waits in a buffer while its lease runs.

use std::{sync::Arc, time::Duration};

use apalis::prelude::{Task, TaskBuilder, TaskId};
use gangway_app::queue::{self, ClaimRequest};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

use super::{Lease, Leased, Shared};
use crate::error::Chain;

/// Jobs claimed in one transaction at most.
const BATCH: usize = 64;

/// How long a claim waits for more slots when jobs wait anyway: one for several jobs costs little more than one for each.
const GATHER: Duration = Duration::from_millis(1);

pub(super) async fn fetch(shared: Arc<Shared>, jobs: mpsc::Sender<Task<Leased>>, stop: CancellationToken) {
    let mut wakes = queue::wakes();
    let mut turn = 0;
    let mut more_wait = false;
    loop {
        let Some(mut slots) = stop.run_until_cancelled(free_slots(&shared, more_wait)).await else { return };
        // Seen before the claim: a wake that comes during it is not lost.
        wakes.borrow_and_update();
        let wanted = slots.len();
        let request = ClaimRequest {
            queue: shared.queue.to_owned(),
            owner: shared.owner.clone(),
            slots: wanted,
            turn,
            lease: shared.config.lease,
        };
        let mut share = shared.share();
        // Not cancelled by `stop`: a claim that commits unheard would keep its jobs until their leases expire.
        let claimed = match queue::claim_within(&shared.app, &request, share.clone()).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), queue = shared.queue, "jobs cannot be claimed");
                Vec::new()
            }
        };
        let n_claimed = claimed.len();
        turn += n_claimed;
        more_wait = n_claimed > 0;
        for job in &claimed {
            share.add(job.scope.tenant());
        }
        let lease = |tenant| Lease { tenant, has_slot: true };
        shared.held().extend(claimed.iter().map(|job| (job.fence, lease(job.scope.tenant()))));
        for (job, slot) in claimed.into_iter().zip(slots.drain(..n_claimed.min(wanted))) {
            // With the epoch: apalis panics when the same id runs twice, which a lost lease can bring about.
            let id = format!("{}-{}", job.fence.job, job.fence.epoch);
            // apalis counts the try itself.
            let tries_before = usize::try_from(job.attempt - 1).unwrap_or(0);
            let leased = Leased { job: Arc::new(job), slot: Arc::new(slot) };
            let task = TaskBuilder::new(leased).task_id(TaskId::from_string(id)).attempt(tries_before).build();
            if jobs.send(task).await.is_err() {
                return;
            }
        }
        drop(slots);
        if n_claimed < wanted {
            // A tenant that had its full share in this claim may have more jobs, which its next free slot can take.
            let may_go_on = share.has_full();
            let idle = async {
                tokio::select! {
                    _ = tokio::time::timeout(shared.config.poll, wakes.changed()) => {}
                    () = shared.freed.notified(), if may_go_on => {}
                    () = shared.returned.notified() => {}
                }
            };
            if stop.run_until_cancelled(idle).await.is_none() {
                return;
            }
        }
    }
}

/// Waits for one free slot, and takes the others that are free, or become so while a claim of several is worth waiting for.
async fn free_slots(shared: &Shared, more_wait: bool) -> Vec<OwnedSemaphorePermit> {
    let mut slots = Vec::new();
    // Never closed, so `Err` means nothing to do; the claim of no slots then just waits for the poll.
    slots.extend(Arc::clone(&shared.slots).acquire_owned().await);
    let missing = shared.config.concurrency.min(BATCH).saturating_sub(slots.len());
    if more_wait && let Ok(n) = u32::try_from(missing) {
        let all = Arc::clone(&shared.slots).acquire_many_owned(n);
        if let Ok(Ok(mut all)) = tokio::time::timeout(GATHER, all).await {
            slots.extend(std::iter::from_fn(|| all.split(1)));
        }
    }
    while slots.len() < BATCH
        && let Ok(slot) = Arc::clone(&shared.slots).try_acquire_owned()
    {
        slots.push(slot);
    }
    slots
}
