//! Who may see what: [`TenantScope`] is the proof, [`TenantTx`] and [`SystemTx`] the only ways to the tables.
//!
//! ```compile_fail,E0451
//! let scope = gangway_storage::TenantScope { tenant: gangway_domain::id::PLATFORM_TENANT };
//! ```
//! ```compile_fail,E0277
//! fn needs_a_connection(_: &impl sea_orm::ConnectionTrait) {}
//! fn leaks(tx: &gangway_storage::TenantTx) { needs_a_connection(tx) }
//! ```
//! ```compile_fail,E0603
//! use gangway_storage::entity::connection;
//! ```

use std::time::Duration;

use gangway_domain::{
    event::{EVENT_TYPES, NewEvent},
    id::TenantId,
    tenant::Tenant,
};
use gangway_metrics::{bounded, syncs::EVENTS};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, ExecResult, FromQueryResult, QueryFilter, Select, Statement,
    UpdateMany, Value,
};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    Result,
    access::{self, Access, Opened},
    attributes::Attributes,
    audit::{Audit, SystemAudit},
    connections::Connections,
    credentials::Credentials,
    data_keys::{DataKeys, SystemDataKeys},
    events::{self, Events, SealedEvent},
    figures::SystemFigures,
    held::Held,
    idempotency::{Idempotency, SystemIdempotency},
    keys::Keys,
    mappings::Mappings,
    offices::Offices,
    persons::Persons,
    quarantine::Quarantine,
    queue::{self, JobFence, Jobs, NewJob, SystemQueue},
    records::Records,
    runs::Runs,
    settings::Settings,
    sweeps::Sweeps,
    syncs::{Syncs, SystemSyncs},
    tenants::{self, SystemTenants},
    tokens::{SystemTokens, Tokens},
    transaction::Transaction,
};

/// Proof that someone was authenticated for one tenant. Only this crate makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantScope {
    tenant: TenantId,
}

impl TenantScope {
    pub(crate) const fn new(tenant: TenantId) -> Self {
        Self { tenant }
    }

    /// The tenant.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// Why a transaction crosses tenants. Logged at trace level with each such transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SystemReason {
    /// Find the key that a request carries.
    Authenticate,
    /// Check the tenant that an operator names.
    ActForTenant,
    /// Read tenants.
    ListTenants,
    /// Create or change a tenant with its first data key.
    ManageTenants,
    /// Make, list or revoke an operator's key.
    ManageOperatorKeys,
    /// Read or create the deployment's own secret.
    Deployment,
    /// Replace data keys, wrap them anew, count what they sealed.
    RotateKeys,
    /// Claim, renew, acknowledge, reap or prune jobs.
    Queue,
    /// Find the syncs whose schedule is due.
    Schedule,
    /// Find the tenants whose audit log is to be chained.
    FindUnchained,
    /// Give audit entries their places in the chain.
    ChainAudit,
    /// Report on the installation (`doctor`).
    Doctor,
    /// Read what the gauges of `/metrics` show.
    Measure,
}

impl SystemReason {
    /// Stable name for logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authenticate => "authenticate",
            Self::ActForTenant => "act-for-tenant",
            Self::ListTenants => "list-tenants",
            Self::ManageTenants => "manage-tenants",
            Self::ManageOperatorKeys => "manage-operator-keys",
            Self::Deployment => "deployment",
            Self::RotateKeys => "rotate-keys",
            Self::Queue => "queue",
            Self::Schedule => "schedule",
            Self::FindUnchained => "find-unchained",
            Self::ChainAudit => "chain-audit",
            Self::Doctor => "doctor",
            Self::Measure => "measure",
        }
    }

    /// How long a statement may take: who looks at the figures does not wait longer, and the database must not go on for nobody.
    pub(crate) const fn at_most(self) -> Option<Duration> {
        match self {
            Self::Measure => Some(Duration::from_millis(1_500)),
            _ => None,
        }
    }

    pub(crate) const fn only_reads(self) -> bool {
        matches!(
            self,
            Self::Authenticate
                | Self::ActForTenant
                | Self::ListTenants
                | Self::FindUnchained
                | Self::Doctor
                | Self::Measure
        )
    }
}

/// A table whose rows belong to one tenant.
pub(crate) trait TenantScoped: EntityTrait {
    /// Its tenant column.
    const TENANT: Self::Column;
}

