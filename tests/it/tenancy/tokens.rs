//! The tokens of a vendor's APIs: each a row of its own, and what was stored before there were several belongs to the main one.

use chrono::TimeDelta;
use gangway_migrations::{Migrator, MigratorTrait as _};
use gangway_storage::{doctor, tokens::TokenKey};
use uuid::Uuid;

use super::{
    catalogue::{RowMaker, tenant_tables},
    seed::{at, new_token, seed},
    support::{A, TestDb, count, migrate, one, run},
};

async fn each_api_has_a_row_of_its_own(db: TestDb) {
    let storage = db.storage().await;
    let main = seed(&storage.db, &storage.a, 1).await.token();
    let other = TokenKey { api: "v2", ..main };
    let owner = Uuid::from_u128(7);

    let tx = storage.db.begin(&storage.a).await.unwrap();
    let before = tx.tokens().find(main).await.unwrap();
    assert!(before.as_ref().is_some_and(|token| token.sealed.is_some()));
    assert_eq!(tx.tokens().find(other).await.unwrap(), None);
    tx.tokens().lock(other).await.unwrap();
    tx.tokens().lease(other, owner, TimeDelta::minutes(1), at()).await.unwrap();
    assert!(tx.tokens().find(other).await.unwrap().unwrap().is_leased);
    tx.tokens().fail(other, owner, "unauthenticated", "refused".to_owned()).await.unwrap();
    let failed = tx.tokens().find(other).await.unwrap().unwrap();
    assert_eq!(failed.last_failure, Some(("unauthenticated".to_owned(), "refused".to_owned())));
    tx.tokens().lease(other, owner, TimeDelta::minutes(1), at()).await.unwrap();
    assert!(tx.tokens().complete(other, owner, new_token(), at()).await.unwrap());
    let replaced = tx.tokens().find(other).await.unwrap().unwrap();
    assert_eq!((replaced.sealed, replaced.is_leased, replaced.last_failure), (Some(vec![9]), false, None));
    assert_eq!(tx.tokens().find(main).await.unwrap(), before, "the other API's is as it was");
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn each_api_has_a_row_of_its_own_on_both_databases() {
    each_api_has_a_row_of_its_own(TestDb::sqlite().await).await;
    let Some(db) = TestDb::postgres().await else { return };
    each_api_has_a_row_of_its_own(db).await;
}

/// Fills every table as it was before there were several APIs, and brings the schema up to date.
async fn a_token_of_before_is_that_of_the_main_api(db: TestDb) {
    let is_this = |name: &str| name.ends_with("token_apis");
    let before = Migrator::migrations().iter().position(|migration| is_this(migration.name())).unwrap();
    let owner = doctor::connect_as_owner(&db.url).await.unwrap();
    Migrator::up(&owner, Some(u32::try_from(before).unwrap())).await.unwrap();
    owner.close().await.unwrap();
    let admin = db.admin().await;
    RowMaker::default().fill(&admin, &tenant_tables(&admin).await, A.uuid()).await;
    let noted = "UPDATE vendor_token SET attempted_at = 7, last_error = 'busy'";
    assert_eq!(run(&admin, noted).await.unwrap(), 1, "control: there is a token");
    admin.close().await.unwrap();

    migrate(&db.url).await.unwrap();
    let admin = db.admin().await;
    let kept = "SELECT count(*) FROM vendor_token WHERE api = 'main' AND attempted_at = 7 AND last_error = 'busy'";
    assert_eq!((one::<i64>(&admin, kept).await, count(&admin, "vendor_token").await), (1, 1));
}

#[tokio::test]
async fn a_token_of_before_is_that_of_the_main_api_on_both_databases() {
    a_token_of_before_is_that_of_the_main_api(TestDb::sqlite_empty()).await;
    let Some(db) = TestDb::postgres_empty("NOINHERIT CREATEROLE").await else { return };
    a_token_of_before_is_that_of_the_main_api(db).await;
}
