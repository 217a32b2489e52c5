//! What is measured of runs, after the commit that made it true.

use gangway_domain::sync::{RunCounts, SyncRun};
use gangway_metrics::syncs::{PAGES, RECORDS, RUNS};

/// Counts what a transaction brought a run forward.
pub(super) fn moved(run: &SyncRun, before: &RunCounts) {
    let stream = run.stream.as_str();
    let after = &run.counts;
    let grown = |after: i64, before: i64| u64::try_from(after - before).ok().filter(|n| *n > 0);
    if let Some(n) = grown(after.pages, before.pages) {
        PAGES.add(n, [stream]);
    }
    for (outcome, after, before) in [
        ("created", after.created, before.created),
        ("updated", after.updated, before.updated),
        ("unchanged", after.unchanged, before.unchanged),
        ("quarantined", after.quarantined, before.quarantined),
        ("deleted", after.deleted, before.deleted),
    ] {
        if let Some(n) = grown(after, before) {
            RECORDS.add(n, [stream, outcome]);
        }
    }
}

/// Counts a run that has ended.
pub(super) fn ended(run: &SyncRun) {
    let begun = run.started_at.unwrap_or(run.created_at);
    let took = run.finished_at.map_or_else(Default::default, |at| (at - begun).to_std().unwrap_or_default());
    RUNS.record(took, [run.stream.as_str(), run.state.as_str()]);
}
