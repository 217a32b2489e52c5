//! The event log under concurrent writers: no gaps, in commit order, and nothing that a reader at a cursor skips.

use std::collections::{BTreeMap, BTreeSet};

use gangway_domain::{event::NewEvent, id::EventId};
use gangway_storage::{Db, PageRequest, TenantScope};
use sea_orm::TransactionTrait as _;
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use super::support::{A, Storage, TestDb, count, run, take};

const WRITERS: u128 = 12;
const COMMITS: u128 = 8;

fn event(id: u128) -> NewEvent {
    NewEvent {
        id: EventId::from_uuid(Uuid::from_u128(id)),
        kind: "employee.updated".to_owned(),
        subject: None,
        subject_label: None,
        connection: None,
        run: None,
        credential_version: None,
        data: serde_json::Value::Null,
        occurred_at: chrono::DateTime::UNIX_EPOCH,
    }
}

/// Commits transactions of one to three events; every fourth is abandoned. Answers the ids of those that were committed.
async fn write(db: Db, scope: TenantScope, writer: u128) -> Vec<Vec<u128>> {
    let mut committed = Vec::new();
    for n in 0..COMMITS {
        let ids: Vec<u128> = (0..=n % 3).map(|place| (writer << 32) + (n << 8) + place + 1).collect();
        let mut tx = db.begin(&scope).await.unwrap();
        for id in &ids {
            tx.append_event(event(*id), b"sealed".to_vec());
        }
        // Lets others begin and commit in between, so that transactions overlap.
        tx.own_tenant().await.unwrap();
        tokio::task::yield_now().await;
        if n % 4 == 3 {
            drop(tx);
            continue;
        }
        tx.commit().await.unwrap();
        committed.push(ids);
    }
    committed
}

/// Polls by cursor until the writers are done, and once more. Answers sequence and id as they were seen.
async fn follow(db: Db, scope: TenantScope, done: watch::Receiver<bool>) -> Vec<(i64, u128)> {
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let was_done = *done.borrow();
        let tx = db.begin_read(&scope).await.unwrap();
        let page = tx.events().list(&[], PageRequest { limit: 5, after: cursor }).await.unwrap();
        tx.commit().await.unwrap();
        for event in &page.items {
            seen.push((event.sequence, event.event.id.uuid().as_u128()));
            cursor = Some(event.sequence);
        }
        if was_done && page.items.is_empty() {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

async fn assert_the_log_is_in_order(db: &TestDb) {
    let Storage { db, a, b } = db.storage().await;
    let (done, is_done) = watch::channel(false);
    let mut readers = JoinSet::new();
    for _ in 0..2 {
        readers.spawn(follow(db.clone(), a, is_done.clone()));
    }
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(db.clone(), a, writer + 1));
    }
    // Another tenant's log runs beside it, with a sequence of its own.
    let mut elsewhere = JoinSet::new();
    elsewhere.spawn(write(db.clone(), b, 99));
    let committed: Vec<Vec<u128>> = writers.join_all().await.into_iter().flatten().collect();
    let of_b: usize = elsewhere.join_all().await.into_iter().flatten().map(|ids| ids.len()).sum();
    done.send(true).unwrap();

    let n: usize = committed.iter().map(Vec::len).sum();
    for seen in readers.join_all().await {
        let sequences: Vec<i64> = seen.iter().map(|(sequence, _)| *sequence).collect();
        assert_eq!(sequences, (1..=i64::try_from(n).unwrap()).collect::<Vec<_>>(), "a gap, or an event skipped");
        let ids: BTreeSet<u128> = seen.iter().map(|(_, id)| *id).collect();
        assert_eq!(ids, committed.iter().flatten().copied().collect(), "exactly what was committed");
        let place: BTreeMap<u128, i64> = seen.iter().map(|(sequence, id)| (*id, *sequence)).collect();
        for transaction in &committed {
            let places: Vec<i64> = transaction.iter().map(|id| place[id]).collect();
            assert!(places.windows(2).all(|pair| pair[1] == pair[0] + 1), "a transaction's events lie together");
        }
        for writer in 1..=WRITERS {
            let own: Vec<u128> = seen.iter().map(|(_, id)| *id).filter(|id| id >> 32 == writer).collect();
            assert!(own.is_sorted(), "what one writer committed later comes later");
        }
    }
    let tx = db.begin_read(&b).await.unwrap();
    let page = tx.events().list(&[], PageRequest { limit: 1_000, after: None }).await.unwrap();
    let sequences: Vec<i64> = page.items.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=i64::try_from(of_b).unwrap()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_commits_are_gapless_in_order_and_never_skipped_on_postgres() {
    let Some(db) = TestDb::postgres().await else { return };
    assert_the_log_is_in_order(&db).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_commits_are_gapless_in_order_and_never_skipped_on_sqlite() {
    assert_the_log_is_in_order(&TestDb::sqlite().await).await;
}

#[tokio::test]
async fn control_sequences_drawn_before_the_commit_would_be_skipped() {
    let Some(db) = TestDb::postgres().await else { return };
    let admin = db.admin().await;
    run(&admin, "CREATE SEQUENCE drawn").await.unwrap();
    run(&admin, "GRANT USAGE ON drawn TO gangway_system").await.unwrap();
    let pool = db.pool(3).await;
    let insert = |id: u128| {
        format!(
            "INSERT INTO event (tenant_id, sequence, id, kind, payload, occurred_at)
             VALUES ('{}', nextval('drawn'), '{}', '', '', 0)",
            A.uuid(),
            Uuid::from_u128(id)
        )
    };
    let (early, late) = (pool.begin().await.unwrap(), pool.begin().await.unwrap());
    take(&early, "gangway_system", "").await;
    take(&late, "gangway_system", "").await;
    run(&early, &insert(1)).await.unwrap();
    run(&late, &insert(2)).await.unwrap();
    late.commit().await.unwrap();
    // A reader stands at 2 now; 1 becomes visible behind it.
    let after_2 = "event WHERE sequence > 2";
    assert_eq!(count(&admin, "event").await, 1);
    early.commit().await.unwrap();
    assert_eq!((count(&admin, "event").await, count(&admin, after_2).await), (2, 0));
}

#[tokio::test]
async fn the_counter_orders_commits_that_overlap() {
    let Some(db) = TestDb::postgres().await else { return };
    let Storage { db, a, .. } = db.storage().await;
    let mut early = db.begin(&a).await.unwrap();
    early.append_event(event(1), Vec::new());
    early.own_tenant().await.unwrap();
    let mut late = db.begin(&a).await.unwrap();
    late.append_event(event(2), Vec::new());
    late.commit().await.unwrap();
    early.commit().await.unwrap();
    let tx = db.begin_read(&a).await.unwrap();
    let page = tx.events().list(&[], PageRequest { limit: 10, after: None }).await.unwrap();
    let ids: Vec<u128> = page.items.iter().map(|event| event.event.id.uuid().as_u128()).collect();
    assert_eq!(ids, [2, 1], "the one that committed first comes first, whoever began first");
}
