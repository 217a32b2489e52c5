//! Every table is under the rules, or on the short list of those without a tenant: a new table fails until it is.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::ConnectionTrait;

use super::{
    catalogue::{self, GLOBAL, Table},
    support::{TestDb, one, rows, run},
};

/// What PostgreSQL says about a table's row-level security: enabled, forced, and its policies.
#[derive(Debug, PartialEq, Eq)]
struct Security {
    enabled: bool,
    forced: bool,
    policies: BTreeSet<String>,
}

async fn security(connection: &impl ConnectionTrait) -> BTreeMap<String, Security> {
    let tables = rows(
        connection,
        "SELECT relname::text, relrowsecurity, relforcerowsecurity FROM pg_class
         WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace",
    )
    .await
    .unwrap();
    let mut found: BTreeMap<String, Security> = tables
        .iter()
        .map(|row| {
            let security = Security {
                enabled: row.try_get_by_index(1).unwrap(),
                forced: row.try_get_by_index(2).unwrap(),
                policies: BTreeSet::new(),
            };
            (row.try_get_by_index(0).unwrap(), security)
        })
        .collect();
    let policies = rows(
        connection,
        "SELECT tablename::text, format('%s %s to %s using %s check %s', permissive, cmd, array_to_string(roles, ','),
                qual, with_check) FROM pg_policies",
    )
    .await
    .unwrap();
    for row in policies {
        let table: String = row.try_get_by_index(0).unwrap();
        found.get_mut(&table).unwrap().policies.insert(row.try_get_by_index(1).unwrap());
    }
    found
}

fn demanded(table: &Table) -> Security {
    let tenant_column = table.tenant_column();
    let mut own = format!("({tenant_column} = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)");
    // The platform tenant's keys are operators'.
    if table.name == "api_key" {
        own = format!("({own} AND ({tenant_column} <> '00000000-0000-0000-0000-000000000000'::uuid))");
    }
    let mut policies = BTreeSet::from([
        format!("PERMISSIVE ALL to gangway_app using {own} check {own}"),
        "PERMISSIVE ALL to gangway_system using true check true".to_owned(),
    ]);
    // The application adds entries; only the system role gives them their place in the chain.
    if table.name == "audit_entry" {
        policies.insert(
            "RESTRICTIVE INSERT to gangway_app using  check ((sequence IS NULL) AND (chain IS NULL))".to_owned(),
        );
    }
    Security { enabled: true, forced: true, policies }
}

/// Tables that are neither global nor fully under the rules.
async fn unguarded(connection: &impl ConnectionTrait) -> Vec<String> {
    let security = security(connection).await;
    let mut unguarded = Vec::new();
    for table in catalogue::tenant_tables(connection).await {
        if security.get(&table.name) != Some(&demanded(&table)) {
            unguarded.push(table.name);
        }
    }
    unguarded
}

#[tokio::test]
async fn every_table_is_global_or_has_both_policies_forced() {
    let Some(db) = TestDb::postgres().await else { return };
    assert_eq!(unguarded(&db.admin().await).await, Vec::<String>::new());
}

#[tokio::test]
async fn control_a_table_off_the_lists_or_with_a_weaker_policy_is_found() {
    let Some(db) = TestDb::postgres().await else { return };
    let admin = db.admin().await;
    for sql in [
        "CREATE TABLE forgotten (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id))",
        "CREATE SCHEMA elsewhere",
        "CREATE TABLE elsewhere.hidden (tenant_id uuid NOT NULL)",
        "ALTER TABLE record NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE sync DISABLE ROW LEVEL SECURITY",
        "ALTER POLICY own_tenant ON person USING (true)",
        "CREATE POLICY wider ON office TO PUBLIC USING (true)",
    ] {
        run(&admin, sql).await.unwrap();
    }
    let mut found = unguarded(&admin).await;
    found.sort();
    assert_eq!(found, ["forgotten", "hidden", "office", "person", "record", "sync"]);
}

