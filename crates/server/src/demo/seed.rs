//! Sets the demo's tenant up: tenant, keys, connection, check, discovery, syncs, first runs. Every step is taken only when an
//! earlier start did not take it, and each is the use case that the API calls.

use std::time::Duration;

use anyhow::Context as _;
use gangway_app::{
    App, Ctx, OperatorCtx, connections, connections::NewConnection, keys, keys::NewKey, syncs, syncs::NewSync, tenants,
    tenants::NewTenant,
};
use gangway_domain::{
    Code,
    connection::Connection,
    id::{ConnectionId, SyncId},
    principal::ApiKey,
    record::Stream,
    sync::{RunMode, RunState, Sync},
    tenant::Tenant,
};
use gangway_sandbox::Sandbox;
use gangway_storage::PageRequest;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::state::State;
use crate::{assemble, commands, commands::explain, data_folder::DataFolder, print};

const TENANT: &str = "Acme";
const ZONE: &str = "Europe/Berlin";
const CONNECTION: &str = "Personio sandbox";
const KEY: &str = "demo";
const SCHEDULE: &str = "every 15m";
/// How often a step that may work later is tried again.
const N_PATIENCE: u32 = 5;
const SHORT_WAIT: Duration = Duration::from_secs(1);
const LONG_WAIT: Duration = Duration::from_secs(35);
/// More than a demo ever has.
const EVERYTHING: u64 = 200;

/// What was set up.
pub(super) struct Seeded {
    /// Acts for the tenant.
    pub(super) ctx: Ctx,
    /// The tenant.
    pub(super) tenant: Tenant,
    /// Its connection to the sandbox.
    pub(super) connection: ConnectionId,
    /// Its syncs, one for each stream.
    pub(super) syncs: Vec<Sync>,
}

impl Seeded {
    /// The sync of a stream.
    pub(super) fn sync(&self, stream: Stream) -> anyhow::Result<SyncId> {
        self.syncs.iter().find(|sync| sync.stream == stream).map(|sync| sync.id).context("every stream has a sync")
    }
}

/// Sets up what is missing.
///
/// # Errors
/// When a use case fails.
pub(super) async fn run(
    app: &App,
    folder: &DataFolder,
    state: &mut State,
    sandbox: &Sandbox,
) -> anyhow::Result<Seeded> {
    let operator = assemble::operator(app);
    let tenant = tenant(&operator, folder, state).await?;
    let ctx = operator.for_tenant(tenant.id).await.map_err(explain)?;
    keys(&operator, &ctx, folder, state).await?;
    let connection = connection(&ctx, folder, state, sandbox).await?;
    if connection.checked_at.is_none() {
        let checked = patiently(|| connections::check(&ctx, connection.id)).await?;
        anyhow::ensure!(checked.report.ok, "the sandbox does not accept its own credential");
    }
    if connection.discovered_at.is_none() {
        let found = patiently(|| connections::discover(&ctx, connection.id)).await?;
        print::line(&format!("discovered {} attributes", found.n_attributes));
    }
    let mut seeded = Seeded { ctx, tenant, connection: connection.id, syncs: Vec::new() };
    for stream in Stream::ALL {
        let sync = sync(&seeded.ctx, connection.id, stream).await?;
        seeded.syncs.push(sync);
    }
    for sync in &seeded.syncs {
        start_first_run(&seeded.ctx, sync).await?;
    }
    Ok(seeded)
}

/// Asks again as long as the answer is that it may work later: a start that was killed while it authenticated makes the next
/// one wait, since a vendor is asked for a token at most once in 30 s.
async fn patiently<T, F>(ask: impl Fn() -> F) -> anyhow::Result<T>
where
    F: Future<Output = gangway_app::Result<T>>,
{
    let mut n_left = N_PATIENCE;
    loop {
        match Box::pin(ask()).await {
            Err(error) if error.is_transient && n_left > 0 => {
                n_left -= 1;
                let wait = error.retry_after.unwrap_or(SHORT_WAIT).min(LONG_WAIT);
                print::line(&format!("waiting {} s: {}", wait.as_secs().max(1), error.message));
                tokio::time::sleep(wait).await;
            }
            outcome => return outcome.map_err(explain),
        }
    }
}

/// By its id, which stays when it is renamed; by its name when a start was killed before it remembered the id.
async fn tenant(operator: &OperatorCtx, folder: &DataFolder, state: &mut State) -> anyhow::Result<Tenant> {
    let mut known = match state.tenant() {
        Some(id) => if_there(tenants::get(operator, id).await)?,
        None => None,
    };
    if known.is_none() {
        known = commands::tenant::all(operator).await?.into_iter().find(|tenant| tenant.name == TENANT);
    }
    if let Some(tenant) = known {
        state.keep_tenant(folder, tenant.id)?;
        print::line(&format!("tenant: {} ({}), taken up", tenant.name, tenant.id));
        return Ok(tenant);
    }
    let new = NewTenant { name: TENANT.to_owned(), time_zone: Some(ZONE.to_owned()) };
    let tenant = tenants::create(operator, new).await.map_err(explain)?;
    state.keep_tenant(folder, tenant.id)?;
    print::line(&format!("tenant: {} ({}), created", tenant.name, tenant.id));
    Ok(tenant)
}

