//! Who is given a scope: operators for tenants that exist, and holders of a key for its tenant.

use gangway_domain::id::{ConnectionId, PLATFORM_TENANT, TenantId};
use gangway_storage::Error;
use uuid::Uuid;

use super::{
    seed::seed,
    support::{Storage, TestDb},
};

#[tokio::test]
async fn a_scope_is_given_only_for_tenants_that_exist() {
    let test = TestDb::sqlite().await;
    let Storage { db, a, b } = test.storage().await;
    let of_a = seed(&db, &a, 1).await;
    seed(&db, &b, 2).await;
    let nobody = Uuid::from_u128(0xbad);
    let unknown = TenantId::from_uuid(nobody);
    assert!(matches!(db.scope_for_operator(unknown).await, Err(Error::NotFound(_))));
    assert!(db.scope_for_operator(PLATFORM_TENANT).await.is_err(), "operators act for tenants, not for the platform");
    let holder = db.authenticate(&[1; 32]).await.unwrap().unwrap();
    assert_eq!((holder.key().id, holder.scope()), (of_a.key, Some(a)));
    assert!(db.authenticate(&[3; 32]).await.unwrap().is_none());
    assert_ne!(of_a.connection, ConnectionId::from_uuid(nobody));
}
