//! A connection that goes over to the other version of the vendor's API: whose records they are does not change.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use gangway_sandbox::{Config, Quirks};
use gangway_testkit::{Onboarded, TestApp, on_both_databases};
use serde_json::{Value, json};

const STREAMS: [&str; 2] = ["employees", "absences"];

/// Records by our id, the removed ones too.
async fn held(app: &TestApp, tenant: &Onboarded, stream: &str) -> BTreeMap<String, Value> {
    let all = app.client.list(&tenant.key, &format!("/v1/{stream}")).await;
    all.into_iter().map(|record| (record["id"].as_str().unwrap().to_owned(), record)).collect()
}

/// Which version a stream's records were read through.
async fn version(app: &TestApp, tenant: &Onboarded, stream: &str) -> String {
    let syncs = app.client.list(&tenant.key, "/v1/syncs").await;
    let sync = syncs.iter().find(|sync| sync["stream"] == stream).unwrap();
    sync["api_version"].as_str().unwrap().to_owned()
}

/// Hours of work and minutes of break by employee and day, of what is present.
async fn worked(app: &TestApp, tenant: &Onboarded) -> BTreeMap<(String, String), (i64, i64)> {
    let mut worked: BTreeMap<(String, String), (i64, i64)> = BTreeMap::new();
    for record in app.client.list(&tenant.key, "/v1/attendances?state=present").await {
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let moment = |name: &str| NaiveTime::parse_from_str(&text(name)[..5], "%H:%M").unwrap();
        let minutes = (moment("ends_at") - moment("starts_at")).num_minutes();
        let breaks = record["break_minutes"].as_i64().unwrap_or_default();
        let day = worked.entry((text("employee_id"), text("date"))).or_default();
        if record["kind"] == "break" {
            *day = (day.0, day.1 + minutes);
        } else {
            // A break lies within the time of version 1, and between two periods of version 2.
            *day = (day.0 + minutes - breaks, day.1 + breaks);
        }
    }
    worked
}

/// Why a run has not ended, for messages.
async fn trouble(app: &TestApp) -> String {
    let rows = app.db.dump().await;
    rows.lines().filter(|row| row.starts_with("job:")).filter(|row| !row.contains("|done|")).collect()
}

/// Events that tell of a record or of an attribute: the type, and what changed.
async fn told(app: &TestApp, tenant: &Onboarded) -> Vec<String> {
    let all = app.client.list(&tenant.key, "/v1/events").await;
    let of_records = all.iter().filter(|event| {
        let kind = event["type"].as_str().unwrap();
        !kind.starts_with("sync.") && !kind.starts_with("connection.")
    });
    let changes = |event: &Value| -> Vec<String> {
        event["data"]["changes"].as_object().into_iter().flatten().map(|(field, _)| field.clone()).collect()
    };
    of_records.map(|event| format!("{} {}", event["type"].as_str().unwrap(), changes(event).join(" "))).collect()
}

fn start() -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

/// Until everybody may log in again.
fn pass_time(app: &TestApp) {
    app.clock.as_ref().unwrap().advance(TimeDelta::minutes(1));
}

async fn turn(app: &TestApp, tenant: &Onboarded, api: &str) {
    pass_time(app);
    let config = json!({"config": {"base_url": app.sandbox.base_url(), "api": api}});
    app.client.patch(&tenant.key, &format!("/v1/connections/{}", tenant.connection), &config).await.expect(200);
}