fn if_there<T>(answer: gangway_app::Result<T>) -> anyhow::Result<Option<T>> {
    match answer {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.code == Code::NotFound => Ok(None),
        Err(error) => Err(explain(error)),
    }
}

/// A key's text is known only when it is made. One that was made but not remembered, because the start was killed in
/// between, is of no use to anyone, so it is revoked. One that was revoked since, or whose database is gone, is made anew: what
/// is printed must work. Others of the same name are then left alone, since a person may have made them.
async fn keys(operator: &OperatorCtx, ctx: &Ctx, folder: &DataFolder, state: &mut State) -> anyhow::Result<()> {
    let new = || NewKey { name: KEY.to_owned(), scopes: None, expires_at: None };
    let lost = |key: &ApiKey| key.name == KEY && key.revoked_at.is_none();
    if !works(ctx.app(), state.operator_key()).await? {
        if state.operator_key().is_some() {
            print::line("the operator key of earlier starts no longer works, so there is a new one");
        } else {
            for key in keys::list_operator(operator).await.map_err(explain)?.iter().filter(|key| lost(key)) {
                keys::revoke_operator(operator, key.id).await.map_err(explain)?;
            }
        }
        let (_, text) = keys::create_operator(operator, new()).await.map_err(explain)?;
        state.keep_operator_key(folder, &text)?;
    }
    if !works(ctx.app(), state.tenant_key()).await? {
        if state.tenant_key().is_some() {
            print::line("the tenant key of earlier starts no longer works, so there is a new one");
        } else {
            let page = keys::list(ctx, PageRequest { limit: EVERYTHING, after: None }).await.map_err(explain)?;
            for key in page.items.iter().filter(|key| lost(key)) {
                keys::revoke(ctx, key.id).await.map_err(explain)?;
            }
        }
        let (_, text) = keys::create(ctx, new()).await.map_err(explain)?;
        state.keep_tenant_key(folder, &text)?;
    }
    print::line(&format!("operator key: {}", state.operator_key().unwrap_or_default()));
    print::line(&format!("tenant key: {}", state.tenant_key().unwrap_or_default()));
    Ok(())
}

async fn works(app: &App, key: Option<&str>) -> anyhow::Result<bool> {
    let Some(key) = key else { return Ok(false) };
    match keys::authenticate(app, key).await {
        Ok(_) => Ok(true),
        // It works again once the operator, whose key this start prints, has taken the tenant up.
        Err(error) if error.code == Code::TenantSuspended => Ok(true),
        Err(error) if error.code == Code::KeyInvalid => Ok(false),
        Err(error) => Err(explain(error)),
    }
}

/// As [`tenant`].
async fn connection(
    ctx: &Ctx,
    folder: &DataFolder,
    state: &mut State,
    sandbox: &Sandbox,
) -> anyhow::Result<Connection> {
    let mut known = match state.connection() {
        Some(id) => if_there(connections::get(ctx, id).await)?,
        None => None,
    };
    if known.is_none() {
        let page = PageRequest { limit: EVERYTHING, after: None };
        let existing = connections::list(ctx, page).await.map_err(explain)?.items;
        known = existing.into_iter().find(|connection| connection.name == CONNECTION);
    }
    if let Some(connection) = known {
        state.keep_connection(folder, connection.id)?;
        return Ok(connection);
    }
    if state.connection().is_some() {
        print::line("the connection of earlier starts is gone, so there is a new one");
    }
    let credential = json!({
        "client_id": sandbox.client_id(),
        "client_secret": sandbox.client_secret().expose_secret(),
    });
    let new = NewConnection {
        connector: "personio".to_owned(),
        name: CONNECTION.to_owned(),
        config: json!({ "base_url": sandbox.base_url() }),
        credential: SecretString::from(credential.to_string()),
    };
    let connection = connections::create(ctx, new).await.map_err(explain)?;
    state.keep_connection(folder, connection.id)?;
    Ok(connection)
}

async fn sync(ctx: &Ctx, connection: ConnectionId, stream: Stream) -> anyhow::Result<Sync> {
    let page = PageRequest { limit: EVERYTHING, after: None };
    let existing = syncs::list(ctx, Some(connection), page).await.map_err(explain)?.items;
    if let Some(sync) = existing.into_iter().find(|sync| sync.connection == connection && sync.stream == stream) {
        return Ok(sync);
    }
    let new = NewSync { connection, stream, schedule: Some(SCHEDULE.to_owned()) };
    syncs::create(ctx, new).await.map_err(explain)
}

/// Starts a sync's first run, unless one was completed or is under way: that one is resumed by the worker.
async fn start_first_run(ctx: &Ctx, sync: &Sync) -> anyhow::Result<()> {
    if sync.first_completed_at.is_some() {
        return Ok(());
    }
    if let Some(run) = sync.last_run
        && syncs::get_run(ctx, run).await.map_err(explain)?.state == RunState::Running
    {
        return Ok(());
    }
    match syncs::start_run(ctx, sync.id, RunMode::Full).await {
        Ok(_) => Ok(()),
        // The schedule was faster.
        Err(error) if error.code == Code::SyncRunning => Ok(()),
        Err(error) => Err(explain(error)),
    }
}
