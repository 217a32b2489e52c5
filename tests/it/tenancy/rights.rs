//! What each role may do, besides seeing rows: the policies say whose rows, the grants say what to do with them.

use std::collections::BTreeMap;

use sea_orm::TransactionTrait as _;

use super::{
    catalogue::{RowMaker, tenant_tables},
    support::{A, B, REFUSED, TestDb, code, one, rows, run, take},
};

/// Every right of the application role. Whatever is not here it has not, on any table.
const APP_RIGHTS: &[(&str, &str)] = &[
    ("api_key", "SELECT INSERT UPDATE(revoked_at)"),
    ("attribute", "SELECT INSERT UPDATE DELETE"),
    ("attribute_sighting", "SELECT INSERT UPDATE DELETE"),
    ("audit_chain", "SELECT"),
    ("audit_entry", "SELECT INSERT"),
    ("connection", "SELECT INSERT UPDATE DELETE"),
    ("console_session", "SELECT INSERT UPDATE DELETE"),
    ("console_user", "SELECT INSERT UPDATE DELETE"),
    ("console_user_role", "SELECT INSERT UPDATE DELETE"),
    ("credential", "SELECT INSERT UPDATE DELETE"),
    ("data_key", "SELECT"),
    ("deployment", ""),
    ("event", "SELECT INSERT"),
    ("event_counter", "SELECT INSERT UPDATE DELETE"),
    ("fair_share", "SELECT INSERT UPDATE DELETE"),
    ("held_batch", "SELECT INSERT UPDATE DELETE"),
    ("idempotent_answer", "SELECT INSERT UPDATE DELETE"),
    ("job", "SELECT INSERT UPDATE(fence,run_at)"),
    ("mapping", "SELECT INSERT UPDATE DELETE"),
    ("office", "SELECT INSERT UPDATE DELETE"),
    ("person", "SELECT INSERT UPDATE DELETE"),
    ("person_link", "SELECT INSERT UPDATE DELETE"),
    ("quarantined_record", "SELECT INSERT UPDATE DELETE"),
    ("process_lease", ""),
    ("queue_clock", "SELECT"),
    ("record", "SELECT INSERT UPDATE DELETE"),
    ("record_alias", "SELECT INSERT UPDATE DELETE"),
    ("record_payload", "SELECT INSERT UPDATE DELETE"),
    ("seaql_migrations", ""),
    ("sweep_finding", "SELECT INSERT UPDATE DELETE"),
    ("sweep_sighting", "SELECT INSERT UPDATE DELETE"),
    ("sync", "SELECT INSERT UPDATE DELETE"),
    ("sync_run", "SELECT INSERT UPDATE DELETE"),
    ("tenant", "SELECT"),
    ("tenant_setting", "SELECT INSERT UPDATE DELETE"),
    ("vendor_token", "SELECT INSERT UPDATE DELETE"),
];

fn rights_of(role: &str) -> String {
    format!(
        "SELECT c.relname::text, concat_ws(' ',
           (SELECT string_agg(p, ' ' ORDER BY place)
            FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
              WITH ORDINALITY AS w (p, place) WHERE has_table_privilege('{role}', c.oid, p)),
           (SELECT 'UPDATE(' || string_agg(a.attname, ',' ORDER BY a.attname) || ')' FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT has_table_privilege('{role}', c.oid, 'UPDATE')
              AND has_column_privilege('{role}', c.oid, a.attnum, 'UPDATE')))
         FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
    )
}

async fn rights(db: &TestDb, role: &str) -> BTreeMap<String, String> {
    let rows = rows(&db.admin().await, &rights_of(role)).await.unwrap();
    rows.iter().map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap())).collect()
}

#[tokio::test]
async fn the_application_role_has_the_listed_rights_and_no_others() {
    let Some(db) = TestDb::postgres().await else { return };
    let expected: BTreeMap<_, _> =
        APP_RIGHTS.iter().map(|(table, rights)| ((*table).to_owned(), (*rights).to_owned())).collect();
    assert_eq!(rights(&db, "gangway_app").await, expected);
}