/// A transaction that sees one tenant. Deliberately does not implement sea-orm's `ConnectionTrait`.
///
/// Jobs and events are gathered and written by [`TenantTx::commit`], in the lock order that every transaction keeps:
/// job fence, data rows, fair-share rows, event counter.
#[derive(Debug)]
pub struct TenantTx {
    tenant: TenantId,
    tx: Transaction,
    jobs: Vec<NewJob>,
    events: Vec<SealedEvent>,
    access: Access,
    _writer: Option<OwnedSemaphorePermit>,
}

impl TenantTx {
    pub(crate) fn new(tenant: TenantId, opened: Opened) -> Self {
        let Opened { tx, access, writer } = opened;
        Self { tenant, tx, jobs: Vec::new(), events: Vec::new(), access, _writer: writer }
    }

    /// The tenant it sees.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The tenant's own row.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] when the tenant was deleted in between.
    pub async fn own_tenant(&self) -> Result<Tenant> {
        tenants::find_own(self).await?.ok_or(crate::Error::NotFound("tenant"))
    }

    /// Locks the job row and checks that this worker still holds its lease. Must come first: a stalled worker whose lease
    /// was taken over cannot commit.
    ///
    /// # Errors
    /// [`crate::Error::LeaseLost`] when the epoch has moved on.
    pub async fn fence(&self, fence: &JobFence) -> Result<()> {
        queue::check_fence(self, fence).await
    }

    /// Enqueues a job when this transaction commits.
    pub fn enqueue(&mut self, job: NewJob) {
        self.jobs.push(job);
    }

    /// Appends an event, its payload sealed, when this transaction commits.
    pub fn append_event(&mut self, event: NewEvent, payload: Vec<u8>) {
        self.events.push(SealedEvent { event, payload });
    }

    /// Writes the gathered jobs and events, and commits.
    pub async fn commit(mut self) -> Result<()> {
        let jobs = std::mem::take(&mut self.jobs);
        let wake = queue::insert_all(&self, jobs).await?;
        let events = std::mem::take(&mut self.events);
        let kinds: Vec<_> = events.iter().map(|sealed| bounded::one_of(EVENT_TYPES, &sealed.event.kind)).collect();
        events::append_all(&self, events).await?;
        access::commit(self.tx, self.access).await?;
        for kind in kinds {
            EVENTS.add(1, [kind]);
        }
        wake.send();
        Ok(())
    }

    /// Attributes of connections.
    pub const fn attributes(&self) -> Attributes<'_> {
        Attributes(self)
    }
    /// The audit log.
    pub const fn audit(&self) -> Audit<'_> {
        Audit(self)
    }
    /// Connections.
    pub const fn connections(&self) -> Connections<'_> {
        Connections(self)
    }
    /// Credential versions.
    pub const fn credentials(&self) -> Credentials<'_> {
        Credentials(self)
    }
    /// Data keys.
    pub const fn data_keys(&self) -> DataKeys<'_> {
        DataKeys(self)
    }
    /// The event log.
    pub const fn events(&self) -> Events<'_> {
        Events(self)
    }
    /// Deletions that wait for a human.
    pub const fn held(&self) -> Held<'_> {
        Held(self)
    }
    /// Stored idempotent answers.
    pub const fn idempotency(&self) -> Idempotency<'_> {
        Idempotency(self)
    }
    /// Jobs, as the tenant sees them.
    pub const fn jobs(&self) -> Jobs<'_> {
        Jobs(self)
    }
    /// API keys.
    pub const fn keys(&self) -> Keys<'_> {
        Keys(self)
    }
    /// Mappings of connections.
    pub const fn mappings(&self) -> Mappings<'_> {
        Mappings(self)
    }
    /// Offices.
    pub const fn offices(&self) -> Offices<'_> {
        Offices(self)
    }
    /// Persons.
    pub const fn persons(&self) -> Persons<'_> {
        Persons(self)
    }
    /// Records that could not be read.
    pub const fn quarantine(&self) -> Quarantine<'_> {
        Quarantine(self)
    }
    /// Records.
    pub const fn records(&self) -> Records<'_> {
        Records(self)
    }
    /// Sync runs.
    pub const fn runs(&self) -> Runs<'_> {
        Runs(self)
    }
    /// What the tenant set for itself.
    pub const fn settings(&self) -> Settings<'_> {
        Settings(self)
    }
    /// What sweeps have seen.
    pub const fn sweeps(&self) -> Sweeps<'_> {
        Sweeps(self)
    }
    /// Syncs.
    pub const fn syncs(&self) -> Syncs<'_> {
        Syncs(self)
    }
    /// Vendor tokens.
    pub const fn tokens(&self) -> Tokens<'_> {
        Tokens(self)
    }

    /// A query on a tenant table, the tenant's filter applied.
    #[expect(clippy::disallowed_methods, reason = "the one place where a query begins, with its filter")]
    pub(crate) fn find<E: TenantScoped>(&self) -> Select<E> {
        E::find().filter(E::TENANT.eq(self.tenant.uuid()))
    }

    /// An update of a tenant table, the tenant's filter applied.
    #[expect(clippy::disallowed_methods, reason = "the one place where an update begins, with its filter")]
    pub(crate) fn update<E: TenantScoped>(&self) -> UpdateMany<E> {
        E::update_many().filter(E::TENANT.eq(self.tenant.uuid()))
    }

    /// A deletion from a tenant table, the tenant's filter applied.
    #[expect(clippy::disallowed_methods, reason = "the one place where a deletion begins, with its filter")]
    pub(crate) fn delete<E: TenantScoped>(&self) -> sea_orm::DeleteMany<E> {
        E::delete_many().filter(E::TENANT.eq(self.tenant.uuid()))
    }

    /// The connection under it, for this crate's repositories only.
    pub(crate) const fn raw(&self) -> &Transaction {
        &self.tx
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.tx.get_database_backend() == DbBackend::Postgres
    }

    pub(crate) async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<ExecResult> {
        Ok(self.tx.execute_raw(statement(&self.tx, sql, values)).await?)
    }

    pub(crate) async fn query<T: FromQueryResult>(&self, sql: &str, values: Vec<Value>) -> Result<Vec<T>> {
        Ok(T::find_by_statement(statement(&self.tx, sql, values)).all(&self.tx).await?)
    }
}

