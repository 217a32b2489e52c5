//! Replacing data keys: a new one seals from now on, the old one still opens what names it. Nothing is sealed anew.

use chrono::Duration;
use gangway_storage::{SystemReason, data_keys::DataKeyPlace};
use gangway_vault::SEALS_BEFORE_ROTATION;

use super::unwrap_one;
use crate::{Ctx, Result, audit, jobs::RotateKeys};

/// Rows read per query.
const BATCH: u64 = 100;

/// Replaces the data keys of all tenants that are old enough or have sealed enough, until none is left or `should_stop` says
/// so; answers how many. One that cannot be replaced does not keep the others from it.
///
/// # Errors
/// The first of those failures, at the end.
pub async fn rotate_due(ctx: &Ctx, job: &RotateKeys, should_stop: &(dyn Fn() -> bool + Send + Sync)) -> Result<u64> {
    let app = ctx.app();
    let made_until = (job.max_age_days > 0).then(|| app.now() - Duration::days(job.max_age_days.into()));
    let mut after = None;
    let mut n_rotated = 0;
    let mut failure = None;
    'all: loop {
        let tx = app.db.begin_system(SystemReason::RotateKeys).await?;
        let due = tx.data_keys().list_due(made_until, SEALS_BEFORE_ROTATION, after, BATCH).await?;
        tx.commit().await?;
        after = due.last().copied();
        if after.is_none() {
            break;
        }
        for place in due {
            if should_stop() {
                break 'all;
            }
            match rotate(ctx, place).await {
                Ok(true) => n_rotated += 1,
                Ok(false) => {}
                Err(error) => {
                    let (tenant, key) = place;
                    tracing::error!(
                        tenant.id = %tenant, data_key.id = %key, error = %error,
                        "the data key {key} cannot be replaced and stays in use"
                    );
                    failure.get_or_insert(error);
                }
            }
        }
    }
    failure.map_or(Ok(n_rotated), Err)
}

/// Replaces one data key; false when somebody else has.
async fn rotate(ctx: &Ctx, place: DataKeyPlace) -> Result<bool> {
    let app = ctx.app();
    let (tenant, _) = place;
    let now = app.now();
    let tx = app.db.begin_system(SystemReason::RotateKeys).await?;
    let Some(old) = tx.data_keys().retire(place, now).await? else {
        tx.commit().await?;
        return Ok(false);
    };
    // The hash key is the tenant's for ever: another would make every record look changed.
    let (_, hash_key) = unwrap_one(&app.keys.ring, tenant, &old)?;
    let next = app.keys.make(app, tenant, &hash_key);
    audit::record_platform(ctx, &tx, tenant, "data-key.rotate", &next.id.to_string()).await?;
    tx.data_keys().create(tenant, next, now).await?;
    tx.commit().await?;
    Ok(true)
}
