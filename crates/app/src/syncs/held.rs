//! Deletions that wait for a human: what a batch names, and the yes or no to it.

use chrono::TimeDelta;
use gangway_domain::{
    Code,
    held::{Finding, HeldBatch, HeldState},
    id::{SyncId, SyncRunId},
    principal::Scope,
    record::{RecordState, Stream},
    sync::{RunMode, RunState, SyncRun},
};
use gangway_storage::{Page, PageRequest, TenantTx, held::Decision, queue::JobFence};
use serde_json::json;
use uuid::Uuid;

use super::{bury, execute::Progress, finish::about, measure};
use crate::{
    Ctx, Error, Result, audit, events,
    jobs::{self, ReleaseHeld},
    records::wire_id,
    seal::TenantKeys,
};

/// Object kind under which a reason is sealed.
const KIND: &str = "held-batch";
/// Field under which a reason is sealed.
const FIELD: &str = "reason";
/// Characters of a reason.
pub const LONGEST_REASON: usize = 1_000;

/// A batch with a page of what it names.
#[derive(Debug, Clone)]
pub struct Held {
    /// The batch.
    pub batch: HeldBatch,
    /// What kind its records are.
    pub stream: Stream,
    /// Why somebody decided as they did.
    pub reason: Option<String>,
    /// The records, in the order of their ids.
    pub records: Page<HeldEntry>,
}

/// A record in a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldEntry {
    /// Its id on the wire.
    pub id: String,
    /// The stored id.
    pub record: Uuid,
    /// Its name at the vendor.
    pub external_id: String,
    /// What is known of it.
    pub finding: Finding,
    /// Whether it is still shown.
    pub state: RecordState,
}

/// A human's word on a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// They are gone.
    Release,
    /// They are not.
    Refuse,
}

/// The newest batch of a sync.
///
/// # Errors
/// `object.not-found` when there is no such sync, or nothing of it was ever held.
pub async fn held(ctx: &Ctx, sync: SyncId, page: PageRequest<Uuid>) -> Result<Held> {
    ctx.require(Scope::ConnectionsRead)?;
    let app = ctx.app();
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let tx = app.db.begin_read(ctx.scope()).await?;
    let sync = tx.syncs().get(sync).await?;
    let batch = tx.held().find_last(sync.id).await?.ok_or_else(|| Error::not_found("held batch"))?;
    let view = view(&tx, &keys, sync.stream, batch, page).await?;
    tx.commit().await?;
    Ok(view)
}

async fn view(
    tx: &TenantTx,
    keys: &TenantKeys,
    stream: Stream,
    batch: HeldBatch,
    page: PageRequest<Uuid>,
) -> Result<Held> {
    let reason = match tx.held().find_reason(batch.run).await? {
        Some(sealed) => {
            let opened = keys.open(tx, KIND, batch.run.uuid(), FIELD, &sealed).await?;
            Some(String::from_utf8_lossy(&opened).into_owned())
        }
        None => None,
    };
    let Page { items, has_more } = tx.held().list_records(batch.run, page).await?;
    let ids: Vec<Uuid> = items.iter().map(|held| held.record).collect();
    let records = tx.records().list_by_ids(&ids).await?;
    let entries = items
        .into_iter()
        .filter_map(|held| {
            let record = records.iter().find(|record| record.id == held.record)?;
            Some(HeldEntry {
                id: wire_id(stream, record.id),
                record: record.id,
                external_id: record.external.id.clone(),
                finding: held.finding,
                state: record.state,
            })
        })
        .collect();
    Ok(Held { batch, stream, reason, records: Page { items: entries, has_more } })
}

