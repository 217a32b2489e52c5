//! The look-ups of every page and of every listing walk an index by all that they know, however much else the table holds.
//!
//! The statements are those that the repositories run: they are caught on their way and put before the planner.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::DateTime;
use gangway_domain::{
    id::{ConnectionId, EmployeeId, SyncRunId, TenantId},
    record::Stream,
    sync::RunCounts,
};
use gangway_migrations::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement, TransactionTrait as _};
use uuid::Uuid;

use crate::{Config, Db, SystemReason, TenantScope};

const TENANT: TenantId = TenantId::from_uuid(Uuid::from_u128(0xa));
const CONNECTION: ConnectionId = ConnectionId::from_uuid(Uuid::from_u128(0xc));
/// As many as a large page asks for.
const N_ASKED: u32 = 100;

/// Whether PostgreSQL has looked at what the tables hold, as it has not when a new installation reads its first account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Statistics {
    Fresh,
    None,
}

/// A database with two tenants of 10,000 employees each, and what was asked of it.
struct Watched {
    db: Db,
    raw: DatabaseConnection,
    told: Arc<Mutex<Vec<Statement>>>,
    _folder: Option<tempfile::TempDir>,
}

impl Watched {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
        Self::at(url, Some(folder), Statistics::Fresh).await
    }

    /// None without a server.
    async fn postgres(statistics: Statistics) -> Option<Self> {
        let server = server_url()?;
        let (base, _) = server.rsplit_once('/').unwrap();
        let admin = Database::connect(&server).await.unwrap();
        let sql = "SELECT 'plans_' || replace(gen_random_uuid()::text, '-', '')";
        let name = admin.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
        let name: String = name.try_get_by_index(0).unwrap();
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        admin.close().await.unwrap();
        Some(Self::at(format!("{base}/{name}"), None, statistics).await)
    }

    async fn at(url: String, folder: Option<tempfile::TempDir>, statistics: Statistics) -> Self {
        let raw = Database::connect(&url).await.unwrap();
        Migrator::up(&raw, None).await.unwrap();
        let is_postgres = raw.get_database_backend() == DbBackend::Postgres;
        for sql in rows(is_postgres) {
            raw.execute_unprepared(&sql).await.unwrap();
        }
        if is_postgres && statistics == Statistics::Fresh {
            raw.execute_unprepared("ANALYZE").await.unwrap();
        }
        let mut db = Db::connect(&Config::new(&url)).await.unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        db.watch(move |statement| sink.lock().unwrap_or_else(PoisonError::into_inner).push(statement.clone()));
        Self { db, raw, told, _folder: folder }
    }

    /// The plans of the statements told since that hold this text, as a tenant's transaction would plan them.
    async fn plans(&self, text: &str) -> Vec<String> {
        self.plans_as("gangway_app", text).await
    }

    async fn plans_as(&self, role: &str, text: &str) -> Vec<String> {
        let told = std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner));
        let mut plans = Vec::new();
        for statement in told.into_iter().filter(|statement| statement.sql.contains(text)) {
            plans.push(self.plan(role, &statement).await);
        }
        plans
    }

    /// With the row-level security in it.
    async fn plan(&self, role: &str, statement: &Statement) -> String {
        let tx = self.raw.begin().await.unwrap();
        let (explain, column) = match self.raw.get_database_backend() {
            DbBackend::Postgres => {
                let sql = "SELECT set_config('role', $1, true), set_config('app.tenant_id', $2, true)";
                let values = [role.into(), TENANT.uuid().to_string().into()];
                tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await.unwrap();
                ("EXPLAIN", "QUERY PLAN")
            }
            _ => ("EXPLAIN QUERY PLAN", "detail"),
        };
        let statement = Statement { sql: format!("{explain} {}", statement.sql), ..statement.clone() };
        let lines = tx.query_all_raw(statement).await.unwrap();
        let lines: Vec<String> = lines.iter().map(|line| line.try_get("", column).unwrap()).collect();
        lines.join("\n")
    }
}

