//! What a tenant sets for itself, over HTTP: read, changed in part, and within bounds.

use gangway_testkit::{TestApp, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{code, pointers, send};

const PATH: &str = "/v1/settings";

/// Each value with the least and the most that it may be.
const BOUNDS: [(&str, i64, i64); 10] = [
    ("/deletions/employees_percent", 0, 100),
    ("/deletions/employees_most", 0, 1_000_000),
    ("/deletions/employees_least", 0, 1_000_000),
    ("/deletions/periods_percent", 0, 100),
    ("/deletions/periods_least", 0, 1_000_000),
    ("/refused_days", 1, 366),
    ("/window_days", 1, 3_660),
    ("/cursor_overlap_hours", 0, 336),
    ("/sweep_recent_days", 1, 366),
    ("/sweep_cycle_days", 2, 366),
];

/// A change of one value.
fn change(pointer: &str, value: i64) -> Value {
    let mut names = pointer.split('/').skip(1).collect::<Vec<_>>();
    let last = names.pop().unwrap_or_default();
    names.into_iter().fold(json!({ last: value }), |inner, name| json!({ name: inner }))
}

on_both_databases! {
    async fn settings_change_in_part_and_their_version_rises(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let first = app.client.get(&tenant.key, PATH).await;
        let tag = first.header("etag").unwrap().to_owned();
        let first = first.expect(200);
        assert_eq!((tag.as_str(), &first["window_days"]), ("\"v0\"", &json!(null)));

        let change = json!({"deletions": {"employees_most": 3}, "window_days": 30});
        let changed = send(&app, Method::PATCH, &tenant.key, PATH, &[("if-match", &tag)], &change).await;
        let new_tag = changed.header("etag").unwrap().to_owned();
        let changed = changed.expect(200);
        assert_ne!(new_tag, tag);
        assert_eq!((&changed["deletions"]["employees_most"], &changed["window_days"]), (&json!(3), &json!(30)));
        assert_eq!(changed["deletions"]["employees_percent"], first["deletions"]["employees_percent"], "left out, it stays");

        let late = send(&app, Method::PATCH, &tenant.key, PATH, &[("if-match", &tag)], &json!({"refused_days": 9})).await;
        assert_eq!((late.status, code(&late).as_str()), (412, "object.stale"));
        let reset = app.client.patch(&tenant.key, PATH, &json!({"window_days": null})).await.expect(200);
        assert_eq!((&reset["window_days"], &reset["deletions"]["employees_most"]), (&json!(null), &json!(3)));
        assert_eq!(app.client.get(&tenant.key, PATH).await.expect(200), reset);

        let other = app.onboard("Other").await;
        assert_eq!(app.client.get(&other.key, PATH).await.expect(200)["version"], 0, "everybody has their own");
        app.stop().await;
    }

    async fn each_bound_is_kept_from_both_sides(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        for (pointer, least, most) in BOUNDS {
            let before = app.client.get(&tenant.key, PATH).await.expect(200);
            for outside in [least - 1, most + 1] {
                let answer = app.client.patch(&tenant.key, PATH, &change(pointer, outside)).await;
                assert_eq!(pointers(&answer), [pointer], "{outside}");
            }
            assert_eq!(app.client.get(&tenant.key, PATH).await.expect(200), before, "{pointer}");
            for bound in [least, most] {
                let changed = app.client.patch(&tenant.key, PATH, &change(pointer, bound)).await.expect(200);
                assert_eq!(changed.pointer(pointer), Some(&json!(bound)), "{pointer}");
            }
        }
        app.stop().await;
    }

    async fn every_value_out_of_bounds_is_named_and_nothing_changes(db: TestDb) {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let before = app.client.get(&tenant.key, PATH).await.expect(200);
        let wrong = json!({
            "deletions": {"employees_percent": 101, "employees_most": 1_000_001, "periods_percent": 500},
            "refused_days": 0, "window_days": 3_661, "cursor_overlap_hours": 337, "sweep_recent_days": 0, "sweep_cycle_days": 1,
        });
        let mut named = pointers(&app.client.patch(&tenant.key, PATH, &wrong).await);
        named.sort_unstable();
        assert_eq!(named, [
            "/cursor_overlap_hours",
            "/deletions/employees_most",
            "/deletions/employees_percent",
            "/deletions/periods_percent",
            "/refused_days",
            "/sweep_cycle_days",
            "/sweep_recent_days",
            "/window_days",
        ]);
        for (body, pointer) in [
            (json!({"deletions": {"employees": 3}}), "/deletions/employees"),
            (json!({"window": 3}), "/window"),
            (json!({"refused_days": "7"}), "/refused_days"),
            (json!({"refused_days": -1}), "/refused_days"),
        ] {
            assert_eq!(pointers(&app.client.patch(&tenant.key, PATH, &body).await), [pointer], "{body}");
        }
        assert_eq!(app.client.get(&tenant.key, PATH).await.expect(200), before);
        app.stop().await;
    }
}
