//! Persons, asked by tenant B for those of tenant A.

use super::{attempts::Intruder, seed::Seeded};

pub(super) async fn reads_persons(intruder: &Intruder, of_a: &Seeded, of_b: &Seeded) {
    let tx = intruder.tries("persons.list_by_emails").await;
    let emails = ["ida@example.org".to_owned()];
    assert!(tx.persons().list_by_emails(&emails, of_b.connection, &[]).await.unwrap().is_empty());
    drop(tx);
    let tx = intruder.tries("persons.lock").await;
    assert!(tx.persons().lock(&[of_a.person]).await.unwrap().is_empty());
}