#[tokio::test]
async fn the_system_role_reads_and_writes_rows_and_changes_no_table() {
    let Some(db) = TestDb::postgres().await else { return };
    for (table, rights) in rights(&db, "gangway_system").await {
        let expected = if table == "seaql_migrations" { "" } else { "SELECT INSERT UPDATE DELETE" };
        assert_eq!(rights, expected, "{table}");
    }
}

#[tokio::test]
async fn everybody_else_has_no_rights_on_any_table() {
    let Some(db) = TestDb::postgres().await else { return };
    let (_, stranger) = db.add_login("NOINHERIT").await;
    for (table, rights) in rights(&db, &stranger).await {
        assert_eq!(rights, "", "{table}");
    }
}

#[tokio::test]
async fn no_role_passes_row_level_security_and_the_working_roles_cannot_log_in() {
    let Some(db) = TestDb::postgres().await else { return };
    let admin = db.admin().await;
    let sql = format!(
        "SELECT rolname::text, concat_ws(' ', CASE WHEN rolsuper THEN 'super' END,
           CASE WHEN rolbypassrls THEN 'bypassrls' END, CASE WHEN rolreplication THEN 'replication' END,
           CASE WHEN rolcanlogin THEN 'login' END, CASE WHEN rolcreatedb THEN 'createdb' END,
           CASE WHEN rolcreaterole THEN 'createrole' END, CASE WHEN rolinherit THEN 'inherit' END)
         FROM pg_roles WHERE rolname IN ('gangway_app', 'gangway_system', '{}') ORDER BY 1",
        db.login
    );
    let found: Vec<(String, String)> = rows(&admin, &sql)
        .await
        .unwrap()
        .iter()
        .map(|row| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap()))
        .collect();
    let expected = [("gangway_app", "inherit"), ("gangway_system", "inherit"), (&db.login, "login createrole")];
    assert_eq!(found, expected.map(|(name, rights)| (name.to_owned(), rights.to_owned())));
    // A member of pg_read_all_data or of the other working role would see more than its own policies say.
    let memberships: i64 = one(
        &admin,
        "SELECT count(*) FROM pg_auth_members
         WHERE member IN ('gangway_app'::regrole, 'gangway_system'::regrole)",
    )
    .await;
    assert_eq!(memberships, 0);
}

