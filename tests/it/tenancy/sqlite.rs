//! SQLite has neither roles nor policies: the filter of our own queries is what keeps tenants apart, and nothing else.

use gangway_storage::doctor::{self, Isolation};

use super::{
    catalogue::{RowMaker, tenant_tables},
    seed::{self, seed, snapshot},
    support::{A, B, Storage, TestDb, count, one, rows, run, uuid_literal},
};

#[tokio::test]
async fn control_a_query_without_a_filter_sees_every_tenant() {
    let db = TestDb::sqlite().await;
    let admin = db.admin().await;
    let tables = tenant_tables(&admin).await;
    let mut maker = RowMaker::default();
    maker.fill(&admin, &tables, A.uuid()).await;
    maker.fill(&admin, &tables, B.uuid()).await;
    for table in &tables {
        let in_all = if table.name == "tenant" { 3 } else { 2 };
        assert_eq!(count(&admin, &table.name).await, in_all, "{}", table.name);
    }
}

#[tokio::test]
async fn a_row_cannot_point_at_another_tenants_parent() {
    let db = TestDb::sqlite().await;
    let admin = db.admin().await;
    let tables = tenant_tables(&admin).await;
    let mut maker = RowMaker::default();
    maker.fill(&admin, &tables, A.uuid()).await;
    maker.fill(&admin, &tables, B.uuid()).await;
    for table in tables.iter().filter(|table| table.foreign_keys.iter().any(|link| link.parent != "tenant")) {
        let insert = maker.insert(sea_orm::DbBackend::Sqlite, table, A.uuid());
        let error = run(&admin, &insert).await.err().unwrap_or_else(|| panic!("{insert} went through"));
        assert!(error.to_string().contains("FOREIGN KEY constraint failed"), "{insert}: {error}");
    }
}

#[tokio::test]
async fn a_cascade_stays_in_its_tenant() {
    let db = TestDb::sqlite().await;
    let storage = db.storage().await;
    let connection = seed(&storage.db, &storage.a, 1).await.connection;
    seed(&storage.db, &storage.b, 2).await;
    let admin = db.admin().await;
    let before = snapshot(&admin, B).await;
    let id = uuid_literal(sea_orm::DbBackend::Sqlite, connection.uuid());
    assert_eq!(run(&admin, &format!("DELETE FROM connection WHERE id = {id}")).await.unwrap(), 1);
    assert_eq!(count(&admin, "record").await, 1, "control: it does cascade");
    assert_eq!(snapshot(&admin, B).await, before);
}

#[tokio::test]
async fn the_working_pool_enforces_foreign_keys_and_the_file_is_in_wal_mode() {
    let db = TestDb::sqlite().await;
    let Storage { db: storage, b, .. } = db.storage().await;
    // A foreign key that is not enforced would let this through.
    let tx = storage.begin(&b).await.unwrap();
    let error = tx.offices().upsert(seed::missing_connection(), vec![("1".to_owned(), "Kiel".to_owned())]).await;
    assert!(matches!(error, Err(gangway_storage::Error::MissingReference)), "{error:?}");
    drop(tx);
    let admin = db.admin().await;
    assert_eq!(one::<String>(&admin, "PRAGMA journal_mode").await, "wal");
    assert_eq!(rows(&admin, "PRAGMA foreign_key_check").await.unwrap().len(), 0);
    assert_eq!(one::<String>(&admin, "PRAGMA integrity_check").await, "ok");
}

#[tokio::test]
async fn doctor_says_that_only_the_filter_stands() {
    let db = TestDb::sqlite().await;
    let report = doctor::report(&db.storage().await.db).await.unwrap();
    assert_eq!(report.isolation, Isolation::FilterOnly);
}