/// Says yes or no to a sync's batch, which `run` names as the caller saw it. Saying the same again changes nothing.
///
/// # Errors
/// `object.not-found`; `request.invalid` for a reason that is empty or too long; `held.outdated` when another batch has taken
/// this one's place; `held.decided` when somebody decided otherwise.
pub async fn decide(ctx: &Ctx, sync: SyncId, run: SyncRunId, verb: Verb, reason: &str) -> Result<Held> {
    ctx.require(Scope::ConnectionsWrite)?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
        return Err(Error::invalid("/reason", format!("must have 1 to {LONGEST_REASON} characters")));
    }
    let app = ctx.app();
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let mut tx = app.db.begin(ctx.scope()).await?;
    let sync = tx.syncs().get_locked(sync).await?;
    let batch = tx.held().find_last(sync.id).await?.ok_or_else(|| Error::not_found("held batch"))?;
    let wanted = match verb {
        Verb::Release => [HeldState::Releasing, HeldState::Released],
        Verb::Refuse => [HeldState::Refused, HeldState::Refused],
    };
    if batch.run != run || batch.state == HeldState::Superseded {
        let message = if batch.run == run {
            "The records of this batch were seen again, or a later full run was believed; nothing is left to decide."
        } else {
            "A later full run has taken this batch's place; read the sync's held deletions again."
        };
        return Err(Error::new(Code::HeldOutdated, message).with_existing(batch.run));
    }
    if batch.state == HeldState::Open {
        let now = app.now();
        let settings = tx.settings().get().await?.settings;
        let decision = Decision {
            state: wanted[0],
            reason: keys.seal(KIND, batch.run.uuid(), FIELD, reason.as_bytes()),
            by: ctx.principal().label(),
            at: now,
            refused_until: (verb == Verb::Refuse).then(|| now + TimeDelta::days(settings.refused_days.into())),
        };
        tx.held().decide(batch.run, &decision).await?;
        let action = match verb {
            Verb::Release => "sync.held.release",
            Verb::Refuse => "sync.held.refuse",
        };
        // Not the reason: it may name people.
        let detail = json!({ "run": batch.run, "records": batch.n_missing });
        audit::record(ctx, &tx, action, &sync.id.to_string(), detail).await?;
        match verb {
            Verb::Release => drop(jobs::enqueue(ctx, &mut tx, &ReleaseHeld { run: batch.run })?),
            Verb::Refuse => end(ctx, &mut tx, &keys, batch.run, "refused").await?,
        }
    } else if !wanted.contains(&batch.state) {
        let message = format!("The batch is {} already; nothing was changed.", batch.state.as_str());
        return Err(Error::new(Code::HeldDecided, message).with_existing(batch.run));
    } else if batch.state == HeldState::Releasing {
        // Its job may have failed for good; one that waits already stands for this one.
        jobs::enqueue(ctx, &mut tx, &ReleaseHeld { run: batch.run })?;
    }
    let batch = tx.held().find(batch.run).await?.ok_or_else(|| Error::not_found("held batch"))?;
    let view = view(&tx, &keys, sync.stream, batch, PageRequest { limit: 50, after: None }).await?;
    tx.commit().await?;
    Ok(view)
}

