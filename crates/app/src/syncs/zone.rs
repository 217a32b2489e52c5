//! Another time zone of the tenant: its cron schedules mean other moments from now on.

use chrono_tz::Tz;
use gangway_domain::id::TenantId;
use gangway_storage::SystemTx;

use super::schedule::{Anchor, Schedule};
use crate::{App, Result};

/// Moves the next times of the tenant's cron schedules to the zone, in the transaction that changes the tenant.
///
/// What is due already stays due: it starts as soon as somebody looks, and its time after that is reckoned in the new zone.
pub(crate) async fn move_to_zone(app: &App, tx: &SystemTx, tenant: TenantId, zone: Tz) -> Result<()> {
    let now = app.now();
    for sync in tx.syncs().list_scheduled(tenant).await? {
        let Some(schedule) = sync.schedule.as_deref().and_then(|text| Schedule::parse(text).ok()) else { continue };
        let is_due = sync.next_run_at.is_some_and(|next| next <= now);
        if is_due || matches!(schedule, Schedule::Every(_)) {
            continue;
        }
        let anchor = Anchor { id: sync.id, created_at: sync.created_at, zone };
        if let Some(next) = schedule.next_after(now, &anchor) {
            tx.syncs().update_next_run(tenant, &sync, next).await?;
        }
    }
    Ok(())
}
