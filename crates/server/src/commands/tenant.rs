//! `gangway tenant create` and `list`, through the same use cases as the API.

use std::process::ExitCode;

use gangway_app::{OperatorCtx, tenants, tenants::NewTenant};
use gangway_domain::tenant::Tenant;
use gangway_storage::PageRequest;

use crate::{assemble, cli::TenantCommand, config::Config, print};

/// Creates or lists tenants.
///
/// # Errors
/// When the name is taken or invalid, or the database does not answer.
pub async fn run(command: &TenantCommand, config: &Config) -> anyhow::Result<ExitCode> {
    let app = assemble::one_shot(config).await?;
    let operator = assemble::operator(&app);
    match command {
        TenantCommand::Create { name, time_zone, .. } => {
            let new = NewTenant { name: name.clone(), time_zone: time_zone.clone() };
            let tenant = tenants::create(&operator, new).await.map_err(super::explain)?;
            print::line(&tenant.id.to_string());
        }
        TenantCommand::List { .. } => {
            for tenant in all(&operator).await? {
                print::line(&format!("{}  {}  {}", tenant.id, tenant.state.as_str(), tenant.name));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Every tenant of a customer; the platform's own is left out.
pub(crate) async fn all(operator: &OperatorCtx) -> anyhow::Result<Vec<Tenant>> {
    let (mut tenants, mut after) = (Vec::new(), None);
    loop {
        let page = tenants::list(operator, PageRequest { limit: 200, after }).await.map_err(super::explain)?;
        after = page.items.last().map(|tenant| tenant.id);
        tenants.extend(page.items);
        if !page.has_more || after.is_none() {
            tenants.retain(|tenant| tenant.id != gangway_domain::id::PLATFORM_TENANT);
            return Ok(tenants);
        }
    }
}