/// Carries a release out, some records at a time. Idempotent: what is settled is named no more.
pub async fn release(
    ctx: &Ctx,
    run: SyncRunId,
    fence: &JobFence,
    should_stop: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Progress> {
    loop {
        if should_stop() {
            return Ok(Progress::Yield);
        }
        if !settle_some(ctx, run, fence).await? {
            return Ok(Progress::Done);
        }
    }
}

/// Settles some of a batch's records; answers whether there may be more.
async fn settle_some(ctx: &Ctx, run: SyncRunId, fence: &JobFence) -> Result<bool> {
    let app = ctx.app();
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let mut tx = app.db.begin(ctx.scope()).await?;
    tx.fence(fence).await?;
    let Some(found) = tx.runs().find(run).await? else { return Ok(false) };
    if tx.syncs().find_locked(found.sync).await?.is_none() {
        return Ok(false);
    }
    let Some(mut run) = tx.runs().find_locked(run).await? else { return Ok(false) };
    let Some(batch) = tx.held().find(run.id).await?.filter(|batch| batch.state == HeldState::Releasing) else {
        return Ok(false);
    };
    let before = run.counts;
    let (n_settled, has_more) = bury::bury_some(ctx, &mut tx, &keys, &mut run, false).await?;
    let state = if has_more { HeldState::Releasing } else { HeldState::Released };
    tx.held().update_progress(run.id, state, batch.n_settled.saturating_add(n_settled)).await?;
    if !has_more {
        end(ctx, &mut tx, &keys, run.id, "released").await?;
    }
    tx.commit().await?;
    measure::moved(&run, &before);
    Ok(has_more)
}

/// A run whose batch is settled is complete. The caller holds its sync.
async fn end(ctx: &Ctx, tx: &mut TenantTx, keys: &TenantKeys, run: SyncRunId, how: &str) -> Result<()> {
    let Some(run) = close(tx, run).await? else { return Ok(()) };
    let data = json!({
        "stream": run.stream, "mode": run.mode, "first": false, "window": run.window, "counts": run.counts, "sweep": how,
    });
    events::append(ctx, keys, tx, about(&run, "sync.completed", data));
    Ok(())
}

async fn close(tx: &TenantTx, run: SyncRunId) -> Result<Option<SyncRun>> {
    let Some(mut run) = tx.runs().find_locked(run).await? else { return Ok(None) };
    run.state = RunState::Completed;
    run.error_message = None;
    tx.runs().update(&run).await?;
    Ok(Some(run))
}

/// Puts what a run found before a human; the caller holds the sync and the run. Answers how many records are missing, and
/// whether that is more than the last batch said.
pub(super) async fn park(
    ctx: &Ctx,
    tx: &TenantTx,
    run: &SyncRun,
    doubtful: &super::sweep::Doubtful,
) -> Result<Option<(i64, bool)>> {
    let before = tx.held().find_pending(run.sync).await?;
    if before.as_ref().is_some_and(|batch| batch.state == HeldState::Releasing) {
        // Somebody said yes to the last batch just now; the next sweep sees what is left of it.
        tx.held().delete_findings(run.id).await?;
        return Ok(None);
    }
    if doubtful.earlier.is_some() {
        // Single reads that came to nothing have left findings behind.
        tx.held().delete_findings(run.id).await?;
    }
    let now = ctx.app().now();
    let n_missing = tx.sweeps().hold_unseen(run, doubtful.earlier.as_ref(), now).await?;
    let is_more = match &before {
        Some(batch) => tx.held().names_more(run.id, batch.run).await?,
        None => true,
    };
    if let Some(batch) = before {
        supersede(tx, &batch).await?;
    }
    tx.held()
        .create(&HeldBatch {
            run: run.id,
            sync: run.sync,
            state: HeldState::Open,
            n_missing,
            n_present: doubtful.n_present,
            n_allowed: doubtful.n_allowed,
            n_settled: 0,
            decided_by: None,
            decided_at: None,
            refused_until: None,
            created_at: now,
        })
        .await?;
    Ok(Some((n_missing, is_more)))
}

/// Sets the batch that waits aside, since a later sweep was believed.
pub(super) async fn supersede_open(tx: &TenantTx, sync: SyncId) -> Result<()> {
    match tx.held().find_pending(sync).await? {
        Some(batch) if batch.state == HeldState::Open => supersede(tx, &batch).await,
        _ => Ok(()),
    }
}

/// Has a run at its end look after the batch of its sync: one whose records were all seen again waits no more, and a full run has
/// a release go on whose job failed for good.
pub(super) async fn look_after(ctx: &Ctx, tx: &mut TenantTx, run: &SyncRun) -> Result<()> {
    let Some(batch) = tx.held().find_pending(run.sync).await? else { return Ok(()) };
    if batch.state == HeldState::Releasing {
        if run.mode == RunMode::Full {
            jobs::enqueue(ctx, tx, &ReleaseHeld { run: batch.run })?;
        }
        return Ok(());
    }
    let named = tx.held().list_records(batch.run, PageRequest { limit: 1, after: None }).await?;
    if named.items.is_empty() { supersede(tx, &batch).await } else { Ok(()) }
}

/// Takes records that were seen out of the batch that waits.
pub(super) async fn note_seen(tx: &TenantTx, batch: SyncRunId, seen: &[Uuid]) -> Result<()> {
    let n_seen = tx.held().delete_records(batch, seen).await?;
    if n_seen > 0 {
        tx.held().add_settled(batch, n_seen).await?;
    }
    Ok(())
}

async fn supersede(tx: &TenantTx, batch: &HeldBatch) -> Result<()> {
    tx.held().supersede(batch.run).await?;
    close(tx, batch.run).await?;
    Ok(())
}
