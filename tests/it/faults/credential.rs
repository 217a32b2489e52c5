//! What the credential may no longer do.

use chrono::TimeDelta;
use gangway_app::{attributes, connections};
use gangway_domain::{
    connection::{ConnectionState, Pause},
    sync::{RunMode, RunState},
};
use gangway_testkit::on_both_databases;
use serde_json::json;

use super::stage::{LIST, LOGIN, Stage};

const BELOW: &str = "/v1/company/employees/**";

on_both_databases! {
    async fn a_refused_credential_says_where_to_get_another(db: TestDb) {
        let stage = Stage::filled(db).await;
        stage.order(BELOW, json!({"kind": "expire_tokens"}));
        stage.order(LOGIN, json!({"kind": "wrong_credential"}));
        let run = stage.run(RunMode::Full).await;
        let words = ["client ID and secret", "generate a new credential in Personio's settings"];
        stage.assert_failed(&run, "connection.credential-refused", &words, Pause::Open).await;
        stage.assert_right().await;
        stage.recover_well().await;
        assert_eq!(stage.n_events("connection.restored").await, 1);
        stage.stop().await;
    }

    async fn a_token_that_ends_in_mid_sync_is_replaced(db: TestDb) {
        let stage = Stage::empty(db).await;
        stage.order_as(&json!({"path": LIST, "page": 2, "effect": {"kind": "expire_tokens"}}));
        let before = stage.vendor().ledger(0).count(LOGIN);
        stage.run_well().await;
        assert_eq!(stage.vendor().ledger(0).count(LOGIN) - before, 1);
        stage.recover();
        stage.stop().await;
    }

    async fn a_token_revoked_in_mid_sync_keeps_what_was_read(db: TestDb) {
        let stage = Stage::empty(db).await;
        stage.order_as(&json!({"path": LIST, "page": 2, "times": null, "effect": {"kind": "expire_tokens"}}));
        stage.order(LOGIN, json!({"kind": "wrong_credential"}));
        let run = stage.run(RunMode::Full).await;
        stage.assert_failed(&run, "connection.credential-refused", &["client ID and secret"], Pause::Open).await;
        assert_eq!((run.counts.pages, stage.present().await.len()), (1, 10));
        stage.recover_well().await;
        stage.stop().await;
    }

    async fn a_token_that_is_never_accepted_is_a_refused_credential(db: TestDb) {
        let stage = Stage::filled(db).await;
        let rejected = json!({"success": false, "error": {"code": 401, "message": "Unauthenticated."}}).to_string();
        stage.order(BELOW, json!({"kind": "answer", "status": 401, "body": rejected}));
        let run = stage.run(RunMode::Full).await;
        stage.assert_failed(&run, "connection.credential-refused", &["may have been disabled"], Pause::Open).await;
        stage.recover_well().await;
        stage.stop().await;
    }

    async fn a_missing_right_names_the_screen_where_it_is_ticked(db: TestDb) {
        let stage = Stage::filled(db).await;
        stage.order(LIST, json!({"kind": "forbidden"}));
        let run = stage.run(RunMode::Full).await;
        let words = ["lacks the right", "Integrations > API credentials"];
        stage.assert_failed(&run, "connection.permission-missing", &words, Pause::Timed).await;
        stage.assert_right().await;
        // Without anybody acting, too: the next completed run restores it.
        stage.recover();
        stage.run_well().await;
        stage.stop().await;
    }

    async fn a_forbidden_discovery_loses_no_attribute(db: TestDb) {
        let stage = Stage::filled(db).await;
        let before = attributes::list(&stage.ctx, stage.connection).await.unwrap();
        stage.order("/v1/company/employees/attributes", json!({"kind": "forbidden"}));
        let run = stage.run(RunMode::Full).await;
        assert_eq!((run.state, run.error_message.clone(), run.counts.updated), (RunState::Completed, None, 0), "{run:?}");
        let found = connections::discover(&stage.ctx, stage.connection).await.unwrap();
        assert_eq!((found.added, found.removed), (Vec::new(), Vec::new()));
        let keys = |attributes: &[attributes::Attribute]| {
            attributes.iter().map(|it| (it.key.clone(), it.class, it.selected, it.removed_at)).collect::<Vec<_>>()
        };
        let after = attributes::list(&stage.ctx, stage.connection).await.unwrap();
        assert_eq!(keys(&after), keys(&before));
        assert_eq!(stage.connection().await.state, ConnectionState::Active);
        stage.assert_right().await;
        stage.recover_well().await;
        stage.stop().await;
    }

    async fn an_attribute_that_is_no_longer_permitted_keeps_its_values_as_stale(db: TestDb) {
        let stage = Stage::filled(db).await;
        let before = stage.present().await;
        stage.order(BELOW, json!({"kind": "without_attributes", "keys": ["position"]}));
        let run = stage.run(RunMode::Full).await;
        assert_eq!((run.state, run.counts.deleted), (RunState::Completed, 0), "{run:?}");
        let after = stage.present().await;
        assert_eq!(after.len(), before.len());
        for (before, after) in before.iter().zip(&after) {
            assert_eq!((&after.fields, &after.attributes), (&before.fields, &before.attributes));
            assert_eq!(after.stale, ["position"], "{}", after.external.id);
        }
        assert_eq!(stage.n_events("employee.updated").await, 0);
        stage.pass(TimeDelta::minutes(2));
        stage.recover_well().await;
        assert_eq!(stage.n_events("employee.updated").await, 0);
        stage.stop().await;
    }
}
