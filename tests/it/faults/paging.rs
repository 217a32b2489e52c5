//! Pages that do not add up: nobody is said to be gone, and the next run brings everything right.

use chrono::TimeDelta;
use gangway_app::syncs;
use gangway_domain::{
    connection::ConnectionState,
    sync::{RunMode, RunState, SyncRun},
};
use gangway_testkit::on_both_databases;
use serde_json::{Value, json};

use super::stage::{LIST, ONE, Stage};

on_both_databases! {
    async fn a_page_repeated_for_ever_ends_and_is_not_believed(db: TestDb) {
        let stage = Stage::filled(db).await;
        let cursor = cursor(&stage).await;
        stage.order(LIST, json!({"kind": "same_page", "offset": 0}));
        let run = stage.run(RunMode::Full).await;
        assert_doubted(&stage, &run).await;
        stage.assert_right().await;
        for id in stage.ids() {
            stage.vendor().change_person(id, &json!({"position": "Moved"})).unwrap();
        }
        let run = stage.run(RunMode::Incremental).await;
        assert_doubted(&stage, &run).await;
        assert_eq!((run.counts.updated, self::cursor(&stage).await), (10, cursor));
        stage.recover();
        // What was not shown is asked for again.
        let run = stage.run(RunMode::Incremental).await;
        assert_eq!((run.state, run.counts.updated), (RunState::Completed, 15), "{run:?}");
        stage.assert_right().await;
        stage.stop().await;
    }

    async fn a_first_load_of_one_page_repeated_is_made_good(db: TestDb) {
        let stage = Stage::empty(db).await;
        stage.order(LIST, json!({"kind": "same_page", "offset": 0}));
        let run = stage.run(RunMode::Full).await;
        assert_doubted(&stage, &run).await;
        assert_eq!((stage.present().await.len(), cursor(&stage).await), (10, None));
        stage.recover();
        // No cursor, so an incremental run reads everything as well.
        stage.run(RunMode::Incremental).await;
        stage.assert_right().await;
        stage.stop().await;
    }

    async fn a_total_that_keeps_changing_is_not_believed(db: TestDb) {
        let stage = Stage::filled(db).await;
        stage.order(LIST, json!({"kind": "total", "add": 1}));
        let cursor = cursor(&stage).await;
        let run = stage.run(RunMode::Full).await;
        assert_doubted(&stage, &run).await;
        assert!(run.error_message.unwrap().contains("total"));
        assert_eq!(self::cursor(&stage).await, cursor);
        stage.assert_right().await;
        stage.recover_well().await;
        stage.stop().await;
    }

    async fn a_total_that_changes_once_is_read_again(db: TestDb) {
        let stage = Stage::filled(db).await;
        let ids = stage.ids();
        let effect = json!({"kind": "change_people", "remove": [ids[0]]});
        stage.order_as(&json!({"path": LIST, "page": 2, "effect": effect}));
        let run = stage.run(RunMode::Full).await;
        assert_eq!((run.state, run.error_message.as_deref(), run.counts.deleted), (RunState::Completed, None, 1), "{run:?}");
        assert_eq!(run.counts.pages, 6);
        stage.assert_right().await;
        stage.recover();
        stage.stop().await;
    }

    async fn people_who_come_and_go_between_pages_hide_nobody_for_long(db: TestDb) {
        let stage = Stage::filled(db).await;
        let gone = stage.ids()[0];
        let new = json!({"first_name": "Neu", "last_name": "Hier", "email": "neu@acme.example", "position": null});
        // As many come as go: the total stays, and the first of the second page has slipped into the page before.
        let effect = json!({"kind": "change_people", "add": [new], "remove": [gone]});
        stage.order_as(&json!({"path": LIST, "page": 2, "effect": effect}));
        let run = stage.run(RunMode::Full).await;
        assert_eq!((run.state, run.counts.deleted, run.counts.created), (RunState::Completed, 0, 1), "{run:?}");
        assert_eq!(stage.present().await.len(), 26);
        stage.assert_nobody_deleted().await;
        stage.recover();
        stage.pass(TimeDelta::minutes(2));
        stage.run_well().await;
        assert_eq!(stage.n_events("employee.deleted").await, 1);
        stage.stop().await;
    }

    async fn the_same_id_on_two_pages_is_one_record_and_hides_nobody(db: TestDb) {
        let stage = Stage::filled(db).await;
        let effect = json!({"kind": "repeat", "id": stage.ids()[3]});
        stage.order_as(&json!({"path": LIST, "page": 2, "effect": effect}));
        let run = stage.run(RunMode::Full).await;
        assert_doubted(&stage, &run).await;
        stage.assert_right().await;
        stage.recover_well().await;
        stage.stop().await;
    }

    async fn the_same_id_on_two_pages_of_a_first_load_is_made_good(db: TestDb) {
        let stage = Stage::empty(db).await;
        let effect = json!({"kind": "repeat", "id": stage.ids()[3]});
        stage.order_as(&json!({"path": LIST, "page": 2, "effect": effect}));
        let run = stage.run(RunMode::Full).await;
        assert_doubted(&stage, &run).await;
        assert_eq!((stage.present().await.len(), run.counts.created), (24, 24));
        stage.recover_well().await;
        stage.stop().await;
    }

    async fn an_empty_list_of_people_who_are_there_deletes_nobody(db: TestDb) {
        let stage = Stage::filled(db).await;
        stage.order(LIST, json!({"kind": "empty"}));
        let run = stage.run(RunMode::Full).await;
        assert_eq!((run.state, run.counts.deleted), (RunState::Completed, 0), "{run:?}");
        stage.assert_nobody_deleted().await;
        stage.assert_right().await;
        stage.recover_well().await;
        stage.stop().await;
    }

    async fn an_emptied_account_is_left_to_a_human(db: TestDb) {
        let stage = Stage::filled(db).await;
        stage.order(LIST, json!({"kind": "empty"}));
        let not_found = json!({"success": false, "error": {"code": 404, "message": "Es ist ein Problem aufgetreten "}});
        stage.order(ONE, answer(404, &not_found));
        let run = stage.run(RunMode::Full).await;
        assert_eq!((run.state, run.counts.deleted), (RunState::Held, 0), "{run:?}");
        let message = run.error_message.unwrap();
        assert!(message.contains("nothing was deleted") && message.contains("Check in the vendor's account"), "{message}");
        assert_eq!(stage.n_events("sync.held").await, 1);
        stage.assert_nobody_deleted().await;
        stage.assert_right().await;
        stage.recover_well().await;
        stage.stop().await;
    }

    async fn lists_without_metadata_are_read_to_their_end(db: TestDb) {
        let stage = Stage::empty(db).await;
        stage.order(LIST, json!({"kind": "without_metadata"}));
        for _ in 0..2 {
            let run = stage.run(RunMode::Full).await;
            assert_eq!((run.state, run.total, run.counts.deleted), (RunState::Completed, None, 0), "{run:?}");
            stage.assert_right().await;
        }
        stage.recover_well().await;
        stage.stop().await;
    }
}

fn answer(status: u16, body: &Value) -> Value {
    json!({"kind": "answer", "status": status, "body": body.to_string()})
}

async fn cursor(stage: &Stage) -> Option<chrono::DateTime<chrono::Utc>> {
    syncs::get(&stage.ctx, stage.sync).await.unwrap().cursor
}

/// The run ended well as far as it could, says what it doubts, and nobody is gone.
async fn assert_doubted(stage: &Stage, run: &SyncRun) {
    assert_eq!((run.state, run.error_code.as_deref(), run.counts.deleted), (RunState::Completed, None, 0), "{run:?}");
    assert!(run.error_message.is_some(), "{run:?}");
    assert_eq!(stage.connection().await.state, ConnectionState::Active);
    stage.assert_nobody_deleted().await;
}
