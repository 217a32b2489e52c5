//! A connection that goes over to the other version of the vendor's API: whose records they are does not change.

use std::collections::BTreeMap;

use gangway_sandbox::Config;
use gangway_testkit::{Onboarded, TestApp, on_both_databases};
use serde_json::{Value, json};

const STREAMS: [&str; 2] = ["employees", "absences"];

/// Records by our id, the removed ones too.
async fn held(app: &TestApp, tenant: &Onboarded, stream: &str) -> BTreeMap<String, Value> {
    let all = app.client.list(&tenant.key, &format!("/v1/{stream}")).await;
    all.into_iter().map(|record| (record["id"].as_str().unwrap().to_owned(), record)).collect()
}

async fn turn(app: &TestApp, tenant: &Onboarded, api: &str) {
    let config = json!({"config": {"base_url": app.sandbox.base_url(), "api": api}});
    app.client.patch(&tenant.key, &format!("/v1/connections/{}", tenant.connection), &config).await.expect(200);
}

on_both_databases! {
    async fn people_and_absences_stay_themselves_in_the_other_version_and_back(db: TestDb) {
        let sandbox = Config { absences_per_person: 2, ..Config::new(5, 1).without_rate_limit() };
        let app = TestApp::on(db).sandbox(sandbox).start().await;
        let tenant = app.onboard("Acme").await;
        let mut before = BTreeMap::new();
        for stream in STREAMS {
            app.sync(&tenant, stream, "full").await;
            before.insert(stream, held(&app, &tenant, stream).await);
        }
        for api in ["v2", "v1"] {
            turn(&app, &tenant, api).await;
            for stream in STREAMS {
                let run = app.sync(&tenant, stream, "full").await;
                let counts = &run["counts"];
                assert_eq!(run["state"], "completed", "{run}");
                let n = |what: &str| counts[what].as_u64().unwrap();
                assert_eq!((n("created"), n("deleted"), n("quarantined")), (0, 0, 0), "{api}: {run}");
                let (before, after) = (&before[stream], held(&app, &tenant, stream).await);
                assert!(before.keys().eq(after.keys()), "{api}: {stream}");
                let same: &[&str] = match stream {
                    "employees" => &["last_name", "email", "status", "department", "hire_date", "weekly_hours"],
                    _ => &["employee_id", "status", "starts_on", "ends_on"],
                };
                for (id, record) in &after {
                    for field in same {
                        assert_eq!(before[id][field], record[field], "{api}: {stream} {id}: {field}");
                    }
                    // Version 2 tells no labels, by which the company's own attributes are judged.
                    let own = |record: &Value| -> BTreeMap<String, Value> {
                        let all = record["attributes"].as_object().into_iter().flatten();
                        let own = all.filter(|(key, _)| key.starts_with("dynamic_"));
                        own.map(|(key, value)| (key.clone(), value.clone())).collect()
                    };
                    assert_eq!(own(&before[id]), own(record), "{api}: {stream} {id}");
                    assert!(stream == "absences" || !own(record).is_empty(), "control");
                }
            }
        }
        app.stop().await;
    }
}
