//! Sealed bytes that do not open any more, on a disk that forgot some: what else there is goes on.

use gangway_app::queue::Outcome;
use gangway_domain::{
    record::Stream,
    sync::{RunMode, RunState},
};
use gangway_testkit::{TestDb, on_both_databases};
use sea_orm::{ConnectionTrait as _, Database};
use serde_json::json;

use super::{
    sensitive::{raw, select_salary},
    support::Bench,
};

on_both_databases! {
    async fn bytes_that_do_not_open_stop_no_choice_from_reaching_the_others(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..9, bench.now());
        select_salary(&bench, true).await;
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        bench.vendor.remove(Stream::Employees, &["2"]);
        bench.run(sync, RunMode::Full).await;
        damage(&bench.db, "raw").await;
        damage(&bench.db, "sensitive").await;

        let run = select_salary(&bench, false).await.unwrap();
        let fence = bench.claim().await.unwrap();
        bench.execute(run, &fence).await.unwrap();
        bench.ack(fence, Outcome::Done).await;
        assert_eq!(bench.read_run(run).await.state, RunState::Completed);
        assert_eq!(raw(&bench, Stream::Employees, "2").await, json!(null), "nothing is left of it");
        assert_eq!(raw(&bench, Stream::Employees, "1").await, json!({"id": "1", "dynamic_1": "L"}));
    }

    async fn a_sealed_part_that_does_not_open_is_written_anew_by_the_next_reading(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.hire(1..3, bench.now());
        select_salary(&bench, true).await;
        let sync = bench.sync(Stream::Employees).await;
        bench.run(sync, RunMode::Full).await;
        damage(&bench.db, "sensitive").await;
        let seen = bench.present(Stream::Employees).await;
        assert!(seen.len() == 2 && seen.iter().all(|record| record.sensitive == Some([].into())), "they can be read");
        bench.vendor.change(Stream::Employees, "1", bench.now(), |employee| {
            employee.fields.insert("first_name".into(), json!("Renamed"));
        });
        let run = bench.run(sync, RunMode::Incremental).await;
        assert_eq!(run.state, RunState::Completed);
        let mut told = bench.events().await.into_iter().filter(|event| event.fact.kind == "employee.updated");
        let changes = json!({"first_name": {"old": "First1", "new": "Renamed"}});
        assert_eq!(told.next().unwrap().fact.data, json!({"changes": changes}), "of the salary nobody knows");
        assert!(told.next().is_none());
    }
}

/// Cuts the last byte off every sealed value of a column.
async fn damage(db: &TestDb, column: &str) {
    let owner = Database::connect(db.owner_url()).await.unwrap();
    let shorter =
        if db.is_postgres() { "substring({} from 1 for length({}) - 1)" } else { "substr({}, 1, length({}) - 1)" };
    let sql = format!("UPDATE record_payload SET {column} = {}", shorter.replace("{}", column));
    owner.execute_unprepared(&sql).await.unwrap();
    owner.close().await.unwrap();
}