on_both_databases! {
    async fn people_and_absences_stay_themselves_in_the_other_version_and_back(db: TestDb) {
        let sandbox = Config { absences_per_person: 2, ..Config::new(5, 1).without_rate_limit() };
        let app = TestApp::on(db).sandbox(sandbox).clock_at(start()).unpaced().start().await;
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
            // What the other version does not tell is no lost right, and nobody is missing.
            for stream in STREAMS {
                let run = app.sync(&tenant, stream, "full").await;
                assert_eq!((&run["error"], &run["counts"]["updated"], &run["counts"]["deleted"]), (&Value::Null, &json!(0), &json!(0)), "{api}: {run}");
            }
        }
        let connection = app.client.get(&tenant.key, &format!("/v1/connections/{}", tenant.connection)).await.expect(200);
        assert_eq!(connection["warnings"], json!([]), "{connection}");
        assert_eq!(told(&app, &tenant).await, Vec::<String>::new());
        app.stop().await;
    }

    async fn what_happens_while_a_version_ends_is_told(db: TestDb) {
        let app = TestApp::on(db).sandbox(Config::new(5, 1).without_rate_limit()).clock_at(start()).unpaced().start().await;
        let tenant = app.onboard("Acme").await;
        app.sync(&tenant, "employees", "full").await;
        let handle = app.sandbox.handle();
        let somebody = handle.people()[0]["id"].as_u64().unwrap();
        handle.change_person(somebody, &json!({"last_name": "Nachname"})).unwrap();
        handle.add_person(&json!({"first_name": "New", "last_name": "Here", "email": "new@acme.example"})).unwrap();
        handle.set_quirks(Quirks { v1_gone: true, ..handle.quirks() }).unwrap();
        pass_time(&app);
        for mode in ["incremental", "full"] {
            assert_eq!(app.sync(&tenant, "employees", mode).await["state"], "completed", "{}", trouble(&app).await);
        }
        assert_eq!(version(&app, &tenant, "employees").await, "v2");
        let told = told(&app, &tenant).await;
        let (changed, new): (Vec<&String>, Vec<&String>) = told.iter().partition(|event| event.contains("updated"));
        assert_eq!(changed, ["employee.updated last_name"]);
        assert!(new.len() == 1 && new[0].starts_with("employee.created"), "{new:?}");
        app.stop().await;
    }

    async fn attendances_of_one_version_take_the_place_of_the_other_s(db: TestDb) {
        let app = TestApp::on(db).sandbox(Config::new(5, 1).without_rate_limit()).clock_at(start()).unpaced().start().await;
        let tenant = app.onboard("Acme").await;
        turn(&app, &tenant, "v1").await;
        app.sync(&tenant, "attendances", "full").await;
        let before = worked(&app, &tenant).await;
        assert!(!before.is_empty(), "control");
        for api in ["v2", "v1", "v2"] {
            turn(&app, &tenant, api).await;
            let run = app.sync(&tenant, "attendances", "incremental").await;
            assert_eq!((&run["state"], &run["counts"]["quarantined"]), (&json!("completed"), &json!(0)), "{api}: {run}");
            assert_eq!(worked(&app, &tenant).await, before, "{api}: the same hours, once");
            let run = app.sync(&tenant, "attendances", "full").await;
            assert_eq!((&run["error"], &run["counts"]["updated"], &run["counts"]["deleted"]), (&Value::Null, &json!(0), &json!(0)), "{api}: {run}");
            assert_eq!(version(&app, &tenant, "attendances").await, api);
        }
        assert_eq!(told(&app, &tenant).await, Vec::<String>::new());
        app.stop().await;
    }

    async fn what_has_no_version_in_its_config_keeps_to_the_one_it_began_with(db: TestDb) {
        let app = TestApp::on(db).sandbox(Config::new(5, 1).without_rate_limit()).clock_at(start()).unpaced().start().await;
        let tenant = app.onboard("Acme").await;
        for (stream, version_of_it) in [("employees", "v1"), ("absences", "v1"), ("attendances", "v2")] {
            app.sync(&tenant, stream, "full").await;
            assert_eq!(version(&app, &tenant, stream).await, version_of_it);
        }
        let before = worked(&app, &tenant).await;
        pass_time(&app);
        let quirks = Quirks { v1_gone: true, ..app.sandbox.handle().quirks() };
        app.sandbox.handle().set_quirks(quirks).unwrap();
        for stream in ["employees", "absences", "attendances"] {
            let run = app.sync(&tenant, stream, "incremental").await;
            assert_eq!((&run["state"], &run["counts"]["created"], &run["counts"]["deleted"]), (&json!("completed"), &json!(0), &json!(0)), "{run} {}", trouble(&app).await);
            assert_eq!(version(&app, &tenant, stream).await, "v2");
        }
        assert_eq!(worked(&app, &tenant).await, before);
        assert_eq!(told(&app, &tenant).await, Vec::<String>::new());

        let quirks = Quirks { v1_gone: false, ..app.sandbox.handle().quirks() };
        app.sandbox.handle().set_quirks(quirks).unwrap();
        let scopes = vec!["personio:persons:read".to_owned()];
        app.sandbox.handle().set_scopes(app.sandbox.client_id(), Some(scopes)).unwrap();
        app.sandbox.handle().expire_tokens();
        pass_time(&app);
        let run = app.sync(&tenant, "attendances", "incremental").await;
        assert_eq!(run["error"]["code"], "connection.permission-missing", "a right that was lost is no reason to change: {run}");
        assert_eq!(version(&app, &tenant, "attendances").await, "v2");
        app.stop().await;
    }
}
