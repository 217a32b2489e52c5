//! One of everything that a tenant can have, written through the repositories; and a picture of a tenant's rows.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use gangway_domain::{
    connection::{Connection, ConnectionState},
    event::NewEvent,
    held::{Finding, HeldBatch, HeldState},
    id::{
        AttributeId, AuditId, ConnectionId, CredentialId, DataKeyId, EventId, JobId, KeyId, PersonId, QuarantineId,
        SyncId, SyncRunId, TenantId,
    },
    job::JobClass,
    mapping::Mapping,
    principal::{ApiKey, KeyKind, Scope},
    record::{ExternalId, RecordState, Stream},
    schema::{AttributeClass, AttributeType},
    settings::TenantSettings,
    sync::{RunCounts, RunMode, RunState, Sync, SyncRun},
};
use gangway_storage::{
    Db, SystemReason, TenantScope,
    attributes::Attribute,
    audit::AuditEntry,
    audit_chain::ChainEnd,
    credentials::Credential,
    data_keys::StoredDataKey,
    held::HeldRecord,
    idempotency::{Claim, Keeping, RequestKey},
    persons::PersonLink,
    quarantine::QuarantinedRecord,
    queue::NewJob,
    records::{Alias, Payload, Record},
    tokens::NewToken,
    tokens::TokenKey,
};
use sea_orm::{ConnectionTrait, DbBackend};
use uuid::Uuid;

use super::{
    catalogue::tenant_tables,
    support::{rows, uuid_literal},
};

/// What was made for one tenant. The names are the same for every tenant, the ids are not.
pub(super) struct Seeded {
    pub(super) connection: ConnectionId,
    pub(super) credential: CredentialId,
    pub(super) attribute: Attribute,
    pub(super) sync: Sync,
    pub(super) run: SyncRun,
    pub(super) record: Record,
    pub(super) person: PersonId,
    pub(super) key: KeyId,
    pub(super) data_key: DataKeyId,
    pub(super) job: JobId,
    pub(super) event: EventId,
    pub(super) quarantined: QuarantineId,
    pub(super) audit: AuditId,
}

impl Seeded {
    /// The credential's token.
    pub(super) const fn token(&self) -> TokenKey<'static> {
        TokenKey { credential: self.credential, api: "main" }
    }
}

/// A token that somebody got.
pub(super) fn new_token() -> NewToken {
    NewToken { sealed: vec![9], expires_at: at(), scope: Some("personio:persons:read".to_owned()) }
}

/// A moment.
pub(super) fn at() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// The request whose answer is stored.
pub(super) const REQUEST: RequestKey<'_> = RequestKey { principal: "key:1", route: "POST /v1/syncs", key: "once" };

/// The claim of the tenant's request.
pub(super) const fn claim(n: u8) -> Claim<'static> {
    Claim { request: REQUEST, id: Uuid::from_u128(n as u128) }
}

/// How long answers are kept.
pub(super) const KEEPING: Keeping = Keeping { answers: TimeDelta::hours(24), running: TimeDelta::minutes(5) };

/// A connection that no tenant has.
pub(super) fn missing_connection() -> ConnectionId {
    ConnectionId::from_uuid(Uuid::from_u128(0xdead))
}

pub(super) fn connection(id: ConnectionId, name: &str) -> Connection {
    Connection {
        id,
        connector: "personio".to_owned(),
        name: name.to_owned(),
        config: serde_json::json!({}),
        state: ConnectionState::Active,
        state_reason: None,
        credential_version: 1,
        checked_at: None,
        discovered_at: None,
        version: 1,
        created_at: at(),
        updated_at: at(),
        failures: 0,
        paused_until: None,
    }
}

pub(super) fn external() -> ExternalId {
    ExternalId { source: "personio.v1".to_owned(), id: "7".to_owned() }
}

pub(super) fn new_job(id: JobId) -> NewJob {
    NewJob {
        id,
        queue: "syncs".to_owned(),
        kind: "read-stream-page".to_owned(),
        payload: "{}".to_owned(),
        class: JobClass::Normal,
        run_at: at(),
        max_attempts: 3,
        dedupe_key: Some("employees".to_owned()),
        traceparent: None,
        retry_of: None,
        created_at: at(),
    }
}

pub(super) fn api_key(id: KeyId, tenant: TenantId) -> ApiKey {
    ApiKey {
        id,
        kind: KeyKind::Tenant,
        tenant,
        name: "reader".to_owned(),
        scopes: [Scope::RecordsRead].into(),
        created_at: at(),
        expires_at: None,
        revoked_at: None,
    }
}

pub(super) fn quarantined(id: QuarantineId, connection: ConnectionId, run: SyncRunId) -> QuarantinedRecord {
    QuarantinedRecord {
        id,
        connection,
        stream: Stream::Employees,
        run,
        external_id: Some("8".to_owned()),
        fingerprint: vec![8; 32],
        reason: "hire_date: not a date".to_owned(),
        payload: vec![8],
        created_at: at(),
        last_seen_at: at(),
        resolved_at: None,
    }
}

