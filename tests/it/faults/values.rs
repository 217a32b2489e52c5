//! Values that no documentation promises: ids of another type, thousands of attributes, letters that are none.

use chrono::TimeDelta;
use gangway_app::attributes::{self, Attribute};
use gangway_domain::sync::{RunMode, RunState};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::stage::{LIST, ONE, Stage};

const ATTRIBUTES: &str = "/v1/company/employees/attributes";
const SQL: &str = "x'); DROP TABLE record; --";

on_both_databases! {
    async fn an_id_that_becomes_a_text_is_the_same_id(db: TestDb) {
        let stage = Stage::filled(db).await;
        for path in [LIST, ONE] {
            stage.order(path, json!({"kind": "ids_as_text"}));
        }
        let gone = stage.ids()[7];
        stage.vendor().remove_person(gone).unwrap();
        let run = stage.run(RunMode::Full).await;
        assert_eq!((run.state, run.error_message.as_deref()), (RunState::Completed, None), "{run:?}");
        assert_eq!((run.counts.created, run.counts.deleted), (0, 1), "{run:?}");
        assert_eq!(run.counts.quarantined, 0, "{run:?}");
        stage.assert_right().await;
        stage.vendor().remove_faults();
        stage.pass(TimeDelta::minutes(2));
        let run = stage.run(RunMode::Full).await;
        assert_eq!((run.counts.created, run.counts.updated, run.counts.deleted), (0, 0, 0), "{run:?}");
        stage.assert_right().await;
        stage.stop().await;
    }

    async fn two_thousand_attributes_are_kept_and_gone_again(db: TestDb) {
        let stage = Stage::filled(db).await;
        let before = present_attributes(&stage).await.len();
        let more = json!({"kind": "more_attributes", "n": 2_000, "label": "Shirt size ", "value": "L"});
        for path in [LIST, ATTRIBUTES] {
            stage.order(path, more.clone());
        }
        let run = stage.run(RunMode::Full).await;
        assert_eq!((run.state, run.error_message.as_deref()), (RunState::Completed, None), "{run:?}");
        assert_eq!(run.counts.quarantined, 0, "{run:?}");
        assert_eq!(present_attributes(&stage).await.len(), before + 2_000);
        assert_eq!(stage.present().await.len(), 25);
        stage.recover();
        stage.pass(TimeDelta::minutes(2));
        let run = stage.run(RunMode::Full).await;
        assert_eq!((run.state, run.counts.seen), (RunState::Completed, 25), "{run:?}");
        assert_eq!(present_attributes(&stage).await.len(), before);
        stage.stop().await;
    }

    async fn keys_of_ten_kilobytes_are_left_out_and_stop_nothing(db: TestDb) {
        let stage = Stage::filled(db).await;
        let before = present_attributes(&stage).await;
        let more = json!({"kind": "more_attributes", "n": 3, "key_bytes": 10_240, "label": "Long ", "value": "x"});
        for path in [LIST, ATTRIBUTES] {
            stage.order(path, more.clone());
        }
        let run = stage.run(RunMode::Full).await;
        assert_eq!((run.state, run.error_message.as_deref()), (RunState::Completed, None), "{run:?}");
        assert_eq!((run.counts.quarantined, present_attributes(&stage).await.len()), (0, before.len()));
        stage.assert_right().await;
        stage.recover_well().await;
        stage.stop().await;
    }

    async fn a_label_that_is_sql_is_a_label(db: TestDb) {
        let stage = Stage::filled(db).await;
        let more = json!({"kind": "more_attributes", "n": 1, "label": SQL, "value": SQL});
        for path in [LIST, ATTRIBUTES] {
            stage.order(path, more.clone());
        }
        let run = stage.run(RunMode::Full).await;
        assert_eq!((run.state, run.counts.quarantined), (RunState::Completed, 0), "{run:?}");
        let attributes = present_attributes(&stage).await;
        let own = attributes.iter().find(|attribute| attribute.key == "dynamic_9000000").unwrap();
        assert_eq!(own.label, format!("{SQL}0"));
        let key = &stage.tenant.key;
        let path = format!("/v1/connections/{}/attributes", stage.connection);
        let choice = json!({"attributes": [{"key": own.key, "selected": true}]});
        let chosen = stage.app.client.patch(key, &path, &choice).await.expect(200);
        // Chosen anew, it needs a full run; kept already, none.
        if let Some(run) = chosen["runs"][0].as_str() {
            let (run, _) = stage.finish(run.parse().unwrap()).await;
            assert_eq!(run.state, RunState::Completed, "{run:?}");
        }
        let query = format!("/v1/employees?status={}", "x%27%29%3B%20DROP%20TABLE%20record%3B%20--");
        assert_eq!(stage.app.client.get(key, &query).await.expect(200)["data"], json!([]));
        assert_eq!(stage.present().await.len(), 25);
        stage.recover();
        stage.stop().await;
    }

    async fn a_nul_in_a_name_is_kept_and_a_lone_surrogate_sets_one_record_aside(db: TestDb) {
        let stage = Stage::empty(db).await;
        let ids = stage.ids();
        let value = |id: u64, json: &str| json!({"kind": "value", "key": "first_name", "id": id, "json": json});
        stage.order(LIST, value(ids[2], r#""A\u0000B""#));
        stage.order(LIST, value(ids[4], r#""A\ud800B""#));
        stage.order(LIST, value(ids[6], r#""A\udc00\ud800""#));
        stage.order(LIST, value(ids[8], r#""\ud83d\ude00""#));
        let run = stage.run(RunMode::Full).await;
        assert_eq!((run.state, run.counts.quarantined, run.counts.created), (RunState::Completed, 2, 23), "{run:?}");
        assert_eq!(stage.record(ids[2]).await.fields["first_name"], "A\0B");
        assert_eq!(stage.record(ids[8]).await.fields["first_name"], "\u{1f600}");
        // What cannot be read is not gone.
        let again = stage.run(RunMode::Full).await;
        assert_eq!((again.counts.deleted, again.counts.updated), (0, 0), "{again:?}");
        stage.recover_well().await;
        stage.stop().await;
    }

    async fn a_known_person_who_cannot_be_read_stays_as_they_were(db: TestDb) {
        let stage = Stage::filled(db).await;
        let id = stage.ids()[4];
        let before = stage.record(id).await;
        for path in [LIST, ONE] {
            stage.order(path, json!({"kind": "value", "key": "first_name", "id": id, "json": r#""\ud800""#}));
        }
        let run = stage.run(RunMode::Full).await;
        assert_eq!((run.state, run.counts.quarantined, run.counts.deleted), (RunState::Completed, 1, 0), "{run:?}");
        assert_eq!(stage.record(id).await, before);
        stage.vendor().remove_faults();
        stage.pass(TimeDelta::minutes(2));
        stage.run_well().await;
        stage.stop().await;
    }
}

async fn present_attributes(stage: &Stage) -> Vec<Attribute> {
    let all = attributes::list(&stage.ctx, stage.connection).await.unwrap();
    all.into_iter().filter(|attribute| attribute.removed_at.is_none()).collect()
}
