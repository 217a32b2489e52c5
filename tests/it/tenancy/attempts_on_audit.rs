//! The audit log, asked by tenant B while tenant A's entry has its place in the chain and B's has none.

use gangway_storage::{PageRequest, audit::AuditFilter};

use super::{attempts::Intruder, seed::Seeded};

pub(super) async fn reads_audit(intruder: &Intruder, of_b: &Seeded) {
    let tx = intruder.tries("audit.list").await;
    let page = PageRequest { limit: 100, after: None };
    let found = tx.audit().list(&AuditFilter::default(), page).await.unwrap().entries;
    assert_eq!(found.iter().map(|one| one.entry.id).collect::<Vec<_>>(), [of_b.audit]);
    drop(tx);
    let tx = intruder.tries("audit.find_chain_state").await;
    let state = tx.audit().find_chain_state().await.unwrap();
    assert_eq!((state.end.sequence, state.highest, state.n_unchained), (0, 0, 1));
    drop(tx);
    let tx = intruder.tries("audit.list_chained").await;
    assert!(tx.audit().list_chained(0, 100).await.unwrap().is_empty());
    drop(tx);
    let tx = intruder.tries("audit.find_chained").await;
    assert_eq!(tx.audit().find_chained(1).await.unwrap(), None);
}
