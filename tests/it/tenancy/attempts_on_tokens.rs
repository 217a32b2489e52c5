//! Vendor tokens of tenant A, leased, prolonged and replaced by tenant B.

use gangway_storage::Error;
use uuid::Uuid;

use super::{
    attempts::Intruder,
    seed::{self, Seeded, at},
};

pub(super) async fn changes_tokens(intruder: &Intruder, of_a: &Seeded) {
    let (token, owner) = (of_a.token(), Uuid::from_u128(7));
    let tx = intruder.tries("tokens.lock").await;
    assert!(matches!(tx.tokens().lock(token).await, Err(Error::MissingReference)));
    drop(tx);
    let tx = intruder.tries("tokens.lease").await;
    tx.tokens().lease(token, owner, chrono::TimeDelta::minutes(1), at()).await.unwrap();
    tx.commit().await.unwrap();
    let tx = intruder.tries("tokens.renew_lease").await;
    assert!(!tx.tokens().renew_lease(token, owner, chrono::TimeDelta::minutes(1)).await.unwrap());
    tx.commit().await.unwrap();
    let tx = intruder.tries("tokens.complete").await;
    assert!(!tx.tokens().complete(token, owner, seed::new_token(), at()).await.unwrap());
    tx.commit().await.unwrap();
    let tx = intruder.tries("tokens.fail").await;
    tx.tokens().fail(token, owner, "unavailable", "taken over".to_owned()).await.unwrap();
    tx.commit().await.unwrap();
    let tx = intruder.tries("tokens.replace").await;
    tx.tokens().replace(token, vec![9], at(), at()).await.unwrap();
    tx.commit().await.unwrap();
}
