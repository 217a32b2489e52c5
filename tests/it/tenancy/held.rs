//! Held deletions, settings and lost rights: tenant B with tenant A's ids, as in `repositories`.

use gangway_domain::{held::HeldState, settings::TenantSettings};
use gangway_storage::{Error, PageRequest, TenantTx, held::Decision};

use super::{
    attempts::Intruder,
    seed::{self, Seeded, at},
};

fn page<K>() -> PageRequest<K> {
    PageRequest { limit: 9, after: None }
}

async fn done(tx: TenantTx) {
    tx.commit().await.unwrap();
}

pub(super) async fn reads(intruder: &Intruder, of_a: &Seeded, of_b: &Seeded) {
    let tx = intruder.tries("sweeps.find_seen").await;
    assert_eq!(tx.sweeps().find_seen(&of_a.run).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("sweeps.is_stale_on_any").await;
    assert!(!tx.sweeps().is_stale_on_any(&of_a.run, "position").await.unwrap());
    drop(tx);
    let tx = intruder.tries("held.find").await;
    assert_eq!(tx.held().find(of_a.run.id).await.unwrap(), None);
    assert!(tx.held().find(of_b.run.id).await.unwrap().is_some(), "control");
    drop(tx);
    let tx = intruder.tries("held.find_last").await;
    assert_eq!(tx.held().find_last(of_a.sync.id).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("held.find_pending").await;
    assert_eq!(tx.held().find_pending(of_a.sync.id).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("held.find_reason").await;
    assert_eq!(tx.held().find_reason(of_a.run.id).await.unwrap(), None);
    drop(tx);
    let tx = intruder.tries("held.list_records").await;
    assert!(tx.held().list_records(of_a.run.id, page()).await.unwrap().items.is_empty());
    assert_eq!(tx.held().list_records(of_b.run.id, page()).await.unwrap().items.len(), 1, "control");
    drop(tx);
    let tx = intruder.tries("held.names_more").await;
    assert!(!tx.held().names_more(of_a.run.id, of_b.run.id).await.unwrap());
    drop(tx);
    let tx = intruder.tries("settings.get").await;
    assert_eq!(tx.settings().get().await.unwrap().version, 1, "B's own");
    drop(tx);
    let tx = intruder.tries("settings.get_for_update").await;
    assert_eq!(tx.settings().get_for_update().await.unwrap().version, 1, "B's own");
    drop(tx);
    let tx = intruder.tries("attributes.list_unseen").await;
    assert_eq!(tx.attributes().list_unseen(&of_a.run).await.unwrap(), []);
    drop(tx);
    let tx = intruder.tries("attributes.list_back").await;
    assert_eq!(tx.attributes().list_back(&of_a.run).await.unwrap(), []);
    drop(tx);
    let tx = intruder.tries("attributes.list_missing").await;
    assert_eq!(tx.attributes().list_missing(&[of_a.connection]).await.unwrap(), []);
}

pub(super) async fn changes(intruder: &Intruder, of_a: &Seeded) {
    let run = of_a.run.id;
    let tx = intruder.tries("held.create").await;
    let created = tx.held().create(&seed::held(run, of_a.sync.id)).await;
    assert!(matches!(created, Err(Error::MissingReference)), "{created:?}");
    drop(tx);
    let tx = intruder.tries("held.upsert_findings").await;
    let found = tx.held().upsert_findings(run, &[seed::finding(of_a.record.id)]).await;
    assert!(matches!(found, Err(Error::MissingReference)), "{found:?}");
    drop(tx);
    let tx = intruder.tries("sweeps.list_replaced").await;
    assert_eq!(tx.sweeps().list_replaced(&of_a.run, None, 9).await.unwrap(), Vec::<uuid::Uuid>::new());
    done(tx).await;
    let tx = intruder.tries("syncs.set_api_version").await;
    tx.syncs().set_api_version(of_a.sync.id, "v9").await.unwrap();
    done(tx).await;
    let tx = intruder.tries("sweeps.forget").await;
    tx.sweeps().forget(&of_a.sync).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("sweeps.hold_unseen").await;
    assert_eq!(tx.sweeps().hold_unseen(&of_a.run, None, at()).await.unwrap(), 0);
    done(tx).await;
    let tx = intruder.tries("held.decide").await;
    let decision = Decision {
        state: HeldState::Refused,
        reason: vec![9],
        by: "intruder".to_owned(),
        at: at(),
        refused_until: Some(at()),
    };
    assert!(!tx.held().decide(run, &decision).await.unwrap());
    done(tx).await;
    let tx = intruder.tries("held.update_progress").await;
    let moved = tx.held().update_progress(run, HeldState::Released, 9).await;
    assert!(matches!(moved, Err(Error::NotFound(_))), "{moved:?}");
    done(tx).await;
    let tx = intruder.tries("held.supersede").await;
    tx.held().supersede(run).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("held.delete_findings").await;
    tx.held().delete_findings(run).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("held.delete_records").await;
    assert_eq!(tx.held().delete_records(run, &[of_a.record.id]).await.unwrap(), 0);
    done(tx).await;
    let tx = intruder.tries("held.add_settled").await;
    tx.held().add_settled(run, 1).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("held.prune_refusals").await;
    tx.held().prune_refusals(&of_a.run, at() + chrono::TimeDelta::days(365)).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("settings.update").await;
    tx.settings().update(&TenantSettings::default(), 2, at()).await.unwrap();
    done(tx).await;
    let tx = intruder.tries("attributes.upsert_sightings").await;
    let keys = [of_a.attribute.key.as_str()];
    tx.attributes().upsert_sightings(of_a.connection, of_a.attribute.stream, &keys, run).await.unwrap();
    done(tx).await;
}