/// A record that the vendor says is gone.
pub(super) fn finding(record: Uuid) -> HeldRecord {
    HeldRecord { record, finding: Finding::Gone }
}

/// A batch that waits.
pub(super) fn held(run: SyncRunId, sync: SyncId) -> HeldBatch {
    HeldBatch {
        run,
        sync,
        state: HeldState::Open,
        n_missing: 1,
        n_present: 1,
        n_allowed: 0,
        n_settled: 0,
        decided_by: None,
        decided_at: None,
        refused_until: None,
        created_at: at(),
    }
}

/// Writes one of everything; `n` makes the ids the tenant's own.
pub(super) async fn seed(db: &Db, scope: &TenantScope, n: u8) -> Seeded {
    let id = |kind: u8| Uuid::from_bytes([1, 2, 3, 4, 5, 6, 0x70, n, 0x80, kind, n, n, n, n, n, n]);
    let connection_id = ConnectionId::from_uuid(id(1));
    let run_id = SyncRunId::from_uuid(id(5));
    let seeded = Seeded {
        connection: connection_id,
        credential: CredentialId::from_uuid(id(2)),
        attribute: attribute(AttributeId::from_uuid(id(3)), connection_id),
        sync: sync(SyncId::from_uuid(id(4)), connection_id, run_id),
        run: sync_run(run_id, SyncId::from_uuid(id(4)), connection_id),
        record: record(id(6), connection_id, run_id),
        person: PersonId::from_uuid(id(7)),
        key: KeyId::from_uuid(id(8)),
        data_key: DataKeyId::from_uuid(id(9)),
        job: JobId::from_uuid(id(10)),
        event: EventId::from_uuid(id(11)),
        quarantined: QuarantineId::from_uuid(id(12)),
        audit: AuditId::from_uuid(id(13)),
    };
    let tx = db.begin_system(SystemReason::ManageTenants).await.unwrap();
    let key = StoredDataKey {
        id: seeded.data_key,
        master_key_id: "m".to_owned(),
        wrapped: vec![n],
        hash_key: vec![n],
        seals: 0,
        is_retired: false,
    };
    tx.data_keys().create(scope.tenant(), key, at()).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = db.begin(scope).await.unwrap();
    tx.connections().create(&connection(seeded.connection, "Personio")).await.unwrap();
    tx.credentials().create(&credential(seeded.credential, seeded.connection, n)).await.unwrap();
    tx.tokens().lock(seeded.token()).await.unwrap();
    tx.tokens().replace(seeded.token(), vec![n], at(), at()).await.unwrap();
    tx.attributes().create(&seeded.attribute).await.unwrap();
    let mapping = Mapping { version: 1, updated_at: Some(at()), ..Mapping::built_in(seeded.connection) };
    tx.mappings().upsert(&mapping).await.unwrap();
    tx.offices().upsert(seeded.connection, vec![("1".to_owned(), "Kiel".to_owned())]).await.unwrap();
    tx.syncs().create(&seeded.sync).await.unwrap();
    tx.runs().create(&seeded.run).await.unwrap();
    tx.records().upsert(vec![seeded.record.clone()]).await.unwrap();
    let payload = Payload { record: seeded.record.id, raw: vec![n], sensitive: Some(vec![n]) };
    tx.records().upsert_payloads(vec![payload]).await.unwrap();
    let alias = Alias { external: external(), record: seeded.record.id };
    tx.records().upsert_aliases(seeded.connection, Stream::Employees, vec![alias]).await.unwrap();
    tx.persons().create(&[seeded.person], at()).await.unwrap();
    tx.persons().link(vec![link(&seeded)]).await.unwrap();
    tx.quarantine().upsert(vec![quarantined(seeded.quarantined, seeded.connection, run_id)]).await.unwrap();
    tx.sweeps().upsert_sightings(run_id, &[seeded.record.id]).await.unwrap();
    let keys = [seeded.attribute.key.as_str()];
    let earlier = seeded.run.id;
    tx.attributes().upsert_sightings(seeded.connection, seeded.attribute.stream, &keys, earlier).await.unwrap();
    tx.held().upsert_findings(run_id, &[finding(seeded.record.id)]).await.unwrap();
    tx.held().create(&held(run_id, seeded.sync.id)).await.unwrap();
    tx.settings().update(&TenantSettings::default(), 1, at()).await.unwrap();
    tx.keys().create(&api_key(seeded.key, scope.tenant()), &[n; 32]).await.unwrap();
    tx.audit().create(&audit_entry(seeded.audit)).await.unwrap();
    tx.idempotency().claim(claim(n), &[n], at(), KEEPING).await.unwrap();
    tx.idempotency().note(claim(n), "syn_x").await.unwrap();
    tx.idempotency().complete(REQUEST, 201, vec![n]).await.unwrap();
    tx.enqueue(new_job(seeded.job));
    tx.enqueue(NewJob { dedupe_key: Some(run_id.to_string()), ..new_job(JobId::from_uuid(id(14))) });
    tx.append_event(event(seeded.event, seeded.record.id), vec![n]);
    tx.commit().await.unwrap();
    if n == 1 {
        chain(db, scope, seeded.audit).await;
    }
    seeded
}

