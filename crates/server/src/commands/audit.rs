//! `gangway audit list` and `verify`: the audit logs of tenants and of the installation itself.

use std::process::ExitCode;

use anyhow::Context as _;
use chrono::SecondsFormat;
use gangway_app::{
    App, Ctx, PageRequest,
    audit::{self, AuditEntry, AuditFilter, Listed, Log, Verdict},
};
use gangway_domain::id::TenantId;

use crate::{
    assemble,
    cli::{AuditCommand, KeyOwner},
    commands::{explain, tenant},
    config::Config,
    print,
};

/// Lists a log, or verifies all of them.
///
/// # Errors
/// When an id can't be read, there is no such tenant, or the database does not answer.
pub async fn run(command: &AuditCommand, config: &Config) -> anyhow::Result<ExitCode> {
    let app = assemble::one_shot(config).await?;
    match command {
        AuditCommand::List { owner, .. } => list(&context(&app, owner).await?).await,
        AuditCommand::Verify { .. } => verify(&app).await,
    }
}

async fn list(ctx: &Ctx) -> anyhow::Result<ExitCode> {
    let mut after = None;
    loop {
        let log = audit::list(ctx, &AuditFilter::default(), PageRequest { limit: 200, after }).await;
        let Log { items, next } = log.map_err(explain)?;
        for listed in &items {
            print::line(&describe(listed));
        }
        if next.is_none() {
            return Ok(ExitCode::SUCCESS);
        }
        after = next;
    }
}

fn describe(listed: &Listed) -> String {
    let Listed { place, entry } = listed;
    let AuditEntry { id, principal, action, object, detail, request: _, at } = entry;
    let place = place.as_ref().map_or_else(|| "-".to_owned(), |place| place.sequence.to_string());
    let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    format!("{place}  {at}  {id}  {principal}  {action}  {object}  {detail}")
}

async fn verify(app: &App) -> anyhow::Result<ExitCode> {
    let operator = assemble::operator(app);
    let mut logs = vec![("the installation".to_owned(), audit::platform(&operator).map_err(explain)?)];
    for tenant in tenant::all(&operator).await? {
        logs.push((tenant.id.to_string(), operator.for_tenant(tenant.id).await.map_err(explain)?));
    }
    let mut code = ExitCode::SUCCESS;
    for (name, ctx) in logs {
        let Verdict { n_verified, n_unchained, end, broken, next: _ } =
            audit::verify_all(&ctx).await.map_err(explain)?;
        let end = end.map_or_else(String::new, |end| format!(", ends at {} {}", end.sequence, end.link));
        let verdict = match broken {
            None => "ok".to_owned(),
            Some(broken) => {
                code = ExitCode::FAILURE;
                let entry = broken.entry.map_or_else(String::new, |id| format!(" ({id})"));
                format!("BROKEN at entry {}{entry}: {}", broken.sequence, broken.reason.as_str())
            }
        };
        print::line(&format!("{name}: {verdict}; {n_verified} verified, {n_unchained} not chained yet{end}"));
    }
    Ok(code)
}

async fn context(app: &App, owner: &KeyOwner) -> anyhow::Result<Ctx> {
    let operator = assemble::operator(app);
    let Some(id) = &owner.tenant else { return audit::platform(&operator).map_err(explain) };
    let id: TenantId = id.parse().with_context(|| format!("`{id}` is no tenant's id"))?;
    operator.for_tenant(id).await.map_err(explain)
}
