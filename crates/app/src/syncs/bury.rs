//! Carrying out what a sweep found, some records at a time: they are gone or hidden, with an event for each.

use gangway_domain::{held::Finding, record::RecordState, sync::SyncRun};
use gangway_storage::{Page, PageRequest, TenantTx, held::HeldRecord};
use serde_json::json;
use uuid::Uuid;

use super::finish::about;
use crate::{Ctx, Result, events, records::wire_id, seal::TenantKeys};

/// Records carried out in one transaction.
const BATCH: u64 = 200;

/// Carries out some of what a run found, which it then names no more; answers how many, and whether there is more. The caller
/// holds the sync and the run.
pub(super) async fn bury_some(
    ctx: &Ctx,
    tx: &mut TenantTx,
    keys: &TenantKeys,
    run: &mut SyncRun,
    is_quiet: bool,
) -> Result<(i64, bool)> {
    let Page { items, has_more } = tx.held().list_records(run.id, PageRequest { limit: BATCH, after: None }).await?;
    run.counts.deleted += bury(ctx, tx, keys, run, &items, is_quiet).await?;
    tx.runs().update(run).await?;
    let ids: Vec<Uuid> = items.iter().map(|held| held.record).collect();
    Ok((tx.held().delete_records(run.id, &ids).await?, has_more))
}

/// Marks records as gone or hidden, those that are still present, and tells each unless `is_quiet`; answers how many there were.
async fn bury(
    ctx: &Ctx,
    tx: &mut TenantTx,
    keys: &TenantKeys,
    run: &SyncRun,
    found: &[HeldRecord],
    is_quiet: bool,
) -> Result<i64> {
    let mut n_buried = 0;
    for finding in [Finding::Gone, Finding::UnseenTwice, Finding::Unseen, Finding::Hidden] {
        let records: Vec<Uuid> = found.iter().filter(|it| it.finding == finding).map(|it| it.record).collect();
        let (state, verb, confirmed_by) = match finding {
            Finding::Gone => (RecordState::Deleted, "deleted", "single_read"),
            Finding::UnseenTwice => (RecordState::Deleted, "deleted", "two_sweeps"),
            Finding::Unseen => (RecordState::Deleted, "deleted", "human"),
            Finding::Hidden => (RecordState::Hidden, "hidden", "single_read"),
        };
        let mut buried = tx.records().bury(&records, state, ctx.app().now()).await?;
        buried.sort_unstable();
        n_buried += i64::try_from(buried.len()).unwrap_or(i64::MAX);
        for record in buried.into_iter().filter(|_| !is_quiet) {
            let draft = about(run, &format!("{}.{verb}", run.stream.noun()), json!({ "confirmed_by": confirmed_by }));
            let subject = Some((record, wire_id(run.stream, record)));
            events::append(ctx, keys, tx, events::Draft { subject, ..draft });
        }
    }
    Ok(n_buried)
}