/// The statements that fill the tables, alike on both databases.
fn rows(is_postgres: bool) -> Vec<String> {
    let id = |number: &str| {
        if is_postgres {
            format!("lpad(to_hex({number}), 32, '0')::uuid")
        } else {
            format!("unhex(printf('%032x', {number}))")
        }
    };
    let none = if is_postgres { "'\\x'::bytea" } else { "X''" };
    let mut sql = Vec::new();
    for (tenant, connection, first) in [(0xa, 0xc, 1_000_000), (0xb, 0xd, 2_000_000)] {
        let (tenant, connection) = (id(&tenant.to_string()), id(&connection.to_string()));
        let record = id(&format!("{first} + i"));
        let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)";
        sql.push(format!("INSERT INTO tenant VALUES ({tenant}, 'tenant {first}', 'UTC', 'active', '{{}}', 1, 0, 0)"));
        sql.push(format!(
            "INSERT INTO connection (tenant_id, id, connector, name, config, state, credential_version, version, created_at,
               updated_at) VALUES ({tenant}, {connection}, 'test', 'test', '{{}}', 'active', 1, 1, 0, 0)"
        ));
        sql.push(format!(
            "INSERT INTO record (tenant_id, id, connection_id, stream, source, external_id, email, fields, attributes, stale, hash,
               kept_by, state, version, first_seen_at, first_seen_run_id, changed_at)
             {numbers} SELECT {tenant}, {record}, {connection}, 'employees', 'test', CAST(i AS TEXT), 'p' || i || '@example.org', '{{}}',
               '{{}}', '[]',
               {none}, '', 'present', 1, 0, {connection}, 0 FROM n"
        ));
        sql.push(format!(
            "INSERT INTO record_alias (tenant_id, connection_id, stream, source, external_id, record_id)
             {numbers} SELECT {tenant}, {connection}, 'employees', 'test', CAST(i AS TEXT), {record} FROM n"
        ));
        sql.push(format!(
            "INSERT INTO person (tenant_id, id, created_at) {numbers} SELECT {tenant}, {record}, 0 FROM n"
        ));
        sql.push(format!(
            "INSERT INTO person_link (tenant_id, record_id, person_id, linked_by, linked_at)
             {numbers} SELECT {tenant}, {record}, {record}, 'connector', 0 FROM n"
        ));
    }
    sql.push(format!(
        "INSERT INTO sync (tenant_id, id, connection_id, stream, version, created_at, updated_at)
         VALUES ({tenant}, {sync}, {connection}, 'employees', 1, 0, 0)",
        tenant = id("10"),
        sync = id("14"),
        connection = id("12")
    ));
    // Syncs that are due some day.
    let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)";
    let (tenant, connection, sync) = (id("11"), id("3000000 + i"), id("4000000 + i"));
    sql.push(format!(
        "INSERT INTO connection (tenant_id, id, connector, name, config, state, credential_version, version, created_at,
           updated_at) {numbers} SELECT {tenant}, {connection}, 'test', 'test ' || i, '{{}}', 'active', 1, 1, 0, 0 FROM n"
    ));
    sql.push(format!(
        "INSERT INTO sync (tenant_id, id, connection_id, stream, schedule, next_run_at, version, created_at, updated_at)
         {numbers} SELECT {tenant}, {sync}, {connection}, 'employees', 'every 1d', 1000000000000000 + i, 1, 0, i FROM n"
    ));
    let counts = serde_json::to_string(&RunCounts::default()).unwrap();
    sql.push(format!(
        "INSERT INTO sync_run (tenant_id, id, sync_id, connection_id, stream, mode, state, counts, credential_version,
           created_at) VALUES ({tenant}, {run}, {sync}, {connection}, 'employees', 'full', 'running', '{counts}', 1, 0)",
        tenant = id("10"),
        run = id("15"),
        sync = id("14"),
        connection = id("12")
    ));
    sql.push(format!(
        "INSERT INTO sweep_sighting (tenant_id, run_id, record_id) SELECT tenant_id, {}, id FROM record
         WHERE tenant_id = {}",
        id("15"),
        id("10")
    ));
    sql
}

/// As `gangway_testkit::postgres_url`, which cannot be used from below it.
#[expect(clippy::disallowed_methods, reason = "the settings of a test run; nothing that ships reads them")]
fn server_url() -> Option<String> {
    let read = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let url = read("GANGWAY_TEST_POSTGRES_URL");
    if url.is_none() {
        assert!(read("GANGWAY_TEST_REQUIRE_DATABASES").is_none(), "GANGWAY_TEST_POSTGRES_URL is not set");
        println!("skipped on PostgreSQL: GANGWAY_TEST_POSTGRES_URL is not set (make test sets it)");
    }
    url
}

/// Whether a plan reads whole tables, or no more of an index than the tenant's part.
fn reads_too_much(plan: &str, by: &str) -> bool {
    let walks_all =
        |line: &str| line.contains("Seq Scan") || (line.contains("SCAN ") && !line.contains("VALUES CLAUSE"));
    plan.lines().any(walks_all) || !enters_by(plan, by)
}

/// PostgreSQL tells the conditions of an index, SQLite the columns it is entered by.
fn enters_by(plan: &str, by: &str) -> bool {
    let on_postgres = |line: &str| line.contains("Index Cond") && line.contains(&format!("{by} "));
    plan.lines().any(|line| on_postgres(line) || line.contains(&format!("{by}=?")))
}

