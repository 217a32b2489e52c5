//! What to try next: five lines that work as printed, with this demo's key and ids in them.

use anyhow::Context as _;
use gangway_app::{records, records::RecordQuery};
use gangway_domain::record::Stream;
use gangway_storage::PageRequest;

use super::{seed::Seeded, state::State};
use crate::{commands::explain, print};

/// Prints the five lines.
///
/// # Errors
/// When there is no employee to point at.
pub(super) async fn print(seeded: &Seeded, state: &State) -> anyhow::Result<()> {
    let page = PageRequest { limit: 1, after: None };
    let page = records::list(&seeded.ctx, Stream::Employees, RecordQuery::default(), page).await.map_err(explain)?;
    let employee = page.items.first().context("there is no employee")?;
    let employee = records::wire_id(Stream::Employees, employee.id);
    let Seeded { tenant, connection, .. } = seeded;
    let sync = seeded.sync(Stream::Employees)?;
    let base = format!("http://{}", state.listen());
    let tenant_key = state.tenant_key().unwrap_or_default();
    let operator_key = state.operator_key().unwrap_or_default();
    let as_tenant = format!("curl -s -H 'Authorization: Bearer {tenant_key}'");
    print::line("");
    print::line("try:");
    for line in [
        format!("{as_tenant} '{base}/v1/employees?limit=3'"),
        format!("{as_tenant} '{base}/v1/employees/{employee}/history'"),
        format!("{as_tenant} '{base}/v1/connections/{connection}/attributes'"),
        format!(
            "{as_tenant} -H 'Content-Type: application/json' -d '{{\"mode\":\"incremental\"}}' '{base}/v1/syncs/{sync}/runs'"
        ),
        format!(
            "curl -s -H 'Authorization: Bearer {operator_key}' -H 'Gangway-Tenant: {}' '{base}/v1/events?after=0'",
            tenant.id
        ),
    ] {
        print::line(&format!("  {line}"));
    }
    print::line("");
    print::line("Ctrl-C stops the demo; the next `gangway demo` takes up the same data.");
    Ok(())
}
