//! No tenant makes itself an operator, whichever wall fails: the grant, the policy, the check, or the reading.

use gangway_domain::id::PLATFORM_TENANT;
use sea_orm::{ConnectionTrait, TransactionTrait as _};

use super::{
    seed,
    support::{A, REFUSED, TestDb, code, one, run, take, uuid_literal},
};

const CHECK_FAILED: &str = "23514";

/// A statement that adds a key.
fn insert(connection: &impl ConnectionTrait, tenant: uuid::Uuid, kind: &str) -> String {
    let backend = connection.get_database_backend();
    let bytes = if backend == sea_orm::DbBackend::Postgres { "'\\x07'::bytea" } else { "X'07'" };
    format!(
        "INSERT INTO api_key (tenant_id, id, kind, name, hash, scopes, created_at)
         VALUES ({}, {}, '{kind}', 'forged', {bytes}, '[]', 0)",
        uuid_literal(backend, tenant),
        uuid_literal(backend, uuid::Uuid::from_u128(7)),
    )
}

#[tokio::test]
async fn the_application_role_neither_sees_nor_adds_keys_of_the_platform_tenant() {
    let Some(db) = TestDb::postgres().await else { return };
    let pool = db.pool(1).await;
    let tx = pool.begin().await.unwrap();
    take(&tx, "gangway_system", "").await;
    run(&tx, &insert(&tx, PLATFORM_TENANT.uuid(), "operator")).await.unwrap();
    assert_eq!(one::<i64>(&tx, "SELECT count(*) FROM api_key").await, 1, "control");
    tx.commit().await.unwrap();

    let tx = pool.begin().await.unwrap();
    take(&tx, "gangway_app", &PLATFORM_TENANT.uuid().to_string()).await;
    assert_eq!(one::<i64>(&tx, "SELECT count(*) FROM api_key").await, 0);
    let error = run(&tx, &insert(&tx, PLATFORM_TENANT.uuid(), "operator")).await.unwrap_err();
    assert_eq!(code(&error), REFUSED, "{error}");
}

#[tokio::test]
async fn an_operators_key_outside_the_platform_tenant_is_refused_by_postgres() {
    let Some(db) = TestDb::postgres().await else { return };
    let storage = db.storage().await;
    let admin = db.admin().await;
    for (tenant, kind) in [(storage.a.tenant(), "operator"), (PLATFORM_TENANT, "tenant")] {
        let error = run(&admin, &insert(&admin, tenant.uuid(), kind)).await.unwrap_err();
        assert_eq!(code(&error), CHECK_FAILED, "{kind}: {error}");
    }
}

#[tokio::test]
async fn an_operators_key_outside_the_platform_tenant_is_refused_by_sqlite() {
    let db = TestDb::sqlite().await;
    let storage = db.storage().await;
    let admin = db.admin().await;
    for (tenant, kind) in [(storage.a.tenant(), "operator"), (PLATFORM_TENANT, "tenant")] {
        let error = run(&admin, &insert(&admin, tenant.uuid(), kind)).await.unwrap_err();
        assert!(error.to_string().contains("CHECK constraint failed"), "{kind}: {error}");
    }
}

#[tokio::test]
async fn a_row_that_says_operator_in_a_tenant_proves_nothing() {
    let db = TestDb::sqlite().await;
    let storage = db.storage().await;
    let seeded = seed::seed(&storage.db, &storage.a, 1).await;
    assert_eq!(storage.a.tenant(), A, "the seed is A's");
    assert!(storage.db.authenticate(&[1; 32]).await.unwrap().is_some(), "control: {:?}", seeded.key);
    let admin = db.admin().await;
    run(&admin, "PRAGMA ignore_check_constraints = ON").await.unwrap();
    assert_eq!(run(&admin, "UPDATE api_key SET kind = 'operator'").await.unwrap(), 1);
    assert!(storage.db.authenticate(&[1; 32]).await.unwrap().is_none());
}