/// Statements on the tenant's own rows that the application role must not get through, each with what it would break.
const FORBIDDEN: &[(&str, &str)] = &[
    ("UPDATE job SET state = 'done'", "only the queue changes a job's state"),
    ("UPDATE job SET epoch = epoch + 1", "a stalled worker could make its own lease valid again"),
    ("UPDATE job SET tenant_id = tenant_id", "a job's tenant is where its scope comes from"),
    ("UPDATE job SET payload = '{}'", "a job's payload is fixed"),
    ("DELETE FROM job", "only retention deletes jobs"),
    ("UPDATE event SET kind = ''", "the log is not rewritten"),
    ("DELETE FROM event", "the log is not rewritten"),
    ("SELECT 1 FROM event FOR UPDATE", "the log needs no locks"),
    ("UPDATE audit_entry SET action = ''", "the audit log is not rewritten"),
    ("DELETE FROM audit_entry", "the audit log is not rewritten"),
    ("UPDATE audit_entry SET sequence = 1", "only the system role gives entries their place"),
    ("UPDATE audit_chain SET sequence = 0", "only the system role moves the end of the chain"),
    ("DELETE FROM audit_chain", "only the system role moves the end of the chain"),
    ("SELECT 1 FROM deployment", "the deployment's secret"),
    ("UPDATE deployment SET secret = ''", "the deployment's secret"),
    ("UPDATE api_key SET kind = 'operator'", "a tenant's key would become an operator's"),
    ("UPDATE api_key SET scopes = '[]'", "a key's scopes are fixed"),
    ("UPDATE api_key SET hash = ''", "a key's text is fixed"),
    ("DELETE FROM api_key", "keys are revoked, so that the audit log still has their names"),
    ("UPDATE tenant SET state = 'active'", "a suspended tenant could come back by itself"),
    ("DELETE FROM tenant", "only operators delete tenants"),
    ("UPDATE data_key SET retired_at = 1", "keys are the system's"),
    ("DELETE FROM data_key", "without its key a tenant's data is lost"),
    ("UPDATE process_lease SET lease_until = 0", "a tenant could let a second process in"),
    ("INSERT INTO queue_clock VALUES ('q', 1, 9)", "a tenant could overtake all others"),
    ("UPDATE queue_clock SET virtual_now = 0", "a tenant could overtake all others"),
    ("DELETE FROM queue_clock", "a tenant could overtake all others"),
    ("SELECT 1 FROM seaql_migrations", "migrations are the owner's"),
    ("TRUNCATE record", "row-level security does not cover TRUNCATE"),
    ("TRUNCATE job", "row-level security does not cover TRUNCATE"),
    ("ALTER TABLE record DISABLE ROW LEVEL SECURITY", "the owner's"),
    ("DROP POLICY own_tenant ON record", "the owner's"),
    ("CREATE TABLE public.mine (id int)", "the schema is the owner's"),
    ("CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "the schema is the owner's"),
];

const ALLOWED: &[&str] = &[
    "SELECT 1 FROM job FOR UPDATE",
    "UPDATE job SET fence = fence + 1",
    "SELECT virtual_now FROM queue_clock",
    "SELECT wrapped FROM data_key",
    "SELECT name FROM tenant",
    "UPDATE api_key SET revoked_at = 1",
    "DELETE FROM connection",
];

#[tokio::test]
async fn the_application_role_is_refused_what_belongs_to_others() {
    let Some(db) = TestDb::postgres().await else { return };
    let tables = tenant_tables(&db.admin().await).await;
    let pool = db.pool(1).await;
    let tx = pool.begin().await.unwrap();
    take(&tx, "gangway_system", "").await;
    RowMaker::default().fill(&tx, &tables, A.uuid()).await;
    tx.commit().await.unwrap();
    for (sql, reason) in FORBIDDEN {
        let tx = pool.begin().await.unwrap();
        take(&tx, "gangway_app", &A.uuid().to_string()).await;
        let error = run(&tx, sql).await.err().unwrap_or_else(|| panic!("{sql} went through: {reason}"));
        assert_eq!(code(&error), REFUSED, "{sql}: {error}");
        tx.rollback().await.unwrap();
    }
    for sql in ALLOWED {
        let tx = pool.begin().await.unwrap();
        take(&tx, "gangway_app", &A.uuid().to_string()).await;
        run(&tx, sql).await.unwrap_or_else(|error| panic!("control {sql}: {error}"));
        tx.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn a_tenant_locks_its_own_jobs_and_cannot_reach_anothers() {
    let Some(db) = TestDb::postgres().await else { return };
    let tables = tenant_tables(&db.admin().await).await;
    let pool = db.pool(2).await;
    let tx = pool.begin().await.unwrap();
    take(&tx, "gangway_system", "").await;
    let mut maker = RowMaker::default();
    maker.fill(&tx, &tables, A.uuid()).await;
    maker.fill(&tx, &tables, B.uuid()).await;
    let job_of_b: String = one(&tx, &format!("SELECT id::text FROM job WHERE tenant_id = '{}'", B.uuid())).await;
    tx.commit().await.unwrap();

    let lock = format!("SELECT id FROM job WHERE id = '{job_of_b}' FOR UPDATE");
    let holder = pool.begin().await.unwrap();
    take(&holder, "gangway_app", &B.uuid().to_string()).await;
    assert_eq!(rows(&holder, &lock).await.unwrap().len(), 1, "control: B locks its job");

    // NOWAIT: had A seen the row, it would fail on the lock instead of finding nothing.
    let other = pool.begin().await.unwrap();
    take(&other, "gangway_app", &A.uuid().to_string()).await;
    assert_eq!(rows(&other, &format!("{lock} NOWAIT")).await.unwrap().len(), 0);
    assert_eq!(rows(&other, "SELECT id FROM job FOR UPDATE NOWAIT").await.unwrap().len(), 1, "control: A's own");
    assert_eq!(run(&other, &format!("UPDATE job SET fence = 1 WHERE id = '{job_of_b}'")).await.unwrap(), 0);
}
