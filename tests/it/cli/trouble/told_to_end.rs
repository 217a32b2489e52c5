//! SIGTERM in mid-sync: the process ends within its limit, and the next one goes on at once. SIGKILL: the next one goes on once it
//! is let in.

use std::time::Duration;

use gangway_testkit::{TestDb, on_both_databases};

use super::stage::{Place, Stage};

/// Longer than anybody waits: what was given back needs no lease to end.
const LEASE_SECONDS: u32 = 3_600;

/// A page in flight, and the ends of the other parts.
const LIMIT: Duration = Duration::from_secs(10);

on_both_databases! {
    async fn whoever_is_told_to_end_in_mid_sync_gives_its_run_to_the_next(db: TestDb) {
        let mut stage = Stage::with_lease(place(&db), LEASE_SECONDS).await;
        let run = stage.run_to_the_middle().await;
        let before = stage.serve_after("TERM").await;
        assert_eq!(before.0, Some(0));
        assert!(before.1 < LIMIT, "{:?}", before.1);
        stage.client.wait_until_ready().await;
        let now = stage.run(&run).await;
        assert!(now["counts"]["pages"].as_i64().unwrap() >= 3, "what was read is kept: {now}");
        stage.assert_ends_well(&run).await;
        // The turn that was cut short counts as no try.
        let jobs = stage.client.list(&stage.key, "/v1/jobs").await;
        assert!(jobs.iter().all(|job| job["attempts"] == 1), "{jobs:?}");
        stage.stop().await;
    }

    async fn whoever_is_killed_in_mid_sync_leaves_its_run_to_the_next(db: TestDb) {
        // The lock of a folder goes with its process; on a server the right to be the only one is a lease.
        let lease_seconds = if db.is_postgres() { 3 } else { LEASE_SECONDS };
        let mut stage = Stage::with_lease(place(&db), lease_seconds).await;
        let run = stage.run_to_the_middle().await;
        assert_eq!(stage.serve_after("KILL").await.0, None);
        stage.wait_until_let_in().await;
        let now = stage.run(&run).await;
        assert_eq!(now["state"], "running", "{now}");
        stage.assert_ends_well(&run).await;
        stage.stop().await;
    }
}

fn place(db: &TestDb) -> Place {
    if db.is_postgres() { Place::Postgres(db.owner_url().to_owned()) } else { Place::embedded() }
}
