//! Wrapping data keys anew under the current master key, so that a previous one is needed no more.
//!
//! Works beside running processes: the data keys themselves stay the same, and a process opens either form as long as both
//! master keys are on its ring. Killed anywhere it has done whole batches; the next start does the rest.

use gangway_domain::{id::PLATFORM_TENANT, principal::Scope};
use gangway_storage::{SystemReason, data_keys::DataKeyPlace};
use gangway_vault as vault;

use super::{MasterKeyUse, master_key_uses, wrapping};
use crate::{Error, OperatorCtx, Result, audit};

/// Rows changed per transaction.
const BATCH: u64 = 50;

/// Whether anything is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Yes.
    Write,
    /// No: the keys are only opened, to see whether it would go well.
    DryRun,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Data keys looked at.
    pub n_done: u64,
    /// Data keys that were wrapped by another master key at the start.
    pub n_total: u64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrapped {
    /// Fingerprint of the current master key.
    pub current: String,
    /// Data keys wrapped anew, or that would be.
    pub n_rewrapped: u64,
    /// Data keys whose stored form opens with no master key.
    pub damaged: Vec<DataKeyPlace>,
    /// Which master keys are needed by now.
    pub uses: Vec<MasterKeyUse>,
}

/// Wraps every data key of every tenant anew that another than the current master key wraps. Tells after each batch.
///
/// # Errors
/// When a master key is missing from the ring, named by its fingerprint; before anything was changed.
pub async fn rewrap(ctx: &OperatorCtx, mode: Mode, mut tell: impl FnMut(Progress)) -> Result<Rewrapped> {
    ctx.require(Scope::TenantsWrite)?;
    let app = ctx.app();
    let current = app.keys.ring.current_id().to_string();
    if let Some(missing) = app.keys.missing_master_keys(app).await?.first() {
        return Err(vault::Error::UnknownMasterKey(missing.parse()?).into());
    }
    let uses = master_key_uses(&app.db).await?;
    let n_total = uses.iter().filter(|used| used.master_key_id != current).map(|used| used.n_data_keys).sum();
    let (mut n_done, mut n_rewrapped, mut damaged, mut after) = (0, 0, Vec::new(), None);
    loop {
        let batch = rewrap_batch(ctx, mode, &current, after).await?;
        let Some(last) = batch.last else { break };
        after = Some(last);
        n_done += batch.n_rewrapped + batch.damaged.len() as u64;
        n_rewrapped += batch.n_rewrapped;
        damaged.extend(batch.damaged);
        tell(Progress { n_done, n_total });
    }
    Ok(Rewrapped { current, n_rewrapped, damaged, uses: master_key_uses(&app.db).await? })
}

/// One transaction's work.
#[derive(Default)]
struct Batch {
    n_rewrapped: u64,
    damaged: Vec<DataKeyPlace>,
    last: Option<DataKeyPlace>,
}

async fn rewrap_batch(ctx: &OperatorCtx, mode: Mode, current: &str, after: Option<DataKeyPlace>) -> Result<Batch> {
    let app = ctx.app();
    let reason = match mode {
        Mode::Write => SystemReason::RotateKeys,
        Mode::DryRun => SystemReason::Doctor,
    };
    let tx = app.db.begin_system(reason).await?;
    let mut batch = Batch::default();
    for (tenant, stored) in tx.data_keys().list_wrapped_otherwise(current, after, BATCH).await? {
        let place = (tenant, stored.id);
        batch.last = Some(place);
        let anew = match app.keys.ring.rewrap(tenant, stored.id, &wrapping(&stored)?) {
            Ok(anew) => anew,
            Err(vault::Error::Unwrap) => {
                batch.damaged.push(place);
                continue;
            }
            Err(error) => return Err(Error::from(error)),
        };
        let was = &stored.master_key_id;
        // A row that is not as it was read any more was wrapped anew by somebody else.
        if mode == Mode::DryRun
            || tx.data_keys().update_wrapping(place, was, anew.master_key_id.to_string(), anew.bytes).await?
        {
            batch.n_rewrapped += 1;
        }
    }
    if mode == Mode::Write && batch.n_rewrapped > 0 {
        audit::record_operator(ctx, &tx, PLATFORM_TENANT, "data-keys.rewrap", current).await?;
    }
    tx.commit().await?;
    Ok(batch)
}