#[tokio::test]
async fn nothing_in_the_database_runs_with_its_owners_rights() {
    let Some(db) = TestDb::postgres().await else { return };
    // Views and SECURITY DEFINER functions see what their owner sees; inheritance and foreign tables skip policies.
    let found: i64 = one(
        &db.admin().await,
        "SELECT (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind IN ('v', 'm', 'f', 'p') AND n.nspname = 'public')
              + (SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema'))
              + (SELECT count(*) FROM pg_inherits)",
    )
    .await;
    assert_eq!(found, 0);
}

#[tokio::test]
async fn both_databases_have_the_same_tables_columns_and_keys() {
    let Some(postgres) = TestDb::postgres().await else { return };
    let sqlite = TestDb::sqlite().await;
    let shape = |tables: Vec<Table>| -> BTreeMap<String, _> {
        tables
            .into_iter()
            .filter(|table| table.name != "seaql_migrations")
            .map(|table| {
                let columns: Vec<_> =
                    table.columns.into_iter().map(|column| (column.name, column.is_nullable)).collect();
                let mut links: Vec<_> =
                    table.foreign_keys.into_iter().map(|link| (link.parent, link.columns)).collect();
                links.sort();
                // SQLite's rowid key has no index to look at.
                let keys = if table.name == "deployment" { BTreeSet::new() } else { table.keys };
                (table.name, (columns, keys, links))
            })
            .collect()
    };
    let sqlite = shape(catalogue::read(&sqlite.admin().await).await);
    let postgres = shape(catalogue::read(&postgres.admin().await).await);
    assert_eq!(sqlite, postgres);
}

/// Keys without the tenant reveal that another tenant has the value, so each needs its reason.
const KEYS_ACROSS_TENANTS: &[(&str, &str, &str)] = &[
    ("api_key", "hash", "a hash of 256 random bits finds its tenant; nobody can choose it"),
    ("console_session", "token_hash", "a hash of 256 random bits finds its tenant; nobody can choose it"),
    ("job", "id", "the claim names jobs of many tenants by id; ids are random or derived from random ones"),
    ("tenant", "id", "the tenant itself"),
    ("tenant", "name", "written by operators only"),
];

async fn assert_rows_are_bound_to_their_tenant(db: &TestDb) {
    let mut across = BTreeSet::new();
    for table in catalogue::tenant_tables(&db.admin().await).await {
        let name = table.name.clone();
        let tenant = table.tenant_column();
        let column = table.columns.iter().find(|column| column.name == tenant);
        let column = column.unwrap_or_else(|| panic!("{name} has no {tenant}"));
        assert!(!column.is_nullable, "{name}.{tenant} may be null");
        assert!(table.keys.iter().any(|key| key.iter().any(|part| part == tenant)), "{name}: no key with {tenant}");
        for key in table.keys.iter().filter(|key| !key.iter().any(|part| part == "tenant_id")) {
            across.insert((name.clone(), key.join(", ")));
        }
        for link in &table.foreign_keys {
            let there = if link.parent == "tenant" { "id" } else { "tenant_id" };
            let bound = link.columns.iter().any(|(from, to)| from == "tenant_id" && to == there);
            assert!(bound, "{name}: a foreign key to {} without the tenant", link.parent);
        }
        let is_rooted = name == "tenant" || !table.foreign_keys.is_empty();
        assert!(is_rooted || ROOTLESS.contains(&name.as_str()), "{name}: tied neither to a tenant nor to a parent");
    }
    let expected: BTreeSet<_> =
        KEYS_ACROSS_TENANTS.iter().map(|(table, key, _)| ((*table).to_owned(), (*key).to_owned())).collect();
    assert_eq!(across, expected);
}

/// Logs and stored answers: appended at high rate in transactions that saw the tenant, so the tenant is not looked up again.
const ROOTLESS: &[&str] = &["event", "audit_entry", "idempotent_answer"];

#[tokio::test]
async fn rows_and_their_foreign_keys_are_bound_to_the_tenant_on_postgres() {
    let Some(db) = TestDb::postgres().await else { return };
    assert_rows_are_bound_to_their_tenant(&db).await;
}

#[tokio::test]
async fn rows_and_their_foreign_keys_are_bound_to_the_tenant_on_sqlite() {
    assert_rows_are_bound_to_their_tenant(&TestDb::sqlite().await).await;
}

#[tokio::test]
async fn the_page_on_the_schema_names_every_table_with_its_kind() {
    let page = include_str!("../../../docs/schema.md");
    let documented: BTreeMap<String, &str> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split('|');
            let name = cells.next()?.trim().trim_end_matches('`').to_owned();
            Some((name, cells.next()?.trim().split(' ').next()?))
        })
        .collect();
    let db = TestDb::sqlite().await;
    let kinds = catalogue::read(&db.admin().await).await.into_iter().filter(|table| table.name != "seaql_migrations");
    let expected: BTreeMap<String, &str> =
        kinds.map(|table| (table.name.clone(), if table.is_global() { "global" } else { "tenant" })).collect();
    assert_eq!(documented, expected);
    assert!(GLOBAL.iter().all(|(_, reason)| !reason.is_empty()));
}
