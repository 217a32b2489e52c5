//! A run that ends in failure, and what runs say about their connection's health.

use gangway_domain::{
    Code,
    connection::{ConnectionState, Pause},
    id::SyncRunId,
    sync::{RunState, Sync, SyncRun},
};
use gangway_storage::{TenantTx, connections::Health, queue::JobFence};
use serde_json::json;

use super::{choice::enqueue_choice, finish::about, has_catalogue, measure, page::is_running, pause};
use crate::{Ctx, Error, Result, attributes, events, seal::TenantKeys};

/// Begins the reason that a failed run gives: what says so is taken back by a run that completes.
const FAILED: &str = "The last sync of ";

/// Ends a run as failed, because no more tries are left or none would help. A run that has ended is left alone.
///
/// # Errors
/// When the job's lease was lost: another worker decides.
pub async fn fail(ctx: &Ctx, run: SyncRunId, fence: &JobFence, error: &Error) -> Result<()> {
    let app = ctx.app();
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let mut tx = app.db.begin(ctx.scope()).await?;
    tx.fence(fence).await?;
    let Some((sync, run)) = lock(&tx, run).await? else { return Ok(()) };
    let run = end(ctx, &mut tx, &keys, sync, run, error).await?;
    tx.commit().await?;
    measure::ended(&run);
    Ok(())
}

/// Ends a run whose job is no more: its worker died on the last try, so nobody could say how it went.
pub(super) async fn fail_abandoned(ctx: &Ctx, run: SyncRunId) -> Result<()> {
    let app = ctx.app();
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let mut tx = app.db.begin(ctx.scope()).await?;
    let Some((sync, run)) = lock(&tx, run).await? else { return Ok(()) };
    if tx.runs().has_job(run.id).await? {
        return Ok(());
    }
    let error = Error::new(Code::Internal, "The run's job ended before the run did; start it again.");
    let run = end(ctx, &mut tx, &keys, sync, run, &error).await?;
    tx.commit().await?;
    measure::ended(&run);
    Ok(())
}

/// The run if it is under way with its sync, locked after their connection, whose health it is about to change.
async fn lock(tx: &TenantTx, run: SyncRunId) -> Result<Option<(Sync, SyncRun)>> {
    let Some(found) = tx.runs().find(run).await? else { return Ok(None) };
    if tx.connections().find_for_update(found.connection).await?.is_none() {
        return Ok(None);
    }
    let Some(sync) = tx.syncs().find_locked(found.sync).await? else { return Ok(None) };
    Ok(tx.runs().find_locked(run).await?.filter(is_running).map(|run| (sync, run)))
}

async fn end(
    ctx: &Ctx,
    tx: &mut TenantTx,
    keys: &TenantKeys,
    mut sync: Sync,
    mut run: SyncRun,
    error: &Error,
) -> Result<SyncRun> {
    run.state = RunState::Failed;
    run.error_code = Some(error.code.as_str().to_owned());
    run.error_message = Some(error.message.clone());
    run.finished_at = Some(ctx.app().now());
    tx.runs().update(&run).await?;
    let data = json!({
        "stream": run.stream,
        "mode": run.mode,
        "code": error.code.as_str(),
        "message": error.message,
        "counts": run.counts,
    });
    events::append(ctx, keys, tx, about(&run, "sync.failed", data));
    if has_catalogue(run.stream) {
        // A choice made on the way had a run to apply it, which is this one.
        let selection = attributes::selection(ctx, tx, run.connection, run.stream).await?;
        enqueue_choice(ctx, tx, run.connection, run.stream, selection.version()).await?;
    }
    if let Some(state) = state_after(error.code) {
        pause::begin(ctx, tx, run.connection, &mut sync, error.code).await?;
        let reason = format!("{FAILED}{} failed. {}{}", run.stream.as_str(), error.message, next_step(error.code));
        set(ctx, tx, keys, &run, Health { state, reason: Some(reason), checked_at: None }).await?;
    }
    tracing::warn!(
        connection.id = %run.connection, sync.id = %run.sync, sync.run = %run.id, stream = run.stream.as_str(),
        code = error.code.as_str(), "sync run failed"
    );
    Ok(run)
}

/// What to do, where the message of a failure cannot say it.
const fn next_step(code: Code) -> &'static str {
    match code {
        Code::VendorUnavailable | Code::VendorLimited => {
            " Scheduled runs try again by themselves after growing pauses; if it lasts, ask the vendor's support."
        }
        Code::VendorProtocol => {
            " Scheduled runs try again by themselves after growing pauses; if it lasts, send the run's id to whoever runs \
             this server."
        }
        _ => "",
    }
}

