//! Listings: page by page, nothing twice, nothing missed.

use gangway_testkit::{TestApp, TestDb};
use serde_json::json;

use super::support::{pointers, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_pages_add_up_to_the_whole() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    app.sync(&tenant, "employees", "full").await;
    for path in ["/v1/employees", "/v1/keys", "/v1/events", "/v1/jobs"] {
        let whole = app.client.get(&tenant.key, &format!("{path}?limit=200")).await.expect(200);
        assert!(whole["next"].is_null());
        let whole = whole["data"].as_array().unwrap().clone();
        let mut paged = Vec::new();
        let mut after = String::new();
        loop {
            let page = app.client.get(&tenant.key, &format!("{path}?limit=5{after}")).await.expect(200);
            paged.extend(page["data"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(paged, whole, "{path}");
    }
    assert_eq!(app.client.list(&tenant.key, "/v1/employees").await.len(), 12);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_that_are_wrong_are_named() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    for (query, expected) in [
        ("connections?limit=0", "limit"),
        ("connections?limit=201", "limit"),
        ("connections?after=x", "after"),
        ("connections?offset=3", "offset"),
        ("employees?state=gone", "state"),
        ("employees?updated_since=yesterday", "updated_since"),
        ("absences?from=24.11.2026", "from"),
        ("absences?employee_id=7", "employee_id"),
        ("events?type=employee.exploded", "type"),
        ("events?after=-", "after"),
        ("jobs?state=odd", "state"),
        ("syncs?connection_id=syn_1", "connection_id"),
    ] {
        let answer = app.client.get(&tenant.key, &format!("/v1/{query}")).await;
        assert_eq!(pointers(&answer), [expected], "{query}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_read_at_a_cursor_and_by_type() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let tenant = app.onboard("Acme").await;
    app.sync(&tenant, "employees", "full").await;
    app.sync(&tenant, "absences", "full").await;
    let all = app.client.list(&tenant.key, "/v1/events").await;
    let last = all.last().unwrap()["sequence"].as_i64().unwrap();
    assert_eq!(all.len(), usize::try_from(last).unwrap());
    let rest = app.client.get(&tenant.key, &format!("/v1/events?after={last}")).await.expect(200);
    assert_eq!(rest, json!({"data": [], "next": null}));
    let completed = app.client.list(&tenant.key, "/v1/events?type=sync.completed,sync.failed").await;
    assert_eq!(completed.len(), 2);
    assert!(completed.iter().all(|event| text(event, "type") == "sync.completed"));
    app.stop().await;
}