/// A transaction across tenants that offers only named queries.
#[derive(Debug)]
pub struct SystemTx {
    tx: Transaction,
    access: Access,
    _writer: Option<OwnedSemaphorePermit>,
}

impl SystemTx {
    pub(crate) fn new(opened: Opened) -> Self {
        let Opened { tx, access, writer } = opened;
        Self { tx, access, _writer: writer }
    }

    /// Commits.
    pub async fn commit(self) -> Result<()> {
        access::commit(self.tx, self.access).await
    }

    /// Tenants.
    pub const fn tenants(&self) -> SystemTenants<'_> {
        SystemTenants(self)
    }
    /// Audit logs of any tenant.
    pub const fn audit(&self) -> SystemAudit<'_> {
        SystemAudit(self)
    }
    /// Requests of operators.
    pub const fn idempotency(&self) -> SystemIdempotency<'_> {
        SystemIdempotency(self)
    }
    /// Data keys of any tenant, and the deployment's secret.
    pub const fn data_keys(&self) -> SystemDataKeys<'_> {
        SystemDataKeys(self)
    }
    /// What gauges show.
    pub const fn figures(&self) -> SystemFigures<'_> {
        SystemFigures(self)
    }
    /// The queue's side of jobs.
    pub const fn queue(&self) -> SystemQueue<'_> {
        SystemQueue(self)
    }
    /// Due schedules.
    pub const fn syncs(&self) -> SystemSyncs<'_> {
        SystemSyncs(self)
    }
    /// Vendor tokens of any tenant.
    pub const fn tokens(&self) -> SystemTokens<'_> {
        SystemTokens(self)
    }

    /// A query on any table.
    #[expect(clippy::unused_self, reason = "only somebody who holds a system transaction may ask")]
    #[expect(clippy::disallowed_methods, reason = "system transactions have no tenant filter; their queries are named")]
    pub(crate) fn find<E: EntityTrait>(&self) -> Select<E> {
        E::find()
    }

    pub(crate) const fn raw(&self) -> &Transaction {
        &self.tx
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.tx.get_database_backend() == DbBackend::Postgres
    }

    pub(crate) async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<ExecResult> {
        Ok(self.tx.execute_raw(statement(&self.tx, sql, values)).await?)
    }

    pub(crate) async fn query<T: FromQueryResult>(&self, sql: &str, values: Vec<Value>) -> Result<Vec<T>> {
        Ok(T::find_by_statement(statement(&self.tx, sql, values)).all(&self.tx).await?)
    }
}

fn statement(tx: &Transaction, sql: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(tx.get_database_backend(), sql, values)
}