/// What a failure says about the connection; none when the fault is ours.
const fn state_after(code: Code) -> Option<ConnectionState> {
    match code {
        // In a run, an invalid request is the connection's own configuration: a vendor that redirects, say.
        Code::CredentialRefused | Code::OriginForbidden | Code::RequestInvalid => Some(ConnectionState::Failed),
        Code::PermissionMissing
        | Code::VendorUnavailable
        | Code::VendorProtocol
        | Code::VendorLimited
        | Code::Unsupported => Some(ConnectionState::Degraded),
        _ => None,
    }
}

/// Notes that a run has read everything.
///
/// What a check found (a missing right of another stream) stays: a run takes back only what a failed run said, and only when
/// no other stream fails. A connection that was said not to work at all plainly does.
pub(super) async fn recovered(
    ctx: &Ctx,
    tx: &mut TenantTx,
    keys: &TenantKeys,
    run: &SyncRun,
    sync: &mut Sync,
) -> Result<()> {
    let connection = tx.connections().get(run.connection).await?;
    if connection.credential_version != run.credential_version {
        return Ok(());
    }
    if connection.state == ConnectionState::Active && connection.pause() == Pause::None {
        return Ok(());
    }
    let works_after_all = matches!(connection.state, ConnectionState::Unchecked | ConnectionState::Failed)
        || connection.pause() == Pause::Open;
    let is_last_trouble = works_after_all || !tx.runs().is_another_failing(run.connection, run.sync).await?;
    if is_last_trouble && connection.pause() != Pause::None {
        pause::end_after(ctx, tx, &connection, sync).await?;
    }
    let is_well = match connection.state {
        ConnectionState::Active => false,
        ConnectionState::Unchecked | ConnectionState::Failed => true,
        ConnectionState::Degraded => {
            let is_told = connection.state_reason.as_deref().is_some_and(|reason| reason.starts_with(FAILED));
            is_last_trouble && (is_told || connection.pause() != Pause::None)
        }
    };
    if !is_well {
        return Ok(());
    }
    let health = Health { state: ConnectionState::Active, reason: None, checked_at: Some(ctx.app().now()) };
    set(ctx, tx, keys, run, health).await
}

/// Sets the health; a change of it is an event.
async fn set(ctx: &Ctx, tx: &mut TenantTx, keys: &TenantKeys, run: &SyncRun, health: Health) -> Result<()> {
    let before = tx.connections().get_for_update(run.connection).await?;
    tx.connections().set_health(run.connection, &health).await?;
    let Some(kind) = transition(before.state, health.state) else { return Ok(()) };
    let mut data = json!({ "state": health.state, "reason": health.reason });
    if kind == "connection.degraded"
        && let Some(data) = data.as_object_mut()
    {
        data.insert("pause".to_owned(), json!(before.pause()));
        data.insert("paused_until".to_owned(), json!(before.paused_until));
    }
    let draft =
        events::Draft { subject: Some((run.connection.uuid(), run.connection.to_string())), ..about(run, kind, data) };
    events::append(ctx, keys, tx, draft);
    Ok(())
}

fn transition(before: ConnectionState, after: ConnectionState) -> Option<&'static str> {
    use ConnectionState::{Active, Degraded, Failed, Unchecked};
    match (before, after) {
        (Active | Unchecked, Degraded | Failed) | (Degraded, Failed) => Some("connection.degraded"),
        (Degraded | Failed, Active) => Some("connection.restored"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_vendors_and_the_tenants_faults_touch_the_connection() {
        assert_eq!(state_after(Code::CredentialRefused), Some(ConnectionState::Failed));
        assert_eq!(state_after(Code::VendorUnavailable), Some(ConnectionState::Degraded));
        assert_eq!(state_after(Code::RequestInvalid), Some(ConnectionState::Failed));
        assert_eq!(state_after(Code::Internal), None);
        assert_eq!(state_after(Code::Unavailable), None);
    }

    #[test]
    fn a_first_success_restores_nothing() {
        assert_eq!(transition(ConnectionState::Unchecked, ConnectionState::Active), None);
        assert_eq!(transition(ConnectionState::Failed, ConnectionState::Active), Some("connection.restored"));
        assert_eq!(transition(ConnectionState::Failed, ConnectionState::Degraded), None);
    }
}
