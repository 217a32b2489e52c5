//! Ask the vendor whether the credential works and what it may read, and note the connection's health.

use gangway_connector::{CheckReport, CheckRequest, Finding, FindingLevel};
use gangway_domain::{
    connection::{Connection, ConnectionState, Pause},
    id::ConnectionId,
    principal::Scope,
};
use gangway_egress::Class;
use gangway_storage::connections::Health;

use super::open;
use crate::{Ctx, Error, Result, attributes, syncs};

/// The connection after a check, and what was found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// With its new state.
    pub connection: Connection,
    /// What the vendor said.
    pub report: CheckReport,
}

/// Checks a connection. A refused credential is a result, not an error.
///
/// # Errors
/// `object.not-found`; `connection.vendor-…` when the vendor could not be asked.
pub async fn check(ctx: &Ctx, id: ConnectionId) -> Result<Checked> {
    ctx.require(Scope::ConnectionsWrite)?;
    let opened = open(ctx, id, Class::Interactive).await?;
    super::note_asking(ctx, "connection.check", id).await?;
    let held = syncs::api_versions(ctx, id).await?;
    let report = opened.remote.check(CheckRequest::new(Class::Interactive).with_api_versions(held)).await?;
    let health = health(ctx, &report);

    let app = ctx.app();
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let mut tx = app.db.begin(ctx.scope()).await?;
    let before = tx.connections().get_for_update(id).await?;
    if before.credential_version != opened.credential_version() {
        // The report is about a credential that was replaced meanwhile: it says nothing about the new one.
        return Err(Error::from(gangway_storage::Error::Stale));
    }
    tx.connections().set_health(id, &health).await?;
    // What waits for somebody to act waits for a credential that is accepted.
    if report.ok && before.pause() == Pause::Open {
        syncs::end_pause(ctx, &tx, &before).await?;
    }
    if let Some(kind) = transition(before.state, health.state) {
        attributes::append_event(ctx, &keys, &mut tx, &before, kind, None, health_data(&health));
    }
    let connection = tx.connections().get(id).await?;
    tx.commit().await?;
    Ok(Checked { connection, report })
}

fn health(ctx: &Ctx, report: &CheckReport) -> Health {
    let worst = report.findings.iter().find(|finding| finding.level != FindingLevel::Info);
    let state = match (report.ok, worst) {
        (false, _) => ConnectionState::Failed,
        (true, Some(_)) => ConnectionState::Degraded,
        (true, None) => ConnectionState::Active,
    };
    Health { state, reason: worst.map(sentence), checked_at: report.ok.then(|| ctx.app().now()) }
}

fn sentence(finding: &Finding) -> String {
    match &finding.action {
        Some(action) => {
            let end = if finding.message.ends_with(['.', '!', '?']) { "" } else { "." };
            format!("{}{end} {action}", finding.message)
        }
        None => finding.message.clone(),
    }
}

/// The event that a change of health is worth.
fn transition(before: ConnectionState, after: ConnectionState) -> Option<&'static str> {
    use ConnectionState::{Active, Degraded, Failed, Unchecked};
    match (before, after) {
        (Active | Unchecked, Degraded | Failed) | (Degraded, Failed) => Some("connection.degraded"),
        (Degraded | Failed, Active) => Some("connection.restored"),
        _ => None,
    }
}

fn health_data(health: &Health) -> serde_json::Value {
    serde_json::json!({ "state": health.state, "reason": health.reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_tell_changes_of_health_only() {
        use ConnectionState::{Active, Degraded, Failed, Unchecked};
        assert_eq!(transition(Unchecked, Active), None);
        assert_eq!(transition(Active, Active), None);
        assert_eq!(transition(Active, Degraded), Some("connection.degraded"));
        assert_eq!(transition(Unchecked, Failed), Some("connection.degraded"));
        assert_eq!(transition(Failed, Failed), None);
        assert_eq!(transition(Failed, Active), Some("connection.restored"));
    }
}
