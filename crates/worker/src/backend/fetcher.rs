//! Fills free slots. Slots are taken before claiming, so that nothing waits in a buffer while its lease runs.

use std::sync::Arc;

use apalis::prelude::{Task, TaskBuilder, TaskId};
use gangway_app::queue::{self, ClaimRequest};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

use super::{Leased, Shared};
use crate::error::Chain;

/// Jobs claimed in one transaction at most.
const BATCH: usize = 64;

pub(super) async fn fetch(shared: Arc<Shared>, jobs: mpsc::Sender<Task<Leased>>, stop: CancellationToken) {
    let mut wakes = queue::wakes();
    let mut turn = 0;
    loop {
        let Some(mut slots) = stop.run_until_cancelled(free_slots(&shared)).await else { return };
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
        for job in &claimed {
            share.add(job.scope.tenant());
        }
        shared.held().extend(claimed.iter().map(|job| (job.fence, job.scope.tenant())));
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
                }
            };
            if stop.run_until_cancelled(idle).await.is_none() {
                return;
            }
        }
    }
}

/// Waits for one free slot, and takes the others that are free.
async fn free_slots(shared: &Shared) -> Vec<OwnedSemaphorePermit> {
    let mut slots = Vec::new();
    // Never closed, so `Err` means nothing to do; the claim of no slots then just waits for the poll.
    slots.extend(Arc::clone(&shared.slots).acquire_owned().await);
    while slots.len() < BATCH
        && let Ok(slot) = Arc::clone(&shared.slots).try_acquire_owned()
    {
        slots.push(slot);
    }
    slots
}