/// Gives the audit entry of one of the two its place, for the other not to find.
async fn chain(db: &Db, scope: &TenantScope, entry: AuditId) {
    let tx = db.begin_system(SystemReason::ChainAudit).await.unwrap();
    tx.audit().get_chain_end_for_update(scope.tenant()).await.unwrap();
    let end = ChainEnd { sequence: 1, link: vec![7] };
    tx.audit().update_place(scope.tenant(), entry, &end).await.unwrap();
    tx.audit().update_chain_end(scope.tenant(), &end).await.unwrap();
    tx.commit().await.unwrap();
}

pub(super) fn credential(id: CredentialId, connection: ConnectionId, n: u8) -> Credential {
    Credential {
        id,
        connection,
        version: 1,
        sealed: vec![n],
        budget_key: [n; 32],
        authenticated_at: None,
        created_at: at(),
    }
}

pub(super) fn audit_entry(id: AuditId) -> AuditEntry {
    AuditEntry {
        id,
        principal: "cli".to_owned(),
        action: "connection.create".to_owned(),
        object: "con".to_owned(),
        detail: serde_json::json!({}),
        request: None,
        at: at(),
    }
}

pub(super) fn link(seeded: &Seeded) -> PersonLink {
    PersonLink {
        employee: gangway_domain::id::EmployeeId::from_uuid(seeded.record.id),
        person: seeded.person,
        linked_by: "connector".to_owned(),
        linked_at: at(),
    }
}

pub(super) fn event(id: EventId, subject: Uuid) -> NewEvent {
    NewEvent {
        id,
        kind: "employee.created".to_owned(),
        subject: Some(subject),
        subject_label: None,
        connection: None,
        run: None,
        credential_version: None,
        data: serde_json::Value::Null,
        occurred_at: at(),
    }
}

/// The canonical field that nobody sees of either tenant.
pub(super) const HIDDEN: &str = "gender";

fn attribute(id: AttributeId, connection: ConnectionId) -> Attribute {
    Attribute {
        id,
        connection,
        stream: Stream::Employees,
        key: "dynamic_1".to_owned(),
        label: "T-shirt".to_owned(),
        kind: AttributeType::Text,
        universal_id: None,
        options: Vec::new(),
        is_custom: true,
        canonical_field: Some(HIDDEN.to_owned()),
        class: AttributeClass::Standard,
        class_reason: "custom text".to_owned(),
        selected: false,
        position: 1,
        first_seen_at: at(),
        last_seen_at: at(),
        removed_at: None,
        restricted_at: None,
    }
}

fn sync(id: SyncId, connection: ConnectionId, run: SyncRunId) -> Sync {
    Sync {
        id,
        connection,
        stream: Stream::Employees,
        schedule: None,
        cursor: None,
        first_completed_at: None,
        next_run_at: None,
        last_run: Some(run),
        api_version: None,
        version: 1,
        created_at: at(),
        updated_at: at(),
    }
}

fn sync_run(id: SyncRunId, sync: SyncId, connection: ConnectionId) -> SyncRun {
    SyncRun {
        id,
        sync,
        connection,
        stream: Stream::Employees,
        mode: RunMode::Full,
        state: RunState::Running,
        counts: RunCounts::default(),
        total: None,
        since: None,
        window: None,
        checkpoint: None,
        error_code: None,
        error_message: None,
        credential_version: 1,
        created_at: at(),
        started_at: Some(at()),
        finished_at: None,
    }
}

fn record(id: Uuid, connection: ConnectionId, run: SyncRunId) -> Record {
    Record {
        id,
        connection,
        stream: Stream::Employees,
        external: external(),
        employee_external_id: None,
        email: Some("ida@example.org".to_owned()),
        status: Some("active".to_owned()),
        starts_on: None,
        ends_on: None,
        fields: BTreeMap::new(),
        attributes: BTreeMap::new(),
        stale: Vec::new(),
        hash: vec![1; 32],
        kept_by: "v1".to_owned(),
        mapped_by: 0,
        state: RecordState::Present,
        version: 1,
        first_seen_at: at(),
        first_seen_run: run,
        changed_at: at(),
        deleted_at: None,
    }
}

/// Every row of a tenant in every table, as text. The connection must see all.
pub(super) async fn snapshot(connection: &impl ConnectionTrait, tenant: TenantId) -> Vec<String> {
    let backend = connection.get_database_backend();
    let mut lines = Vec::new();
    for table in tenant_tables(connection).await {
        let row = if backend == DbBackend::Postgres {
            format!("{}::text", table.name)
        } else {
            let quoted: Vec<String> = table.columns.iter().map(|column| format!("quote({})", column.name)).collect();
            quoted.join(" || ',' || ")
        };
        let own = uuid_literal(backend, tenant.uuid());
        let sql = format!("SELECT {row} FROM {} WHERE {} = {own} ORDER BY 1", table.name, table.tenant_column());
        for found in rows(connection, &sql).await.unwrap() {
            lines.push(format!("{}: {}", table.name, found.try_get_by_index::<String>(0).unwrap()));
        }
    }
    lines
}