async fn look_ups_enter_the_index_by_all_they_know(watched: Watched) {
    let names: Vec<String> = (1..=N_ASKED).map(|id| id.to_string()).collect();
    let tx = watched.db.begin_read(&TenantScope::new(TENANT)).await.unwrap();
    let known = tx.records().list_known(CONNECTION, Stream::Employees, &names).await.unwrap();
    assert_eq!(known.len(), names.len());
    let of_connection: Vec<(ConnectionId, String)> = names.into_iter().map(|name| (CONNECTION, name)).collect();
    assert_eq!(tx.records().list_employees_by_name(&of_connection).await.unwrap().len(), of_connection.len());
    tx.commit().await.unwrap();
    let plans = watched.plans("FROM record_alias").await;
    assert_eq!(plans.len(), 2);
    for plan in plans {
        assert!(!reads_too_much(&plan, "external_id"), "{plan}");
    }

    let tx = watched.db.begin_read(&TenantScope::new(TENANT)).await.unwrap();
    let employee = EmployeeId::from_uuid(Uuid::from_u128(1_000_001));
    assert_eq!(tx.records().list_employee_names(employee).await.unwrap(), [(CONNECTION, "1".to_owned())]);
    tx.commit().await.unwrap();
    for plan in watched.plans("FROM record_alias").await {
        assert!(!reads_too_much(&plan, "record_id"), "{plan}");
    }
}

async fn a_sweep_looks_each_record_up_among_the_sightings(watched: Watched) {
    let tx = watched.db.begin_read(&TenantScope::new(TENANT)).await.unwrap();
    let run = tx.runs().find(SyncRunId::from_uuid(Uuid::from_u128(0xf))).await.unwrap().unwrap();
    assert_eq!(tx.sweeps().list_unseen(&run, None, DateTime::UNIX_EPOCH, 10).await.unwrap(), []);
    tx.commit().await.unwrap();
    let plans = watched.plans("FROM sweep_sighting").await;
    assert_eq!(plans.len(), 1);
    for plan in plans {
        // A join would compare each record with every sighting, as long as nobody counted those.
        assert!(enters_by(&plan, "record_id") && !plan.contains("Anti Join"), "{plan}");
    }
}

async fn namesakes_are_found_by_their_email(watched: Watched) {
    let emails: Vec<String> = (1..=N_ASKED).map(|id| format!("p{id}@example.org")).collect();
    let tx = watched.db.begin_read(&TenantScope::new(TENANT)).await.unwrap();
    assert!(tx.persons().list_by_emails(&emails, CONNECTION, &[]).await.unwrap().is_empty());
    tx.commit().await.unwrap();
    let plans = watched.plans("JOIN person_link").await;
    assert_eq!(plans.len(), 1);
    for plan in plans {
        assert!(enters_by(&plan, "email"), "{plan}");
    }
}

async fn what_is_due_is_found_without_looking_at_what_is_not(watched: Watched) {
    let tx = watched.db.begin_system(SystemReason::Schedule).await.unwrap();
    let (now, ahead) = (DateTime::from_timestamp_micros(7).unwrap(), DateTime::from_timestamp_micros(4_990).unwrap());
    assert_eq!(tx.syncs().list_due(now, ahead, 100).await.unwrap().len(), 10, "those from a clock that was ahead");
    tx.commit().await.unwrap();
    let plans = watched.plans_as("gangway_system", "AS due").await;
    assert_eq!(plans.len(), 1);
    for plan in plans {
        assert!(plan.contains("sync_due") && plan.contains("sync_updated"), "{plan}");
    }
}

#[tokio::test]
async fn what_is_due_is_found_without_looking_at_what_is_not_on_sqlite() {
    what_is_due_is_found_without_looking_at_what_is_not(Watched::sqlite().await).await;
}

#[tokio::test]
async fn what_is_due_is_found_without_looking_at_what_is_not_on_postgres() {
    for statistics in [Statistics::Fresh, Statistics::None] {
        let Some(watched) = Watched::postgres(statistics).await else { return };
        what_is_due_is_found_without_looking_at_what_is_not(watched).await;
    }
}

#[tokio::test]
async fn a_sweep_looks_each_record_up_among_the_sightings_on_sqlite() {
    a_sweep_looks_each_record_up_among_the_sightings(Watched::sqlite().await).await;
}

#[tokio::test]
async fn a_sweep_looks_each_record_up_among_the_sightings_on_postgres() {
    for statistics in [Statistics::Fresh, Statistics::None] {
        let Some(watched) = Watched::postgres(statistics).await else { return };
        a_sweep_looks_each_record_up_among_the_sightings(watched).await;
    }
}

#[tokio::test]
async fn namesakes_are_found_by_their_email_on_sqlite() {
    namesakes_are_found_by_their_email(Watched::sqlite().await).await;
}

#[tokio::test]
async fn namesakes_are_found_by_their_email_on_postgres() {
    for statistics in [Statistics::Fresh, Statistics::None] {
        let Some(watched) = Watched::postgres(statistics).await else { return };
        namesakes_are_found_by_their_email(watched).await;
    }
}

#[tokio::test]
async fn look_ups_enter_the_index_by_all_they_know_on_sqlite() {
    look_ups_enter_the_index_by_all_they_know(Watched::sqlite().await).await;
}

#[tokio::test]
async fn look_ups_enter_the_index_by_all_they_know_on_postgres() {
    for statistics in [Statistics::Fresh, Statistics::None] {
        let Some(watched) = Watched::postgres(statistics).await else { return };
        look_ups_enter_the_index_by_all_they_know(watched).await;
    }
}
