//! The migrations, run as operators run them: by logins without special rights, again, and interrupted.

use gangway_migrations::{Migrator, MigratorTrait as _};
use gangway_storage::doctor::{self, Isolation};
use sea_orm::TransactionTrait as _;

use super::{
    catalogue,
    support::{TestDb, connect, count, migrate, one, run, take},
};

async fn assert_complete(db: &TestDb) {
    let admin = db.admin().await;
    assert_eq!(count(&admin, "seaql_migrations").await, i64::try_from(Migrator::migrations().len()).unwrap());
    assert!(catalogue::read(&admin).await.len() > 25);
    assert_eq!(count(&admin, "tenant").await, 1, "the platform tenant");
}

#[tokio::test]
async fn a_login_that_may_create_roles_builds_everything_and_a_second_run_changes_nothing() {
    let Some(db) = TestDb::postgres_empty("NOINHERIT CREATEROLE").await else { return };
    migrate(&db.url).await.unwrap();
    assert_complete(&db).await;
    let admin = db.admin().await;
    let newest = "SELECT max(oid)::bigint FROM pg_class";
    let before: i64 = one(&admin, newest).await;
    migrate(&db.url).await.unwrap();
    assert_complete(&db).await;
    assert_eq!(one::<i64>(&admin, newest).await, before);
}

#[tokio::test]
async fn a_login_without_createrole_migrates_when_the_roles_are_there_and_granted() {
    // Another database made the roles.
    let Some(_first) = TestDb::postgres().await else { return };
    let Some(db) = TestDb::postgres_empty("NOINHERIT IN ROLE gangway_app, gangway_system").await else { return };
    migrate(&db.url).await.unwrap();
    migrate(&db.url).await.unwrap();
    assert_complete(&db).await;
}

#[tokio::test]
async fn a_login_that_may_neither_make_nor_take_the_roles_is_refused_and_leaves_nothing() {
    let Some(_first) = TestDb::postgres().await else { return };
    let Some(db) = TestDb::postgres_empty("NOINHERIT").await else { return };
    migrate(&db.url).await.unwrap_err();
    let left: Vec<_> = catalogue::read(&db.admin().await).await.into_iter().map(|table| table.name).collect();
    assert_eq!(left, ["seaql_migrations"]);
}

#[tokio::test]
async fn a_superuser_migrates_and_doctor_reports_that_it_passes_every_wall() {
    let Some(db) = TestDb::postgres_empty("NOINHERIT SUPERUSER").await else { return };
    migrate(&db.url).await.unwrap();
    assert_complete(&db).await;
    let report = doctor::report(&db.storage().await.db).await.unwrap();
    assert!(report.passes_row_security);
}

#[tokio::test]
async fn doctor_finds_an_operators_login_in_order_and_an_unforced_table_not() {
    let Some(db) = TestDb::postgres().await else { return };
    let storage = db.storage().await;
    let report = doctor::report(&storage.db).await.unwrap();
    assert_eq!(report.isolation, Isolation::OneLogin { no_inherit: true });
    assert!(!report.passes_row_security);
    assert_eq!(report.unforced_tables, Vec::<String>::new());
    run(&db.admin().await, "ALTER TABLE record NO FORCE ROW LEVEL SECURITY").await.unwrap();
    let report = doctor::report(&storage.db).await.unwrap();
    assert_eq!(report.unforced_tables, ["record"]);
}

#[tokio::test]
async fn the_owner_itself_is_held_by_the_policies() {
    let Some(db) = TestDb::postgres().await else { return };
    let owner = connect(&db.url, 1).await;
    assert_eq!(count(&owner, "tenant").await, 0);
    let tx = owner.begin().await.unwrap();
    take(&tx, "gangway_system", "").await;
    assert_eq!(count(&tx, "tenant").await, 1, "control: the platform tenant is there");
}

#[tokio::test]
async fn a_second_run_on_sqlite_changes_nothing() {
    let db = TestDb::sqlite().await;
    let admin = db.admin().await;
    let before: i64 = one(&admin, "PRAGMA schema_version").await;
    migrate(&db.url).await.unwrap();
    assert_complete(&db).await;
    assert_eq!(one::<i64>(&admin, "PRAGMA schema_version").await, before);
}

#[tokio::test]
async fn every_migration_happens_whole_or_not_at_all_on_both_databases() {
    for migration in Migrator::migrations() {
        assert_eq!(migration.use_transaction(), Some(true), "{}", migration.name());
    }
}

#[tokio::test]
async fn a_migration_that_fails_half_way_on_sqlite_leaves_nothing_and_runs_after_the_cause_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("gangway.db").display());
    let admin = connect(&url, 1).await;
    run(&admin, "CREATE TABLE console_session (id INTEGER)").await.unwrap();
    migrate(&url).await.unwrap_err();
    let tables = "SELECT group_concat(name) FROM sqlite_schema WHERE type = 'table'";
    assert_eq!(one::<String>(&admin, tables).await, "console_session,seaql_migrations");
    run(&admin, "DROP TABLE console_session").await.unwrap();
    migrate(&url).await.unwrap();
    assert!(catalogue::read(&admin).await.len() > 25);
}
