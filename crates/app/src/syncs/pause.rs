//! The pause of a connection whose runs fail: scheduled runs wait, each time longer, until a run succeeds or somebody acts.
//!
//! A stream whose own last run went well does not wait for another's trouble, unless the connection does not work at all. A
//! sync that waits has the end of the pause as its next time, or none while the pause has no end.

use chrono::TimeDelta;
use gangway_domain::{
    Code,
    connection::{Connection, ConnectionState, Pause},
    id::ConnectionId,
    sync::{RunState, Sync},
};
use gangway_storage::TenantTx;

use super::{due, runs, schedule::share_of};
use crate::{Ctx, Result};

/// The first pause; each further one is twice as long.
const FIRST: TimeDelta = TimeDelta::minutes(5);
/// The longest.
const LONGEST: TimeDelta = TimeDelta::hours(24);

/// Pauses a connection after a failed run, and lets the run's sync wait for the end of it. The caller holds both rows.
///
/// A failure while a pause lasts (another stream's, or a run by hand) does not lengthen it.
pub(super) async fn begin(
    ctx: &Ctx,
    tx: &TenantTx,
    connection: ConnectionId,
    sync: &mut Sync,
    code: Code,
) -> Result<()> {
    let now = ctx.app().now();
    let mut connection = tx.connections().get(connection).await?;
    let needs_somebody = code == Code::CredentialRefused;
    if needs_somebody || !connection.is_paused_at(now) {
        connection.failures = connection.failures.saturating_add(1);
        connection.paused_until = (!needs_somebody).then(|| now + length(connection.failures, connection.id));
        tx.connections().set_pause(connection.id, connection.failures, connection.paused_until).await?;
    }
    if sync.schedule.is_some() {
        sync.next_run_at = connection.paused_until;
        sync.updated_at = now;
        tx.syncs().update_progress(sync).await?;
    }
    Ok(())
}

/// Whether a scheduled run must wait now.
pub(super) async fn holds(ctx: &Ctx, tx: &TenantTx, connection: &Connection, sync: &Sync) -> Result<bool> {
    let now = ctx.app().now();
    // No pause is as long as one that a clock began which was ahead.
    let is_real = connection.paused_until.is_none_or(|until| until - now <= LONGEST);
    if !connection.is_paused_at(now) || !is_real {
        return Ok(false);
    }
    if connection.pause() == Pause::Open || connection.state == ConnectionState::Failed {
        return Ok(true);
    }
    let Some(last) = sync.last_run else { return Ok(false) };
    Ok(tx.runs().find(last).await?.is_some_and(|run| run.state == RunState::Failed))
}

/// Ends the pause of a connection whose row the caller holds: syncs that waited for it are due at once.
pub(crate) async fn end(ctx: &Ctx, tx: &TenantTx, connection: &Connection) -> Result<()> {
    if connection.pause() == Pause::None {
        return Ok(());
    }
    let now = ctx.app().now();
    for mut sync in runs::lock_of_connection(tx, connection.id).await? {
        if waits(&sync, connection) {
            sync.next_run_at = Some(now);
            sync.updated_at = now;
            tx.syncs().update_progress(&sync).await?;
        }
    }
    Ok(tx.connections().set_pause(connection.id, 0, None).await?)
}

/// The same after a run that went well: its own sync, whose row the caller holds, need not run again at once.
pub(super) async fn end_after(ctx: &Ctx, tx: &TenantTx, connection: &Connection, sync: &mut Sync) -> Result<()> {
    if waits(sync, connection) {
        sync.next_run_at = due::next(ctx, tx, sync).await?;
        tx.syncs().update_progress(sync).await?;
    }
    end(ctx, tx, connection).await
}

fn waits(sync: &Sync, connection: &Connection) -> bool {
    connection.failures > 0 && sync.schedule.is_some() && sync.next_run_at == connection.paused_until
}

/// How long the pause after so many failures is. Shorter by a fixed share, a tenth at most, so that connections that failed
/// together do not try together.
fn length(failures: i32, id: ConnectionId) -> TimeDelta {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(0);
    let longest = LONGEST.num_seconds() / FIRST.num_seconds();
    let factor = i32::try_from(longest).ok().zip(2_i32.checked_pow(doublings));
    let whole = factor.map_or(LONGEST, |(most, factor)| FIRST * factor.min(most));
    whole - share_of(whole / 10, id.uuid())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use gangway_domain::id::uuid_v7;

    use super::*;

    fn id(fill: u8) -> ConnectionId {
        ConnectionId::from_uuid(uuid_v7(DateTime::<Utc>::UNIX_EPOCH, [fill; 10]))
    }

    #[test]
    fn pauses_double_up_to_a_day() {
        let minutes: Vec<i64> = (1..=11).map(|failures| length(failures, id(0)).num_minutes()).collect();
        assert_eq!(minutes, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440]);
        assert_eq!(length(i32::MAX, id(0)), LONGEST);
    }

    #[test]
    fn connections_that_failed_together_try_apart() {
        let (one, other) = (length(3, id(0x11)), length(3, id(0xee)));
        assert_ne!(one, other);
        for length in [one, other] {
            assert!(length <= FIRST * 4 && length >= FIRST * 18 / 5, "{length}");
        }
    }
}
