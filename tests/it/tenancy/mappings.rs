//! The repository of mappings, and what records say about them, called by tenant B with tenant A's ids.

use gangway_domain::{mapping::Mapping, record::Stream};
use gangway_storage::Error;

use super::{attempts::Intruder, seed::Seeded};

pub(super) async fn reads(intruder: &Intruder, of_a: &Seeded, of_b: &Seeded) {
    let tx = intruder.tries("mappings.get").await;
    assert_eq!(tx.mappings().get(of_a.connection).await.unwrap(), Mapping::built_in(of_a.connection));
    assert_eq!(tx.mappings().get(of_b.connection).await.unwrap().version, 1, "control");
    drop(tx);
    let tx = intruder.tries("mappings.list_all").await;
    let all: Vec<_> = tx.mappings().list_all().await.unwrap().iter().map(|mapping| mapping.connection).collect();
    assert_eq!(all, [of_b.connection]);
    drop(tx);
    let tx = intruder.tries("mappings.list").await;
    assert_eq!(tx.mappings().list(&[of_a.connection]).await.unwrap(), []);
    drop(tx);
    let tx = intruder.tries("records.list_not_mapped_by").await;
    let others = tx.records().list_not_mapped_by(of_a.connection, Stream::Employees, 9, None, 9).await.unwrap();
    assert!(others.is_empty());
    drop(tx);
    let tx = intruder.tries("records.count_not_mapped_by").await;
    assert_eq!(tx.records().count_not_mapped_by(of_a.connection, Stream::Employees, 9).await.unwrap(), 0);
    let of_b = tx.records().count_not_mapped_by(of_b.connection, Stream::Employees, 9).await.unwrap();
    assert!(of_b > 0, "control");
}

pub(super) async fn changes(intruder: &Intruder, of_a: &Seeded) {
    let tx = intruder.tries("mappings.upsert").await;
    let mapping = Mapping { version: 9, ..Mapping::built_in(of_a.connection) };
    assert!(matches!(tx.mappings().upsert(&mapping).await, Err(Error::MissingReference)));
    drop(tx);
    let tx = intruder.tries("mappings.set_applied").await;
    assert!(!tx.mappings().set_applied(of_a.connection, 1).await.unwrap());
    tx.commit().await.unwrap();
}
